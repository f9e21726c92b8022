"""Where the archive is kept beside the project, and for how long nobody may delete from it.

- A URL with a credential in it is refused: this file is committed.
- Asking for a protection without saying for how long, or the reverse, is an error: the store would
  protect nothing, and nobody would notice.
"""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StrictBool, StrictInt, field_validator, model_validator

from o365lib.parameters.fields import Strict, Text, refuse

_URL = "the https:// URL of an Azure Blob container, s3:// of a bucket, or a folder"
_LONGEST_DAYS = 36_500


class ArchiveRules(Strict):
    """Where the archive is published to, and how it is protected there.

    Attributes:
        url: None: the archive is the project's folder and nothing else.
        mode: `governance`: who has a special right can shorten it; `compliance`: nobody can.
    """

    url: Text | None = Field(None, description=_URL)
    retention_days: StrictInt | None = Field(
        None,
        ge=1,
        le=_LONGEST_DAYS,
        description=f"a whole number of days, 1 to {_LONGEST_DAYS}",
    )
    mode: Literal["none", "governance", "compliance"] = Field(
        "none", description="`none`, `governance` or `compliance`"
    )
    retention_required: StrictBool = Field(False, description="true or false")

    @field_validator("url")
    @classmethod
    def _holds_no_credential(cls, url: str | None) -> str | None:
        if url is not None and "://" in url:
            try:
                parts = urlsplit(url)
            except ValueError:
                refuse(f"is not a URL; {_URL}")
            if parts.query or parts.fragment or "@" in parts.netloc:
                refuse(
                    "holds a credential, a ? or a #; see docs/archive-in-the-cloud.md for where "
                    "credentials go"
                )
        return url

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if (self.mode == "none") != (self.retention_days is None):
            refuse("`mode` governance or compliance and `retention_days` go together; write both")
        if self.retention_required and self.mode == "none":
            refuse("`retention_required` needs `mode` governance or compliance")
        return self
