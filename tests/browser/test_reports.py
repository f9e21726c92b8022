"""The reports in a real browser, on the screen and on paper, made of records that mean harm.

`O365_PICTURES=folder pytest tests/browser/test_reports.py` keeps pictures of the pages, to look at.
"""

import os
import re
import shutil
import subprocess
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from o365lib.reports.output_folder import OutputFolder
from o365lib.reports.pages import PagesWriter
from o365lib.reports.report import Wanted, walk
from o365lib.reports.seals import Seals
from tests.browser.conftest import CHROMIUM_OPTIONS
from tests.reports.examples import (
    HOSTILE,
    NOW,
    REQUEST,
    change,
    creation,
    folder_of,
    plan,
    record,
    refusal,
    removal,
    sealed,
)

pytestmark = pytest.mark.browser

PAGES = ("overview", "client", "run", "edited run")
SCREENS = (("light", 1280), ("dark", 1280), ("light", 360))

# The width of an A4 page's content with our margins, in CSS pixels: 182 mm.
PAPER_WIDTH = 688

LONG = "supercalifragilistic" * 100
REVERSED = "\u202egpj.exe\u2066"
REQUESTS = [
    {**REQUEST, "sequence": number, "request_id": f"{number:08}-7990-42df-9a5f-300fb1d93fcf"}
    for number in range(1, 121)
]


