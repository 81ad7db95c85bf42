"""What a folder has to hold to beyond the contract: no way out of it, and nothing lost or left by a kill."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest

from edgewright.errors import EdgewrightError, ObjectForbidden, ObjectNotFound, StoreFull, StoreUnavailable, UriRefused
from edgewright.stores import DirectoryStore, S3Uri
from edgewright.stores.directory import _translation

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def store(root: Path) -> DirectoryStore:
    return DirectoryStore(root)


def content(store: DirectoryStore, uri: S3Uri) -> bytes:
    return b"".join(store.read(uri))


def staged(root: Path) -> list[str]:
    return [path.name for path in (root / ".staging").iterdir()]


def test_an_object_is_a_file_in_its_place(store: DirectoryStore, root: Path) -> None:
    store.write(S3Uri("bucket", "a/b.txt"), [b"hello"])
    assert (root / "bucket" / "a" / "b.txt").read_bytes() == b"hello"
    assert staged(root) == []


def test_a_file_put_there_by_hand_is_an_object(store: DirectoryStore, root: Path) -> None:
    (root / "bucket").mkdir(parents=True)
    (root / "bucket" / "k").write_bytes(b"by hand")
    assert content(store, S3Uri("bucket", "k")) == b"by hand"


def test_reading_makes_nothing(store: DirectoryStore, root: Path) -> None:
    with pytest.raises(ObjectNotFound, match=r"^S3 object does not exist. Bucket: b, Key: k$"):
        store.size(S3Uri("b", "k"))
    store.delete(S3Uri("b", "k"))
    assert not root.exists()


@pytest.mark.parametrize("key", ["link/passwd", "link", "inner/link/passwd"])
def test_no_link_leads_out(store: DirectoryStore, root: Path, tmp_path: Path, key: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd").write_bytes(b"secret")
    (root / "bucket" / "inner").mkdir(parents=True)
    (root / "bucket" / "link").symlink_to(outside)
    (root / "bucket" / "inner" / "link").symlink_to(outside)
    uri = S3Uri("bucket", key)
    with pytest.raises(UriRefused, match="symbolic link"):
        store.size(uri)
    with pytest.raises(UriRefused, match="symbolic link"):
        content(store, uri)
    if key != "link":
        with pytest.raises(UriRefused, match="symbolic link"):
            store.write(uri, [b"overwritten"])
        with pytest.raises(UriRefused, match="symbolic link"):
            store.delete(uri)
    assert list(store.list("bucket")) == []
    assert (outside / "passwd").read_bytes() == b"secret"


def test_a_link_to_a_file_is_replaced_not_followed(store: DirectoryStore, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "bucket").mkdir(parents=True)
    (root / "bucket" / "k").symlink_to(tmp_path / "secret")
    with pytest.raises(UriRefused, match="symbolic link"):
        content(store, S3Uri("bucket", "k"))
    store.write(S3Uri("bucket", "k"), [b"mine"])
    assert content(store, S3Uri("bucket", "k")) == b"mine"
    assert (tmp_path / "secret").read_bytes() == b"secret"


def test_a_bucket_that_is_a_link_is_refused(store: DirectoryStore, root: Path, tmp_path: Path) -> None:
    root.mkdir()
    (root / "bucket").symlink_to(tmp_path)
    for use in (lambda: store.size(S3Uri("bucket", "k")), lambda: next(store.list("bucket"))):
        with pytest.raises(UriRefused, match="symbolic link"):
            use()


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "objects").symlink_to(tmp_path / "disk")
    DirectoryStore(tmp_path / "objects").write(S3Uri("b", "k"), [b"x"])
    assert (tmp_path / "disk" / "b" / "k").read_bytes() == b"x"


def test_a_pipe_or_folder_is_no_object(store: DirectoryStore, root: Path) -> None:
    (root / "bucket" / "folder").mkdir(parents=True)
    os.mkfifo(root / "bucket" / "pipe")
    for key in ("pipe", "folder"):
        with pytest.raises(ObjectNotFound):
            content(store, S3Uri("bucket", key))
        assert not store.exists(S3Uri("bucket", key))


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("taken/below", "a part of the key is an object already"),
        ("taken/deep/below", "a part of the key is an object already"),
        ("prefix", "objects exist under that key as a prefix"),
        ("x" * 256, "longer than the file system allows"),
    ],
)
def test_what_a_folder_cannot_hold_is_refused(store: DirectoryStore, root: Path, key: str, reason: str) -> None:
    store.write(S3Uri("bucket", "taken"), [b"1"])
    store.write(S3Uri("bucket", "prefix/k"), [b"2"])
    asked: list[int] = []

    def pieces() -> Iterator[bytes]:
        asked.append(1)
        yield b"x"

    with pytest.raises(UriRefused, match=reason):
        store.write(S3Uri("bucket", key), pieces())
    assert asked == [], "it was refused before any of it was made"
    assert staged(root) == []
    assert not store.exists(S3Uri("bucket", key))


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.EACCES, ObjectForbidden),
        (errno.EPERM, ObjectForbidden),
        (errno.EROFS, ObjectForbidden),
        (errno.ENOENT, ObjectNotFound),
        (errno.ELOOP, UriRefused),
        (errno.EIO, StoreUnavailable),
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
    ],
)
def test_each_failure_of_the_disk_has_its_error(number: int, error: type[EdgewrightError]) -> None:
    translated = _translation(OSError(number, os.strerror(number)), S3Uri("b", "k"), {})
    assert type(translated) is error
    assert translated.message.endswith("Bucket: b, Key: k")


def test_a_root_that_cannot_be_made_is_for_the_operator_to_correct(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="file/objects cannot be used: Not a directory"):
        DirectoryStore(tmp_path / "file" / "objects").write(S3Uri("b", "k"), [b"x"])


def test_a_full_disk_is_said_and_leaves_nothing(store: DirectoryStore, root: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from edgewright.stores import DirectoryStore, S3Uri\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "DirectoryStore(Path(sys.argv[1])).write(S3Uri('b', 'k'), [bytes(400_000)] * 5)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=False)
    assert "StoreUnavailable: The object store failed: File too large. Bucket: b, Key: k" in done.stderr
    assert staged(root) == []
    assert not store.exists(S3Uri("b", "k"))


def test_files_that_no_uri_can_name_are_not_listed(store: DirectoryStore, root: Path) -> None:
    store.write(S3Uri("bucket", "good"), [b""])
    (root / "bucket" / "line\nbreak").write_bytes(b"")
    Path(os.fsdecode(os.fsencode(root / "bucket") + b"/\xff")).write_bytes(b"")
    assert [str(uri) for uri in store.list("bucket")] == ["s3://bucket/good"]


def test_objects_are_their_owners_alone_whatever_the_umask(store: DirectoryStore, root: Path) -> None:
    mask = os.umask(0)
    try:
        store.write(S3Uri("bucket", "k"), [b"x"])
    finally:
        os.umask(mask)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [root / "bucket", *(root / "bucket").iterdir()]}
    assert modes == {"bucket": 0o700, "k": 0o600}


def test_what_a_killed_writer_left_is_swept(store: DirectoryStore, root: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from edgewright.stores import DirectoryStore, S3Uri\n"
        "def pieces():\n"
        "    yield b'half'\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
        "DirectoryStore(Path(sys.argv[1])).write(S3Uri('bucket', 'half'), pieces())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        store.write(S3Uri("bucket", "other"), [b"x"])
        assert len(staged(root)) == 1, "the living writer's file is left alone"
        writer.send_signal(signal.SIGKILL)
    assert len(staged(root)) == 1
    store.write(S3Uri("bucket", "other"), [b"x"])
    assert staged(root) == []
    assert [uri.key for uri in store.list("bucket")] == ["other"]


def test_many_writers_of_one_key_leave_one_whole_object(store: DirectoryStore, root: Path) -> None:
    bodies = [bytes([number]) * 300_000 for number in range(8)]
    start = threading.Barrier(len(bodies))

    def write(body: bytes) -> None:
        start.wait()
        for _ in range(5):
            store.write(S3Uri("bucket", "deep/er/k"), [body[:100_000], body[100_000:]])

    threads = [threading.Thread(target=write, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    until = monotonic() + 60
    while any(thread.is_alive() for thread in threads) and monotonic() < until:
        if store.exists(S3Uri("bucket", "deep/er/k")):
            assert content(store, S3Uri("bucket", "deep/er/k")) in bodies
        sleep(0.001)
    for thread in threads:
        thread.join()
    assert content(store, S3Uri("bucket", "deep/er/k")) in bodies
    assert staged(root) == []
