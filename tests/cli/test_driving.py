from o365lib.cli import driving
from o365lib.cli.driving import Manner
from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch
from o365lib.places import Places
from o365lib.runs import batch
from o365lib.runs.stop import Stop
from tests.tiny_runbooks import CLOSE, OPEN


def driven(project, put, clients, *, stopped=False, capsys=None):
    put("create_service_account", OPEN, CLOSE)
    places = Places.find(parameters=project / "parameters", environment={})
    evidence = OpenBatch.begin(Archive(places.evidence), KeyStore(places.keys))
    begun = batch.begin(
        places.runbook("create"), clients, places=places, evidence=evidence, parameters={}
    )
    stop = Stop()
    if stopped:
        stop.press()
    manner = Manner(progress="lines")
    done = driving.drive(begun, evidence=evidence, manner=manner, stop=stop)
    summary_run = driving.summarized(begun, done, evidence=evidence, stop=stop)
    evidence.close()
    return done, summary_run


def test_a_batch_of_several_is_shown_and_summed_up_when_it_is_over(project, put, capsys):
    done, summary_run = driven(project, put, ["alpine-books", "bayside-legal"])
    assert [each.outcome for each in done.results] == ["done", "done"]
    assert "alpine-books: done: As planned. (" in capsys.readouterr().err
    assert summary_run.client == "o365-batches"
    assert summary_run.seal_file is not None


def test_one_client_or_a_batch_that_was_stopped_has_no_summary(project, put):
    assert driven(project, put, ["alpine-books"])[1] is None
    done, summary_run = driven(project, put, ["alpine-books", "bayside-legal"], stopped=True)
    assert done.left == 2
    assert summary_run is None
