"""Files appear whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import edgewright
from edgewright.files import PRIVATE, PRIVATE_FOLDER, close_to_others, make_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_file_is_written_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", [b"one", memoryview(b"two")])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"onetwo"}


def test_a_file_of_that_name_is_replaced(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        write_atomically(tmp_path / "a", [content])
    assert (tmp_path / "a").read_bytes() == b"second"


def test_a_file_of_that_name_stays_where_it_is_not_to_be_replaced(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        write_atomically(tmp_path / "a", [content], replace=False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"first"}


def test_the_mode_holds(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", [b""], mode=PRIVATE)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == PRIVATE


@pytest.mark.parametrize("error", [ValueError("stop"), FileExistsError("stop"), KeyboardInterrupt("stop")])
def test_what_the_pieces_raise_comes_out_and_nothing_is_left(tmp_path: Path, error: BaseException) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"begun"
        raise error

    with pytest.raises(type(error), match="stop"):
        write_atomically(tmp_path / "a", pieces(), replace=False)
    assert not list(tmp_path.iterdir())


def test_a_folder_is_made_with_those_above_it_and_nobody_else_may_write_to_one(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        make_folder(tmp_path / "a" / "b" / "c", PRIVATE_FOLDER)
        make_folder(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(mask)
    modes = [stat.S_IMODE((tmp_path / folder).stat().st_mode) for folder in ("a", "a/b", "a/b/c")]
    assert modes == [0o755, 0o755, 0o700]
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file")


def test_what_is_open_is_closed_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o2755)
    assert close_to_others(tmp_path, "folder") == 0o2755
    assert close_to_others(tmp_path, "folder") == 0
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o2700


def test_it_needs_nothing_but_the_standard_library() -> None:
    source = Path(edgewright.__file__).parent.parent
    look = f"import sys; sys.path.append({str(source)!r}); import edgewright.files"
    subprocess.run([sys.executable, "-S", "-c", look], check=True)  # without site-packages
