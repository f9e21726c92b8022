"""The command `o365`: thin, one module a group of commands.

- Results go to standard output, progress and errors to standard error.
- Exit status: 0 all is well, 1 something failed, 2 wrong usage or parameters, 3 a guard refused.
- Heavy libraries are imported inside the command that needs them: `o365 --help` waits for none.
"""

from pathlib import Path

import click

import o365lib
from o365lib.cli import approve, check, demo, due, evidence, key, lab, run, sandbox
from o365lib.cli.options import Options
from o365lib.cli.reporting import ReportingGroup

__all__ = ["main"]


@click.group(
    cls=ReportingGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--parameters",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="O365_PARAMETERS",
    help="Folder with defaults.yaml and clients/. Without it: the project's, upwards from here."
    " What lies beside it moves along: notebooks/ if there are any, evidence/, .sandbox/, .lab/.",
)
@click.option(
    "--evidence",
    metavar="FOLDER|URL",
    envvar="O365_EVIDENCE",
    help="The archive of runs. Without it: the folder evidence/ beside the parameters. By URL: an"
    " Azure container or an S3 bucket, with a working copy in .archive/.",
)
@click.option("-v", "--verbose", count=True, help="Tell each request; twice: tell more.")
@click.option("--debug", is_flag=True, help="Show where in the program an error arose.")
@click.version_option(o365lib.__version__, prog_name="o365")
@click.pass_context
def main(
    context: click.Context,
    *,
    parameters: Path | None,
    evidence: str | None,
    verbose: int,
    debug: bool,
) -> None:
    """Create and remove a vendor's service account in Microsoft 365 tenants, with evidence.

    Exit status: 0 all is well, 1 something failed, 2 wrong usage or parameters, 3 a guard refused.
    """
    context.obj = Options(parameters=parameters, evidence=evidence, verbose=verbose, debug=debug)
    context.obj.configure_logs()


for _command in (
    check.check,
    run.run,
    approve.approve,
    demo.demo,
    due.due,
    lab.lab,
    evidence.evidence,
    key.key,
    sandbox.sandbox,
):
    main.add_command(_command)
