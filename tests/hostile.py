"""Hostile and broken archives, each with the reason why it is refused.

Run as a script, it writes them into a folder: `python tests/hostile.py FOLDER`.
"""

from __future__ import annotations

import gzip
import random
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from archives import BLOCK, Member, gnu, named, pax, pax_record, tar, tar_gz

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Hostile:
    """One archive that nobody may package.

    Attributes:
        name: of the entry.
        make: its bytes.
        rule: words that the refusal has to say.
        member: the member that the refusal has to name, where one is to blame.
        limits: limits other than the defaults, so that the archive need not be large.
    """

    name: str
    make: Callable[[], bytes]
    rule: str
    member: str | None = None
    limits: tuple[tuple[str, int], ...] = ()


def _names() -> list[Hostile]:
    two = [named(b"model/a"), named(b"model/a")]
    return [
        Hostile("absolute path", lambda: tar_gz(named(b"/etc/passwd")), "absolute", "/etc/passwd"),
        Hostile("parent path", lambda: tar_gz(named(b"../up")), "climbs with '..'", "../up"),
        Hostile("parent path inside", lambda: tar_gz(named(b"a/../../up")), "climbs with '..'", "a/../../up"),
        Hostile("parent path in a folder", lambda: tar_gz(Member(b"../x/", kind=b"5")), "climbs", "../x/"),
        Hostile("absolute by prefix", lambda: tar_gz(Member(b"x", prefix=b"/etc")), "absolute", "/etc/x"),
        Hostile("absolute by pax", lambda: tar_gz(pax({"path": "/etc/x"}), named(b"x")), "absolute", "/etc/x"),
        Hostile("parent by pax", lambda: tar_gz(pax({"path": "../x"}), named(b"x")), "climbs", "../x"),
        Hostile("absolute by GNU", lambda: tar_gz(gnu(b"L", b"/etc/x"), named(b"x")), "absolute", "/etc/x"),
        Hostile("parent by GNU", lambda: tar_gz(gnu(b"L", b"a/../x"), named(b"x")), "climbs", "a/../x"),
        Hostile("backslash", lambda: tar_gz(named(b"a\\b")), "backslash", "a\\b"),
        Hostile("newline", lambda: tar_gz(named(b"a\nb")), "control character", "a\nb"),
        Hostile("escape sequence", lambda: tar_gz(named(b"\x1b[2Ja")), "control character", "\x1b[2Ja"),
        Hostile("NUL in a name", lambda: tar_gz(named(b"a\0.so")), "NUL", "a\0.so"),
        Hostile("NUL in a prefix", lambda: tar_gz(Member(b"x", prefix=b"a\0b")), "NUL", "x"),
        Hostile("NUL by pax", lambda: tar_gz(pax({"path": "a\0b"}), named(b"x")), "NUL", "a\0b"),
        Hostile("NUL by GNU", lambda: tar_gz(gnu(b"L", b"a\0b"), named(b"x")), "NUL", "a\0b"),
        Hostile("invalid UTF-8", lambda: tar_gz(named(b"caf\xe9")), "not valid UTF-8", "caf\\xe9"),
        Hostile("overlong UTF-8", lambda: tar_gz(named(b"a\xc0\xafb")), "not valid UTF-8", "a\\xc0\\xafb"),
        Hostile("surrogate in UTF-8", lambda: tar_gz(named(b"\xed\xa0\x80")), "not valid UTF-8"),
        Hostile("invalid UTF-8 by pax", lambda: tar_gz(pax({"path": b"\xff"}), named(b"x")), "not valid UTF-8"),
        Hostile("empty name", lambda: tar_gz(named(b"")), "name is empty", ""),
        Hostile("empty pax path", lambda: tar_gz(pax({"path": ""}), named(b"x")), "name is empty", ""),
        Hostile("a file as the root", lambda: tar_gz(named(b"./.")), "root", "./."),
        Hostile("a file named like a folder", lambda: tar_gz(named(b"a/")), "folder with 4 bytes", "a/"),
        Hostile("twice", lambda: tar_gz(*two), "two members of that name", "model/a"),
        Hostile("twice, in one letter", lambda: tar_gz(named(b"a"), named(b"a")), "two members of that name", "a"),
        Hostile("twice, normalised", lambda: tar_gz(named(b"a/b"), named(b".//a/./b")), "two members", "a/b"),
        Hostile("case", lambda: tar_gz(named(b"Model"), named(b"model")), "differs only in case", "model"),
        Hostile("case beyond ASCII", lambda: tar_gz(named("É".encode()), named("é".encode())), "only in case", "é"),
        Hostile("normal forms", lambda: tar_gz(named("é".encode()), named("e\u0301".encode())), "Unicode form"),
        Hostile("case of a folder", lambda: tar_gz(named(b"A/x"), named(b"a/y")), "differs only in case", "a/y"),
        Hostile("a file over a folder", lambda: tar_gz(named(b"a/b"), named(b"a")), "a folder of that name", "a"),
        Hostile("a folder over a file", lambda: tar_gz(named(b"a"), named(b"a/b")), "needs a folder", "a/b"),
        Hostile("folder member over a file", lambda: tar_gz(named(b"a"), Member(b"a/", kind=b"5")), "needs a folder"),
        Hostile("our manifest", lambda: tar_gz(named(b"./sagemaker_edge_manifest")), "edgewright writes"),
        Hostile("our signature", lambda: tar_gz(named(b"sagemaker_edge_signature")), "edgewright writes"),
        Hostile("our signature as a folder", lambda: tar_gz(named(b"sagemaker_edge_signature/x")), "edgewright writes"),
        Hostile("our manifest in capitals", lambda: tar_gz(named(b"SAGEMAKER_EDGE_MANIFEST")), "edgewright writes"),
    ]


