"""With whom a domain is federated: by whole labels of its hosts, and never by a guess. Pure."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    GraphError,
    NotFound,
    ServiceUnavailable,
    Throttled,
    Unauthenticated,
)
from o365lib.graph.models import FederationConfiguration
from o365lib.service_account.federation import federation_of
from tests.service_account.example import DEFAULTS

VENDOR = DEFAULTS.vendor
FIELDS = (
    "passive_sign_in_uri",
    "issuer_uri",
    "active_sign_in_uri",
    "metadata_exchange_uri",
    "sign_out_uri",
)


def _federated_with(uri, *, field="passive_sign_in_uri", **changes):
    configuration = FederationConfiguration(id="1", **{field: uri}, **changes)
    return federation_of("contoso.com", [configuration], VENDOR).federated_with


# an address in a federation's configuration: whose it is
ADDRESSES = [
    ("https://x.idaptive.app/home", "vendor"),
    ("https://idaptive.app/home", "vendor"),
    ("https://a.b.c.idaptive.app/", "vendor"),
    ("https://X.IDAPTIVE.APP/Home", "vendor"),
    ("https://x.idaptive.app./home", "vendor"),
    ("https://x.idaptive.app:8443/home", "vendor"),
    ("https://user@x.idaptive.app/home", "vendor"),
    ("https://evil.example@x.idaptive.app:443/", "vendor"),
    ("http://x.practiceprotect.app/adfs/services/trust", "vendor"),
    ("//x.cyberark.cloud/wsfed", "vendor"),
    (" https://x.centrify.com/wsfed ", "vendor"),
    ("https://notidaptive.app/home", "other"),
    ("https://idaptive.app.evil.com/home", "other"),
    ("https://evil.com/idaptive.app", "other"),
    ("https://evil.com/?x=https://x.idaptive.app/", "other"),
    ("https://x.idaptive.app@evil.com/home", "other"),
    ("https://x.idaptive.app:pass@evil.com/home", "other"),
    ("https://evil.com#@x.idaptive.app/", "other"),
    ("https://x.idaptive-app/home", "other"),
    ("https://idaptive.apps/home", "other"),
    ("https://sts.contoso.com/adfs/ls/", "other"),
    ("https://[::1]/adfs/ls/", "unknown"),
    ("abc.my.idaptive.app/run?appkey=1", "unknown"),
    ("https:abc.idaptive.app/x", "unknown"),
    ("https://abc.my.idaptive.app%2e/x", "unknown"),
    ("", "unknown"),
    ("urn:contoso:federation", "unknown"),
    ("x.idaptive.app", "unknown"),
    ("https://", "unknown"),
    ("https://[broken/adfs", "unknown"),
]


@pytest.mark.parametrize(("address", "whose"), ADDRESSES)
def test_a_federation_is_recognised_by_whole_labels_of_its_host(address, whose):
    assert _federated_with(address) == whose


@pytest.mark.parametrize("field", FIELDS)
def test_any_address_of_the_configuration_can_show_the_vendor(field):
    assert _federated_with("https://x.practiceprotect.app/", field=field) == "vendor"


@pytest.mark.parametrize("suffix", VENDOR.host_suffixes)
def test_every_suffix_in_the_defaults_counts(suffix):
    assert _federated_with(f"https://firm.{suffix}/wsfed") == "vendor"
    assert _federated_with(f"https://not{suffix}/wsfed") == "other"
    assert _federated_with(f"https://{suffix}.evil.com/wsfed") == "other"


labels = st.text(string.ascii_letters + string.digits, min_size=1, max_size=8)


@given(
    before=st.lists(labels, max_size=3),
    after=st.lists(labels, max_size=2),
    suffix=st.sampled_from(VENDOR.host_suffixes),
    upper=st.booleans(),
)
def test_a_host_is_the_vendors_if_its_last_labels_are(before, after, suffix, upper):
    host = ".".join([*before, suffix, *after])
    wanted = [each.split(".") for each in VENDOR.host_suffixes]
    ends = [host.lower().split(".")[-len(each) :] for each in wanted]
    whose = "vendor" if any(a == b for a, b in zip(ends, wanted, strict=True)) else "other"
    written = host.upper() if upper else host
    assert _federated_with(f"https://{written}/wsfed") == whose


@given(
    glued=st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8),
    suffix=st.sampled_from(VENDOR.host_suffixes),
)
def test_letters_glued_before_a_suffix_make_another_host(glued, suffix):
    host = f"{glued}{suffix}"
    is_vendors_own = any(host == each or host.endswith(f".{each}") for each in VENDOR.host_suffixes)
    assert _federated_with(f"https://{host}/") == ("vendor" if is_vendors_own else "other")


@pytest.mark.parametrize("name", ["Practice Protect", "PRACTICE PROTECT SSO", "x CyberArk y"])
def test_a_federation_is_recognised_by_its_display_name_too(name):
    assert _federated_with("https://sso.contoso.com/", display_name=name) == "vendor"
    assert _federated_with("", display_name=name) == "vendor"


def test_an_address_that_cannot_be_read_leaves_a_federation_unknown_beside_another_host():
    configuration = FederationConfiguration(
        passive_sign_in_uri="https://sts.contoso.com/", issuer_uri="https://[broken"
    )
    read = federation_of("contoso.com", [configuration], VENDOR)
    assert (read.federated_with, read.hosts) == ("unknown", ("sts.contoso.com",))


def test_the_vendor_is_found_behind_another_configuration_and_an_unreadable_address():
    configurations = [
        FederationConfiguration(passive_sign_in_uri="https://sts.contoso.com/"),
        FederationConfiguration(
            passive_sign_in_uri="https://[broken", issuer_uri="https://x.idaptive.app/"
        ),
    ]
    read = federation_of("contoso.com", configurations, VENDOR)
    assert read.federated_with == "vendor"
    assert read.hosts == ("sts.contoso.com", "x.idaptive.app")
    assert read.evidence == "signs in at x.idaptive.app"


def test_a_federated_domain_without_configuration_is_unknown():
    read = federation_of("contoso.com", [], VENDOR)
    assert (read.federated_with, read.unread) == ("unknown", "")


# Only what says that there is no configuration, or no way to ask, is an answer.
ERRORS = [
    (Forbidden("No.", status=403, code="Authorization_RequestDenied"), "refused"),
    (NotFound("No.", status=404, code="Request_ResourceNotFound"), ""),
    (ServiceUnavailable("No.", status=501, code="NotImplemented"), ""),
    (GraphError("No.", status=501, code="NotImplemented"), ""),
    (BadRequest("No.", status=400, code="Request_BadRequest"), "failed"),
    (Unauthenticated("No.", status=401, code="InvalidAuthenticationToken"), "failed"),
    (Conflict("No.", status=409, code="Conflict"), "failed"),
    (BadRequest("No.", status=424, code="FailedDependency"), "failed"),
    (GraphError("No.", status=424, code="FailedDependency"), "failed"),
    (GraphError("No.", status=418, code="Teapot"), "failed"),
    (GraphError("No.", status=0, code="unreadable"), "failed"),
    (Throttled("No.", status=429, code="TooManyRequests"), "failed"),
    (ServiceUnavailable("No.", status=500, code="InternalServerError"), "failed"),
    (ServiceUnavailable("No.", status=502, code="BadGateway"), "failed"),
    (ServiceUnavailable("No.", status=503, code="ServiceNotAvailable"), "failed"),
    (ServiceUnavailable("No.", status=504, code="GatewayTimeout"), "failed"),
    (ServiceUnavailable("No.", status=0, code="timeout"), "failed"),
]


def test_every_error_of_graph_is_in_the_table():
    assert {type(error) for error, _ in ERRORS} == {GraphError, *GraphError.__subclasses__()}


@pytest.mark.parametrize(("error", "unread"), ERRORS)
def test_a_federation_that_could_not_be_read_is_unknown_and_says_why(error, unread):
    read = federation_of("contoso.com", error, VENDOR)
    assert (read.federated_with, read.unread) == ("unknown", unread)
    assert str(error.status) in read.evidence
    assert error.code in read.evidence
