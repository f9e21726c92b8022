from o365lib.places import DESK_VARIABLE
from o365lib.runbook.closing import seal_in_words, summary


def closed(open_run):
    opened = open_run("create", "alpine-books")
    opened.to()
    return opened.run


def shown(run):
    return summary(run.record, run.folder, run.sealed, key_id=run._sealing_key_id)


def test_a_closed_run_shows_its_seal_and_what_goes_into_the_ticket(open_run):
    run = closed(open_run)
    made = shown(run)
    assert made.kind == "done"
    link = run.sealed.seal.link
    assert link.sha256 in made.seal
    assert made.seal.startswith("Sealed as number 1 of alpine-books, with the key SHA256:")
    assert made.seal in made.plain
    assert run.record.run_id in made.markdown.replace("\\", "")


def test_where_there_is_a_desk_record_and_report_are_linked(open_run, monkeypatch):
    run = closed(open_run)
    assert [each.address for each in shown(run).links] == ["", ""]
    monkeypatch.setenv(DESK_VARIABLE, "/base/")
    base = f"/base/o365/runs/alpine-books/{run.folder.run_id}/"
    assert [each.address for each in shown(run).links] == [base, f"{base}record.json"]


def test_what_is_not_sealed_yet_is_not_called_so():
    assert "Not sealed yet" in seal_in_words(None, key_id="")
