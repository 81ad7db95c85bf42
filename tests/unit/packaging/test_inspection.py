"""What a package is said to hold, and when it is said to be verified."""

from __future__ import annotations

import gzip
import tarfile
import tempfile
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest

from edgewright.errors import LimitExceeded, PackageRefused
from edgewright.limits import Limits
from edgewright.packaging import MANIFEST_NAME, SIGNATURE_NAME, Model, package, verify
from edgewright.packaging.inspection import inspect
from edgewright.signing import keys

GOLDEN = Path(__file__).parents[2] / "golden"
PACKAGE = (GOLDEN / "digits-1.0.tar.gz").read_bytes()
KEY = keys.load_public_key(GOLDEN / "signing.pub.pem")


def read(content: bytes = PACKAGE, cut: int = 1000) -> list[bytes]:
    return [content[start : start + cut] for start in range(0, len(content), cut)]


def test_every_member_is_told_with_where_its_bytes_are() -> None:
    found = inspect(read, [KEY])
    with tarfile.open(fileobj=BytesIO(PACKAGE), mode="r:gz") as tar:
        wanted = [(each.name, each.size, each.offset_data, bool(each.mode & 0o100)) for each in tar.getmembers()]
    assert [(each.path, each.size, each.offset, each.executable) for each in found.members] == wanted
    assert [each.path for each in found.members][-2:] == [MANIFEST_NAME, SIGNATURE_NAME]
    digests = {file.path: file.sha256 for file in verify(read(), [KEY]).files}
    assert {each.path: each.sha256 for each in found.members[:-2]} == digests


def test_a_trusted_key_verifies_it() -> None:
    found = inspect(read, [KEY])
    assert (found.verified, found.why_not, found.signer) == (True, "", KEY.key_id)
    assert found.manifest is not None
    assert (found.manifest.model.name, found.manifest.model.version) == ("digits", "1.0")


def test_without_a_key_it_is_not_verified_and_shown_all_the_same() -> None:
    found = inspect(read, [])
    assert (found.verified, found.why_not) == (False, "No trusted key was given.")
    assert found.signer == KEY.key_id


def test_another_key_does_not_verify_it(tmp_path: Path) -> None:
    found = inspect(read, [keys.load_or_create(tmp_path).public_key])
    assert not found.verified
    assert "is not trusted" in found.why_not


def test_a_package_that_is_not_one_is_refused() -> None:
    with pytest.raises(PackageRefused):
        inspect(partial(read, gzip.compress(b"no tar at all")), [KEY])
    with pytest.raises(PackageRefused):
        inspect(partial(read, PACKAGE[:-200]), [KEY])


def test_limits_hold_here_too() -> None:
    with pytest.raises(LimitExceeded):
        inspect(read, [KEY], Limits(unpacked_size=1000))


def test_a_package_that_changes_between_the_looks_is_not_verified() -> None:
    """The first look sees another package than the one that is verified."""
    other = inspect(read, [])
    looks = iter([_without_model(), PACKAGE])
    found = inspect(lambda: read(next(looks)), [KEY])
    assert not found.verified
    assert found.why_not == "The package changed while it was looked at."
    assert found.members != other.members


def _without_model() -> bytes:
    """Another package of version 1: signed by another key, of another file."""
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("empty"), BytesIO())
    pieces: list[bytes] = []
    with tempfile.TemporaryDirectory() as folder:
        signer = keys.load_or_create(Path(folder))
        package(
            [archive.getvalue()], lambda made: pieces.extend(map(bytes, made)), Model("other", "1"), signer, Limits()
        )
    return b"".join(pieces)
