"""What a batch began with: runbook, defaults and client files, as texts.

- Nothing that is edited in the project meanwhile gets into the batch, whether it is driven today or
  taken up again tomorrow.
- Texts come out as they went in, byte for byte, byte order marks and line ends included.
- There is no secret in them: client files name where secrets are.
"""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from o365lib import clock
from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence.archive import new_run_id
from o365lib.evidence.batches.working_copy import DEFAULTS_FILE, client_file
from o365lib.evidence.envelope import read_json
from o365lib.evidence.layout import is_client, is_run_id
from o365lib.evidence.record import Operator

SCHEMA_VERSION: Final = 1


def _batch_id(name: str) -> str:
    if not is_run_id(name):
        raise ValueError("no id of a batch")
    return name


def _clients(texts: dict[str, str]) -> dict[str, str]:
    if not all(is_client(name) for name in texts):
        raise ValueError("a name that is no client's")
    return texts


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Runbook(_Part):
    """The runbook of a batch.

    Attributes:
        name: the notebook's name, without `.ipynb`.
        sha256: of the notebook's bytes.
        notebook: its text.
    """

    name: str = Field(min_length=1, max_length=200)
    sha256: str
    notebook: str

    @classmethod
    def of(cls, name: str, notebook: str) -> Self:
        """Return a runbook by its name and text."""
        return cls(name=name, sha256=_sha256(notebook), notebook=notebook)


class Who(_Part):
    """Who began a batch, and on which machine."""

    user_name: str
    host_name: str

    @classmethod
    def here(cls) -> Self:
        """Return who runs this process."""
        here = Operator.here()
        return cls(user_name=here.user_name, host_name=here.host_name)


class Inputs(_Part):
    """What a batch began with; made by `Inputs.read` or `Inputs.of`.

    Attributes:
        schema_version: of this form.
        batch_id: sorts by time, like a run's id.
        begun: when.
        operator: who began it.
        runbook: what is executed.
        parameters: of the runbook, the same for all clients.
        timeout_seconds: how long one run may take; None for no limit.
        defaults: the text of `defaults.yaml`.
        clients: the texts of the client files, by client, in the order in which they begin.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    batch_id: Annotated[str, AfterValidator(_batch_id)]
    begun: datetime
    operator: Who
    runbook: Runbook
    parameters: dict[str, JsonValue]
    timeout_seconds: float | None = None
    defaults: str
    clients: Annotated[dict[str, str], AfterValidator(_clients)]

    @classmethod
    def of(
        cls,
        *,
        runbook: Runbook,
        defaults: str,
        clients: Mapping[str, str],
        parameters: Mapping[str, JsonValue] | None = None,
        timeout_seconds: float | None = None,
    ) -> Self:
        """Return the inputs of a new batch, with a new id, begun now by who runs this process.

        Args:
            runbook: what is executed; see `Runbook.of`.
            defaults: the text of `defaults.yaml`.
            clients: the texts of the client files, in the order in which they are to begin.
            parameters: of the runbook, the same for all clients.
            timeout_seconds: how long one run may take.
        """
        return cls(
            batch_id=new_run_id("batch"),
            begun=clock.now(),
            operator=Who.here(),
            runbook=runbook,
            parameters=dict(parameters or {}),
            timeout_seconds=timeout_seconds,
            defaults=defaults,
            clients=dict(clients),
        )

    @classmethod
    def read(
        cls,
        *,
        parameters_folder: Path,
        clients: Collection[str],
        notebook: Path,
        parameters: Mapping[str, JsonValue] | None = None,
        timeout_seconds: float | None = None,
    ) -> Self:
        """Read a project's files and return the inputs of a new batch of them.

        Args:
            parameters_folder: holds `defaults.yaml` and `clients/`, which were found to be right.
            clients: which of them, in the order in which they are to begin.
            notebook: the runbook's file.
            parameters: of the runbook, the same for all clients.
            timeout_seconds: how long one run may take.

        Raises:
            UsageError: a file cannot be read, or is no text in UTF-8. Nothing was begun.
        """
        return cls.of(
            runbook=Runbook.of(notebook.stem, _text(notebook)),
            defaults=_text(parameters_folder / DEFAULTS_FILE),
            clients={each: _text(client_file(parameters_folder, each)) for each in clients},
            parameters=parameters,
            timeout_seconds=timeout_seconds,
        )

    def to_bytes(self) -> bytes:
        """Return the file's content, which `from_bytes` reads."""
        return self.model_dump_json(indent=1).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Return the inputs in a file's content.

        Raises:
            EvidenceError: these are none, or a later version wrote them.
        """
        try:
            parts = read_json(content)
            if isinstance(parts, dict) and _is_newer(parts.get("schema_version")):
                raise EvidenceError(
                    "The inputs of a batch were written by a later version of o365-runbooks.",
                    remedy="Use that version here too.",
                )
            found = cls.model_validate(parts)
        except (ValidationError, ValueError, RecursionError) as error:
            raise EvidenceError(
                f"These are no inputs of a batch ({type(error).__name__}).",
                remedy="Compare the file with a copy from a backup.",
            ) from error
        if found.runbook.sha256 != _sha256(found.runbook.notebook):
            raise EvidenceError(
                "The inputs of a batch hold another runbook than they say.",
                remedy="Compare the file with a copy from a backup.",
            )
        return found


def changed_since(inputs: Inputs, parameters_folder: Path) -> list[str]:
    """Return which files are not as they were when a batch began, as paths in the folder.

    `defaults.yaml` and the batch's client files are looked at; one that cannot be read has changed.
    """
    wanted = {parameters_folder / DEFAULTS_FILE: inputs.defaults}
    for client, text in inputs.clients.items():
        wanted[client_file(parameters_folder, client)] = text
    return [
        path.relative_to(parameters_folder).as_posix()
        for path, text in wanted.items()
        if not _is_still(path, text)
    ]


def _is_still(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def _is_newer(version: object) -> bool:
    return type(version) is int and version > SCHEMA_VERSION


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise UsageError(
            f"{path} cannot be read ({why}).",
            state="Nothing was begun.",
            remedy="Put the file right; `o365 check` tells about all of them.",
        ) from error
