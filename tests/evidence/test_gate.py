"""No file of a run passes with a secret in it, and nobody learns the secret from the finding."""

import base64
import html
import json
import os
import re
from urllib.parse import quote

import pytest

from o365lib import secret
from o365lib.errors import EvidenceError
from o365lib.evidence import gate
from o365lib.evidence.archive import RunFolder
from o365lib.evidence.gate import KNOWN_SECRET, Finding
from o365lib.evidence.readings import CHUNK_BYTES
from o365lib.runs.notebook import run_notebook
from o365lib.secret import Secret
from tests.evidence import planted
from tests.evidence.small_records import make

VALUE = "Zk7#m&\"Q'2v\\Tx9w"


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    """What a test calls a secret is none to the tests after it."""
    monkeypatch.setattr(secret, "_known", set())


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "evidence" / "alpine-books" / "run-1"
    folder.mkdir(parents=True)
    return RunFolder(folder)


def found(run, *, known=secret.find):
    return [(each.file, each.line, each.kind) for each in gate.search(run, known=known).found]


SPELLINGS = {
    "as it is": VALUE,
    "JSON": json.dumps(VALUE),
    "JSON in JSON": json.dumps(json.dumps({"p": VALUE})),
    "HTML": html.escape(VALUE),
    "HTML in JSON": json.dumps(f"<td>{html.escape(VALUE)}</td>"),
    "a URL": f"https://example.com/?p={quote(VALUE, safe='')}",
    "Python": repr([VALUE]),
    "base64": base64.b64encode(VALUE.encode()).decode(),
    "within base64": base64.b64encode(f'{{"p": "{VALUE}"}}'.encode()).decode(),
    "UTF-16": VALUE.encode("utf-16-le").decode(),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_known_secret_is_found_in_whatever_spelling(run, name):
    (run.path / "runbook.ipynb").write_text(f"1\n2\n{SPELLINGS[name]}\n4\n", "utf-8")
    assert found(run) == []
    Secret(VALUE)
    assert found(run) == [("runbook.ipynb", 3, KNOWN_SECRET)]
    assert found(run, known=None) == []


@pytest.mark.parametrize(
    ("make_secret", "kind"),
    [
        (planted.json_web_token, "JSON Web Token"),
        (lambda: f"Authorization: Bearer {planted.client_secret()}", "authorization header"),
        (planted.private_key, "Private Key"),
        (lambda: planted.private_key(b"pass"), "Private Key"),
        (planted.refresh_token, "refresh token"),
        (planted.client_secret, "client secret"),
        (lambda: '{"client_secret": "short-one"}', "field that holds a secret"),
    ],
)
def test_what_looks_like_a_secret_is_found_wherever_a_notebook_may_hold_it(run, make_secret, kind):
    value = make_secret()
    for text in (value, html.escape(value), json.dumps({"body": value})):
        for cell in (
            {"source": text},
            {"outputs": [{"text": text}]},
            {"outputs": [{"text": text.splitlines(keepends=True)}]},
            {"outputs": [{"data": {"text/html": [f"<pre>{html.escape(text)}</pre>"]}}]},
            {"outputs": [{"data": {"application/json": {"deep": [text]}}}]},
            {"metadata": {"note": text}},
            {"outputs": [{"data": {"image/png": base64.b64encode(text.encode()).decode()}}]},
        ):
            run.notebook_file.write_text(json.dumps({"cells": [cell]}, indent=1), "utf-8")
            kinds = {each.kind for each in gate.search(run, known=None).found}
            assert kind in kinds


def test_a_finding_says_where_and_never_what(run):
    value = planted.json_web_token()
    Secret(value)
    (run.path / "runbook.ipynb").write_text(f"\n\n{value}\n\n{value}", "utf-8")
    (run.path / "more").mkdir()
    (run.path / "more" / "file").write_text(value, "utf-8")
    findings = gate.search(run, known=secret.find)
    token = "JSON Web Token"
    assert list(findings.found) == [
        Finding("more/file", 1, token),
        Finding("more/file", 1, KNOWN_SECRET),
        Finding("runbook.ipynb", 3, token),
        Finding("runbook.ipynb", 3, KNOWN_SECRET),
        Finding("runbook.ipynb", 5, token),
        Finding("runbook.ipynb", 5, KNOWN_SECRET),
    ]
    assert findings.kinds_of("more/file") == [token, KNOWN_SECRET]
    assert findings.to_predicate() == {
        "known_secrets": "searched",
        "patterns": "searched",
        "findings": 6,
    }
    told = f"{findings!r} {findings.to_predicate()}"
    assert not any(value[start : start + 8] in told for start in range(len(value) - 8))


def test_a_known_secret_is_found_in_the_columns_of_a_table(run):
    Secret("Zk7#m-2v_Tx9wQ")
    run.notebook_file.write_text("\n│ Zk7#m-2 │\n│ v_Tx9wQ │\n", "utf-8")
    assert found(run) == [("runbook.ipynb", 2, KNOWN_SECRET)]


def test_a_finding_over_several_lines_is_where_it_begins(run):
    value = "AbC9" * 20
    Secret(value)
    text = "\n".join(["first", "second", value[:30], value[30:60], value[60:], "last", "of all"])
    (run.path / "runbook.ipynb").write_text(text, "utf-8")
    assert found(run) == [("runbook.ipynb", 3, KNOWN_SECRET)]


def test_a_clean_run_has_no_findings_and_they_are_false(run):
    (run.path / "runbook.ipynb").write_text("nothing", "utf-8")
    assert not gate.search(run, known=secret.find)
    assert gate.search(run, known=None).to_predicate() == {
        "known_secrets": "not searched",
        "patterns": "searched",
        "findings": 0,
    }


def test_words_that_a_record_is_read_by_are_no_finding_and_its_free_text_is(run):
    for word in ("alpine-books", "create_service_account", "assign-role", "outcome"):
        Secret(word)
    record = make(run_id="run-1", parameters={"client": "alpine-books"})
    run.record_file.write_text(json.dumps(record.model_dump(mode="json"), indent=2), "utf-8")
    assert found(run) == []
    record.ticket = "it was assign-role"
    run.record_file.write_text(json.dumps(record.model_dump(mode="json"), indent=2), "utf-8")
    ((name, line, kind),) = found(run)
    assert (name, kind) == ("record.json", KNOWN_SECRET)
    assert "ticket" in run.record_file.read_text("utf-8").splitlines()[line - 1]


def test_a_record_that_is_none_is_searched_as_any_file(run):
    Secret("alpine-books")
    run.record_file.write_text('{"client":\n"alpine-books"', "utf-8")
    assert found(run) == [("record.json", 2, KNOWN_SECRET)]


def test_a_huge_line_is_searched_to_its_end_in_pieces(run):
    Secret(VALUE)
    token = planted.json_web_token()
    for start in (0, CHUNK_BYTES - 100, 5 * CHUNK_BYTES):
        text = "\n" + " " * start + token + VALUE + " " * CHUNK_BYTES
        run.notebook_file.write_text(text, "utf-8")
        assert [each[1:] for each in found(run)] == [(2, "JSON Web Token"), (2, KNOWN_SECRET)]


def test_a_file_full_of_secrets_is_told_by_its_first_lines(run):
    run.notebook_file.write_text("password=hunter22\n" * 5000, "utf-8")
    lines = [each[1] for each in found(run)]
    assert lines == list(range(1, 101))


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_not_followed(run, tmp_path):
    (tmp_path / "elsewhere").write_text(planted.json_web_token(), "utf-8")
    (run.path / "link").symlink_to(tmp_path / "elsewhere")
    (run.path / "folder").symlink_to(tmp_path)
    os.mkfifo(run.path / "pipe")
    assert found(run) == []


def test_a_folder_that_cannot_be_read_is_an_error(run):
    with pytest.raises(EvidenceError, match="cannot be searched"):
        gate.search(RunFolder(run.path / "none"), known=None)


def test_another_process_answers_with_lines_alone(run):
    Secret(VALUE)
    (run.path / "runbook.ipynb").write_text(f"\n{json.dumps(VALUE)}\n\n{VALUE}", "utf-8")
    (run.path / "other").write_text(planted.json_web_token(), "utf-8")
    answer = gate.own_secrets(str(run.path))
    assert answer == '{"runbook.ipynb": [2, 4]}'
    assert gate.lines_told(answer) == {"runbook.ipynb": [2, 4]}


@pytest.mark.parametrize(
    "answer", ["", "[]", "null", '{"a": 1}', '{"a": [1, "b"]}', '{"a": [true]}', '{"a": [1.5]}']
)
def test_an_answer_of_another_form_is_none(answer):
    with pytest.raises(ValueError, match=re.compile("own_secrets|Expecting")):
        gate.lines_told(answer)


def test_findings_of_the_kernel_join_those_of_its_driver(run):
    run.notebook_file.write_text("password=hunter22", "utf-8")
    mine = gate.search(run, known=secret.find)
    assert mine.with_own_secrets({}).known_secrets == "searched"
    both = mine.with_own_secrets({"record.json": [4], "runbook.ipynb": [1, 1]})
    assert [each.file for each in both.found] == ["record.json", "runbook.ipynb", "runbook.ipynb"]
    assert both.kinds_of("runbook.ipynb") == ["field that holds a secret", KNOWN_SECRET]
    unasked = mine.with_own_secrets(None)
    assert (unasked.known_secrets, unasked.found) == ("not searched", mine.found)


def test_real_runs_pass_with_all_that_the_sandbox_calls_a_secret(demo_project):
    key = planted.certificate_key()
    (demo_project.folder / "recipient.pem").write_text(key, "utf-8")
    by_file = {"method": "file", "public_key": "recipient.pem"}
    demo_project.edit("alpine-books", hand_over=by_file)

    def known(text: str) -> int:
        return sum(each in text for each in demo_project.sandbox.secrets())

    for word, client in (
        ("create", "alpine-books"),
        ("remove", "alpine-books"),
        ("remove", "bayside-legal"),
    ):
        request = demo_project.request(word, client, approved_by="Kim")
        result = run_notebook(request, archive=demo_project.archive)
        run = demo_project.archive.find(result.run_id)
        assert result.outcome in {"done", "refused"}
        assert gate.search(run, known=known).found == ()
    files = {file.name for run in demo_project.archive.runs() for file in run.path.iterdir()}
    assert files >= {"record.json", "runbook.ipynb", "credentials.json"}
