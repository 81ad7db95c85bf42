"""`edgewright package` and `edgewright verify`: a package made or checked with no server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgewright.cli import output

if TYPE_CHECKING:
    from edgewright.packaging import Verified

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Data = Annotated[Path | None, typer.Option("--data-dir", help="The folder that holds keys and objects.")]


def package(
    source: Annotated[str, typer.Argument(help="The compiled model: a .tar.gz file, or its s3:// URI.")],
    model_name: Annotated[str, typer.Option("--model-name", help="The model's name.")],
    model_version: Annotated[str, typer.Option("--model-version", help="The model's version.")],
    destination: Annotated[str, typer.Option("--output", help="A folder, or an s3:// URI to write under.")],
    key: Annotated[Path | None, typer.Option("--key", help="Private key, PEM; else the data folder's own.")] = None,
    data_dir: Data = None,
    json: Json = False,
) -> None:
    """Pack and sign a compiled model, with no server.

    Example: edgewright package model.tar.gz --model-name digits --model-version 1.0 --output packages
    """
    from edgewright.packaging import Model, keys, package_name  # noqa: PLC0415 - only this command needs them
    from edgewright.packaging import package as make  # noqa: PLC0415
    from edgewright.settings import load  # noqa: PLC0415
    from edgewright.stores import places  # noqa: PLC0415

    settings = load(data_dir=data_dir)
    signer = keys.load_signer(key) if key else keys.load_or_create(settings.keys_dir)
    model = Model(model_name, model_version)
    origin = places.source(source, settings)
    target = places.target(destination, package_name(model), settings)
    with output.progress("packaging", origin.size) as report:
        made = make(origin.read(), target.write, model, signer, settings.limits, digest=True, progress=report)
    if json:
        output.as_json({"package": target.name, "size": made.size, "sha256": made.sha256})
    else:
        output.line(f"{target.name}  {made.size} bytes  sha256:{made.sha256}")


def verify(
    archive: Annotated[str, typer.Argument(metavar="PACKAGE", help="A package file, or its s3:// URI.")],
    public_key: Annotated[list[Path] | None, typer.Option("--public-key", help="A trusted public key, PEM.")] = None,
    trust: Annotated[Path | None, typer.Option("--trust", help="A folder of trusted public keys.")] = None,
    extract: Annotated[Path | None, typer.Option("--extract", help="Unpack here, once everything is verified.")] = None,
    model_name: Annotated[str | None, typer.Option("--model-name", help="Refuse another model's package.")] = None,
    model_version: Annotated[str | None, typer.Option("--model-version", help="Refuse another version.")] = None,
    data_dir: Data = None,
    json: Json = False,
) -> None:
    """Check a package's signature, manifest and every file. Exit 0 if it holds, 1 if not.

    Example: edgewright verify digits-1.0.tar.gz --public-key signing.pub.pem --extract digits
    """
    from edgewright.packaging import keys  # noqa: PLC0415 - only this command needs them
    from edgewright.packaging import verify as check  # noqa: PLC0415
    from edgewright.settings import load  # noqa: PLC0415
    from edgewright.stores import places  # noqa: PLC0415

    trusted = [keys.load_public_key(path) for path in public_key or ()] + (keys.load_trusted(trust) if trust else [])
    if not trusted:
        raise typer.BadParameter("give --public-key PEM or --trust DIR: a signature proves nothing without a key")
    settings = load(data_dir=data_dir)
    origin = places.source(archive, settings)
    with output.progress("verifying", origin.size) as report:
        verified = check(
            origin.read(),
            trusted,
            model_name=model_name,
            model_version=model_version,
            extract_to=extract,
            limits=settings.limits,
            progress=report,
        )
    _print_verified(verified, json=json)


def _print_verified(verified: Verified, *, json: bool) -> None:
    files = [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in verified.files]
    if json:
        output.as_json(
            {
                "verified": True,
                "signer": verified.key_id,
                "model_name": verified.model.name,
                "model_version": verified.model.version,
                "files": files,
            }
        )
        return
    output.line(f"verified: {verified.model.name} {verified.model.version}, signed by {verified.key_id}")
    for file in files:
        output.line(f"  {file['sha256']}  {file['size']:>12}  {file['path']}")
