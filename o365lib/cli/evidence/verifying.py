"""`o365 evidence verify` and `head`: whether an archive is sound, and how far it goes."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from o365lib import clock
from o365lib.cli.evidence.listing import opened_archive
from o365lib.errors import EvidenceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from o365lib.cli.options import Options
    from o365lib.evidence.public_keys import PublicKey
    from o365lib.evidence.stores import Store
    from o365lib.evidence.verification import Problem, Progress, Report

_SECONDS_PER_LINE = 5
_LARGEST_FILE = 1_000_000
_MEGABYTE = 1_000_000
_MOST_SHOWN = 50

_TRUST = {
    "given": "it was given",
    "endorsed": "a given key vouches for it",
    "archive": "it lies in the archive",
}

_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("verify")
@click.argument("where", required=False, metavar="[PATH|URL]")
@click.option("--client", "clients", multiple=True, metavar="NAME", help="Only this client's runs.")
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    type=_file,
    help="PEM file with the public key of somebody whose signatures are to be trusted.",
)
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="LINE",
    help="A line of `head`: so much must be there.",
)
@click.option(
    "--time-stamp-authority",
    "authorities",
    multiple=True,
    type=_file,
    help="PEM file with the root certificate of a time stamp authority to be trusted.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def verify(
    context: click.Context,
    /,
    *,
    where: str | None,
    clients: tuple[str, ...],
    heads: tuple[str, ...],
    as_json: bool,
    **given: tuple[Path, ...],
) -> None:
    """Verify the archive, or another one, with nothing but its files and public keys.

    The exit status is 1 if anything was edited, removed, inserted, swapped or signed by somebody
    else. Options may be given several times.
    """
    from o365lib.evidence import verification
    from o365lib.evidence.verification import Head, presence

    options: Options = context.obj
    _check_clients(clients)
    keys = [public_key(file) for file in given["public_keys"]]
    demanded = [Head.from_line(line) for line in heads]
    roots = [_certificate(file) for file in given["authorities"]]
    store, under_way = _store(options, where)
    presence.require_archive(store)
    with _progress() as tell:
        report = verification.verify(
            store,
            clients=clients,
            keys=keys,
            heads=demanded,
            time_stamp_roots=roots,
            under_way=under_way,
            on_progress=tell,
        )
    _check_found(report, clients, store)
    if as_json:
        _show_json(report)
    else:
        _show(report, heads_given=bool(demanded))
    context.exit(0 if report.is_sound else 1)


@click.command("head")
@click.argument("where", required=False, metavar="[PATH|URL]")
@click.option("--client", default="", metavar="NAME", help="The head of this client's seals alone.")
@click.pass_context
def head(context: click.Context, *, where: str | None, client: str) -> None:
    """Print one short line to be kept elsewhere: mailed, printed, written down.

    `verify --head LINE` then tells if what was there has been cut off since.
    """
    from o365lib.evidence import verification

    options: Options = context.obj
    _check_clients((client,) if client else ())
    store, _ = _store(options, where)
    found = verification.current(store, client)
    if found is None:
        what = f"No run of {client} is sealed" if client else "There is no digest"
        raise UsageError(f"{what} in {store.url}.", remedy="The first run makes one.")
    click.echo(found.line)


def _store(options: Options, where: str | None) -> tuple[Store, Callable[[], frozenset[str]]]:
    """Return the archive, and what tells of runs under way in it."""
    from o365lib.evidence import pending
    from o365lib.evidence.stores import FolderStore, open_store

    where = where or options.archive_url
    store = open_store(where) if where else FolderStore(opened_archive(options).root)
    if not isinstance(store, FolderStore):
        return store, frozenset  # what is under way lies where it runs
    if not store.root.is_dir():
        raise UsageError(f"There is no archive at {store.root}.", remedy="Name its folder.")
    root = store.root

    def under_way() -> frozenset[str]:
        try:
            return pending.under_way(root)
        except EvidenceError:  # a copy that may only be read; nothing runs in it
            return frozenset()

    return store, under_way


def _check_clients(clients: Sequence[str]) -> None:
    from o365lib.evidence import layout

    for name in clients:
        if not layout.is_client(name):
            raise UsageError(f"{name!r} is no client's name.", remedy="Write it as its folder.")


def _check_found(report: Report, clients: Sequence[str], store: Store) -> None:
    """Raise a UsageError for a client of whom the archive has nothing and says nothing."""
    if not report.is_sound:
        return
    for name in clients:
        if not any(True for _ in store.entries(f"{name}/")):
            raise UsageError(
                f"There is no run of a client {name!r} in {store.url}.",
                remedy="`o365 evidence list` shows whose there are.",
            )


def public_key(file: Path) -> PublicKey:
    """Return the public key in a PEM file.

    Raises:
        UsageError: there is none in it.
    """
    from o365lib.evidence.public_keys import PublicKey

    try:
        return PublicKey.from_pem(_content(file))
    except EvidenceError as error:
        raise UsageError(f"{file}: {error.message}", remedy=error.remedy) from error


def _certificate(file: Path) -> bytes:
    from cryptography.x509 import load_pem_x509_certificates

    content = _content(file)
    try:
        load_pem_x509_certificates(content)
    except ValueError as error:
        raise UsageError(
            f"{file} holds no certificate in PEM form.",
            remedy="Name the root certificate that the authority publishes.",
        ) from error
    return content


def _content(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(_LARGEST_FILE)


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """Show how far a verification is: live on a terminal, a line now and then elsewhere."""
    from o365lib.cli.output import console

    terminal = console(stderr=True)
    if terminal.is_terminal and not terminal.is_dumb_terminal:
        with terminal.status("Verifying") as status:
            yield lambda progress: status.update(f"Verifying: {_far(progress)}")
        return
    last = clock.monotonic()

    def tell(progress: Progress) -> None:
        nonlocal last
        if clock.monotonic() - last >= _SECONDS_PER_LINE:
            last = clock.monotonic()
            click.echo(f"{clock.iso(clock.now())} Verifying: {_far(progress)}", err=True)

    yield tell


def _far(progress: Progress) -> str:
    runs, files = _counted(progress.runs, "run"), _counted(progress.files, "file")
    return f"{runs}, {files}, {_size(progress.size_bytes)}"


def _size(size_bytes: int) -> str:
    if size_bytes < _MEGABYTE:
        return f"{size_bytes / 1000:,.0f} kB"
    return f"{size_bytes / _MEGABYTE:,.1f} MB"


def _show(report: Report, *, heads_given: bool) -> None:
    from o365lib.cli.output import show_table, show_text

    if report.problems:
        columns = ("Kind", "Client", "Run", "File", "What was found")
        rows = [
            (each.kind.value, each.client, each.run_id, _short(each), each.sentence)
            for each in report.problems[:_MOST_SHOWN]
        ]
        show_table(columns, rows, title="Problems")
        _show_counts(report)
    _show_keys(report)
    for sentence in (*report.notes, *_on_time(report), *_on_trust(report, heads_given=heads_given)):
        show_text(sentence)
    show_text(_verdict(report))


def _show_counts(report: Report) -> None:
    """Tell how many problems there are of each kind, where the table does not show them all."""
    from collections import Counter

    from o365lib.cli.output import show_text

    number = len(report.problems) + report.more_problems
    if number <= _MOST_SHOWN:
        return
    kinds = Counter(each.kind.value for each in report.problems)
    counted = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    show_text(
        f"... and {number - _MOST_SHOWN:,} more: {counted}{', ...' if report.more_problems else ''}"
        " in all. --json prints them."
    )


def _short(problem: Problem) -> str:
    """Return a file's path without the client and the run, which stand beside it in the table."""
    folder = f"{problem.client}/{problem.run_id}"
    if problem.run_id and problem.file == folder:
        return "(all)"
    if problem.run_id and problem.file.startswith(f"{folder}/"):
        return problem.file[len(folder) + 1 :]
    return problem.file.removeprefix(f"{problem.client}/") if problem.client else problem.file


