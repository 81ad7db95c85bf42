"""A recipe's artifacts: found, fetched from the object store, and their digests put into the recipe.

A recipe has no role, so that artifacts are read with the service's own rights, which reach the objects of every
account. What users name is therefore read only where their account may: from the buckets that the setting
`component_buckets` lists for it, and the packages that the service wrote for it.
"""

from __future__ import annotations

import base64
import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from edgewright.errors import ObjectForbidden, ObjectNotFound, ObjectReplaced, UriRefused, ValidationFault
from edgewright.greengrass.reading import read_json_recipe, value_of
from edgewright.greengrass.recipe_artifacts import artifacts_of, with_artifacts
from edgewright.greengrass.rules import artifacts
from edgewright.jobs import Status, writers
from edgewright.operations.access import reading
from edgewright.stores import ObjectStore, S3Uri

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edgewright.greengrass.component_store import Component
    from edgewright.operations.context import Context

ALGORITHM = "SHA-256"
UNREACHABLE = "Specified artifact resource cannot be accessed"


def authorize(context: Context, recipe: Mapping[str, Any]) -> None:
    """Let a caller make a component of these artifacts, if they may read each.

    Raises:
        AccessDenied: they may not.
    """
    for text in artifacts(recipe):
        with suppress(UriRefused):  # `with_digests` refuses it, with all others
            context.authorize(reading(S3Uri.parse(text), context.caller.region))


def refusal(context: Context, uri: S3Uri) -> str | None:
    """Why a caller may not name an object as an artifact; None where they may. Whether it is there is not told."""
    if context.component_buckets is None or uri.bucket in context.component_buckets.get(context.caller.account, ()):
        return None
    if is_package(context, uri):
        return None
    return (
        f"The bucket {uri.bucket} is none that components of the account {context.caller.account} may name: the "
        "service's operator can add it to component_buckets. Packages of the account's own jobs need no entry"
    )


def is_package(context: Context, uri: S3Uri) -> bool:
    """Whether the service wrote the object, as the package of a COMPLETED job of the caller's account and region."""
    return context.jobs.is_package(context.caller.account, context.caller.region, str(uri))


def digest_of(recipe: bytes, uri: S3Uri) -> str:
    """The SHA-256 that a stored recipe has of an artifact, in hexadecimal."""
    return next(each.sha256 for each in artifacts_of(read_json_recipe(recipe)) if each.uri == uri)


def check_place(context: Context, component: Component, uri: S3Uri, sha256: str) -> None:
    """Raise ValidationFault where a job has written other bytes over a component's artifact since it was made."""
    found = context.jobs.writers(str(uri))
    last = next((each for each in found if each.status is Status.COMPLETED), None)
    if last is not None and last.at > component.created_at and last.sha256 not in {None, sha256}:
        raise ValidationFault(
            f"No link is made to {uri}: it is no longer the artifact of this component, whose SHA-256 is {sha256}. "
            f"{writers.shown(last, context.caller.account, context.may_see)} wrote over it. Create the packaging job "
            "again, to a place of its own, and make a new version of the component."
        )


def with_digests(
    recipe: Mapping[str, Any], objects: ObjectStore, refusal: Callable[[S3Uri], str | None]
) -> dict[str, Any]:
    """The recipe with the digest of every artifact, computed from its bytes; a digest that it had is replaced.

    Args:
        recipe: as its user gave it.
        objects: where the artifacts are.
        refusal: why an object may not be read, or None.

    Raises:
        ValidationFault: artifacts that cannot be read, all named in one error, as AWS words it [S].
        StoreUnavailable: the object store could not be reached.
    """
    found: dict[str, str] = {}
    faults: dict[str, str] = {}
    for uri in artifacts(recipe):
        try:
            found[uri] = _digest(objects, S3Uri.parse(uri), refusal)
        except (UriRefused, ObjectNotFound, ObjectForbidden, ObjectReplaced) as error:
            faults[uri] = error.message if isinstance(error, UriRefused) else UNREACHABLE
    if faults:
        named = ", ".join(f"{uri} = {why}" for uri, why in faults.items())
        raise ValidationFault(f"Invalid Input: Encountered following errors in Artifacts: {{{named}}}")
    return _replaced(recipe, found)


def named(recipe_uris: tuple[str, ...], name: str) -> str | None:
    """The URI of the artifact of this name: what stands behind the scheme [S], or the file's name alone [D].

    None where there is no such artifact, or several files of the name.
    """
    whole = [uri for uri in recipe_uris if uri.partition("://")[2] == name]
    files = [uri for uri in recipe_uris if uri.rpartition("/")[2] == name]
    return whole[0] if whole else files[0] if len(files) == 1 else None


def _digest(objects: ObjectStore, uri: S3Uri, refusal: Callable[[S3Uri], str | None]) -> str:
    refused = refusal(uri)
    if refused:
        raise UriRefused(refused)
    digest = hashlib.sha256()
    for piece in objects.read(uri):
        digest.update(piece)
    return base64.b64encode(digest.digest()).decode("ascii")


def _replaced(recipe: Mapping[str, Any], digests: Mapping[str, str]) -> dict[str, Any]:
    def entry(artifact: Mapping[str, Any]) -> dict[str, Any]:
        kept = {key: kept for key, kept in artifact.items() if key.lower() not in {"digest", "algorithm"}}
        return kept | {"Digest": digests[value_of(artifact, "Uri")], "Algorithm": ALGORITHM}

    return with_artifacts(recipe, entry)
