"""Time stamps of RFC 3161: an authority signs that a digest was there at an instant.

- A stamp is kept only if it is right: of this digest, for this question, signed for time stamping
  by a certificate that was valid at that instant and was issued by a root that we were given.
- It is kept beside the digest, as a TimeStampResp in DER, and is never written over. What
  authorities add that nobody has signed, a text say, is left out, and a stamp with more is refused:
  it could be changed without a trace.
- What a digest names was there before its stamp, and so was every digest before it.
- `openssl ts -verify` reads the same files.

https://www.rfc-editor.org/rfc/rfc3161
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from o365lib.errors import EvidenceError
from o365lib.evidence import authority_http, chain, layout
from o365lib.evidence.files import create_atomically, make_folder
from o365lib.plain_text import one_line

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from o365lib.parameters.time_stamping import TimeStampRules

PATIENCE_SECONDS = 20.0
SUFFIX = ".tsr"

_SHA256 = "2.16.840.1.101.3.4.2.1"
# PKIStatus; "granted with modifications" is no promise that we have read.
_GRANTED = 0
_STATUS = {
    1: "granted with modifications",
    2: "rejected",
    3: "waiting",
    4: "a warning of revocation",
    5: "revoked",
}
_UNTRUSTED = (
    "it was altered, or signed with a certificate that nobody issued who is trusted here, or that"
    " was not valid then, or is not for time stamps"
)
# CMS: with a content that is not mere data, and with a signer who is named by issuer and number.
_SIGNED_DATA_VERSION, _SIGNER_VERSION = 3, 1
_SEQUENCE, _LONG_FORM = 0x30, 0x80
_GRANTED_STATUS = bytes.fromhex("3003020100")  # SEQUENCE { INTEGER 0 }


def stamp(
    digest_file: Path,
    *,
    url: str,
    roots: Sequence[bytes],
    patience_seconds: float = PATIENCE_SECONDS,
) -> Path:
    """Let an authority stamp a digest, and return the stamp's file, beside the digest's.

    The roots are published in the archive first. A digest that has a stamp keeps it.

    Args:
        digest_file: in an archive's folder of digests.
        url: of the authority, http or https.
        roots: the authority's root certificates, in PEM form.
        patience_seconds: for its answer.

    Raises:
        EvidenceError: there is no stamp, and it says why; the digest is as good as before.
    """
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    file = digest_file.with_suffix(SUFFIX)
    content = chain.read(digest_file)
    digest = hashlib.sha256(content).digest()
    if file.exists():
        check(digest, chain.read(file), roots)
        return file
    certificates = _certificates(roots)
    query = (
        TimestampRequestBuilder()
        .data(content)
        .hash_algorithm(HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    raw = authority_http.ask(url, query.as_bytes(), patience_seconds=patience_seconds)
    response = _decoded(raw)
    _verify(response, digest, certificates, nonce=query.nonce)
    try:
        _publish(digest_file.parent.parent, roots)
        create_atomically(file, _response(response.time_stamp_token()))
    except FileExistsError:  # another process was quicker
        check(digest, chain.read(file), roots)
    except OSError as error:
        raise EvidenceError(
            f"The time stamp {file} cannot be written ({error.strerror}).",
            state="The digest is in the archive without a time stamp.",
            remedy="Make room or give yourself the right to write there; then o365 evidence stamp.",
        ) from error
    return file


def stamp_as_told(digest_file: Path, rules: "TimeStampRules") -> str:
    """Let the authority that the defaults name stamp a digest; without one do nothing.

    An authority that fails is no fault of a run, so nothing is raised.

    Args:
        digest_file: in an archive's folder of digests.
        rules: the defaults' `time_stamp`.

    Returns:
        Why there is no stamp, in sentences for people; empty where all is as it should be.
    """
    if rules.url is None:
        return ""
    try:
        stamp(digest_file, url=rules.url, roots=rules.roots)
    except EvidenceError as error:
        return str(error)
    return ""


def check(digest: bytes, tsr: bytes, roots: Sequence[bytes]) -> datetime:
    """Return for when an authority has signed that a digest was there.

    Args:
        digest: the SHA-256 of the digest's file.
        tsr: the stamp's file.
        roots: the certificates of the authorities that are trusted, in PEM form.

    Raises:
        EvidenceError: it is no stamp, one of something else, is signed by nobody who is trusted or
            was not allowed to stamp at that instant, or has parts that nobody signed.
    """
    response = _decoded(tsr)
    instant = _verify(response, digest, _certificates(roots), nonce=None)
    if tsr != _response(response.time_stamp_token()):
        raise _invalid("it has parts that no authority has signed")
    return instant


def unstamped(root: Path) -> list[Path]:
    """Return an archive's digests that have no time stamp, the first first.

    Raises:
        EvidenceError: the archive's digests cannot be listed.
    """
    folder = root / layout.DIGESTS
    files = [chain.path_of(folder, number) for number in chain.numbers(folder)]
    return [file for file in files if not file.with_suffix(SUFFIX).exists()]


def _decoded(raw: bytes) -> Any:
    from rfc3161_client import decode_timestamp_response

    try:
        response = decode_timestamp_response(raw)
        status = response.status
        if status != _GRANTED:
            said = one_line("; ".join(response.status_string))[:200]
            raise _invalid(f"{_STATUS.get(status, f'status {status}')}{said and f': {said}'}")
        signed = response.signed_data
        signers = signed.signer_infos
        versions = (signed.version, *(each.version for each in signers))
    except (ValueError, TypeError, AttributeError) as error:
        raise _invalid("it is no answer of an authority, or is not in DER") from error
    if versions != (_SIGNED_DATA_VERSION, _SIGNER_VERSION):
        raise _invalid("it is not signed by exactly one authority")
    return response


def _verify(
    response: Any, digest: bytes, certificates: Sequence["Certificate"], *, nonce: int | None
) -> datetime:
    from cryptography.x509 import InvalidVersion
    from rfc3161_client import VerificationError, VerifierBuilder

    try:
        builder = VerifierBuilder(roots=list(certificates), nonce=nonce)
        imprint = response.tst_info.message_imprint
        if imprint.hash_algorithm.dotted_string != _SHA256 or imprint.message != digest:
            raise _invalid("it stamps something else")
        builder.build().verify(response, digest)
        instant: datetime = response.tst_info.gen_time
    except VerificationError as error:
        why = one_line(str(error))
        # OpenSSL's words for it tell nobody anything.
        raise _invalid(_UNTRUSTED if why.startswith("Error while ver") else why[:200]) from error
    except (ValueError, TypeError, AttributeError, InvalidVersion) as error:
        raise _invalid(f"it cannot be read ({type(error).__name__})") from error
    return instant.astimezone(UTC)


def _certificates(roots: Sequence[bytes]) -> list["Certificate"]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        found = [each for pem in roots for each in load_pem_x509_certificates(pem)]
    except ValueError:
        found = []
    if not found:
        raise EvidenceError(
            "The certificate of the time stamp authority is missing or cannot be read.",
            remedy="Name a PEM file with the authority's root certificate.",
        )
    return found


def _publish(root: Path, roots: Sequence[bytes]) -> None:
    folder = root / layout.TIME_STAMP_ROOTS
    for pem in roots:
        file = folder / f"{hashlib.sha256(pem).hexdigest()}.pem"
        if not file.exists():
            make_folder(folder.parent)
            make_folder(folder)
            try:
                create_atomically(file, pem)
            except FileExistsError:  # another process was quicker; the name is the content
                continue


def _response(token: bytes) -> bytes:
    """A TimeStampResp that grants a token and says nothing more."""
    content = _GRANTED_STATUS + token
    length = len(content)
    if length < _LONG_FORM:
        return bytes([_SEQUENCE, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([_SEQUENCE, _LONG_FORM | len(size)]) + size + content


def _invalid(why: str) -> EvidenceError:
    return EvidenceError(
        f"This is no valid time stamp: {why}.",
        remedy="Compare the file with a copy, and the certificate with the authority's own page.",
    )
