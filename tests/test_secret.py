import base64
import copy
import html
import json
import pickle
import string
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib import secret
from o365lib.secret import MASK, Secret, generate_password

VALUES = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["C", "Z"]),
    min_size=8,
    max_size=40,
)


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    """Each test begins without known secrets; hypothesis alone makes thousands."""
    monkeypatch.setattr(secret, "_known", set())


class TestSecret:
    @pytest.mark.parametrize(
        "show", [repr, str, "{}".format, "{:>40}".format, "%s".__mod__, lambda s: f"{s!r} {s!s}"]
    )
    def test_it_is_never_shown(self, show):
        shown = show(Secret("hunter22-and-more"))
        assert "hunter22" not in shown
        assert MASK in shown

    def test_not_even_its_length_shows(self):
        assert repr(Secret("short1")) == repr(Secret("a" * 500))

    def test_only_reveal_gives_it(self):
        assert Secret("hunter22").reveal() == "hunter22"

    @pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
    def test_it_does_not_travel(self, way):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            way(Secret("hunter22"))

    def test_json_refuses_it(self):
        with pytest.raises(TypeError):
            json.dumps({"password": Secret("hunter22")})

    def test_it_has_no_attributes_to_look_through(self):
        with pytest.raises(TypeError):
            vars(Secret("hunter22"))

    def test_equal_values_are_equal_and_nothing_else_is(self):
        assert Secret("hunter22") == Secret("hunter22")
        assert Secret("hunter22") != Secret("hunter23")
        assert Secret("hunter22") != "hunter22"
        assert len({Secret("hunter22"), Secret("hunter22")}) == 1


SPELLINGS = {
    "as it is": lambda value: value,
    "JSON": json.dumps,
    "JSON in Unicode": lambda value: json.dumps(value, ensure_ascii=False),
    "a URL's path": quote,
    "a URL's part": lambda value: quote(value, safe=""),
    "a form": quote_plus,
    "HTML": html.escape,
    "Python": repr,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64url": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@given(value=VALUES, before=st.text(max_size=5), after=st.text(max_size=5))
def test_a_known_secret_is_found_and_masked_in_every_spelling(spell, value, before, after):
    Secret(value)
    text = f"{before} {spell(value)} {after}"
    assert secret.find(text) >= 1
    masked = secret.mask(text)
    assert MASK in masked
    assert secret.find(masked) == 0


@given(text=st.text(st.sampled_from("αβγδ "), max_size=50))
def test_innocent_text_stays_as_it_is(text):
    assert secret.mask(text) == text
    assert secret.find(text) == 0


@given(value=VALUES, before=st.text(), after=st.text())
def test_no_json_in_which_a_secret_stands_is_passed_over(value, before, after):
    known = Secret(value)
    texts = [before + way + after for way in secret.spellings(known.reveal())]
    for text in texts:
        assert secret.may_stand_in_json(json.dumps([text], ensure_ascii=False))


def test_json_in_which_no_secret_stands_is_told_apart():
    Secret("Zk7#m-2v_Tx9wQ")
    assert not secret.may_stand_in_json(json.dumps({"status": "done", "text": "Zk7#m"}))


def test_a_value_too_short_to_be_a_secret_is_not_looked_for():
    Secret("abc")
    assert secret.mask("abc alphabet") == "abc alphabet"


def test_two_secrets_in_one_text_are_both_masked_and_counted():
    Secret("first-secret-ω1")
    Secret("second-secret-ω2")
    text = "first-secret-ω1, second-secret-ω2"
    assert secret.find(text) == 2
    assert secret.mask(text) == f"{MASK}, {MASK}"


@pytest.mark.parametrize("inner", ["ψψψ-begin", "end-ψψψ", "middle"])
def test_a_secret_that_contains_another_is_masked_as_a_whole(inner):
    Secret(inner)
    Secret("ψψψ-begin-middle-end-ψψψ")
    assert secret.mask("x ψψψ-begin-middle-end-ψψψ x") == f"x {MASK} x"


def test_blanks_and_slashes_of_a_url_are_seen_through():
    Secret("two words/one ψ")
    for text in (
        "two%20words/one%20%CF%88",
        "two%20words%2Fone%20%CF%88",
        "two+words%2Fone+%CF%88",
    ):
        assert secret.mask(text) == MASK


def test_a_private_key_is_known_by_each_of_its_lines():
    body = ["Zm9v" * 16, "YmFy" * 16, "short="]
    Secret("\n".join(["-----BEGIN PRIVATE KEY-----", *body, "-----END PRIVATE KEY-----", ""]))
    assert secret.find(json.dumps([f"{line}\n" for line in body])) == 2
    assert secret.mask("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


class TestGeneratePassword:
    @given(length=st.integers(12, 256))
    def test_it_has_the_length_and_every_class_of_character(self, length):
        value = generate_password(length=length).reveal()
        assert len(value) == length
        for group in (string.ascii_lowercase, string.ascii_uppercase, string.digits):
            assert set(value) & set(group)
        assert set(value) - set(string.ascii_letters + string.digits)
        assert {value[0], value[-1]} <= set(string.ascii_letters + string.digits)

    def test_it_has_no_character_that_is_misread_or_breaks_mail_html_or_a_shell(self):
        value = "".join(generate_password(length=256).reveal() for _ in range(20))
        assert not set(value) & set("0O1lI\"'\\<>&$`^ {}[]|;:,./()~")

    @given(words=st.lists(st.text("abcdefghpst0@$1 -.", min_size=4, max_size=12), max_size=5))
    def test_it_contains_no_banned_word_not_even_in_disguise(self, words):
        value = generate_password(banned_words=words).reveal().lower()
        plain = value.translate(str.maketrans("01$@", "olsa"))
        for word in words:
            if word.isalpha():
                assert word not in value
                assert word not in plain

    def test_the_parts_of_a_banned_name_are_banned_each(self, monkeypatch):
        candidates = iter(
            ["aB3#practiceXYZ9", "aB3#pr@cticeXYZ9", "aB3#protectXYZ99", "aB3#fineXYZ98"]
        )

        class Fed:
            @staticmethod
            def choice(_):
                return next(characters)

        characters = iter("".join(f"{each:a<16}"[:16] for each in candidates))
        monkeypatch.setattr(secret, "secrets", Fed)
        value = generate_password(banned_words=["Practice-Protect 2"], length=16)
        assert value.reveal().startswith("aB3#fine")

    def test_short_parts_of_names_ban_nothing(self):
        assert generate_password(banned_words=["a b c", "ab1cd", "e"])

    @pytest.mark.parametrize("length", [0, 11, 257])
    def test_a_length_that_is_weak_or_that_entra_refuses_is_refused(self, length):
        with pytest.raises(ValueError, match="12 to 256"):
            generate_password(length=length)

    def test_no_two_are_alike(self):
        assert len({generate_password() for _ in range(50)}) == 50

    def test_it_is_known_to_the_mask_at_once(self):
        value = generate_password()
        assert secret.mask(f"it is {value.reveal()}.") == f"it is {MASK}."
