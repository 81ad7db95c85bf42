"""What verify accepts, and the many things it does not."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import stat
import tarfile
import unicodedata
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from typing_extensions import Buffer

from archives import model_tar_gz
from edgewright.archives import tar_headers
from edgewright.errors import (
    CallerError,
    ExtractionRefused,
    JobStopped,
    LimitExceeded,
    PackageRefused,
    StoreUnavailable,
)
from edgewright.limits import Limits
from edgewright.packaging import MANIFEST_NAME, SIGNATURE_NAME, Verified, gzip_members, verify
from edgewright.packaging.manifest import Manifest, manifest_bounds
from edgewright.signing import signature
from packing import MODEL, Pack
from packing import pack as pack_with

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.signing.signers import Signer

FILES = {"model.onnx": random.Random(5).randbytes(1_300_000), "sub/labels.txt": b"one\ntwo\n", "run.sh": b"#!/bin/sh\n"}


@pytest.fixture(scope="module")
def stored(pack: Pack) -> bytes:
    return pack(model_tar_gz(FILES, executable=("run.sh",)))[1]


def members(stored: bytes) -> dict[str, tuple[bytes, int]]:
    """Name → data and mode, in order."""
    with tarfile.open(fileobj=io.BytesIO(stored)) as archive:
        return {info.name: (archive.extractfile(info).read(), info.mode) for info in archive}  # type: ignore[union-attr]


def rebuilt(files: dict[str, tuple[bytes, int]], end: bytes = tar_headers.END) -> bytes:
    """A package in the right form, whatever it holds."""
    tar = [
        tar_headers.build(n, len(d), executable=bool(m & 1)) + d + bytes(-len(d) % 512) for n, (d, m) in files.items()
    ]
    return in_members(b"".join([*tar, end]))


def in_members(tar: bytes) -> bytes:
    chunks = (memoryview(tar)[at : at + gzip_members.CHUNK] for at in range(0, len(tar), gzip_members.CHUNK))
    return b"".join(piece for chunk in chunks for piece in gzip_members.deflate(chunk))


def check(stored: bytes, signer: Signer, **asked: Any) -> Verified:
    return verify([stored], [signer.public_key], **asked)


def test_states_what_was_checked(stored: bytes, signer: Signer, other_signer: Signer) -> None:
    verified = verify([stored], [other_signer.public_key, signer.public_key], model_name="digits", model_version="1.0")
    assert verified.key_id == signer.public_key.key_id
    assert verified.model == MODEL
    assert {file.path: (file.size, file.sha256) for file in verified.files} == {
        name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in FILES.items()
    }
    assert verified.signature == members(stored)[SIGNATURE_NAME][0].decode()


def test_a_rebuilt_package_is_the_same(stored: bytes, signer: Signer) -> None:
    """So whatever the tests below change is what gets refused."""
    assert check(rebuilt(members(stored)), signer).model == MODEL


def test_cut_anywhere(stored: bytes, signer: Signer) -> None:
    for size in (7, 19, 20, 21, 1000, 1_000_000):
        pieces = (stored[at : at + size] for at in range(0, len(stored), size))
        assert verify(pieces, [signer.public_key]).model == MODEL


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"model_name": "letters"}, "holds model 'digits'; 'letters' was asked for"),
        ({"model_version": "1.1"}, r"holds version '1\.0' of 'digits'; '1\.1' was asked for"),
    ],
)
def test_another_model_than_asked_for(asked: dict[str, str], message: str, stored: bytes, signer: Signer) -> None:
    with pytest.raises(PackageRefused, match=message):
        check(stored, signer, **asked)


def test_unknown_key(stored: bytes, signer: Signer, other_signer: Signer) -> None:
    with pytest.raises(PackageRefused, match=f"signed by key '{signer.public_key.key_id}', which is not trusted"):
        check(stored, other_signer)
    with pytest.raises(PackageRefused, match="Trusted: none"):
        verify([stored], [])


Change = Callable[[dict[str, tuple[bytes, int]]], dict[str, tuple[bytes, int]]]


def _first(files: dict[str, tuple[bytes, int]], **extra: tuple[bytes, int]) -> dict[str, tuple[bytes, int]]:
    return extra | files


CHANGES: dict[str, tuple[Change, str]] = {
    "extra file": (lambda f: _first(f, extra=(b"", 0o644)), "'extra' is not signed"),
    "missing file": (lambda f: {k: v for k, v in f.items() if k != "run.sh"}, "'run.sh' is signed but missing"),
    "changed file": (lambda f: f | {"run.sh": (b"#!/bin/zsh", 0o755)}, "'run.sh' was changed"),
    "swapped files": (
        lambda f: f | {"run.sh": (f["sub/labels.txt"][0], 0o755), "sub/labels.txt": (f["run.sh"][0], 0o644)},
        "'run.sh' was changed, 'sub/labels.txt' was changed",
    ),
    "renamed file": (
        lambda f: _first({k: v for k, v in f.items() if k != "run.sh"}, ran=f["run.sh"]),
        "'ran' is not signed",
    ),
    "execute bit": (lambda f: f | {"sub/labels.txt": (f["sub/labels.txt"][0], 0o755)}, "see 'sub/labels.txt'"),
    "changed manifest": (lambda f: f | {MANIFEST_NAME: (f[MANIFEST_NAME][0] + b" ", 0o644)}, "manifest' was changed"),
    "no manifest": (lambda f: {k: v for k, v in f.items() if k != MANIFEST_NAME}, "out of place"),
    "no signature": (lambda f: {k: v for k, v in f.items() if k != SIGNATURE_NAME}, "does not end with"),
    "manifest first": (lambda f: {MANIFEST_NAME: f[MANIFEST_NAME]} | f, "out of place"),
    "a file at the end": (lambda f: f | {"behind": (b"", 0o644)}, "out of place"),
    "executable manifest": (lambda f: f | {MANIFEST_NAME: (f[MANIFEST_NAME][0], 0o755)}, "is executable"),
    "case of the signature": (lambda f: _first(f, **{SIGNATURE_NAME.upper(): (b"", 0o644)}), "differs only in case"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_contents(name: str, stored: bytes, signer: Signer) -> None:
    change, message = CHANGES[name]
    with pytest.raises(PackageRefused, match=message):
        check(rebuilt(change(members(stored))), signer)


def resigned(stored: bytes, signer: Signer, manifest: Callable[[Any], Any]) -> bytes:
    """A package whose manifest was changed before it was signed."""
    files = members(stored)
    document = json.dumps(manifest(json.loads(files[MANIFEST_NAME][0]))).encode()
    files[MANIFEST_NAME] = (document, 0o644)
    digests = {name: hashlib.sha256(data).hexdigest() for name, (data, _) in files.items() if name != SIGNATURE_NAME}
    files[SIGNATURE_NAME] = (signature.sign("digits", digests, signer).encode(), 0o644)
    return rebuilt(files)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (lambda m: m | {"format_version": 2}, "format version 2"),
        (lambda m: m | {"format_version": True}, "format version True"),
        (lambda m: {k: v for k, v in m.items() if k != "metadata"}, "no 'metadata'"),
        (lambda m: m | {"metadata": {"model_name": "a/b", "model_version": "1"}}, "no possible model"),
        (
            lambda m: m | {"metadata": {"model_name": "letters", "model_version": "1"}},
            "signature is for model 'digits'",
        ),
        (lambda m: m | {"files": m["files"][1:]}, "does not describe the package's files: see 'model.onnx'"),
        (lambda m: m | {"files": m["files"] + m["files"][:1]}, "lists a file twice"),
        (lambda m: m | {"files": [m["files"][0] | {"size": 1}, *m["files"][1:]]}, "does not describe"),
        (lambda m: m | {"files": [{}]}, "no 'path'"),
        (lambda m: m | {"files": [1]}, "no 'path'"),
        (lambda m: m | {"target": 5}, "no 'target'"),
        (lambda m: [m], "not a JSON object"),
    ],
)
def test_signed_manifests_that_say_something_else(
    manifest: Callable[[Any], Any], message: str, stored: bytes, signer: Signer
) -> None:
    with pytest.raises(PackageRefused, match=message):
        check(resigned(stored, signer, manifest), signer)


def test_headers_have_one_form(stored: bytes, signer: Signer) -> None:
    tar = bytearray(gzip.decompress(stored))
    fields = {"owner": 108, "time": 136, "link": 157, "user": 265, "prefix": 345, "unused": 505}
    for at in fields.values():
        changed = bytearray(tar)
        changed[at] = ord("1")
        changed[148:156] = b"%06o\0 " % (sum(changed[:148]) + 8 * 32 + sum(changed[156:512]))
        with pytest.raises(PackageRefused, match=r"not in the form of version 1"):
            check(in_members(bytes(changed)), signer)


def test_padding_is_zeros(stored: bytes, signer: Signer) -> None:
    tar = gzip.decompress(stored)
    at = tar.index(b"#!/bin/sh\n") + 400
    with pytest.raises(PackageRefused, match="something else than padding"):
        check(in_members(tar[:at] + b"x" + tar[at + 1 :]), signer)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: gzip.compress(gzip.decompress(s)), "gzip members that say their length"),
        (lambda s: s + gzip.compress(b""), "gzip members that say their length"),
        (lambda s: s + b"".join(gzip_members.deflate(memoryview(b"x"))), "behind its end"),
        (lambda s: s[:-1], "truncated"),
        (lambda s: s[: -len(in_members(tar_headers.END))], "tar breaks off"),
        (lambda s: s[:0], "tar breaks off"),
        (lambda s: s[:16] + b"\xff\xff\xff\x7f" + s[20:], "is none of version 1"),
        (lambda s: s[:16] + b"\x01\0\0\0" + s[20:], "is none of version 1"),
        (lambda s: s[:100] + bytes([s[100] ^ 1]) + s[101:], "damaged"),
        (lambda s: s[:-4] + b"\xff" * 4, "says it holds"),
        (lambda s: s[:-4] + b"\x01\0\0\0", "cannot be inflated|not as long"),
        (lambda s: s[:-8] + bytes(4) + s[-4:], "cannot be inflated"),
    ],
)
def test_damaged_streams(change: Callable[[bytes], bytes], message: str, stored: bytes, signer: Signer) -> None:
    with pytest.raises(PackageRefused, match=message):
        check(change(stored), signer)


@pytest.mark.parametrize(
    "limit",
    [{"archive_size": 1000}, {"unpacked_size": 1_000_000}, {"members": 2}, {"path_depth": 1}, {"name_bytes": 5}],
)
def test_limits(limit: dict[str, int], stored: bytes, signer: Signer) -> None:
    with pytest.raises(LimitExceeded, match=next(iter(limit))):
        check(stored, signer, limits=Limits(**limit))


def test_expansion_is_limited(signer: Signer) -> None:
    bomb = rebuilt({"zeros": (bytes(4_000_000), 0o644)})
    with pytest.raises(LimitExceeded, match="expansion_ratio"):
        check(bomb, signer, limits=Limits(expansion_ratio=20, expansion_free=1_000_000))


def test_a_package_made_at_the_limit_verifies_under_the_same_limits(pack: Pack, signer: Signer) -> None:
    limits = Limits(members=3, path_length=14, path_depth=2, name_bytes=30, member_size=1_300_000)
    _, stored = pack(model_tar_gz(FILES), limits=limits)
    assert check(stored, signer, limits=limits).model == MODEL


def test_extraction_is_whole(stored: bytes, signer: Signer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for target in (tmp_path / "new" / "folder", tmp_path / "empty"):
        check(stored, signer, extract_to=target)
        files = {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
        assert files == {name: data for name, (data, _) in members(stored).items()}
        assert (target / "run.sh").stat().st_mode & 0o777 == 0o755
        assert [path.name for path in target.parent.iterdir() if path.name.startswith(".")] == []


def test_nobody_else_can_reach_what_is_being_verified(stored: bytes, signer: Signer, tmp_path: Path) -> None:
    """Under a umask of 000 another user replaced a file whose digest had been taken already."""
    seen: list[int] = []

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(stored), 500_000):
            seen.extend(stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir())
            yield stored[at : at + 500_000]

    mask = os.umask(0)
    try:
        verify(pieces(), [signer.public_key], extract_to=tmp_path / "new" / "target")
    finally:
        os.umask(mask)
    assert set(seen) == {0o700}
    made = [tmp_path / "new", *(tmp_path / "new").rglob("*")]
    assert not [path for path in made if path.stat().st_mode & 0o022]
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new" / "target").iterdir()} == {
        "model.onnx": 0o644,
        "sub": 0o755,
        "run.sh": 0o755,
        MANIFEST_NAME: 0o644,
        SIGNATURE_NAME: 0o644,
    }


def test_extraction_leaves_nothing(stored: bytes, signer: Signer, other_signer: Signer, tmp_path: Path) -> None:
    for package, key, name in ((stored, other_signer, None), (stored[:-1], signer, None), (stored, signer, "other")):
        with pytest.raises(PackageRefused):
            check(package, key, model_name=name, extract_to=tmp_path / "target")
        assert list(tmp_path.iterdir()) == []


def test_extraction_does_not_write_over_anything(stored: bytes, signer: Signer, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "full")
    for target in (tmp_path / "full", tmp_path / "full" / "file", tmp_path / "link"):
        with pytest.raises(ExtractionRefused, match="is there already"):
            check(stored, signer, extract_to=target)
    with pytest.raises(ExtractionRefused, match="cannot be written"):
        check(stored, signer, extract_to=tmp_path / "full" / "file" / "below")
    assert (tmp_path / "full" / "file").read_text() == "mine"


def test_progress_can_stop_it(stored: bytes, signer: Signer, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done > 500_000:
            raise JobStopped("stopped")

    pieces = (stored[at : at + 100_000] for at in range(0, len(stored), 100_000))
    with pytest.raises(JobStopped):
        verify(pieces, [signer.public_key], extract_to=tmp_path / "target", progress=stop)
    assert list(tmp_path.iterdir()) == []


paths = st.lists(
    st.text(st.characters(exclude_categories=["C"], exclude_characters="/\\"), min_size=1, max_size=30),
    min_size=1,
    max_size=4,
)


def clashes(tree: dict[str, bytes]) -> bool:
    """Whether a tree has names that are refused, judged more roughly than the packager does."""
    folded = [[unicodedata.normalize("NFKD", part).casefold() for part in path.split("/")] for path in tree]
    names = {".", "..", "sagemaker_edge_manifest", "sagemaker_edge_signature"}
    if any(part in names for parts in folded for part in parts):
        return True
    heads = ["/".join(parts[: depth + 1]) for parts in folded for depth in range(len(parts))]
    return len(set(heads)) != len(heads)


contents = st.one_of(st.binary(max_size=2000), st.integers(0, 3_000_000).map(bytes))


@settings(max_examples=40, deadline=None)
@given(tree=st.dictionaries(paths.map("/".join), contents, min_size=1, max_size=6), threads=st.integers(1, 3))
def test_any_tree_round_trips(
    tree: dict[str, bytes], threads: int, signer: Signer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    limits = Limits(expansion_ratio=2000)
    assume(not clashes(tree))
    made, stored = pack_with(signer, model_tar_gz(tree), limits=limits, threads=threads)
    target = tmp_path_factory.mktemp("round") / "trip"
    verified = verify([stored], [signer.public_key], extract_to=target, limits=limits)
    assert verified.manifest == made.manifest
    assert {file.path: (target / file.path).read_bytes() for file in verified.files} == dict(tree.items())


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One flip, insertion, deletion or swap, mostly near the places where structure is."""
    at, other = chance.randrange(len(data)), chance.randrange(len(data))
    length = chance.choice([1, 1, 1, 2, 8, 512])
    match chance.randrange(4):
        case 0:
            return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        case 1:
            return data[:at] + chance.randbytes(length) + data[at:]
        case 2:
            return data[:at] + data[at + length :]
        case _:
            changed = bytearray(data)
            changed[at : at + length], changed[other : other + length] = (
                changed[other : other + length],
                changed[at : at + length],
            )
            return bytes(changed)


