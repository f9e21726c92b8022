"""A project whose defaults require signed approvals, and people with keys of their own."""

import os
from contextlib import contextmanager

from o365lib.evidence import approvals
from o365lib.evidence.approval import ApprovedPlan
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch


def keys_of(folder, name):
    """A person's keys, made at first use."""
    store = KeyStore(folder / "people" / name)
    if store.public_key() is None:
        store.new(name=name)
    return store


def require_approval(folder, *approvers, required="always", within_hours=24):
    """Let the project's defaults require approvals by these people."""
    defaults = folder / "parameters" / "defaults.yaml"
    text = defaults.read_text("utf-8")
    start = text.index("approval:\n")
    listed = "".join(
        f"    {each}: '{keys_of(folder, each).public_key().fingerprint}'\n" for each in approvers
    )
    section = (
        f"approval:\n  required: {required}\n  within_hours: {within_hours}\n  approvers:\n{listed}"
    )
    _, gap, rest = text[start:].partition("\n\n")
    defaults.write_text(text[:start] + section + gap + rest, "utf-8")


@contextmanager
def account_of(name):
    """Be another account of this machine for a while."""
    before = os.environ.get("LOGNAME")
    os.environ["LOGNAME"] = name
    try:
        yield
    finally:
        if before is None:
            del os.environ["LOGNAME"]
        else:
            os.environ["LOGNAME"] = before


def plan_in(record):
    """The plan of a dry run."""
    digest = record.plan["digest"]
    return ApprovedPlan(record.client, record.run_id, record.runbook, digest)


def approve(folder, archive, name, *records, keys=None, account=None):
    """Approve the plans of dry runs as one person."""
    with account_of(account or name):
        batch = OpenBatch.begin(archive, keys or keys_of(folder, name))
        given = approvals.approve(batch, [plan_in(each) for each in records], name=name)
        batch.close()
    return given
