"""The tenants of a sandbox: thousands may be announced, each is made when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from .tenant_making import TenantRecipe, make_tenant

if TYPE_CHECKING:
    from .tenant import Tenant

_FIRST = ("acacia", "banksia", "coral", "delta", "ember", "falcon", "granite", "harbour", "indigo")
_SECOND = ("accounting", "dental", "legal", "motors", "physio", "realty", "surveying", "vets")


class Fleet(Mapping[str, "Tenant"]):
    """A mapping from tenant id to tenant."""

    def __init__(self, seed: str, load: Callable[[str], Tenant | None]) -> None:
        """Start empty; `load` returns the tenant that the state file has under an id, or None."""
        self._seed = seed
        self._load = load
        self._recipes: dict[str, TenantRecipe] = {}
        self._made: dict[str, Tenant] = {}
        self._ids: dict[str, str] = {}

    def __getitem__(self, tenant_id: str) -> Tenant:
        if tenant_id not in self._made:
            recipe = self._recipes[tenant_id]
            self._made[tenant_id] = self._load(tenant_id) or self._make(recipe)
        return self._made[tenant_id]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._recipes, *self._made]))

    def __len__(self) -> int:
        return len(self._recipes.keys() | self._made.keys())

    def made(self) -> list[Tenant]:
        """Return the tenants that have been made so far."""
        return list(self._made.values())

    def announce(self, recipe: TenantRecipe) -> str:
        """Add a tenant that is to be made from a recipe, and return its id.

        A tenant that came from the state file under the same id is kept as it is.

        Raises:
            ValueError: its name or one of its domains belongs to another tenant; nothing is added.
        """
        tenant_id = recipe.tenant_id(self._seed)
        keys = (recipe.name.casefold(), *recipe.all_domains)
        for key in keys:
            if self._ids.get(key, tenant_id) != tenant_id:
                raise ValueError(f"{key!r} belongs to another tenant of this sandbox.")
        self._recipes[tenant_id] = recipe
        self._ids.update(dict.fromkeys(keys, tenant_id))
        return tenant_id

    def adopt(self, tenant: Tenant) -> None:
        """Take a tenant that was made elsewhere, such as in an earlier process."""
        self._made[tenant.id] = tenant
        keys = (tenant.name.casefold(), *tenant.domains)
        self._ids.update(dict.fromkeys(keys, tenant.id))

    def find(self, key: str) -> Tenant | None:
        """Return the tenant with this id, name or verified domain, or None."""
        tenant_id = self._ids.get(key.casefold(), key.casefold())
        if tenant_id in self._recipes or tenant_id in self._made:
            return self[tenant_id]
        for tenant in self._made.values():  # domains that were added to a tenant later
            domain = tenant.domains.get(key.casefold())
            if domain is not None and domain["isVerified"]:
                return tenant
        return None

    def _make(self, recipe: TenantRecipe) -> Tenant:
        tenant = make_tenant(recipe, self._seed)
        if recipe.application is not None:
            own = tenant.application
            # A multitenant application has one registration, with one secret for all tenants.
            others = (each.applications.get(own.app_id) for each in self._made.values())
            if (other := next(filter(None, others), None)) is not None:
                own.client_secrets = other.client_secrets
        return tenant


def fleet_recipes(count: int, *, application: str | None = None) -> Iterator[TenantRecipe]:
    """Return recipes for so many tenants, always the same ones."""
    for number in range(1, count + 1):
        first, second = _FIRST[number % len(_FIRST)], _SECOND[number % len(_SECOND)]
        name = f"{first}-{second}-{number:05}"
        label = name.replace("-", "")
        yield TenantRecipe(
            name=name,
            display_name=f"{first.capitalize()} {second.capitalize()} {number}",
            domains=(f"{label}.example",),
            onmicrosoft=label,
            application=application,
        )