def _kinds() -> list[Hostile]:
    kinds = {
        b"1": "hard link",
        b"2": "symbolic link",
        b"3": "character device",
        b"4": "block device",
        b"6": "FIFO",
        b"D": "incremental",
        b"M": "another volume",
        b"V": "volume label",
        b"Z": "unknown",
        b"\xff": "unknown",
    }
    plain = [
        Hostile(f"kind {kind!r}", partial(tar_gz, Member(b"m", kind=kind, link=b"/etc/passwd")), rule, "m")
        for kind, rule in kinds.items()
    ]
    sparse_1_0 = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s", "GNU.sparse.realsize": "9"}
    sparse_0_1 = {"GNU.sparse.map": "0,4", "GNU.sparse.name": "s", "GNU.sparse.size": "9"}
    offsets = b"".join(
        pax_record(key, value) for key, value in (("GNU.sparse.offset", "0"), ("GNU.sparse.numbytes", "1")) * 2
    )
    return [
        *plain,
        Hostile("folder with data", lambda: tar_gz(Member(b"d", b"data", kind=b"5")), "folder with 4 bytes", "d"),
        Hostile("sparse, old GNU", lambda: tar_gz(Member(b"s", kind=b"S", magic=b"ustar  \0")), "sparse", "s"),
        Hostile("sparse 0.0", lambda: tar_gz(Member(b"x", offsets, b"x"), named(b"s")), "sparse"),
        Hostile("sparse 0.1", lambda: tar_gz(pax(sparse_0_1), named(b"s")), "sparse"),
        Hostile("sparse 1.0", lambda: tar_gz(pax(sparse_1_0), named(b"GNUSparseFile.1/s")), "sparse"),
        Hostile("sparse, global", lambda: tar_gz(pax(sparse_1_0, b"g"), named(b"s")), "sparse"),
        Hostile("sparse, star", lambda: tar_gz(pax({"SCHILY.realsize": "9"}), named(b"s")), "sparse"),
    ]


