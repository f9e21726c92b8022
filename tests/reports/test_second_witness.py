import json
import shutil

import pytest

from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import RECONCILIATIONS
from o365lib.evidence.reconciliations import write_reconciliation
from o365lib.reports import second_witness
from o365lib.reports.html import render
from o365lib.reports.parts import Page, Section
from o365lib.reports.second_witness import newest
from tests.evidence.sealed_archive import open_batch
from tests.reports.examples import HOSTILE, NAME, NOW, Seen

CLIENT = "alpine-books"
FIRST = "20261123T130000000Z-reconcile-aaaaaa"
SECOND = "20261124T130000000Z-reconcile-aaaaaa"

CLEAN = {
    "user_principal_name": NAME,
    "from": "2026-11-16T12:00:00.000Z",
    "to": "2026-11-23T12:00:00.000Z",
    "matched": [{"run_id": "1"}, {"run_id": "1"}],
    "without_record": [],
    "without_change": [{"alarming": False, "action": "hand-over"}],
    "noted": [],
    "passwords": [],
}
ENTRY = {
    "date_time": "2026-11-20T12:00:00.000Z",
    "activity": "Add member to role",
    "detail": HOSTILE,
    "by": "mallory@example.com",
}
MISSING = {"alarming": True, "run_id": "run-7", "action": "delete-user", "started": NOW.isoformat()}


@pytest.fixture
def kept(tmp_path):
    """Keep a comparison in the archive, and return what a report reads of the newest."""

    def keep(reconciliation_id=FIRST, **predicate):
        batch = open_batch(tmp_path)
        write_reconciliation(
            batch, CLIENT, reconciliation_id, predicate={**CLEAN, **predicate}, seals=()
        )
        batch.close()
        return read(tmp_path)

    return keep


def read(folder, client=CLIENT):
    key = KeyStore(folder / "keys").public_key()
    return newest(folder / "evidence" / client, {key.key_id: key})


def text(witness) -> str:
    section = Section("s", second_witness.parts(witness))
    return Seen(render(Page(title="t", sections=[section]))).text


def test_where_both_tell_the_same_that_is_said_with_the_span(kept):
    shown = text(kept())
    assert "from 16 November 2026, 12:00:00 UTC to 23 November 2026, 12:00:00 UTC" in shown
    assert "2 changes stand in both. ✓ Nothing was found of which only one" in shown
    assert "✗" not in shown


def test_what_only_one_of_the_two_tells_is_told(kept):
    shown = text(kept(without_record=[ENTRY], without_change=[MISSING]))
    assert f"no record: 20 November 2026, 12:00:00 UTC: Add member to role {HOSTILE}" in shown
    assert "(by mallory@example.com)" in shown
    assert "✗ In a record, and not in the log: 23 November 2026, 12:00:00 UTC: delete-user" in shown
    assert "✓ Nothing" not in shown


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            {"used": True, "became": "used"},
            f"✓ The temporary password of {NAME} was used: the account itself",
        ),
        (
            {"used": False, "became": "replaced", "replaced_by": "eve@example.com"},
            f"✗ The temporary password of {NAME} was replaced by eve@example.com, outside",
        ),
        ({"used": None, "became": "changed"}, f"password of {NAME} was changed since; by whom is"),
        ({"used": True}, f"password of {NAME} was changed since; by whom is"),  # made earlier
        ({"used": None}, f"Whether the temporary password of {NAME} was used could not be told."),
        ({"used": False, "days_unused": 1}, "had not been used yet, 1 day after"),
        ({"used": False, "days_unused": 9, "over_limit": True}, "✗ The temporary password of"),
        ({"used": False, "days_unused": 9, "over_limit": True}, "9 days after it was handed over"),
        ({"used": False, "days_unused": None}, "had not been used yet."),
    ],
)
def test_what_became_of_the_temporary_password_is_told(kept, told, said):
    assert said in text(kept(passwords=[{"account_id": "1", "over_limit": False, **told}]))


def test_the_newest_comparison_counts(kept):
    kept(SECOND, without_record=[ENTRY])
    assert kept(FIRST).strange


def test_more_than_can_be_read_are_counted(kept):
    shown = text(kept(without_record=[ENTRY] * 25))
    assert shown.count("In the log, and in no record") == 20
    assert "✗ and 5 more" in shown


def test_one_that_nobody_trusted_has_signed_is_not_told(kept, tmp_path):
    kept(without_record=[ENTRY])
    stranger = KeyStore(tmp_path / "others").signer().key
    witness = newest(tmp_path / "evidence" / CLIENT, {stranger.key_id: stranger})
    assert (witness.is_signed, witness.strange) == (False, ())
    assert "not signed by a key that is trusted here" in text(witness)


@pytest.mark.parametrize("content", ["{", "", json.dumps({"payload": 7})])
def test_one_that_cannot_be_read_is_not_told(kept, tmp_path, content):
    kept()
    path = tmp_path / "evidence" / CLIENT / RECONCILIATIONS / f"{SECOND}.json"
    path.write_text(content)
    assert not read(tmp_path).is_signed


def test_one_of_another_client_that_was_copied_here_is_not_told(kept, tmp_path):
    kept()
    other = tmp_path / "evidence" / "bayside-legal"
    shutil.copytree(tmp_path / "evidence" / CLIENT, other)
    assert not read(tmp_path, "bayside-legal").is_signed


def test_where_there_is_none_that_is_said(tmp_path):
    assert newest(tmp_path, {}) is None
    (tmp_path / RECONCILIATIONS).mkdir()
    (tmp_path / RECONCILIATIONS / "notes.txt").write_text("")
    assert newest(tmp_path, {}) is None
    assert "have not been compared" in text(None)


def test_odd_parts_break_nothing(kept):
    witness = kept(
        without_record=7,
        without_change=[None, {"alarming": True}],
        passwords=[{}, []],
        matched="x",
        **{"from": 7},
    )
    assert (witness.begin, witness.matched, len(witness.unwitnessed)) == (None, 0, 1)
    assert text(witness)
