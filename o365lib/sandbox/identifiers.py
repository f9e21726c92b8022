"""How the sandbox names things: stable ids from a seed, random ids, and role assignments' ids."""

from __future__ import annotations

import base64
import re
import uuid

_NAMESPACE = uuid.UUID("8d0c4f1e-6f1c-5a0e-9a55-0f3652b0c0de")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def stable_id(*parts: str) -> str:
    """Return the GUID that these words always have, whatever the process or the day."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


def new_id() -> str:
    """Return a fresh random GUID."""
    return str(uuid.uuid4())


def is_guid(text: str) -> bool:
    """Tell whether the text is a GUID in its usual form."""
    return _GUID.fullmatch(text) is not None


def role_assignment_id(
    role_template_id: str, principal_id: str, scope_id: str | None = None
) -> str:
    """Return the id that Entra gives to the assignment of a role to a principal.

    It is the base64url text, without padding, of the two (or three) GUIDs in Microsoft's
    little-endian byte order, and `-1`. The rule is not documented; it reproduces the ids in
    https://learn.microsoft.com/graph/api/rbacapplication-post-roleassignments
    """
    guids = [role_template_id, principal_id, *([scope_id] if scope_id else [])]
    packed = b"".join(uuid.UUID(guid).bytes_le for guid in guids)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii") + "-1"
