import logging

import pytest

from o365lib.cli import logs
from o365lib.secret import MASK, Secret


@pytest.fixture(autouse=True)
def _restored():
    root, ours = logging.getLogger(), logging.getLogger("o365lib")
    handlers, level = list(root.handlers), ours.level
    yield
    root.handlers[:] = handlers
    ours.setLevel(level)


def test_known_secrets_are_masked_in_lines_of_all_libraries_and_in_tracebacks(capsys):
    logs.configure(verbose=0, debug=False)
    Secret("correct-horse-battery")
    logging.getLogger("somebody.else").warning("token %s", "correct-horse-battery")
    try:
        int("correct-horse-battery")
    except ValueError:
        logging.getLogger("o365lib.x").exception("it broke")
    told = capsys.readouterr().err
    assert "correct-horse" not in told
    assert told.count(MASK) >= 2
    assert "Traceback" in told


def test_a_line_can_steer_no_terminal(capsys):
    logs.configure(verbose=0, debug=False)
    logging.getLogger("o365lib.x").warning("file %s", "\x1b]0;owned\x07x")
    assert "file ]0;ownedx\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ({"verbose": 0, "debug": False}, logging.WARNING),
        ({"verbose": 1, "debug": False}, logging.INFO),
        ({"verbose": 2, "debug": False}, logging.DEBUG),
        ({"verbose": 0, "debug": True}, logging.DEBUG),
    ],
)
def test_options_set_how_much_of_our_own_is_told(options, level):
    logs.configure(**options)
    assert logging.getLogger("o365lib.graph").getEffectiveLevel() == level


def test_configuring_again_does_not_tell_twice(capsys):
    logs.configure(verbose=0, debug=False)
    logs.configure(verbose=0, debug=False)
    logging.getLogger("o365lib").warning("once")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith("Z WARNING o365lib: once")


def test_a_line_that_cannot_be_formatted_ends_no_command(capsys):
    handler = logs.EchoHandler()
    handler.setFormatter(logs.MaskingFormatter())
    handler.emit(logging.LogRecord("o365lib", logging.WARNING, "f", 1, "%d", ("text",), None))
    assert "Logging error" in capsys.readouterr().err
