"""The search is worth as much as what it finds."""

import base64
import gzip
import html
import json
import sqlite3
from urllib.parse import quote

import pytest

from tests.faults.search import Written

PASSWORD = "Kp#7vXq%m-2RtZ@w8=nB+d4Y"
TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9." + "".join(f"{n:03x}Zq" for n in range(300))


def found(content, *, secret=PASSWORD):
    written = Written()
    written.add("innocent", b"nothing to see here")
    written.add("place", content)
    return written.leaks({secret})


SPELLINGS = {
    "plain": PASSWORD,
    "json": json.dumps({"password": PASSWORD + "\n"}),
    "json in json": json.dumps({"text": json.dumps({"password": PASSWORD})}),
    "form field": f"client_secret={quote(PASSWORD, safe='')}&",
    "html": html.escape(PASSWORD),
    "hexadecimal": PASSWORD.encode().hex(),
    "utf-16": f"x{PASSWORD}y".encode("utf-16"),
    "gzip": gzip.compress(b"before " + PASSWORD.encode()),
    "wrapped in a box": f"│ {PASSWORD[:10]} │\n│ {PASSWORD[10:]} │",
    "two strings of a list": json.dumps([PASSWORD[:9] + "\n", PASSWORD[9:]], indent=1),
    "terminal colours": f"\x1b[1m{PASSWORD[:9]}\x1b[0m\r\n{PASSWORD[9:]}",
    "repr": repr({"p": PASSWORD}),
    "backwards": PASSWORD[::-1],
}


# Named, because gzip writes the hour into its header: workers of one suite would not collect alike.
@pytest.mark.parametrize("content", SPELLINGS.values(), ids=SPELLINGS)
def test_a_secret_is_found_in_every_spelling(content):
    assert {leak.partition(":")[0] for leak in found(content)} == {"place"}


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("after", ["", ".", "..", "..."])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_found_anywhere_in_a_text_in_base64(before, after, encode):
    assert found(encode(f"{before}{PASSWORD}{after}".encode()))


@pytest.mark.parametrize("piece", [TOKEN[:200], TOKEN[100:160], TOKEN[-40:], TOKEN[740:900]])
def test_a_piece_of_a_token_is_a_leak_too(piece):
    assert found(f"Bearer {piece}", secret=TOKEN)


@pytest.mark.parametrize(
    "content", ["", PASSWORD[:-1], PASSWORD.swapcase(), TOKEN.partition(".")[0]]
)
def test_what_is_no_secret_is_not_found(content):
    assert found(content) == []
    assert found(content, secret=TOKEN) == []


def test_files_are_searched_whatever_they_are_and_the_operators_own_store_is_not(tmp_path):
    (tmp_path / ".hidden" / "deep").mkdir(parents=True)
    (tmp_path / ".hidden" / "deep" / "core.bin").write_bytes(b"\0\xff" + PASSWORD.encode())
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "own.secret").write_text(PASSWORD)
    database = sqlite3.connect(tmp_path / "history.sqlite")
    database.execute("create table history (source text)")
    database.execute("insert into history values (?)", (f"x = '{PASSWORD}'",))
    database.commit()
    database.close()
    written = Written()
    written.add_folder(tmp_path, but=("store",))
    assert written.leaks({PASSWORD}) == [
        f"{tmp_path.name}/.hidden/deep/core.bin: raw",
        f"{tmp_path.name}/history.sqlite: raw",
    ]
