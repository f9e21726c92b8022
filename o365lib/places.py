"""Where a project's parts are, and what a kernel is told of it.

A project is a folder that holds `parameters/defaults.yaml`; evidence, notebooks and the sandbox lie
beside. Options and `O365_...` variables name other parameters, or another archive or sandbox than
that beside them. Where there are no notebooks beside the parameters, the package's own are taken.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from o365lib.errors import UsageError

# Not those of `o365lib.parameters`: finding an archive need not wait for what reads parameters.
_PARAMETERS, _DEFAULTS = "parameters", "defaults.yaml"
_NOTEBOOKS, _INSTALLED = "notebooks", "_notebooks"
_ALL = "*.ipynb"

# Executed by a command when a batch has ended, and for no client.
SUMMARY_NOTEBOOK = "summarize_batch.ipynb"

# Set in a kernel whose notebook a command of ours executes.
DRIVER_VARIABLE = "O365_DRIVER"
CLIENT_VARIABLE = "O365_CLIENT"
# The path under which `o365 lab` serves its own pages, in the kernels that it starts.
DESK_VARIABLE = "O365_DESK"
# Set there where the embedded tenants stand behind it.
SANDBOX_VARIABLE = "O365_DESK_SANDBOX"
# Where relative paths start in a kernel whose parameters are a batch's copy.
PROJECT_VARIABLE = "O365_PROJECT"

# Of no use in a kernel, or harmful: another notebook's name, and code that would run before ours.
_LEFT_OUT = ("JPY_SESSION_NAME", "PYTHONSTARTUP")


@dataclass(frozen=True, kw_only=True)
class Places:
    """A project's folders and files; all absolute.

    Attributes:
        parameters: holds `defaults.yaml` and `clients/`.
        evidence: the archive's root; it need not exist.
        sandbox_file: what a running sandbox writes; it need not exist.
        notebooks: the project's runbooks, or those that come with the package.
        keys: the person's own signing key, outside of any project: whoever may write to an archive
            need not be able to sign for her.
        copied_from: the project of which `parameters` holds a copy, as a batch makes one; None
            where they are a project's own.
    """

    parameters: Path
    evidence: Path
    sandbox_file: Path
    notebooks: Path
    keys: Path
    copied_from: Path | None = None

    @classmethod
    def find(
        cls,
        *,
        parameters: Path | None = None,
        evidence: Path | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> "Places":
        """Return the places that options and environment name, the project's own for the rest.

        Raises:
            UsageError: no parameters were named, and none are found upwards from here.
        """
        named = parameters or _path(environment, "O365_PARAMETERS")
        folder = named.absolute() if named else _found_upwards(Path.cwd())
        project = folder.parent
        folders = notebook_folders(project)
        archive = evidence or _path(environment, "O365_EVIDENCE") or project / "evidence"
        sandbox = _path(environment, "O365_SANDBOX") or project / ".sandbox" / "sandbox.json"
        return cls(
            parameters=folder,
            evidence=archive.absolute(),
            sandbox_file=sandbox.absolute(),
            notebooks=next((each for each in folders if any(each.glob(_ALL))), folders[0]),
            keys=keys_folder(environment),
            copied_from=_path(environment, PROJECT_VARIABLE),
        )

    @property
    def project(self) -> Path:
        """The folder that holds the parameters; relative paths in them start there."""
        return self.copied_from or self.parameters.parent

    @property
    def sandbox_folder(self) -> Path:
        """Where a sandbox of this project keeps its files."""
        return self.project / ".sandbox"

    def runbook(self, word: str) -> Path:
        """Return the notebook with this name, or whose name begins with this word.

        Raises:
            UsageError: there is none, or more than one.
        """
        known = sorted(self.notebooks.glob(_ALL))
        if not known:
            looked = " or ".join(str(each) for each in notebook_folders(self.project))
            raise UsageError(
                f"There is no runbook named {word!r}, nor any other.",
                remedy=f"Put the notebooks into {looked}.",
            )
        fitting = [file for file in known if word in (file.stem, file.stem.split("_")[0])]
        if len(fitting) == 1:
            return fitting[0]
        names = ", ".join(file.stem for file in (fitting or known))
        raise UsageError(
            f"There {'is no runbook' if not fitting else 'are several runbooks'} named {word!r}.",
            remedy=f"Those in {self.notebooks}: {names}.",
        )

    def summary_notebook(self) -> Path:
        """Return the notebook that sums up a batch: the project's own, else the package's.

        Raises:
            UsageError: there is none.
        """
        folders = [self.notebooks, *notebook_folders(self.project)]
        found = [folder / SUMMARY_NOTEBOOK for folder in folders]
        for each in found:
            if each.is_file():
                return each
        raise UsageError(
            f"There is no notebook {SUMMARY_NOTEBOOK}, which sums up a batch.",
            remedy=f"Put it into {self.notebooks}; it comes with o365-runbooks.",
        )

    def client_names(self) -> set[str]:
        """Return the clients that have a file, right or wrong."""
        return {file.stem for file in (self.parameters / "clients").glob("*.yaml")}

    def with_own_sandbox(self) -> "Places":
        """Return the same places with the sandbox in the project, whatever the environment says."""
        return replace(self, sandbox_file=self.sandbox_folder / "sandbox.json")

    def with_working_copy_of(self, url: str) -> "Places":
        """Return the same places with the archive where a store's working copy is kept.

        Each URL has a folder of its own in `.archive`, named after it.
        """
        word = re.sub(r"[^a-z0-9]+", "-", url.lower()).strip("-")[:40]
        digest = hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:8]
        return replace(self, evidence=self.project / ".archive" / f"{word}-{digest}")

    def kernel_environment(
        self, environment: Mapping[str, str] = os.environ, *, driven: bool
    ) -> dict[str, str]:
        """Return the environment of a kernel: the operator's own, and where things are.

        Args:
            environment: what the operator set. Client secrets may be in it: runbooks read them
                there, so it is handed on as it is and written nowhere.
            driven: whether a command of ours executes the notebook, instead of a person.
        """
        told = {
            "O365_PARAMETERS": str(self.parameters),
            "O365_EVIDENCE": str(self.evidence),
            "O365_SANDBOX": str(self.sandbox_file),
            "O365_KEYS": str(self.keys),
            # debugpy would print a warning about frozen modules into every run.
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        if driven:
            told[DRIVER_VARIABLE] = "1"
        if self.copied_from:
            told[PROJECT_VARIABLE] = str(self.copied_from)
        left_out = {*_LEFT_OUT, PROJECT_VARIABLE}
        kept = {name: value for name, value in environment.items() if name not in left_out}
        return {**kept, **told}


def keys_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the person's own signing key; it need not exist."""
    from platformdirs import user_config_path

    named = _path(environment, "O365_KEYS")
    return (named or user_config_path("o365-runbooks", appauthor=False) / "keys").absolute()


def notebook_folders(project: Path | None) -> list[Path]:
    """Return where runbooks are sought; the first of these that holds a notebook is taken.

    Beside the parameters, in the installed package, and, where the package is a checkout's, in that
    checkout.

    Args:
        project: the folder that holds the parameters; None outside of any.
    """
    package = Path(str(resources.files("o365lib")))
    own = [project / _NOTEBOOKS] if project else []
    return [*own, package / _INSTALLED, package.parent / _NOTEBOOKS]


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    value = environment.get(name)
    return Path(value) if value else None


def _found_upwards(start: Path) -> Path:
    """Return the nearest folder of parameters, in `start` or above it, that has a defaults file."""
    start = start.absolute()
    for above in (start, *start.parents):
        if (above / _PARAMETERS / _DEFAULTS).is_file():
            return above / _PARAMETERS
    raise UsageError(
        f"There is no folder `{_PARAMETERS}` with a `{_DEFAULTS}` in {start} or above it.",
        remedy="Change to the folder of the runbooks, or name the folder of parameters.",
    )
