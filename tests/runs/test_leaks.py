"""Runbooks that leak on purpose: what they leak is in quarantine, and the seal says so."""

import base64
import json

import pytest

from o365lib.evidence import gate, quarantine
from o365lib.evidence.archive import RunFolder
from o365lib.evidence.envelope import Envelope
from o365lib.evidence.gate import KNOWN_SECRET
from o365lib.evidence.statement import Statement
from o365lib.runs.notebook import run_notebook
from o365lib.secret import MASK
from tests.evidence import planted

# Only the kernel knows it; in a file of its own, so that the notebook's source does not have it.
PASSWORD = "Zk7#m-2v_Tx9wQ"
KNOWS = """
from o365lib.secret import Secret
password = Secret(Path({file!r}).read_text())
"""


@pytest.fixture
def knows(tmp_path):
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    return KNOWS.format(file=str(file))


@pytest.fixture
def prints(tmp_path):
    """Return a cell that prints a text which does not stand in its source."""

    def make(text):
        file = tmp_path / "leaked"
        file.write_text(text)
        return f"print(Path({str(file)!r}).read_text())"

    return make


def ended(result):
    """Return the run, its record, what its seal says, and every text in the archive."""
    run = RunFolder(result.record_file.parent)
    seal = Statement.from_bytes(Envelope.from_json(result.seal_file.read_bytes()).payload)
    root = run.path.parent.parent
    texts = "".join(file.read_text("utf-8") for _, file in gate.files_of(root))
    return run, run.read_record(), seal, texts


def kinds(record):
    return {each.name: set(each.kinds) for each in record.quarantined}


def test_whatever_looks_like_a_secret_in_an_output_is_put_into_quarantine(
    make_request, archive, tiny, prints
):
    secrets = {
        "JSON Web Token": planted.json_web_token(),
        "authorization header": f"Authorization: Bearer {planted.json_web_token()}",
        "Private Key": planted.private_key(),
        "refresh token": planted.refresh_token(),
        "field that holds a secret": '{"client_secret": "hunter22"}',
    }
    request = make_request(tiny["open"], prints("\n".join(secrets.values())), tiny["close"])
    result = run_notebook(request, archive=archive)
    assert (result.outcome, result.notebook_file) == ("failed", None)
    assert "come to: done, As planned." in result.reason
    assert "Make the secret worthless" in result.remedy
    run, record, seal, texts = ended(result)
    assert kinds(record) == {"record.json": set(), "runbook.ipynb": set(secrets)}
    assert [file.name for file in run.path.iterdir()] == ["record.json"]
    assert [subject.name for subject in seal.subjects] == [f"alpine-books/{run.run_id}/record.json"]
    assert seal.predicate["search"]["known_secrets"] == "searched"
    assert seal.predicate["search"]["findings"] >= len(secrets)
    assert seal.predicate["outcome"] == "failed"
    for value in secrets.values():
        assert value.splitlines()[-2 if "\n" in value else 0] not in texts
    kept = (quarantine.folder_of(run) / "runbook.ipynb").read_text("utf-8")
    assert secrets["refresh token"] in kept


def test_a_secret_that_the_kernel_alone_knows_is_put_into_quarantine(
    make_request, archive, tiny, knows
):
    leaks = "from base64 import b64encode\nb64encode(b'for: ' + password.reveal().encode())"
    result = run_notebook(make_request(tiny["open"], knows, leaks, tiny["close"]), archive=archive)
    run, record, seal, texts = ended(result)
    assert kinds(record) == {"record.json": set(), "runbook.ipynb": {KNOWN_SECRET}}
    assert seal.predicate["search"] == {
        "known_secrets": "searched",
        "patterns": "searched",
        "findings": 1,
    }
    assert base64.b64encode(f"for: {PASSWORD}".encode()).decode() not in texts
    assert quarantine.is_begun(run)


def test_an_error_that_quotes_the_kernels_secret_is_not_repeated_by_its_driver(
    make_request, archive, tiny, knows
):
    wrong = "raise ValueError(f'{password.reveal()} is wrong')"
    result = run_notebook(make_request(tiny["open"], tiny["change"], knows, wrong), archive=archive)
    _, record, _, texts = ended(result)
    assert PASSWORD not in texts
    assert PASSWORD not in repr(result)
    assert record.closed_by == "driver"
    assert [change.status for change in record.changes] == ["unknown"]


def test_a_token_in_a_records_free_text_and_a_notebooks_metadata_goes(
    make_request, archive, tiny, tmp_path
):
    token, other = planted.json_web_token(), planted.refresh_token()
    (tmp_path / "token").write_text(token)
    notes = f"record.ticket = Path({str(tmp_path / 'token')!r}).read_text()"
    request = make_request(tiny["open"], notes, tiny["close"])
    notebook = json.loads(request.runbook.read_text("utf-8"))
    notebook["metadata"]["note"] = other
    request.runbook.write_text(json.dumps(notebook), "utf-8")
    run, record, seal, texts = ended(run_notebook(request, archive=archive))
    assert kinds(record) == {"record.json": {"JSON Web Token"}, "runbook.ipynb": {"refresh token"}}
    assert (record.ticket, seal.predicate["ticket"]) == (MASK, MASK)
    assert token not in texts
    assert other not in texts
    assert token in (quarantine.folder_of(run) / "record.json").read_text("utf-8")


def test_the_secrets_of_a_kernel_that_died_were_not_searched_and_the_seal_says_so(
    make_request, archive, tiny, prints
):
    token = planted.json_web_token()
    request = make_request(tiny["open"], prints(token), "os._exit(1)")
    run, record, seal, texts = ended(run_notebook(request, archive=archive))
    assert seal.predicate["search"]["known_secrets"] == "not searched"
    assert kinds(record)["runbook.ipynb"] == {"JSON Web Token"}
    assert token not in texts
    assert quarantine.is_begun(run)


def test_a_runbook_that_keeps_its_secrets_is_left_alone(make_request, archive, tiny, knows):
    shows = "password, str(password), 62 * '9f86d081'"
    result = run_notebook(make_request(tiny["open"], knows, shows, tiny["close"]), archive=archive)
    run, record, seal, _ = ended(result)
    assert (record.outcome, record.quarantined) == ("done", [])
    assert seal.predicate["search"]["findings"] == 0
    assert not quarantine.folder_of(run).parent.parent.exists()
