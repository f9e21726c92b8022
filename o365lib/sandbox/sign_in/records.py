"""Sign-ins under way: device codes, authorization codes and refresh tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from o365lib.sandbox.sign_in.clients import find_application
from o365lib.sandbox.sign_in.errors import SignInError, refusal
from o365lib.sandbox.sign_in.people import check_person, find_person, granted_permissions
from o365lib.sandbox.sign_in.scopes import parse_scopes
from o365lib.sandbox.sign_in.tokens import Tokens, new_code, new_refresh_token

if TYPE_CHECKING:
    from datetime import datetime

    from o365lib.sandbox.sandbox import Sandbox
    from o365lib.sandbox.tenant import Tenant

_USER_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_AUTHORIZATION_CODE_SECONDS = 600


@dataclass(kw_only=True)
class DeviceSignIn:
    """One device code: pending, approved (`user_id`), or over (`error`)."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    tenant_id: str | None
    app_id: str
    scope: str
    expires_at: datetime
    interval: int
    user_id: str | None = None
    error: SignInError | None = None
    last_poll: datetime | None = None


@dataclass(kw_only=True)
class AuthorizationCode:
    """One authorization code; it can be redeemed once."""

    code: str = field(repr=False)
    tenant_id: str
    app_id: str
    user_id: str
    scope: str
    redirect_uri: str
    code_challenge: str | None
    nonce: str | None
    expires_at: datetime
    is_redeemed: bool = False


@dataclass(kw_only=True)
class RefreshToken:
    """One refresh token; `last_used` moves with every use."""

    token: str = field(repr=False)
    tenant_id: str
    app_id: str
    user_id: str
    scope: str
    issued_at: datetime
    last_used: datetime


