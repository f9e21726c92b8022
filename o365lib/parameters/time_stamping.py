"""Which authority stamps the time on the archive's digests.

- Without one the times in the archive are those of the machines that ran the runbooks.
- The authority's certificate comes from the project, not from the authority: its word about itself
  would prove nothing. What stands in the model is the certificate, and not the path of its file.
- A URL with a password in it is refused: this file is committed.

https://www.rfc-editor.org/rfc/rfc3161
"""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from o365lib.parameters.fields import Strict, Text, project_path, refuse
from o365lib.parameters.public_key import read_pem

_URL = "the http:// or https:// URL of a time stamp authority"
_CERTIFICATE = "the path of a PEM file with the root certificate by which the authority is known"


def _certificates(value: str, info: ValidationInfo) -> str:
    # Late: most projects have no authority.
    from cryptography.x509 import load_pem_x509_certificates

    try:
        pem = read_pem(project_path(Path(value), info))
        try:
            load_pem_x509_certificates(pem)
        except ValueError:
            raise ValueError("the file holds no X.509 certificate in PEM form") from None
    except ValueError as error:
        refuse(str(error))
    return pem.decode("ascii", errors="replace")


class TimeStampRules(Strict):
    """Who stamps the time on digests.

    Attributes:
        url: of the authority; None for nobody.
        certificate: its root certificates as PEM; None for nobody.
    """

    url: Text | None = Field(None, description=_URL)
    certificate: Annotated[Text, AfterValidator(_certificates)] | None = Field(
        None, description=_CERTIFICATE
    )

    @property
    def roots(self) -> tuple[bytes, ...]:
        """The root certificates as `evidence.time_stamp` takes them."""
        return (self.certificate.encode(),) if self.certificate else ()

    @field_validator("url")
    @classmethod
    def _is_an_authoritys(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url)
            is_fit = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_fit = False
        if not is_fit:
            refuse(f"is not {_URL}")
        if "@" in parts.netloc or parts.fragment:
            refuse("holds a credential or a #; an authority that wants a password is not supported")
        return url

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if (self.url is None) != (self.certificate is None):
            refuse("needs both `url` and `certificate`, or neither")
        return self
