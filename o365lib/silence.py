"""What it means that no answer came: why, and whether the request may have been sent.

- "Not sent" is said only where the failure itself shows it: no connection was made, the proxy
  refused the tunnel, or the server's certificate was refused in the handshake. Whatever else went
  wrong, the request may have taken effect.
- A proxy's error proves nothing: once its connection is closed, urllib3 no longer knows that the
  proxy was reached, and calls a lost answer "Unable to connect to proxy" as well.
- Failures of earlier requests, in whose handling this one was sent, do not count.
"""

import http.client
import ssl
from typing import Final

import urllib3.exceptions as urllib3_errors

from o365lib.errors import NoAnswer

# What `http.client` says when a proxy answers CONNECT with anything but 200, and what requests
# says of a bundle that is not there. Both have no class of their own.
_TUNNEL_REFUSED: Final = "Tunnel connection failed: "
_NO_BUNDLE: Final = "Could not find a suitable TLS CA certificate bundle"

# Before the request's first byte. A refused connection is the more special kind of the two.
_NOT_CONNECTED: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (urllib3_errors.NameResolutionError, "name not resolved"),
    (urllib3_errors.NewConnectionError, "connection refused"),
    (urllib3_errors.ConnectTimeoutError, "connect timeout"),
)

# The request may have arrived, as a whole or in part. Most telling first.
_LOST: Final[tuple[tuple[tuple[type[BaseException], ...], str], ...]] = (
    ((urllib3_errors.ReadTimeoutError, TimeoutError), "timeout"),
    ((http.client.IncompleteRead, urllib3_errors.DecodeError), "answer broken off"),
    ((urllib3_errors.InvalidHeader,), "answer not readable"),
    ((urllib3_errors.ProtocolError, ConnectionError), "connection reset"),
    ((ssl.SSLError, urllib3_errors.SSLError), "TLS failed"),
)


def explain(error: Exception, *, cloud_name: str, handled: BaseException | None) -> NoAnswer:
    """Return what to say of a request that ended without an answer.

    Args:
        error: as requests or urllib3 raised it.
        cloud_name: for the message.
        handled: what was being handled when the request was sent, `sys.exception()`; Python links
            it to every error that comes after it, though it is not their cause.
    """
    causes = _causes(error, but_not=handled)

    def is_due_to(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if is_due_to(ssl.SSLCertVerificationError):
        return NoAnswer(
            "certificate not trusted",
            f"The server that answered for the cloud {cloud_name!r} has no certificate that this "
            "machine trusts.",
            was_sent=False,
            is_lasting=True,
            remedy="If your company inspects TLS, set REQUESTS_CA_BUNDLE to its certificate "
            "bundle. Otherwise do not go on.",
        )
    if str(error).startswith(_NO_BUNDLE):
        return NoAnswer(
            "no certificate bundle",
            f"The certificate bundle cannot be read: {error}",
            was_sent=False,
            is_lasting=True,
            remedy="Correct REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE, or restart the sandbox.",
        )
    reason = next((reason for kind, reason in _NOT_CONNECTED if is_due_to(kind)), "")
    if any(str(cause).startswith(_TUNNEL_REFUSED) for cause in causes):
        reason = "proxy"
    was_sent = not reason
    if was_sent:
        reason = next((said for kinds, said in _LOST if is_due_to(*kinds)), "connection failed")
    elif is_due_to(urllib3_errors.ProxyError):
        reason = "proxy"
    return NoAnswer(
        reason,
        f"No answer from the cloud {cloud_name!r}: {reason}.",
        was_sent=was_sent,
        remedy="Check the network and the proxy settings, then try again.",
    )


def _causes(error: BaseException, *, but_not: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and one is not but_not and one not in found:
            found.append(one)
            waiting += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
    return found
