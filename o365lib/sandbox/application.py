"""An application in a tenant: its registration and its service principal in one."""

from __future__ import annotations

import base64
import functools
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from .clock import parse_date_time, wire_date_time
from .keys import certificate_pem, private_key_pem, rsa_key, self_signed_certificate

if TYPE_CHECKING:
    from datetime import datetime

APPLICATION_ROLES = frozenset(
    {
        "AuditLog.Read.All",
        "Directory.Read.All",
        "Domain-InternalFederation.Read.All",
        "Domain.Read.All",
        "LicenseAssignment.Read.All",
        "Mail.Send",
        "Organization.Read.All",
        "Policy.Read.All",
        "RoleManagement.Read.Directory",
        "RoleManagement.ReadWrite.Directory",
        "User-PasswordProfile.ReadWrite.All",
        "User.DeleteRestore.All",
        "User.Read.All",
        "User.ReadWrite.All",
        "User.RevokeSessions.All",
    }
)
"""What the confidential application of a tenant is granted at first: all that the job needs."""

DELEGATED_SCOPES = APPLICATION_ROLES | {
    "Directory.AccessAsUser.All",
    "RoleManagement.Read.Directory",
    "User.Read",
    "User.Read.All",
}
"""What the public client of a tenant is consented to at first."""


@dataclass
class ClientSecret:
    """One client secret; `end_date_time` None means that it does not expire."""

    value: str = field(repr=False)
    end_date_time: datetime | None = None


@dataclass(frozen=True)
class RegisteredCertificate:
    """A certificate whose owner may sign client assertions; only its public part is kept."""

    pem: str

    @functools.cached_property
    def _certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.pem.encode("ascii"))

    @functools.cached_property
    def thumbprint(self) -> str:
        """The SHA-1 thumbprint in upper-case hexadecimal, as the portal shows it."""
        # Entra identifies certificates by SHA-1 in `x5t`; it protects nothing here.
        return self._certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303  see above

    @functools.cached_property
    def thumbprint_sha256(self) -> str:
        """The SHA-256 thumbprint in upper-case hexadecimal."""
        return self._certificate.fingerprint(hashes.SHA256()).hex().upper()

    @property
    def not_valid_after(self) -> datetime:
        """When it expires."""
        return self._certificate.not_valid_after_utc

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the key that checks its owner's signatures."""
        key = self._certificate.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        return key

    def has_thumbprint(self, *, x5t: str | None, x5t_s256: str | None) -> bool:
        """Tell whether a token header's `x5t` or `x5t#S256` names this certificate."""
        for wanted, known in ((x5t_s256, self.thumbprint_sha256), (x5t, self.thumbprint)):
            if wanted:
                expected = base64.urlsafe_b64encode(bytes.fromhex(known)).rstrip(b"=")
                return wanted.rstrip("=").encode() == expected
        return False


def new_certificate_pair(common_name: str) -> str:
    """Return a private key and a certificate for it as one PEM text."""
    key = rsa_key("applications")
    return private_key_pem(key) + certificate_pem(self_signed_certificate(common_name, key))


@dataclass
class Application:
    """What a tenant knows of one application; every field may be edited.

    Attributes:
        roles: granted application permissions, by value, such as `Mail.Send`.
        scopes: consented delegated permissions, by value.
        forced_error: an AADSTS number that each of its token requests is answered with.
    """

    app_id: str
    object_id: str
    display_name: str
    is_public_client: bool = False
    client_secrets: list[ClientSecret] = field(default_factory=list)
    certificates: list[RegisteredCertificate] = field(default_factory=list)
    roles: set[str] = field(default_factory=set)
    scopes: set[str] = field(default_factory=set)
    redirect_uris: list[str] = field(default_factory=lambda: ["http://localhost"])
    enabled: bool = True
    forced_error: int | None = None

    @property
    def client_secret(self) -> str:
        """The first client secret's value.

        Raises:
            LookupError: the application has none, as a public client.
        """
        if not self.client_secrets:
            raise LookupError(f"{self.display_name} has no client secret.")
        return self.client_secrets[0].value

    def add_client_secret(self, end_date_time: datetime | None = None) -> str:
        """Add a random client secret and return it."""
        self.client_secrets.append(ClientSecret(secrets.token_urlsafe(30), end_date_time))
        return self.client_secrets[-1].value

    def register_certificate(self, pem: str) -> RegisteredCertificate:
        """Accept the owner of a certificate as this application; a key in the PEM is ignored.

        Raises:
            ValueError: the text holds no certificate with an RSA key; nothing is registered.
        """
        certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
        has_rsa_key = isinstance(certificate.public_key(), rsa.RSAPublicKey)
        if not has_rsa_key:
            raise ValueError("An application's certificate must have an RSA key.")
        registered = RegisteredCertificate(certificate_pem(certificate))
        self.certificates.append(registered)
        return registered

    def create_certificate(self) -> str:
        """Make a key pair, register its certificate and return both as one PEM text.

        The RSA key is the same for all applications of one process; certificates differ.
        """
        pem = new_certificate_pair(self.display_name)
        self.register_certificate(pem)
        return pem

    def to_json(self) -> dict[str, Any]:
        """Return the application as JSON, secrets included, for the state file."""
        return {
            **{
                name: getattr(self, name)
                for name in (
                    "app_id",
                    "object_id",
                    "display_name",
                    "is_public_client",
                    "redirect_uris",
                    "enabled",
                    "forced_error",
                )
            },
            "client_secrets": [
                [item.value, item.end_date_time and wire_date_time(item.end_date_time)]
                for item in self.client_secrets
            ],
            "certificates": [item.pem for item in self.certificates],
            "roles": sorted(self.roles),
            "scopes": sorted(self.scopes),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Application:
        """Return the application that `to_json` wrote."""
        return cls(
            **{
                **data,
                "client_secrets": [
                    ClientSecret(value, parse_date_time(end) if end else None)
                    for value, end in data["client_secrets"]
                ],
                "certificates": [RegisteredCertificate(pem) for pem in data["certificates"]],
                "roles": set(data["roles"]),
                "scopes": set(data["scopes"]),
            }
        )
