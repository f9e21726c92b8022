"""The page for auditors: its own commands, with nothing but the tools that it names."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "verify-by-hand.md"
TOOLS = (
    "openssl",
    "sha256sum",
    "base64",
    "sed",
    "grep",
    "cut",
    "paste",
    "wc",
    "cat",
    "ls",
    "mktemp",
)

pytestmark = pytest.mark.skipif(
    any(shutil.which(each) is None for each in TOOLS), reason="needs openssl and coreutils"
)


def blocks() -> dict[str, str]:
    """The page's commands by their headings."""
    found = {}
    for part in re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        heading = part.partition("\n")[0]
        found[heading] = "".join(re.findall(r"^```sh\n(.*?)^```$", part, re.DOTALL | re.MULTILINE))
    return found


@pytest.fixture
def by_hand(archive, tmp_path):
    """Run parts of the page for one run; return what it printed and the exit status."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for each in TOOLS:
        (tools / each).symlink_to(shutil.which(each))
    (tmp_path / "key.pem").write_bytes(archive.key.pem)
    (tmp_path / "root.pem").write_bytes(archive.authority)

    def run(client: str, number: int, *headings: str) -> tuple[str, int]:
        told = (
            f"cd '{archive.root}'\nKEY=../key.pem\nAUTHORITY=../root.pem\nCLIENT={client}\n"
            f"RUN={archive.runs(client)[number].name}\n"
        )
        # As a person reads it: the first command that fails is the answer.
        script = "set -e\n" + told + block("2.")
        for each in headings:
            if each.startswith("!"):  # has to fail, and the person reads on
                script += f"set +e\n{block(each[1:])}test $? -ne 0 || exit 99\nset -e\n"
            else:
                script += block(each)
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            env={"PATH": str(tools), "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr, done.returncode

    return run


def block(start: str) -> str:
    return next(commands for heading, commands in blocks().items() if heading.startswith(start))


ALL = ("3.", "4.", "5.", "6.")
OLD, NEW = ("alpine-books", 0), ("alpine-books", 1)


def test_the_page_asks_for_what_the_test_gives():
    page = blocks()
    asked = re.findall(r"^([A-Z]+)=", page["1. Say what you want to verify"], re.MULTILINE)
    assert asked == ["KEY", "AUTHORITY", "CLIENT", "RUN"]


def test_a_run_its_digest_and_the_chains_are_verified_by_hand(archive, by_hand):
    told, status = by_hand(*OLD, *ALL)
    assert status == 0, told
    assert told.count("Signature Verified Successfully") == 2
    for file in archive.runs("alpine-books")[0].iterdir():
        assert f"alpine-books/{file.parent.name}/{file.name}: OK" in told
    assert "alpine-books/_seals/00000001.json: OK" in told
    assert "complete" in told
    assert '"outcome": "done"' in told
    assert "unbroken: alpine-books/_seals 2 " in told
    assert "unbroken: _digests 4 " in told


def test_the_head_that_the_page_prints_is_the_products_own(archive, by_hand):
    from o365lib.evidence.stores import FolderStore
    from o365lib.evidence.verification import current

    told, _ = by_hand(*OLD, "3.", "6.")
    head = current(FolderStore(archive.root))
    assert f"_digests {head.number} {head.sha256}" in told


def test_a_later_key_is_verified_by_the_one_that_vouches_for_it_and_the_time_by_its_stamp(
    archive, sound_archive, by_hand
):
    told, status = by_hand(*NEW, "!3.", "Another key", "3.", "4.", "5.", "7.")
    assert status == 0, told
    assert f"_keys/{sound_archive[0].signer.key.key_id}.pem: OK" in told
    assert told.count("Signature Verified Successfully") == 3
    assert "Verification: OK" in told
    assert f"Time stamp: {archive.verified().stamped_until:%b %d}" in told


def test_a_later_key_for_which_nobody_vouches_ends_there(archive, by_hand):
    for each in (archive.root / "_keys").glob("*.json"):
        each.unlink()
    told, status = by_hand(*NEW, "!3.", "Another key")
    assert status not in {0, 99}, told


def test_a_stamp_of_another_digest_fails_by_hand(archive, by_hand):
    folder = archive.root / "_digests"
    shutil.copy(folder / "00000004.tsr", folder / "00000003.tsr")
    told, status = by_hand(*NEW, "!3.", "Another key", "3.", "5.", "7.")
    assert status not in {0, 99}, told


def spoiled(archive, how: str) -> None:
    run = archive.runs("alpine-books")[0]
    seals, digests = archive.root / "alpine-books" / "_seals", archive.root / "_digests"
    if how == "record edited":
        record = run / "record.json"
        record.write_text(record.read_text().replace("done", "fine"))
    elif how == "file gone":
        (run / "runbook.ipynb").unlink()
    elif how == "file more":
        (run / "note.txt").write_text("All was well.")
    elif how == "seal edited":
        seal = seals / "00000001.json"
        seal.write_text(seal.read_text().replace("MTEtMj", "MTEtMz").replace("Aw", "Ax", 1))
    elif how == "seals exchanged":
        other = archive.root / "bayside-legal" / "_seals" / "00000001.json"
        shutil.copy(other, seals / "00000001.json")
    elif how == "seal gone":
        (seals / "00000001.json").unlink()
    elif how == "digest gone":
        (digests / "00000002.json").unlink()
    else:
        digest = digests / "00000001.json"
        digest.write_bytes(digest.read_bytes() + b" ")


@pytest.mark.parametrize(
    "how",
    [
        "record edited",
        "file gone",
        "file more",
        "seal edited",
        "seals exchanged",
        "seal gone",
        "digest gone",
        "digest edited",
    ],
)
def test_a_spoiled_archive_fails_by_hand_too(archive, by_hand, how):
    spoiled(archive, how)
    told, status = by_hand(*OLD, *ALL)
    assert status != 0, told
