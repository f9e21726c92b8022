from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError, create_model

from o365lib.parameters import fields

GUID = "0a1b2c3d-0000-4000-8000-1234567890ab"


def value_of(kind, given, **around):
    context = fields.Surroundings(**around) if around else None
    return TypeAdapter(kind).validate_python(given, context=context)


def refusal(kind, given):
    with pytest.raises(ValidationError) as caught:
        value_of(kind, given)
    (error,) = caught.value.errors()
    return error["msg"]


@pytest.mark.parametrize("name", ["a", "7", "alpine-books", "a--b", "a" * 63, "console", "com10"])
def test_a_clients_name_may_be_any_short_lower_case_word(name):
    assert value_of(fields.ClientName, name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-a",
        "A",
        "a_b",
        "a.b",
        "../a",
        "a/b",
        "a\\b",
        "a b",
        "a\n",
        "é",
        "a" * 64,
        "con",
        "nul",
        "aux",
        "prn",
        "com1",
        "lpt9",
    ],
)
def test_a_clients_name_that_could_not_be_a_folder_everywhere_is_refused(name):
    assert "is not a client's name" in refusal(fields.ClientName, name)


def test_a_name_that_is_ours_is_refused_with_the_reason():
    assert "summaries of batches" in refusal(fields.ClientName, "o365-batches")
    assert fields.why_no_client_name("con") == fields.NOT_A_CLIENT_NAME


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("Contoso.OnMicrosoft.com", "contoso.onmicrosoft.com"),
        ("contoso.partner.onmschina.cn", "contoso.partner.onmschina.cn"),
        ("xn--mller-kva.example", "xn--mller-kva.example"),
        (GUID.upper(), GUID),
    ],
)
def test_a_tenant_is_a_guid_or_a_domain_and_comes_out_in_lower_case(given, normal):
    assert value_of(fields.Tenant, given) == normal


@pytest.mark.parametrize(
    "tenant",
    [
        "",
        "contoso",
        "common",
        "organizations",
        "-a.com",
        "a-.com",
        "a..com",
        ".com",
        "a.com.",
        "a b.com",
        "müller.example",
        "https://a.com",
        "a.com/x",
        "a@b.com",
        f"{{{GUID}}}",
        GUID[:-1],
        GUID + "0",
        GUID.replace("-", ""),
        "a.com\n",
        ".".join(["a" * 60] * 5),
    ],
)
def test_what_is_neither_guid_nor_domain_is_no_tenant(tenant):
    assert "neither a tenant id (a GUID) nor a domain" in refusal(fields.Tenant, tenant)


def test_an_application_id_is_a_guid_and_not_the_empty_one():
    assert value_of(fields.Guid, GUID.upper()) == GUID
    assert "is not a GUID" in refusal(fields.Guid, "contoso.com")
    assert "is not a GUID" in refusal(fields.Guid, "00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize("address", ["Anna.O'Neil+x@Contoso.com", "a@b.c"])
def test_an_address_comes_out_in_lower_case(address):
    assert value_of(fields.Address, address) == address.lower()


def test_an_address_without_at_is_told_so():
    assert "it has no @" in refusal(fields.Address, "anna.contoso.com")


@pytest.mark.parametrize(
    "address",
    [
        "@contoso.com",
        "anna@",
        "anna@contoso",
        "anna smith@contoso.com",
        ".a@b.com",
        "a.@b.com",
        "a..b@c.com",
        "a@b@c.com",
        "a@b.com\nBcc: x@y.com",
        "<a@b.com>",
        "a@[1.2.3.4]",
    ],
)
def test_what_mail_could_not_reach_is_no_address(address):
    assert "is not an e-mail address such as" in refusal(fields.Address, address)


def test_text_is_one_line_of_reasonable_length():
    assert value_of(fields.Text, "Fernhill & Söhne <Motors>") == "Fernhill & Söhne <Motors>"
    assert "is empty" in refusal(fields.Text, "  ")
    assert "control character" in refusal(fields.Text, "a\nb")
    assert "control character" in refusal(fields.Text, "a\u202eb")
    assert "longer than 256" in refusal(fields.Text, "a" * 257)


def test_optional_text_may_be_empty_but_not_blank():
    assert value_of(fields.OptionalText, "") == ""
    assert "is empty" in refusal(fields.OptionalText, " ")


@pytest.mark.parametrize("name", ["", "a@b", "a b", ".a", "a.", "a" * 65, "é"])
def test_a_user_name_that_entra_would_refuse_is_refused(name):
    assert "is not a user name" in refusal(fields.UserName, name)


def test_an_environment_name_is_in_capitals_so_that_a_secret_seldom_passes_for_one():
    assert value_of(fields.EnvironmentName, "ALPINE_SECRET_2") == "ALPINE_SECRET_2"
    for wrong in ("alpine", "2X", "A-B", "", "A" * 129):
        assert "is not the name of an environment variable" in refusal(
            fields.EnvironmentName, wrong
        )


def test_a_country_is_two_capital_letters():
    assert value_of(fields.Country, "NO") == "NO"
    for wrong in ("no", "AUS", "", "A1"):
        assert "two capital letters" in refusal(fields.Country, wrong)


def test_a_relative_path_starts_at_the_project(tmp_path):
    assert value_of(fields.ProjectPath, "keys/a.pem", project=tmp_path) == tmp_path / "keys/a.pem"
    assert value_of(fields.ProjectPath, str(tmp_path), project=Path("/x")) == tmp_path
    assert value_of(fields.ProjectPath, "keys/a.pem") == Path("keys/a.pem")


def test_a_tilde_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert value_of(fields.ProjectPath, "~/a.pem", project=Path("/x")) == tmp_path / "a.pem"
    assert "begins with ~" in refusal(fields.ProjectPath, "~nobody-of-this-name/a")


@pytest.mark.parametrize("path", ["-----BEGIN PRIVATE KEY-----", "a\nb", "x" * 1025])
def test_the_content_of_a_key_is_no_path(path):
    assert "never what is in it" in refusal(fields.ProjectPath, path)


def test_an_empty_path_is_refused():
    assert "is empty" in refusal(fields.ProjectPath, "")


@pytest.mark.parametrize(
    "kind",
    [
        fields.ClientName,
        fields.Text,
        fields.Guid,
        fields.Domain,
        fields.Tenant,
        fields.Address,
        fields.UserName,
        fields.EnvironmentName,
        fields.Country,
        fields.ProjectPath,
    ],
)
@given(value=st.text(min_size=8, max_size=300).map(lambda text: f"zq7{text}"))
def test_no_refusal_repeats_the_value(kind, value):
    model = create_model("Some", __base__=fields.Strict, field=kind)
    said = ""
    try:
        model(field=value)
    except ValidationError as error:
        said = str(error)
    assert "zq7" not in said


def test_models_cannot_be_changed_and_know_their_keys():
    class Some(fields.Strict):
        a: int

    some = Some(a=1)
    with pytest.raises(ValidationError, match="frozen"):
        some.a = 2
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Some(a=1, b=2)
    with pytest.raises(ValidationError) as caught:
        Some(a="hunter22")
    assert "hunter22" not in str(caught.value)
