import click
import pytest
from click.testing import CliRunner

from o365lib.cli.reporting import ReportingGroup
from o365lib.errors import (
    EvidenceError,
    ParametersError,
    Problem,
    Refused,
    RunbookError,
    StepOutOfOrder,
    UsageError,
)
from o365lib.secret import MASK, Secret


def run(error: Exception, *arguments: str):
    @click.group(cls=ReportingGroup)
    @click.option("--debug", is_flag=True)
    def group(debug):
        pass

    @group.command()
    def fail():
        raise error

    return CliRunner().invoke(group, [*arguments, "fail"])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RunbookError("x"), 1),
        (EvidenceError("x"), 1),
        (UsageError("x"), 2),
        (StepOutOfOrder("x"), 2),
        (ParametersError([Problem("f", 1, 2, "a", "b")]), 2),
        (Refused("guard", "x"), 3),
        (ValueError("x"), 1),
    ],
)
def test_each_kind_of_error_has_its_exit_status(error, status):
    assert run(error).exit_code == status


def test_an_error_can_steer_no_terminal():
    assert run(EvidenceError("file \x1b]0;owned\x07x")).stderr == "o365: file ]0;ownedx\n"


def test_an_error_is_told_in_its_sentences_on_one_line():
    error = RunbookError("It broke.", state="Nothing was changed.", remedy="Try again.")
    result = run(error)
    assert result.stderr == "o365: It broke. Nothing was changed. Try again.\n"
    assert result.stdout == ""


def test_every_problem_of_parameters_is_told_on_its_own_line():
    problems = [Problem("b.yaml", 1, 2, "role", "is no role"), Problem("a.yaml", 3, 4, "", "empty")]
    assert run(ParametersError(problems)).stderr.splitlines() == [
        "a.yaml:3:4: empty",
        "b.yaml:1:2: role: is no role",
        "o365: Correct these 2; `o365 check` shows what is left.",
    ]


def test_frames_are_shown_for_debugging_only_and_masked():
    Secret("correct-horse-battery")
    error = ValueError("correct-horse-battery")
    result = run(error)
    assert result.stderr.startswith(f"o365: ValueError: {MASK}. This is a defect")
    assert "Traceback" not in result.stderr
    result = run(error, "--debug")
    assert "Traceback" in result.stderr
    assert "correct-horse" not in result.stderr


def test_clicks_own_errors_are_left_to_click():
    assert run(click.UsageError("no such thing")).exit_code == 2
    assert run(click.Abort()).exit_code == 1
    assert "defect" not in run(click.BadParameter("x")).stderr


def test_what_the_operating_system_refuses_is_no_defect_of_the_program():
    result = run(OSError(28, "No space left on device"))
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert "defect" not in result.stderr
