"""`archive` in the defaults: its keys, and what is wrong told with line and column."""

import re
from pathlib import Path

import pytest

from o365lib import parameters


@pytest.fixture
def with_archive(folder):
    """Add a section to the defaults, which have 23 lines without it."""

    def add(text):
        folder.defaults.write_text(folder.defaults.read_text() + text)
        return folder

    return add


def test_without_the_section_the_archive_is_the_projects_folder(folder):
    rules = parameters.load_defaults(folder.path).archive
    assert (rules.url, rules.retention_days, rules.mode) == (None, None, "none")
    assert not rules.retention_required


def test_a_place_and_its_protection_are_read(with_archive):
    text = "{url: 's3://evidence/one', retention_days: 2555, mode: compliance}"
    rules = parameters.load_defaults(with_archive(f"archive: {text}\n").path).archive
    assert (rules.url, rules.retention_days, rules.mode) == (
        "s3://evidence/one",
        2555,
        "compliance",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{url: 'https://a.blob.core.windows.net/c?sig=hush'}", "holds a credential"),
        ("{url: 'https://me:hush@a.blob.core.windows.net/c'}", "holds a credential"),
        ("{url: 'https://[a/c'}", "is not a URL"),
        ("{mode: compliance}", "go together"),
        ("{retention_days: 7}", "go together"),
        ("{retention_required: true}", "needs `mode`"),
        ("{retention_days: 0, mode: governance}", "1 to 36500"),
        ("{retention_days: 36501, mode: governance}", "1 to 36500"),
        ("{mode: forever}", "`none`, `governance` or `compliance`"),
        ("{bucket: x}", "bucket"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_without_a_secret(with_archive, text, said):
    problem = with_archive(f"archive: {text}\n").problem()
    assert problem.line == 24
    assert said in str(problem)
    assert "hush" not in str(problem)


def test_the_example_of_the_documentation_is_right(with_archive):
    page = (Path(__file__).parents[2] / "docs" / "archive-in-the-cloud.md").read_text("utf-8")
    (example,) = re.findall(r"^```yaml\n(.+?)^```", page, re.DOTALL | re.MULTILINE)
    rules = parameters.load_defaults(with_archive(example).path).archive
    assert (rules.mode, rules.retention_days, rules.retention_required) == (
        "governance",
        2555,
        True,
    )
