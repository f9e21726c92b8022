"""What the archive's verifier says of each run's seal, for reports.

- The verifier looks at the whole archive once; what it says of a run, or of its seal, is told on
  that run's page.
- Beside that, the very bytes that are reported are compared with what the seal signed: a record
  that was changed after the verifier read it is told as well.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from o365lib.errors import EvidenceError
from o365lib.evidence import chain, pending
from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.envelope import Envelope, verified_by
from o365lib.evidence.layout import SEALS, numbered
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.statement import SEAL, Statement
from o365lib.evidence.stores import FolderStore
from o365lib.evidence.verification import Progress, verify
from o365lib.evidence.verification.keyring import keyring_of
from o365lib.reports.seal_status import ArchiveStatus, SealStatus
from o365lib.reports.second_witness import Witness, newest

_MOST_SENTENCES = 20


@dataclass(frozen=True)
class _Found:
    """A seal as it is on file."""

    number: int
    key: PublicKey | None
    key_id: str
    signer_name: str
    subjects: Mapping[str, str]


class Seals:
    """Tells of seals; see `seal_status.SealReader`.

    Args:
        archive: whose.
        client: only this client's runs will be asked for; None for all.
        keys: public keys from outside the archive; none to trust those in it.
        on_progress: is told how far the verification has come.

    Attributes:
        problems: how many the verifier found in all.

    Raises:
        EvidenceError: the archive, or its keys, cannot be listed.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        client: str | None = None,
        keys: Iterable[PublicKey] = (),
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        given = tuple(keys)
        store = FolderStore(archive.root)
        self._archive = archive
        self._keys = keyring_of(store, given).keys
        report = verify(
            store,
            clients=(client,) if client is not None else (),
            keys=given,
            under_way=self._under_way,
            on_progress=on_progress,
        )
        self._of_runs: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._of_files: dict[str, list[str]] = defaultdict(list)
        whole = []
        for problem in report.problems:
            sentence = f"{problem.file}: {problem.kind}. {problem.sentence}"
            if problem.client and problem.run_id:
                self._of_runs[problem.client, problem.run_id].append(sentence)
            else:
                self._of_files[problem.file].append(sentence)
                whole.append(sentence)
        self._whole = ArchiveStatus(
            problems=tuple(whole),
            more_problems=report.more_problems,
            is_key_given=report.keys_given,
            stamped_until=report.stamped_until,
        )
        self.problems = len(report.problems) + report.more_problems
        self._client, self._seals = "", dict[str, _Found]()

    def of_archive(self) -> ArchiveStatus:
        """Return what is known of the archive as a whole."""
        return self._whole

    def of_client(self, client: str) -> Witness | None:
        """Return the newest comparison with the client's own audit log; None without one."""
        return newest(self._archive.root / client, self._keys)

    def of_run(self, folder: RunFolder, digests: Mapping[str, str]) -> SealStatus:
        """Return what is known of a run's seal.

        Args:
            folder: the run.
            digests: the SHA-256 of the files that are reported, by their names.
        """
        if folder.client != self._client:
            self._client, self._seals = folder.client, self._read(folder)
        found = self._seals.get(folder.run_id)
        problems = list(self._of_runs.get((folder.client, folder.run_id), ()))
        if found is None:
            is_open = f"{folder.client}/{folder.run_id}" in self._under_way()
            return SealStatus(
                state="under way" if is_open else "not sealed",
                problems=tuple(problems[:_MOST_SENTENCES]),
            )
        problems += self._of_files.get(f"{folder.client}/{SEALS}/{numbered(found.number)}", ())
        problems += _compared(found, folder, digests, is_told=bool(problems))
        return SealStatus(
            state="invalid" if problems else "sealed",
            number=found.number,
            key_id=found.key_id,
            fingerprint=found.key.fingerprint if found.key else "",
            signer_name=found.signer_name,
            problems=tuple(problems[:_MOST_SENTENCES]),
        )

    def _under_way(self) -> frozenset[str]:
        try:
            return pending.under_way(self._archive.root)
        except EvidenceError:  # a copy that may only be read; nothing runs in it
            return frozenset()

    def _read(self, folder: RunFolder) -> dict[str, _Found]:
        """Return a client's seals by the runs that they name; the first counts, as in its chain."""
        seals: dict[str, _Found] = {}
        where = folder.path.parent / SEALS
        for number in chain.numbers(where):
            try:
                envelope = Envelope.from_json(chain.read(chain.path_of(where, number)))
                said = Statement.from_bytes(envelope.payload)
            except EvidenceError:
                continue  # the verifier tells of it
            run_id, signer = said.predicate.get("run_id"), said.predicate.get("signer")
            if said.predicate_type != SEAL or not isinstance(run_id, str):
                continue
            signer = signer if isinstance(signer, dict) else {}
            found = _Found(
                number=number,
                key=verified_by(envelope, self._keys),
                key_id=str(signer.get("key_id") or ""),
                signer_name=str(signer.get("name") or ""),
                subjects={each.name: each.sha256 for each in said.subjects},
            )
            seals.setdefault(run_id, found)
        return seals


def _compared(
    seal: _Found, folder: RunFolder, digests: Mapping[str, str], *, is_told: bool
) -> list[str]:
    """Return what is wrong with the very files that are reported."""
    problems = []
    if seal.key is None:
        problems.append("The seal is not signed by a key that is trusted here.")
    reported = {f"{folder.client}/{folder.run_id}/{name}": each for name, each in digests.items()}
    if reported != seal.subjects and not is_told:
        problems.append("The files are not those that were sealed.")
    return problems
