"""Whether who has signed in, and where, is what the client's file says."""

from o365lib.errors import Refused
from o365lib.sign_in import SignedIn


def check_identity(
    signed_in: SignedIn, *, tenant: str, user_principal_name: str | None = None
) -> None:
    """Compare who is signed in, and where, with what the client file says.

    Args:
        signed_in: the identity.
        tenant: id or domain, from the client file.
        user_principal_name: who must sign in, from the client file, if it says so.

    Raises:
        Refused: `wrong-tenant` or `wrong-identity`; nothing was changed.
    """
    is_domain = "." in tenant
    wanted = signed_in.authority_tenant_id if is_domain else tenant
    if not wanted or signed_in.tenant_id.lower() != wanted.lower():
        raise Refused(
            "wrong-tenant",
            f"The sign-in is for the tenant {signed_in.tenant_id or '(unknown)'}, and the client "
            f"file names {tenant}{f', which is {wanted}' if is_domain and wanted else ''}.",
            remedy="Sign in as an identity of the client's own tenant, or correct `tenant`.",
        )
    if user_principal_name is None:
        return
    if signed_in.user_principal_name.lower() != user_principal_name.lower():
        raise Refused(
            "wrong-identity",
            f"{signed_in.user_principal_name or 'An unknown identity'} is signed in, and the "
            f"client file wants {user_principal_name}.",
            remedy="Sign in as the user whom the file names, or correct `user_principal_name`.",
        )
