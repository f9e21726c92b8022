import subprocess
import sys


def test_the_command_can_be_run_as_a_module_of_the_interpreter():
    done = subprocess.run(
        [sys.executable, "-m", "o365lib", "run", "--help"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("Usage: o365 run ")
