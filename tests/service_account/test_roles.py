"""Roles come from the defaults, never from the code."""

from o365lib.service_account.roles import role_of, roles_in_use
from tests.service_account.example import DEFAULTS, EXCHANGE, GLOBAL, SHAREPOINT, make_client


def test_mail_redirection_takes_exchange_administrator():
    assert role_of(make_client(), DEFAULTS) == (EXCHANGE, "Exchange Administrator")


def test_federation_takes_global_administrator():
    client = make_client(purpose="federation")
    assert role_of(client, DEFAULTS) == (GLOBAL, "Global Administrator")


def test_a_purpose_takes_the_role_that_the_defaults_name():
    purpose = DEFAULTS.purposes["mail-redirection"].model_copy(
        update={"role": "Global Administrator"}
    )
    defaults = DEFAULTS.model_copy(
        update={"purposes": {**DEFAULTS.purposes, "mail-redirection": purpose}}
    )
    assert role_of(make_client(), defaults) == (GLOBAL, "Global Administrator")


def test_roles_in_use_are_those_of_all_purposes_and_no_other():
    roles = {**DEFAULTS.roles, "SharePoint Administrator": SHAREPOINT}
    assert roles_in_use(DEFAULTS.model_copy(update={"roles": roles})) == {EXCHANGE, GLOBAL}


def test_the_least_role_of_a_purpose_counts_as_in_use():
    wide = DEFAULTS.purposes["mail-redirection"].model_copy(update={"role": "Global Administrator"})
    defaults = DEFAULTS.model_copy(update={"purposes": {"mail-redirection": wide}})
    assert roles_in_use(defaults) == {EXCHANGE, GLOBAL}