def hostile_run():
    wild = plan("create-user", "assign-role")
    wild["notices"] = [{"code": "x", "message": HOSTILE + LONG * 5}]
    return creation(
        client_display_name=f"{HOSTILE} {REVERSED} \x07{LONG}",
        reason=f"{HOSTILE} {LONG}",
        ticket=f'"onmouseover="alert(1)" {LONG}',
        cloud="</style><script>alert(1)</script>",
        plan=wild,
        changes=[change("create-user", note=LONG, before=HOSTILE, after=LONG)],
        requests=REQUESTS,
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of a report by their names, and the run that was edited after it was sealed."""
    folder = tmp_path_factory.mktemp("project")
    many = [
        record(100 + number, reason=f"run {number}", client_display_name=f"{HOSTILE} {LONG}")
        for number in range(40)
    ]
    archive = sealed(folder, hostile_run(), refusal(15), removal(30), *many)
    edited = folder_of(archive, refusal(15))
    text = edited.record_file.read_text("utf-8")
    edited.record_file.write_text(text.replace("T-1", "T-2"), "utf-8")
    wanted = Wanted(archive=archive, now=NOW + timedelta(days=1))
    output = OutputFolder(folder / "evidence.report", archive_root=archive.root)
    seals = Seals(archive)
    with PagesWriter(wanted, output, seals) as writer:
        walk(wanted, [writer], seals=seals)
    runs = output.root / "runs" / "alpine-books"
    return {
        "overview": output.root / "index.html",
        "client": output.root / "clients" / "alpine-books.html",
        "run": runs / f"{hostile_run().run_id}.html",
        "edited run": runs / f"{refusal(15).run_id}.html",
    }


@pytest.fixture
def opened(chromium, pages):
    """Open a page; what it asked for, said and tried is kept beside."""
    contexts = []

    def open_page(name, *, scheme="light", width=1280, media="screen"):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, locale="en-GB"
        )
        contexts.append(context)
        page = context.new_page()
        page.asked, page.said = [], []
        page.on("requestfinished", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("dialog", lambda dialog: (page.said.append(dialog.message), dialog.dismiss()))
        page.emulate_media(media=media, color_scheme=scheme)
        page.goto(pages[name].as_uri())
        if folder := os.environ.get("O365_PICTURES"):
            picture = Path(folder) / f"{name}-{media}-{scheme}-{width}.png"
            page.screenshot(path=picture, full_page=True)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_says_nothing_and_runs_nothing(opened, pages, name):
    page = opened(name)
    page.mouse.move(300, 300)
    page.mouse.wheel(0, 5000)
    for summary in page.locator("summary").all():
        summary.click()
    page.wait_for_timeout(200)
    assert page.asked == [pages[name].as_uri()]
    assert page.said == []
    counted = "[document.scripts.length, document.images.length, document.links.length]"
    scripts, images, links = page.evaluate(counted)
    assert (scripts, images) == (0, 0)
    assert links > 0
    if name in {"client", "run"}:
        assert HOSTILE in page.locator("h1").inner_text()


def test_what_a_page_might_be_given_to_load_or_run_is_forbidden_by_itself(opened):
    page = opened("overview")
    page.evaluate(
        """() => {
          const image = document.createElement('img'); image.src = 'https://example.com/x.png';
          const script = document.createElement('script'); script.textContent = 'alert(1)';
          document.body.append(image, script);
        }"""
    )
    page.wait_for_timeout(200)
    assert len(page.asked) == 1
    assert len(page.said) == 2
    assert all("Content Security Policy" in said for said in page.said)


@pytest.mark.parametrize(("scheme", "width"), SCREENS)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_the_screen_and_all_can_be_read(opened, name, scheme, width):
    page = opened(name, scheme=scheme, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(PALE) == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_paper(opened, name):
    page = opened(name, width=PAPER_WIDTH, media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER_WIDTH
    cut = page.evaluate(
        """width => [...document.querySelectorAll('th, td, dd, p, li')]
          .filter(each => each.getBoundingClientRect().right > width + 1
                          || each.scrollWidth > each.clientWidth + 1)
          .filter(each => !each.closest('.unseen'))
          .map(each => each.textContent.slice(0, 50))""",
        PAPER_WIDTH,
    )
    assert cut == []


def test_a_folded_part_opens_by_the_keyboard(opened):
    page = opened("run")
    row = page.get_by_text(REQUESTS[0]["request_id"])
    assert not row.is_visible()
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    assert row.is_visible()


def test_the_seals_state_is_seen_without_scrolling_and_without_colour(opened):
    for name, words in (("run", "✓ sealed, number 1"), ("edited run", "✗ SEAL NOT VALID")):
        page = opened(name)
        badge = page.locator(".badge", has_text=words.split(maxsplit=1)[1])
        box = badge.bounding_box()
        assert box["y"] + box["height"] < 900 or name == "run"  # a name may be long
        assert badge.is_visible()


def printed(page: Path, folder: Path) -> list[str]:
    """Print a page as a person does, with Chromium itself, and return the text of each sheet."""
    pypdf = pytest.importorskip("pypdf")
    target = folder / "page.pdf"
    subprocess.run(
        [
            shutil.which("chromium"),
            "--headless",
            *CHROMIUM_OPTIONS,
            "--proxy-server=127.0.0.1:9",
            "--no-pdf-header-footer",
            f"--user-data-dir={folder / 'profile'}",
            f"--print-to-pdf={target}",
            page.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    if kept := os.environ.get("O365_PICTURES"):
        shutil.copy(target, Path(kept) / f"{page.stem[:40]}.pdf")
    sheets = pypdf.PdfReader(target).pages
    for sheet in sheets:
        width, height = (float(side) for side in sheet.mediabox[2:])
        assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (210, 297)
    return [" ".join(sheet.extract_text().split()) for sheet in sheets]


@pytest.fixture(scope="module")
def sheets(chromium, pages, tmp_path_factory):
    """Print one of the pages; each is printed once."""
    return cache(lambda name: printed(pages[name], tmp_path_factory.mktemp("printed")))


def test_paper_shows_all_of_a_run_what_is_folded_too(sheets):
    texts = sheets("run")
    whole = "".join("".join(texts).split())
    assert [each["request_id"] for each in REQUESTS if each["request_id"] not in whole] == []
    assert len(texts) > 3
    for number, text in enumerate(texts, start=1):
        assert f"Page {number} of {len(texts)}" in text


def test_the_headings_of_a_table_are_repeated_on_each_sheet(sheets):
    texts = sheets("run")
    with_rows = [text for text in texts if re.search(r"POST ?/", text)]
    assert len(with_rows) > 2
    assert all("Service's request id" in text for text in with_rows)


def test_paper_says_where_files_are_and_leaves_out_what_only_leads_elsewhere(sheets):
    whole = "".join("".join(sheets("run")).split())
    assert f"../../../evidence/alpine-books/{hostile_run().run_id}/record.json)" in whole
    assert "Overview" not in whole


def test_overview_and_client_page_print_too(sheets):
    overview = " ".join(sheets("overview"))
    assert "Accounts that stand" in overview
    assert "SEAL NOT VALID" in overview
    client = " ".join(sheets("client"))
    assert "What remains, and until when" in client
    assert "A.5.16" in client


# Every text whose contrast with what is behind it is below 4.5 : 1.
# https://www.w3.org/TR/WCAG22/#contrast-minimum
PALE = """() => {
  const parts = color => color.match(/[0-9.]+/g).map(Number);
  const light = color => {
    const [r, g, b] = parts(color).slice(0, 3).map(each => {
      const part = each / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let each = element; each; each = each.parentElement) {
      const color = parts(getComputedStyle(each).backgroundColor);
      if (color.length === 3 || color[3] === 1) return getComputedStyle(each).backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const pale = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('svg, style')) continue;
    const [one, two] = [light(getComputedStyle(element).color), light(behind(element))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) pale.push([walker.currentNode.data.slice(0, 40), ratio]);
  }
  return pale;
}"""
