import os
import re
from pathlib import Path

import pytest

from o365lib import parameters
from o365lib.errors import ParametersError

from_clients = "parameters/clients"


def beta(text):
    return text.replace("alpine", "beta").replace("Alpine", "Beta")


def test_everything_is_loaded_sorted_with_absolute_paths(folder):
    folder.add("beta", beta((folder.clients / "alpine.yaml").read_text()))
    loaded = parameters.load(Path("parameters"))
    assert list(loaded.clients) == ["alpine", "beta"]
    assert loaded.folder == folder.path
    assert loaded.clients["beta"].display_name == "Beta Books"
    assert loaded.clients["beta"].sign_in.secret.file == folder.project / "secrets/beta.secret"
    assert loaded.defaults.account.user_name == "practiceprotect"


def test_a_problem_reads_as_file_line_column_field_and_sentence(folder):
    folder.change("cloud: global", "cluod: global")
    folder.add("beta", "")
    with pytest.raises(ParametersError) as caught:
        parameters.load(folder.path)
    first, second = caught.value.message.splitlines()
    assert first.startswith("parameters/clients/alpine.yaml:4:1: cluod: is not a known key")
    assert second.startswith("parameters/clients/beta.yaml:1:1: is empty")
    assert re.search(r"^Correct these 2; `o365 check`", str(caught.value), re.MULTILINE)


def test_the_problems_of_defaults_and_of_all_clients_come_together(folder):
    folder.change_defaults("usage_location: AU", "usage_location: Australia")
    folder.change("cloud: global", "cloud: x")
    folder.add("beta", "a: [\n")
    files = [problem.file.removeprefix("parameters/") for problem in folder.problems()]
    assert files == ["clients/alpine.yaml", "clients/beta.yaml", "defaults.yaml"]


def test_wrong_defaults_do_not_make_purposes_unknown(folder):
    folder.change_defaults("usage_location: AU", "usage_location: Australia")
    assert [problem.field for problem in folder.problems()] == ["usage_location"]


def test_missing_defaults_are_a_problem(folder):
    folder.defaults.unlink()
    problem = folder.problem()
    assert (problem.file, problem.message) == ("parameters/defaults.yaml", "is missing")
    with pytest.raises(ParametersError, match="is missing"):
        parameters.load_defaults(folder.path)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("alpine.onmicrosoft.com", "ALPINE.OnMicrosoft.com"),
        ("0a1b2c3d-0000-4000-8000-1234567890ab", "0A1B2C3D-0000-4000-8000-1234567890AB"),
    ],
)
def test_two_clients_cannot_have_one_tenant(folder, first, second):
    text = (folder.clients / "alpine.yaml").read_text()
    folder.change("tenant: alpine.onmicrosoft.com", f"tenant: {first}")
    folder.add("beta", beta(text).replace("tenant: beta.onmicrosoft.com", f"tenant: {second}"))
    problem = folder.problem()
    assert problem.file == f"{from_clients}/beta.yaml"
    assert (problem.line, problem.column, problem.field) == (3, 9, "tenant")
    assert "`alpine` (parameters/clients/alpine.yaml:3)" in problem.message


def test_no_client_at_all_is_a_problem(folder):
    (folder.clients / "alpine.yaml").unlink()
    assert "there is no client file" in folder.problem().message
    folder.clients.rmdir()
    assert "there is no client file" in folder.problem().message


@pytest.mark.parametrize("name", ["beta.yml", "beta.json", "notes.txt", "alpine.yaml~", "README"])
def test_only_yaml_files_belong_into_the_folder(folder, name):
    (folder.clients / name).write_text("client: beta\n")
    problem = folder.problem()
    assert problem.file == f"{from_clients}/{name}"
    assert "only `<client>.yaml` files belong here" in problem.message


@pytest.mark.parametrize("name", ["Beta", "con", "a b", "a_b"])
def test_a_file_whose_name_cannot_be_a_clients_is_told_so(folder, name):
    folder.add(name, "client: beta\n")
    message = folder.problem().message
    assert message.startswith(f"`{name}` is not a client's name")
    assert message.endswith("no name that Windows keeps for itself; rename the file")


def test_the_name_under_which_batches_are_summed_up_is_no_clients(folder):
    folder.add("o365-batches", "client: o365-batches\n")
    message = folder.problem().message
    assert message.startswith("`o365-batches` cannot be a client's name: the summaries of batches")
    assert message.endswith("; rename the file")


