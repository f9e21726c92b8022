"""`o365 check`: are the parameter files right? Nothing else is done."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from o365lib.errors import ParametersError

if TYPE_CHECKING:
    from o365lib.cli.options import Options


@click.command()
@click.argument("clients", nargs=-1, metavar="[CLIENT]...")
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def check(context: click.Context, *, clients: tuple[str, ...], as_json: bool) -> None:
    """Check the parameter files of all clients, or of those named.

    Every problem is shown, as file:line:column: what is wrong, what is allowed.
    """
    from o365lib import parameters
    from o365lib.cli.output import show_json

    options: Options = context.obj
    folder = options.places().parameters
    try:
        found = parameters.load(folder, clients or None)
    except ParametersError as error:
        if as_json:
            problems = [asdict(problem) for problem in error.problems]
            show_json({"folder": str(folder), "clients": [], "problems": problems})
        raise
    if as_json:
        show_json({"folder": str(folder), "clients": list(found.clients), "problems": []})
    else:
        number = len(found.clients)
        files = "1 client file is" if number == 1 else f"{number} client files are"
        click.echo(f"{files} right, and so is defaults.yaml, in {folder}.")
