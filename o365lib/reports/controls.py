"""Controls that auditors ask for, and what in a client's records answers them. Pure.

A report names where to look; it never says that a control is met: that is for the auditor.
"""

from collections.abc import Sequence

from o365lib.reports.parts import Part, Section, Sentence, Table

# Each with its subject, and what answers it. Titles are short forms of the published ones:
# https://www.iso.org/standard/75652.html (ISO/IEC 27001:2022, annex A)
# https://www.aicpa-cima.com/resources/download/2017-trust-services-criteria-with-revised-points-of-focus-2022
# https://learn.microsoft.com/compliance/anz/e8-admin (Essential Eight, maturity levels)
CONTROLS: Sequence[tuple[str, str, str]] = (
    (
        "ISO/IEC 27001:2022, A.5.16",
        "Identity management: an identity from its making to its end",
        (
            "What was done: when the account was created, for what purpose, with which object "
            "id, and when it was deleted. The account now: whether it stands."
        ),
    ),
    (
        "ISO/IEC 27001:2022, A.5.18",
        "Access rights: given, reviewed, changed and taken away by rule",
        (
            "What was done: each role with the run that gave it or took it away, who approved "
            "that, and what was read back from the tenant."
        ),
    ),
    (
        "ISO/IEC 27001:2022, A.8.2",
        "Privileged access rights: restricted and managed",
        (
            "The account now: which administrator's role it holds, and for how long. Each run: the "
            "purpose that needs the role."
        ),
    ),
    (
        "SOC 2, CC6.2",
        "Users are registered and authorised before they get credentials; these end with the need",
        (
            "Each run: the approval, with its time, before the changes; how and to whom the "
            "credentials were handed over; and the removal."
        ),
    ),
    (
        "SOC 2, CC6.3",
        "Access by role, with least privilege and separation of duties",
        "Each run: the role by purpose, who approved and who carried it out, as two names.",
    ),
    (
        "Essential Eight, restrict administrative privileges",
        "Requests for privileged access are validated when first made, and again in time",
        (
            "Each run: plan and approval before the change. The account now: its age, for the "
            "yearly revalidation; a removal is a run of its own."
        ),
    ),
)


def section() -> Section:
    """Return the section that leads an auditor from each control to what answers it."""
    parts: list[Part] = [
        Sentence(
            "Where to look on this page. Whether a control is met is for the auditor to say: this "
            "page shows what was recorded, and claims nothing more."
        ),
        Table(("Control", "What it asks about", "What answers it here"), CONTROLS),
    ]
    return Section("Controls that auditors ask for", parts)
