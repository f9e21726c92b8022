"""Reading a tenant of the sandbox: who and what is there, and in how few round trips."""

import pytest

from o365lib.errors import BadRequest, Forbidden, Refused, ServiceUnavailable
from o365lib.graph.models import Organization
from o365lib.service_account import look
from o365lib.service_account.look import read_facts
from o365lib.service_account.verify import verify_removal
from tests.service_account.example import DEFAULTS, codes

VENDOR = DEFAULTS.vendor


def _batches(job):
    """The paths asked in each batch."""
    return [
        [item.path.partition("?")[0] for item in entry.items]
        for entry in job.ledger.records()
        if entry.path == "/v1.0/$batch"
    ]


def test_an_empty_tenant_is_read_as_it_is(make_job):
    job = make_job(display_name="Fernhill & Söhne <Motors>", country="NZ")
    facts = job.look()
    assert facts.tenant_id == job.tenant.id
    assert facts.display_name == "Fernhill & Söhne <Motors>"
    assert facts.country_letter_code == "NZ"
    assert facts.initial_domain == job.tenant.initial_domain
    assert set(facts.domains) == {job.domain, job.tenant.initial_domain}
    assert facts.user_principal_name == job.upn
    assert facts.identity == job.identity
    assert facts.read <= job.time.now()
    assert (facts.account, facts.federated_domains, facts.namesakes, facts.deleted) == (
        None,
        (),
        (),
        (),
    )
    assert facts.security_defaults is False
    assert facts.pending_credentials == ""


def test_looking_changes_nothing(job):
    job.add_account("Exchange Administrator")
    job.look()
    assert job.written == []


def test_an_unfederated_tenant_is_read_in_one_batch_and_nothing_else(job):
    job.add_account("Global Administrator")
    before = len(job.ledger.records())
    job.look()
    assert [entry.path for entry in job.ledger.records()[before:]] == ["/v1.0/$batch"]


def test_a_federated_tenant_is_read_in_two_batches_and_nothing_else(make_job):
    job = make_job(federation="adfs")
    before = len(job.ledger.records())
    job.look()
    assert [entry.path for entry in job.ledger.records()[before:]] == ["/v1.0/$batch"] * 2
    assert _batches(job)[1] == [f"/domains/{job.domain}/federationConfiguration"]


def test_the_account_is_read_with_its_roles_by_name(job):
    made = job.add_account("Exchange Administrator", "Global Administrator")
    account = job.look().account
    assert account.user.id == made["id"]
    assert account.user.user_principal_name == job.upn
    assert account.user.last_password_change_date_time is not None
    assert account.user.created_date_time is not None
    assert {role.display_name for role in account.roles} == {
        "Exchange Administrator",
        "Global Administrator",
    }
    assert {role.assignment_id for role in account.roles} <= set(job.tenant.role_assignments)


# what an account can be, by Graph's properties: what refuses the create runbook
STATES = [
    ({}, []),
    ({"roles": ["Exchange Administrator"]}, []),
    ({"roles": ["Global Administrator"]}, []),
    ({"roles": ["SharePoint Administrator"]}, ["not-our-account"]),
    ({"licences": ["O365_BUSINESS_PREMIUM"]}, ["not-our-account"]),
    ({"userType": "Guest"}, ["not-our-account"]),
    ({"onPremisesSyncEnabled": True}, ["not-our-account"]),
    ({"onPremisesImmutableId": "abc=="}, ["not-our-account"]),
    ({"display_name": "Reception"}, ["not-our-account"]),
    ({"given_name": None, "surname": None}, ["not-our-account"]),
    ({"accountEnabled": False}, ["account-disabled"]),
]


@pytest.mark.parametrize(("state", "refused"), STATES, ids=lambda value: str(value)[:40])
def test_what_is_decided_on_really_arrives_from_the_tenant(job, state, refused):
    properties = dict(state)
    job.add_account(*properties.pop("roles", ()), **properties)
    assert codes(job.plan("create", job.look())) == refused


def test_letters_case_of_the_name_does_not_hide_the_account(job):
    user = job.add_account()
    user["userPrincipalName"] = f"PracticeProtect@{job.tenant.initial_domain.upper()}"
    facts = job.look()
    assert facts.account.user.id == user["id"]
    assert facts.namesakes == ()


