"""Policies, in the sandbox."""

import pytest

from o365lib.graph import policies


@pytest.mark.parametrize("is_on", [True, False])
def test_security_defaults_are_on_or_off(wire, is_on):
    wire.tenant.security_defaults = is_on
    assert wire.session.fetch(policies.get_security_defaults()).is_enabled is is_on
