"""Whether a cluster's machines can execute runs, asked before the first client is touched.

- Every worker, and the scheduler, has this version of o365-runbooks and this Python: tasks are sent
  as Python objects.
- Every worker sees the archive: the same folder, which a file that is made for this shows, or the
  same store.

Whether a worker can read the secrets that client files refer to is seen by the runs that need them.
"""

import platform
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import o365lib
from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence.files import make_folder, make_root
from o365lib.evidence.layout import PENDING

_REMEDY = "Put them right and start them again: docs/cluster.md tells how. Nothing was started."


@dataclass
class Preflight:
    """What workers are asked.

    Attributes:
        archive: the archive's folder, which workers share with the driver; None where it is none.
        store_url: the archive's URL; empty where it is a folder.
    """

    archive: Path | None
    store_url: str = ""
    _text: str = field(default_factory=lambda: secrets.token_hex(16))
    _file: Path | None = None

    def begin(self) -> None:
        """Make the file by which workers show that they see the archive's folder.

        Raises:
            EvidenceError: the folder cannot be written to.
        """
        if self.archive is None:
            return
        # Among the notes, which prove nothing: a driver that is killed leaves it there.
        file = self.archive / PENDING / f"cluster-{self._text[:8]}"
        try:
            make_root(self.archive)
            make_folder(file.parent)
            file.write_text(self._text, "utf-8")
        except OSError as error:
            raise EvidenceError(
                f"{self.archive} cannot be written to ({error.strerror}).",
                remedy="Make room or give yourself the right to write there.",
            ) from error
        self._file = file

    def end(self) -> None:
        """Remove that file."""
        if self._file:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    def check_all(self, client: Any, workers: Mapping[str, str]) -> None:
        """Make sure that scheduler and workers are fit.

        Args:
            client: Dask's.
            workers: the names of those that are there, by their addresses.

        Raises:
            UsageError: one is not; each is named. Nothing was started.
        """
        problems = [*self._of_scheduler(client), *self.problems(client, workers).values()]
        if problems:
            raise UsageError("\n".join(problems), remedy=_REMEDY)

    def _of_scheduler(self, client: Any) -> list[str]:
        python = _python()
        told = client.get_versions()
        others = {"The scheduler": told["scheduler"]}
        others |= {f"The worker {name}": each for name, each in told["workers"].items()}
        # Before anything of ours is sent: another Python may not even be able to read it.
        found = []
        for name, each in others.items():
            theirs = ".".join(str(each["host"]["python"]).split(".")[:2]) if each else "unknown"
            if theirs != python:
                found.append(f"{name} runs Python {theirs}, and here it is {python}.")
        if found:
            return found
        try:
            version = client.run_on_scheduler(_version)
        except Exception as error:  # noqa: BLE001 -- whatever its machine raises, an ImportError mostly
            return [f"The scheduler has no o365-runbooks ({_one_line(error)})."]
        return [] if version == o365lib.__version__ else [_other_version("The scheduler", version)]

    def problems(self, client: Any, workers: Mapping[str, str]) -> dict[str, str]:
        """Return what is wrong with workers, a sentence each, by address.

        Args:
            client: Dask's.
            workers: names by address.
        """
        if not workers:
            return {}
        from o365lib.runs.cluster.worker import look

        answers = client.run(
            look,
            probe=str(self._file or ""),
            store_url=self.store_url,
            workers=list(workers),
            on_error="return",
        )
        told = {
            address: self._problem(f"The worker {name}", answers.get(address))
            for address, name in workers.items()
        }
        return {address: sentence for address, sentence in told.items() if sentence}

    def _problem(self, who: str, answer: Any) -> str:
        if not isinstance(answer, dict):
            return f"{who} has no o365-runbooks, or another one ({_one_line(answer)})."
        who = f"{who} on {answer['host_name']}"
        if answer["version"] != o365lib.__version__:
            return _other_version(who, answer["version"])
        if answer["python"] != _python():
            return f"{who} runs Python {answer['python']}, and here it is {_python()}."
        if self._file and answer["probe"] != self._text:
            return (
                f"{who} does not see the archive's folder {self.archive}: it must be there under"
                " the same path."
            )
        if answer["store"]:
            return f"{who} cannot read the archive {self.store_url}: {answer['store']}"
        return ""


def _version() -> str:
    return o365lib.__version__


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _other_version(who: str, version: str) -> str:
    return f"{who} has o365-runbooks {version}, and here it is {o365lib.__version__}."


def _one_line(error: object) -> str:
    text = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else "no answer"
    return text.splitlines()[0][:200]