def mutate_and_verify(signer: Signer, folder: Path, seed: int, rounds: int) -> None:
    """Refused, or the signed files exactly: in the package's bytes and in the tar inside alike."""
    files = {"a": b"weights" * 40, "b/c": b"", "é": bytes(700)}
    _, whole = pack_with(signer, model_tar_gz(files))
    tar, chance, accepted = gzip.decompress(whole), random.Random(seed), 0
    same = in_members(tar)
    for number in range(rounds):
        changed = mutated(whole, chance) if number % 2 else in_members(mutated(tar, chance))
        if changed in {whole, same}:
            continue
        target = folder / str(number)
        try:
            check(changed, signer, extract_to=target)
        except CallerError:
            assert list(folder.iterdir()) == []
            continue
        accepted += 1
        found = {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
        assert {name: data for name, data in found.items() if name != SIGNATURE_NAME} == {
            name: data for name, (data, _) in members(whole).items() if name != SIGNATURE_NAME
        }
        target.rename(folder.parent / f"accepted-{seed}-{number}")
    assert accepted <= rounds // 200  # the spare bits of a base64 text can be flipped, and little else


def test_mutations(signer: Signer, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    mutate_and_verify(signer, tmp_path / "here", seed=1, rounds=600)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_mutations(signer: Signer, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    mutate_and_verify(signer, tmp_path / "here", seed=2, rounds=10_000)


def test_manifest_round_trips(pack: Pack) -> None:
    made, _ = pack(model_tar_gz(FILES))
    assert (
        Manifest.from_json(made.manifest.to_json(), manifest_bounds([file.path for file in made.manifest.files]))
        == made.manifest
    )


def test_a_source_that_breaks_off(stored: bytes, signer: Signer) -> None:
    def source() -> Iterator[Buffer]:
        yield stored[:500_000]
        raise StoreUnavailable("the connection was reset")

    with pytest.raises(StoreUnavailable, match="reset"):
        verify(source(), [signer.public_key])
