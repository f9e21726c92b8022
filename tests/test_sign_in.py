"""Signing in to the sandbox with MSAL through the run's own transport."""

import itertools
import threading
from datetime import timedelta
from urllib.parse import quote

import pytest

from o365lib import clock, secret
from o365lib.aadsts import SENTENCES
from o365lib.clouds import Cloud
from o365lib.errors import SecretUnavailable, SignInError, UntrustedHost
from o365lib.graph import organization
from o365lib.graph.models import User
from o365lib.graph.query import Query
from o365lib.graph.session import GraphSession
from o365lib.ledger import Ledger
from o365lib.parameters import (
    BrowserSignIn,
    CertificateSignIn,
    ClientSecretSignIn,
    DeviceCodeSignIn,
    SecretSource,
)
from o365lib.sandbox import Fault, Sandbox
from o365lib.sign_in import SignedIn, sign_in
from o365lib.transport import Transport
from tests.conformance.person import Person
from tests.scripted_server import answer, serving
from tests.standing_clock import StandingClock

SCOPES = ("User.ReadWrite.All", "Organization.Read.All", "RoleManagement.ReadWrite.Directory")
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
_names = itertools.count(1)


@pytest.fixture(scope="module")
def sandbox():
    fresh = Sandbox(seed="sign-in")
    yield fresh
    fresh.close()


@pytest.fixture(scope="module")
def served(sandbox):
    with sandbox.serve() as serving_now:
        yield serving_now


class Desk:
    """One run's transport in one tenant, and the ways to sign in from there."""

    def __init__(self, sandbox, served, tenant, folder):
        self.sandbox = sandbox
        self.tenant = tenant
        self.folder = folder
        self.cloud = Cloud("sandbox", served.login_base_url, served.graph_base_url, served.ca_file)
        self.ca_file = served.ca_file
        self.transport = Transport(self.cloud, ledger=Ledger())
        self.prompts = []

    @property
    def engineer(self):
        return self.tenant.administrator["userPrincipalName"]

    def sign_in(self, settings, **options):
        return sign_in(
            settings,
            cloud=self.cloud,
            tenant=options.pop("tenant", self.tenant.id),
            transport=self.transport,
            scopes=options.pop("scopes", SCOPES),
            prompt=options.pop("prompt", self.prompts.append),
            **options,
        )

    def secret(self, value=None, application_id=None):
        file = self.folder / "client.secret"
        file.write_text(value or self.tenant.application.client_secret, "utf-8")
        file.chmod(0o600)
        return ClientSecretSignIn(
            method="client-secret",
            application_id=application_id or self.tenant.application.app_id,
            secret=SecretSource(file=file),
        )

    def certificate(self, pem):
        file = self.folder / "client.pem"
        file.write_text(pem, "utf-8")
        file.chmod(0o600)
        return CertificateSignIn(
            method="certificate",
            application_id=self.tenant.application.app_id,
            certificate=file,
        )

    def device(self, **changes):
        settings = {"method": "device-code", "application_id": self.tenant.public_client.app_id}
        return DeviceCodeSignIn(**{**settings, **changes})

    def browser(self, **changes):
        settings = {"method": "browser", "application_id": self.tenant.public_client.app_id}
        return BrowserSignIn(**{**settings, **changes})

    def approving(self, user_principal_name=None):
        """A prompt at which the person enters the code at once."""

        def prompt(shown):
            self.prompts.append(shown)
            self.sandbox.approve_device_code(
                shown.user_code.reveal(), user_principal_name or self.engineer
            )

        return prompt

    def surfing(self, user_principal_name=None, password=None):
        """A browser in which the person signs in at once."""

        def surf(address):
            person = Person(self.ca_file)
            name = user_principal_name or self.engineer
            person.open(address)
            while person.forms and not person.url.startswith("http://localhost"):
                person.submit({"text": name, "password": password or self.tenant.password_of(name)})
            person.close()

        def open_browser(address):
            # The receiver answers only once the sign-in waits for it.
            threading.Thread(target=surf, args=(address,)).start()

        return open_browser


