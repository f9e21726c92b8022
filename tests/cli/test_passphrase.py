import os
import subprocess
import sys
from pathlib import Path

import pytest

from o365lib.cli.passphrase import asker
from o365lib.errors import EvidenceError
from o365lib.evidence.key_store import KeyStore
from o365lib.secret import Secret

pty = pytest.importorskip("pty")

ROOT = Path(__file__).parent.parent.parent
WORDS = "correct horse battery"


@pytest.fixture
def at_a_terminal(tmp_path):
    """Run `o365` at a terminal where somebody types; return exit status and what is shown."""

    def run(*arguments, typed):
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "o365lib", *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=tmp_path,
            start_new_session=True,
            env={
                **{name: value for name, value in os.environ.items() if "O365" not in name},
                "O365_KEYS": str(tmp_path / "keys"),
                "PYTHONPATH": str(ROOT),
                "COLUMNS": "200",
            },
        )
        os.close(terminal)
        shown = b""
        waiting = list(typed)
        while True:
            try:
                shown += os.read(controller, 4096)
            except OSError:  # Linux says so at the end
                break
            if waiting and shown.count(waiting[0][0]) >= waiting[0][1]:
                os.write(controller, waiting.pop(0)[2] + b"\n")
        os.close(controller)
        return process.wait(), shown.decode()

    return run


NEW, AGAIN, OLD = b"Passphrase of the new key", b"epeat", b"Passphrase of your signing key"


def test_a_person_is_asked_twice_for_a_new_passphrase_and_once_for_it_later(
    at_a_terminal, tmp_path
):
    words = WORDS.encode()
    status, shown = at_a_terminal(
        "key", "new", "--passphrase", typed=[(NEW, 1, words), (AGAIN, 1, words)]
    )
    assert status == 0, shown
    assert WORDS not in shown
    store = KeyStore(tmp_path / "keys")
    assert store.signer(lambda: Secret(WORDS))
    status, shown = at_a_terminal("key", "new", "--no-passphrase", typed=[(OLD, 1, words)])
    assert status == 0, shown
    assert "vouches for this one" in shown
    assert WORDS not in shown


def test_where_nobody_sits_nobody_is_asked(capsys):
    assert asker(None) is None


def test_a_file_is_read_when_the_passphrase_is_wanted_and_not_before(tmp_path):
    ask = asker(tmp_path / "passphrase")
    assert ask is not None
    with pytest.raises(EvidenceError, match="cannot be opened"):
        ask()
    (tmp_path / "passphrase").write_text(WORDS)
    (tmp_path / "passphrase").chmod(0o600)
    assert ask() == Secret(WORDS)
