import importlib
import pickle
import pkgutil
import re

import pytest

import o365lib
from o365lib import errors
from o365lib.errors import ParametersError, Problem, RunbookError

SAMPLES = {
    errors.ParametersError: lambda: ParametersError([Problem("a.yaml", 1, 2, "b", "is wrong")]),
    errors.Refused: lambda: errors.Refused("some-guard", "It is not safe.", remedy="Wait."),
    errors.NoAnswer: lambda: errors.NoAnswer("timeout", "Nobody answered.", was_sent=True),
    errors.AnswerLost: lambda: errors.AnswerLost("It was lost.", request="POST /users"),
    errors.SignInError: lambda: errors.SignInError(
        "No.", remedy="Ask.", error="invalid_grant", code=50126, correlation_id="c"
    ),
}


def family(root):
    return [root, *(each for child in root.__subclasses__() for each in family(child))]


def sample(kind):
    if kind in SAMPLES:
        return SAMPLES[kind]()
    if issubclass(kind, errors.GraphError):
        return kind(
            "Insufficient privileges.",
            status=403,
            code="Authorization_RequestDenied",
            detail_codes=["X"],
            detail_targets=["y"],
            request_id="r-1",
            request="GET /users",
            state="Nothing was changed.",
            remedy="Ask for the permission.",
        )
    return kind("It happened.", state="Nothing was changed.", remedy="Try again.")


KINDS = [kind for kind in family(RunbookError) if kind.__module__ == "o365lib.errors"]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def test_the_tree_in_the_docstring_is_the_tree_of_classes():
    drawn = []
    above = {}
    for line in errors.__doc__.splitlines():
        if match := re.match(r"    ([│ ├└─]*)([A-Z]\w+) {2,}\S", line):
            depth = len(match[1]) // 4
            above[depth] = match[2]
            drawn.append((match[2], above.get(depth - 1)))
    real = [(kind.__name__, kind.__base__.__name__) for kind in KINDS[1:]]
    assert sorted(drawn) == sorted([("RunbookError", None), *real])


def test_every_public_error_of_the_package_descends_from_the_root():
    found = 0
    for module in pkgutil.walk_packages(o365lib.__path__, "o365lib."):
        if module.name.startswith("o365lib.sandbox") or module.name.endswith("__main__"):
            continue  # an island: its errors are Graph's, and never ours
        for value in vars(importlib.import_module(module.name)).values():
            is_ours = isinstance(value, type) and value.__module__ == module.name
            if is_ours and issubclass(value, Exception) and not value.__name__.startswith("_"):
                assert issubclass(value, RunbookError), value
                found += 1
    assert found >= len(KINDS)


@each_kind
def test_each_survives_the_way_between_processes_with_all_its_parts(kind):
    error = sample(kind)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes
    assert type(again) is kind
    assert again.__dict__ == error.__dict__
    assert str(again) == str(error)
    assert again.args == error.args


@each_kind
def test_each_shows_itself_as_a_box_of_sentences(kind):
    lines = sample(kind)._render_traceback_()
    assert lines[1] == kind.title
    assert "What happened:" in lines
    assert all("\n" not in line for line in lines)
    assert not any("Traceback" in line for line in lines)


@each_kind
def test_each_says_what_happened_and_what_to_do(kind):
    error = sample(kind)
    assert error.message in str(error)
    assert error.remedy in str(error)
    assert error.kind in {"failed", "refused", "unverified"}


def test_ipython_shows_the_box_in_place_of_the_frames():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shown = []
    shell._showtraceback = lambda kind, value, lines: shown.extend(lines)
    shell.run_cell("from o365lib.errors import Refused; raise Refused('g', 'Not safe.')")
    assert "  Not safe." in shown
    assert not any("run_cell" in line or "Traceback" in line for line in shown)


def test_an_error_without_state_has_no_line_for_it():
    assert [label for label, _ in RunbookError("It happened.").sentences()] == ["What happened"]


def test_graphs_error_has_what_microsofts_support_asks_for():
    labels = dict(sample(errors.Forbidden).sentences())
    assert labels["For support"] == (
        "GET /users was answered 403 Authorization_RequestDenied\nrequest-id r-1"
    )


def test_a_refusal_leads_with_the_guards_name_and_says_that_nothing_was_changed():
    sentences = SAMPLES[errors.Refused]().sentences()
    assert sentences[0] == ("Guard", "some-guard")
    assert ("In the tenant", "Nothing was changed.") in sentences


def test_a_lost_answer_says_that_the_change_may_have_happened():
    assert "may have taken effect or not" in str(SAMPLES[errors.AnswerLost]())


class TestParametersError:
    def test_problems_are_sorted_by_place(self):
        problems = [
            Problem("b.yaml", 1, 1, "", "second file"),
            Problem("a.yaml", 10, 1, "", "later"),
            Problem("a.yaml", 9, 1, "x.y", "earlier"),
        ]
        error = ParametersError(problems)
        assert error.message.splitlines() == [
            "a.yaml:9:1: x.y: earlier",
            "a.yaml:10:1: later",
            "b.yaml:1:1: second file",
        ]

    def test_the_remedy_counts(self):
        one = Problem("a", 1, 1, "", "x")
        assert ParametersError([one]).remedy.startswith("Correct it;")
        assert ParametersError([one, one]).remedy.startswith("Correct these 2;")

    def test_it_prints_a_line_for_each_problem_and_one_for_the_remedy(self):
        lines = str(ParametersError([Problem("a", 1, 1, "", "x")] * 2)).splitlines()
        assert len(lines) == 3


def test_the_box_wraps_long_sentences_and_breaks_no_address():
    address = "https://login.microsoftonline.com/" + "x" * 120
    lines = RunbookError("many words " * 30 + address)._render_traceback_()
    assert any(address in line for line in lines)
    assert all(len(line) <= 78 for line in lines if address not in line)
