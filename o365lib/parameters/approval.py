"""Which plans need an approval signed by somebody else, by whom, and for how long it holds.

- An approver is known by a key, never by a name alone: everybody can write a name.
- However the key is given (key id, fingerprint, file), what stands in the model and counts in the
  parameters' digest is the key itself: a file may be replaced.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    StrictInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from o365lib.parameters.fields import Strict, Text, project_path, refuse
from o365lib.parameters.public_key import signing_key_id

# A key id is the SHA-256 of the key; a fingerprint shows the first half of it.
_KEY_ID = re.compile(r"[0-9a-f]{64}")
_FINGERPRINT = re.compile(r"SHA256:([0-9a-f]{32})", re.IGNORECASE)

_APPROVER = (
    "the approver's key: its id or fingerprint, as `o365 key show` tells them, or the path of a "
    "PEM file with the public key"
)


def _approver_key(value: str, info: ValidationInfo) -> str:
    text = "".join(value.split())
    if _KEY_ID.fullmatch(text.lower()):
        return text.lower()
    if match := _FINGERPRINT.fullmatch(text):
        return match[1].lower()
    if text.upper().startswith("SHA256:"):
        refuse("is not a fingerprint: SHA256: and 32 hexadecimal digits")
    try:
        return signing_key_id(project_path(Path(value), info))
    except ValueError as error:
        refuse(f"is neither a key's id nor its fingerprint, and as the path of a file: {error}")


ApproverKey = Annotated[str, AfterValidator(_approver_key)]


class ApprovalRules(Strict):
    """When a plan must be approved by a signature.

    Attributes:
        approvers: names, each with the id of the key, or the first half of it.
    """

    required: Literal["never", "global-administrator", "always"] = Field(
        "never", description="`never`, `global-administrator` or `always`"
    )
    within_hours: StrictInt = Field(
        24, ge=1, le=720, description="a whole number of hours, 1 to 720"
    )
    approvers: Mapping[Text, ApproverKey] = Field(
        {}, description=f"a list of names, each with {_APPROVER}"
    )

    @field_validator("approvers")
    @classmethod
    def _are_different(cls, approvers: Mapping[str, str]) -> Mapping[str, str]:
        taken: dict[str, str] = {}
        for name, key in approvers.items():
            # An id and a fingerprint may be the same key's.
            half = key[:32]
            if half in taken:
                refuse(f"`{taken[half]}` and `{name}` have the same key; each has one of their own")
            taken[half] = name
        return approvers

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.required != "never" and not self.approvers:
            refuse(
                f"requires a signed approval (`required: {self.required}`) and names nobody who "
                f"may give it; write `approvers:`, names, each with {_APPROVER}"
            )
        return self

    def approver_with(self, key_id: str) -> str:
        """Return the name of the approver whose key this is; empty if it is nobody's."""
        return next(
            (name for name, key in self.approvers.items() if key_id.startswith(key)),
            "",
        )