def test_letters_case_of_the_initial_domain_does_not_hide_the_account(job):
    user = job.add_account()
    initial = job.tenant.initial_domain
    written = initial.replace("contoso", "Contoso")
    job.tenant.domains[written] = {**job.tenant.domains.pop(initial), "id": written}
    facts = job.look()
    assert facts.initial_domain == written
    assert facts.account.user.id == user["id"]
    assert facts.namesakes == ()


FEDERATIONS = [
    ("practice-protect", "vendor"),
    ("practice-protect-cyberark", "vendor"),
    ("adfs", "other"),
]


@pytest.mark.parametrize(("federation", "whose"), FEDERATIONS)
def test_a_federated_domain_is_known_by_its_configuration(make_job, federation, whose):
    job = make_job(federation=federation)
    (domain,) = job.look().federated_domains
    assert (domain.name, domain.federated_with) == (job.domain, whose)
    assert domain.evidence


@pytest.mark.parametrize("suffix", VENDOR.host_suffixes)
def test_every_host_family_of_the_vendor_stops_a_removal(make_job, suffix):
    job = make_job(federation="adfs")
    configuration = job.tenant.federation_configurations[job.domain]
    configuration["passiveSignInUri"] = f"https://FIRM.{suffix}:443/run"
    job.add_account("Global Administrator")
    assert codes(job.plan("remove", job.look())) == ["federated-with-vendor"]


def test_a_federation_that_may_not_be_read_is_unknown(make_job):
    job = make_job(federation="practice-protect")
    job.add_account("Exchange Administrator")
    job.fault("403", "GET", "/domains/*", times=None)
    facts = job.look()
    assert facts.federated_domains[0].federated_with == "unknown"
    assert facts.federated_domains[0].unread == "refused"
    assert "403" in facts.federated_domains[0].evidence
    assert codes(job.plan("remove", facts)) == ["federation-unreadable"]


ENGINEER = ("User Administrator", "Privileged Role Administrator")
OVERRIDE = {"federation_override": {"reason": "The client says that it is its own ADFS."}}


@pytest.mark.parametrize("client", [{}, OVERRIDE])
def test_without_a_reading_role_a_person_cannot_clear_the_vendors_domain_by_word(make_job, client):
    job = make_job(federation="practice-protect", client=client, begin=False)
    account = job.add_account("Global Administrator")
    job.begin(as_person=job.add_person(*ENGINEER), runbook="remove")
    plan = job.plan("remove", job.look())
    assert codes(plan) == ["federation-unreadable"]
    assert "Global Reader or Security Reader for the user" in plan.refusals[0].remedy
    assert "Domain-InternalFederation" not in plan.refusals[0].remedy
    assert (account["id"] in job.tenant.users, job.written) == (True, [])


@pytest.mark.parametrize("reader", ["Global Reader", "Security Reader"])
@pytest.mark.parametrize(
    ("federation", "refused"), [("practice-protect", ["federated-with-vendor"]), ("adfs", [])]
)
def test_with_a_reading_role_a_person_knows_whose_federation_it_is(
    make_job, federation, refused, reader
):
    job = make_job(federation=federation, client=OVERRIDE, begin=False)
    job.add_account("Exchange Administrator")
    job.begin(as_person=job.add_person(*ENGINEER, reader), runbook="remove")
    assert codes(job.plan("remove", job.look())) == refused


def test_an_application_needs_the_permission_to_clear_a_federated_domain(make_job):
    job = make_job(federation="adfs", client=OVERRIDE, begin=False)
    job.add_account("Exchange Administrator")
    job.tenant.application.roles -= {
        "Domain-InternalFederation.Read.All",
        "Domain-InternalFederation.ReadWrite.All",
        "Domain.Read.All",
        "Domain.ReadWrite.All",
    }
    job.tenant.application.roles |= {"Directory.Read.All"}
    plan = job.begin().plan("remove", job.look())
    assert codes(plan) == ["federation-unreadable"]
    assert "Domain-InternalFederation.Read.All (for this application" in plan.refusals[0].remedy
    assert "directory role" not in plan.refusals[0].remedy


def test_a_federation_that_has_no_configuration_is_unknown(make_job):
    job = make_job(federation="adfs")
    job.tenant.federation_configurations.clear()
    job.add_account("Exchange Administrator")
    facts = job.look()
    (domain,) = facts.federated_domains
    assert (domain.federated_with, domain.unread) == ("unknown", "")
    assert codes(job.plan("remove", facts)) == ["federation-unreadable"]
    job.client_changes |= OVERRIDE
    assert codes(job.plan("remove", facts)) == []


