import pytest

from o365lib import clock, secret
from o365lib.errors import Refused
from o365lib.identity_check import check_identity
from o365lib.sign_in import SignedIn


def signed_in_as(**changes):
    settings = {
        "tenant_id": "11111111-2222-3333-4444-555555555555",
        "authority_tenant_id": "11111111-2222-3333-4444-555555555555",
        "kind": "user",
        "object_id": "o",
        "user_principal_name": "jo@contoso.example",
        "application_id": "a",
        "permissions": frozenset(),
        "directory_roles": frozenset(),
        "expires": clock.now(),
        "claims_known": True,
        "acquire": lambda _: secret.Secret("token"),
    }
    return SignedIn(**{**settings, **changes})


@pytest.mark.parametrize(
    ("tenant", "who"),
    [
        ("11111111-2222-3333-4444-555555555555", None),
        ("contoso.example", None),
        ("CONTOSO.example", "JO@contoso.example"),
    ],
)
def test_the_right_identity_in_the_right_tenant_passes(tenant, who):
    check_identity(signed_in_as(), tenant=tenant, user_principal_name=who)


@pytest.mark.parametrize(
    ("changes", "tenant"),
    [
        ({}, "99999999-2222-3333-4444-555555555555"),
        ({"authority_tenant_id": "99999999-2222-3333-4444-555555555555"}, "contoso.example"),
        ({"authority_tenant_id": "", "tenant_id": ""}, "contoso.example"),
        ({"tenant_id": ""}, "11111111-2222-3333-4444-555555555555"),
    ],
)
def test_another_tenant_is_refused(changes, tenant):
    with pytest.raises(Refused) as caught:
        check_identity(signed_in_as(**changes), tenant=tenant)
    assert caught.value.code == "wrong-tenant"
    assert tenant in caught.value.message


@pytest.mark.parametrize("name", ["", "somebody@contoso.example", "jo@contoso.example.evil"])
def test_another_person_is_refused(name):
    with pytest.raises(Refused) as caught:
        check_identity(
            signed_in_as(user_principal_name=name),
            tenant="contoso.example",
            user_principal_name="jo@contoso.example",
        )
    assert caught.value.code == "wrong-identity"
