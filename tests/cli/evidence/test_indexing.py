import json
import os
import subprocess
import sys

import pytest

from o365lib.cli.evidence import indexing
from o365lib.evidence.archive import Archive
from tests.evidence.small_records import make


@pytest.fixture
def archive(project):
    archive = Archive(project / "evidence")
    for client, run_id in [("alpine-books", "1"), ("alpine-books", "2"), ("bayside-legal", "3")]:
        archive.new_run(client, run_id).write_record(make(run_id))
    return archive


def test_the_index_is_made_anew_and_its_size_is_told(o365, archive):
    file = archive.root / ".index.sqlite"
    file.write_bytes(b"no index")
    said = "The index has 3 runs of 2 clients, and 0 seals.\n"
    assert o365("evidence", "index").stdout == said
    assert file.stat().st_size > 1000


def test_for_machines_the_size_is_told_as_json(o365, archive):
    archive.run("bayside-legal", "3").record_file.write_text("{")
    assert json.loads(o365("evidence", "index", "--json").stdout) == {
        "evidence": str(archive.root),
        "runs": 3,
        "unreadable": 1,
        "clients": 2,
        "seals": 0,
    }


def test_records_that_cannot_be_read_are_told(o365, archive):
    archive.run("bayside-legal", "3").record_file.write_text("{")
    assert "1 of the runs have a record that cannot be read" in o365("evidence", "index").stdout


@pytest.mark.usefixtures("archive")
def test_reading_many_records_is_told_on_standard_error(o365, monkeypatch):
    monkeypatch.setattr(indexing, "_RECORDS_A_LINE", 2)
    result = o365("evidence", "list", "--json")
    assert result.stderr == "2 records read into the index\n"
    assert len(json.loads(result.stdout)["runs"]) == 3


def test_on_a_terminal_one_line_tells_it_and_goes_away(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = indexing._Progress()
    for count in range(1, 2001):
        progress(count)
    progress.end()
    told = capsys.readouterr().err
    assert told.startswith("\r1,000 records read into the index\r2,000 records read")
    assert told.split("\r")[-2:] == [" " * len("2,000 records read into the index"), ""]


def test_where_nothing_was_read_a_terminal_is_left_as_it_is(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = indexing._Progress()
    progress(1)
    progress.end()
    assert capsys.readouterr().err == ""


def test_an_index_cannot_be_made_of_no_archive(error_line, project):
    status, line = error_line("--evidence", str(project / "gone"), "evidence", "index")
    assert (status, "There is no archive" in line) == (2, True)


def test_a_list_from_the_index_waits_for_nothing_that_reads_records(archive):
    """What is imported is most of the time that the command takes."""
    code = (
        "import sys\n"
        "from datetime import timedelta\n"
        "from o365lib import clock\n"
        "from o365lib.cli import main\n"
        "class NextHour(clock.SystemClock):\n"
        "    def now(self): return super().now() + timedelta(hours=1)\n"
        "with clock.use(NextHour()):\n"
        "    try: main()\n"
        "    finally: print(*sys.modules, file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", code, "--evidence", str(archive.root), "evidence", "list"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("O365_")}
    for _ in range(2):  # the first one fills the index
        told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    modules = set(told.stderr.split())
    assert "o365lib.evidence.index" in modules
    late = {"pydantic", "cryptography", "yaml", "requests", "pandas", "http", "concurrent"}
    assert modules & late == set()
