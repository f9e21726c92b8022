"""One client file as a model: whose tenant, for what, signed in how, and where credentials go.

- A `Client` is complete and consistent in itself, or it does not exist.
- It holds no secret: a `SecretSource` says where one is, and `o365lib.secret_store` reads it.
- `digest` is the same on every machine for the same parameters.

Every `description` is the second half of an error message: what is allowed.
"""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    StrictBool,
    ValidationInfo,
    field_validator,
    model_validator,
)

from o365lib.clouds import NAMES as CLOUD_NAMES
from o365lib.parameters.defaults import Defaults
from o365lib.parameters.fields import (
    Address,
    ClientName,
    Country,
    Day,
    EnvironmentName,
    Guid,
    OptionalText,
    ProjectPath,
    Strict,
    Surroundings,
    Tenant,
    Text,
    refuse,
    surroundings,
)
from o365lib.parameters.public_key import read_public_key

COMMAND_LINE_TOOLS = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
"""Microsoft Graph Command Line Tools: the public client that every tenant knows, but for China's.

https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in
"""

# Applications that are registered globally are not replicated to it.
# https://learn.microsoft.com/powershell/microsoftgraph/authentication-commands
_CLOUD_WITHOUT_COMMAND_LINE_TOOLS = "china"

_SHORTEST_REASON = 10
_APPLICATION = "the application's (client) id, a GUID"
_WHO = "the user principal name of the one who must sign in, for example admin@contoso.com"
_SOURCES = (
    "`environment: NAME`, `file: PATH` or `keyring:` with `service` and `user_name`, in lines of "
    "their own below it; the secret itself never stands in this file"
)


class KeyringEntry(Strict):
    """An entry of the operating system's keyring."""

    service: Text = Field(description="the name under which the keyring has the secret")
    user_name: Text = Field(description="the user name that the keyring has with the secret")


