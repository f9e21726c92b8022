"""Facts: what was read, unchangeable, and complete in the record."""

import pytest
from pydantic import ValidationError

from o365lib.service_account.facts import Facts
from tests.service_account.example import (
    EXCHANGE,
    make_account,
    make_application,
    make_facts,
    make_person,
)


def test_facts_cannot_be_changed_after_they_were_read():
    facts = make_facts()
    with pytest.raises(ValidationError):
        facts.other_global_administrators = 5


def test_facts_go_into_a_record_and_come_back_the_same():
    facts = make_facts(make_account(EXCHANGE), federation="vendor", pending_credentials="run-1")
    assert Facts.model_validate_json(facts.model_dump_json()) == facts


def test_an_unknown_fact_is_an_error_that_shows_no_value():
    with pytest.raises(ValidationError) as caught:
        make_facts(passwrd="Tr0ub4dor&3xyz")
    assert "Tr0ub4dor" not in str(caught.value)


def test_a_person_is_called_by_name_and_an_application_by_its_id():
    assert make_person().name == "admin@contoso.onmicrosoft.com"
    assert make_application().name == "application 0a1b2c3d-0000-4000-8000-1234567890ab"
