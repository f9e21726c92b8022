"""Against a real authority: `openssl ts` behind a tiny HTTP server."""

import hashlib
import shutil
import subprocess
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from o365lib.errors import EvidenceError
from o365lib.evidence.time_stamp import check, stamp, stamp_as_told, unstamped
from o365lib.parameters.time_stamping import TimeStampRules
from tests.time_stamp_authority import TimeStampAuthority

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")

CONTENT = b'{"payloadType": "a digest"}\n'
DIGEST = hashlib.sha256(CONTENT).digest()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    with TimeStampAuthority(tmp_path_factory.mktemp("authority")) as serving:
        yield serving


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    with TimeStampAuthority(tmp_path_factory.mktemp("other")) as serving:
        yield serving


@pytest.fixture(scope="module")
def stamped(authority, tmp_path_factory):
    """The content of a right stamp of `CONTENT`."""
    file = digest_in(tmp_path_factory.mktemp("archive"))
    return stamp(file, url=authority.url, roots=[authority.root_pem]).read_bytes()


@pytest.fixture(autouse=True)
def _usual_answers(authority, other):
    authority.requests.clear()
    yield
    for each in (authority, other):
        each.answer = each.stamped


def digest_in(root, number=1, content=CONTENT):
    (root / "_digests").mkdir(parents=True, exist_ok=True)
    file = root / "_digests" / f"{number:08}.json"
    file.write_bytes(content)
    return file


def refusal(call, *args, **kwargs):
    with pytest.raises(EvidenceError) as caught:
        call(*args, **kwargs)
    assert caught.value.remedy
    return caught.value.message


