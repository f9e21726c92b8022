"""The options that all commands share, and what follows from them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from o365lib.places import Places


@dataclass(frozen=True, kw_only=True)
class Options:
    """What stands before the command's name.

    Attributes:
        parameters: the folder of parameters, if named.
        evidence: the archive, if named: a folder, or a store's URL.
        verbose: how often `-v` was given.
        debug: whether errors show where they arose.
    """

    parameters: Path | None = None
    evidence: str | None = None
    verbose: int = 0
    debug: bool = False

    def places(self) -> Places:
        """Return where the project's parts are.

        Raises:
            UsageError: no parameters were named and none are found.
        """
        from o365lib.places import Places

        folder = Path(self.evidence) if self.evidence and not self.archive_url else None
        places = Places.find(
            parameters=self.parameters, evidence=folder, environment=self._environment()
        )
        return places.with_working_copy_of(self.archive_url) if self.archive_url else places

    @property
    def archive_url(self) -> str:
        """The URL of the store that was named as the archive; empty for a folder."""
        from o365lib.evidence.stores.opening import is_url

        return self.evidence if self.evidence and is_url(self.evidence) else ""

    def archive_root(self) -> Path:
        """Return the archive's folder; needs no project where a folder is named.

        Raises:
            UsageError: no folder was named, and there is no project here.
        """
        if self.evidence and not self.archive_url:
            return Path(self.evidence).absolute()
        return self.places().evidence

    def _environment(self) -> Mapping[str, str]:
        # The option has its variable's value already, and a URL is no folder.
        return {name: value for name, value in os.environ.items() if name != "O365_EVIDENCE"}

    def configure_logs(self) -> None:
        """Let log lines go to standard error, known secrets masked."""
        from o365lib.cli.logs import configure

        configure(verbose=self.verbose, debug=self.debug)
