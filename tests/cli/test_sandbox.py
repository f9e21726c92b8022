import json
import os
import socket
import ssl
import subprocess
import sys
import urllib.request
from urllib.parse import urlsplit

import psutil
import pytest
from click.testing import CliRunner

from o365lib.cli import main
from o365lib.cli.sandbox import sandbox_behind
from o365lib.errors import RunbookError, UsageError


def port_of(description) -> int:
    return urlsplit(description["login_base_url"]).port


def is_open(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False


def test_a_sandbox_serves_behind_a_command_and_goes_with_it(tmp_path):
    folder = tmp_path / ".sandbox"
    with sandbox_behind(folder) as description:
        addresses = json.loads((folder / "sandbox.json").read_text())
        assert addresses["login_base_url"] == description["login_base_url"]
        context = ssl.create_default_context(cafile=addresses["ca_file"])
        tenant = description["tenants"][0]["tenant_id"]
        url = f"{addresses['login_base_url']}/{tenant}/v2.0/.well-known/openid-configuration"
        with urllib.request.urlopen(url, context=context) as answer:  # noqa: S310 -- https
            assert tenant in json.load(answer)["issuer"]
        assert (folder / "secrets" / "alpine-books.secret").is_file()
    assert not folder.exists()
    assert not is_open(port_of(description))


@pytest.mark.skipif(os.name == "nt", reason="process groups are POSIX")
def test_a_terminals_ctrl_c_does_not_reach_the_sandbox(tmp_path):
    """It would take the tenants away from runs that are to finish."""
    me = psutil.Process()
    before = set(me.children())
    with sandbox_behind(tmp_path):
        [served] = set(me.children()) - before
        assert os.getpgid(served.pid) != os.getpgrp()


def test_its_files_go_also_when_the_command_fails_and_others_files_stay(tmp_path):
    (tmp_path / "state.sqlite").write_text("somebody's own")
    with pytest.raises(RuntimeError), sandbox_behind(tmp_path):
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["state.sqlite"]


def test_a_running_sandbox_is_left_alone(tmp_path):
    with sandbox_behind(tmp_path / "one") as description:
        before = (tmp_path / "one" / "sandbox.json").read_text()
        with (
            pytest.raises(UsageError, match="A sandbox is running already"),
            sandbox_behind(tmp_path / "one"),
        ):
            pass
        assert (tmp_path / "one" / "sandbox.json").read_text() == before
        assert is_open(port_of(description))


@pytest.mark.parametrize(
    "left", ["", "{}", '{"login_base_url": "https://127.0.0.1:PORT"}', '{"login_base_url": 1}']
)
def test_what_a_killed_sandbox_left_behind_does_not_stand_in_the_way(tmp_path, left):
    with socket.create_server(("127.0.0.1", 0)) as another:  # which has got its port
        port = another.getsockname()[1]
        (tmp_path / "sandbox.json").write_text(left.replace("PORT", str(port)))
        (tmp_path / ".lock").touch()
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "old.secret").write_text("old")
        with sandbox_behind(tmp_path):
            assert not (tmp_path / "secrets" / "old.secret").exists()


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_of_two_that_are_started_together_one_serves(tmp_path):
    folder = tmp_path / "one"
    command = [sys.executable, "-m", "o365lib", "sandbox", "serve", "--json"]
    both = [
        subprocess.Popen(
            [*command, "--folder", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.stdout.readline() for process in both]
    [first], [second] = (
        [process for process, line in zip(both, said, strict=True) if bool(line) is is_served]
        for is_served in (True, False)
    )
    assert "running already" in second.communicate()[1]
    assert second.returncode == 2
    with pytest.raises(UsageError, match="running already"), sandbox_behind(folder):
        pass
    assert (folder / "ca.pem").is_file()
    first.send_signal(2)
    first.communicate()
    assert first.returncode == 0
    assert not (folder / ".lock").exists()


def test_a_folder_that_takes_no_files_is_told(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UsageError, match="cannot be written to"), sandbox_behind(tmp_path / "file"):
        pass


def test_a_sandbox_that_does_not_start_is_told(tmp_path):
    (tmp_path / "ca.pem.new").mkdir()  # where it has to write
    with pytest.raises(RunbookError, match="did not start"), sandbox_behind(tmp_path):
        pass


def test_a_sandbox_ends_with_whoever_started_it_even_if_that_is_killed(tmp_path):
    code = (
        "import os, sys; from pathlib import Path\n"
        "from o365lib.cli.sandbox import sandbox_behind\n"
        f"with sandbox_behind(Path({str(tmp_path / 'one')!r})) as told:\n"
        "    print(told['login_base_url'], flush=True); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    port = urlsplit(done.stdout.strip()).port
    assert done.returncode == 9
    for _ in range(200):
        if not is_open(port):
            break
        with socket.socket() as pause:  # a short wait without a clock of our own
            pause.settimeout(0.1)
            pause.bind(("127.0.0.1", 0))
            pause.listen()
            with pytest.raises(TimeoutError):
                pause.accept()
    assert not is_open(port)


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_serving_alone_tells_how_to_sign_in_and_ends_with_an_interruption(tmp_path):
    command = [sys.executable, "-m", "o365lib", "sandbox", "serve", "--json", "--tenants", "3"]
    process = subprocess.Popen(
        [*command, "--folder", str(tmp_path / "s")], stdout=subprocess.PIPE, text=True
    )
    with process:
        described = json.loads(process.stdout.readline())
        assert len(described["tenants"]) == 7 + 3
        assert is_open(port_of(described))
        process.send_signal(2)
        assert process.wait() == 0
    assert not (tmp_path / "s" / "sandbox.json").exists()


def serve(*options):
    return CliRunner().invoke(main, ["sandbox", "serve", *map(str, options)])


def test_a_second_sandbox_is_refused_and_the_first_keeps_all_its_files(tmp_path):
    folder = tmp_path / "one"

    def content():
        return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    with sandbox_behind(folder):
        before = content()
        result = serve("--folder", folder)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("o365: A sandbox is running already; its files are in")
        assert "name another folder with --folder" in result.stderr
        assert content() == before


def test_what_an_operator_got_wrong_is_wrong_usage_with_a_way_out(tmp_path):
    (tmp_path / "README.md").write_text("no database")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for options, said in (
            (["--login-port", taken.getsockname()[1]], "--login-port"),
            (["--state-file", tmp_path / "README.md"], "is no state file"),
            (["--state-file", tmp_path / "nowhere" / "x"], "in a folder that is"),
            (["--folder", tmp_path / "README.md" / "x"], "name another folder"),
        ):
            result = serve("--folder", tmp_path / "s", *options)
            assert result.exit_code == 2, result.stderr
            assert len(result.stderr.splitlines()) == 1
            assert said in result.stderr
            assert "defect" not in result.stderr
    assert (tmp_path / "README.md").read_text() == "no database"
