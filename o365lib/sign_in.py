"""Signing in to a client's tenant: device code, browser, client secret or certificate.

- The only importer of MSAL, which is loaded when it is needed. MSAL does the protocol, unmodified,
  through the run's own transport.
- Tokens are kept in memory, for this run only.
- What a token says of itself (tenant, identity, permissions, roles) serves to stop early, never to
  grant anything.
- Every refusal is a `SignInError` in a sentence (`o365lib.aadsts`).

https://learn.microsoft.com/entra/msal/python/
"""

import webbrowser
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from o365lib import clock, secret
from o365lib.aadsts import explain
from o365lib.clouds import Cloud
from o365lib.errors import NoAnswer, SignInError
from o365lib.held_token import HeldToken
from o365lib.msal_http import MsalHttpClient
from o365lib.parameters import (
    BrowserSignIn,
    CertificateSignIn,
    ClientSecretSignIn,
    DeviceCodeSignIn,
    SignIn,
)
from o365lib.secret import Secret
from o365lib.secret_store import read_certificate, read_secret
from o365lib.token_claims import read_claims
from o365lib.transport import Transport

_PENDING = frozenset({"authorization_pending", "slow_down"})
_DEFAULT_INTERVAL_SECONDS = 5

Tokens = Mapping[str, Any]


@dataclass(frozen=True)
class Prompt:
    """What a person has to do now; to be shown, and never to be kept.

    Attributes:
        message: the whole instruction; with a device code, the code is in it.
        verification_uri: where to go.
        user_code: what to enter there; None in a browser.
        expires: when it is too late.
    """

    kind: Literal["device-code", "browser"]
    message: str = field(repr=False)
    verification_uri: str = field(repr=False)
    user_code: Secret | None
    expires: datetime


@dataclass(frozen=True)
class SignedIn:
    """An identity that is signed in, and the source of its tokens.

    Attributes:
        tenant_id: from the token; from the authority where the token cannot be read.
        authority_tenant_id: of the tenant that the client file names, as the authority knows it.
        kind: a person or an application.
        permissions: Graph permissions by name, delegated or the application's own.
        directory_roles: template ids of the directory roles held when the token was issued.
        expires: of the first token; later ones are fetched as needed.
        claims_known: whether the token could be read; if not, the two lists are empty.
    """

    tenant_id: str
    authority_tenant_id: str
    kind: Literal["user", "application"]
    object_id: str
    user_principal_name: str
    application_id: str
    permissions: frozenset[str]
    directory_roles: frozenset[str]
    expires: datetime
    claims_known: bool
    acquire: Callable[[bool], Secret] = field(repr=False, compare=False)

    def token(self) -> Secret:
        """Return a token that is valid now.

        Raises:
            SignInError: the service no longer gives one.
        """
        return self.acquire(False)

    def renew(self) -> Secret:
        """Return a fresh token, where the last one is no longer accepted.

        Raises:
            SignInError: the service no longer gives one.
        """
        return self.acquire(True)


def sign_in(
    settings: SignIn,
    *,
    cloud: Cloud,
    tenant: str,
    transport: Transport,
    scopes: Collection[str],
    prompt: Callable[[Prompt], object],
    patience_seconds: float = 900,
    open_browser: Callable[[str], object] = webbrowser.open,
    pause: Callable[[float], object] = clock.sleep,
) -> SignedIn:
    """Sign in and return the identity; nothing is changed anywhere.

    Args:
        settings: how, from the client file.
        cloud: where.
        tenant: id or domain.
        transport: of this run.
        scopes: delegated permissions by name, for a person; an application has its own.
        prompt: shows a person what to do; not called for an application.
        patience_seconds: how long a person may take.
        open_browser: opens an address on this machine.
        pause: waits so many seconds before the service is asked again; what it raises ends the
            sign-in.

    Raises:
        SignInError: the service said no, cannot be reached, or nobody finished in time.
        SecretUnavailable: the application's secret or certificate cannot be read.
        UntrustedHost: the service named an address outside the cloud; nothing was sent there.
    """
    http = MsalHttpClient(transport)
    attempt = _Attempt(
        cloud=cloud,
        authority=f"{cloud.login_base_url}/{tenant}",
        application_id=settings.application_id,
        http=http,
    )
    if isinstance(settings, ClientSecretSignIn | CertificateSignIn):
        return attempt.as_application(settings)
    return attempt.as_person(
        settings,
        scopes=[f"{cloud.graph_base_url}/{name}" for name in sorted(scopes)],
        prompt=prompt,
        patience_seconds=patience_seconds,
        open_browser=open_browser,
        pause=pause,
    )


