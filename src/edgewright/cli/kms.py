"""`edgewright kms`: the keys that the directory store encrypts objects with, kept in the data folder's `kms/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewright.cli import output
from edgewright.cli.connection import DEFAULT_REGION, DataDir, Json

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.stores.keyring import Key, Keyring

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Keys that objects in the data folder are encrypted with."
)

Name = Annotated[str, typer.Argument(metavar="KEY", help="A key id, a key ARN or an alias ARN.")]


@app.command("create-key")
def create_key(
    alias: Annotated[str | None, typer.Option("--alias", help="A name for the key: 'edge' or 'alias/edge'.")] = None,
    region: Annotated[str, typer.Option("--region", help="The region whose jobs may use it.")] = DEFAULT_REGION,
    account: Annotated[str | None, typer.Option("--account", help="Their account; else the server's own.")] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Make a key, for jobs to name in OutputConfig.KmsKeyId.

    Example: edgewright kms create-key --alias edge --region eu-west-1
    """
    from edgewright.settings import load
    from edgewright.stores.keyring import Owner

    ring, own = _keyring(data_dir), load(data_dir=data_dir).account_id
    key = ring.create(Owner(account or own, region), alias)
    _print_one(ring, key, json=json)


@app.command("list-keys")
def list_keys(data_dir: DataDir = None, json: Json = False) -> None:
    """List the keys and their aliases, without their secrets.

    Example: edgewright kms list-keys
    """
    ring = _keyring(data_dir)
    found = [_shown(ring, key) for key in ring.list_keys()]
    output.listing(found, ("KEY", "ALIASES", "STATE"), _row, json=json)


@app.command("set-alias")
def set_alias(
    alias: Annotated[str, typer.Argument(help="The alias: 'edge' or 'alias/edge'.")],
    key: Name,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Give a key an alias, or move it from another key.

    Jobs that name the alias are encrypted with this key from now on.

    Example: edgewright kms set-alias edge 1234abcd-12ab-34cd-56ef-1234567890ab
    """
    ring = _keyring(data_dir)
    _print_one(ring, ring.set_alias(alias, key), json=json)


@app.command("disable-key")
def disable_key(key: Name, data_dir: DataDir = None, json: Json = False) -> None:
    """Refuse a key from now on, for reading too.

    Example: edgewright kms disable-key 1234abcd-12ab-34cd-56ef-1234567890ab
    """
    ring = _keyring(data_dir)
    _print_one(ring, ring.set_enabled(key, enabled=False), json=json)


@app.command("enable-key")
def enable_key(key: Name, data_dir: DataDir = None, json: Json = False) -> None:
    """Take a disabled key again.

    Example: edgewright kms enable-key 1234abcd-12ab-34cd-56ef-1234567890ab
    """
    ring = _keyring(data_dir)
    _print_one(ring, ring.set_enabled(key, enabled=True), json=json)


def _keyring(data_dir: Path | None) -> Keyring:
    from edgewright.settings import load
    from edgewright.stores.keyring import Keyring

    return Keyring(load(data_dir=data_dir).kms_dir)


def _print_one(ring: Keyring, key: Key, *, json: bool) -> None:
    shown = _shown(ring, key)
    (output.as_json if json else output.members)(shown)


def _row(shown: dict[str, Any]) -> tuple[str, ...]:
    return shown["arn"], ", ".join(shown["aliases"]), "enabled" if shown["enabled"] else "disabled"


def _shown(ring: Keyring, key: Key) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "arn": key.arn,
        "aliases": sorted(arn.partition(":alias/")[2] for arn, named in ring.aliases().items() if named == key.key_id),
        "enabled": key.enabled,
        "created_at": key.created_at.isoformat(),
    }
