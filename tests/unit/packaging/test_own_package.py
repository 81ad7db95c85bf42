"""Whose package it is: what a job recorded, against what is at its place."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from archives import model_tar_gz
from edgewright.errors import PackageRefused
from edgewright.packaging import Model
from edgewright.packaging.own_package import OwnPackage, checked
from packing import pack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgewright.signing.signers import Signer

OWN, OTHER = Model("digits", "1.0", "mine"), Model("digits", "1.0", "theirs")
SOURCE = model_tar_gz({"model.so": b"x" * 3_000_000})


@pytest.fixture
def packages(signer: Signer) -> tuple[OwnPackage, bytes, bytes]:
    """A job's package, its bytes, and those of another job's of the same model and version, with the same key."""
    (made, own), (_, other) = pack(signer, SOURCE, OWN), pack(signer, SOURCE, OTHER)
    recorded = OwnPackage(
        job="arn:own",
        uri="s3://out/digits-1.0.tar.gz",
        model_name="digits",
        model_version="1.0",
        signature=made.signature,
        sha256=made.sha256,
        authors={made.sha256: "arn:own", hashlib.sha256(other).hexdigest(): "arn:other"},
        overwriter=None,
    )
    return recorded, own, other


class TestVerify:
    def test_its_own_package_verifies(self, packages: tuple[OwnPackage, bytes, bytes], signer: Signer) -> None:
        recorded, own, _ = packages
        assert recorded.verify([own], [signer.public_key]).model == OWN
        assert replace(recorded, sha256=None).verify([own], [signer.public_key]).model == OWN

    def test_anothers_does_not_and_is_named(self, packages: tuple[OwnPackage, bytes, bytes], signer: Signer) -> None:
        recorded, _, other = packages
        with pytest.raises(PackageRefused) as refused:
            recorded.verify([other], [signer.public_key])
        found = hashlib.sha256(other).hexdigest()
        assert refused.value.message == (
            f"s3://out/digits-1.0.tar.gz is not the package of arn:own: it has the SHA-256 {found}, the job's has "
            f"{recorded.sha256}. It was made by arn:other."
        )

    def test_where_no_digest_was_recorded_the_signature_tells(
        self, packages: tuple[OwnPackage, bytes, bytes], signer: Signer
    ) -> None:
        recorded, _, other = packages
        older = replace(recorded, sha256=None, authors={}, overwriter="arn:other")
        with pytest.raises(PackageRefused, match=r"its signature is not the job's\. arn:other wrote there after"):
            older.verify([other], [signer.public_key])

    def test_the_same_files_and_signature_in_other_bytes_are_not_its_own(
        self, packages: tuple[OwnPackage, bytes, bytes], signer: Signer
    ) -> None:
        recorded, own, _ = packages
        with pytest.raises(PackageRefused, match=r"No job that is known here made it\."):
            replace(recorded, sha256="0" * 64, authors={}).verify([own], [signer.public_key])

    def test_what_no_key_signed_is_refused_with_who_wrote_last(
        self, packages: tuple[OwnPackage, bytes, bytes], signer: Signer
    ) -> None:
        recorded, own, _ = packages
        with pytest.raises(PackageRefused, match=r"arn:other wrote to s3://out/digits-1\.0\.tar\.gz after arn:own\.$"):
            replace(recorded, overwriter="arn:other").verify([own[:-9]], [signer.public_key])
        with pytest.raises(PackageRefused) as refused:
            recorded.verify([own[:-9]], [signer.public_key])
        assert "arn:" not in refused.value.message


class TestChecked:
    def test_the_last_piece_comes_only_when_all_are_right(self, packages: tuple[OwnPackage, bytes, bytes]) -> None:
        recorded, own, other = packages
        assert b"".join(bytes(piece) for piece in recorded.checked([own[:100], own[100:], b""])) == own
        pieces = recorded.checked([other[:100], other[100:]])
        assert next(pieces) == other[:100]
        with pytest.raises(PackageRefused, match="It was made by arn:other"):
            next(pieces)

    def test_nothing_is_checked_without_a_digest(self, packages: tuple[OwnPackage, bytes, bytes]) -> None:
        recorded, _, other = packages
        assert list(replace(recorded, sha256=None).checked([other])) == [other]

    def test_an_empty_object(self) -> None:
        def nothing() -> Iterator[bytes]:
            yield from ()

        assert list(checked(nothing(), hashlib.sha256().hexdigest(), KeyError)) == []
        with pytest.raises(KeyError):
            list(checked(nothing(), "0" * 64, KeyError))

    def test_a_package_that_was_written_over_is_not_handed_out(self, packages: tuple[OwnPackage, bytes, bytes]) -> None:
        packages[0].check()
        with pytest.raises(PackageRefused, match="arn:other wrote over it"):
            replace(packages[0], overwriter="arn:other").check()


def test_it_comes_back_from_json(packages: tuple[OwnPackage, bytes, bytes]) -> None:
    document = asdict(packages[0])
    assert OwnPackage.of(document | {"of a later version": 1}) == packages[0]