@dataclass(frozen=True)
class _Attempt:
    """One sign-in, from MSAL's application object to the identity."""

    cloud: Cloud
    authority: str
    application_id: str
    http: MsalHttpClient

    def as_application(self, settings: ClientSecretSignIn | CertificateSignIn) -> SignedIn:
        """Sign in with the application's own credentials."""
        credential = _credential(settings)
        application = self._make("ConfidentialClientApplication", client_credential=credential)
        scopes = [self.cloud.application_scope]

        def fetch(fresh: bool) -> Tokens:
            if fresh:
                application.remove_tokens_for_client()
            tokens: Tokens = application.acquire_token_for_client(scopes=scopes)
            return tokens

        return self._signed_in(application, "application", self._ask(fetch, False), fetch)

    def as_person(
        self,
        settings: DeviceCodeSignIn | BrowserSignIn,
        *,
        scopes: list[str],
        prompt: Callable[[Prompt], object],
        patience_seconds: float,
        open_browser: Callable[[str], object],
        pause: Callable[[float], object],
    ) -> SignedIn:
        """Let a person sign in."""
        application = self._make("PublicClientApplication")
        if isinstance(settings, DeviceCodeSignIn):
            first = self._ask(
                partial(_by_device_code, pause=pause), application, scopes, prompt, patience_seconds
            )
        else:
            first = self._ask(
                lambda: _by_browser(
                    application,
                    scopes,
                    prompt,
                    patience_seconds=patience_seconds,
                    open_browser=open_browser,
                    login_hint=settings.user_principal_name,
                )
            )

        def fetch(fresh: bool) -> Tokens:
            account = next(iter(application.get_accounts()), None)
            tokens: Tokens | None = application.acquire_token_silent_with_error(
                scopes, account, force_refresh=fresh
            )
            if tokens is None:
                raise SignInError("The sign-in has come to its end.", remedy="Sign in again.")
            return tokens

        return self._signed_in(application, "user", first, fetch)

    def _make(self, kind: str, **options: Any) -> Any:
        def make() -> Any:
            # Late: a quarter of a second, which commands without sign-in do not pay.
            import msal

            # Without instance discovery MSAL asks the given authority and nobody else.
            return getattr(msal, kind)(
                self.application_id,
                authority=self.authority,
                instance_discovery=False,
                http_client=self.http,
                http_cache={},
                **options,
            )

        return self._ask(make)

    def _ask(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """Do something with MSAL; what it raises comes out as ours."""
        self.http.last_error = None
        try:
            result = act(*arguments)
        except NoAnswer as failure:
            raise SignInError(
                f"The sign-in service could not be asked. {failure.message}",
                remedy=failure.remedy or "Try again later.",
                error=failure.reason,
            ) from failure
        except (ValueError, RuntimeError) as error:
            # MSAL raises these with the service's whole answer as text.
            if self.http.last_error is not None:
                raise explain(self.http.last_error) from None
            raise SignInError(
                f"The sign-in cannot go on: {secret.mask(str(error))}",
                remedy="Check application_id, tenant and cloud in the client file.",
            ) from None
        if isinstance(result, Mapping) and "error" in result:
            raise explain(result)
        return result

    def _signed_in(
        self,
        application: Any,
        kind: Literal["user", "application"],
        first: Tokens,
        fetch: Callable[[bool], Tokens],
    ) -> SignedIn:
        claims = read_claims(str(first["access_token"]))
        of_person = first.get("id_token_claims") or {}
        authority_tenant_id = str(application.authority.tenant or "")
        named = claims.get("upn") or claims.get("preferred_username")
        granted = claims.get("roles") or str(claims.get("scp") or "").split()

        return SignedIn(
            tenant_id=str(claims.get("tid") or of_person.get("tid") or authority_tenant_id),
            authority_tenant_id=authority_tenant_id,
            kind=kind,
            object_id=str(claims.get("oid") or of_person.get("oid") or ""),
            user_principal_name=str(
                (named or of_person.get("preferred_username") or "") if kind == "user" else ""
            ),
            application_id=str(claims.get("appid") or self.application_id),
            permissions=frozenset(map(str, granted)),
            directory_roles=frozenset(map(str, claims.get("wids") or ())),
            expires=clock.now() + timedelta(seconds=float(first.get("expires_in") or 0)),
            claims_known=bool(claims),
            acquire=HeldToken(partial(self._ask, fetch)),
        )


def _credential(settings: ClientSecretSignIn | CertificateSignIn) -> str | dict[str, str]:
    if isinstance(settings, ClientSecretSignIn):
        what = f"the client secret of the application {settings.application_id}"
        return read_secret(settings.secret, what=what).reveal()
    passphrase = None
    if settings.passphrase is not None:
        passphrase = read_secret(settings.passphrase, what="the certificate's passphrase")
    certificate = read_certificate(settings.certificate, passphrase)
    # Without a thumbprint MSAL signs with PS256 and names the certificate by its SHA-256.
    return {
        "private_key": certificate.private_key.reveal(),
        "public_certificate": certificate.public_certificate,
    }


def _by_device_code(
    application: Any,
    scopes: list[str],
    prompt: Callable[[Prompt], object],
    patience_seconds: float,
    *,
    pause: Callable[[float], object],
) -> Tokens:
    flow = application.initiate_device_flow(scopes)
    if "user_code" not in flow:
        return dict(flow)
    patience = min(patience_seconds, float(flow.get("expires_in") or patience_seconds))
    code = Secret(str(flow["user_code"]))
    address = str(flow["verification_uri"])
    prompt(
        Prompt(
            "device-code",
            f"To sign in, open {address} and enter the code {code.reveal()}.",
            address,
            code,
            clock.now() + timedelta(seconds=patience),
        )
    )
    too_late = clock.monotonic() + patience
    while True:
        # One poll at a time: the waiting is ours, so that a clock can be put in place and an
        # interrupt ends it at once. MSAL would warn of polls too soon by the machine's own clock.
        flow.pop("latest_attempt_at", None)
        answer: Tokens = application.acquire_token_by_device_flow(
            flow, exit_condition=lambda _: True
        )
        wait = float(flow.get("interval") or _DEFAULT_INTERVAL_SECONDS)
        if answer.get("error") not in _PENDING or clock.monotonic() + wait > too_late:
            return answer
        pause(wait)


def _by_browser(
    application: Any,
    scopes: list[str],
    prompt: Callable[[Prompt], object],
    *,
    patience_seconds: float,
    open_browser: Callable[[str], object],
    login_hint: str | None,
) -> Tokens:
    from msal.oauth2cli import AuthCodeReceiver

    with AuthCodeReceiver(port=0) as receiver:
        flow = application.initiate_auth_code_flow(
            scopes,
            redirect_uri=f"http://localhost:{receiver.get_port()}",
            response_mode="form_post",
            login_hint=login_hint,
        )
        address = str(flow["auth_uri"])
        prompt(
            Prompt(
                "browser",
                f"Sign in in the browser on this machine. If no window opens, open {address}",
                address,
                None,
                clock.now() + timedelta(seconds=patience_seconds),
            )
        )
        open_browser(address)
        answer = receiver.get_auth_response(state=flow["state"], timeout=patience_seconds)
    if not answer:
        return {"error": "authorization_pending"}
    tokens: Tokens = application.acquire_token_by_auth_code_flow(flow, answer, scopes)
    return tokens
