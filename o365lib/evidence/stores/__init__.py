"""Where an archive is kept: a folder, an Azure Blob container or an S3 bucket, all alike.

- A name is a path from the archive's root, with `/`. Entries come in the order of their names.
- Create-only: no store here can overwrite or delete. A name that is there with other bytes is
  `NameTaken`; with the very same bytes, the work is done already.
- A store must exist: the folder, the container or the bucket is made by whoever owns it.
- What is read back about protection is what the store says, not what was asked of it.
- All methods may be called from several threads at once.
"""

from o365lib.evidence.stores.folder import FolderStore
from o365lib.evidence.stores.opening import open_store
from o365lib.evidence.stores.store import (
    Entry,
    Protection,
    Retention,
    Store,
    checked_name,
    sha256_of,
)

__all__ = [
    "Entry",
    "FolderStore",
    "Protection",
    "Retention",
    "Store",
    "checked_name",
    "open_store",
    "sha256_of",
]
