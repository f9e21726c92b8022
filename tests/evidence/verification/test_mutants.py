"""What a forger could do to a real archive, thousands of times: each is told, none goes unseen.

Every mutant differs from the archive in at least one byte or name that is evidence: what is changed
into itself is no mutant and is not counted. The verifier skips nothing.
"""

import base64
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from o365lib.evidence.envelope import PAYLOAD_TYPE, Envelope, Signature, sign
from o365lib.evidence.verification import Head, Kind, current, verify
from tests.evidence.eventful_archive import small
from tests.evidence.memory_store import MemoryStore
from tests.evidence.signers import ed25519
from tests.time_stamp_authority import TimeStampAuthority

Files = dict[str, bytes]

# How many mutants each test makes at least. The sum is what the archive has to withstand.
LEAST = {
    "fields of a run": 300,
    "envelopes": 350,
    "statements": 100,  # of each of 14 files
    "bytes": 820,
    "files": 340,  # in each of 4 shares
    "folders": 170,
    "random": 220,  # in each of 4 shares
}


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """The archive, in memory, and everything that a test needs to know of it."""
    folder = tmp_path_factory.mktemp("mutants")
    with TimeStampAuthority(folder / "authority") as authority:
        made = small(folder, authority=authority)
    every = MemoryStore.of(made.root).files
    files = {name: every[name] for name in every if not name.startswith(".")}  # locks prove nothing
    del files["_digests/00000003.tsr"]  # one is enough, and verifying it takes a while
    return Subject(files, made, authority.root_pem)


class Subject:
    """The sound archive."""

    def __init__(self, files: Files, made: Any, root: bytes) -> None:
        self.files = files
        self.root = root
        self.made = made
        self.first_key = made.first_key
        self.head = current(MemoryStore(files))
        # One run with all kinds of files, its seal, and the digest that covers it.
        self.run = next(name for name in files if name.endswith("/approval.json")).rpartition("/")[
            0
        ]
        self.seal = "bayside-legal/_seals/00000001.json"
        self.digest = "_digests/00000002.json"
        self.signed = [
            name
            for name in files
            if "/_" in f"/{name}" and name.endswith(".json") and not name.endswith("/inputs.json")
        ]
        self.stranger = ed25519("Mallory")

    def verified(self, files: Files, heads: tuple[Head, ...] = ()):
        return verify(
            MemoryStore(files), keys=[self.first_key], heads=heads, time_stamp_roots=[self.root]
        )

    def tells(self, files: Files, what: str) -> int:
        """Demand that a mutant is told; return 1, or 0 for what is no mutant."""
        edited = any(self.files.get(name) != content for name, content in files.items())
        # A time stamp may come later, or never: an archive without one is as sound as before.
        is_gone = any(not is_optional(name) for name in self.files.keys() - files.keys())
        if not edited and not is_gone:
            return 0
        assert self.verified(files).problems, what
        return 1


def is_optional(name: str) -> bool:
    return name.endswith(".tsr") or "/time-stamp/" in name


def test_together_these_are_the_mutants_that_were_promised():
    shares = {"statements": 12, "files": 4, "random": 4}
    assert sum(least * shares.get(name, 1) for name, least in LEAST.items()) >= 5000


def test_the_untouched_archive_is_sound_with_and_without_a_key(archive):
    for keys in ([archive.first_key], []):
        report = verify(MemoryStore(archive.files), keys=keys, heads=[archive.head])
        assert (report.problems, report.counts["runs"]) == ((), 5)


# -- JSON, by its fields ---------------------------------------------------------------------------


