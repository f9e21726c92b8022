from o365lib.sandbox.secrets_seen import SecretsSeen


def test_passwords_are_found_at_any_depth_of_a_body():
    seen = SecretsSeen()
    seen.add_passwords_in({"a": [{"passwordProfile": {"password": "deep-one", "force": True}}]})
    assert seen.all() == {"deep-one"}


def test_nothing_and_very_short_texts_are_left_out():
    seen = SecretsSeen()
    seen.add(None, "", "abc", "long enough")
    assert seen.all() == {"long enough"}


def test_a_bearer_token_is_remembered_and_other_schemes_are_not():
    seen = SecretsSeen()
    seen.add_bearer("Bearer some-token")
    seen.add_bearer("Basic other-token")
    seen.add_bearer(None)
    assert seen.all() == {"some-token"}


def test_the_set_that_is_handed_out_is_a_copy():
    seen = SecretsSeen()
    seen.all().add("something")
    assert seen.all() == set()
