"""The house rules of a runbook's notebook: each a function that yields what is wrong."""

import ast
import copy
import json
import re
import sys
from pathlib import Path

import nbformat

from o365lib import runbook
from o365lib.runbook.steps import SteppedRun

SUMMARY = "summarize_batch"
RUNS: dict[str, type[SteppedRun]] = {
    "create_service_account": runbook.CreationRun,
    "remove_service_account": runbook.RemovalRun,
    SUMMARY: runbook.BatchSummary,
}
FIXED = ["title", "operation-note", "imports", "parameters", "open-text", "open"]
SLUG = re.compile(r"[a-z]+(-[a-z]+)*")
HEADING = re.compile(r"## (\d+)\. ([A-Z][a-z]+) \S.*")
SECRET = re.compile(r"secret|password|passwd|token|credential|key$", re.IGNORECASE)
# What one would click is told for each step that has a place in the admin centre; these have none.
OURS_ALONE = {"plan", "confirm", "close"}
FORBIDDEN = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.If,
    ast.IfExp,
    ast.Try,
    ast.With,
    ast.AsyncWith,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.GeneratorExp,
    ast.Await,
)
MAX_LINES = 4


def load(path):
    return json.loads(path.read_text("utf-8"))


def source(cell):
    return "".join(cell["source"])


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def steps(notebook):
    """The cells after the opening, in pairs of text and code."""
    rest = notebook["cells"][len(FIXED) :]
    return list(zip(rest[::2], rest[1::2], strict=False))


def tree(cell):
    try:
        return ast.parse(source(cell))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def it_is_a_valid_notebook(notebook, _name):
    try:
        nbformat.validate(nbformat.from_dict(copy.deepcopy(notebook)))
    except nbformat.ValidationError as error:
        yield str(error)


def it_begins_with_title_note_imports_and_parameters(notebook, _name):
    found = [cell["id"] for cell in notebook["cells"][: len(FIXED)]]
    if found != FIXED:
        yield f"it begins with {found}"


def the_title_says_what_changes_who_may_how_long_and_what_undoes_it(notebook, _name):
    title = source(notebook["cells"][0])
    if not re.match(r"# [A-Z]\w+ the ", title):
        yield "the title is not a verb and its object"
    for word in ("Changes in the tenant", "Rights needed", "Takes", "Undone by"):
        if f"**{word}**" not in title:
            yield f"the title does not say: {word}"


def there_is_one_parameters_cell_of_commented_literals(notebook, _name):
    tagged = [cell for cell in code_cells(notebook) if cell["metadata"].get("tags")]
    if [cell["metadata"]["tags"] for cell in tagged] != [["parameters"]]:
        yield "not exactly one cell is tagged, `parameters`"
        return
    for statement, line in zip(tree(tagged[0]).body, source(tagged[0]).splitlines(), strict=False):
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Constant):
            yield f"not a literal: {line}"
        if not re.search(r"  # \S.{10,}", line):
            yield f"without a comment: {line}"
    if len(source(tagged[0]).splitlines()) != len(tree(tagged[0]).body):
        yield "something else than one assignment a line"


def its_parameters_are_those_that_the_runbook_knows(notebook, name):
    (cell,) = [each for each in notebook["cells"] if each["id"] == "parameters"]
    names = [
        ast.unparse(each.targets[0]) for each in tree(cell).body if isinstance(each, ast.Assign)
    ]
    if tuple(names) != runbook.known_parameters(name):
        yield f"parameters are {names}"
    yield from (f"it looks like a secret: {name}" for name in names if SECRET.search(name))


def the_imports_import_and_do_nothing_else(notebook, _name):
    (cell,) = [each for each in notebook["cells"] if each["id"] == "imports"]
    if source(cell) != "from o365lib import runbook":
        yield source(cell)


def it_opens_the_run_that_it_is_named_for(notebook, name):
    (cell,) = [each for each in notebook["cells"] if each["id"] == "open"]
    # However many lines it takes.
    written = re.sub(r"\s", "", source(cell))
    opening = f'run=runbook.open("{name}",client,'
    if name == SUMMARY:
        opening = "run=runbook.open_batch_summary(batch_id,client,run_id)"
    if not written.startswith(opening):
        yield source(cell)


