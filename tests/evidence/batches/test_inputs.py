import hashlib
import json

import pytest
from pydantic import ValidationError

from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence.batches.inputs import Inputs, Runbook, changed_since
from o365lib.evidence.layout import is_run_id


@pytest.fixture
def folder(tmp_path):
    parameters = tmp_path / "parameters"
    (parameters / "clients").mkdir(parents=True)
    (parameters / "defaults.yaml").write_bytes(b"a: 1\r\n")
    for client in ("alpine", "bayside", "cedar"):
        (parameters / "clients" / f"{client}.yaml").write_text(f"tenant: {client}\n")
    (tmp_path / "create.ipynb").write_bytes("\ufeff{ü}\r\n".encode())
    return parameters


@pytest.fixture
def inputs(folder):
    return Inputs.read(
        parameters_folder=folder,
        clients=["cedar", "alpine"],
        notebook=folder.parent / "create.ipynb",
        parameters={"ticket": "T-1", "list": [1, None]},
        timeout_seconds=600,
    )


def test_the_files_are_read_as_they_are_and_the_clients_keep_their_order(inputs, folder):
    notebook = (folder.parent / "create.ipynb").read_bytes()
    assert inputs.defaults == "a: 1\r\n"
    assert list(inputs.clients.items()) == [
        ("cedar", "tenant: cedar\n"),
        ("alpine", "tenant: alpine\n"),
    ]
    assert inputs.runbook.notebook.encode() == notebook
    assert inputs.runbook.sha256 == hashlib.sha256(notebook).hexdigest()
    assert inputs.runbook.name == "create"
    assert is_run_id(inputs.batch_id)
    assert inputs.operator.host_name


def test_the_files_content_is_read_back_the_same(inputs):
    again = Inputs.from_bytes(inputs.to_bytes())
    assert again == inputs
    assert list(again.clients) == list(inputs.clients)


def test_two_batches_have_two_ids_that_sort_by_time():
    runbook = Runbook.of("create", "{}")
    ids = [Inputs.of(runbook=runbook, defaults="", clients={}).batch_id for _ in range(3)]
    assert len(set(ids)) == 3
    assert [each[:19] for each in ids] == sorted(each[:19] for each in ids)


def edited(inputs, **parts):
    return json.dumps({**json.loads(inputs.to_bytes()), **parts}).encode()


@pytest.mark.parametrize(
    "parts",
    [
        {"more": 1},
        {"batch_id": "../x"},
        {"clients": {"../x": ""}},
        {"clients": ["alpine"]},
        {"schema_version": 0},
        {"runbook": {"name": "create", "sha256": "ab" * 32, "notebook": "{}"}},
    ],
)
def test_other_content_is_refused(inputs, parts):
    with pytest.raises(EvidenceError):
        Inputs.from_bytes(edited(inputs, **parts))


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{", b'{"a":1,"a":2}', b"null"])
def test_what_is_no_json_of_ours_is_refused(content):
    with pytest.raises(EvidenceError, match="no inputs"):
        Inputs.from_bytes(content)


def test_a_later_versions_file_is_told_as_such(inputs):
    with pytest.raises(EvidenceError, match="later version"):
        Inputs.from_bytes(edited(inputs, schema_version=2, more=1))


def test_no_refusal_repeats_what_stands_in_the_file(inputs):
    with pytest.raises(EvidenceError) as caught:
        Inputs.from_bytes(edited(inputs, defaults={"password": "hunter2"}))
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ValidationError) as refused:
        Inputs.of(runbook=inputs.runbook, defaults="", clients={"a": {"x": "hunter2"}})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["defaults.yaml", "clients/alpine.yaml"])
def test_a_file_that_is_missing_or_no_text_begins_nothing(folder, name):
    for spoil in (lambda file: file.write_bytes(b"\xff"), lambda file: file.unlink()):
        spoil(folder / name)
        with pytest.raises(UsageError, match="cannot be read") as caught:
            Inputs.read(
                parameters_folder=folder,
                clients=["alpine"],
                notebook=folder.parent / "create.ipynb",
            )
        assert caught.value.state == "Nothing was begun."


def test_files_that_changed_meanwhile_are_named_and_others_not(inputs, folder):
    assert changed_since(inputs, folder) == []
    (folder / "clients" / "bayside.yaml").write_text("not of this batch\n")
    (folder / "clients" / "alpine.yaml").write_text("tenant: other\n")
    (folder / "clients" / "cedar.yaml").unlink()
    (folder / "defaults.yaml").write_bytes(b"a: 1\n")
    assert changed_since(inputs, folder) == [
        "defaults.yaml",
        "clients/cedar.yaml",
        "clients/alpine.yaml",
    ]
