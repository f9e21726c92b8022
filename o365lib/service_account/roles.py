"""Which roles the vendor's account may hold, from the defaults. Pure."""

from o365lib.parameters import Client, Defaults


def role_of(client: Client, defaults: Defaults) -> tuple[str, str]:
    """Return the template id and the name of the role that the client's purpose takes."""
    name = defaults.purposes[client.purpose].role
    return defaults.roles[name], name


def roles_in_use(defaults: Defaults) -> frozenset[str]:
    """Return the template ids of all roles that some purpose takes: ours to give and take away."""
    purposes = defaults.purposes.values()
    return frozenset(
        defaults.roles[name] for each in purposes for name in (each.role, each.least_role)
    )