@pytest.fixture
def desk(sandbox, served, tmp_path):
    tenant = sandbox.add_tenant(f"firm-{next(_names)}", employees=1)
    desk = Desk(sandbox, served, tenant, tmp_path)
    yield desk
    desk.transport.close()
    sandbox.faults.clear()


@pytest.fixture
def standing():
    standing = StandingClock()
    with clock.use(standing):
        yield standing


# ---- the ways in -------------------------------------------------------------------------------


def check_application(desk, signed_in):
    application = desk.tenant.application
    assert (signed_in.kind, signed_in.tenant_id) == ("application", desk.tenant.id)
    assert signed_in.application_id == application.app_id
    assert signed_in.permissions == application.roles
    assert signed_in.user_principal_name == ""
    assert signed_in.claims_known
    assert signed_in.expires > clock.now() + timedelta(minutes=30)
    found = GraphSession(desk.transport, signed_in).fetch(organization.get_organization())
    assert found.id == desk.tenant.id


def test_an_application_signs_in_with_its_secret(desk):
    check_application(desk, desk.sign_in(desk.secret()))
    assert not desk.prompts


def test_an_application_signs_in_with_its_certificate(desk):
    pem = desk.tenant.application.create_certificate()
    check_application(desk, desk.sign_in(desk.certificate(pem)))


def check_person(desk, signed_in):
    assert (signed_in.kind, signed_in.tenant_id) == ("user", desk.tenant.id)
    assert signed_in.object_id == desk.tenant.administrator["id"]
    assert signed_in.user_principal_name == desk.engineer
    assert set(SCOPES) <= signed_in.permissions
    assert GLOBAL_ADMINISTRATOR in signed_in.directory_roles
    me = GraphSession(desk.transport, signed_in).fetch(Query("/me", User.from_graph))
    assert me.id == signed_in.object_id


def test_a_person_signs_in_with_a_device_code(desk):
    signed_in = desk.sign_in(desk.device(), prompt=desk.approving())
    check_person(desk, signed_in)
    (prompt,) = desk.prompts
    assert prompt.kind == "device-code"
    assert prompt.verification_uri in prompt.message
    assert prompt.user_code.reveal() in prompt.message
    assert prompt.user_code.reveal() not in repr(prompt)
    assert prompt.user_code.reveal() not in secret.mask(prompt.message)


def test_a_person_signs_in_in_the_browser(desk):
    settings = desk.browser(user_principal_name=desk.engineer)
    signed_in = desk.sign_in(settings, open_browser=desk.surfing(), patience_seconds=30)
    check_person(desk, signed_in)
    (prompt,) = desk.prompts
    assert prompt.kind == "browser"
    assert prompt.user_code is None
    assert prompt.verification_uri.startswith(desk.cloud.login_base_url)
    assert prompt.verification_uri in prompt.message
    assert quote(desk.engineer) in prompt.verification_uri


def test_a_tenant_may_be_named_by_any_of_its_domains(desk):
    signed_in = desk.sign_in(desk.secret(), tenant=desk.tenant.initial_domain)
    assert signed_in.tenant_id == signed_in.authority_tenant_id == desk.tenant.id


def test_the_wait_for_the_person_follows_the_services_interval(desk, standing):
    polls = []

    def entered_late(seconds):
        polls.append(seconds)
        if len(polls) == 2:
            desk.sandbox.approve_device_code(desk.prompts[0].user_code.reveal(), desk.engineer)

    standing.sleep = entered_late
    assert desk.sign_in(desk.device()).user_principal_name == desk.engineer
    assert polls == [5.0, 5.0]