class SignInRecords:
    """All sign-ins of a sandbox, in memory only."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.tokens = Tokens(sandbox)
        self._devices: dict[str, DeviceSignIn] = {}
        self._codes: dict[str, AuthorizationCode] = {}
        self._refresh_tokens: dict[str, RefreshToken] = {}

    def start_device(self, *, tenant: Tenant | None, app_id: str, scope: str) -> DeviceSignIn:
        """Return a fresh device code."""
        lifetime = timedelta(seconds=self._sandbox.device_code_lifetime_seconds)
        device = DeviceSignIn(
            device_code=new_code(),
            user_code="".join(secrets.choice(_USER_CODE_LETTERS) for _ in range(9)),
            tenant_id=tenant.id if tenant is not None else None,
            app_id=app_id,
            scope=scope,
            expires_at=self._sandbox.clock.now() + lifetime,
            interval=self._sandbox.device_code_interval_seconds,
        )
        self._sandbox.secrets_seen.add(device.device_code, device.user_code)
        self._devices[device.device_code] = device
        return device

    def waiting_device(self, user_code: str) -> DeviceSignIn:
        """Return the sign-in that waits for a user code, written in any case.

        Raises:
            KeyError: none does: unknown, expired, used or declined.
        """
        for device in self._devices.values():
            is_open = device.user_id is None and device.error is None
            if device.user_code == user_code.strip().upper() and is_open:
                if device.expires_at > self._sandbox.clock.now():
                    return device
                break
        raise KeyError(f"No sign-in waits for the code {user_code!r}.")

    def approve_device_code(self, user_code: str, user_principal_name: str) -> None:
        """Let a person sign in on the device page; see `Sandbox.approve_device_code`.

        Raises:
            KeyError: no such code is waiting, or there is no such user.
        """
        device = self.waiting_device(user_code)
        tenant = self._sandbox.tenants[device.tenant_id] if device.tenant_id else None
        try:
            home, user = find_person(
                self._sandbox, tenant, user_principal_name, app_id=device.app_id
            )
        except SignInError as error:
            raise KeyError(f"{user_principal_name!r} cannot sign in here: {error}") from error
        self.finish_device(device, home, user)

    def finish_device(self, device: DeviceSignIn, tenant: Tenant, user: dict[str, Any]) -> None:
        """Record the outcome of a person's sign-in whose password is known to be right."""
        try:
            check_person(tenant, user)
            application = find_application(tenant, device.app_id)
            asked = parse_scopes(device.scope, self._sandbox, tenant.name)
            granted_permissions(tenant, user, application, asked)
        except SignInError as error:
            device.error = error
            return
        device.tenant_id = tenant.id
        device.user_id = user["id"]

    def decline_device_code(self, user_code: str) -> None:
        """Let a person decline a sign-in.

        Raises:
            KeyError: no such code is waiting.
        """
        self.waiting_device(user_code).error = refusal(70020)

    def poll_device(self, device_code: str, app_id: str) -> DeviceSignIn:
        """Return an approved device sign-in and end it.

        Raises:
            SignInError: 70016 still pending, 70018 unknown code, 70019 expired, 70021 polled too
                fast, or what hindered the person.
        """
        device = self._devices.get(device_code)
        if device is None or device.app_id.casefold() != app_id.casefold():
            raise refusal(70018)
        now = self._sandbox.clock.now()
        last_poll, device.last_poll = device.last_poll, now
        if device.error is not None:
            raise device.error
        if device.expires_at <= now:
            raise refusal(70019)
        if device.user_id is None:
            pause = timedelta(seconds=device.interval * 0.9)
            is_fast = last_poll is not None and now - last_poll < pause
            raise refusal(
                70021 if is_fast and self._sandbox.device_code_polling_enforced else 70016
            )
        del self._devices[device_code]
        return device

    def issue_code(self, **values: Any) -> AuthorizationCode:
        """Return a fresh authorization code; the values are the fields of `AuthorizationCode`."""
        lifetime = timedelta(seconds=_AUTHORIZATION_CODE_SECONDS)
        code = AuthorizationCode(
            code=new_code(), expires_at=self._sandbox.clock.now() + lifetime, **values
        )
        self._sandbox.secrets_seen.add(code.code)
        self._codes[code.code] = code
        return code

    def redeem_code(self, code: str, *, app_id: str, tenant_id: str | None) -> AuthorizationCode:
        """Return an authorization code's record and use it up.

        Raises:
            SignInError: 70000 unknown or another client's, 54005 used before, 70008 expired.
        """
        record = self._codes.get(code)
        is_foreign = tenant_id is not None and record is not None and record.tenant_id != tenant_id
        if record is None or record.app_id != app_id or is_foreign:
            raise refusal(70000)
        if record.is_redeemed:
            raise refusal(54005)
        record.is_redeemed = True
        if record.expires_at <= self._sandbox.clock.now():
            raise refusal(70008)
        return record

    def issue_refresh_token(self, *, tenant_id: str, app_id: str, user_id: str, scope: str) -> str:
        """Return a fresh refresh token."""
        now = self._sandbox.clock.now()
        record = RefreshToken(
            token=new_refresh_token(),
            tenant_id=tenant_id,
            app_id=app_id,
            user_id=user_id,
            scope=scope,
            issued_at=now,
            last_used=now,
        )
        self._sandbox.secrets_seen.add(record.token)
        self._refresh_tokens[record.token] = record
        return record.token

    def use_refresh_token(self, token: str, *, app_id: str, tenant_id: str | None) -> RefreshToken:
        """Return a refresh token's record, if it is still good.

        Raises:
            SignInError: 70000 unknown or another client's, 700082 unused for too long, 50173
                revoked, 50034 the user is gone.
        """
        record = self._refresh_tokens.get(token)
        if (
            record is None
            or record.app_id != app_id
            or (tenant_id is not None and record.tenant_id != tenant_id)
        ):
            raise refusal(70000)
        now = self._sandbox.clock.now()
        lifetime = timedelta(days=self._sandbox.refresh_token_lifetime_days)
        if now - record.last_used > lifetime:
            raise refusal(700082)
        tenant = self._sandbox.tenants[record.tenant_id]
        user = tenant.users.get(record.user_id)
        if user is None:
            raise refusal(50034, user=record.user_id, tenant=tenant.id)
        if record.issued_at < tenant.sign_in[record.user_id].valid_from:
            raise refusal(50173)
        record.last_used = now
        return record
