"""The name that no client can have, because runs that are nobody's lie in the archive under it."""

from typing import Final

BATCHES: Final = "o365-batches"
"""Under which the summaries of batches are archived, as runs of a client that has no tenant."""


def is_reserved(name: str) -> bool:
    """Whether a client's name is ours: no file of parameters can have it."""
    return name == BATCHES