def test_a_service_that_is_asked_too_often_is_asked_less_often(desk, standing, sandbox):
    sandbox.device_code_polling_enforced = True
    try:
        with pytest.raises(SignInError):
            desk.sign_in(desk.device(), patience_seconds=40)
    finally:
        sandbox.device_code_polling_enforced = False
    assert standing.sleeps[:2] == [5.0, 10.0]
    assert standing.sleeps == sorted(standing.sleeps)


# ---- tokens ------------------------------------------------------------------------------------


def test_the_token_is_kept_for_the_run_and_renewed_on_request(desk):
    for signed_in in (
        desk.sign_in(desk.secret()),
        desk.sign_in(desk.device(), prompt=desk.approving()),
    ):
        before = len(desk.transport.ledger.records())
        first = signed_in.token()
        assert signed_in.token() == first
        assert len(desk.transport.ledger.records()) == before
        fresh = signed_in.renew()
        assert fresh != first
        assert signed_in.token() == fresh
        assert len(desk.transport.ledger.records()) == before + 1


def test_two_runs_share_no_token(desk):
    first, second = desk.sign_in(desk.secret()), desk.sign_in(desk.secret())
    assert first.token() != second.token()


def test_a_renewal_after_the_sessions_were_revoked_says_so(desk):
    signed_in = desk.sign_in(desk.device(), prompt=desk.approving())
    state = desk.tenant.sign_in[desk.tenant.administrator["id"]]
    state.valid_from = desk.sandbox.clock.now() + timedelta(seconds=5)
    with pytest.raises(SignInError, match="revoked"):
        signed_in.renew()


def test_a_renewal_after_months_says_that_the_sign_in_has_expired(desk):
    signed_in = desk.sign_in(desk.device(), prompt=desk.approving())
    desk.sandbox.clock.advance(days=91)
    with pytest.raises(SignInError) as caught:
        signed_in.renew()
    assert caught.value.code == 700082
    with pytest.raises(SignInError):
        signed_in.renew()


def test_a_sign_in_without_refresh_token_ends_with_its_first_token(tmp_path):
    with serving(tmp_path) as server:
        cloud = server.cloud
        base = f"{cloud.login_base_url}/contoso/oauth2/v2.0"
        flow = {"user_code": "ABCDEFGH", "device_code": "a-device-code", "expires_in": 900,
                "verification_uri": f"{cloud.login_base_url}/device"}  # fmt: skip
        server.answers(
            answer(200, {"token_endpoint": f"{base}/token", "issuer": base,
                         "authorization_endpoint": f"{base}/authorize",
                         "device_authorization_endpoint": f"{base}/devicecode"}),
            answer(200, flow),
            answer(200, {"access_token": "a-first-token", "expires_in": 3600,
                         "token_type": "Bearer", "scope": "User.Read"}),
        )  # fmt: skip
        signed_in = sign_in(
            DeviceCodeSignIn(method="device-code"),
            cloud=cloud,
            tenant="contoso",
            transport=Transport(cloud, ledger=Ledger()),
            scopes=("User.Read",),
            prompt=lambda _: None,
        )
        assert quote(f"{cloud.graph_base_url}/User.Read", safe="").encode() in server.seen[1].body
        with pytest.raises(SignInError, match="come to its end"):
            signed_in.renew()


def test_a_token_that_cannot_be_read_leaves_permissions_unknown(tmp_path):
    with serving(tmp_path) as server:
        cloud = server.cloud
        base = f"{cloud.login_base_url}/11111111-2222-3333-4444-555555555555/oauth2/v2.0"
        server.answers(
            answer(200, {"token_endpoint": f"{base}/token",
                         "authorization_endpoint": f"{base}/authorize",
                         "issuer": base}),
            answer(200, {"access_token": "opaque-token", "expires_in": 3600,
                         "token_type": "Bearer"}),
        )  # fmt: skip
        signed_in = scripted_sign_in(cloud, tmp_path)
    assert not signed_in.claims_known
    assert signed_in.permissions == frozenset()
    assert signed_in.tenant_id == "11111111-2222-3333-4444-555555555555"


