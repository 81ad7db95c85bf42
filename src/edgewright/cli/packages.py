"""`edgewright package` and `edgewright verify`: a package made or checked with no server."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewright.cli import output
from edgewright.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.packaging import Verified
    from edgewright.packaging.inspection import Inspection
    from edgewright.settings import Settings
    from edgewright.signing.keys import PublicKey
    from edgewright.stores import ObjectStore
    from edgewright.stores.local_or_s3 import Source

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
PublicKeys = Annotated[list[Path] | None, typer.Option("--public-key", help="A trusted public key, PEM.")]
Trust = Annotated[
    Path | None, typer.Option("--trust", help="A folder of trusted public keys, or a signed list of keys with --root.")
]
Roots = Annotated[
    list[Path] | None, typer.Option("--root", help="The public key, PEM, that must have signed the list of keys.")
]
MinimumVersion = Annotated[
    int | None, typer.Option("--minimum-version", min=1, help="Refuse a list of keys with a lower version.")
]
Data = Annotated[Path | None, typer.Option("--data-dir", help="The folder that holds keys and objects.")]


def _settings(data_dir: Path | None) -> Settings:
    from edgewright.settings import load

    return load(data_dir=data_dir)


def _store(data_dir: Path | None) -> Callable[[], ObjectStore]:
    """What opens the object store, at the first call alone: without objects no settings are loaded."""
    from edgewright.stores import open_store

    return cache(lambda: open_store(_settings(data_dir)))


def _keys_and_limits(data_dir: Path | None) -> tuple[Path, Limits, str | None]:
    """The folder of the signing key, what an archive may hold, and the signing key's URI where the settings name one.

    Where nothing is set they are the defaults, and pydantic-settings, of the extra [server], is not needed.
    """
    names = os.environ.keys() - {"EDGEWRIGHT_TRACEBACK"}
    if any(name.startswith("EDGEWRIGHT_") for name in names) or Path("edgewright.toml").exists():
        settings = _settings(data_dir)
        return settings.keys_dir, settings.limits, settings.signing_key
    return (data_dir or Path("edgewright-data")) / "keys", DEFAULT, None


def limits_of(data_dir: Path | None) -> Limits:
    """What an archive may hold, as the settings of this host say."""
    return _keys_and_limits(data_dir)[1]


def package(
    source: Annotated[str, typer.Argument(help="The compiled model: a .tar.gz file, or its s3:// URI.")],
    model_name: Annotated[str, typer.Option("--model-name", help="The model's name.")],
    model_version: Annotated[str, typer.Option("--model-version", help="The model's version.")],
    destination: Annotated[str, typer.Option("--output", help="A folder, or an s3:// URI to write under.")],
    key: Annotated[
        str | None,
        typer.Option(
            "--key", help="Private key: a PEM file, or file:, pkcs11: or awskms:; else the setting's or folder's."
        ),
    ] = None,
    data_dir: Data = None,
    json: Json = False,
) -> None:
    """Pack and sign a compiled model, with no server.

    Example: edgewright package model.tar.gz --model-name digits --model-version 1.0 --output packages
    """
    from edgewright.packaging import Model, package_name
    from edgewright.packaging import package as make
    from edgewright.signing import keys, signers
    from edgewright.stores import local_or_s3

    opened = _store(data_dir)
    keys_dir, limits, uri = _keys_and_limits(data_dir)
    key = key or uri
    signer = signers.open_signer(key) if key else keys.load_or_create(keys_dir)
    model = Model(model_name, model_version)
    origin = local_or_s3.source(source, opened)
    target = local_or_s3.target(destination, package_name(model), opened)
    with output.progress("packaging", origin.size) as report:
        made = make(origin.read(), target.write, model, signer, limits, progress=report)
    if json:
        output.as_json({"package": target.name, "size": made.size, "sha256": made.sha256})
    else:
        output.line(f"{target.name}  {made.size} bytes  sha256:{made.sha256}")


def verify(
    archive: Annotated[str, typer.Argument(metavar="PACKAGE", help="A package file, or its s3:// URI.")],
    public_key: PublicKeys = None,
    trust: Trust = None,
    root: Roots = None,
    minimum_version: MinimumVersion = None,
    extract: Annotated[Path | None, typer.Option("--extract", help="Unpack here, once everything is verified.")] = None,
    model_name: Annotated[str | None, typer.Option("--model-name", help="Refuse another model's package.")] = None,
    model_version: Annotated[str | None, typer.Option("--model-version", help="Refuse another version.")] = None,
    data_dir: Data = None,
    json: Json = False,
) -> None:
    """Check a package's signature, manifest and every file. Exit 0 if it holds, 1 if it is not to be deployed.

    With --trust LIST --root PEM the keys come from a signed list. Its version is kept in LIST.seen, and an older one is
    refused from then on.

    Example: edgewright verify digits-1.0.tar.gz --public-key signing.pub.pem --extract digits
    """
    from edgewright.packaging import verify as check
    from edgewright.stores import local_or_s3

    trusted = trusted_keys(public_key, trust, root, minimum_version)
    if not trusted:
        raise typer.BadParameter("give --public-key PEM or --trust DIR: a signature proves nothing without a key")
    _, limits, _ = _keys_and_limits(data_dir)
    origin = local_or_s3.source(archive, _store(data_dir))
    with output.progress("verifying", origin.size) as report:
        verified = check(
            origin.read(),
            trusted,
            model_name=model_name,
            model_version=model_version,
            extract_to=extract,
            limits=limits,
            progress=report,
        )
    if json:
        output.as_json(verified_document(verified))
    else:
        print_verified(verified)


def trusted_keys(
    public_key: list[Path] | None, trust: Path | None, root: list[Path] | None, minimum_version: int | None
) -> list[PublicKey]:
    """The keys that the flags name."""
    from edgewright.signing import keys

    found = [keys.load_public_key(path) for path in public_key or ()]
    if trust is None or trust.is_dir():
        if root or minimum_version:
            raise typer.BadParameter("--root and --minimum-version go with --trust LIST, a signed list of keys")
        return found + (keys.load_trusted(trust) if trust else [])
    if not root:
        raise typer.BadParameter("--trust names a list of keys: give --root PEM, the key that must have signed it")
    from edgewright.signing import key_lists

    roots = [keys.load_public_key(path) for path in root]
    return found + list(key_lists.read_newest(trust, roots, minimum_version).keys)


def verified_document(verified: Verified) -> dict[str, Any]:
    """What was verified, for programs."""
    return {
        "verified": True,
        "signer": verified.key_id,
        "key_state": str(verified.key_state),
        "model_name": verified.model.name,
        "model_version": verified.model.version,
        "compilation_job": verified.model.compilation_job,
        "source_sha256": verified.model.source_sha256,
        "files": [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in verified.files],
    }


def print_verified(verified: Verified) -> None:
    """What was verified, for people."""
    output.line(f"verified: {verified.model.name} {verified.model.version}, signed by {verified.key_id}")
    if verified.key_state == "retired":
        output.line("signed by a retired key: valid")
    for file in verified.files:
        output.line(f"  {file.sha256}  {file.size:>12}  {file.path}")


def inspect(
    archive: Annotated[str, typer.Argument(metavar="PACKAGE", help="A package file, or its s3:// URI.")],
    public_key: PublicKeys = None,
    trust: Trust = None,
    root: Roots = None,
    minimum_version: MinimumVersion = None,
    data_dir: Data = None,
    json: Json = False,
) -> None:
    """Show what is in a package, and whether a trusted key signed it. Exit 0 if it can be read at all.

    Without --public-key and --trust the data folder's own key is the trusted one. To refuse a package, use `verify`.

    Example: edgewright inspect digits-1.0.tar.gz --public-key signing.pub.pem
    """
    from edgewright.packaging import inspection
    from edgewright.signing import keys
    from edgewright.stores import local_or_s3

    keys_dir, limits, _ = _keys_and_limits(data_dir)
    trusted = trusted_keys(public_key, trust, root, minimum_version)
    own = keys_dir / keys.PUBLIC_FILE
    if not trusted and own.exists():
        trusted = [keys.load_public_key(own)]
    origin = local_or_s3.source(archive, _store(data_dir))
    found = inspection.inspect(origin.read, trusted, limits)
    if json:
        output.as_json(_inspected(found, origin))
    else:
        _print_inspected(found, origin)


def _inspected(found: Inspection, origin: Source) -> dict[str, Any]:
    model = found.manifest.model if found.manifest else None
    return {
        "package": origin.name,
        "size": origin.size,
        "verified": found.verified,
        "why_not": found.why_not or None,
        "signer": found.signer,
        "model_name": model.name if model else None,
        "model_version": model.version if model else None,
        "members": [
            {"path": each.path, "size": each.size, "sha256": each.sha256, "offset": each.offset}
            for each in found.members
        ],
    }


def _print_inspected(found: Inspection, origin: Source) -> None:
    """What no trusted key signed is marked as such."""
    unproven = "" if found.verified else " (says the package)"
    model = found.manifest.model if found.manifest else None
    output.line(f"package   {origin.name}, {origin.size} bytes")
    output.line(f"model     {f'{model.name} {model.version}{unproven}' if model else 'no manifest that can be read'}")
    if model is not None and model.compilation_job is not None:
        digest = f", sha256:{model.source_sha256}" if model.source_sha256 else ""
        output.line(f"source    compilation job {output.printable(model.compilation_job)}{digest}{unproven}")
    if model is not None and model.target is not None:
        output.line(f"target    {model.target}{unproven}")
    output.line(f"signer    {f'{found.signer}{unproven}' if found.signer else 'no signature that can be read'}")
    output.line(f"verified  {'yes' if found.verified else f'no: {found.why_not}'}")
    output.line()
    output.line(f"{'SHA-256':<64}  {'BYTES':>12}  {'AT':>12}  MEMBER")
    for each in found.members:
        output.line(f"{each.sha256}  {each.size:>12}  {each.offset:>12}  {output.printable(each.path)}")