def _headers() -> list[Hostile]:
    return [
        Hostile("checksum", lambda: tar_gz(Member(b"m", checksum=b"000001\0 ")), "checksum is wrong", "m"),
        Hostile("checksum not octal", lambda: tar_gz(Member(b"m", checksum=b"12x456\0 ")), "not an octal", "m"),
        Hostile("checksum empty", lambda: tar_gz(Member(b"m", checksum=bytes(8))), "checksum is wrong", "m"),
        Hostile("negative size", lambda: tar_gz(Member(b"m", size=b"\xff" * 12)), "size is negative", "m"),
        Hostile("minus in a size", lambda: tar_gz(Member(b"m", size=b"-0000000001\0")), "not an octal", "m"),
        Hostile("size overflows", lambda: tar_gz(Member(b"m", size=b"\xbf" + b"\xff" * 11)), "overflows", "m"),
        Hostile("size with a digit 8", lambda: tar_gz(Member(b"m", size=b"00000000008\0")), "not an octal", "m"),
        Hostile("size with a gap", lambda: tar_gz(Member(b"m", size=b"0000 000001\0")), "not an octal", "m"),
        Hostile("mode not octal", lambda: tar_gz(Member(b"m", mode=b"rw-r--r-")), "mode", "m"),
        Hostile("unknown format", lambda: tar_gz(Member(b"m", magic=b"ustaR\x0000")), "neither ustar", "m"),
        Hostile("pax size negative", lambda: tar_gz(pax({"size": "-1", "path": "m"}), named(b"m")), "pax size", "m"),
        Hostile("pax size overflows", lambda: tar_gz(pax({"size": "9" * 30}), named(b"m")), "no possible size"),
        Hostile("pax size beyond the data", lambda: tar_gz(pax({"size": "99999"}), named(b"m")), "truncated"),
        Hostile("pax length 0", lambda: tar_gz(Member(b"x", b"0 path=a\n", b"x"), named(b"m")), "malformed"),
        Hostile("pax length short", lambda: tar_gz(Member(b"x", b"3 path=a\n", b"x"), named(b"m")), "malformed"),
        Hostile("pax length long", lambda: tar_gz(Member(b"x", b"99 path=a\n", b"x"), named(b"m")), "malformed"),
        Hostile(
            "pax length huge", lambda: tar_gz(Member(b"x", b"9" * 5000 + b" a=b\n", b"x"), named(b"m")), "malformed"
        ),
        Hostile("pax without keyword", lambda: tar_gz(Member(b"x", b"5 =a\n", b"x"), named(b"m")), "malformed"),
        Hostile("pax keyword twice", lambda: tar_gz(pax_twice(), named(b"m")), "twice"),
        Hostile("pax twice", lambda: tar_gz(pax({"path": "a"}), pax({"path": "b"}), named(b"m")), "in a row"),
        Hostile("pax over the cap", lambda: tar_gz(pax({"comment": "x" * 2**20}), named(b"m")), "extension header has"),
        Hostile(
            "pax claims a giant", lambda: tar_gz(Member(b"x", size=b"77777777777\0", kind=b"x")), "extension header"
        ),
        Hostile("pax and GNU", lambda: tar_gz(pax({"path": "a"}), gnu(b"L", b"b"), named(b"m")), "both a pax and"),
        Hostile("GNU and pax", lambda: tar_gz(gnu(b"L", b"b"), pax({"path": "a"}), named(b"m")), "both a pax and", "a"),
        Hostile("GNU twice", lambda: tar_gz(gnu(b"L", b"a"), gnu(b"L", b"b"), named(b"m")), "in a row"),
        Hostile("GNU name over the cap", lambda: tar_gz(gnu(b"L", b"a" * 2000), named(b"m")), "extension header has"),
        Hostile("global path", lambda: tar_gz(pax({"path": "a"}, b"g"), named(b"m")), "global pax header"),
        Hostile("global size", lambda: tar_gz(pax({"size": "0"}, b"g"), named(b"m")), "global pax header"),
        Hostile("extension without a member", lambda: tar_gz(named(b"m"), pax({"path": "a"})), "missing"),
    ]


def pax_twice() -> Member:
    """A pax header that names its member twice."""
    return Member(b"x", pax_record("path", "a") + pax_record("path", "b"), b"x")


def _endings() -> list[Hostile]:
    whole = tar(named(b"model", b"m" * 5000), named(b"other", b"o" * 700))
    packed = gzip.compress(random.Random(1).randbytes(2000) + whole, mtime=0)
    cuts = {"in the first header": 100, "in data": 3000, "in padding": BLOCK + 5010, "in the next header": 6000}
    cuts |= {
        "at a member's end": 512 + 5120,
        "behind the last member": len(whole) - 1024,
        "in the end": len(whole) - 600,
    }
    return [
        *(Hostile(f"tar cut {where}", partial(gzip.compress, whole[:at]), "truncated") for where, at in cuts.items()),
        *(
            Hostile(f"gzip cut at {at}", partial(_cut, gzip.compress(whole, mtime=0), at), "truncated")
            for at in (1, 9, 10, 11, 40, -9, -8, -1)
        ),
        Hostile("one zero block", lambda: gzip.compress(whole[:-512] + named(b"x").to_bytes()), "one block of zeros"),
        Hostile("garbage behind the end", lambda: gzip.compress(whole + b"garbage"), "behind its end"),
        Hostile("garbage in the last record", lambda: gzip.compress(whole + bytes(9000) + b"g"), "behind its end"),
        Hostile("a second tar", lambda: gzip.compress(whole + whole), "behind its end"),
        Hostile("a second tar.gz", lambda: gzip.compress(whole) * 2, "behind its end"),
        Hostile("garbage behind the gzip", lambda: gzip.compress(whole) + b"garbage" * 2, "garbage behind"),
        Hostile("a byte behind the gzip", lambda: gzip.compress(whole) + b"\x1f", "truncated"),
        Hostile("wrong CRC", lambda: packed[:-8] + b"\0\0\0\0" + packed[-4:], "checksum"),
        Hostile("wrong CRC at the end", lambda: _wrong_trailer(whole, -8), "CRC"),
        Hostile("wrong length", lambda: _wrong_trailer(whole, -4), "length"),
        Hostile("flipped deflate", lambda: _flipped(gzip.compress(whole), 30), "damaged"),
        Hostile("reserved deflate block", lambda: gzip.compress(b"")[:10] + b"\x07" + bytes(8), "inflated"),
    ]


