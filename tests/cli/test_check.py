import json


def test_right_files_are_counted(o365, project):
    result = o365("check")
    assert result.exit_code == 0
    assert result.stdout == (
        f"7 client files are right, and so is defaults.yaml, in {project / 'parameters'}.\n"
    )
    assert o365("check", "alpine-books").stdout.startswith("1 client file is right")


def test_every_problem_stands_on_its_own_line_with_its_position(o365, project):
    clients = project / "parameters" / "clients"
    for name in ("alpine-books", "cedar-dental"):
        file = clients / f"{name}.yaml"
        file.write_text(file.read_text("utf-8") + "colour: blue\n", "utf-8")
    result = o365("check")
    assert result.exit_code == 2
    assert result.stdout == ""
    first, second, last = result.stderr.splitlines()
    assert first.startswith("parameters/clients/alpine-books.yaml:")
    assert second.startswith("parameters/clients/cedar-dental.yaml:")
    assert "colour" in first
    assert last == "o365: Correct these 2; `o365 check` shows what is left."


def test_for_machines_problems_are_data(o365, project):
    told = json.loads(o365("check", "--json").stdout)
    assert told["problems"] == []
    assert told["clients"][0] == "alpine-books"
    (project / "parameters" / "clients" / "alpine-books.yaml").write_text("", "utf-8")
    result = o365("check", "--json")
    assert result.exit_code == 2
    [problem] = json.loads(result.stdout)["problems"]
    assert problem["file"].endswith("alpine-books.yaml")
    assert {"line", "column", "field", "message"} < set(problem)


def test_checking_runs_nothing_and_writes_nothing(o365, project):
    before = sorted(project.rglob("*"))
    o365("check")
    assert sorted(project.rglob("*")) == before
