"""An archive in memory: a store like the others, for tests that make thousands of archives."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from o365lib.errors import EvidenceError
from o365lib.evidence.stores import Entry, Protection


class MemoryStore:
    """The files in a dictionary of names and contents."""

    url = "memory"
    retention = None

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    @classmethod
    def of(cls, root: Path) -> "MemoryStore":
        """What lies in a folder now."""
        found = sorted(path for path in root.rglob("*") if path.is_file())
        return cls({path.relative_to(root).as_posix(): path.read_bytes() for path in found})

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        for name in sorted(self.files):
            if name.startswith(prefix):
                yield Entry(name, len(self.files[name]))

    def read(self, name: str) -> Iterator[bytes]:
        if name not in self.files:
            raise EvidenceError(f"{name} is gone.") from FileNotFoundError(name)
        yield self.files[name]

    def create(self, name: str, source: Path, *, sha256: str) -> bool:
        raise NotImplementedError  # these tests only read

    def protection(self, name: str) -> Protection:
        raise NotImplementedError
