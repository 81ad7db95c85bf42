from __future__ import annotations

import gzip
import io
import random
import tarfile
from pathlib import Path
from typing import Any

import pytest

from edgewright.compiling import archives
from edgewright.compiling.archives import pack
from edgewright.errors import ModelRefused
from edgewright.limits import Limits
from hostile import CORPUS, Hostile
from unit.compiling.models import gzipped, tar_gz

WEIGHTS = random.Random(1).randbytes(1000) * 2100


def crafted(path: Path, *members: tuple[dict[str, Any], bytes]) -> Path:
    """A tar.gz whose headers say what is wanted, true or not."""
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for fields, content in members:
            member = tarfile.TarInfo()
            for field, value in ({"size": len(content)} | fields).items():
                setattr(member, field, value)
            tar.addfile(member, io.BytesIO(content))
    return path


def unpack(archive: Path, folder: Path, limits: Limits) -> None:
    with archive.open("rb", buffering=0) as file:
        archives.unpack(file, folder, limits)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_and_folders_are_unpacked(tmp_path: Path) -> None:
    archive = crafted(
        tmp_path / "a.tar.gz",
        ({"name": "./", "type": tarfile.DIRTYPE}, b""),
        ({"name": "./model.onnx"}, b"one"),
        ({"name": "deep", "type": tarfile.DIRTYPE}, b""),
        ({"name": "deep/er/weights"}, WEIGHTS),
        ({"name": "é" * 120}, b""),
    )
    unpack(archive, tmp_path / "out", Limits())
    assert contents(tmp_path / "out") == {
        "model.onnx": b"one",
        "deep/er/weights": WEIGHTS,
        "é" * 120: b"",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "out"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": "../evil"}, "leave"),
        ({"name": "a/../../evil"}, "leave"),
        ({"name": "/etc/evil"}, "leave"),
        ({"name": "a\\..\\evil"}, "leave"),
        ({"name": "l", "type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "neither a plain file"),
        ({"name": "l", "type": tarfile.LNKTYPE, "linkname": "m"}, "neither a plain file"),
        ({"name": "f", "type": tarfile.FIFOTYPE}, "neither a plain file"),
        ({"name": "d", "type": tarfile.CHRTYPE}, "neither a plain file"),
        ({"name": "d", "type": tarfile.BLKTYPE}, "neither a plain file"),
        ({"name": "m"}, "occurs twice"),
        ({"name": "./m"}, "occurs twice"),
        ({"name": "m/under"}, "a file and a folder at once"),
        ({"name": "x" * 256}, "too long"),
        ({"name": "/".join("d" * 40)}, "too deep"),
        ({"name": "x/" * 600 + "x"}, "too long"),
    ],
)
def test_unsafe_members_are_refused(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    archive = crafted(tmp_path / "a.tar.gz", ({"name": "m"}, b"x"), (fields, b""))
    with pytest.raises(ModelRefused, match=reason):
        unpack(archive, tmp_path / "out", Limits())
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(archive_size=100), "the archive's size is over the limit"),
        (Limits(unpacked_size=1_000_000), "the unpacked size is over the limit"),
        (Limits(expansion_ratio=2, expansion_free=1_000_000), "by the allowed expansion ratio of 2 is over the limit"),
        (Limits(members=2), "the number of members of member 'c' is over the limit: 3 found, at most 2"),
        (Limits(member_size=1_000_000), "the size of member 'b' is over the limit"),
        (Limits(name_bytes=2), "the length of all names"),
    ],
)
def test_each_limit_is_enforced(tmp_path: Path, limits: Limits, reason: str) -> None:
    archive = tar_gz(tmp_path / "a.tar.gz", {"a": b"1", "b": WEIGHTS, "c": b"3"})
    with pytest.raises(ModelRefused, match=reason):
        unpack(archive, tmp_path / "out", limits)
    assert not (tmp_path / "out.tar").exists()


def test_what_is_no_gzip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"PK\x03\x04 a zip file perhaps")
    with pytest.raises(ModelRefused, match=r"Unable to untar input model. Please confirm the model is a tar.gz file"):
        unpack(tmp_path / "a", tmp_path / "out", Limits())


def test_what_is_no_tar_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="Unable to untar"):
        unpack(gzipped(tmp_path / "a", b"plain text" * 100), tmp_path / "out", Limits())


@pytest.mark.parametrize("kept", [0, 5, 20, 1000, -8, -1])
def test_a_cut_archive_is_refused(tmp_path: Path, kept: int) -> None:
    whole = tar_gz(tmp_path / "whole", {"m": Path(__file__).read_bytes()}).read_bytes()
    (tmp_path / "cut").write_bytes(whole[:kept])
    with pytest.raises(ModelRefused, match="Unable to untar"):
        unpack(tmp_path / "cut", tmp_path / "out", Limits())


def test_a_tar_that_is_cut_within_a_member_is_refused(tmp_path: Path) -> None:
    tar = gzip.decompress(tar_gz(tmp_path / "whole", {"m": bytes(range(256)) * 40}).read_bytes())
    with pytest.raises(ModelRefused, match="Unable to untar"):
        unpack(gzipped(tmp_path / "cut", tar[:2000]), tmp_path / "out", Limits())


def test_a_header_cannot_ask_for_all_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 64 * 1024 * 1024
    content = header.tobuf() + bytes(header.size)
    with pytest.raises(ModelRefused, match="a header claims 67,108,864 bytes"):
        unpack(gzipped(tmp_path / "a", content), tmp_path / "out", Limits(expansion_ratio=2000))


def test_extension_headers_without_end_are_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 10
    content = (header.tobuf() + b"10 a=bcde\n".ljust(512, b"\0")) * 5000
    # As in packages, two of one kind are too many.
    with pytest.raises(ModelRefused, match="two extension headers of one kind in a row"):
        unpack(gzipped(tmp_path / "a", content), tmp_path / "out", Limits(expansion_ratio=2000))


WRITTEN_BY_US = {entry.name for entry in CORPUS if entry.rule in {"edgewright writes", "no file"}}
"""What only packaging refuses: names of its own members, and a model without a file, which each backend refuses."""


@pytest.mark.parametrize("entry", [e for e in CORPUS if e.name not in WRITTEN_BY_US], ids=lambda entry: entry.name)
def test_what_a_package_refuses_is_refused(entry: Hostile, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(entry.make())
    with pytest.raises(ModelRefused, match=r"^InputConfiguration: "):
        unpack(tmp_path / "a", tmp_path / "out", Limits(**dict(entry.limits)))
    found = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert found <= {"a", "out"}


def test_packing_depends_on_the_content_alone(tmp_path: Path) -> None:
    for name, order in (("one", ["b", "a", "c/d"]), ("two", ["c/d", "a", "b"])):
        for file in order:
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.encode())
        pack(tmp_path / name, tmp_path / f"{name}.tar.gz")
    (tmp_path / "two" / "a").chmod(0o700)
    pack(tmp_path / "two", tmp_path / "again.tar.gz")
    archives = {(tmp_path / f"{name}.tar.gz").read_bytes() for name in ("one", "two", "again")}
    assert len(archives) == 1
    with tarfile.open(tmp_path / "one.tar.gz") as tar:
        found = [(m.name, m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in tar]
    assert found == [(name, 0, 0, 0, "", "", 0o644) for name in ("a", "b", "c/d")]
