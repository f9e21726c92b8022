"""A sound archive on disk that a test may spoil."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification import Report, verify
from tests.evidence.eventful_archive import small
from tests.time_stamp_authority import TimeStampAuthority


@dataclass(frozen=True)
class Spoilable:
    """An archive that nobody else uses, and what is trusted of it."""

    root: Path
    key: PublicKey
    authority: bytes

    def verified(self, **given) -> Report:
        """Verify it with the first key and the authority's root; `given` are other wishes."""
        wishes = {"keys": [self.key], "time_stamp_roots": [self.authority], **given}
        return verify(FolderStore(self.root), **wishes)

    def told(self, **given) -> list[tuple[str, str]]:
        """The kind and the file of each problem."""
        return [(each.kind.value, each.file) for each in self.verified(**given).problems]

    def runs(self, client: str) -> list[Path]:
        """A client's run folders."""
        folders = (self.root / client).iterdir()
        return sorted(each for each in folders if each.name[0] not in "._")


@pytest.fixture(scope="session")
def sound_archive(tmp_path_factory):
    """An archive that is not to be touched."""
    folder = tmp_path_factory.mktemp("sound")
    with TimeStampAuthority(folder / "authority") as authority:
        made = small(folder, authority=authority)
    return made, authority.root_pem


@pytest.fixture
def archive(sound_archive, tmp_path):
    """A copy of it."""
    made, authority = sound_archive
    shutil.copytree(made.root, tmp_path / "evidence")
    return Spoilable(tmp_path / "evidence", made.first_key, authority)
