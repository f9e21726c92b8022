"""The options that all commands share, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from o365lib.places import Places


@dataclass(frozen=True, kw_only=True)
class Options:
    """What stands before the command's name.

    Attributes:
        parameters: the folder of parameters, if named.
        evidence: the archive, if named.
        verbose: how often `-v` was given.
        debug: whether errors show where they arose.
    """

    parameters: Path | None = None
    evidence: Path | None = None
    verbose: int = 0
    debug: bool = False

    def places(self) -> Places:
        """Return where the project's parts are.

        Raises:
            UsageError: no parameters were named and none are found.
        """
        from o365lib.places import Places

        return Places.find(parameters=self.parameters, evidence=self.evidence)

    def archive_root(self) -> Path:
        """Return the archive's folder; needs no project where it is named.

        Raises:
            UsageError: it was not named, and there is no project here.
        """
        return self.evidence.absolute() if self.evidence else self.places().evidence

    def configure_logs(self) -> None:
        """Let log lines go to standard error, known secrets masked."""
        from o365lib.cli.logs import configure

        configure(verbose=self.verbose, debug=self.debug)
