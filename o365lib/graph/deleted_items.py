"""The recycle bin. https://learn.microsoft.com/graph/api/resources/directory."""

from o365lib.graph.models import DeletedUser
from o365lib.graph.query import ADVANCED, Query, literal, segment, with_query

_ITEMS = "/directory/deletedItems"
_READ = "User.Read.All"


def list_deleted_users(
    *, named: str | None = None, display_name: str | None = None
) -> Query[tuple[DeletedUser, ...]]:
    """Ask for deleted users; all of them where no name is given.

    Needs `User.Read.All`. A deleted user's principal name is its id without hyphens and the old
    name, so that it is found by the end of it, which takes an advanced query.
    https://learn.microsoft.com/graph/api/directory-deleteditems-list

    Args:
        named: the user principal name from before the deletion.
        display_name: which a deletion leaves as it was; takes no advanced query.
    """
    options: dict[str, str | None] = {"$select": DeletedUser.properties()}
    if display_name is not None:
        options["$filter"] = f"displayName eq {literal(display_name)}"
    if named is not None:
        options["$filter"] = f"endswith(userPrincipalName,{literal(named)})"
        options["$count"] = "true"
    return Query(
        with_query(f"{_ITEMS}/microsoft.graph.user", options),
        lambda items: tuple(map(DeletedUser.from_graph, items)),
        needs=_READ,
        is_collection=True,
        headers={} if named is None else ADVANCED,
    )


def get_deleted_user(user_id: str) -> Query[DeletedUser | None]:
    """Ask for one deleted user; None where it is not in the recycle bin.

    Needs `User.Read.All`.
    https://learn.microsoft.com/graph/api/directory-deleteditems-get
    """
    # Without `$select` the answer need not say when it was deleted.
    return Query(
        with_query(f"{_ITEMS}/{segment(user_id)}", {"$select": DeletedUser.properties()}),
        DeletedUser.from_graph,
        needs=_READ,
        if_missing=lambda: None,
    )
