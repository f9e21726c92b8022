import logging

import pytest

from o365lib import masked_log
from o365lib.secret import MASK, Secret


@pytest.fixture
def unconfigured():
    """A logger as a library has it where nobody has configured logging."""
    before = logging.lastResort.formatter
    logger = logging.Logger("somebody.else")  # noqa: LOG001 -- without parents: pytest has configured the root
    yield logger
    logging.lastResort.setFormatter(before)


def test_a_librarys_warning_is_masked_where_nobody_configured_logging(unconfigured, capsys):
    masked_log.mask_unconfigured_logs()
    Secret("correct-horse-battery")
    try:
        int("correct-horse-battery")
    except ValueError:
        unconfigured.exception("not readable: %s", "<pre>secret=correct-horse-battery</pre>")
    told = capsys.readouterr().err
    assert "correct-horse" not in told
    assert told.startswith(f"not readable: <pre>secret={MASK}</pre>\nTraceback")


def test_where_there_is_no_last_resort_none_is_made(monkeypatch):
    monkeypatch.setattr(logging, "lastResort", None)
    masked_log.mask_unconfigured_logs()
    assert logging.lastResort is None


def test_times_are_utc():
    record = logging.LogRecord("x", logging.INFO, "f", 1, "text", (), None)
    record.created, record.msecs = 0.0, 0.0
    line = masked_log.MaskingFormatter("%(asctime)s %(message)s").format(record)
    assert line == "1970-01-01T00:00:00.000Z text"