def scripted_sign_in(cloud, folder):
    file = folder / "x.secret"
    file.write_text("a-client-secret", "utf-8")
    file.chmod(0o600)
    application_id = "99999999-2222-3333-4444-555555555555"
    return sign_in(
        ClientSecretSignIn(
            method="client-secret", application_id=application_id, secret=SecretSource(file=file)
        ),
        cloud=cloud,
        tenant="contoso.onmicrosoft.com",
        transport=Transport(cloud, ledger=Ledger()),
        scopes=(),
        prompt=print,
    )


def test_a_secret_is_not_sent_to_an_endpoint_outside_the_cloud(tmp_path):
    with serving(tmp_path) as server:
        evil = "https://login.evil.example/t/oauth2/v2.0"
        server.answers(
            answer(200, {"token_endpoint": f"{evil}/token", "issuer": evil,
                         "authorization_endpoint": f"{evil}/authorize"})
        )  # fmt: skip
        with pytest.raises(UntrustedHost):
            scripted_sign_in(server.cloud, tmp_path)
        assert len(server.seen) == 1


# ---- refusals ----------------------------------------------------------------------------------


# 70016 is no refusal but the answer while a device code waits; it is tested below.
@pytest.mark.parametrize("number", sorted(set(SENTENCES) - {70016}))
def test_every_refusal_in_the_table_reaches_the_person_as_its_sentence(desk, number):
    desk.tenant.application.forced_error = number
    with pytest.raises(SignInError) as caught:
        desk.sign_in(desk.secret())
    assert caught.value.message.startswith(SENTENCES[number][0])
    assert caught.value.code == number
    assert caught.value.correlation_id
    assert caught.value.state == "Nothing was changed."


def refusal(desk, settings, **options):
    with pytest.raises(SignInError) as caught:
        desk.sign_in(settings, **options)
    return caught.value.code


def test_an_applications_own_mistakes_are_told_apart(desk, sandbox):
    application = desk.tenant.application
    assert refusal(desk, desk.secret("not-the-client-secret")) == 7000215
    expired = application.add_client_secret(sandbox.clock.now() - timedelta(days=1))
    assert refusal(desk, desk.secret(expired)) == 7000222
    stranger = sandbox.add_tenant(f"stranger-{next(_names)}").application
    assert refusal(desk, desk.secret(application_id=stranger.app_id)) == 700016
    assert refusal(desk, desk.certificate(stranger.create_certificate())) == 700027
    assert refusal(desk, desk.device(application_id=application.app_id)) == 7000218
    application.enabled = False
    assert refusal(desk, desk.secret()) == 7000112


def test_a_tenant_that_does_not_exist_is_said_before_any_secret_is_sent(desk):
    unknown = "01234567-89ab-cdef-0123-456789abcdef"
    assert refusal(desk, desk.secret(), tenant=unknown) == 90002
    assert refusal(desk, desk.secret(), tenant="not_a_tenant") == 900023
    assert {entry.method for entry in desk.transport.ledger.records()} == {"GET"}


@pytest.mark.parametrize("number", [50055, 50057, 50076, 50079, 53003, 65001, 90094])
def test_what_hinders_a_person_is_said_after_the_device_code(desk, number):
    desk.tenant.sign_in[desk.tenant.administrator["id"]].forced_error = number
    assert refusal(desk, desk.device(), prompt=desk.approving()) == number


def test_a_disabled_person_is_told_so(desk):
    desk.tenant.administrator["accountEnabled"] = False
    assert refusal(desk, desk.device(), prompt=desk.approving()) == 50057


def test_a_declined_device_code_is_the_end(desk, sandbox):
    def decline(shown):
        sandbox.decline_device_code(shown.user_code.reveal())

    with pytest.raises(SignInError, match="declined") as caught:
        desk.sign_in(desk.device(), prompt=decline)
    assert caught.value.error == "authorization_declined"