def its_steps_are_numbered_headings_each_followed_by_one_code_cell(notebook, _name):
    kinds = [cell["cell_type"] for cell in notebook["cells"][len(FIXED) :]]
    if kinds != ["markdown", "code"] * (len(kinds) // 2):
        yield f"text and code do not take turns: {kinds}"
    for number, (text, _) in enumerate(steps(notebook), start=1):
        heading = source(text).splitlines()[0]
        found = HEADING.fullmatch(heading)
        if not found or int(found[1]) != number:
            yield f"not `## {number}. Verb object`: {heading}"
    headings = re.findall(r"^##? .*", "\n".join(map(source, notebook["cells"])), re.MULTILINE)
    if len(headings) != len(steps(notebook)) + 1:
        yield "there are other headings than title and steps"


def a_steps_cell_makes_one_call_on_the_run_and_nothing_else(notebook, _name):
    for _, cell in steps(notebook):
        text = source(cell)
        body = tree(cell).body
        calls = [node for node in ast.walk(tree(cell)) if isinstance(node, ast.Call)]
        if len(text.splitlines()) > MAX_LINES:
            yield f"{cell['id']} has more than {MAX_LINES} lines"
        if len(body) != 1 or not isinstance(body[0], ast.Expr) or len(calls) != 1:
            yield f"{cell['id']} is not one call: {text}"
            continue
        if not re.fullmatch(r"run\.[a-z_]+", ast.unparse(calls[0].func)):
            yield f"{cell['id']} calls something else than the run: {text}"


def no_cell_has_logic_output_magic_or_http_of_its_own(notebook, _name):
    for cell in code_cells(notebook):
        for node in ast.walk(tree(cell)):
            if isinstance(node, FORBIDDEN):
                yield f"{cell['id']} has a {type(node).__name__}"
        if re.search(r"^\s*[%!]|\bprint\(|\bdisplay\(|https?:", source(cell), re.MULTILINE):
            yield f"{cell['id']} prints, does magic or speaks HTTP"


def a_cells_id_is_the_slug_of_its_step(notebook, name):
    ids = [cell["id"] for cell in notebook["cells"]]
    yield from (f"not a slug: {each}" for each in ids if not SLUG.fullmatch(each))
    if len(set(ids)) != len(ids):
        yield "an id appears twice"
    for text, cell in steps(notebook):
        if text["id"] != f"{cell['id']}-text":
            yield f"the text of {cell['id']} is {text['id']}"
        method = cell["id"].replace("-", "_")
        if not source(cell).startswith(f"run.{method}("):
            yield f"{cell['id']} does not call {method}"
        if not hasattr(RUNS[name], method):
            yield f"the run has no step {method}"


def every_step_of_the_run_is_there_in_its_order(notebook, name):
    ids = [cell["id"] for _, cell in steps(notebook)]
    if ids != order_of(RUNS[name]):
        yield f"steps are {ids} instead of {order_of(RUNS[name])}"


def each_step_says_what_one_would_click_in_the_admin_centre(notebook, name):
    for text, cell in steps(notebook):
        # A summary is of many tenants, and asks none.
        if cell["id"] in OURS_ALONE or name == SUMMARY:
            continue
        if not re.search(r"^\*In the admin centre:\* .{10,}", source(text), re.MULTILINE):
            yield f"{cell['id']} has no place in the admin centre"


def each_step_says_what_one_sees_or_what_to_do(notebook, _name):
    for text, cell in steps(notebook):
        body = source(text).partition("\n")[2].strip()
        if len(body) < 60:
            yield f"{cell['id']} explains nothing"


def there_are_no_outputs_counts_or_widgets(notebook, _name):
    for cell in code_cells(notebook):
        if cell["outputs"]:
            yield f"{cell['id']} has outputs"
        if cell["execution_count"] is not None:
            yield f"{cell['id']} has an execution count"
    if "widgets" in notebook["metadata"]:
        yield "it has widget state"


def its_metadata_is_the_least_that_jupyter_needs(notebook, _name):
    wanted = {
        "kernelspec": {
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    if notebook["metadata"] != wanted:
        yield f"metadata is {notebook['metadata']}"
    for cell in notebook["cells"]:
        if set(cell["metadata"]) - {"tags"}:
            yield f"{cell['id']} has metadata"


CHECKS = [
    it_is_a_valid_notebook,
    it_begins_with_title_note_imports_and_parameters,
    the_title_says_what_changes_who_may_how_long_and_what_undoes_it,
    there_is_one_parameters_cell_of_commented_literals,
    its_parameters_are_those_that_the_runbook_knows,
    the_imports_import_and_do_nothing_else,
    it_opens_the_run_that_it_is_named_for,
    its_steps_are_numbered_headings_each_followed_by_one_code_cell,
    a_steps_cell_makes_one_call_on_the_run_and_nothing_else,
    no_cell_has_logic_output_magic_or_http_of_its_own,
    a_cells_id_is_the_slug_of_its_step,
    every_step_of_the_run_is_there_in_its_order,
    each_step_says_what_one_would_click_in_the_admin_centre,
    each_step_says_what_one_sees_or_what_to_do,
    there_are_no_outputs_counts_or_widgets,
    its_metadata_is_the_least_that_jupyter_needs,
]


def order_of(kind):
    """The steps of a run, read from the `@step` lines: each names the one that it comes after."""
    after = {}
    for each in reversed(kind.__mro__):
        module = sys.modules.get(each.__module__)
        if not each.__module__.startswith("o365lib.runbook") or module is None:
            continue
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name == each.__name__:
                after |= dict(step_lines(node))
    order = [name for name, before in after.items() if not before]
    while len(order) < len(after):
        order += [name for name, before in after.items() if before == order[-1]]
    return order


def step_lines(node):
    for method in node.body:
        for decorator in getattr(method, "decorator_list", []):
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "step":
                given = {each.arg: each.value.value for each in decorator.keywords}
                yield decorator.args[0].value, given.get("after", "")
