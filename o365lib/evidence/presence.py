"""Who is at work on a client at the desk: one engineer at a time, the others can look.

- It is held from the first cell to the last, not only while the tenant is changed: two people who
  prepare two changes of one account are told of each other before either has confirmed.
- It holds nobody back who is not at a desk: a batch goes by the client's lock alone.
"""

from o365lib.evidence.archive import RunFolder
from o365lib.evidence.client_lock import ClientLock

_LOCK_FILE = ".desk.lock"
_HOLDER_FILE = ".desk.json"


class Presence(ClientLock):
    """A run's presence at its client.

    Args:
        run: the run; its folder's parent must exist.
    """

    def __init__(self, run: RunFolder) -> None:
        super().__init__(run, lock_file=_LOCK_FILE, holder_file=_HOLDER_FILE)
