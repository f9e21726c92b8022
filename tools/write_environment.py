"""Write `environment.yml` from `pyproject.toml`, or with `--check` tell whether it is in step.

conda hands the pip section to pip as a requirements file in the folder of `environment.yml`, so
paths in it start there. The libraries that people look for are named with their ranges; all others
come with the project itself.
"""  # noqa: INP001 -- a script, no package

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "environment.yml"

# The minor version with which constraints.txt was tested; within requires-python.
PYTHON = ">=3.11,<3.12"
NAMED = ("jupyterlab", "papermill", "msal", "requests", "pandas", "ipywidgets")

_TEMPLATE = """\
# Made from pyproject.toml by `python tools/write_environment.py`; a test holds it in step.
#   conda env create
#   conda activate {name}
name: {name}
channels:
  - conda-forge
dependencies:
  - python {python}
  - pip >=25
  - pip:
{requirements}
"""


def environment() -> str:
    """Return what `environment.yml` should hold."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    known = {
        re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0]: requirement
        for requirement in [*project["dependencies"], *extras["lab"]]
    }
    requirements = [
        "-c constraints.txt",
        *(known[name] for name in NAMED),
        f"-e .[{','.join(extras)}]",
    ]
    return _TEMPLATE.format(
        name=project["name"],
        python=PYTHON,
        requirements="\n".join(f'      - "{requirement}"' for requirement in requirements),
    )


def main(arguments: list[str]) -> int:
    """Write the file, or compare it; return the exit status."""
    wanted = environment()
    if "--check" not in arguments:
        FILE.write_text(wanted, "utf-8", newline="\n")
        return 0
    if FILE.is_file() and FILE.read_text("utf-8") == wanted:
        return 0
    sys.stderr.write("environment.yml is out of step: run `python tools/write_environment.py`.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
