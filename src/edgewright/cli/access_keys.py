"""`edgewright access-keys`: who may call the API, kept in the data folder's `principals.toml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewright.cli import output
from edgewright.cli.connection import DataDir, Json

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.auth.principals import Principal

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Access keys, and what each may do.")

Key = Annotated[str, typer.Argument(metavar="ACCESS_KEY_ID", help="The access key.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The user's name, as refusals show it.")],
    allow: Annotated[list[str] | None, typer.Option(help="An action it may do, such as 'sagemaker:List*'.")] = None,
    deny: Annotated[list[str] | None, typer.Option(help="An action it may never do.")] = None,
    resource: Annotated[
        list[str] | None, typer.Option(help="Only on such resources: a name 'test-*', an ARN, or 's3://...'.")
    ] = None,
    account: Annotated[str | None, typer.Option(help="Its account; else the server's own.")] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Make an access key. Its secret is printed once, here.

    Example: edgewright access-keys create ci --allow 'sagemaker:List*' --allow 'sagemaker:Describe*'
    """
    from edgewright.auth import access_keys
    from edgewright.settings import load

    settings = load(data_dir=data_dir)
    rules = _rules(allow or (["*"] if resource else []), resource)
    grant = access_keys.Grant(name, account or settings.account_id, rules, _rules(deny or [], None))
    _print_new(access_keys.create(settings.principals_file, grant), json=json)


@app.command("list")
def list_keys(data_dir: DataDir = None, json: Json = False) -> None:
    """List the access keys, without their secrets.

    Example: edgewright access-keys list
    """
    from edgewright.auth.principals import read_principals

    def row(one: dict[str, Any]) -> tuple[str, ...]:
        return one["access_key_id"], one["name"], one["account"], "disabled" if one["disabled"] else "enabled"

    found = [_shown(principal) for principal in read_principals(_file(data_dir))]
    output.listing(found, ("ACCESS KEY", "NAME", "ACCOUNT", "STATE"), row, json=json)


@app.command()
def disable(key: Key, data_dir: DataDir = None) -> None:
    """Have a key refused from now on; running servers notice at once.

    Example: edgewright access-keys disable AKIA2E4ZFYG7QJ3KXN5P
    """
    from edgewright.auth import access_keys

    output.line(f"{access_keys.disable(_file(data_dir), key).access_key_id} is disabled")


@app.command()
def rotate(key: Key, data_dir: DataDir = None, json: Json = False) -> None:
    """Make a second key with the same rights. The old one holds until it is disabled.

    Example: edgewright access-keys rotate AKIA2E4ZFYG7QJ3KXN5P
    """
    from edgewright.auth import access_keys

    _print_new(access_keys.rotate(_file(data_dir), key), json=json)


def _file(data_dir: Path | None) -> Path:
    from edgewright.settings import load

    return load(data_dir=data_dir).principals_file


def _rules(actions: list[str], resources: list[str] | None) -> tuple[Any, ...]:
    return ({"actions": actions, "resources": resources},) if actions and resources else tuple(actions)


def _print_new(principal: Principal, *, json: bool) -> None:
    """The one time that a secret is shown, in the form that AWS's credentials file has."""
    if json:
        output.as_json(_shown(principal) | {"secret_access_key": principal.secret_access_key})
        return
    output.line(f"[{principal.name}]")
    output.line(f"aws_access_key_id = {principal.access_key_id}")
    output.line(f"aws_secret_access_key = {principal.secret_access_key}")


def _shown(principal: Principal) -> dict[str, Any]:
    return {
        "access_key_id": principal.access_key_id,
        "name": principal.name,
        "account": principal.account,
        "arn": principal.arn,
        "disabled": principal.disabled,
    }
