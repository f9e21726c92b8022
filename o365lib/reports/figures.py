"""The figures of the overview, added up client by client.

Flat: however many runs there are, a bounded number of rows is kept; the newest of what went wrong,
and the oldest of what stands.
"""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from o365lib.evidence.standing_accounts import StandingAccount
from o365lib.reports.run_row import RunRow
from o365lib.reports.wording import TROUBLES, month

MOST_ROWS = 50
MOST_MONTHS = 24

_DAY = 86_400
AGES = (
    ("under 30 days", 30),
    ("30 to 90 days", 90),
    ("90 days to a year", 365),
    ("over a year", None),
)
UNKNOWN_AGE = "not recorded"


@dataclass(frozen=True)
class Trouble:
    """A run that did not end well.

    Attributes:
        row: the run.
        later: how the newest later run of that runbook and client ended; empty where there is none.
    """

    row: RunRow
    later: str


@dataclass
class Figures:
    """What is counted.

    Attributes:
        now: the instant by which ages are told.
        clients: how many have runs in the report.
        runs: how many there are.
        outcomes: runs by outcome.
        months: runs by month and outcome.
        seals: runs by the state of their seal.
        ages: standing accounts by age.
        roles: standing accounts by role; one with two counts twice.
        purposes: standing accounts by purpose.
        standing: how many accounts stand.
        unmended: runs that went wrong, and of whose runbook no later run of that client went well.
        strange: changes that tenants' audit logs tell and no record does.
        keys: fingerprints of the keys that sealed runs, each with who signed.
        summaries: how many summaries of batches there are; they are no runs of clients.
    """

    now: datetime
    clients: int = 0
    runs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    months: dict[str, Counter[str]] = field(default_factory=dict)
    seals: Counter[str] = field(default_factory=Counter)
    ages: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)
    purposes: Counter[str] = field(default_factory=Counter)
    standing: int = 0
    unmended: int = 0
    strange: int = 0
    keys: dict[str, str] = field(default_factory=dict)
    summaries: int = 0
    _oldest: list[tuple[float, str, StandingAccount]] = field(default_factory=list)
    _troubles: list[tuple[str, str, Trouble]] = field(default_factory=list)
    _unsealed: list[tuple[str, str, RunRow]] = field(default_factory=list)
    _summaries: list[tuple[str, str, RunRow]] = field(default_factory=list)

    def add_run(self, row: RunRow) -> None:
        """Count one run."""
        self.runs += 1
        self.outcomes[row.outcome] += 1
        if row.started is not None:
            self.months.setdefault(month(row.started), Counter())[row.outcome] += 1
        self._add_seal(row)

    def add_summary(self, row: RunRow) -> None:
        """Count the summary of a batch: evidence like a run, and nobody's."""
        self.summaries += 1
        self._add_seal(row)
        _keep(self._summaries, (row.run_id, row.client, row))

    def _add_seal(self, row: RunRow) -> None:
        self.seals[row.seal] += 1
        if row.seal == "sealed":
            self.keys.setdefault(row.seal_fingerprint, row.seal_signer)
        if row.seal in {"invalid", "not sealed"}:
            _keep(self._unsealed, (row.run_id, row.client, row))

    def add_client(
        self, standing: Iterable[StandingAccount], troubles: Iterable[Trouble], *, has_runs: bool
    ) -> None:
        """Count a client's accounts, and keep what went wrong with its runs."""
        self.clients += has_runs
        for account in standing:
            self.standing += 1
            self.ages[age(account, self.now)] += 1
            self.roles.update(account.roles or ["no role"])
            self.purposes[account.purpose or UNKNOWN_AGE] += 1
            instant = account.since.timestamp() if account.since else float("inf")
            _keep(self._oldest, (-instant, f"{account.client} {account.user_id}", account))
        for trouble in troubles:
            self.unmended += not trouble.later or trouble.later in TROUBLES
            _keep(self._troubles, (trouble.row.run_id, trouble.row.client, trouble))

    def oldest_standing(self) -> list[StandingAccount]:
        """Return the accounts that have stood longest, the oldest first."""
        return [account for *_, account in sorted(self._oldest, reverse=True, key=_order)]

    def newest_troubles(self) -> list[Trouble]:
        """Return the newest runs that did not end well, the newest first."""
        return [trouble for *_, trouble in sorted(self._troubles, reverse=True, key=_order)]

    def newest_unsealed(self) -> list[RunRow]:
        """Return the newest runs without a valid seal, the newest first."""
        return [row for *_, row in sorted(self._unsealed, reverse=True, key=_order)]

    def newest_summaries(self) -> list[RunRow]:
        """Return the newest summaries of batches, the newest first."""
        return [row for *_, row in sorted(self._summaries, reverse=True, key=_order)]


def age(account: StandingAccount, now: datetime) -> str:
    """Return the name of an account's age."""
    if account.since is None:
        return UNKNOWN_AGE
    days = (now - account.since).total_seconds() / _DAY
    return next(name for name, most in AGES if most is None or days < most)


def _order(entry: tuple[object, str, object]) -> tuple[object, str]:
    return entry[0], entry[1]


def _keep(heap: list[Any], entry: Any) -> None:
    """Keep an entry if it is among the greatest; the two first parts tell any two apart."""
    if len(heap) < MOST_ROWS:
        heapq.heappush(heap, entry)
    else:
        heapq.heappushpop(heap, entry)
