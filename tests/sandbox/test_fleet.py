import pytest

from o365lib.sandbox.fleet import Fleet, fleet_recipes


def fleet(load=lambda tenant_id: None):
    return Fleet("seed", load)


def test_thousands_of_tenants_are_announced_without_being_made():
    many = fleet()
    for recipe in fleet_recipes(3000):
        many.announce(recipe)
    assert len(many) == len(list(many)) == 3000
    assert many.made() == []


def test_a_tenant_is_made_once_when_it_is_first_used():
    many = fleet()
    ids = [many.announce(recipe) for recipe in fleet_recipes(3)]
    assert many[ids[1]] is many[ids[1]]
    assert [tenant.id for tenant in many.made()] == [ids[1]]


def test_recipes_are_always_the_same_and_their_names_differ():
    assert list(fleet_recipes(50)) == list(fleet_recipes(50))
    assert len({recipe.name for recipe in fleet_recipes(500)}) == 500


def test_a_tenant_is_found_by_name_id_and_domain_in_any_case():
    many = fleet()
    [recipe] = fleet_recipes(1)
    tenant_id = many.announce(recipe)
    for key in (recipe.name, tenant_id, recipe.domains[0].upper(), recipe.initial_domain):
        assert many.find(key).id == tenant_id
    assert many.find("nowhere.example") is None
    assert many.find("") is None


def test_a_domain_that_was_added_later_is_found_once_it_is_verified():
    many = fleet()
    [recipe] = fleet_recipes(1)
    tenant = many[many.announce(recipe)]
    tenant.domains["later.example"] = {"isVerified": False}
    assert many.find("later.example") is None
    tenant.domains["later.example"]["isVerified"] = True
    assert many.find("later.example") is tenant


def test_two_tenants_cannot_have_one_domain():
    many = fleet()
    one, other = fleet_recipes(2)
    many.announce(one)
    with pytest.raises(ValueError, match="belongs to another"):
        many.announce(type(other)(**{**vars(other), "domains": one.domains}))
    assert len(many) == 1


def test_announcing_the_same_tenant_again_changes_nothing():
    many = fleet()
    [recipe] = fleet_recipes(1)
    tenant = many[many.announce(recipe)]
    assert many[many.announce(recipe)] is tenant


def test_a_stored_tenant_is_preferred_to_a_new_one():
    [recipe] = fleet_recipes(1)
    source = fleet()
    stored = source[source.announce(recipe)]
    many = fleet(load={stored.id: stored}.get)
    assert many[many.announce(recipe)] is stored


def test_an_adopted_tenant_is_found_without_a_recipe():
    source, many = fleet(), fleet()
    [recipe] = fleet_recipes(1)
    tenant = source[source.announce(recipe)]
    many.adopt(tenant)
    assert many.find(recipe.initial_domain) is tenant
    assert list(many) == [tenant.id]


def test_tenants_may_share_one_application_and_its_secret():
    many = fleet()
    one, two = (many[many.announce(each)] for each in fleet_recipes(2, application="vendor"))
    assert one.application.app_id == two.application.app_id
    assert one.application.object_id != two.application.object_id
    assert one.application.client_secret == two.application.client_secret


def test_a_shared_application_keeps_its_secret_over_restarts():
    earlier, later = fleet(), fleet()
    one, two = fleet_recipes(2, application="vendor")
    kept = earlier[earlier.announce(one)]
    later.adopt(kept)
    assert later[later.announce(two)].application.client_secret == kept.application.client_secret


def test_without_that_each_tenant_has_an_application_of_its_own():
    many = fleet()
    one, two = (many[many.announce(each)] for each in fleet_recipes(2))
    assert one.application.app_id != two.application.app_id
    assert one.application.client_secret != two.application.client_secret