def test_a_device_code_that_expires_is_the_end(desk, sandbox):
    with pytest.raises(SignInError, match="expired"):
        desk.sign_in(desk.device(), prompt=lambda _: sandbox.clock.advance(seconds=901))


def test_nobody_at_the_device_page_ends_with_patience(desk, standing):
    with pytest.raises(SignInError, match="Nobody finished"):
        desk.sign_in(desk.device(), patience_seconds=60)
    assert 50 <= sum(standing.sleeps) <= 60


def test_an_interrupt_while_waiting_ends_the_sign_in_at_once(desk, standing):
    def interrupted(_):
        raise KeyboardInterrupt

    standing.sleep = interrupted
    with pytest.raises(KeyboardInterrupt):
        desk.sign_in(desk.device())


def test_nobody_in_the_browser_ends_with_patience(desk):
    with pytest.raises(SignInError, match="Nobody finished"):
        desk.sign_in(desk.browser(), open_browser=lambda _: None, patience_seconds=1)


def test_a_refusal_in_the_browser_reaches_the_person(desk):
    desk.tenant.sign_in[desk.tenant.administrator["id"]].forced_error = 53003
    with pytest.raises(SignInError) as caught:
        desk.sign_in(desk.browser(), open_browser=desk.surfing(), patience_seconds=5)
    assert caught.value.code in {53003, 0}


def test_a_secret_that_cannot_be_read_stops_before_anything_is_sent(desk):
    settings = desk.secret()
    settings.secret.file.unlink()
    with pytest.raises(SecretUnavailable):
        desk.sign_in(settings)
    assert not desk.transport.ledger.records()


def test_a_service_that_cannot_be_reached_is_a_sentence(desk, standing):
    desk.sandbox.faults.add(
        Fault(host="login", path="*openid-configuration", effect="reset-before", times=None)
    )
    with pytest.raises(SignInError, match="could not be asked"):
        desk.sign_in(desk.secret())


@pytest.mark.parametrize("effect", ["503", "429", "reset-before"])
def test_a_hiccup_of_the_service_is_waited_out(desk, standing, effect):
    desk.sandbox.faults.add(Fault(host="login", path="*token", effect=effect, retry_after="2"))
    assert desk.sign_in(desk.secret()).tenant_id == desk.tenant.id
    assert len(standing.sleeps) == 1


def test_a_page_of_html_in_place_of_an_answer_is_a_sentence(desk):
    desk.sandbox.faults.add(Fault(host="login", path="*openid-configuration", effect="non-json"))
    with pytest.raises(SignInError, match="not with JSON but with text/html"):
        desk.sign_in(desk.secret())


def test_no_secret_reaches_the_ledger_or_an_error(desk):
    errors = []
    for settings in (desk.secret("not-the-client-secret"), desk.secret()):
        try:
            desk.sign_in(settings)
        except SignInError as error:
            errors.append(str(error) + repr(error.__dict__))
    written = str(desk.transport.ledger.records()) + str(errors)
    assert not [each for each in desk.sandbox.secrets() if each in written]
    assert "not-the-client-secret" not in written


# ---- who, and where ----------------------------------------------------------------------------


def signed_in_as(**changes):
    settings = {
        "tenant_id": "11111111-2222-3333-4444-555555555555",
        "authority_tenant_id": "11111111-2222-3333-4444-555555555555",
        "kind": "user",
        "object_id": "o",
        "user_principal_name": "jo@contoso.example",
        "application_id": "a",
        "permissions": frozenset(),
        "directory_roles": frozenset(),
        "expires": clock.now(),
        "claims_known": True,
        "acquire": lambda _: secret.Secret("token"),
    }
    return SignedIn(**{**settings, **changes})


def test_a_token_is_in_no_representation_of_the_identity():
    assert "acquire" not in repr(signed_in_as())
