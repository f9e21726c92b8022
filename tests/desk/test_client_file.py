import os
import stat
import threading

import pytest

from o365lib.desk.client_file import make_client
from o365lib.errors import ParametersError, UsageError
from o365lib.parameters import load_client

FILLED_IN = {
    "client": "contoso",
    "display_name": 'Contoso: "Accounting" # & <b>',
    "tenant": "contoso.onmicrosoft.com",
    "cloud": "global",
    "purpose": "mail-redirection",
    "onboarding": "in-progress",
    "remove_by": "2027-01-31",
    "sign_in.method": "device-code",
    "hand_over.method": "mail",
    "hand_over.recipient": "onboarding@practiceprotect.com",
}


def file_of(places, name="contoso"):
    return places.parameters / "clients" / f"{name}.yaml"


def fields_of(caught):
    return {each.field for each in caught.value.problems}


def test_what_was_filled_in_is_a_client_file_like_any_other(places):
    made = make_client(places, FILLED_IN)
    assert made == load_client(places.parameters, "contoso")
    assert made.display_name == FILLED_IN["display_name"]
    assert f"{made.remove_by}" == "2027-01-31"
    text = file_of(places).read_text("utf-8")
    assert text.startswith("# Made at the desk by ")
    if os.name != "nt":
        assert stat.S_IMODE(file_of(places).stat().st_mode) == 0o600


def test_what_is_wrong_is_told_in_the_words_of_client_files_and_nothing_is_written(places):
    before = places.client_names()
    with pytest.raises(ParametersError) as caught:
        make_client(places, FILLED_IN | {"tenant": "nonsense", "remove_by": "tomorrow"})
    assert fields_of(caught) == {"tenant", "remove_by"}
    assert places.client_names() == before


@pytest.mark.parametrize("name", ["../x", "Contoso", "con", "", "o365-batches", "a" * 64, "-a"])
def test_a_name_that_no_client_can_have_is_refused(places, name):
    before = places.client_names()
    with pytest.raises(ParametersError) as caught:
        make_client(places, FILLED_IN | {"client": name})
    assert "client" in fields_of(caught)
    assert places.client_names() == before


def test_a_file_that_is_there_is_left_as_it_was(places):
    before = file_of(places, "alpine-books").read_bytes()
    with pytest.raises(ParametersError, match="has a file already"):
        make_client(places, FILLED_IN | {"client": "alpine-books"})
    assert file_of(places, "alpine-books").read_bytes() == before


def test_a_tenant_that_another_client_has_is_told(places):
    with pytest.raises(ParametersError, match="is also the tenant of `alpine-books`"):
        make_client(places, FILLED_IN | {"tenant": "AlpineBooks.onmicrosoft.com"})


def test_of_two_who_make_the_same_client_at_once_one_is_told(places):
    told, begin = [], threading.Barrier(2)

    def make(display_name):
        begin.wait()
        try:
            make_client(places, FILLED_IN | {"display_name": display_name})
        except ParametersError as error:
            told.append(str(error))

    both = [threading.Thread(target=make, args=(name,)) for name in ("One", "Two")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len(told) == 1
    assert load_client(places.parameters, "contoso").display_name in {"One", "Two"}


def test_the_first_client_of_a_project_can_be_made(places):
    for file in (places.parameters / "clients").iterdir():
        file.unlink()
    assert make_client(places, FILLED_IN).client == "contoso"


def test_a_broken_file_of_another_client_holds_nothing_up(places):
    file_of(places, "alpine-books").write_text("client: [")
    assert make_client(places, FILLED_IN).client == "contoso"


def test_parts_that_belong_together_stand_together(places):
    sign_in = {
        "sign_in.method": "client-secret",
        "sign_in.application_id": "0a1b2c3d-0000-4000-8000-1234567890ab",
        "sign_in.secret.keyring.service": "o365",
        "sign_in.secret.keyring.user_name": "contoso",
        "hand_over.sender": "admin@contoso.com",
        "dry_run_only": True,
    }
    made = make_client(places, FILLED_IN | sign_in)
    assert made.sign_in.secret.keyring.user_name == "contoso"
    assert made.dry_run_only


@pytest.mark.parametrize("more", [{"password": "x"}, {"tenant": ["x"]}, {"tenant": "x" * 3000}])
def test_what_is_no_form_of_ours_is_refused(places, more):
    with pytest.raises(UsageError):
        make_client(places, FILLED_IN | more)
