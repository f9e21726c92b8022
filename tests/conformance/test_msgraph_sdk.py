"""Microsoft's own SDK does the whole job against the sandbox: accounts and roles.

What the vendor's article asks for is done with `msgraph-sdk` and `azure-identity`, without a line
of o365lib's client, and what they report is compared with the sandbox's state.
"""

import pytest

pytestmark = [
    # The SDK's models still derive from classes that the SDK itself has deprecated.
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:kiota_abstractions\..*"),
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:msgraph\..*"),
]

EXCHANGE_ADMINISTRATOR = "29232cdf-9323-42fd-ade2-1d097af3e4de"


def test_it_reads_the_organization_and_its_domains(run, tenant):
    async def read(graph):
        organizations = (await graph.organization.get()).value
        domains = (await graph.domains.get()).value
        initial = await graph.domains.by_domain_id(tenant.initial_domain).get()
        return organizations, domains, initial

    [organization], domains, initial = run(read)
    assert organization.id == tenant.id
    assert organization.display_name == tenant.display_name
    assert [d.name for d in organization.verified_domains if d.is_initial] == [
        tenant.initial_domain
    ]
    assert {domain.id for domain in domains} == set(tenant.domains)
    assert (initial.id, initial.is_initial, initial.authentication_type) == (
        tenant.initial_domain,
        True,
        "Managed",
    )


def test_it_reads_a_federated_domains_configuration(ms, run, sandbox, served):
    federated = sandbox.add_tenant("sdk-federated", federation="practice-protect")
    [(domain, configuration)] = federated.federation_configurations.items()

    async def read(graph):
        builder = graph.domains.by_domain_id(domain).federation_configuration
        return (await builder.get()).value

    [found] = run(read, ms.with_secret(served, federated))
    assert found.issuer_uri == configuration["issuerUri"]
    assert found.preferred_authentication_protocol.value == "wsFed"
    assert found.odata_type in {None, "#microsoft.graph.internalDomainFederation"}


def test_it_creates_the_service_account_and_reads_it_by_id_and_by_name(ms, run, tenant):
    new = ms.service_account(tenant)

    async def create(graph):
        created = await graph.users.post(new)
        by_id = await graph.users.by_user_id(created.id).get(
            ms.user_query(select=["id", "accountEnabled", "usageLocation", "assignedLicenses"])
        )
        by_name = await graph.users.by_user_id(new.user_principal_name).get()
        return created, by_id, by_name

    created, by_id, by_name = run(create)
    state = tenant.users[created.id]
    assert state["userPrincipalName"] == created.user_principal_name == new.user_principal_name
    assert (created.given_name, created.surname, created.mail) == ("Practice", "Protect", None)
    assert by_name.id == by_id.id == created.id
    assert (by_id.account_enabled, by_id.usage_location, by_id.assigned_licenses) == (
        True,
        "AU",
        [],
    )
    assert by_id.display_name is None, "only what was selected is answered"
    assert by_name.account_enabled is None, "not in the default property set"
    assert tenant.password_of(created.id) == ms.PASSWORD


def test_it_follows_the_pages_of_a_selected_list_to_the_end(ms, run, tenant):
    async def read(graph):
        first = await graph.users.get(ms.users_query(select=["id", "userPrincipalName"], top=2))
        names = []
        pages = ms.PageIterator(first, graph.request_adapter)
        await pages.iterate(lambda user: names.append(user.user_principal_name) or True)
        second = await graph.users.with_url(first.odata_next_link).get()
        return first, second, names

    first, second, names = run(read)
    assert len(first.value) == len(second.value) == 2
    assert {user.id for user in first.value}.isdisjoint(user.id for user in second.value)
    assert first.value[0].display_name is None
    assert len(names) == len(tenant.users) > 4
    assert set(names) == {user["userPrincipalName"] for user in tenant.users.values()}


