from o365lib.evidence.statement import SEAL, Statement
from o365lib.evidence.verification.findings import Findings
from o365lib.evidence.verification.finished import Finished


def told(count: int, **fields) -> list[str]:
    finished, findings = Finished(), Findings()
    for number in range(count):
        predicate = {"client": "alpine-books", "run_id": f"r-{number}", **fields}
        finished.count(Statement((), SEAL, predicate))
    finished.tell(findings)
    return findings.notes


def test_runs_that_a_later_command_sealed_are_counted_and_the_first_are_named():
    by = {"user_name": "kim", "host_name": "desk"}
    [note] = told(7, finished=by)
    assert note.startswith("7 runs were sealed by a later command")
    assert note.endswith(
        "alpine-books/r-0, alpine-books/r-1, alpine-books/r-2, alpine-books/r-3,"
        " alpine-books/r-4 and 2 more."
    )
    assert told(1, finished=by)[0].startswith("1 run was sealed")


def test_seals_that_do_not_say_so_are_not_counted():
    assert told(3) == told(3, finished=None) == told(3, finished="kim") == []
