"""Many queries in one round trip."""

import pytest

from o365lib.errors import Forbidden, NotFound, UntrustedHost
from o365lib.graph import deleted_items, domains, organization, role_management, users
from o365lib.graph.query import Query
from o365lib.graph.read_batch import ReadBatch
from o365lib.sandbox import Fault
from tests.scripted_server import answer, batch_answer


def test_queries_are_asked_in_one_round_trip_and_each_has_its_typed_result(wire):
    with ReadBatch(wire.session) as batch:
        tenant = batch.add(organization.get_organization())
        names = batch.add(domains.list_domains())
        nobody = batch.add(users.find_user("nobody@nowhere.example"))
        federations = batch.add(domains.list_federation_configurations(wire.tenant.initial_domain))
    assert wire.requests == ["POST /v1.0/$batch 200"]
    assert tenant.value().id == wire.tenant.id
    assert {one.id for one in names.value()} == set(wire.tenant.domains)
    assert nobody.value() is None
    assert federations.value() == ()


def test_one_querys_error_is_its_own(wire):
    wire.tenant.application.roles -= {
        "Directory.Read.All",
        "RoleManagement.Read.Directory",
        "RoleManagement.ReadWrite.Directory",
    }
    with ReadBatch(wire.session) as batch:
        tenant = batch.add(organization.get_organization())
        roles = batch.add(role_management.list_role_assignments())
        user = batch.add(users.get_user("nobody@nowhere.example"))
    assert tenant.value().id == wire.tenant.id
    assert tenant.error is None
    assert isinstance(roles.error, Forbidden)
    with pytest.raises(Forbidden) as caught:
        roles.value()
    assert "RoleManagement.Read.Directory" in caught.value.remedy
    with pytest.raises(NotFound):
        user.value()


def test_a_query_that_takes_a_header_has_it_inside_the_batch_too(wire):
    with ReadBatch(wire.session) as batch:
        deleted = batch.add(deleted_items.list_deleted_users(named="nobody@nowhere.example"))
    assert deleted.value() == ()


def test_a_result_is_not_there_before_the_batch_was_sent(wire):
    batch = ReadBatch(wire.session)
    tenant = batch.add(organization.get_organization())
    with pytest.raises(RuntimeError, match="not sent"):
        tenant.value()
    assert tenant.error is None


def test_an_exception_in_the_block_sends_nothing(wire):
    def broken():
        with ReadBatch(wire.session) as batch:
            batch.add(organization.get_organization())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert wire.requests == []


def test_an_empty_batch_sends_nothing(wire):
    with ReadBatch(wire.session):
        pass
    assert wire.requests == []


def test_a_list_that_goes_on_is_followed_beyond_the_batch(wire):
    for number in range(7):
        name = f"extra{number}@{wire.tenant.initial_domain}"
        wire.tenant.add_user(user_principal_name=name, display_name="x")
    with ReadBatch(wire.session) as batch:
        everybody = batch.add(users.list_users(top=5))
    assert len(everybody.value()) == len(wire.tenant.users)
    assert [line.split()[1] for line in wire.requests] == ["/v1.0/$batch"] + ["/v1.0/users"] * (
        (len(wire.tenant.users) - 1) // 5
    )


def test_a_list_that_goes_on_elsewhere_is_that_querys_error(server, scripted):
    body = {"value": [], "@odata.nextLink": "https://evil.example/v1.0/users"}
    server.answers(batch_answer((0, 200, body, {}), (1, 200, {"value": []}, {})))
    with ReadBatch(scripted.session) as batch:
        bad = batch.add(Query("/users", list, is_collection=True))
        good = batch.add(Query("/domains", list, is_collection=True))
    assert isinstance(bad.error, UntrustedHost)
    assert good.value() == []


def test_more_than_twenty_queries_take_two_round_trips(wire):
    name = wire.tenant.administrator["userPrincipalName"]
    with ReadBatch(wire.session) as batch:
        answers = [batch.add(users.get_user(name)) for _ in range(21)]
    assert {one.value().user_principal_name for one in answers} == {name}
    assert wire.requests == ["POST /v1.0/$batch 200"] * 2


def test_what_concerns_the_whole_batch_is_raised_by_the_block(server, scripted):
    server.answers(answer(403, {"error": {"code": "Authorization_RequestDenied"}}))
    with pytest.raises(Forbidden), ReadBatch(scripted.session) as batch:
        batch.add(organization.get_organization())


def test_a_failing_item_is_asked_again(wire, standing):
    wire.sandbox.faults.add(Fault(path="/v1.0/organization", effect="503", in_batch=True))
    with ReadBatch(wire.session) as batch:
        tenant = batch.add(organization.get_organization())
    assert tenant.value().id == wire.tenant.id
    assert len(standing.sleeps) == 1
