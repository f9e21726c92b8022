"""Where commands that sign get the passphrase of the person's key.

From the file that `--passphrase-file` or `O365_PASSPHRASE_FILE` names; else from the person, if a
terminal is there. Never from an argument or a variable, which others can see.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from o365lib.secret import Secret

passphrase_file_option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="O365_PASSPHRASE_FILE",
    help="Holds the passphrase of your signing key; a file that only you can read.",
)


def asker(file: Path | None) -> Callable[[], Secret] | None:
    """Return what gives the passphrase of the key in use.

    None where no file is named and nobody sits at a terminal: a key without passphrase signs all
    the same, and one with it says what is missing.

    Args:
        file: holds the passphrase.
    """
    if file is not None:
        from o365lib.evidence.key_store import passphrase_in

        return passphrase_in(file)
    if not is_anybody_there():
        return None
    return lambda: _asked("Passphrase of your signing key", confirm=False)


def asked_for_new() -> Secret:
    """Ask for the passphrase of a key that is to be made, twice."""
    from o365lib.evidence.key_wrapping import SHORTEST_PASSPHRASE

    prompt = f"Passphrase of the new key, {SHORTEST_PASSPHRASE} characters or more"
    return _asked(prompt, confirm=True)


def is_anybody_there() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _asked(prompt: str, *, confirm: bool) -> Secret:
    from o365lib.secret import Secret

    # Standard output is for results.
    return Secret(click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True))
