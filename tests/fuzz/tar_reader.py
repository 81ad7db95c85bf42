"""Coverage-guided fuzzing of the tar reader: `python tests/fuzz/tar_reader.py [-max_total_time=60]`.

Needs `atheris` beside edgewright. New findings go into the corpus beside this file, which test_corpus.py replays.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from edgewright.archives import tar_headers
from edgewright.archives.tar_reader import Entry, TarReader
from edgewright.errors import ArchiveRefused
from edgewright.limits import Limits

LIMITS = Limits(members=50, path_length=300, name_bytes=2000, member_size=100_000)
LONGEST_FIELD = 300


def one_input(data: bytes) -> None:
    """Whatever the bytes are: refused on purpose, or read into entries that keep every promise."""
    stream = io.BytesIO(data)

    def read(size: int) -> bytes:
        found = stream.read(size)
        if len(found) != size:
            raise ArchiveRefused("truncated")
        return found

    entries = []
    try:
        reader = TarReader(read, LIMITS, reserved=("reserved",))
        while (entry := reader.next()) is not None:
            entries.append(entry)
            read(entry.size + tar_headers.padding(entry.size))
    except ArchiveRefused:
        pass
    check(entries)


def check(entries: list[Entry]) -> None:
    """Paths are normal and stand for one file each; the header we would write says the same."""
    assert len({entry.path.casefold() for entry in entries}) == len(entries) <= LIMITS.members
    for entry in entries:
        parts = entry.path.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert "\\" not in entry.path
        assert "\0" not in entry.path
        assert len(entry.path.encode()) <= LONGEST_FIELD
        assert 0 <= entry.size <= LIMITS.member_size
        written = io.BytesIO(tar_headers.build(entry.path, entry.size, executable=entry.executable))
        again = TarReader(written.read, LIMITS).next()
        assert again is not None
        assert (again.path, again.size, again.executable) == (entry.path, entry.size, entry.executable)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from fuzzing import fuzz

    fuzz(one_input, "tar")
