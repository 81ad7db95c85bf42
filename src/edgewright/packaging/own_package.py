"""A job's own package: its bytes and its signature, told from what another job or anybody else put at the same place.

A signature says that a key of the service signed a package of this model and version. Two jobs may make such packages
at one place; whose it is, only what the job recorded can say.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from edgewright.errors import PackageRefused
from edgewright.limits import DEFAULT, Limits
from edgewright.packaging.verifier import Verified, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from typing_extensions import Buffer

    from edgewright.signing.keys import PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPackage:
    """What is known of a job's package.

    Attributes:
        job: the job's ARN.
        uri: where the package was written.
        model_name: the job's.
        model_version: the job's.
        signature: the signature's document, as the job recorded it.
        sha256: of the package, in hexadecimal; None of a job that an earlier version of the program did.
        authors: who made what at this place, by SHA-256, as far as the reader may know.
        overwriter: the job that wrote other bytes to this place last, if one did after this job.
    """

    job: str
    uri: str
    model_name: str
    model_version: str
    signature: str
    sha256: str | None
    authors: Mapping[str, str]
    overwriter: str | None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """As a service shows it in JSON; members of a later version are passed over."""
        return cls(**{field.name: document[field.name] for field in fields(cls)})

    def check(self) -> None:
        """Raise PackageRefused where another job is known to have written over the package."""
        if self.overwriter is not None:
            raise PackageRefused(f"{self.uri} is no longer the package of {self.job}: {self.overwriter} wrote over it.")

    def verify(
        self,
        package: Iterable[Buffer],
        trusted: Sequence[PublicKey],
        *,
        limits: Limits = DEFAULT,
        progress: Callable[[int], None] | None = None,
    ) -> Verified:
        """Verify what is at the job's place: that a trusted key signed it, and that it is what this job made.

        Raises:
            PackageRefused: it is not; names the job that wrote over it, where one is known.
            LimitExceeded: it is larger than a limit.
        """
        digest = hashlib.sha256()
        try:
            verified = verify(
                _hashed(package, digest),
                trusted,
                model_name=self.model_name,
                model_version=self.model_version,
                limits=limits,
                progress=progress,
            )
        except PackageRefused as error:
            if self.overwriter is None:
                raise
            raise PackageRefused(f"{error.message} {self.overwriter} wrote to {self.uri} after {self.job}.") from error
        if self.sha256 not in {None, digest.hexdigest()} or verified.signature != self.signature:
            raise self._refusal(digest.hexdigest())
        return verified

    def checked(self, pieces: Iterable[Buffer]) -> Iterator[Buffer]:
        """The pieces, as `checked`, where the job recorded a digest."""
        return iter(pieces) if self.sha256 is None else checked(pieces, self.sha256, self._refusal)

    def _refusal(self, found: str) -> PackageRefused:
        if found in self.authors:
            who = f"It was made by {self.authors[found]}."
        elif self.overwriter is not None:
            who = f"{self.overwriter} wrote there after this job."
        else:
            who = "No job that is known here made it."
        own = f"the job's has {self.sha256}" if self.sha256 else "its signature is not the job's"
        return PackageRefused(f"{self.uri} is not the package of {self.job}: it has the SHA-256 {found}, {own}. {who}")


def checked(pieces: Iterable[Buffer], sha256: str, refusal: Callable[[str], Exception]) -> Iterator[Buffer]:
    """The pieces; the last is held back until the SHA-256 of all is known to be this one.

    Args:
        pieces: what is read.
        sha256: what it should have, in hexadecimal.
        refusal: what to raise of another digest.
    """
    digest, held = hashlib.sha256(), None
    for piece in pieces:
        if held is not None:
            yield held
        digest.update(piece)
        held = piece
    if digest.hexdigest() != sha256:
        raise refusal(digest.hexdigest())
    if held is not None:
        yield held


def _hashed(pieces: Iterable[Buffer], digest: hashlib._Hash) -> Iterator[Buffer]:
    for piece in pieces:
        digest.update(piece)
        yield piece
