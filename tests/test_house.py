"""The house plan as data, compared with the source: layers, sizes, names, namesakes, words."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "o365lib"

# Imports go down only. Rooms of one layer do not know each other, but for the two lowest layers,
# whose rooms are single modules. A room is the longest name that fits.
LAYERS = {
    "o365lib.errors": 0,
    "o365lib.secret": 0,
    "o365lib.clock": 0,
    "o365lib.clouds": 0,
    "o365lib.plain_text": 0,
    "o365lib.reserved": 0,
    "o365lib.places": 2,
    "o365lib.parameters": 1,
    "o365lib.secret_store": 1,
    "o365lib.silence": 1,
    "o365lib.transport": 1,
    "o365lib.ledger": 1,
    "o365lib.masked_log": 1,
    "o365lib.msal_http": 1,
    "o365lib.aadsts": 1,
    "o365lib.graph.models": 1,
    "o365lib.graph.session": 2,
    "o365lib.graph.query": 1,
    "o365lib.graph.batch": 1,
    "o365lib.graph.answers": 1,
    "o365lib.graph.sending": 1,
    "o365lib.sign_in": 2,
    "o365lib.identity_check": 3,
    "o365lib.evidence": 2,
    "o365lib.kernels": 2,
    "o365lib.graph": 3,
    "o365lib.service_account": 4,
    "o365lib.runs.kernel": 4,
    "o365lib.runbook.panels": 4,
    "o365lib.runbook": 5,
    "o365lib.runs": 5,
    "o365lib.reports": 5,
    "o365lib.runs.local": 6,
    "o365lib.desk": 6,
    "o365lib.runs.cluster": 6,
    "o365lib.cli": 7,
    "o365lib.__main__": 8,
    "o365lib": 0,
}
ISLAND = "o365lib.sandbox"
SOCIABLE_LAYERS = {0, 1}

# Who alone may import a library that the rest of the house reaches through it.
ONLY_IN = {
    "requests": {"o365lib.connections", "o365lib.transport"},
    "msal": {"o365lib.sign_in"},
    "papermill": {"o365lib.runs.execution", "o365lib.runs.kernel"},
    "distributed": {"o365lib.runs.cluster"},
    "nbclient": {"o365lib.runs.kernel"},
    "ipywidgets": {"o365lib.runbook.panels"},
    "IPython": {"o365lib.runbook"},
    "jupyter_server": {"o365lib.desk.server"},
    "tornado": {"o365lib.desk.server"},
    "jupyterlab": {"o365lib.desk.__main__"},
    "icalendar": {"o365lib.reports.calendar"},
    "matplotlib": {"o365lib.runbook.charts"},
    "click": {"o365lib.cli"},
    "rich": {"o365lib.cli"},
    "jinja2": {"o365lib.reports"},
    "markupsafe": {"o365lib.reports"},
    "detect_secrets": {"o365lib.evidence.secret_patterns"},
    "starlette": {ISLAND},
    "uvicorn": {ISLAND},
    "trustme": {ISLAND},
    "jwt": {ISLAND},
    "azure": {"o365lib.evidence.stores.azure", "o365lib.evidence.stores.azure_account"},
    "boto3": {"o365lib.evidence.stores.s3"},
    "botocore": {"o365lib.evidence.stores.s3"},
    ISLAND: {"o365lib.cli.sandbox", ISLAND},
}

# Decides from facts; reads nothing, writes nothing, asks for no time.
PURE = {
    "o365lib.service_account.plan": {
        "o365lib.errors",
        "o365lib.clock",  # to write an instant, not to ask for one; see below
        "o365lib.graph.models",
        "o365lib.parameters",
        "o365lib.service_account.facts",
    },
    "o365lib.service_account.guards": {
        "o365lib.parameters",
        "o365lib.service_account.facts",
        "o365lib.service_account.permissions",
        "o365lib.service_account.plan",
        "o365lib.service_account.roles",
    },
    "o365lib.service_account.authorization": {
        "o365lib.parameters",
        "o365lib.service_account.facts",
        "o365lib.service_account.permissions",
        "o365lib.service_account.plan",
    },
    "o365lib.service_account.draft": {
        "o365lib.clock",  # as above
        "o365lib.parameters",
        "o365lib.service_account",
        "o365lib.service_account.facts",
        "o365lib.service_account.guards",
        "o365lib.service_account.plan",
        "o365lib.service_account.roles",
        "o365lib.service_account.unused_password",
    },
    "o365lib.service_account.unused_password": {
        "o365lib.clock",  # as above
        "o365lib.service_account.facts",
        "o365lib.service_account.plan",
    },
    "o365lib.service_account.audit_entry": {"o365lib.graph.models"},
    "o365lib.service_account.recorded_change": {
        "o365lib.evidence.record",
        "o365lib.service_account.audit_entry",
    },
    "o365lib.service_account.reconciliation": {
        "o365lib.clock",  # as above
        "o365lib.evidence.record",
        "o365lib.service_account.audit_entry",
        "o365lib.service_account.recorded_change",
    },
    "o365lib.evidence.custody": {"o365lib.evidence.accounts", "o365lib.evidence.record"},
    "o365lib.evidence.batches.standing": {"o365lib.evidence.batches.claims"},
    "o365lib.service_account.removal_date": {"o365lib.parameters"},
    "o365lib.service_account.due": {
        "o365lib.evidence.standing_accounts",
        "o365lib.parameters",
        "o365lib.service_account.removal_date",
    },
    "o365lib.service_account.reasons": {"o365lib.service_account.plan"},
    "o365lib.service_account.privilege": {
        "o365lib.parameters",
        "o365lib.service_account.facts",
        "o365lib.service_account.plan",
    },
    "o365lib.evidence.approval_guards": {
        "o365lib.clock",  # as above
        "o365lib.errors",
        "o365lib.evidence.approval",
        "o365lib.evidence.envelope",
        "o365lib.evidence.public_keys",
        "o365lib.parameters",
    },
    "o365lib.runs.watching": {
        "o365lib.plain_text",
        "o365lib.runs.events",
        "o365lib.runs.summary",
    },
    "o365lib.runs.summary": {"o365lib.plain_text", "o365lib.evidence.record"},
    "o365lib.runbook.batch_tables": {
        "o365lib.clock",  # as above
        "o365lib.evidence.batches.batch_file",
        "o365lib.evidence.record",
        "o365lib.runbook.batch_charts",
        "o365lib.runbook.batch_reading",
        "o365lib.runbook.charts",
        "o365lib.runbook.results",
    },
    "o365lib.runbook.batch_charts": {"o365lib.runbook.batch_reading", "o365lib.runbook.charts"},
    "o365lib.runs.admission": set(),
    "o365lib.runs.sizing": set(),
    "o365lib.runs.stop_line": {
        "o365lib.evidence.record",
        "o365lib.plain_text",
        "o365lib.runs.summary",
    },
}

DRAWERS = {"utils", "util", "helpers", "helper", "manager", "common", "base", "misc"}
MODULE_LINES, CLASS_LINES, FUNCTION_LINES, POSITIONAL = 400, 250, 60, 5


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in MODULES.items()}


def imports(name: str, *, at_import: bool = False) -> set[str]:
    """Names that a module imports: anywhere in it, or only those that run when it is imported."""
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in _nodes(TREES[name], at_import=at_import):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *([node.module] if node.module else [])])
            base = base if node.level else str(node.module)
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                found.add(whole if whole in MODULES else base)
    return found


def _nodes(tree: ast.AST, *, at_import: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        late = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if at_import and (late or _is_for_types(node)):
            continue
        yield node
        yield from _nodes(node, at_import=at_import)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def is_in(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def room_of(name: str) -> str:
    return max((room for room in LAYERS if is_in(name, room)), key=len)


def faults_of_layers(name: str, imported: set[str]) -> list[str]:
    """What a module imports that is not below it."""
    room, faults = room_of(name), []
    for target in sorted(each for each in imported if is_in(each, "o365lib")):
        if is_in(target, ISLAND) or target == "o365lib":
            continue
        other = room_of(target)
        level, below = LAYERS[room], LAYERS[other]
        if other == room or below < level or (below == level and level in SOCIABLE_LAYERS):
            continue
        faults.append(f"{name} (layer {level}) imports {target} (layer {below})")
    return faults


HOUSE = [name for name in MODULES if not is_in(name, ISLAND)]


@pytest.mark.parametrize("name", HOUSE)
def test_imports_go_down_only(name):
    assert faults_of_layers(name, imports(name)) == []


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("o365lib.errors", "o365lib.parameters"),
        ("o365lib.sign_in", "o365lib.graph.session"),
        ("o365lib.runbook.run", "o365lib.runs.notebook"),
        ("o365lib.runs.notebook", "o365lib.runbook.run"),
        ("o365lib.graph.session", "o365lib.graph.users"),
        ("o365lib.evidence.archive", "o365lib.service_account.plan"),
        ("o365lib.runs.batch", "o365lib.cli.run"),
    ],
)
def test_the_test_of_the_layers_sees_an_import_that_goes_up_or_across(name, target):
    assert faults_of_layers(name, {target}) != []


@pytest.mark.parametrize("name", [name for name in MODULES if is_in(name, ISLAND)])
def test_the_sandbox_is_an_island(name):
    """It is a stranger to the rest, so that it can catch our mistakes instead of sharing them."""
    strange = {target for target in imports(name) if is_in(target, "o365lib")}
    assert {target for target in strange if not is_in(target, ISLAND)} == set()


@pytest.mark.parametrize("name", HOUSE)
def test_libraries_are_imported_where_they_belong(name):
    faults = [
        f"{name} imports {target}"
        for library, places in ONLY_IN.items()
        for target in imports(name)
        if is_in(target, library) and not any(is_in(name, place) for place in places)
    ]
    assert faults == []


@pytest.mark.parametrize("name", list(PURE))
def test_what_decides_is_pure(name):
    ours = {target for target in imports(name) if is_in(target, "o365lib")}
    assert {
        target for target in ours if not any(is_in(target, each) for each in PURE[name])
    } == set()
    asked = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Attribute | ast.Name)
    }
    # What a caller passes is told, not asked for.
    asked -= {node.arg for node in ast.walk(TREES[name]) if isinstance(node, ast.arg)}
    assert not asked & {"now", "sleep", "monotonic", "today", "open", "read_text", "random"}
    asked = {node.attr for node in ast.walk(TREES[name]) if isinstance(node, ast.Attribute)}
    assert asked.isdisjoint({"now", "monotonic", "sleep", "today"})
    theirs = imports(name) - ours
    assert theirs.isdisjoint({"time", "datetime.datetime", "os", "random", "secrets", "socket"})


def test_no_module_imports_itself_by_way_of_others():
    graph = {
        name: {target for target in imports(name, at_import=True) if target in MODULES} - {name}
        for name in MODULES
    }
    # A package's own `__init__` names what its modules offer; a module that imports it back would
    # be a cycle too, and is one here.
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " → ".join([*path[path.index(name) :], name])
        if name not in done:
            for target in sorted(graph[name]):
                walk(target, (*path, name))
            done.add(name)

    for name in graph:
        walk(name, ())


@pytest.mark.parametrize("name", list(MODULES))
def test_a_module_can_be_read_in_one_sitting(name):
    lines = MODULES[name].read_text("utf-8").count("\n")
    assert lines <= MODULE_LINES
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.ClassDef):
            assert node.end_lineno - node.lineno < CLASS_LINES, node.name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < FUNCTION_LINES, node.name
            own = [each for each in node.args.args if each.arg not in {"self", "cls"}]
            assert len([*node.args.posonlyargs, *own]) <= POSITIONAL, node.name


@pytest.mark.parametrize("name", list(MODULES))
def test_a_modules_name_says_what_it_owns(name):
    assert DRAWERS.isdisjoint(name.split("."))


@pytest.mark.parametrize("name", list(MODULES))
def test_what_is_public_says_what_it_does(name):
    silent = []
    if not (ast.get_docstring(TREES[name]) or "").strip():
        silent.append(name)
    for holder in [TREES[name], *_public_classes(TREES[name])]:
        for node in holder.body:
            kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
            if isinstance(node, kinds) and not node.name.startswith("_"):
                overload = any("overload" in ast.unparse(each) for each in node.decorator_list)
                setter = any("setter" in ast.unparse(each) for each in node.decorator_list)
                if not ast.get_docstring(node) and not overload and not setter:
                    silent.append(f"{name}.{node.name}")
    assert silent == []


def _public_classes(tree: ast.Module) -> list[ast.ClassDef]:
    return [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]


def _has_code(name: str) -> bool:
    """Whether a module does more than to offer others' names."""
    return any(
        not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)
        and "__all__" not in ast.unparse(node)
        for node in TREES[name].body
    )


@pytest.mark.parametrize("name", [name for name in MODULES if _has_code(name)])
def test_every_module_has_a_namesake_among_the_tests(name):
    if name == "o365lib":
        return  # the version; tests/test_packaging.py has it
    *folders, last = name.split(".")[1:]
    namesake = ROOT.joinpath("tests", *folders, f"test_{last.strip('_')}.py")
    assert namesake.is_file(), namesake.relative_to(ROOT)


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    told = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    files = [ROOT / name for name in told.stdout.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


def test_no_file_names_a_place_on_somebodys_machine_or_leaves_work_for_later():
    # Written in pieces, so that this file does not find itself.
    forbidden = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "/work" + "/", "/home" + "/[a-z]")))
    faults = [
        f"{file.relative_to(ROOT)}: {line.strip()[:80]}"
        for file in tracked()
        for line in file.read_text("utf-8", errors="ignore").splitlines()
        if forbidden.search(line)
    ]
    assert faults == []


def test_the_repository_carries_nothing_large():
    assert [str(file) for file in tracked() if file.stat().st_size > 1_000_000] == []
