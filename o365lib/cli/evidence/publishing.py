"""`o365 evidence publish` and `fetch`: between the project's archive and a store that keeps it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from o365lib.cli.output import counted, say, sized
from o365lib.cli.passphrase import asker, passphrase_file_option
from o365lib.cli.remote_archive import RemoteArchive, store_of

if TYPE_CHECKING:
    from pathlib import Path

    from o365lib.cli.options import Options
    from o365lib.evidence.publishing import Published
    from o365lib.parameters import ArchiveRules


@click.command()
@click.argument("url", required=False)
@click.option("--again", is_flag=True, help="Compare everything anew, whatever is remembered.")
@passphrase_file_option
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def publish(
    context: click.Context,
    *,
    url: str | None,
    again: bool,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Send what is sealed to a container, a bucket or a folder; nothing is overwritten.

    URL is https://<account>.blob.core.windows.net/<container>[/<prefix>],
    s3://<bucket>[/<prefix>] or a folder; left out, that of `archive` in defaults.yaml.
    """
    from o365lib.cli.evidence.listing import opened_archive
    from o365lib.cli.output import show_json, show_text
    from o365lib.evidence.key_store import KeyStore
    from o365lib.places import keys_folder

    options: Options = context.obj
    archive = opened_archive(options)
    rules = _rules(options)
    store = store_of(rules, _place(options, rules, url))
    signer = partial(KeyStore(keys_folder()).signer, asker(passphrase_file))
    done, _ = RemoteArchive(archive, store, rules, signer).publish(again=again)
    if as_json:
        show_json({"evidence": str(archive.root), "url": store.url, **vars(done)})
    else:
        show_text(_told(done, store.url))
        for problem in done.problems:
            show_text(problem)
    context.exit(1 if done.problems else 0)


@click.command()
@click.argument("url", required=False)
@click.option("--client", "clients", multiple=True, help="Only this client's runs; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def fetch(
    context: click.Context, *, url: str | None, clients: tuple[str, ...], as_json: bool
) -> None:
    """Bring what the project's archive lacks from a container, a bucket or a folder.

    URL is as for `publish`. What is there already is not touched.
    """
    from o365lib.cli.output import show_json, show_text
    from o365lib.evidence.fetching import fetch as fetch_all

    options: Options = context.obj
    root = options.archive_root()
    rules = _rules(options)
    store = store_of(rules, _place(options, rules, url))
    done = fetch_all(store, root, clients or None, say=say)
    if as_json:
        show_json({"evidence": str(root), "url": store.url, **vars(done)})
    else:
        show_text(
            f"{counted(done.files, 'file')} ({sized(done.bytes_received)})"
            f" {'was' if done.files == 1 else 'were'} brought from {store.url} to"
            f" {root}. `o365 evidence verify` tells whether they are right."
        )


def _told(done: Published, url: str) -> str:
    """Return in a sentence or two what was sent, and what was there."""
    if not done.files and not done.problems:
        if done.already:
            return f"Nothing new: {counted(done.already, 'file')} in {url} compared and the same."
        # What is remembered was not asked for, so that the store may have lost it since.
        earlier = f"{counted(done.earlier, 'file')} {'was' if done.earlier == 1 else 'were'}"
        return f"Nothing new: {earlier} published earlier (not compared again; --again does)."
    runs = f"{counted(done.runs, 'run')} {'is' if done.runs == 1 else 'are'}"
    sent = f"{counted(done.files, 'file')}, {sized(done.bytes_sent)}"
    already = f" {counted(done.already, 'other file')} {'was' if done.already == 1 else 'were'}"
    return f"{runs} published to {url}: {sent}." + (
        f"{already} there already, with the same content." if done.already else ""
    )


def _rules(options: Options) -> ArchiveRules:
    """Return what the defaults say; an archive may be published without any project."""
    from o365lib import parameters
    from o365lib.errors import ParametersError, UsageError

    try:
        return parameters.load_defaults(options.places().parameters).archive
    except ParametersError:
        raise
    except UsageError:
        return parameters.ArchiveRules()


def _place(options: Options, rules: ArchiveRules, url: str | None) -> str:
    """Return where the archive is published: the argument comes before the option and the defaults.

    Raises:
        UsageError: none of them says where.
    """
    from o365lib.errors import UsageError

    place = url or options.archive_url or rules.url
    if not place:
        raise UsageError(
            "Nothing says where the archive is published.",
            remedy="Name a URL, or write `archive: {url: ...}` into parameters/defaults.yaml:"
            " docs/archive-in-the-cloud.md shows how.",
        )
    return place