def test_a_federation_that_the_service_cannot_tell_now_is_unknown(make_job):
    job = make_job(federation="adfs")
    job.fault("503", "GET", "/domains/*", times=None)
    (domain,) = job.look().federated_domains
    assert (domain.federated_with, domain.unread) == ("unknown", "failed")
    assert "503" in domain.evidence


def test_a_federation_that_the_service_could_not_tell_at_first_is_asked_again(make_job):
    job = make_job(federation="adfs")
    fault = job.fault("503", "GET", "/domains/*", times=2)
    (domain,) = job.look().federated_domains
    assert (domain.federated_with, fault.struck) == ("other", 2)


def test_namesakes_on_other_domains_are_kept_apart_from_the_account(job):
    job.tenant.add_user(
        user_principal_name=f"practiceprotect@{job.domain}", display_name="Practice Protect"
    )
    job.tenant.add_user(
        user_principal_name=f"practiceprotect2@{job.tenant.initial_domain}",
        display_name="Practice Protect",
    )
    facts = job.look()
    assert facts.account is None
    assert [user.user_principal_name for user in facts.namesakes] == [
        f"practiceprotect@{job.domain}"
    ]


def test_an_earlier_account_in_the_recycle_bin_is_seen_and_others_are_not(job):
    user = job.add_account()
    other = job.tenant.add_user(
        user_principal_name=f"other@{job.domain}", display_name="Practice Protect"
    )
    for one in (user, other):
        job.tenant.remove_user(one["id"], job.time.now())
    assert [deleted.id for deleted in job.look().deleted] == [user["id"]]


def test_a_recycle_bin_that_may_not_be_read_is_told_and_stops_nothing(make_job):
    job = make_job(begin=False)
    job.begin(as_person=job.add_person("Global Reader"))
    facts = job.look()
    assert facts.deleted is None
    (notice,) = [
        each for each in job.plan("create", facts).notices if each.code == "recycle-bin-unread"
    ]
    assert "Authentication Administrator or User Administrator for the user" in notice.message
    job.begin(as_person=f"engineer@{job.tenant.initial_domain}")
    facts = job.look()
    assert facts.deleted == ()
    assert "recycle-bin-unread" not in [each.code for each in job.plan("create", facts).notices]


def test_who_may_not_read_roles_is_told_which_directory_role_to_ask_for(make_job):
    job = make_job(begin=False)
    job.begin(as_person=job.add_person("User Administrator"))
    with pytest.raises(Refused) as caught:
        job.look()
    assert caught.value.code == "missing-permission"
    assert "role Directory Readers or Global Reader for the user" in caught.value.remedy
    assert "RoleManagement" not in caught.value.remedy


def test_an_application_that_may_not_read_roles_is_told_which_permission_to_ask_for(job):
    job.tenant.application.roles -= {
        role for role in job.tenant.application.roles if role.startswith(("RoleM", "Directory"))
    }
    with pytest.raises(Refused) as caught:
        job.begin().look()
    assert "RoleManagement.Read.Directory (for this application" in caught.value.remedy
    assert "directory role" not in caught.value.remedy


def test_of_several_onmicrosoft_domains_the_initial_one_counts(job):
    initial = job.tenant.domains[job.tenant.initial_domain]
    for name in ("a-fallback.onmicrosoft.com", "z-fallback.onmicrosoft.com"):
        job.tenant.domains[name] = {**initial, "id": name, "isInitial": False}
    job.tenant.add_user(
        user_principal_name="practiceprotect@a-fallback.onmicrosoft.com",
        display_name="Practice Protect",
    )
    facts = job.look()
    assert facts.user_principal_name == job.upn
    assert "a-fallback.onmicrosoft.com" in facts.domains
    assert (facts.account, len(facts.namesakes)) == (None, 1)


def test_usable_global_administrators_are_enabled_users_other_than_the_account(job):
    # A tenant starts with two: the administrator and the emergency account.
    assert job.look().other_global_administrators == 2
    job.add_account("Global Administrator")
    assert job.look().other_global_administrators == 2
    job.tenant.administrator["accountEnabled"] = False
    assert job.look().other_global_administrators == 1


