"""A folder of parameters to spoil."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from o365lib import parameters
from o365lib.errors import ParametersError, Problem

DEFAULTS = """\
account:
  user_name: practiceprotect
  given_name: Practice
  surname: Protect
  display_name: Practice Protect
roles:
  Exchange Administrator: 29232cdf-9323-42fd-ade2-1d097af3e4de
  Global Administrator: 62e90394-69f5-4237-9190-012177145e10
purposes:
  mail-redirection:
    role: Exchange Administrator
    least_role: Exchange Administrator
  federation:
    role: Global Administrator
    least_role: Global Administrator
recipients:
  - support@practiceprotectonline.com
recipient_domains: [contoso.com]
vendor:
  name: Practice Protect
  host_suffixes: [practiceprotect.app]
  display_names: [Practice Protect]
usage_location: AU
"""

CLIENT = """\
client: alpine
display_name: Alpine Books
tenant: alpine.onmicrosoft.com
cloud: global
purpose: mail-redirection
onboarding: completed
sign_in:
  method: client-secret
  application_id: 0a1b2c3d-0000-4000-8000-1234567890ab
  secret:
    file: secrets/alpine.secret
hand_over:
  method: mail
  recipient: support@practiceprotectonline.com
  sender: admin@alpine.onmicrosoft.com
"""


class Folder:
    """A project's `parameters`, with one client that is right."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.path = project / "parameters"
        self.clients = self.path / "clients"
        self.clients.mkdir(parents=True)
        self.defaults = self.path / "defaults.yaml"
        self.defaults.write_text(DEFAULTS)
        self.add("alpine", CLIENT)

    def add(self, name: str, text: str | bytes) -> Path:
        file = self.clients / f"{name}.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def change(self, old: str, new: str) -> None:
        """Replace something in the client's file; it must be there."""
        assert old in CLIENT
        self.add("alpine", CLIENT.replace(old, new))

    def change_defaults(self, old: str, new: str) -> None:
        text = self.defaults.read_text()
        assert old in text
        self.defaults.write_text(text.replace(old, new))

    def problems(self, names: list[str] | None = None) -> list[Problem]:
        """What is wrong with the folder: it must be something."""
        with pytest.raises(ParametersError) as caught:
            parameters.load(self.path, names)
        return list(caught.value.problems)

    def problem(self) -> Problem:
        """The one thing that is wrong."""
        (problem,) = self.problems()
        return problem


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)


@pytest.fixture
def load_alpine(folder: Folder) -> Callable[[], parameters.Client]:
    return lambda: parameters.load(folder.path).clients["alpine"]


@pytest.fixture(scope="session")
def public_key_pem() -> bytes:
    return (
        rsa.generate_private_key(65537, 2048)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