def test_it_filters_lists(ms, run, tenant):
    name = f"admin@{tenant.initial_domain}"

    async def read(graph):
        answers = {}
        for text in (
            f"userPrincipalName eq '{name}'",
            "startswith(userPrincipalName,'admin@')",
            "accountEnabled eq true and startswith(displayName,'Zzz')",
        ):
            page = await graph.users.get(ms.users_query(filter=text, select=["userPrincipalName"]))
            answers[text] = [user.user_principal_name for user in page.value]
        return list(answers.values())

    assert run(read) == [[name], [name], []]


def test_it_counts_with_the_consistency_level(ms, run, tenant):
    async def read(graph):
        page = await graph.users.get(ms.users_query(advanced=True, count=True, top=1))
        plain = await graph.users.count.get(ms.count_query())
        ending = await graph.users.get(
            ms.users_query(
                advanced=True,
                count=True,
                filter=f"endswith(userPrincipalName,'@{tenant.initial_domain}')",
            )
        )
        return page, plain, ending

    page, plain, ending = run(read)
    assert page.odata_count == plain == len(tenant.users)
    assert len(page.value) == 1
    assert (
        ending.odata_count
        == len(ending.value)
        == sum(
            user["userPrincipalName"].endswith(f"@{tenant.initial_domain}")
            for user in tenant.users.values()
        )
    )


def test_an_advanced_query_without_the_consistency_level_is_refused(ms, refused, tenant):
    error = refused(
        lambda graph: graph.users.get(
            ms.users_query(filter=f"endswith(userPrincipalName,'@{tenant.initial_domain}')")
        ),
    )
    assert error.response_status_code == 400
    assert error.error.code == "Request_UnsupportedQuery"


def test_it_assigns_a_role_and_takes_it_away(ms, run, tenant):
    async def assign(graph):
        [definition] = (
            await graph.role_management.directory.role_definitions.get(
                ms.role_definitions_query(filter="displayName eq 'Exchange Administrator'")
            )
        ).value
        user = await graph.users.post(ms.service_account(tenant))
        assignments = graph.role_management.directory.role_assignments
        made = await assignments.post(
            ms.UnifiedRoleAssignment(
                principal_id=user.id, role_definition_id=definition.id, directory_scope_id="/"
            )
        )
        of_user = ms.role_assignments_query(
            filter=f"principalId eq '{user.id}'", expand=["roleDefinition"]
        )
        with_role = (await assignments.get(of_user)).value
        roles = (await graph.users.by_user_id(user.id).member_of.graph_directory_role.get()).value
        read_back = await assignments.by_unified_role_assignment_id(made.id).get()
        assert made.id in tenant.role_assignments
        await assignments.by_unified_role_assignment_id(made.id).delete()
        without_role = (await assignments.get(of_user)).value
        return definition, user, made, with_role, roles, read_back, without_role

    definition, user, made, with_role, roles, read_back, without_role = run(assign)
    assert definition.template_id == definition.id == EXCHANGE_ADMINISTRATOR
    assert definition.role_permissions[0].allowed_resource_actions
    assert [(a.id, a.principal_id) for a in with_role] == [(made.id, user.id)]
    assert with_role[0].role_definition.display_name == "Exchange Administrator"
    assert [role.role_template_id for role in roles] == [EXCHANGE_ADMINISTRATOR]
    assert (read_back.id, read_back.directory_scope_id) == (made.id, "/")
    assert without_role == []
    assert made.id not in tenant.role_assignments


