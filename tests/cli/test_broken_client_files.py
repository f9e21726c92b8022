"""Of many client files, a few are broken: all is told at once, before anything is touched."""

import re
import uuid

CLIENTS = 500
UNKNOWN_KEY, OPEN_QUOTE, TAB = 10, 250, 499


def many_clients(project):
    """Replace the project's client files by many, and return their folder."""
    folder = project / "parameters" / "clients"
    text = (folder / "alpine-books.yaml").read_text("utf-8")
    for file in folder.iterdir():
        file.unlink()
    for number in range(CLIENTS):
        name, tenant = f"client-{number:03}", uuid.UUID(int=number + 1, version=4)
        copy = re.sub(r"(?m)^client:.*$", f"client: {name}", text)
        copy = re.sub(r"(?m)^tenant:.*$", f"tenant: {tenant}", copy)
        (folder / f"{name}.yaml").write_text(copy, "utf-8")
    return folder


def test_all_that_is_wrong_with_many_files_is_told_before_anything_is_touched(o365, project):
    folder = many_clients(project)

    def edit(number, change):
        file = folder / f"client-{number:03}.yaml"
        file.write_text(change(file.read_text("utf-8")), "utf-8")

    edit(UNKNOWN_KEY, lambda text: f"{text}rolle: x\n")
    edit(OPEN_QUOTE, lambda text: f"purpose: 'no end\n{text}")
    edit(TAB, lambda text: text.replace("cloud:", "\tcloud:"))

    done = o365("run", "create", "--all", "--approved-by", "A. Turing")

    assert done.exit_code == 2
    told = [line for line in done.stderr.splitlines() if ".yaml:" in line]
    assert [re.search(r"client-\d+", line)[0] for line in told] == [
        "client-010",
        "client-250",
        "client-499",
    ]
    assert "rolle" in told[0]
    assert "quotation mark" in told[1]
    assert "tab" in told[2]
    assert not (project / "evidence").exists()