def _wrong_trailer(tar_bytes: bytes, at: int) -> bytes:
    return _flipped(gzip.compress(tar_bytes), at)


def _cut(data: bytes, at: int) -> bytes:
    return data[:at]


def _flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 0xFF
    return bytes(changed)


def _streams() -> list[Hostile]:
    long_name = b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 3_000_000
    return [
        Hostile("no bytes", lambda: b"", "empty"),
        Hostile("gzip of nothing", lambda: gzip.compress(b""), "empty"),
        Hostile("gzip of an empty tar", tar_gz, "no file"),
        Hostile("folders only", lambda: tar_gz(Member(b"d/", kind=b"5")), "no file"),
        Hostile("plain tar", lambda: tar(named(b"m")), "not a gzip file"),
        Hostile("zip", lambda: b"PK\x03\x04" + bytes(100), "not a gzip file"),
        Hostile("xz", lambda: b"\xfd7zXZ\0" + bytes(100), "not a gzip file"),
        Hostile("text", lambda: b"<html>404 Not Found</html>", "not a gzip file"),
        Hostile("gzip of text", lambda: gzip.compress(b"no tar at all" * 100), "octal"),
        Hostile("gzip of gzip", lambda: gzip.compress(tar_gz(named(b"m", bytes(2000)))), "truncated"),
        Hostile("unknown gzip method", lambda: b"\x1f\x8b\x07" + bytes(100), "not a gzip file"),
        Hostile("endless gzip header", lambda: long_name, "gzip header"),
    ]


SMALL_START = (("expansion_free", 1_000_000),)
"""Lets a bomb be noticed after its first megabyte, so that the tests need no large ones."""


def _limits() -> list[Hostile]:
    zeros = gzip.compress(tar(named(b"bomb", bytes(30_000_000))))
    many = [named(b"%d" % number, b"") for number in range(12)]
    deep = named(b"/".join([b"d"] * 40))
    noise = named(b"noise", random.Random(2).randbytes(50_000))
    return [
        Hostile("bomb", lambda: zeros, "expansion_ratio", limits=SMALL_START),
        Hostile(
            "bomb behind the end", lambda: tar_gz(named(b"m"), end=bytes(30_000_000)), "expansion", limits=SMALL_START
        ),
        Hostile(
            "bomb of bombs",
            lambda: gzip.compress(tar(named(b"m"))) + gzip.compress(bytes(30_000_000)),
            "expansion",
            limits=SMALL_START,
        ),
        Hostile("bomb under the defaults", lambda: gzip.compress(tar(named(b"bomb", bytes(80_000_000)))), "expansion"),
        Hostile("too large packed", lambda: tar_gz(noise), "archive_size", limits=(("archive_size", 40_000),)),
        Hostile("too large unpacked", lambda: tar_gz(noise), "unpacked_size", limits=(("unpacked_size", 40_000),)),
        Hostile("too many", lambda: tar_gz(*many), "members", limits=(("members", 10),)),
        Hostile("too many folders", lambda: tar_gz(named(b"a/b/c/d/e")), "members", "a/b/c/d/e", (("members", 3),)),
        Hostile("too large a member", lambda: tar_gz(noise), "member_size", "noise", (("member_size", 40_000),)),
        Hostile(
            "a giant announced", lambda: tar_gz(Member(b"m", size=b"\x80" + b"\0" * 5 + b"\x7f" * 6)), "member_size"
        ),
        Hostile("too long a name", lambda: tar_gz(named(b"n" * 90)), "path_length", "n" * 90, (("path_length", 80),)),
        Hostile("too long by pax", lambda: tar_gz(pax({"path": "n" * 5000}), named(b"m")), "path_length", "n" * 5000),
        Hostile("too deep", lambda: tar_gz(deep), "path_depth", "/".join(["d"] * 40)),
        Hostile("names too long together", lambda: tar_gz(*many), "name_bytes", "10", (("name_bytes", 11),)),
    ]


CORPUS: tuple[Hostile, ...] = (*_names(), *_kinds(), *_headers(), *_endings(), *_streams(), *_limits())


def main(folder: Path) -> None:
    """Write every archive of the corpus into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, entry in enumerate(CORPUS):
        (folder / f"{number:03} {entry.name.replace('/', ' ')}.tar.gz").write_bytes(entry.make())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
