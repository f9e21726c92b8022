"""The form for a new client: its fields, and when each is asked for. Pure.

What is allowed in a field is said by the model of client files itself, in the words of its errors.
The overrides are not asked for: they are exceptions that somebody answers for in writing, in the
file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from o365lib import clouds
from o365lib.parameters import Client, Defaults

_PEOPLE = ("device-code", "browser")
_SECRET = {"sign_in.method": ("client-secret",)}
_CERTIFICATE = {"sign_in.method": ("certificate",)}
_MAIL, _FILE = {"hand_over.method": ("mail",)}, {"hand_over.method": ("file",)}


@dataclass(frozen=True)
class FormField:
    """One field.

    Attributes:
        name: the key in the file, with dots between the parts.
        label: for people.
        kind: `text`, `choice` or `check`.
        choices: of a choice; the first is what stands there.
        when: the values that another field must have for this one to be asked for.
        is_required: whether the file needs it, where it is asked for.
    """

    name: str
    label: str
    kind: str = "text"
    choices: Sequence[str] = ()
    when: Mapping[str, Sequence[str]] | None = None
    is_required: bool = False


FIELDS = (
    FormField("client", "Short name", is_required=True),
    FormField("display_name", "Name for people"),
    FormField("tenant", "Tenant", is_required=True),
    FormField("cloud", "Cloud", "choice"),
    FormField("purpose", "Purpose", "choice", is_required=True),
    FormField("onboarding", "Onboarding", "choice", ("in-progress", "completed")),
    FormField("remove_by", "Remove by"),
    FormField("usage_location", "Country"),
    FormField("dry_run_only", "Look only: no run may change this tenant", "check"),
    FormField(
        "sign_in.method",
        "Sign in by",
        "choice",
        (*_PEOPLE, "client-secret", "certificate"),
        is_required=True,
    ),
    FormField("sign_in.application_id", "Application id"),
    FormField("sign_in.user_principal_name", "Who signs in", when={"sign_in.method": _PEOPLE}),
    FormField("sign_in.secret.environment", "Secret: environment variable", when=_SECRET),
    FormField("sign_in.secret.file", "Secret: file", when=_SECRET),
    FormField("sign_in.secret.keyring.service", "Secret: keyring, service", when=_SECRET),
    FormField("sign_in.secret.keyring.user_name", "Secret: keyring, user name", when=_SECRET),
    FormField("sign_in.certificate", "Certificate file", when=_CERTIFICATE, is_required=True),
    FormField(
        "sign_in.passphrase.environment", "Passphrase: environment variable", when=_CERTIFICATE
    ),
    FormField("sign_in.passphrase.file", "Passphrase: file", when=_CERTIFICATE),
    FormField(
        "sign_in.passphrase.keyring.service", "Passphrase: keyring, service", when=_CERTIFICATE
    ),
    FormField(
        "sign_in.passphrase.keyring.user_name",
        "Passphrase: keyring, user name",
        when=_CERTIFICATE,
    ),
    FormField(
        "hand_over.method",
        "Credentials go",
        "choice",
        ("mail", "file", "screen"),
        is_required=True,
    ),
    FormField("hand_over.recipient", "Recipient", when=_MAIL, is_required=True),
    FormField("hand_over.sender", "Mailbox that sends", when=_MAIL),
    FormField("hand_over.public_key", "Recipient's public key", when=_FILE, is_required=True),
)


def form(defaults: Defaults) -> list[dict[str, Any]]:
    """Return the fields, ready for JSON, each with what is allowed in it.

    Args:
        defaults: the purposes to choose from.
    """
    offered = {"cloud": clouds.NAMES, "purpose": tuple(defaults.purposes)}
    return [
        {
            **asdict(field),
            "choices": list(offered.get(field.name, field.choices)),
            "hint": _allowed(field.name),
        }
        for field in FIELDS
    ]


def keys_of_the_model(model: type[BaseModel] = Client, above: str = "") -> set[str]:
    """Return every key that a file of a model may have, with dots between the parts."""
    found: set[str] = set()
    for name, info in model.model_fields.items():
        inner = _models_in(info.annotation)
        path = f"{above}{name}"
        found |= (
            {key for each in inner for key in keys_of_the_model(each, f"{path}.")}
            if inner
            else {path}
        )
    return found


def _allowed(name: str) -> str:
    """Return what the model says is allowed under a key."""
    models: list[type[BaseModel]] = [Client]
    said = ""
    for part in name.split("."):
        infos = [each.model_fields[part] for each in models if part in each.model_fields]
        if not infos:
            return said
        said = infos[0].description or ""
        models = [inner for info in infos for inner in _models_in(info.annotation)]
    return said


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is None:
        return []
    return [each for part in get_args(annotation) for each in _models_in(part)]
