"""Reads the folder of parameters, and reports every problem of every file at once.

- `load` and its kin return parameters that are right, or raise; nothing in between.
- Nothing outside the folder is read, but for the public keys that the files name.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from o365lib.errors import ParametersError, Problem
from o365lib.parameters.client import Client
from o365lib.parameters.defaults import Defaults
from o365lib.parameters.explain import explain
from o365lib.parameters.fields import (
    RESERVED_NAME,
    Surroundings,
    is_client_name,
    why_no_client_name,
)
from o365lib.parameters.yaml_text import Document, read_document, shown
from o365lib.reserved import is_reserved

DEFAULTS_FILE: Final = "defaults.yaml"
CLIENTS_FOLDER: Final = "clients"
_SUFFIX = ".yaml"
# What operating systems leave behind in a folder that was looked at.
_LITTER = {"thumbs.db", "desktop.ini"}
_MOST_NAMES = 10


@dataclass(frozen=True)
class Parameters:
    """All that the runbooks are told.

    Attributes:
        folder: the folder that was read, absolute.
        defaults: what holds for all clients.
        clients: by name, sorted.
    """

    folder: Path
    defaults: Defaults
    clients: Mapping[str, Client]


@dataclass(frozen=True)
class Found:
    """What of the parameters is right, and what is not.

    Attributes:
        defaults: what holds for all clients.
        clients: those whose files are right, by name, sorted.
        problems: of the others, by the name of the file without its ending.
    """

    defaults: Defaults
    clients: Mapping[str, Client]
    problems: Mapping[str, tuple[Problem, ...]]


def load(
    folder: Path, names: Collection[str] | None = None, *, project: Path | None = None
) -> Parameters:
    """Return the parameters of all clients, or of those named.

    Args:
        folder: the folder with `defaults.yaml` and `clients/`.
        names: the clients to read; other clients' files are then left alone, so that a fault in
            one does not hold up the others. None: all, and there must be at least one.
        project: where relative paths start; None for the folder that holds this one.

    Raises:
        ParametersError: something is wrong; it has every problem of every file that was read.
    """
    reading = _Reading(folder.absolute(), project)
    defaults = reading.read_defaults()
    clients = reading.read_clients(reading.all_files() if names is None else reading.named(names))
    if reading.problems or defaults is None:
        raise ParametersError(reading.problems)
    return Parameters(reading.folder, defaults, clients)


def load_what_is_right(folder: Path, *, project: Path | None = None) -> Found:
    """Return the defaults and every client whose file is right, and what is wrong with the others.

    Args:
        folder: the folder with `defaults.yaml` and `clients/`.
        project: as in `load`.

    Raises:
        ParametersError: the defaults are wrong; no client can be judged without them.
    """
    reading = _Reading(folder.absolute(), project)
    defaults = reading.read_defaults()
    if defaults is None:
        raise ParametersError(reading.problems)
    # That there is none is no fault here.
    files = reading.all_files() if any(map(_is_client_file, reading.listing())) else {}
    clients = reading.read_clients(files)
    wrong: defaultdict[str, list[Problem]] = defaultdict(list)
    for problem in reading.problems:
        wrong[Path(problem.file).stem].append(problem)
    return Found(
        defaults=defaults,
        # Two files with one tenant are both wrong as a whole: nobody knows which one is meant.
        clients={name: each for name, each in clients.items() if name not in wrong},
        problems={name: tuple(sorted(each)) for name, each in wrong.items()},
    )


def check_new_client(
    folder: Path, name: str, draft: Path, *, project: Path | None = None
) -> Client:
    """Return the client that a file would make, which is not yet among the others.

    Args:
        folder: the folder with `defaults.yaml` and `clients/`.
        name: the client's, which the file will have.
        draft: the file.
        project: as in `load`.

    Raises:
        ParametersError: it is wrong in itself, or does not go with those that are there.
    """
    there = load_what_is_right(folder, project=project)
    reading = _Reading(folder.absolute(), project)
    reading.read_defaults()
    made = reading.read_clients({name: draft}).get(name)
    if name and (
        not is_client_name(name) or (folder / CLIENTS_FOLDER / f"{name}{_SUFFIX}").exists()
    ):
        why = (
            "has a file already; it was left as it is"
            if is_client_name(name)
            else why_no_client_name(name)
        )
        reading.problems = [each for each in reading.problems if each.field != "client"]
        reading.problems.append(Problem(shown(draft), 1, 1, "client", why))
    for other in there.clients.values():
        if made is not None and other.tenant == made.tenant:
            message = f"is also the tenant of `{other.client}`; each tenant has one client file"
            reading.problems.append(Problem(shown(draft), 1, 1, "tenant", message))
    if reading.problems or made is None:
        raise ParametersError(reading.problems)
    return made


def load_client(folder: Path, name: str, *, project: Path | None = None) -> Client:
    """Return one client; only its file and the defaults are read.

    Args:
        folder: the folder with `defaults.yaml` and `clients/`.
        name: the client.
        project: as in `load`.

    Raises:
        ParametersError: one of the two files is wrong, or there is no such client.
    """
    return load(folder, [name], project=project).clients[name]


def load_defaults(folder: Path, *, project: Path | None = None) -> Defaults:
    """Return what holds for all clients.

    Args:
        folder: the folder with `defaults.yaml`.
        project: as in `load`.

    Raises:
        ParametersError: the file is wrong; it has every problem.
    """
    reading = _Reading(folder.absolute(), project)
    defaults = reading.read_defaults()
    if defaults is None:
        raise ParametersError(reading.problems)
    return defaults


class _Reading:
    """One reading of the folder: collects problems."""

    def __init__(self, folder: Path, project: Path | None) -> None:
        self.folder = folder
        self.project = project or folder.parent
        self.clients_folder = folder / CLIENTS_FOLDER
        self.problems: list[Problem] = []
        self._purposes: Collection[str] | None = None

    def read_defaults(self) -> Defaults | None:
        document = self._read(self.folder / DEFAULTS_FILE)
        if document is None:
            return None
        try:
            around = Surroundings(self.project)
            defaults = Defaults.model_validate(document.data, context=around)
        except ValidationError as error:
            self.problems += explain(error, Defaults, document)
            return None
        if self.problems:
            return None
        self._purposes = tuple(defaults.purposes)
        return defaults

    def read_clients(self, files: Mapping[str, Path]) -> dict[str, Client]:
        clients: dict[str, Client] = {}
        by_tenant: defaultdict[str, list[Problem]] = defaultdict(list)
        for name, file in files.items():
            document = self._read(file)
            if document is None:
                continue
            around = Surroundings(self.project, name, self._purposes)
            try:
                client = Client.model_validate(document.data, context=around)
            except ValidationError as error:
                self.problems += explain(error, Client, document)
                continue
            clients[name] = client
            place = document.values.get(("tenant",), (1, 1))
            by_tenant[client.tenant].append(Problem(document.file, *place, "tenant", name))
        for first, *others in by_tenant.values():
            self.problems += [
                Problem(
                    other.file,
                    other.line,
                    other.column,
                    other.field,
                    f"is also the tenant of `{first.message}` ({first.file}:{first.line}); "
                    "each tenant has one client file",
                )
                for other in others
            ]
        return clients

    def all_files(self) -> dict[str, Path]:
        """The client files, by name; what else is in the folder is a problem."""
        files: dict[str, Path] = {}
        strays = False
        for path in self.listing():
            if _is_client_file(path):
                files[path.stem] = path
                continue
            strays = True
            if path.suffix == _SUFFIX:
                message = f"`{path.stem}` {why_no_client_name(path.stem)}; rename the file"
            else:
                message = f"only `<client>{_SUFFIX}` files belong here; rename it or move it away"
            self.problems.append(Problem(shown(path), 1, 1, "", message))
        if not files and not strays:
            self._complain(f"there is no client file; make one, `<client>{_SUFFIX}`")
        return files

    def named(self, names: Collection[str]) -> dict[str, Path]:
        """The files of these clients; a name without a file is a problem."""
        files: dict[str, Path] = {}
        for name in sorted(set(names)):
            path = self.clients_folder / f"{name}{_SUFFIX}"
            # First the name: a path made of another name could lead out of the folder.
            if is_client_name(name) and path.exists():
                files[name] = path
            else:
                self._complain(f"there is no client {name!r}{self._near(name)}")
        if not names:
            self._complain("no client was named")
        return files

    def _near(self, name: str) -> str:
        if is_reserved(name):
            return f": it {RESERVED_NAME}"
        known = [path.stem for path in self.listing() if _is_client_file(path)]
        near = get_close_matches(name.lower(), known, n=3, cutoff=0.5)
        if near:
            return f"; did you mean {' or '.join(f'`{one}`' for one in near)}?"
        more = ", ..." if len(known) > _MOST_NAMES else ""
        return f"; there are: {', '.join(known[:_MOST_NAMES])}{more}" if known else ""

    def listing(self) -> list[Path]:
        try:
            found = sorted(self.clients_folder.iterdir())
        except OSError:
            return []
        return [
            path
            for path in found
            if not path.name.startswith(".") and path.name.lower() not in _LITTER
        ]

    def _read(self, path: Path) -> Document | None:
        document, problems = read_document(path)
        self.problems += problems
        return document

    def _complain(self, message: str) -> None:
        self.problems.append(Problem(shown(self.clients_folder), 1, 1, "", message))


def _is_client_file(path: Path) -> bool:
    return path.suffix == _SUFFIX and is_client_name(path.stem)
