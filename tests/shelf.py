"""A keyring in memory."""

from keyring.backend import KeyringBackend


class Shelf(KeyringBackend):
    """Keeps what it is given.

    Args:
        entries: by service and user name.
        forgets: whether it keeps nothing that it is given.
        refuses: an error to raise in place of every answer.
    """

    priority = 1

    def __init__(self, entries=(), *, forgets=False, refuses=None):
        super().__init__()
        self.entries = dict(entries)
        self.forgets = forgets
        self.refuses = refuses

    def get_password(self, service, username):
        if self.refuses:
            raise self.refuses
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        if self.refuses:
            raise self.refuses
        if not self.forgets:
            self.entries[service, username] = password
