"""Packaging as a whole: the same bytes always, everything or nothing, and quick to stop."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import subprocess
import sys
import tarfile
import threading
import time
from typing import TYPE_CHECKING

import pytest
from typing_extensions import Buffer

from archives import model_tar_gz, named, tar_gz
from edgewright.archives import tar_headers
from edgewright.errors import ArchiveRefused, JobStopped, LimitExceeded, StoreUnavailable, ValidationFault
from edgewright.limits import Limits
from edgewright.packaging import Model, gzip_members, package, package_name
from edgewright.packaging.verifier import with_room
from packing import MODEL, Pack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edgewright.signing.signers import Signer

NOISE = random.Random(7).randbytes(12_000_000)
SOURCE = model_tar_gz(
    {"big": NOISE[:5_300_000], **{f"small/{n}": NOISE[n : n * 37] for n in range(200)}, "exact": NOISE[: 2**20 - 512]}
)


class Store:
    """Keeps what was written whole, and counts what was begun."""

    def __init__(self) -> None:
        self.objects: list[bytes] = []
        self.pieces = 0
        self.error: BaseException | None = None

    def write(self, pieces: Iterator[Buffer]) -> None:
        taken = []
        try:
            for piece in pieces:
                self.pieces += 1
                taken.append(bytes(piece))
        except BaseException as error:
            self.error = error
            raise
        self.objects.append(b"".join(taken))


in_threads_and_without = pytest.mark.parametrize("threads", [2, 0])


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def test_same_bytes_with_any_number_of_threads_and_any_cuts(signer: Signer) -> None:
    made = set()
    for threads in (0, 1, 2, 3, 8):
        for size in (999, 70_000, len(SOURCE)):
            store = Store()
            result = package(in_pieces(SOURCE, size), store.write, MODEL, signer, threads=threads)
            assert result.sha256 == hashlib.sha256(store.objects[0]).hexdigest()
            assert result.size == len(store.objects[0])
            made.add(store.objects[0])
    assert len(made) == 1


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("behind", [b"", bytes(100_000)], ids=["exact", "padded"])
def test_the_source_is_read_to_its_end_before_anything_is_signed(signer: Signer, threads: int, behind: bytes) -> None:
    class Signed(Exception):
        pass

    class Refusing:
        public_key = signer.public_key
        deterministic = True

        def sign(self, message: bytes) -> bytes:
            raise Signed

    def source() -> Iterator[bytes]:
        yield SOURCE + behind
        raise KeyError("behind the last piece")

    store = Store()
    with pytest.raises(Signed):
        package([SOURCE + behind], store.write, MODEL, Refusing(), threads=threads)
    with pytest.raises(KeyError, match="behind the last piece"):
        package(source(), store.write, MODEL, Refusing(), threads=threads)
    assert store.objects == []


def test_any_buffer_is_a_source(pack: Pack, signer: Signer) -> None:
    expected = pack(SOURCE)[1]
    for source in (bytearray(SOURCE), memoryview(SOURCE)):
        store = Store()
        package([b"", source], store.write, MODEL, signer)
        assert store.objects == [expected]


def test_bytes_depend_on_contents_alone(pack: Pack) -> None:
    files = {"a": b"a", "b": b"b"}
    again = io.BytesIO()
    with tarfile.open(fileobj=again, mode="w:gz", format=tarfile.GNU_FORMAT, compresslevel=1) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size, info.uid, info.uname, info.mtime, info.mode = len(data), 1000, "someone", 12345, 0o600
            archive.addfile(info, io.BytesIO(data))
    assert pack(again.getvalue()) == pack(model_tar_gz(files))


def test_members_and_their_order(pack: Pack) -> None:
    made, stored = pack(model_tar_gz({"./z": b"1", "a/b": b"2", "a-b": b"3"}, executable=("a-b",)))
    with tarfile.open(fileobj=io.BytesIO(stored)) as archive:
        infos = archive.getmembers()
    names = ["z", "a/b", "a-b", "sagemaker_edge_manifest", "sagemaker_edge_signature"]
    assert [info.name for info in infos] == names  # the source's order
    assert [file.path for file in made.manifest.files] == ["a/b", "a-b", "z"]  # sorted part by part
    assert {(info.uid, info.gid, info.uname, info.gname, info.mtime) for info in infos} == {(0, 0, "", "", 0)}
    assert [info.mode for info in infos] == [0o644, 0o644, 0o755, 0o644, 0o644]
    assert all(info.isreg() and not info.pax_headers for info in infos)


def test_gzip_members_begin_with_files(pack: Pack) -> None:
    _, stored = pack(SOURCE)
    members = list(gzip_members.split([stored], Limits(), None))
    assert b"".join(members) == stored
    tars = [gzip_members.inflate(member) for member in members]
    assert b"".join(tars) == gzip.decompress(stored)
    assert max(map(len, tars)) == gzip_members.CHUNK
    with tarfile.open(fileobj=io.BytesIO(stored)) as archive:
        starts = {info.offset for info in archive}
    at, begun = 0, set()
    for tar in tars:
        begun.add(at)
        at += len(tar)
    assert starts <= begun
    assert tars[-1] == tar_headers.END


@in_threads_and_without
def test_progress_counts_the_source(signer: Signer, threads: int) -> None:
    seen: list[int] = []
    package(in_pieces(SOURCE, 3_000_000), Store().write, MODEL, signer, threads=threads, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == len(SOURCE)
    steps = [after - before for before, after in zip([0, *seen], seen, strict=False)]
    assert max(steps) <= 2**20


@in_threads_and_without
def test_progress_is_called_where_package_was(signer: Signer, threads: int) -> None:
    seen = set()
    package([SOURCE], Store().write, MODEL, signer, threads=threads, progress=lambda _: seen.add(threading.get_ident()))
    assert seen == {threading.get_ident()}


@pytest.mark.parametrize("after", [0, 600_000, 4_000_000, len(SOURCE)])
def test_stop_leaves_nothing(after: int, signer: Signer) -> None:
    def stop(done: int) -> None:
        if done >= after:
            raise JobStopped("stopped")

    store = Store()
    with pytest.raises(JobStopped):
        package([SOURCE], store.write, MODEL, signer, progress=stop)
    assert store.objects == []
    assert isinstance(store.error, JobStopped)


def test_stop_without_threads_leaves_nothing(signer: Signer) -> None:
    def stop(done: int) -> None:
        if done >= 600_000:
            raise JobStopped("stopped")

    store = Store()
    with pytest.raises(JobStopped):
        package([SOURCE], store.write, MODEL, signer, threads=0, progress=stop)
    assert (store.objects, store.pieces) == ([], 0)


@in_threads_and_without
def test_stop_is_noticed_while_a_small_source_unpacks_to_much(signer: Signer, threads: int) -> None:
    source = tar_gz(named(b"m", bytes(60 * 2**20)))
    assert len(source) < 2**20
    asked = 0

    def stop(_: int) -> None:
        nonlocal asked
        asked += 1
        if asked > 10:
            raise JobStopped("stopped")

    store = Store()
    with pytest.raises(JobStopped):
        package([source], store.write, MODEL, signer, threads=threads, progress=stop)
    assert store.objects == []


def test_without_threads_everything_is_done_by_the_caller(signer: Signer) -> None:
    threads = {threading.get_ident()}

    def write(pieces: Iterator[Buffer]) -> None:
        for _ in pieces:
            threads.add(threading.get_ident())

    before = threading.active_count()
    package(
        [SOURCE], write, MODEL, signer, threads=0, progress=lambda _: threads.add(threading.active_count() - before)
    )
    assert threads == {threading.get_ident(), 0}


def test_stop_is_noticed_while_the_store_is_slow(signer: Signer) -> None:
    hanging, stopped = threading.Event(), threading.Event()

    def write(pieces: Iterator[Buffer]) -> None:
        next(pieces)
        hanging.set()
        assert stopped.wait(30)
        list(pieces)

    def stop(_: int) -> None:
        if hanging.is_set():
            stopped.set()
            raise JobStopped("stopped")

    with pytest.raises(JobStopped):
        package([tar_gz(named(b"m", NOISE))] * 1, write, MODEL, signer, progress=stop)


@in_threads_and_without
@pytest.mark.parametrize("pieces", [0, 1, 5])
def test_a_failing_store(pieces: int, signer: Signer, threads: int) -> None:
    def write(offered: Iterator[Buffer]) -> None:
        for _ in range(pieces):
            next(offered)
        raise StoreUnavailable("the disk is full")

    with pytest.raises(StoreUnavailable, match="disk is full"):
        package([tar_gz(named(b"m", NOISE * 3))], write, MODEL, signer, threads=threads)


@in_threads_and_without
def test_a_store_that_stops_early(signer: Signer, threads: int) -> None:
    def write(pieces: Iterator[Buffer]) -> None:
        next(pieces)

    with pytest.raises(StoreUnavailable, match="took only the first"):
        package([SOURCE], write, MODEL, signer, threads=threads)


def test_a_store_that_hides_errors(signer: Signer) -> None:
    def write(pieces: Iterator[Buffer]) -> None:
        try:
            list(pieces)
        except ArchiveRefused:
            return

    with pytest.raises(ArchiveRefused, match="truncated"):
        package([SOURCE[:-1]], write, MODEL, signer)


@in_threads_and_without
def test_a_source_that_breaks_off(signer: Signer, threads: int) -> None:
    def source() -> Iterator[Buffer]:
        yield SOURCE[:2_000_000]
        raise StoreUnavailable("the connection was reset")

    store = Store()
    with pytest.raises(StoreUnavailable, match="reset"):
        package(source(), store.write, MODEL, signer, threads=threads)
    assert store.objects == []


@in_threads_and_without
def test_a_signer_that_fails(signer: Signer, threads: int) -> None:
    class Broken:
        public_key = signer.public_key
        deterministic = True

        def sign(self, data: bytes) -> bytes:
            raise RuntimeError(f"the HSM is gone, {len(data)} bytes unsigned")

    store = Store()
    with pytest.raises(RuntimeError, match="HSM"):
        package([SOURCE], store.write, MODEL, Broken(), threads=threads)
    assert store.objects == []


def test_no_thread_is_left(signer: Signer) -> None:
    before = threading.active_count()
    for source in (SOURCE, SOURCE[:-1], b""):
        try:
            package([source], Store().write, MODEL, signer, threads=4)
        except ArchiveRefused:
            continue
    assert threading.active_count() == before


@pytest.mark.parametrize("limit", ["archive_size", "unpacked_size", "expansion_ratio"])
def test_the_package_itself_stays_within_the_limits(limit: str, signer: Signer, pack: Pack) -> None:
    """Small files gain headers and a manifest: the package may be larger than the source was."""
    source = model_tar_gz({f"{number:0100}": b"" for number in range(3000)})
    made, stored = pack(source, limits=Limits(expansion_ratio=2000))
    unpacked = len(gzip.decompress(source))
    allowed = {
        "archive_size": len(source),
        "unpacked_size": unpacked,
        "expansion_ratio": -(-unpacked // len(source)),
    }
    assert made.size > len(source)
    limits = Limits(**({"expansion_ratio": 2000, "expansion_free": 1_000_000} | {limit: allowed[limit]}))
    if limit == "expansion_ratio":
        assert package([source], Store().write, MODEL, signer, limits).size == len(stored)
        return
    with pytest.raises(LimitExceeded, match=f"would have .* limits.{limit}"):
        package([source], Store().write, MODEL, signer, limits)


def test_room_for_our_members() -> None:
    roomy = with_room(Limits(members=1, path_length=1))
    assert (roomy.members, roomy.path_length) == (3, 24)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("", "1"),
        ("-a", "1"),
        ("a-", "1"),
        ("a/b", "1"),
        ("a" * 64, "1"),
        ("a\n", "1"),
        ("a", ""),
        ("a", "1-0"),
        ("a", "1" * 31),
    ],
)
def test_names_that_the_api_would_not_take(name: str, version: str) -> None:
    with pytest.raises(ValidationFault, match="cannot be used"):
        Model(name, version)


def test_package_name() -> None:
    assert package_name(Model("digits-2", "1.0 beta_3")) == "digits-2-1.0 beta_3.tar.gz"


def test_long_names_and_giants_get_pax_headers() -> None:
    plain = tar_headers.build("a", 5)
    assert len(plain) == 512
    assert tar_headers.parse(plain) == tar_headers.Header(b"a", 5, b"0", executable=False)
    giant = tar_headers.build("a", 2**33)
    assert len(giant) == 3 * 512
    assert giant[512:531] == b"19 size=8589934592\n"
    assert tarfile.TarInfo.frombuf(plain, "utf-8", "strict").size == 5


def test_interrupt_ends_all_threads(tmp_path: Path) -> None:
    """Ctrl-C in a real process, in the midst of it."""
    script = tmp_path / "slow.py"
    script.write_text(
        "import pathlib, sys, time, zlib\n"
        "from edgewright.packaging import Model, package\n"
        "from edgewright.signing.keys import load_or_create\n"
        "def source():\n"
        "    yield pathlib.Path(sys.argv[1]).read_bytes()[:3_000_000]\n"
        "    print('waiting', flush=True)\n"
        "    time.sleep(60)\n"
        "signer = load_or_create(pathlib.Path(sys.argv[2]))\n"
        "try:\n"
        "    package(source(), lambda pieces: print(sum(map(len, pieces))), Model('m', '1'), signer)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    (tmp_path / "source.tar.gz").write_bytes(SOURCE)
    arguments = [sys.executable, str(script), str(tmp_path / "source.tar.gz"), str(tmp_path / "keys")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.1)
        process.send_signal(2)
        assert process.stdout.read() == "interrupted\n"
    assert process.returncode == 0


def test_starts_without_a_server() -> None:
    """And without pydantic, which takes longer to import than all the rest."""
    script = (
        "import sys, edgewright.packaging, edgewright.signing.keys\n"
        "heavy = {'dbos', 'sqlalchemy', 'starlette', 'uvicorn', 'pydantic', 'numpy', 'obstore', 'boto3'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
