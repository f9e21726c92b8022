"""Handing the credentials over: by mail, as an encrypted file, or once on the screen.

- The record says how, to whom and when, and never what.
- Accepted is not delivered: Graph gives no message id, so the request's id is kept.
- Where it is not certain that somebody has the password, the record says so, and the next run sets
  another one.
"""

import base64
import json
from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from o365lib import clock
from o365lib.errors import AnswerLost, GraphError, HandOverFailed, Refused
from o365lib.evidence.archive import RunFolder
from o365lib.evidence.files import write_atomically
from o365lib.evidence.record import Change, HandOverRecord
from o365lib.graph.mail import send_mail
from o365lib.graph.session import GraphSession
from o365lib.parameters import Client, Defaults
from o365lib.parameters.client import FileHandOver, MailHandOver
from o365lib.parameters.public_key import read_public_key
from o365lib.secret import Secret
from o365lib.service_account.changes import ChangeLog
from o365lib.service_account.create import Created
from o365lib.service_account.facts import Facts
from o365lib.service_account.plan import Plan, PlannedChange

CREDENTIALS_FILE = "credentials.json"

# What shows credentials: user principal name, password, and what to call when they were seen.
Screen = Callable[[str, Secret, Callable[[], None]], None]

# The role comes after the hand-over; an account that was there may hold it already.
_SAME_ROLES = "This run has given it no role and taken none away."
_WITHOUT_PASSWORD = f"The account exists, and nobody has its password. {_SAME_ROLES}"
_AGAIN = "Run the runbook again: it sets a new password and hands that over."


def hand_over(
    session: GraphSession,
    plan: Plan,
    created: Created,
    *,
    client: Client,
    facts: Facts,
    defaults: Defaults,
    change_log: ChangeLog,
    folder: RunFolder,
    screen: Screen | None,
) -> str:
    """Hand the password over as the client file says; return what was done, in a sentence.

    Args:
        session: signed in to the tenant.
        plan: as confirmed.
        created: the account and the password that this run has set, if it has.
        client: says how and to whom.
        facts: the tenant's names, for the mail's text.
        defaults: the account's and the vendor's names.
        change_log: keeps the hand-over.
        folder: where an encrypted file is put.
        screen: shows the password to a person; None where nobody sits there.

    Raises:
        HandOverFailed: nobody has the password, or nobody knows whether somebody has; the account
            stands with the roles that it had.
        Refused: it would have to be shown, and nobody sits there; or the file of the public key
            holds another key than the plan names. The account stands with the roles that it had.
        EvidenceError: the record could not be saved. Nothing was handed over, unless the record in
            memory says that it was accepted.
    """
    planned = next(iter(plan.of("hand-over")), None)
    if planned is None or created.password is None:
        return "The password was left as it is; there is nothing to hand over"
    way = client.hand_over
    recipient = way.recipient if isinstance(way, MailHandOver) else way.method
    entry = HandOverRecord(
        method=way.method, recipient=recipient, user_id=created.user_id, date_time=clock.now()
    )
    change_log.record.hand_over = entry
    # Showing a button is not handing over: that change stays open until somebody has clicked.
    with change_log.change(
        planned, target=created.user_id, stays_open=way.method == "screen"
    ) as change:
        if isinstance(way, MailHandOver):
            letter = _letter(plan, created.password, facts, defaults)
            subject = f"{defaults.vendor.name} service account for {facts.display_name}"
            return _mail(session, way, entry, change, subject=subject, letter=letter)
        if isinstance(way, FileHandOver):
            content = {"user_principal_name": plan.user_principal_name}
            return _file(way, entry, planned, content, created.password, folder=folder)
        name = plan.user_principal_name
        return _screen(screen, entry, change, (name, created.password), change_log)


def is_uncertain(entry: HandOverRecord | None) -> bool:
    """Whether an earlier try may have reached its recipient: then a new password is set first."""
    return entry is not None and entry.status in {"started", "unknown"}


def is_accepted(entry: HandOverRecord | None) -> bool:
    """Whether the credentials were handed over, as far as anybody can tell at this end."""
    return entry is not None and entry.status == "accepted"


