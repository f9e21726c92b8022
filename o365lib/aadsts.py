"""The sign-in service's refusals as sentences with a way out.

- One entry per AADSTS number that a runbook can meet; a number that is not here is shown in the
  service's own words, with the address of Microsoft's page about it.
- Numbers choose words, never what the program does: Microsoft may add and move them.
- No trace ids, nothing secret; the correlation id is kept, because support asks for it.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from o365lib import secret
from o365lib.errors import SignInError

_AS_WHO = "sign in as the identity that the client file names"
_RENEW = (
    "Make a new client secret in Entra (App registrations > Certificates & secrets), and store its "
    "value where the client file says."
)
_AGAIN = "Sign in again."
_ASK_CA = (
    "Ask the client's administrator which policy it is (Entra > Sign-in logs), and sign in from a "
    "device and place that it allows."
)
_MFA = (
    "Sign in with `device-code` or `browser`, where the second factor can be given; or use an "
    "application with a certificate."
)

SENTENCES: Final[Mapping[int, tuple[str, str]]] = {
    50126: ("The user name or the password is wrong.", "Sign in again with the right one."),
    50034: (
        "This tenant has no such user.",
        f"Check the user name and the tenant in the client file, then {_AS_WHO}.",
    ),
    50053: (
        "The account is locked after too many wrong passwords, or the address is blocked.",
        "Wait some minutes, then try again; the lock grows with each further try.",
    ),
    50055: (
        "The password has expired or must be changed at this sign-in.",
        "Sign in once at https://portal.office.com, choose a new password, then run this again.",
    ),
    50057: (
        "The account is disabled.",
        "Have an administrator of the client enable it, or sign in as somebody else.",
    ),
    50072: (
        "The account must be enrolled in multi-factor authentication first.",
        "Sign in once at https://aka.ms/mfasetup and enrol, then run this again.",
    ),
    50076: ("The tenant asks for multi-factor authentication.", _MFA),
    50079: (
        "The account must be enrolled in multi-factor authentication first.",
        "Sign in once at https://aka.ms/mfasetup and enrol, then run this again.",
    ),
    50158: (
        "The tenant asks for a check by another identity service.",
        "Sign in with `browser`, where that service can ask its questions.",
    ),
    50196: (
        "The sign-in service is asked for tokens too often and takes it for a loop.",
        "Wait some minutes, then run again, with fewer clients at once (`--jobs`).",
    ),
    53000: (
        "The tenant lets only devices in that comply with its rules, and this one does not.",
        _ASK_CA,
    ),
    53001: ("The tenant lets only devices in that are joined to its domain.", _ASK_CA),
    53003: ("A Conditional Access policy of the tenant blocks this sign-in.", _ASK_CA),
    530035: (
        "The tenant's security defaults block this sign-in.",
        "Sign in with multi-factor authentication, by `device-code` or `browser`.",
    ),
    65001: (
        "Nobody has consented to this application in the client's tenant.",
        (
            "Have a Global Administrator of the client consent: sign in once with `browser` and "
            "accept for the organisation, or grant admin consent in Entra (Enterprise "
            "applications)."
        ),
    ),
    65004: (
        "The consent was declined.",
        "Run the step again and accept, or have an administrator of the client consent.",
    ),
    90094: (
        "The permissions asked for need an administrator's consent.",
        "Have a Global Administrator of the client grant admin consent in Entra.",
    ),
    50105: (
        "The tenant lets only assigned users use this application, and this one is not assigned.",
        "Have an administrator assign the user in Entra (Enterprise applications).",
    ),
    50011: (
        "The application does not know the address to which the browser should return.",
        "Add http://localhost to it as a redirect address of a mobile and desktop application.",
    ),
    700016: (
        "The application is not known in this tenant.",
        (
            "Check application_id, tenant and cloud in the client file: an application that is "
            "registered in one cloud is not known in another. If they are right, have the client's "
            "administrator consent to the application."
        ),
    ),
    7000215: (
        "The client secret is wrong; often its id was stored in place of its value.",
        _RENEW,
    ),
    7000222: ("The client secret has expired.", _RENEW),
    700027: (
        "The certificate is not registered with the application, or its signature is wrong.",
        (
            "Upload the certificate's public part in Entra (App registrations > Certificates & "
            "secrets), or correct the path in the client file."
        ),
    ),
    700024: (
        "The certificate's assertion is not valid at the service's time.",
        "Set this machine's clock right.",
    ),
    7000218: (
        "The application wants a secret or a certificate: it is no public client.",
        (
            "Allow public client flows in Entra (App registrations > Authentication), or use "
            "`client-secret` or `certificate` in the client file."
        ),
    ),
    7000112: (
        "The application is disabled in this tenant.",
        "Have the client's administrator enable it in Entra (Enterprise applications).",
    ),
    90002: (
        "There is no such tenant in this cloud.",
        "Check `tenant` and `cloud` in the client file.",
    ),
    900023: (
        "The tenant in the client file is neither a tenant id nor a domain.",
        "Correct `tenant` in the client file.",
    ),
    70011: (
        "The service does not know a permission that was asked for.",
        "Check `cloud` in the client file: permissions are named after the cloud's Graph.",
    ),
    500011: (
        "The service for which a token was asked is not known in this tenant.",
        "Check `cloud` and `tenant` in the client file.",
    ),
    50020: (
        "The user belongs to another tenant and is no guest of this one.",
        f"Check `tenant` in the client file, then {_AS_WHO}.",
    ),
    50177: (
        "The user comes from another tenant, and this one does not let that user in so.",
        f"For a partner's user, check the delegated admin relationship; or {_AS_WHO}.",
    ),
    70016: ("Nobody finished the sign-in in time.", _AGAIN),
    70018: ("The code that was entered is wrong or was used before.", _AGAIN),
    70019: ("The code has expired before it was entered.", _AGAIN),
    70043: ("The sign-in is too old for the tenant's rules.", _AGAIN),
    700082: ("The sign-in has expired, because it was not used for long.", _AGAIN),
    50173: (
        "The sign-in was revoked: the password was changed, or the sessions were ended.",
        _AGAIN,
    ),
}

# How a device code or a browser's sign-in can end.
# https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code#expected-errors
_ENDS: Final[Mapping[str, tuple[str, str]]] = {
    "authorization_declined": ("The sign-in was declined.", _AGAIN),
    "access_denied": ("The sign-in was declined or blocked.", _AGAIN),
    "abort": ("The sign-in was broken off in the browser.", _AGAIN),
    "authorization_pending": SENTENCES[70016],
    "slow_down": SENTENCES[70016],
    "bad_verification_code": SENTENCES[70018],
    "expired_token": SENTENCES[70019],
}


def explain(answer: Mapping[str, Any]) -> SignInError:
    """Return the error that an answer of the sign-in service stands for.

    Args:
        answer: the JSON object with `error`, as MSAL hands it on.
    """
    error = str(answer.get("error") or "")
    description = str(answer.get("error_description") or "")
    number = _number(answer.get("error_codes"), description)
    # A device code's end has its own OAuth error, which says more than its number.
    is_end = error in _ENDS and error != "access_denied"
    sentence = (_ENDS[error] if is_end else SENTENCES.get(number)) or _ENDS.get(error)
    message, remedy = sentence or _own_words(description, number)
    return SignInError(
        f"{message} (AADSTS{number})" if number else message,
        remedy=remedy,
        error=error,
        code=number,
        correlation_id=str(answer.get("correlation_id") or ""),
    )


def _number(codes: object, description: str) -> int:
    if isinstance(codes, list) and codes and isinstance(codes[0], int):
        return codes[0]
    found = re.match(r"AADSTS(\d+)", description)
    return int(found[1]) if found else 0


def _own_words(description: str, number: int) -> tuple[str, str]:
    first = re.split(r"[\r\n]|Trace ID:", description)[0]
    words = re.sub(r"^AADSTS\d+:\s*", "", first).strip()
    printable = "".join(character for character in words if character.isprintable())
    message = secret.mask(printable) or "The sign-in service refused without a reason."
    if not number:
        return message, "Try again later."
    page = f"https://login.microsoftonline.com/error?code={number}"
    return message, f"Microsoft's page about it: {page}"