def _show_keys(report: Report) -> None:
    from o365lib.cli.output import show_table
    from o365lib.evidence.public_keys import fingerprint_of

    rows = [
        (
            ", ".join(each.names),
            f"{each.algorithm} {fingerprint_of(each.key_id)}",
            f"{each.files:,}",
            _TRUST[each.trusted_by],
        )
        for each in report.signings
    ]
    if rows:
        show_table(("Signed by", "Key", "Files", "Trusted because"), rows, title="Keys")


def _verdict(report: Report) -> str:
    counts = report.counts
    whose = f" of {', '.join(report.clients)}" if report.clients else ""
    what = (
        f"{_counted(counts['runs'], 'run')}{whose}, {_counted(counts['seals'], 'seal')},"
        f" {_counted(counts['digests'], 'digest')}, {_counted(counts['files'], 'file')}"
        f" ({_size(report.size_bytes)})"
    )
    if not report.is_sound:
        found = _counted(len(report.problems) + report.more_problems, "problem")
        return f"NOT as it was written: {found} in {report.url}, among {what}."
    span = ""
    if report.first and report.last:
        span = f", from {clock.iso(report.first)} to {clock.iso(report.last)}"
    return f"Verified {report.url}: {what}{span}. Nothing was changed, removed or inserted."


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _on_time(report: Report) -> Iterator[str]:
    if report.stamped_until:
        yield (
            f"Digest {report.stamped_digest} and all before it were there by"
            f" {clock.iso(report.stamped_until)}: a time stamp authority has signed that."
        )
        if not report.authorities_given:
            yield (
                "The authority's certificate was taken from the archive; compare it with the one"
                " that the authority publishes, or give that with --time-stamp-authority."
            )


def _on_trust(report: Report, *, heads_given: bool) -> Iterator[str]:
    if not report.keys_given:
        yield (
            "No key was given with --public-key, so those that lie in the archive were believed."
            " This proves that the archive agrees with itself, and not who signed it: whoever could"
            " replace all of it could have replaced the keys. Compare the fingerprints above with"
            " those that the signers tell you themselves (o365 key show)."
        )
    if not heads_given:
        yield (
            "No head was given with --head: were the latest runs cut off together with their"
            " digests, nothing here would show it."
        )


def _show_json(report: Report) -> None:
    from o365lib.cli.output import show_json

    show_json(
        {
            "evidence": report.url,
            "clients": list(report.clients),
            "is_sound": report.is_sound,
            "problems": [
                {
                    "client": each.client,
                    "run_id": each.run_id,
                    "file": each.file,
                    "kind": each.kind.value,
                    "sentence": each.sentence,
                }
                for each in report.problems
            ],
            "more_problems": report.more_problems,
            "notes": list(report.notes),
            "counts": report.counts,
            "size_bytes": report.size_bytes,
            "first": _iso(report.first),
            "last": _iso(report.last),
            "keys": [
                {
                    "key_id": each.key_id,
                    "names": list(each.names),
                    "algorithm": each.algorithm,
                    "files": each.files,
                    "trusted_by": each.trusted_by,
                }
                for each in report.signings
            ],
            "keys_given": report.keys_given,
            "time_stamped": {
                "until": _iso(report.stamped_until),
                "digest": report.stamped_digest,
                "authorities_given": report.authorities_given,
            },
        }
    )


def _iso(instant: Any) -> str | None:
    return clock.iso(instant) if instant else None