def test_an_application_is_not_counted_as_a_global_administrator(job):
    job.tenant.assign_role(job.tenant.application.object_id, "Global Administrator")
    assert job.look().other_global_administrators == 2


def test_a_principal_that_cannot_be_seen_is_looked_up_and_not_counted(job):
    job.tenant.assign_role("99999999-0000-4000-8000-000000000009", "Global Administrator")
    assert job.look().other_global_administrators == 2
    assert _batches(job)[1] == ["/users/99999999-0000-4000-8000-000000000009"]


def test_who_holds_the_role_twice_is_counted_once(job):
    again = job.tenant.assign_role(job.tenant.administrator["id"], "Global Administrator")
    job.tenant.role_assignments["another-id"] = {**again, "id": "another-id"}
    assert job.look().other_global_administrators == 2


def test_the_only_administrator_left_cannot_be_removed(job):
    job.add_account("Global Administrator")
    for user in job.tenant.global_administrators():
        user["accountEnabled"] = user["userPrincipalName"] == job.upn
    facts = job.look()
    assert facts.other_global_administrators == 0
    assert codes(job.plan("remove", facts)) == ["last-global-administrator"]


def test_roles_are_found_behind_many_pages_of_assignments(job):
    for number in range(450):
        job.tenant.assign_role(f"99999999-0000-4000-8000-{number:012}", "Directory Readers")
    job.add_account("Exchange Administrator")
    late = job.tenant.add_user(
        user_principal_name=f"late@{job.tenant.initial_domain}",
        display_name="Late",
        roles=["Global Administrator"],
    )
    facts = job.look()
    assert [role.display_name for role in facts.account.roles] == ["Exchange Administrator"]
    assert facts.other_global_administrators == 3
    assert late["id"] not in [namesake.id for namesake in facts.namesakes]
    pages = [seen for seen in job.asked if "$skiptoken" in seen.query or "skiptoken" in seen.query]
    assert pages


def test_security_defaults_are_told_where_they_may_be_read(make_job):
    job = make_job(security_defaults=True)
    assert job.look().security_defaults is True
    job.tenant.application.roles -= {"Policy.Read.All"}
    assert job.begin().look().security_defaults is None


NEEDED = [
    "Organization.Read.All",
    "Domain.Read.All",
    "User.ReadWrite.All",
    "RoleManagement.ReadWrite.Directory",
]


@pytest.mark.parametrize("needed", NEEDED)
def test_what_must_be_known_is_never_guessed(make_job, needed):
    job = make_job(begin=False)
    kept = {"Organization.Read.All", "Domain.Read.All", "User.ReadWrite.All"}
    kept |= {"RoleManagement.ReadWrite.Directory"}
    job.tenant.application.roles.clear()
    job.tenant.application.roles |= kept - {needed}
    with pytest.raises(Refused, match="does not let") as caught:
        job.begin().look()
    assert isinstance(caught.value.__cause__, Forbidden)


def test_everything_that_the_service_does_not_let_one_read_is_told_at_once(job):
    job.tenant.application.roles.clear()
    job.tenant.application.roles.add("Organization.Read.All")
    with pytest.raises(Refused, match="read domains, users, roles: ") as caught:
        job.begin().look()
    assert caught.value.code == "missing-permission"
    assert caught.value.remedy.startswith("To read domains, users and roles, ask the client's")
    assert (
        "the permissions Domain.Read.All, User.Read.All and RoleManagement.Read.Directory"
        in caught.value.remedy
    )
    # One look is enough to know.
    assert job.written == []


def test_an_organization_without_initial_domain_is_an_error():
    hidden = Organization(id="1", display_name="Contoso", verified_domains=())
    with pytest.raises(BadRequest, match=r"Contoso shows no initial domain.*Organization\.Read"):
        look.initial_domain_of(hidden)


@pytest.mark.parametrize("effect", ["429", "503", "504", "reset-before", "reset-after"])
@pytest.mark.parametrize("in_batch", [True, False])
def test_reading_is_repeated_until_it_works(job, effect, in_batch):
    job.add_account("Exchange Administrator")
    path = "/users" if in_batch else "/$batch"
    fault = job.fault(effect, path=path, in_batch=in_batch, retry_after="1.5", times=2)
    assert job.look().account is not None
    assert fault.struck == 2