def test_who_names_that_name_as_a_client_is_told_why_there_is_none(folder):
    folder.add("o365-batches", "client: o365-batches\n")
    with pytest.raises(ParametersError) as caught:
        parameters.load(folder.path, ["o365-batches"])
    (problem,) = caught.value.problems
    assert "there is no client 'o365-batches': it cannot be a client's name" in problem.message


@pytest.mark.parametrize("name", [".DS_Store", ".ipynb_checkpoints", ".alpine.yaml.swp"])
def test_hidden_files_are_left_alone(folder, name):
    (folder.clients / name).write_text("x")
    (folder.clients / "Thumbs.db").write_text("x")
    assert list(parameters.load(folder.path).clients) == ["alpine"]


def test_a_folder_named_like_a_client_is_a_problem(folder):
    (folder.clients / "beta.yaml").mkdir()
    assert folder.problem().message == "is not a regular file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_a_problem_and_is_not_waited_for(folder):
    os.mkfifo(folder.clients / "beta.yaml")
    assert folder.problem().message == "is not a regular file"


def test_a_client_that_is_named_is_loaded_whatever_the_others_are_like(folder):
    folder.add("beta", "nonsense: [")
    (folder.clients / "stray.txt").write_text("x")
    assert list(parameters.load(folder.path, ["alpine"]).clients) == ["alpine"]
    assert parameters.load_client(folder.path, "alpine").client == "alpine"


def test_names_given_twice_and_unsorted_come_once_and_sorted(folder):
    folder.add("beta", beta((folder.clients / "alpine.yaml").read_text()))
    assert list(parameters.load(folder.path, ["beta", "alpine", "beta"]).clients) == [
        "alpine",
        "beta",
    ]


def test_an_unknown_client_is_answered_with_the_nearest(folder):
    (problem,) = folder.problems(["alpin"])
    assert problem.message == "there is no client 'alpin'; did you mean `alpine`?"
    (problem,) = folder.problems(["Alpine"])
    assert "did you mean `alpine`?" in problem.message


def test_an_unknown_client_like_none_is_answered_with_those_there_are(folder):
    (problem,) = folder.problems(["zzz"])
    assert problem.message == "there is no client 'zzz'; there are: alpine"
    for number in range(12):
        folder.add(f"client{number:02}", "")
    (problem,) = folder.problems(["zzz"])
    assert problem.message.endswith("client08, ...")


def test_all_unknown_clients_are_told_at_once(folder):
    assert len(folder.problems(["beta", "gamma", "alpine"])) == 2


@pytest.mark.parametrize("name", ["../defaults", "../clients/alpine", "/etc/passwd", "", "a\0b"])
def test_a_name_that_leads_elsewhere_is_unknown_and_nothing_is_opened(folder, name):
    (folder.path / "alpine.yaml").write_text((folder.clients / "alpine.yaml").read_text())
    (problem,) = folder.problems([name])
    assert "there is no client" in problem.message
    with pytest.raises(ParametersError):
        parameters.load_client(folder.path, name)


def test_naming_nobody_is_a_problem(folder):
    (problem,) = folder.problems([])
    assert problem.message == "no client was named"


def test_relative_paths_of_a_copy_start_where_the_original_is(folder, tmp_path):
    found = parameters.load(folder.path, ["alpine"], project=tmp_path / "elsewhere")
    secret = found.clients["alpine"].sign_in.secret.file
    assert secret == tmp_path / "elsewhere/secrets/alpine.secret"


def test_a_public_key_must_be_there_and_be_one(folder, public_key_pem):
    folder.change("method: mail", "method: file")
    file = folder.clients / "alpine.yaml"
    text = file.read_text()
    start = text.index("  recipient:")
    file.write_text(text[:start] + "  public_key: keys/vendor.pem\n")
    problem = folder.problem()
    assert problem.field == "hand_over.public_key"
    assert "there is no such file" in problem.message
    (folder.project / "keys").mkdir()
    key = folder.project / "keys" / "vendor.pem"
    key.write_text("a key")
    assert "no public key" in folder.problem().message
    key.write_bytes(public_key_pem)
    assert parameters.load_client(folder.path, "alpine").hand_over.public_key == key


def test_a_secret_that_is_not_there_yet_is_no_problem_of_the_parameters(folder):
    assert not parameters.load_client(folder.path, "alpine").sign_in.secret.file.exists()