def test_it_uses_the_older_directory_roles_too(ms, run, served, tenant):
    async def assign(graph):
        user = await graph.users.post(ms.service_account(tenant))
        role = graph.directory_roles_with_role_template_id(EXCHANGE_ADMINISTRATOR)
        activated = await role.get()
        members = graph.directory_roles.by_directory_role_id(activated.id).members
        await members.ref.post(
            ms.ReferenceCreate(odata_id=f"{served.graph_base_url}/v1.0/directoryObjects/{user.id}")
        )
        joined = (await members.get()).value
        await members.by_directory_object_id(user.id).ref.delete()
        left = (await members.get()).value
        return user, activated, joined, left

    tenant_role = "Exchange Administrator"
    tenant.add_user(
        user_principal_name=f"other@{tenant.initial_domain}",
        display_name="Other",
        roles=[tenant_role],
    )
    user, activated, joined, left = run(assign)
    assert activated.display_name == tenant_role
    assert {type(member).__name__ for member in joined} == {"User"}
    assert user.id in {member.id for member in joined}
    assert user.id not in {member.id for member in left}


def test_a_second_account_of_the_same_name_is_a_conflict(ms, refused, tenant):
    async def twice(graph):
        await graph.users.post(ms.service_account(tenant))
        await graph.users.post(ms.service_account(tenant))

    error = refused(twice)
    assert error.response_status_code == 400
    assert error.error.code == "Request_BadRequest"
    assert [(d.code, d.target) for d in error.error.details] == [
        ("ObjectConflict", "userPrincipalName")
    ]
    assert "already exists" in error.error.message
    assert error.error.inner_error.request_id
    assert error.error.inner_error.client_request_id
    assert error.error.inner_error.date


def test_a_missing_permission_is_refused_by_name_of_the_error(ms, refused, tenant):
    tenant.application.roles.discard("User.ReadWrite.All")
    before = len(tenant.users)
    error = refused(lambda graph: graph.users.post(ms.service_account(tenant)))
    assert error.response_status_code == 403
    assert error.error.code == "Authorization_RequestDenied"
    assert len(tenant.users) == before


def test_what_does_not_exist_is_not_found(refused, tenant):
    nobody = f"nobody@{tenant.initial_domain}"
    error = refused(lambda graph: graph.users.by_user_id(nobody).get())
    assert error.response_status_code == 404
    assert error.error.code == "Request_ResourceNotFound"
    assert nobody in error.error.message


def test_it_changes_the_password_and_disables_the_account(ms, run, tenant):
    async def change(graph):
        user = await graph.users.post(ms.service_account(tenant))
        await graph.users.by_user_id(user.id).patch(
            ms.User(
                account_enabled=False,
                password_profile=ms.PasswordProfile(password="Harbour-77-Violet-Drum"),
            )
        )
        return user, await graph.users.by_user_id(user.id).get(
            ms.user_query(select=["accountEnabled", "lastPasswordChangeDateTime"])
        )

    user, read_back = run(change)
    assert read_back.account_enabled is False
    assert read_back.last_password_change_date_time is not None
    assert tenant.password_of(user.id) == "Harbour-77-Violet-Drum"


def test_it_revokes_sessions_deletes_restores_and_deletes_for_good(ms, run, tenant):
    async def remove(graph):
        user = await graph.users.post(ms.service_account(tenant))
        item = graph.users.by_user_id(user.id)
        bin_ = graph.directory.deleted_items
        seen = {"revoked": (await item.revoke_sign_in_sessions.post()).value}
        await item.delete()
        seen["deleted"] = [u.id for u in (await bin_.graph_user.get()).value]
        deleted = await bin_.by_directory_object_id(user.id).get()
        seen["name in the bin"] = deleted.user_principal_name
        seen["restored"] = (await bin_.by_directory_object_id(user.id).restore.post()).id
        seen["back"] = (await item.get()).user_principal_name
        await item.delete()
        await bin_.by_directory_object_id(user.id).delete()
        seen["in the end"] = (await bin_.graph_user.get()).value
        return user, seen

    user, seen = run(remove)
    assert seen == {
        "revoked": True,
        "deleted": [user.id],
        "name in the bin": user.id.replace("-", "") + user.user_principal_name,
        "restored": user.id,
        "back": user.user_principal_name,
        "in the end": [],
    }
    assert user.id not in tenant.users
    assert user.id not in tenant.deleted_users
