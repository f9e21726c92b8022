import pytest

from o365lib.desk.clients import problems_of, read_client, read_clients, read_form
from o365lib.errors import ParametersError
from tests.reports.examples import creation, sealed


def by_name(places):
    return {each["client"]: each for each in read_clients(places)}


def test_each_client_has_its_purpose_its_last_run_and_its_account(places):
    sealed(places.project, creation())
    found = by_name(places)
    assert set(found) == places.client_names()
    alpine = found["alpine-books"]
    assert alpine["purpose"] == "mail-redirection"
    assert alpine["last_run"]["outcome"] == "done"
    assert alpine["last_run"]["runbook"] == "create_service_account"
    assert alpine["account"]["since"].startswith("2026-11-")
    assert alpine["due"]["state"] in {"later", "soon", "overdue"}
    assert found["cedar-dental"]["last_run"] is None
    assert found["cedar-dental"]["account"] is None


def test_a_file_that_is_wrong_is_there_with_what_is_wrong(places):
    (places.parameters / "clients" / "alpine-books.yaml").write_text("client: alpine-books\nx: 1\n")
    alpine = by_name(places)["alpine-books"]
    assert any("x: is not a known key" in each for each in alpine["problems"])
    assert "purpose" not in alpine
    assert by_name(places)["cedar-dental"]["problems"] == []
    with pytest.raises(ParametersError):
        read_client(places, "alpine-books")


def test_without_any_client_there_is_none(places):
    for file in (places.parameters / "clients").iterdir():
        file.unlink()
    assert read_clients(places) == []


def test_defaults_that_are_wrong_are_told(places):
    (places.parameters / "defaults.yaml").write_text("x: 1")
    with pytest.raises(ParametersError) as caught:
        read_clients(places)
    assert all(each["text"] for each in problems_of(caught.value))
    with pytest.raises(ParametersError):
        read_form(places)
