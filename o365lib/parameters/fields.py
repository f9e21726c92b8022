"""The kinds of value that parameters are made of: names, domains, addresses, GUIDs, paths.

- Each kind refuses what it is not with a sentence, and no sentence repeats the value: somebody may
  have put a secret in the wrong place.
- Tenants, domains, addresses and GUIDs come out in lower case, so that they compare by `==`.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Never
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from o365lib.reserved import BATCHES, is_reserved

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Entra's characters of the part before the @:
# https://learn.microsoft.com/entra/identity/authentication/concept-password-ban-bad-combined-policy
_LOCAL = re.compile(r"(?!\.)[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}(?<!\.)")
_USER_NAME = re.compile(r"(?!\.)[A-Za-z0-9'._!#^~-]{1,64}(?<!\.)")
_CLIENT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions
_RESERVED = {"con", "prn", "aux", "nul"} | {f"{p}{n}" for p in ("com", "lpt") for n in range(10)}
_ENVIRONMENT_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_LONGEST_DOMAIN = 253
_LONGEST_TEXT = 256
_LONGEST_PATH = 1024


# After the name of a field or of a file.
NOT_A_CLIENT_NAME = (
    "is not a client's name: lower-case letters, digits and hyphens only, at most 63, "
    "not beginning with a hyphen, and no name that Windows keeps for itself"
)
RESERVED_NAME = f"cannot be a client's name: the summaries of batches are archived as `{BATCHES}`"


class Strict(BaseModel):
    """What all parameters have in common: unchangeable, without unknown keys, silent on input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True)
class Surroundings:
    """What a client file is checked against, passed as pydantic's validation context.

    Attributes:
        project: the folder that holds `parameters/`; relative paths start here.
        name: the file's name without `.yaml`.
        purposes: the names that `defaults.yaml` gives; None where it could not be read.
    """

    project: Path
    name: str | None = None
    purposes: Collection[str] | None = None


def refuse(sentence: str) -> Never:
    """Raise the error that pydantic collects; the sentence follows `field: `.

    Raises:
        PydanticCustomError: always.
    """
    # Pydantic would take braces for places to fill in.
    raise PydanticCustomError("sentence", "{sentence}", {"sentence": sentence})


def is_client_name(name: str) -> bool:
    """Whether this can be a client's name: it becomes a folder's name on every system."""
    if is_reserved(name):
        return False
    return bool(_CLIENT_NAME.fullmatch(name)) and name not in _RESERVED


def why_no_client_name(name: str) -> str:
    """Return why this cannot be a client's name, as a sentence that follows the name."""
    return RESERVED_NAME if is_reserved(name) else NOT_A_CLIENT_NAME


def is_domain(text: str) -> bool:
    """Whether this is a domain name in lower case, with at least one dot."""
    return len(text) <= _LONGEST_DOMAIN and bool(_DOMAIN.fullmatch(text))


def surroundings(info: ValidationInfo) -> Surroundings | None:
    """The context that the loader gave, None for a model that is made in code."""
    return info.context if isinstance(info.context, Surroundings) else None


def _client_name(value: str) -> str:
    if not is_client_name(value):
        refuse(why_no_client_name(value))
    return value


def _text(value: str) -> str:
    if not value.strip():
        refuse("is empty")
    if len(value) > _LONGEST_TEXT:
        refuse(f"is longer than {_LONGEST_TEXT} characters")
    if not value.isprintable():
        refuse("has a line break or another control character; write it in one line")
    return value


def _optional_text(value: str) -> str:
    return _text(value) if value else value


def _guid(value: str) -> str:
    if not _GUID.fullmatch(value.lower()) or UUID(value).int == 0:
        refuse("is not a GUID such as 0a1b2c3d-0000-4000-8000-1234567890ab")
    return value.lower()


def _domain(value: str) -> str:
    lowered = value.lower()
    if not is_domain(lowered):
        refuse("is not a domain name such as contoso.onmicrosoft.com")
    return lowered


def _tenant(value: str) -> str:
    lowered = value.lower()
    if not is_domain(lowered) and not _GUID.fullmatch(lowered):
        refuse("is neither a tenant id (a GUID) nor a domain name such as contoso.onmicrosoft.com")
    return lowered


def _address(value: str) -> str:
    local, at, domain = value.rpartition("@")
    if not at:
        refuse("is not an e-mail address: it has no @")
    if not _LOCAL.fullmatch(local) or ".." in local or not is_domain(domain.lower()):
        refuse("is not an e-mail address such as name@contoso.com")
    return value.lower()


def _user_name(value: str) -> str:
    if not _USER_NAME.fullmatch(value):
        refuse("is not a user name: 1 to 64 letters, digits and . - _ ' ! # ^ ~, without @")
    return value


def _environment_name(value: str) -> str:
    if not _ENVIRONMENT_NAME.fullmatch(value):
        refuse(
            "is not the name of an environment variable: capital letters, digits and _ only; "
            "the secret itself never stands here"
        )
    return value


def _country(value: str) -> str:
    if not _COUNTRY.fullmatch(value):
        refuse("is not a country's code: two capital letters (ISO 3166), for example AU")
    return value


def _day(value: object) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        refuse("is not a day such as 2026-12-31: year, month and day")
    try:
        return date.fromisoformat(value)
    except ValueError:
        refuse("is a day that no calendar has; year, month and day, such as 2026-12-31")


def project_path(value: Path, info: ValidationInfo) -> Path:
    """Return a path with `~` expanded, and made absolute where the project's folder is known.

    Raises:
        PydanticCustomError: it is no path; the sentence says why.
    """
    text = str(value)
    if not text.isprintable() or len(text) > _LONGEST_PATH or "-----BEGIN" in text:
        refuse("is not a path: the name of a file stands here, never what is in it")
    if value == Path():
        refuse("is empty; the path of a file stands here")
    try:
        expanded = value.expanduser()
    except RuntimeError:
        refuse("begins with ~, and the home folder meant by it is not known; write it out")
    around = surroundings(info)
    return around.project / expanded if around else expanded


ClientName = Annotated[str, AfterValidator(_client_name)]
Text = Annotated[str, AfterValidator(_text)]
OptionalText = Annotated[str, AfterValidator(_optional_text)]
Guid = Annotated[str, AfterValidator(_guid)]
Domain = Annotated[str, AfterValidator(_domain)]
Tenant = Annotated[str, AfterValidator(_tenant)]
Address = Annotated[str, AfterValidator(_address)]
UserName = Annotated[str, AfterValidator(_user_name)]
EnvironmentName = Annotated[str, AfterValidator(_environment_name)]
Country = Annotated[str, AfterValidator(_country)]
Day = Annotated[date, PlainValidator(_day)]
ProjectPath = Annotated[Path, AfterValidator(project_path)]