def _mail(
    session: GraphSession,
    way: MailHandOver,
    entry: HandOverRecord,
    change: Change,
    *,
    subject: str,
    letter: list[str | Secret],
) -> str:
    try:
        entry.request_id = send_mail(
            session, sender=way.sender, to=[way.recipient], subject=subject, text=letter
        )
    except AnswerLost as error:
        entry.status, entry.note = "unknown", "the answer was lost; the mail may have been sent"
        change.status = "unknown"
        raise HandOverFailed(
            f"The mail with the credentials may or may not have been sent to {way.recipient}.",
            state=f"The account exists; whether its password arrived is unknown. {_SAME_ROLES}",
            remedy=_AGAIN,
        ) from error
    except GraphError as error:
        entry.status, entry.note = "failed", error.message
        raise HandOverFailed(
            f"The mail with the credentials could not be sent to {way.recipient}: {error.message}",
            state=_WITHOUT_PASSWORD,
            remedy=f"{error.remedy} The sender needs a mailbox in this tenant. {_AGAIN}".strip(),
        ) from error
    entry.status = "accepted"
    return f"Exchange accepted a mail with the credentials for {way.recipient}"


def _letter(plan: Plan, password: Secret, facts: Facts, defaults: Defaults) -> list[str | Secret]:
    return [
        f"The service account of {defaults.vendor.name} for {facts.display_name} is ready.\n\n",
        f"User name:  {plan.user_principal_name}\n",
        "Password:   ",
        password,
        "\n\nThe password must be changed at the first sign-in, which may also ask to register ",
        f"for multi-factor authentication.\nRole: {plan.role_name}\n\n",
        "Delete this message once the password has been changed.\n",
    ]


def _file(
    way: FileHandOver,
    entry: HandOverRecord,
    planned: PlannedChange,
    content: dict[str, str],
    password: Secret,
    *,
    folder: RunFolder,
) -> str:
    try:
        public = read_public_key(way.public_key)
        if public.sha256 != planned.argument:
            entry.status, entry.note = "failed", "the file holds another key than was confirmed"
            raise _another_key(way, public.sha256, planned.argument)
        sealed = public.key.encrypt(
            password.reveal().encode(),
            padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label=None),
        )
        content |= {
            "algorithm": "RSA-OAEP, SHA-256, MGF1 with SHA-256",
            "public_key_sha256": public.sha256,
            "encrypted_password": base64.b64encode(sealed).decode(),
            "decrypt_with": (
                "base64 -d | openssl pkeyutl -decrypt -inkey private.pem "
                "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256"
            ),
        }
        write_atomically(folder.path / CREDENTIALS_FILE, json.dumps(content, indent=2) + "\n")
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        entry.status, entry.note = "failed", type(error).__name__
        raise HandOverFailed(
            f"The credentials could not be encrypted to {way.public_key.name} ({error}).",
            state=_WITHOUT_PASSWORD,
            remedy=f"Name a PEM file with an RSA public key or a certificate. {_AGAIN}",
        ) from error
    entry.recipient, entry.status = f"public key {public.sha256[:16]}", "accepted"
    return f"The credentials lie encrypted in {CREDENTIALS_FILE}, beside the record"


def _another_key(way: FileHandOver, found: str, wanted: str) -> Refused:
    return Refused(
        "plan-changed",
        f"{way.public_key.name} holds the key SHA256:{found}, but confirmed was that the "
        f"credentials are encrypted to the key SHA256:{wanted}.",
        state=_WITHOUT_PASSWORD,
        remedy=(
            "Find out who replaced the key. Then run the runbook again: its plan names the key "
            "that is there, and it sets a new password."
        ),
    )


def _screen(
    screen: Screen | None,
    entry: HandOverRecord,
    change: Change,
    credentials: tuple[str, Secret],
    change_log: ChangeLog,
) -> str:
    if screen is None:
        raise Refused(
            "screen-needs-jupyterlab",
            "The credentials are to be shown on the screen, and nobody sits in front of it.",
            remedy="Step through the notebook in JupyterLab, or choose mail or file.",
        )

    def seen() -> None:
        entry.status, entry.date_time = "accepted", clock.now()
        change_log.settle(change)

    screen(*credentials, seen)
    return "Press the button above to see the credentials, once; the role is assigned after that"
