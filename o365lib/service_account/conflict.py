"""What a conflict at the account's creation means: what is in the way, and what clears it.

- Only a conflict about the user principal name says that the account is there by now: the next run
  reads it.
- `proxyAddresses` are unique across users, groups and organizational contacts. So the name may
  also be taken as an address: of a shared mailbox, a renamed user, a group, a contact. Running
  again does not clear that; somebody must free the address.
  https://learn.microsoft.com/graph/api/resources/user
- What is in the way is looked for after the refusal, for the sentence only: a failed look is none.
"""

import re
from contextlib import suppress

from o365lib.errors import ChangeFailed, Conflict, GraphError
from o365lib.graph.models import User
from o365lib.graph.session import GraphSession
from o365lib.graph.users import find_user, find_users_with_address
from o365lib.plain_text import one_line

_NAME = "userPrincipalName"
_ADDRESS = "proxyAddresses"
# `User_<object id>`: some answers name the object that is in the way beside the property.
_OBJECT = re.compile(r"[A-Za-z]+_[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_STATE = "This run created nothing."


def blames_another_property(conflict: Conflict) -> bool:
    """Whether something else than the user principal name is said to be taken."""
    blamed = _properties(conflict)
    return bool(blamed) and _NAME not in blamed


def explain(session: GraphSession, conflict: Conflict, user_principal_name: str) -> ChangeFailed:
    """Return what to tell about a creation that was refused for a conflict.

    Reads the tenant where the conflict does not say enough; changes nothing.
    """
    blamed = _properties(conflict)
    if _NAME in blamed or (not blamed and _exists(session, user_principal_name)):
        return made_by_somebody_else(user_principal_name)
    if blamed and _ADDRESS not in blamed:
        what, whose = f"the same {' and '.join(blamed)}", _named(conflict)
        remedy = "Have the client's administrator change that object. Then run the runbook again."
    else:
        what = "this address"
        whose = _holders(session, user_principal_name) or _named(conflict)
        remedy = (
            "Have the client's administrator free the address: it may be an alias of a mailbox (a "
            "shared one, or one of a renamed user), of a group or of a contact. Then run the "
            "runbook again."
        )
    message = (
        f"{user_principal_name} could not be created: another object of the tenant has {what}. "
        f"Graph says: {conflict.message} {whose}"
    )
    return ChangeFailed(message.strip(), state=_STATE, remedy=remedy)


def made_by_somebody_else(user_principal_name: str) -> ChangeFailed:
    """Return what to tell where the account is there by now, and not by this run."""
    return ChangeFailed(
        f"{user_principal_name} was created by somebody else since the tenant was read.",
        state=_STATE,
        remedy="Run the runbook again: it reads the account that is there now.",
    )


def _properties(conflict: Conflict) -> list[str]:
    return [each for each in conflict.detail_targets if not _OBJECT.fullmatch(each)]


def _exists(session: GraphSession, user_principal_name: str) -> bool:
    with suppress(GraphError):
        return session.fetch(find_user(user_principal_name)) is not None
    return False


def _holders(session: GraphSession, address: str) -> str:
    with suppress(GraphError):
        users = session.fetch(find_users_with_address(address))
        return f"It belongs to {' and '.join(map(_describe, users))}." if users else ""
    return ""


def _describe(user: User) -> str:
    return one_line(f"{user.display_name} ({user.user_principal_name}, object id {user.id})")


def _named(conflict: Conflict) -> str:
    objects = [each for each in conflict.detail_targets if _OBJECT.fullmatch(each)]
    return f"It names {' and '.join(objects)}." if objects else ""
