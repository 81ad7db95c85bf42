"""`edgewright keys`: the keys that sign packages, and the list of them that devices trust.

Those of a service are an administrator's commands, on its own database. `create-root` and `sign-list` need neither
service nor database: they run where the root key is, offline.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgewright.cli import output
from edgewright.cli.connection import DataDir, Json

if TYPE_CHECKING:
    from edgewright.keys.administration import KeyAdministration
    from edgewright.keys.store import KnownKey

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Keys that sign packages, and lists of them.")

Key = Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's id, or 8 or more digits that it begins with.")]
NewKey = Annotated[
    str | None,
    typer.Option("--key", help="A key that is there: a PEM file, file:, pkcs11: or awskms:; else a new one."),
]
LIST_AGAIN = "Devices learn of it by the next signed list: `edgewright keys export`, `sign-list`, `publish`."


@app.command("list")
def list_keys(data_dir: DataDir = None, json: Json = False) -> None:
    """List the keys with their states; one of the active ones signs.

    Example: edgewright keys list
    """
    from edgewright.http.keys import key_document

    with _opened(data_dir) as administration:
        found = administration.store.all()
    if json:
        output.as_json([key_document(each) for each in found])
        return
    output.rows(("KEY", "STATE", "CREATED", "ENDED"), [_row(each) for each in found])


@app.command()
def create(key: NewKey = None, data_dir: DataDir = None, json: Json = False) -> None:
    """Make a key that does not sign yet, so that devices can trust it first. The first key of a service signs at once.

    Example: edgewright keys create
    """
    with _opened(data_dir, migrate=True) as administration:
        _print(administration.create(key), administration, json=json)


@app.command()
def rotate(
    key_id: Annotated[
        str | None,
        typer.Argument(help="An active key that is to sign; else the newest that does not yet, or a new one."),
    ] = None,
    key: NewKey = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Sign with another key from now on, and retire the one that did: what it signed goes on to verify.

    Example: edgewright keys rotate
    """
    with _opened(data_dir) as administration:
        _print(administration.rotate(key_id, key), administration, json=json)


@app.command()
def add(
    public_key: Annotated[Path, typer.Argument(help="A public key, PEM.")], data_dir: DataDir = None, json: Json = False
) -> None:
    """Make an old key known, as a retired one: packages that it signed verify, and it signs nothing.

    Example: edgewright keys add signing.pub.pem
    """
    from edgewright.signing.keys import load_public_key
    from edgewright.signing.states import KeyState

    with _opened(data_dir) as administration:
        _print(administration.store.add(load_public_key(public_key), KeyState.RETIRED), administration, json=json)


@app.command()
def retire(key_id: Key, data_dir: DataDir = None, json: Json = False) -> None:
    """Retire a key that does not sign: what it signed goes on to verify.

    Example: edgewright keys retire 5f0c2a9b
    """
    with _opened(data_dir) as administration:
        store = administration.store
        _print(store.retire(store.named(key_id).key_id), administration, json=json)


@app.command()
def revoke(
    key_id: Key,
    reason: Annotated[str, typer.Option("--reason", help="Shown to those who verify a package that it signed.")] = "",
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Revoke a key: no package that it signed verifies any more.

    If it is the one that signs, nothing is signed until `edgewright keys rotate`.

    Example: edgewright keys revoke 5f0c2a9b --reason 'the build host was broken into'
    """
    with _opened(data_dir) as administration:
        store = administration.store
        _print(store.revoke(store.named(key_id).key_id, reason), administration, json=json)


@app.command()
def export(destination: Annotated[Path, typer.Option("--output", help="A folder.")], data_dir: DataDir = None) -> None:
    """Write the public keys, the list to be signed (`keys.json`) and the signed one (`keys.list.json`) to a folder.

    Example: edgewright keys export --output keys
    """
    with _opened(data_dir) as administration:
        for path in administration.export(destination):
            output.line(str(path))


@app.command()
def publish(
    signed: Annotated[Path, typer.Argument(metavar="LIST", help="The list that the root key signed.")],
    root: Annotated[list[Path], typer.Option("--root", help="The public key, PEM, that must have signed it.")],
    data_dir: DataDir = None,
) -> None:
    """Serve a signed list at `/keys/list`.

    Example: edgewright keys publish keys.list.json --root root.pub.pem
    """
    with _opened(data_dir) as administration:
        published = administration.publish(signed, root)
    output.line(f"version {published.key_list.version}, signed by root key {published.root_id}")


@app.command("create-root")
def create_root(
    path: Annotated[Path, typer.Argument(metavar="PEM", help="The file of the new private key.")],
    curve: Annotated[str, typer.Option("--curve", help="P-256 or P-384.")] = "P-256",
) -> None:
    """Make a root key, mode 0600, and its public half beside it. Run this offline, and keep the key there.

    Example: edgewright keys create-root root.pem
    """
    from edgewright.signing import root_keys

    public = root_keys.create(path, curve)
    output.line(f"{path}: keep it offline; it signs lists of keys")
    output.line(f"{public}: bring it to every device")


@app.command("sign-list")
def sign_list(
    keys: Annotated[Path, typer.Argument(metavar="KEYS_JSON", help="`keys.json` of `edgewright keys export`.")],
    root: Annotated[str, typer.Option("--root", help="The private root key: a PEM file, pkcs11: or awskms:.")],
    destination: Annotated[Path, typer.Option("--output", help="The file of the signed list.")],
    days: Annotated[int, typer.Option("--days", min=1, max=36500, help="Days until the list expires.")] = 90,
    version: Annotated[int | None, typer.Option("--version", min=1, help="Replaces the version in KEYS_JSON.")] = None,
) -> None:
    """Sign the list of keys with the root key. Run this offline.

    Example: edgewright keys sign-list keys.json --root root.pem --output keys.list.json --days 90
    """
    from edgewright.signing import root_keys

    signed = root_keys.sign_file(keys, root, destination, days=days, version=version)
    output.line(f"{destination}: version {signed.version}, {len(signed.keys)} keys, expires {signed.expires:%Y-%m-%d}")


def _opened(data_dir: Path | None, *, migrate: bool = False) -> KeyAdministration:
    from edgewright.keys.administration import KeyAdministration
    from edgewright.settings import load

    return KeyAdministration.of(load(data_dir=data_dir), migrate=migrate)


def _print(key: KnownKey, administration: KeyAdministration, *, json: bool) -> None:
    from edgewright.http.keys import key_document

    if json:
        output.as_json(key_document(key))
        return
    output.line(f"{key.key_id} is {key.state}{', and signs' if key.signs else ''}")
    for note in (*administration.notes, LIST_AGAIN):
        output.note(note)


def _row(key: KnownKey) -> tuple[str, ...]:
    ended = key.listed.revoked_at or key.listed.retired_at
    state = f"{key.state}{', signs' if key.signs else ''}"
    return key.key_id, state, f"{key.listed.created_at:%Y-%m-%d}", f"{ended:%Y-%m-%d}" if ended else ""