def paths(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Every place in a JSON document, the root left out."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield (*path, name)
            yield from paths(each, (*path, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield (*path, number)
            yield from paths(each, (*path, number))


def changed(value: Any) -> Any:
    """Another value of the same type, where there is one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return ("f" if value[:1] != "f" else "e") + value[1:]
    if isinstance(value, list):
        return [*value, *value] or [1]
    if isinstance(value, dict):
        return {**value, "more": 1}
    return "something"


class Twice(dict):
    """An object in which one name stands twice, when it is written."""

    def items(self):
        found = list(super().items())
        return [*found, found[-1]]


def with_field(document: Any, path: tuple, how: str) -> Any:
    """A document in which one field is changed, deleted, duplicated or of another type."""
    whole = copy.deepcopy(document)
    holder = whole
    for step in path[:-1]:
        holder = holder[step]
    last = path[-1]
    if how == "change":
        holder[last] = changed(holder[last])
    elif how == "delete":
        del holder[last]
    elif how == "retype":
        holder[last] = {"x": [None]} if not isinstance(holder[last], dict) else 10**30
    elif how == "duplicate" and isinstance(holder, list):
        holder.insert(last, copy.deepcopy(holder[last]))
    else:
        rest = {name: each for name, each in holder.items() if name != last}
        twice = Twice({**rest, last: holder[last]})
        if len(path) == 1:
            return twice
        above = whole
        for step in path[:-2]:
            above = above[step]
        above[path[-2]] = twice
    return whole


def written(document: Any, *, indent: int | None = 1) -> bytes:
    return json.dumps(document, indent=indent, ensure_ascii=False).encode()


HOWS = ("change", "delete", "duplicate", "retype")


def test_every_field_of_every_file_of_a_run(archive):
    told = 0
    for name in [each for each in archive.files if each.startswith(archive.run)]:
        document = json.loads(archive.files[name])
        for path in paths(document):
            for how in HOWS:
                content = written(with_field(document, path, how)) + b"\n"
                told += archive.tells({**archive.files, name: content}, f"{name} {path} {how}")
        for indent in (None, 3):
            again = written(document, indent=indent)
            told += archive.tells({**archive.files, name: again}, f"{name} written again")
    assert told >= LEAST["fields of a run"]


def test_every_field_of_every_envelope(archive):
    told = 0
    for name in archive.signed:
        document = json.loads(archive.files[name])
        for path in paths(document):
            for how in HOWS:
                content = written(with_field(document, path, how)) + b"\n"
                told += archive.tells({**archive.files, name: content}, f"{name} {path} {how}")
        forms = [
            written(document, indent=None),
            written(dict(reversed(document.items()))) + b"\n",
            archive.files[name].rstrip(),
            archive.files[name].replace(b"\n", b"\r\n"),
            b"\xef\xbb\xbf" + archive.files[name],
            written({**document, "signatures": []}) + b"\n",
            written({**document, "payload": document["payload"].rstrip("=") + " "}) + b"\n",
            written({**document, "payload": document["payload"] + "AAAA"}) + b"\n",
        ]
        for content in forms:
            told += archive.tells({**archive.files, name: content}, f"{name} in another form")
    assert told >= LEAST["envelopes"]


def forged(archive: Subject, name: str, payload: bytes) -> Iterator[tuple[str, Files]]:
    """An altered statement in its place, signed in all the ways that a forger has."""
    old = Envelope.from_json(archive.files[name])
    stranger = archive.stranger
    lent = (Signature(old.signatures[0].key_id, sign(payload, stranger).signatures[0].signature),)
    yield (
        "with the old signature",
        {name: Envelope(payload, PAYLOAD_TYPE, old.signatures).to_json()},
    )
    yield "under a borrowed key id", {name: Envelope(payload, PAYLOAD_TYPE, lent).to_json()}
    by_stranger = sign(payload, stranger).to_json()
    yield "by a stranger", {name: by_stranger}
    published = f"_keys/{stranger.key.key_id}.pem"
    yield "by a published stranger", {name: by_stranger, published: stranger.key.pem}


@pytest.mark.parametrize("number", range(14))
def test_every_field_of_every_statement_signed_by_whomever(archive, number):
    told = 0
    name = archive.signed[number]
    document = json.loads(Envelope.from_json(archive.files[name]).payload)
    for path in paths(document):
        for how in HOWS:
            payload = written(with_field(document, path, how))
            ways = list(forged(archive, name, payload))
            for way, files in ways if how == "change" else ways[told % 4 :][:1]:
                told += archive.tells({**archive.files, **files}, f"{name} {path} {how} {way}")
    assert told >= LEAST["statements"]


def test_there_are_as_many_signed_files_as_the_test_above_takes(archive):
    assert len(archive.signed) == 14


def test_a_seal_that_its_own_signer_has_signed_anew_is_told_by_the_digest(archive):
    """Whoever has the key can rewrite a seal, but not what others say of it."""
    document = json.loads(Envelope.from_json(archive.files[archive.seal]).payload)
    for path in paths(document):
        for how in HOWS[:3]:
            payload = written(with_field(document, path, how))
            content = sign(payload, archive.made.first_signer).to_json()
            archive.tells({**archive.files, archive.seal: content}, f"{path} {how}")


# -- bytes, files and folders ----------------------------------------------------------------------


def test_bytes_of_every_file_of_a_run_and_of_what_is_signed_about_it(archive):
    told = 0
    for name in [
        *filter(lambda each: each.startswith(archive.run), archive.files),
        archive.seal,
        archive.digest,
    ]:
        content = archive.files[name]
        for at in range(0, len(content), max(1, len(content) // 180)):
            flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
            told += archive.tells({**archive.files, name: flipped}, f"{name} byte {at}")
    assert told >= LEAST["bytes"]


@pytest.mark.parametrize("share", range(4))
def test_every_file_cut_deleted_renamed_duplicated_and_swapped(archive, share):
    told, files = 0, archive.files
    for name in sorted(files)[share::4]:
        content = files[name]
        others = {each: files[each] for each in files if each != name}
        folder, _, file = name.rpartition("/")
        stem, _, ending = file.rpartition(".")
        told += archive.tells(others, f"{name} deleted")
        for part in (b"", content[: len(content) // 2], content[:-1], content + b"\n", b"\0" * 9):
            told += archive.tells({**files, name: part}, f"{name} cut or longer")
        for new in (
            f"{folder}/{stem}-2.{ending}",
            f"{folder}/{file}.bak",
            f"{folder}/{stem[:-1]}9.{ending}",
            f"{folder}/{file}".upper(),
            f"elsewhere/{name}",
            file,
            f".hidden/{name}",
            f"_{name}",
            f"{folder}/.{file}",
        ):
            told += archive.tells({**others, new: content}, f"{name} renamed {new}")
            told += archive.tells({**files, new: content}, f"{name} duplicated {new}")
        for number, (other, theirs) in enumerate(others.items()):
            if number % 2:
                told += archive.tells({**files, name: theirs}, f"{name} replaced by {other}")
            if name < other:
                swapped = {**files, name: theirs, other: content}
                told += archive.tells(swapped, f"{name} and {other} swapped")
    assert told >= LEAST["files"]


def moved(files: Files, pairs: dict[str, str]) -> Files:
    """Folders renamed all at once; an empty new name deletes."""
    found = {}
    for name, content in files.items():
        new = name
        for old, to in pairs.items():
            if name.startswith(f"{old}/"):
                new = f"{to}/{name.removeprefix(f'{old}/')}" if to else ""
                break
        if new:
            found[new] = content
    return found


def test_every_folder_deleted_moved_copied_and_exchanged(archive):
    told, files = 0, archive.files
    folders = sorted({name.rpartition("/")[0] for name in files})
    clients = sorted({name.partition("/")[0] for name in files})
    for folder in dict.fromkeys([*folders, *clients]):
        client, _, item = folder.partition("/")
        told += archive.tells(moved(files, {folder: ""}), f"{folder} deleted")
        for new in (
            "zebra-zoo",
            f"zebra-zoo/{item}",
            f"{client}/20261124T000000000Z-create-ffffff",
        ):
            there = moved(files, {folder: new})
            told += archive.tells(there, f"{folder} moved to {new}")
            told += archive.tells({**there, **files}, f"{folder} copied to {new}")
    for same_depth in (folders, clients):
        for number, one in enumerate(same_depth):
            for other in same_depth[number + 1 :]:
                if one.count("/") == other.count("/"):
                    exchanged = moved(files, {one: other, other: one})
                    told += archive.tells(exchanged, f"{one} and {other} exchanged")
    assert told >= LEAST["folders"]


def test_a_tail_cut_off_together_with_its_digests_is_told_by_a_head(archive):
    """The one forgery that an archive cannot show by itself."""
    cut = moved(archive.files, {"cedar-dental": ""})
    cut = {
        name: content
        for name, content in cut.items()
        if not name.startswith("_digests/00000004.") and "_reconciliations" not in name
    }
    assert archive.verified(cut).is_sound
    problems = archive.verified(cut, heads=(archive.head,)).problems
    assert [(each.kind, each.file) for each in problems] == [(Kind.MISSING, archive.head.file)]


# -- at random -------------------------------------------------------------------------------------


@st.composite
def edits(draw: st.DrawFn, files: Files) -> Files:
    """One to three edits of any kind."""
    found = dict(files)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(found)))
        content = found[name]
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        kind = draw(
            st.sampled_from(
                ("byte", "cut", "insert", "delete", "rename", "copy", "swap", "fields", "line")
            )
        )
        other = draw(st.sampled_from(sorted(found)))
        if kind == "byte" and content:
            value = draw(st.integers(0, 255))
            found[name] = content[:at] + bytes([value]) + content[at + 1 :]
        elif kind == "cut":
            found[name] = content[:at]
        elif kind == "insert":
            found[name] = content[:at] + draw(st.binary(min_size=1, max_size=40)) + content[at:]
        elif kind == "delete":
            del found[name]
        elif kind == "rename":
            letters = st.sampled_from("_-/0aZ9.ä\n")
            new = name[: at % len(name)] + draw(letters) + name[at % len(name) :]
            found[new] = found.pop(name)
        elif kind == "copy":
            found[other] = content
        elif kind == "swap":
            found[name], found[other] = found[other], content
        elif kind == "line":
            lines = content.splitlines(keepends=True)
            found[name] = b"".join(draw(st.permutations(lines))) if lines else b"\n"
        else:
            found[name] = with_fields_swapped(draw, content)
    return found


def with_fields_swapped(draw: st.DrawFn, content: bytes) -> bytes:
    """Two fields of a JSON file, or of the statement in it, in each other's place."""
    try:
        document = json.loads(content)
    except ValueError:
        return content + b" "
    inner = isinstance(document, dict) and "payload" in document
    try:
        target = json.loads(base64.b64decode(document["payload"])) if inner else document
    except ValueError:
        return content + b" "
    places = list(paths(target))
    if len(places) < 2:
        return content + b" "
    one, two = draw(st.sampled_from(places)), draw(st.sampled_from(places))
    if one == two[: len(one)] or two == one[: len(two)]:  # one holds the other
        return content + b" "
    first, second = at_path(target, one), at_path(target, two)
    put_at(target, one, second)
    put_at(target, two, first)
    if inner:
        document["payload"] = base64.b64encode(written(target)).decode()
    return written(document) + b"\n"


def at_path(document: Any, path: tuple) -> Any:
    for step in path:
        document = document[step]
    return document


def put_at(document: Any, path: tuple, value: Any) -> None:
    at_path(document, path[:-1])[path[-1]] = value


@pytest.mark.parametrize("share", range(4))
def test_edits_of_all_kinds_at_random(archive, share):
    told = 0

    @settings(
        max_examples=LEAST["random"] + 50,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=False,
    )
    @given(st.data())
    def mutate(data: st.DataObject) -> None:
        nonlocal told
        told += archive.tells(data.draw(edits(archive.files)), "at random")

    mutate()
    assert told >= LEAST["random"]
