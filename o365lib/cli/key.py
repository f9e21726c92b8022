"""`o365 key`: the person's signing key: which it is, another one, and its public part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from o365lib.cli.passphrase import asked_for_new, asker, is_anybody_there, passphrase_file_option
from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence.layout import KEYS

if TYPE_CHECKING:
    from o365lib.cli.options import Options
    from o365lib.evidence.key_store import KeyDescription, KeyStore
    from o365lib.secret import Secret

_KEPT_BY = {
    "none": "its file alone: whoever can read that can sign as you",
    "passphrase": "a passphrase",
    "keyring": "the system's keyring",
}


@click.group()
def key() -> None:
    """Your signing key, by which your runs and approvals can be told from others'.

    It is made when it is first needed. Its public part is for those who check what you signed.
    """


@key.command("show")
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.option("--pem", is_flag=True, help="Print the public key, for those who check.")
def show(*, as_json: bool, pem: bool) -> None:
    """Show which key you sign with."""
    described = _described(_store())
    if pem:
        click.echo(described.key.pem.decode(), nl=False)
    else:
        _show(described, as_json=as_json)


@key.command("new")
@click.option("--name", help="Your name, as evidence will show it.")
@click.option("--passphrase", is_flag=True, help="Encrypt the key with a passphrase.")
@click.option("--keyring", "in_keyring", is_flag=True, help="Let the system's keyring keep it.")
@click.option("--no-passphrase", is_flag=True, help="Keep it open, whatever the key before was.")
@click.option("--lost", is_flag=True, help="Do without the key before: it is lost or damaged.")
@passphrase_file_option
@click.option(
    "--new-passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Holds the passphrase of the new key; a file that only you can read.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def new(*, as_json: bool, **given: Any) -> None:
    """Make the key that you sign with from now on.

    The key before is kept, and signs that this one takes its place: what it signed stays valid.
    Both go into an archive with your next run there.
    """
    has_passphrase = given["passphrase"] or given["new_passphrase_file"] is not None
    ways = [has_passphrase, given["in_keyring"], given["no_passphrase"]]
    if sum(ways) > 1:
        raise UsageError(
            "A key is kept in one way.",
            remedy="Say one of --passphrase, --keyring and --no-passphrase.",
        )
    store = _store()
    before = None if given["lost"] else store.describe()
    if before and before.protection != "none" and not any(ways):
        raise UsageError(
            f"The key before is kept by {_KEPT_BY[before.protection]}.",
            remedy="Say how to keep the new one: --passphrase, --keyring or --no-passphrase.",
        )
    endorser = store.signer(asker(given["passphrase_file"])) if before else None
    store.new(
        name=given["name"],
        passphrase=_new_passphrase(given["new_passphrase_file"]) if has_passphrase else None,
        in_keyring=given["in_keyring"],
        endorser=endorser,
    )
    _show(_described(store), as_json=as_json)
    if endorser is not None:
        click.echo(f"The key before, {endorser.key.fingerprint}, vouches for this one.", err=True)
    elif given["lost"]:
        click.echo(
            "No earlier key vouches for this one. Tell those who check your evidence its"
            " fingerprint, in another way than through the archive.",
            err=True,
        )


@key.command("publish")
@passphrase_file_option
@click.pass_context
def publish(context: click.Context, *, passphrase_file: Path | None) -> None:
    """Put the public part of your key into the archive, for those who check what you signed.

    A run does so too. What earlier keys of yours said of this one goes along, in a digest.
    """
    from o365lib.evidence.archive import Archive
    from o365lib.evidence.sealing import OpenBatch

    options: Options = context.obj
    root = options.archive_root()
    if not root.is_dir():
        raise UsageError(
            f"There is no archive at {root}.",
            remedy="The first run makes it, with your key in it; another one is named by"
            " --evidence, which stands before the command: o365 --evidence FOLDER key publish",
        )
    store = _store()
    described = _described(store)
    OpenBatch.begin(Archive(root), store, asker(passphrase_file)).close()
    click.echo(f"{described.key.key_id}.pem is in {root / KEYS}.")


def _store() -> KeyStore:
    from o365lib.evidence.key_store import KeyStore
    from o365lib.places import keys_folder

    return KeyStore(keys_folder())


def _described(store: KeyStore) -> KeyDescription:
    described = store.describe()
    if described is None:
        raise EvidenceError(
            f"You have no signing key yet in {store.folder}.",
            remedy="Your first run makes one, and so does `o365 key new`.",
        )
    return described


def _new_passphrase(file: Path | None) -> Secret:
    if file is not None:
        from o365lib.evidence.key_store import passphrase_in

        return passphrase_in(file)()
    if not is_anybody_there():
        raise UsageError(
            "Nobody can be asked for the passphrase of the new key here.",
            remedy="Name a file that holds it by --new-passphrase-file.",
        )
    return asked_for_new()


def _show(described: KeyDescription, *, as_json: bool) -> None:
    from o365lib import clock
    from o365lib.cli.output import show_json, show_table

    told = {
        "name": described.name,
        "algorithm": described.key.algorithm,
        "key_id": described.key.key_id,
        "fingerprint": described.key.fingerprint,
        "created": clock.iso(described.created),
        "protection": described.protection,
        "file": str(described.file),
    }
    if as_json:
        show_json(told)
        return
    rows = [
        ("Name", told["name"]),
        ("Fingerprint", told["fingerprint"]),
        ("Key id", told["key_id"]),
        ("Algorithm", told["algorithm"]),
        ("Made", told["created"]),
        ("Kept by", _KEPT_BY[described.protection]),
        ("File", told["file"]),
    ]
    show_table(("Your signing key", ""), rows)
