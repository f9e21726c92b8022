"""Where a runbook finds its parameters, its archive and the sandbox.

The command that starts a run says so in the kernel's environment; an engineer in JupyterLab
needs to say nothing, because the project is found from the folder that the notebook lies in.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from o365lib import parameters
from o365lib.errors import UsageError

PARAMETERS_VARIABLE = "O365_PARAMETERS"
EVIDENCE_VARIABLE = "O365_EVIDENCE"
SANDBOX_VARIABLE = "O365_SANDBOX"
DRIVER_VARIABLE = "O365_DRIVER"


@dataclass(frozen=True)
class Settings:
    """The folders of one run.

    Attributes:
        parameters: holds `defaults.yaml` and `clients/`.
        evidence: the archive's root.
        sandbox_file: what a running sandbox wrote; it need not exist.
        driven: whether a command of ours executes the notebook and archives it.
    """

    parameters: Path
    evidence: Path
    sandbox_file: Path
    driven: bool

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Return the settings that the environment gives, and the project's own for the rest.

        Raises:
            UsageError: no `parameters` folder was named and none is found upwards from here.
        """
        named = environment.get(PARAMETERS_VARIABLE)
        folder = Path(named) if named else parameters.find_folder(Path.cwd())
        project = folder.parent
        return cls(
            parameters=folder,
            evidence=Path(environment.get(EVIDENCE_VARIABLE) or project / "evidence"),
            sandbox_file=Path(
                environment.get(SANDBOX_VARIABLE) or project / ".sandbox" / "sandbox.json"
            ),
            driven=bool(environment.get(DRIVER_VARIABLE)),
        )

    def notebook(self, name: str) -> Path:
        """Return the committed notebook of a runbook: the project's, else the installed one.

        Raises:
            UsageError: there is no runbook of this name.
        """
        installed = Path(str(resources.files("o365lib"))) / "_notebooks"
        for folder in (self.parameters.parent / "notebooks", installed):
            if (file := folder / f"{name}.ipynb").is_file():
                return file
        raise UsageError(
            f"There is no runbook named {name!r}.",
            remedy="Runbooks are the notebooks in the folder `notebooks`.",
        )
