"""AADSTS numbers with their OAuth error, HTTP status and text.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
Texts are Microsoft's where they were recorded, else the sense of the page.
"""

from __future__ import annotations

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
    50196: (
        _GRANT,
        400,
        (
            "The server terminated an operation because it encountered a client request loop. "
            "Please contact your app vendor."
        ),
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
