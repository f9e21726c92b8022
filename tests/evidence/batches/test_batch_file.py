from datetime import timedelta

import pytest
from pydantic import ValidationError

from o365lib.errors import EvidenceError
from o365lib.evidence.batches.batch_file import BatchFile, ClientResult
from o365lib.evidence.batches.claims import Claim
from tests.evidence.batches.batches_made import batch_file, drive, inputs, result


@pytest.fixture
def given():
    return inputs("alpine", "bayside", "cedar")


@pytest.fixture
def sound(given):
    return batch_file(
        given, result("alpine", "failed", "done"), result("bayside", "refused"), result("cedar")
    )


def claims_of(batch):
    return {
        each.client: [
            Claim(client=each.client, attempt=attempt.attempt, run_id=attempt.run_id)
            for attempt in each.attempts
        ]
        for each in batch.clients
    }


def faults(batch, **more):
    return batch.adds_up(claims=claims_of(batch), has_record=lambda *_: True, **more)


def with_parts(batch, **parts):
    return batch.model_copy(update=parts)


def test_counts_and_seconds_are_made_of_the_rest(given):
    start = drive().started
    drives = [
        drive(started=start, ended=start + timedelta(seconds=90)),
        drive(started=start, ended=None),
        drive(started=start, ended=start + timedelta(seconds=30)),
    ]
    results = [result("alpine", "done"), result("bayside", "done"), result("cedar")]
    made = BatchFile.of(given, drives=drives, clients=results)
    assert made.counts == {"done": 2, "not started": 1}
    assert made.seconds == 120
    assert (made.runbook, made.runbook_sha256) == (given.runbook.name, given.runbook.sha256)


def test_the_files_content_is_read_back_the_same(sound):
    assert BatchFile.from_bytes(sound.to_bytes()) == sound


@pytest.mark.parametrize("content", [b"", b"[]", b'{"batch_id": "x"}'])
def test_other_content_is_refused(content):
    with pytest.raises(EvidenceError, match=r"no `batch\.json`"):
        BatchFile.from_bytes(content)


def test_a_field_that_nobody_knows_is_refused():
    with pytest.raises(ValidationError):
        ClientResult(client="alpine", outcome="done", notes="x")


def test_what_is_sound_adds_up(sound, given):
    assert faults(sound, inputs=given) == []


def test_what_was_not_asked_for_is_not_compared(sound):
    assert sound.adds_up() == []


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"done": 1, "refused": 1}, "make 2"),
        ({"done": 2, "refused": 1, "not started": 1}, "2 are said to be 'done', and 1 are"),
        ({"done": 1, "failed": 1, "not started": 1}, "0 are said to be 'refused', and 1 are"),
    ],
)
def test_counts_that_are_not_those_of_the_clients_are_told(sound, counts, told):
    assert any(told in each for each in faults(with_parts(sound, counts=counts)))


def test_a_client_that_is_missing_or_there_twice_or_a_strangers_is_told(sound, given):
    again = BatchFile.of(given, drives=sound.drives, clients=[*sound.clients[:2]] * 2)
    told = faults(again, inputs=given)
    assert "alpine is there 2 times." in told
    assert "cedar is in the inputs and not in the result." in told
    other = BatchFile.of(given, drives=[], clients=[*sound.clients, result("delta")])
    assert faults(other, inputs=given) == ["delta is in the result and not in the inputs."]


def test_a_result_of_another_batch_is_told(sound):
    assert "another batch" in faults(sound, inputs=inputs("alpine", "bayside", "cedar"))[0]


def changed(sound, **parts):
    return with_parts(
        sound, clients=(sound.clients[0].model_copy(update=parts), *sound.clients[1:])
    )


def test_a_client_whose_last_attempt_says_something_else_is_told(sound):
    assert any("last attempt" in each for each in faults(changed(sound, run_id="alpine-1")))
    assert any("last attempt" in each for each in faults(changed(sound, outcome="failed")))
    assert any("no attempt" in each for each in faults(changed(sound, attempts=())))


def test_attempts_that_are_not_in_a_row_are_told(sound):
    attempts = sound.clients[0].attempts
    assert any("numbers [2]" in each for each in faults(changed(sound, attempts=attempts[1:])))
    twice = (attempts[1].model_copy(update={"attempt": 1}), attempts[1])
    assert any("Two attempts" in each for each in faults(changed(sound, attempts=twice)))


def test_an_attempt_without_its_claim_or_a_claim_without_its_attempt_is_told(sound):
    claims = claims_of(sound)
    claims["bayside"] = []
    claims["cedar"] = [Claim(client="cedar", attempt=1, run_id="cedar-1")]
    claims["alpine"][0] = Claim(client="alpine", attempt=1, run_id="another")
    claims["alpine"][1] = Claim(client="alpine", attempt=2)  # torn: nobody knows by which run
    assert sound.adds_up(claims=claims) == [
        "Attempt 1 at alpine was claimed for the run another.",
        "Nobody has claimed attempt 1 at bayside.",
        "Attempt 1 at cedar was claimed, and nothing is told of it.",
    ]


def test_a_run_without_a_record_is_told(sound):
    told = sound.adds_up(
        has_record=lambda client, run_id: (client, run_id) != ("alpine", "alpine-1")
    )
    assert told == ["The run alpine-1 of alpine has no record."]


def test_of_very_much_that_does_not_add_up_the_first_is_told_and_the_rest_counted(given):
    many = inputs(*(f"client-{number}" for number in range(30)))
    told = BatchFile.of(many, drives=[], clients=[]).adds_up(inputs=many)
    assert len(told) == 21
    assert told[-1] == "10 more."
