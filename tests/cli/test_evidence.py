"""`o365 evidence` names its commands."""

from click.testing import CliRunner

from o365lib.cli import main
from o365lib.cli.evidence import evidence


def test_every_command_says_in_one_line_what_it_is_for():
    told = CliRunner().invoke(main, ["evidence", "--help"])
    assert told.exit_code == 0, told.output
    for name, command in evidence.commands.items():
        assert command.get_short_help_str(), name
        assert f"  {name}" in told.output
