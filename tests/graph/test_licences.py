"""Licences, in the sandbox."""

from o365lib.graph import licences


def test_a_licensed_user_shows_the_products_and_an_unlicensed_one_none(wire):
    found = wire.session.fetch(licences.list_license_details(wire.tenant.administrator["id"]))
    assert [one.sku_part_number for one in found] == ["O365_BUSINESS_PREMIUM"]
    assert found[0].sku_id
    name = f"bare@{wire.tenant.initial_domain}"
    bare = wire.tenant.add_user(user_principal_name=name, display_name="Bare")
    assert wire.session.fetch(licences.list_license_details(bare["id"])) == ()


def test_the_tenants_products_are_listed(wire):
    found = wire.session.fetch(licences.list_subscribed_skus())
    assert "O365_BUSINESS_PREMIUM" in {one.sku_part_number for one in found}
    assert {one.capability_status for one in found} == {"Enabled"}
