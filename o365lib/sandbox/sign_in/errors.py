"""The authority's errors: AADSTS numbers, their OAuth error, status and text.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
Texts are Microsoft's where they were recorded, else the sense of the page.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from o365lib.sandbox.exchange import Reply
from o365lib.sandbox.identifiers import new_id

if TYPE_CHECKING:
    from datetime import datetime

_GRANT, _CLIENT, _REQUEST = "invalid_grant", "invalid_client", "invalid_request"
_UNAUTHORIZED, _INTERACTION = "unauthorized_client", "interaction_required"

AADSTS: dict[int, tuple[str, int, str]] = {
    16000: (
        _INTERACTION,
        400,
        ("Either multiple user identities are available or none."),
    ),
    50011: (
        _REQUEST,
        400,
        (
            "The redirect URI '{redirect_uri}' specified in the request does not match the "
            "redirect URIs configured for the application '{app_id}'."
        ),
    ),
    50020: (
        _GRANT,
        400,
        (
            "User account '{user}' from identity provider does not exist in tenant '{tenant}'"
            " and cannot access the application '{app_id}' in that tenant. The account needs "
            "to be added as an external user in the tenant first."
        ),
    ),
    50034: (
        _GRANT,
        400,
        (
            "The user account {user} does not exist in the {tenant} directory. To sign into "
            "this application, the account must be added to the directory."
        ),
    ),
    50053: (
        _GRANT,
        400,
        (
            "The account is locked, you've tried to sign in too many times with an incorrect "
            "user ID or password."
        ),
    ),
    50055: (
        _GRANT,
        400,
        ("The password is expired."),
    ),
    50057: (
        _GRANT,
        400,
        ("The user account is disabled."),
    ),
    50072: (
        _INTERACTION,
        400,
        (
            "Due to a configuration change made by your administrator, or because you moved "
            "to a new location, you must enroll in multi-factor authentication to access "
            "'{resource}'."
        ),
    ),
    50076: (
        _GRANT,
        400,
        (
            "Due to a configuration change made by your administrator, or because you moved "
            "to a new location, you must use multi-factor authentication to access "
            "'{resource}'."
        ),
    ),
    50079: (
        _GRANT,
        400,
        (
            "Due to a configuration change made by your administrator, or because you moved "
            "to a new location, you must enroll in multi-factor authentication to access "
            "'{resource}'."
        ),
    ),
    50126: (
        _GRANT,
        400,
        ("Error validating credentials due to invalid username or password."),
    ),
    50158: (
        _INTERACTION,
        400,
        ("External security challenge was not satisfied."),
    ),
    50173: (
        _GRANT,
        400,
        (
            "The provided grant has expired due to it being revoked, a fresh auth token is "
            "needed. The user might have changed or reset their password."
        ),
    ),
    50177: (
        _GRANT,
        400,
        ("External challenge is not supported for passthrough users."),
    ),
    53000: (
        _INTERACTION,
        400,
        ("Device is not in required device state: compliant."),
    ),
    53001: (
        _INTERACTION,
        400,
        ("Device is not in required device state: domain_joined."),
    ),
    53003: (
        _GRANT,
        400,
        (
            "Access has been blocked by Conditional Access policies. The access policy does "
            "not allow token issuance."
        ),
    ),
    54005: (
        _GRANT,
        400,
        ("OAuth2 Authorization code was already redeemed, please retry."),
    ),
    65001: (
        _GRANT,
        400,
        (
            "The user or administrator has not consented to use the application with ID "
            "'{app_id}' named '{app_name}'. Send an interactive authorization request for "
            "this user and resource."
        ),
    ),
    70000: (
        _GRANT,
        400,
        ("Provided grant is invalid or malformed."),
    ),
    70003: (
        "unsupported_grant_type",
        400,
        ("The app requested an unsupported grant type."),
    ),
    70008: (
        _GRANT,
        400,
        ("The provided authorization code or refresh token has expired."),
    ),
    70011: (
        "invalid_scope",
        400,
        (
            "The provided request must include a 'scope' input parameter. The provided value "
            "for the input parameter 'scope' is not valid. The scope {scope} is not valid."
        ),
    ),
    70016: (
        "authorization_pending",
        400,
        ("OAuth 2.0 device flow error. Authorization is pending. Continue polling."),
    ),
    70018: (
        "bad_verification_code",
        400,
        ("Invalid verification code."),
    ),
    70019: (
        "expired_token",
        400,
        ("Verification code expired."),
    ),
    70020: (
        "authorization_declined",
        400,
        ("The user declined the authorization request."),
    ),
    70021: (
        "slow_down",
        400,
        ("The client is polling too often; wait for the interval."),
    ),
    70043: (
        _GRANT,
        400,
        (
            "The refresh token has expired or is invalid due to sign-in frequency checks by "
            "conditional access."
        ),
    ),
    90002: (
        _REQUEST,
        400,
        (
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID "
            "and are signing into the correct cloud. Check with your subscription "
            "administrator, this may happen if there are no active subscriptions for the "
            "tenant."
        ),
    ),
    90094: (
        "consent_required",
        400,
        ("Admin consent is required for the permissions requested by '{app_name}'."),
    ),
    500011: (
        "invalid_resource",
        400,
        (
            "The resource principal named {resource} was not found in the tenant named "
            "{tenant}. This can happen if the application has not been installed by the "
            "administrator of the tenant or consented to by any user in the tenant."
        ),
    ),
    501481: (
        _GRANT,
        400,
        (
            "The Code_Verifier does not match the code_challenge supplied in the "
            "authorization request."
        ),
    ),
    530035: (
        _GRANT,
        400,
        ("Access has been blocked by security defaults."),
    ),
    700016: (
        _UNAUTHORIZED,
        400,
        (
            "Application with identifier '{app_id}' was not found in the directory "
            "'{tenant}'. This can happen if the application has not been installed by the "
            "administrator of the tenant or consented to by any user in the tenant. You may "
            "have sent your authentication request to the wrong tenant."
        ),
    ),
    700021: (
        _CLIENT,
        401,
        ("Client assertion application identifier doesn't match 'client_id' parameter."),
    ),
    700023: (
        _CLIENT,
        401,
        ("Client assertion audience claim does not match Realm issuer."),
    ),
    700024: (
        _CLIENT,
        401,
        ("Client assertion is not within its valid time range."),
    ),
    700025: (
        _CLIENT,
        401,
        ("Client is public so neither 'client_assertion' nor 'client_secret' should be presented."),
    ),
    700027: (
        _CLIENT,
        401,
        (
            "The certificate with identifier used to sign the client assertion is not "
            "registered on application. [Reason - {reason}]"
        ),
    ),
    700082: (
        _GRANT,
        400,
        ("The refresh token has expired due to inactivity."),
    ),
    900023: (
        _REQUEST,
        400,
        (
            "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid "
            "external domain."
        ),
    ),
    900144: (
        _REQUEST,
        400,
        ("The request body must contain the following parameter: '{parameter}'."),
    ),
    7000112: (
        _UNAUTHORIZED,
        400,
        ("Application '{app_id}'({app_name}) is disabled."),
    ),
    7000215: (
        _CLIENT,
        401,
        (
            "Invalid client secret provided. Ensure the secret being sent in the request is "
            "the client secret value, not the client secret ID, for a secret added to app "
            "'{app_id}'."
        ),
    ),
    7000218: (
        _CLIENT,
        401,
        (
            "The request body must contain the following parameter: 'client_assertion' or "
            "'client_secret'."
        ),
    ),
    7000222: (
        _CLIENT,
        401,
        (
            "The provided client secret keys for app '{app_id}' are expired. Visit the Azure "
            "portal to create new keys for your app, or consider using certificate "
            "credentials."
        ),
    ),
}

_SUBERRORS = {
    50055: "user_password_expired",
    50076: "basic_action",
    50079: "basic_action",
    53003: "message_only",
    65001: "consent_required",
    70043: "token_expired",
    700082: "token_expired",
    50173: "bad_token",
}


@dataclass
class SignInError(Exception):
    """A request that the authority refuses with an AADSTS number."""

    code: int
    error: str
    status: int
    description: str

    def body(self, *, now: datetime, correlation_id: str) -> dict[str, Any]:
        """Return the error as the token endpoint writes it."""
        trace_id = new_id()
        timestamp = now.strftime("%Y-%m-%d %H:%M:%SZ")
        body: dict[str, Any] = {
            "error": self.error,
            "error_description": (
                f"AADSTS{self.code}: {self.description} Trace ID: {trace_id} "
                f"Correlation ID: {correlation_id} Timestamp: {timestamp}"
            ),
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
        if self.code in _SUBERRORS:
            body["suberror"] = _SUBERRORS[self.code]
        if self.code in {50076, 50079}:
            body["claims"] = json.dumps(
                {"access_token": {"polids": {"essential": True, "values": [new_id()]}}}
            )
        return body

    def reply(self, *, now: datetime, correlation_id: str) -> Reply:
        """Return the error as an HTTP answer."""
        return Reply.json(
            self.body(now=now, correlation_id=correlation_id),
            status=self.status,
            cache_control="no-store, no-cache",
        )


def refusal(code: int, **words: str) -> SignInError:
    """Return the error with this AADSTS number, its text filled with words.

    A number that the sandbox has no text for is refused as `invalid_grant`, so that tests can
    force any number.
    """
    error, status, text = AADSTS.get(code, (_GRANT, 400, "The request was refused."))
    return SignInError(code, error, status, text.format_map(_Words(words)))


class _Words(dict[str, str]):
    """Words for a text; an unknown one stays as its name."""

    def __missing__(self, key: str) -> str:
        return {"resource": "00000003-0000-0000-c000-000000000000"}.get(key, f"<{key}>")
