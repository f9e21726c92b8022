from o365lib.desk.client_form import FIELDS, form, keys_of_the_model
from o365lib.parameters import load_defaults

EXCEPTIONS = {"federation_override.reason", "records_override.reason", "records_override.run_ids"}


def test_the_form_asks_for_every_key_of_a_client_file_but_the_exceptions():
    assert {each.name for each in FIELDS} == keys_of_the_model() - EXCEPTIONS


def test_every_field_says_what_is_allowed_in_the_models_own_words(places):
    fields = {each["name"]: each for each in form(load_defaults(places.parameters))}
    assert all(each["hint"] for name, each in fields.items() if not name.endswith(".method"))
    assert "tenant's id" in fields["tenant"]["hint"]
    assert fields["purpose"]["choices"] == ["mail-redirection", "federation"]
    assert fields["cloud"]["choices"][0] == "global"


def test_a_field_is_asked_for_where_another_has_a_value_that_it_can_have():
    choices = {each.name: set(each.choices) for each in FIELDS}
    for each in FIELDS:
        for name, values in (each.when or {}).items():
            assert set(values) <= choices[name]