class TestStamp:
    def test_a_digest_gets_a_stamp_that_says_when_it_was_there(self, authority, tmp_path):
        file = digest_in(tmp_path)
        before = datetime.now(UTC).replace(microsecond=0)
        made = stamp(file, url=authority.url, roots=[authority.root_pem])
        assert made == tmp_path / "_digests" / "00000001.tsr"
        instant = check(DIGEST, made.read_bytes(), [authority.root_pem])
        assert instant.tzinfo is UTC
        assert before <= instant <= datetime.now(UTC)
        assert file.read_bytes() == CONTENT

    def test_the_root_is_published_beside_the_keys(self, authority, tmp_path):
        stamp(digest_in(tmp_path), url=authority.url, roots=[authority.root_pem])
        sha256 = hashlib.sha256(authority.root_pem).hexdigest()
        published = tmp_path / "_keys" / "time-stamp" / f"{sha256}.pem"
        assert published.read_bytes() == authority.root_pem
        stamp(digest_in(tmp_path, 2), url=authority.url, roots=[authority.root_pem])
        assert list(published.parent.iterdir()) == [published]

    def test_openssl_reads_the_same_stamp(self, authority, tmp_path):
        file = digest_in(tmp_path)
        made = stamp(file, url=authority.url, roots=[authority.root_pem])
        (tmp_path / "root.pem").write_bytes(authority.root_pem)
        told = subprocess.run(
            ["openssl", "ts", "-verify", "-data", file, "-in", made, "-CAfile", "root.pem"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        assert "Verification: OK" in told.stdout + told.stderr

    def test_only_the_digest_and_a_random_number_are_sent(self, authority, tmp_path):
        for number in (1, 2):
            stamp(digest_in(tmp_path, number), url=authority.url, roots=[authority.root_pem])
        queries = [body for _, _, body in authority.requests]
        assert all(DIGEST in body for body in queries)
        assert len({bytes(body) for body in queries}) == 2
        assert max(map(len, queries)) < 100

    def test_a_digest_that_has_a_stamp_keeps_it(self, authority, tmp_path):
        file = digest_in(tmp_path)
        made = stamp(file, url=authority.url, roots=[authority.root_pem])
        content = made.read_bytes()
        assert stamp(file, url=authority.url, roots=[authority.root_pem]) == made
        assert made.read_bytes() == content
        assert len(authority.requests) == 1
        made.write_bytes(content[:-1])
        assert "no valid time stamp" in refusal(
            stamp, file, url=authority.url, roots=[authority.root_pem]
        )
        assert made.read_bytes() == content[:-1]

    def test_what_has_no_stamp_is_found(self, authority, tmp_path):
        assert unstamped(tmp_path) == []
        first, second = digest_in(tmp_path, 1), digest_in(tmp_path, 2)
        assert unstamped(tmp_path) == [first, second]
        stamp(first, url=authority.url, roots=[authority.root_pem])
        assert unstamped(tmp_path) == [second]


class TestAsTold:
    def test_the_authority_of_the_defaults_stamps(self, authority, tmp_path):
        (tmp_path / "root.pem").write_bytes(authority.root_pem)
        rules = TimeStampRules(url=authority.url, certificate=str(tmp_path / "root.pem"))
        assert stamp_as_told(digest_in(tmp_path), rules) == ""
        assert unstamped(tmp_path) == []

    def test_one_that_fails_is_told_and_raises_nothing(self, authority, tmp_path):
        (tmp_path / "root.pem").write_bytes(authority.root_pem)
        rules = TimeStampRules(url=authority.url, certificate=str(tmp_path / "root.pem"))
        authority.answer = lambda _: (503, b"later")
        said = stamp_as_told(digest_in(tmp_path), rules)
        assert "answered 503" in said
        assert "o365 evidence stamp" in said

    def test_where_the_defaults_name_nobody_nobody_is_asked(self, tmp_path):
        file = digest_in(tmp_path)
        assert stamp_as_told(file, TimeStampRules()) == ""
        assert unstamped(tmp_path) == [file]


class TestNoStamp:
    """Whatever the authority does, there is either a right stamp or none."""

    def told(self, authority, tmp_path, roots=None, **limits):
        file = digest_in(tmp_path)
        roots = [authority.root_pem] if roots is None else roots
        said = refusal(stamp, file, url=authority.url, roots=roots, **limits)
        assert not file.with_suffix(".tsr").exists()
        assert unstamped(tmp_path) == [file]
        return said

    def test_from_an_authority_under_another_root(self, authority, other, tmp_path):
        assert "certificate" in self.told(authority, tmp_path, [other.root_pem])
        assert not (tmp_path / "_keys").exists()

    def test_from_an_answer_to_an_earlier_question(self, authority, tmp_path):
        file = digest_in(tmp_path / "before")
        stamp(file, url=authority.url, roots=[authority.root_pem])
        [(_, _, query)] = authority.requests
        replayed = authority.stamped(query)
        authority.answer = lambda _: replayed
        assert "Nonce" in self.told(authority, tmp_path)

    def test_from_a_stamp_of_something_else(self, authority, tmp_path):
        file = digest_in(tmp_path / "before", content=b"something else")
        stamp(file, url=authority.url, roots=[authority.root_pem])
        [(_, _, query)] = authority.requests
        authority.answer = lambda _: authority.stamped(query)
        assert "stamps something else" in self.told(authority, tmp_path)

    def test_from_a_refusal_which_is_told_in_its_words(self, authority, tmp_path):
        authority.answer = lambda query: authority.stamped(query[:-3])
        said = self.told(authority, tmp_path)
        assert "rejected: " in said
        assert "Bad request format" in said

    @pytest.mark.parametrize("garbage", [b"", b"\x30\x00", b"<html>", b"\x30" * 5000])
    def test_from_garbage(self, authority, tmp_path, garbage):
        authority.answer = lambda _: (200, garbage)
        assert "no answer of an authority" in self.told(authority, tmp_path)

    def test_from_an_error_or_a_huge_answer(self, authority, tmp_path):
        authority.answer = lambda _: (503, b"later")
        assert "answered 503" in self.told(authority, tmp_path)
        authority.answer = lambda _: (200, bytes(1_000_000))
        assert "larger than" in self.told(authority, tmp_path)

    def test_from_a_server_that_hangs(self, authority, tmp_path):
        release = threading.Event()
        authority.answer = lambda _: (release.wait(30), (200, b""))[1]
        said = self.told(authority, tmp_path, patience_seconds=0.3)
        assert "gave no time stamp" in said
        release.set()

    def test_without_any_root(self, authority, tmp_path):
        assert "certificate" in self.told(authority, tmp_path, [])
        assert "certificate" in self.told(authority, tmp_path, [b"no certificate"])
        assert authority.requests == []

    @pytest.mark.parametrize(
        "kind",
        [
            {"ends_in": timedelta(days=-1)},
            {"usage": ExtendedKeyUsageOID.CODE_SIGNING},
            {"is_critical": False},
        ],
    )
    def test_from_a_certificate_that_may_not_stamp_now(self, authority, tmp_path, kind):
        with ByHand(tmp_path / "fit", authority) as fit:
            assert stamp(digest_in(tmp_path / "a"), url=fit.url, roots=[fit.root_pem])
        with ByHand(tmp_path / "unfit", authority, **kind) as unfit:
            assert "not for time stamps" in self.told(unfit, tmp_path)

    def test_from_a_full_disk(self, authority, tmp_path, monkeypatch):
        from o365lib.evidence import files

        def refuse(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(files.os, "fsync", refuse)
        assert "No space left" in self.told(authority, tmp_path)


class ByHand(TimeStampAuthority):
    """Signs with any certificate, also with one with which `openssl ts` would refuse to sign."""

    def __init__(self, folder, fit, **kind):
        super().__init__(folder, **kind)
        self.fit = fit

    def stamped(self, query):
        token, content, signed = (self.folder / name for name in ("token", "content", "signed"))
        (self.folder / "answer").write_bytes(self.fit.stamped(query)[1])
        openssl("ts", "-reply", "-in", self.folder / "answer", "-token_out", "-out", token)
        openssl(*("cms", "-verify", "-noverify", "-inform", "DER"), "-in", token, "-out", content)
        openssl(
            *("cms", "-sign", "-nodetach", "-binary", "-cades", "-nosmimecap", "-outform", "DER"),
            *("-econtent_type", "1.2.840.113549.1.9.16.1.4", "-in", content, "-out", signed),
            *("-signer", self.folder / "tsa.pem", "-inkey", self.folder / "tsa.key"),
        )
        return 200, response_with(signed.read_bytes())


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def response_with(token, status="3003020100"):
    content = bytes.fromhex(status) + token
    return b"\x30\x82" + len(content).to_bytes(2, "big") + content


class TestCheck:
    def test_a_right_stamp_is_right_for_ever_and_needs_no_network(self, authority, stamped):
        assert check(DIGEST, stamped, [authority.root_pem])
        assert authority.requests == []

    def test_one_of_several_roots_is_enough(self, authority, other, stamped):
        roots = [other.root_pem, authority.root_pem, authority.root_pem]
        assert check(DIGEST, stamped, roots)
        assert check(DIGEST, stamped, [b"".join(roots)])

    def test_another_digest_was_not_there(self, authority, stamped):
        another = hashlib.sha256(b"another").digest()
        assert "something else" in refusal(check, another, stamped, [authority.root_pem])

    def test_another_root_knows_nothing_of_it(self, other, stamped):
        assert "certificate" in refusal(check, DIGEST, stamped, [other.root_pem])

    def test_without_a_root_nothing_is_known(self, stamped):
        assert "missing" in refusal(check, DIGEST, stamped, [])

    def test_a_text_that_nobody_signed_is_refused(self, authority, stamped):
        """A status may carry a text, which could say anything."""
        token = stamped[stamped.index(bytes.fromhex("3003020100")) + 5 :]
        assert stamped == response_with(token)
        answer = response_with(token, status="300a020100" + "3005" + "0c03616c6c")
        assert "no authority has signed" in refusal(check, DIGEST, answer, [authority.root_pem])

    def test_more_bytes_are_refused(self, authority, stamped):
        for more in (stamped + b"\x00", stamped + stamped):
            refusal(check, DIGEST, more, [authority.root_pem])

    def test_no_changed_byte_moves_the_instant_or_crashes(self, authority, stamped):
        """Of the few that pass, none is read: numbers and names that CMS carries twice."""
        instant = check(DIGEST, stamped, [authority.root_pem])
        passed = []
        for at in range(len(stamped)):
            changed = bytearray(stamped)
            changed[at] ^= 0x01
            try:
                assert check(DIGEST, bytes(changed), [authority.root_pem]) == instant
                passed.append(at)
            except EvidenceError:
                continue
        assert len(passed) <= 8, passed

    @settings(max_examples=200)
    @given(st.data())
    def test_no_garbage_crashes(self, authority, stamped, data):
        start = data.draw(st.integers(0, len(stamped)))
        end = data.draw(st.integers(start, len(stamped)))
        middle = data.draw(st.binary(max_size=40))
        changed = stamped[:start] + middle + stamped[end:]
        if changed != stamped:
            try:
                check(DIGEST, changed, [authority.root_pem])
            except EvidenceError as error:
                assert error.remedy  # noqa: PT017 -- most drawn examples raise, a few need not