def test_a_service_that_goes_on_saying_no_is_reported(job):
    job.fault("503", path="/organization", times=None)
    with pytest.raises(ServiceUnavailable):
        job.look()


def test_the_archive_is_asked_about_the_account_that_is_there_and_only_then(job):
    asked = []

    def pending(user):
        asked.append(user.id)
        return "run-1"

    def read():
        return read_facts(
            job.session,
            job.identity,
            tenant=job.tenant.id,
            defaults=DEFAULTS,
            handled={},
            pending=pending,
        )

    assert (read().pending_credentials, asked) == ("", [])
    user = job.add_account()
    assert (read().pending_credentials, asked) == ("run-1", [user["id"]])


@pytest.mark.parametrize("named_by", ["id", "initial_domain"])
def test_an_account_that_no_filter_shows_yet_is_found_by_its_key(job, named_by):
    job.sandbox.filter_lag_seconds = 3600
    created, _ = job.create()
    found = read_facts(
        job.session,
        job.identity,
        tenant=getattr(job.tenant, named_by),
        defaults=DEFAULTS,
        handled={},
        pending=lambda _user: "",
    )
    assert found.account.user.id == created.user_id
    assert found.namesakes == ()


@pytest.fixture
def made(job):
    """A job whose account was made by an earlier run; and that run's id."""
    job.create()
    run_id = job.folder.run_id
    return job.begin(), run_id


@pytest.mark.parametrize("name", ["practiceprotect@contoso.example", "old-pp@initial"])
def test_an_account_that_an_earlier_run_made_is_found_under_another_name(made, name):
    job, run_id = made
    user, name = job.user, name.replace("initial", job.tenant.initial_domain)
    user["userPrincipalName"] = name
    facts = job.look()
    (found,) = facts.renamed
    assert (found.user_id, found.user_principal_name, found.run_id) == (user["id"], name, run_id)
    assert (facts.account, facts.namesakes) == (None, ())


def test_an_account_that_was_renamed_is_found_beside_one_that_has_its_name(made):
    job, _ = made
    job.user["userPrincipalName"] = f"old-pp@{job.tenant.initial_domain}"
    second = job.add_account()
    facts = job.look()
    assert facts.account.user.id == second["id"] != facts.renamed[0].user_id


def test_an_account_that_bears_its_name_still_is_not_renamed(made):
    job, _ = made
    job.user["userPrincipalName"] = job.upn.upper()
    facts = job.look()
    assert (facts.account.user.id, facts.renamed) == (job.user["id"], ())


@pytest.mark.parametrize("for_good", [False, True])
def test_an_account_that_somebody_deleted_by_hand_is_gone(made, for_good):
    job, _ = made
    user = job.user
    user["userPrincipalName"] = f"old-pp@{job.tenant.initial_domain}"
    job.tenant.remove_user(user["id"], job.time.now())
    if for_good:
        job.tenant.purge_user(user["id"])
    facts = job.look()
    assert (facts.account, facts.renamed) == (None, ())


def test_the_accounts_that_were_made_are_read_in_the_first_batch(made):
    job, _ = made
    before = len(job.ledger.records())
    job.look()
    (entry,) = job.ledger.records()[before:]
    assert entry.path == "/v1.0/$batch"


def test_an_account_that_was_made_and_that_no_filter_shows_yet_takes_no_second_batch(job):
    job.sandbox.filter_lag_seconds = 3600
    job.create()
    before = len(job.ledger.records())
    facts = read_facts(
        job.session,
        job.identity,
        tenant=job.tenant.id,
        defaults=DEFAULTS,
        handled=job.handled,
        pending=lambda _user: "",
    )
    assert facts.account.user.id == job.user["id"]
    assert len(job.ledger.records()) == before + 1


def test_an_account_that_was_made_and_cannot_be_read_is_not_taken_for_gone(made):
    job, _ = made
    job.fault("403", "GET", f"/users/{job.user['id']}", times=None)
    with pytest.raises(Refused):
        job.look()


def test_a_removal_of_nothing_is_verified_by_key(job):
    plan = job.plan("remove", job.look())
    job.sandbox.filter_lag_seconds = 3600
    job.begin().create()
    checks = verify_removal(job.session, plan, patience_seconds=0)
    assert [check.passed for check in checks] == [False]
