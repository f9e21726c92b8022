import pytest

from o365lib.sandbox.sku_catalogue import PREMIUM, PRODUCTS, product


def test_a_product_is_found_by_part_number_and_by_id():
    for known in PRODUCTS.values():
        assert product(known.sku_part_number) is product(known.sku_id) is known


def test_an_unknown_product_is_an_error():
    with pytest.raises(KeyError, match="NO_SUCH"):
        product("NO_SUCH")


def test_premium_is_told_by_its_service_plans():
    names = {key: {p.service_plan_name for p in sku.service_plans} for key, sku in PREMIUM.items()}
    assert names == {"P1": {"AAD_PREMIUM"}, "P2": {"AAD_PREMIUM", "AAD_PREMIUM_P2"}}


def test_a_service_plan_is_written_as_graph_does():
    plan = product("O365_BUSINESS_PREMIUM").service_plans[0]
    assert plan.wire() == {
        "servicePlanId": plan.service_plan_id,
        "servicePlanName": "EXCHANGE_S_STANDARD",
        "provisioningStatus": "Success",
        "appliesTo": "User",
    }
