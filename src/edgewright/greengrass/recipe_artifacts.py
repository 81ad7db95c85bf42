"""The artifacts that a component's recipe names, and the check of their bytes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgewright.errors import PackageRefused, UriRefused, ValidationFault
from edgewright.greengrass.reading import value_of
from edgewright.stores import S3Uri

if TYPE_CHECKING:
    from typing_extensions import Buffer

Recipe = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of a component.

    Attributes:
        uri: where the recipe says that it is.
        digest: standard base64 of the SHA-256 of its bytes, as recipes hold it.
    """

    uri: S3Uri
    digest: str

    @property
    def file(self) -> str:
        """The name that cores give it: the last part of its key."""
        return self.uri.object_key.rpartition("/")[2]

    @property
    def sha256(self) -> str:
        """The digest in hexadecimal."""
        return base64.b64decode(self.digest).hex()


def artifacts_of(recipe: Recipe) -> tuple[Artifact, ...]:
    """Every artifact of every manifest, each once.

    Raises:
        ValidationFault: an artifact is not in S3, has no SHA-256 digest, or shares its file name with another.
    """
    found: dict[str, Artifact] = {}
    for entry in _entries(recipe):
        artifact = _artifact(entry)
        if found.setdefault(artifact.file, artifact) != artifact:
            raise ValidationFault(
                f"Two artifacts of the recipe are called {artifact.file}: {found[artifact.file].uri} and "
                f"{artifact.uri}. Cores keep a component's artifacts in one folder."
            )
    return tuple(found.values())


def with_uris(recipe: Recipe, uris: Mapping[S3Uri, S3Uri]) -> dict[str, Any]:
    """The recipe with other URIs for its artifacts; everything else is as it was."""

    def entry(artifact: Mapping[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in artifact.items() if key.lower() != "uri"}
        return {"Uri": str(uris[S3Uri.parse(value_of(artifact, "Uri"))]), **kept}

    return with_artifacts(recipe, entry)


def with_artifacts(recipe: Recipe, change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """The recipe with each artifact changed; all other keys stay as they are, in their order and spelling."""
    return _each(recipe, "Manifests", lambda manifest: _each(manifest, "Artifacts", change))


def checked(artifact: Artifact, pieces: Iterable[Buffer], found_at: object = None) -> Iterator[Buffer]:
    """The pieces as they come; the error comes after the last, so that the file they go into is not made.

    Args:
        artifact: what they should be.
        pieces: the bytes.
        found_at: where they are, if not at the artifact's own URI.

    Raises:
        PackageRefused: they are not the bytes that the recipe's digest is of.
    """
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield piece
    if digest.hexdigest() != artifact.sha256:
        raise PackageRefused(
            f"{found_at or artifact.uri} is not what the recipe says: its SHA-256 is {digest.hexdigest()}, and the "
            f"recipe wants {artifact.sha256}. It was changed after the component was made."
        )


def _entries(recipe: Recipe) -> Iterator[Mapping[str, Any]]:
    for manifest in value_of(recipe, "Manifests") or ():
        yield from value_of(manifest, "Artifacts") or ()


def _each(
    mapping: Mapping[str, Any], name: str, change: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """The mapping with each element of the list under a key changed."""
    return {
        key: [change(element) for element in held] if held and key.lower() == name.lower() else held
        for key, held in mapping.items()
    }


def _artifact(entry: Mapping[str, Any]) -> Artifact:
    text, digest = str(value_of(entry, "Uri") or ""), str(value_of(entry, "Digest") or "")
    try:
        artifact = Artifact(S3Uri.parse(text), digest)
        artifact.uri.object_key  # noqa: B018 - refuses a prefix
        raw = base64.b64decode(digest, validate=True)
    except (UriRefused, ValueError) as error:
        raise ValidationFault(f"The recipe's artifact {text!r} with the digest {digest!r} cannot be read.") from error
    if value_of(entry, "Algorithm") != "SHA-256" or len(raw) != hashlib.sha256().digest_size:
        raise ValidationFault(f"The recipe's artifact {text} has no SHA-256 digest, so its bytes cannot be checked.")
    return artifact