class SecretSource(Strict):
    """Where a secret is: exactly one of the three."""

    environment: EnvironmentName | None = Field(
        None, description="the name of an environment variable, in capital letters"
    )
    file: ProjectPath | None = Field(
        None, description="the path of a file that only you can read (mode 0600)"
    )
    keyring: KeyringEntry | None = Field(
        None, description="`service` and `user_name` of an entry in the system's keyring"
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(part is not None for part in (self.environment, self.file, self.keyring)) != 1:
            refuse("must have exactly one of `environment`, `file` and `keyring`")
        return self


class DeviceCodeSignIn(Strict):
    """A person signs in on any device with a code."""

    method: Literal["device-code"]
    application_id: Guid = Field(COMMAND_LINE_TOOLS, description=_APPLICATION)
    user_principal_name: Address | None = Field(None, description=_WHO)


class BrowserSignIn(Strict):
    """A person signs in in this machine's browser."""

    method: Literal["browser"]
    application_id: Guid = Field(COMMAND_LINE_TOOLS, description=_APPLICATION)
    user_principal_name: Address | None = Field(None, description=_WHO)


class ClientSecretSignIn(Strict):
    """An application signs in with a secret."""

    method: Literal["client-secret"]
    application_id: Guid = Field(description=_APPLICATION)
    secret: SecretSource = Field(description=_SOURCES)


class CertificateSignIn(Strict):
    """An application signs in with a certificate: a PEM file with its key, or a PFX file."""

    method: Literal["certificate"]
    application_id: Guid = Field(description=_APPLICATION)
    certificate: ProjectPath = Field(
        description="the path of a PEM file with key and certificate, or of a PFX file"
    )
    passphrase: SecretSource | None = Field(None, description=_SOURCES)


SignIn = Annotated[
    DeviceCodeSignIn | BrowserSignIn | ClientSecretSignIn | CertificateSignIn,
    Field(discriminator="method"),
]


class MailHandOver(Strict):
    """The credentials go by mail, sent through the client's own tenant."""

    method: Literal["mail"]
    recipient: Address = Field(description="the e-mail address that gets the credentials")
    sender: Address | None = Field(
        None, description="the user principal name of the mailbox in the tenant that sends"
    )


def _fingerprint_of(path: Path) -> str:
    try:
        return read_public_key(path).sha256
    except ValueError as error:
        refuse(str(error))


class FileHandOver(Strict):
    """The credentials go into a file that only the holder of the private key can read."""

    _public_key_sha256: str = PrivateAttr("")
    method: Literal["file"]
    public_key: ProjectPath = Field(
        description="the path of the recipient's RSA public key or X.509 certificate, as PEM"
    )

    @field_validator("public_key")
    @classmethod
    def _can_be_encrypted_to(cls, value: Path, info: ValidationInfo) -> Path:
        if surroundings(info):
            _fingerprint_of(value)
        return value

    @property
    def public_key_sha256(self) -> str:
        """The key's fingerprint when the file was loaded; nothing for a model made in code."""
        return self._public_key_sha256

    @model_validator(mode="after")
    def _knows_its_key(self, info: ValidationInfo) -> Self:
        if surroundings(info):
            self._public_key_sha256 = _fingerprint_of(self.public_key)
        return self


class ScreenHandOver(Strict):
    """The credentials are shown once, in JupyterLab only."""

    method: Literal["screen"]


HandOver = Annotated[MailHandOver | FileHandOver | ScreenHandOver, Field(discriminator="method")]


class _Override(Strict):
    reason: Text = Field(description="the reason in words, which goes into the evidence")

    @field_validator("reason")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if len(value.strip()) < _SHORTEST_REASON:
            refuse(f"is too short: at least {_SHORTEST_REASON} characters, for whoever audits it")
        return value


class FederationOverride(_Override):
    """Why the account may go although nobody can read whose federation a domain has."""


class RecordsOverride(_Override):
    """Why it is known that the vendor has the password, whatever these runs have done to it."""

    run_ids: tuple[Text, ...] = Field(
        min_length=1, description="a list of the ids of runs whose record cannot be read"
    )


def _known_cloud(value: str) -> str:
    if value not in CLOUD_NAMES:
        refuse(f"is no cloud; one of: {', '.join(CLOUD_NAMES)}")
    return value


class Client(Strict):
    """One client: the content of `parameters/clients/<client>.yaml`."""

    client: ClientName = Field(description="the file's name without `.yaml`")
    display_name: OptionalText = Field("", description="the client's name for people, one line")
    tenant: Tenant = Field(
        description="the tenant's id (a GUID) or one of its domains, "
        "for example contoso.onmicrosoft.com"
    )
    cloud: Annotated[str, AfterValidator(_known_cloud)] = Field(
        "global", description=f"one of: {', '.join(CLOUD_NAMES)}"
    )
    purpose: str = Field(description="one of the purposes in defaults.yaml")
    onboarding: Literal["in-progress", "completed"] = Field(
        "in-progress", description="one of: in-progress, completed"
    )
    dry_run_only: StrictBool = Field(False, description="true or false")
    sign_in: SignIn = Field(
        description="a `method` (device-code, browser, client-secret, certificate) and its keys"
    )
    hand_over: HandOver = Field(description="a `method` (mail, file, screen) and its keys")
    usage_location: Country | None = Field(
        None, description="a country's two capital letters (ISO 3166), for example AU"
    )
    remove_by: Day | None = Field(
        None,
        description="the day by which the account is to be removed, such as 2026-12-31, or leave "
        "the key out",
    )
    federation_override: FederationOverride | None = Field(
        None, description="a `reason` in words, or leave the key out"
    )
    records_override: RecordsOverride | None = Field(
        None, description="`run_ids` and a `reason` in words, or leave the key out"
    )
    _project: Path | None = PrivateAttr(None)

    @field_validator("client")
    @classmethod
    def _is_the_files_name(cls, value: str, info: ValidationInfo) -> str:
        around = surroundings(info)
        if around and around.name is not None and value != around.name:
            refuse(f"differs from the file's name; write `{around.name}`, or rename the file")
        return value

    @field_validator("purpose")
    @classmethod
    def _is_known(cls, value: str, info: ValidationInfo) -> str:
        around = surroundings(info)
        if around and around.purposes is not None and value not in around.purposes:
            refuse(f"is not a purpose in defaults.yaml; one of: {', '.join(around.purposes)}")
        return value

    @field_validator("sign_in")
    @classmethod
    def _names_an_application_that_the_cloud_knows(
        cls, value: SignIn, info: ValidationInfo
    ) -> SignIn:
        is_known = info.data.get("cloud") != _CLOUD_WITHOUT_COMMAND_LINE_TOOLS
        if not is_known and value.application_id == COMMAND_LINE_TOOLS:
            refuse(
                "needs the `application_id` of an application of your own: Microsoft Graph Command "
                "Line Tools, which stands in where the key is left out, does not exist in the "
                "China cloud. Register one in Entra there, with http://localhost as redirect "
                "address of mobile and desktop applications, and allow public client flows"
            )
        return value

    @field_validator("hand_over")
    @classmethod
    def _has_a_mailbox(
        cls, value: MailHandOver | FileHandOver | ScreenHandOver, info: ValidationInfo
    ) -> MailHandOver | FileHandOver | ScreenHandOver:
        by_application = isinstance(
            info.data.get("sign_in"), ClientSecretSignIn | CertificateSignIn
        )
        if by_application and isinstance(value, MailHandOver) and value.sender is None:
            refuse(
                "needs `sender`, the mailbox in the tenant that sends: "
                "the sign-in is an application's, and an application has no mailbox"
            )
        return value

    def model_post_init(self, context: Any) -> None:
        """Remember the project's folder, so that the digest does not depend on where it lies."""
        if isinstance(context, Surroundings):
            self._project = context.project

    def digest(self, defaults: Defaults) -> str:
        """The SHA-256, in hexadecimal, of this client and the defaults as canonical JSON.

        Paths below the project's folder count relative to it; of a public key's file, the key
        counts as well.
        """
        parts = {"client": self.model_dump(), "defaults": defaults.model_dump()}
        if isinstance(self.hand_over, FileHandOver):
            parts["public_key"] = {"sha256": self.hand_over.public_key_sha256}
        text = json.dumps(
            parts,
            default=self._portable,
            ensure_ascii=True,
            sort_keys=True,
            separators=(",", ":"),
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def _portable(self, value: Path | date) -> str:
        if isinstance(value, date):
            return value.isoformat()
        path = value
        if self._project and path.is_relative_to(self._project):
            path = path.relative_to(self._project)
        return path.as_posix()


def digest(client: Client, defaults: Defaults) -> str:
    """The SHA-256 of a client and the defaults: see `Client.digest`."""
    return client.digest(defaults)
