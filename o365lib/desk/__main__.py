"""`python -m o365lib.desk`: JupyterLab, started as quickly as it can be.

What Jupyter's events need to judge one kind of address builds 35 parsers when it is imported, which
takes two seconds; it is optional, and addresses of that kind do not occur here.
"""

import sys


def main() -> None:
    """Start JupyterLab with the arguments of the command line."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # as if not installed
    from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]  # it has no types

    LabApp.launch_instance()


if __name__ == "__main__":
    main()
