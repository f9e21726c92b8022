"""Whether an archive is what was written: everything offline, from its files and public keys alone.

What is believed is what a trusted key has signed; each other byte is data that may be a lie.

- Every run's files are compared with the run's seal, every seal with the one before and with the
  digest that names it, every digest with the one before, and the last of each with heads that were
  kept elsewhere.
- Each name in the archive has to be accounted for: a file that nothing signed speaks of is a
  problem as much as one that is gone.
- Whatever a file holds, a verification ends with a report; it never follows links, reads no more
  into memory than a signed file may be long, and needs the same memory for 100 runs or 100,000.
- Nothing is written but a temporary database, which holds names and digests.
"""

from o365lib.evidence.verification.findings import Kind, Problem, Progress, Report, Signing
from o365lib.evidence.verification.heads import Head, current
from o365lib.evidence.verification.verifying import verify

__all__ = [
    "Head",
    "Kind",
    "Problem",
    "Progress",
    "Report",
    "Signing",
    "current",
    "verify",
]
