"""Users. https://learn.microsoft.com/graph/api/resources/user."""

from typing import Any

from o365lib.graph.models import User
from o365lib.graph.query import Query, literal, segment, with_query
from o365lib.graph.session import GraphSession
from o365lib.secret import Secret

_READ = "User.Read.All"
_WRITE = "User.ReadWrite.All"
_WRITE_PASSWORD = "User-PasswordProfile.ReadWrite.All"  # noqa: S105 -- a permission's name


def get_user(user_id: str) -> Query[User]:
    """Ask for one user.

    Needs `User.Read.All`.
    https://learn.microsoft.com/graph/api/user-get

    Args:
        user_id: the object id, or the user principal name.
    """
    return Query(
        with_query(_path(user_id), {"$select": User.properties()}), User.from_graph, needs=_READ
    )


def find_user(user_principal_name: str) -> Query[User | None]:
    """Ask for the user of this name; None where there is none.

    Needs `User.Read.All`. By key and not by filter: the index behind filters lags.
    https://learn.microsoft.com/graph/api/user-get
    """
    return Query(
        with_query(_path(user_principal_name), {"$select": User.properties()}),
        User.from_graph,
        needs=_READ,
        if_missing=lambda: None,
    )


def list_users(
    filter_text: str | None = None, *, top: int | None = None
) -> Query[tuple[User, ...]]:
    """Ask for users; all of them where no filter is given.

    Needs `User.Read.All`.
    https://learn.microsoft.com/graph/api/user-list

    Args:
        filter_text: OData, without the need of advanced queries; quote texts with `literal`.
        top: users a page, at most 999; every page is read.
    """
    options = {"$select": User.properties(), "$filter": filter_text, "$top": top}
    return Query(
        with_query("/users", options),
        lambda items: tuple(map(User.from_graph, items)),
        needs=_READ,
        is_collection=True,
    )


def find_users_named(prefix: str) -> Query[tuple[User, ...]]:
    """Ask for the users whose user principal name begins with a text.

    Needs `User.Read.All`. The index behind filters lags by seconds after a change.
    https://learn.microsoft.com/graph/api/user-list
    """
    return list_users(f"startswith(userPrincipalName,{literal(prefix)})")


def find_users_with_address(address: str) -> Query[tuple[User, ...]]:
    """Ask for the users among whose e-mail addresses, aliases included, this one is.

    Needs `User.Read.All`. Groups and contacts, which share the addresses with users, are not asked
    for: that would take further permissions. The main address begins with `SMTP:`, an alias with
    `smtp:`. https://learn.microsoft.com/graph/api/resources/user

    Args:
        address: without either.
    """
    either = " or ".join(f"p eq {literal(prefix + address)}" for prefix in ("smtp:", "SMTP:"))
    return list_users(f"proxyAddresses/any(p:{either})")


def create_user(
    session: GraphSession,
    *,
    user_principal_name: str,
    display_name: str,
    mail_nickname: str,
    password: Secret,
    given_name: str = "",
    surname: str = "",
    usage_location: str = "",
    force_change_password_next_sign_in: bool = True,
) -> User:
    """Create an enabled user without licence and return what Graph says of it.

    Needs `User.ReadWrite.All`, and User Administrator for a signed-in user.
    https://learn.microsoft.com/graph/api/user-post-users

    Raises:
        Conflict: the name is taken, by a user or, see `detail_targets`, as an address of another
            object; nothing was changed.
        Forbidden: a permission or role is missing; nothing was changed.
        BadRequest: a property or the password was refused; nothing was changed.
        AnswerLost: the user may have been created or not.
    """
    optional = {"givenName": given_name, "surname": surname, "usageLocation": usage_location}
    body: dict[str, Any] = {
        "accountEnabled": True,
        "userPrincipalName": user_principal_name,
        "displayName": display_name,
        "mailNickname": mail_nickname,
        "passwordProfile": _password_profile(
            password, force_change=force_change_password_next_sign_in
        ),
    }
    body |= {name: value for name, value in optional.items() if value}
    return session.create("/users", body, User.from_graph, needs=_WRITE)


def set_password(
    session: GraphSession, user_id: str, password: Secret, *, force_change: bool = True
) -> None:
    """Give a user a new password.

    Needs `User-PasswordProfile.ReadWrite.All`; for an administrator's password the caller is a
    Privileged Authentication Administrator or Global Administrator, and a person's token has
    `Directory.AccessAsUser.All`.
    https://learn.microsoft.com/graph/api/user-update

    Args:
        session: of the signed-in identity.
        user_id: the object id.
        password: the new one.
        force_change: whether the user must choose another at the next sign-in.

    Raises:
        NotFound: there is no such user.
        Forbidden: a permission or role is missing; the old password holds.
        BadRequest: the password was refused; the old one holds.
        AnswerLost: the old or the new password may hold.
    """
    profile = _password_profile(password, force_change=force_change)
    session.patch(_path(user_id), {"passwordProfile": profile}, needs=_WRITE_PASSWORD)


def set_account_enabled(session: GraphSession, user_id: str, *, enabled: bool) -> None:
    """Allow or block a user's sign-in.

    Needs `User.EnableDisableAccount.All`, or `User.ReadWrite.All`; for an administrator's account
    the caller is a Privileged Authentication Administrator or Global Administrator, and a person's
    token has `Directory.AccessAsUser.All`.
    https://learn.microsoft.com/graph/api/user-update

    Args:
        session: of the signed-in identity.
        user_id: the object id.
        enabled: whether the user may sign in.

    Raises:
        NotFound: there is no such user.
        Forbidden: a permission or role is missing; nothing was changed.
        BadRequest: it is the last Global Administrator; nothing was changed.
        AnswerLost: it may have been changed or not; doing it again is harmless.
    """
    needs = "User.EnableDisableAccount.All"
    session.patch(_path(user_id), {"accountEnabled": enabled}, needs=needs)


def delete_user(session: GraphSession, user_id: str) -> None:
    """Move a user into the recycle bin, where it stays for 30 days.

    Needs `User.DeleteRestore.All`; while the user holds a privileged role, a higher role too.
    https://learn.microsoft.com/graph/api/user-delete

    Args:
        session: of the signed-in identity.
        user_id: the object id. Not the name: another user may bear it by now.

    Raises:
        NotFound: there is no such user.
        Forbidden: a permission or role is missing; nothing was changed.
        AnswerLost: the user may have been deleted or not.
    """
    session.delete(_path(user_id), needs="User.DeleteRestore.All")


def revoke_sign_in_sessions(session: GraphSession, user_id: str) -> None:
    """End a user's sign-in sessions: refresh tokens are void from now on.

    Needs `User.RevokeSessions.All`. Access tokens live on for up to an hour or so.
    https://learn.microsoft.com/graph/api/user-revokesigninsessions

    Raises:
        NotFound: there is no such user.
        Forbidden: a permission or role is missing; nothing was changed.
        AnswerLost: the sessions may have been ended or not; doing it again is harmless.
    """
    session.post(f"{_path(user_id)}/revokeSignInSessions", needs="User.RevokeSessions.All")


def _password_profile(password: Secret, *, force_change: bool) -> dict[str, Any]:
    return {
        "password": password,
        "forceChangePasswordNextSignIn": force_change,
        "forceChangePasswordNextSignInWithMfa": False,
    }


def _path(user_id: str) -> str:
    # A key that begins with a dollar sign would be read as one of OData's own words.
    if user_id.startswith("$"):
        return f"/users({segment(literal(user_id))})"
    return f"/users/{segment(user_id)}"
