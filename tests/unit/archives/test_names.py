"""Which names may stand in an archive, and which of them side by side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.archives.names import NameTree, decode, normalise
from edgewright.errors import ArchiveRefused, LimitExceeded
from edgewright.limits import Limits


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a", "a"),
        ("./a", "a"),
        (".//./a/./b//c/", "a/b/c"),
        ("./", ""),
        (".", ""),
        ("...", "..."),
        ("a..b/..c", "a..b/..c"),
        ("with space/ü\u3000", "with space/ü\u3000"),
        ("-rf", "-rf"),
    ],
)
def test_normalised(name: str, path: str) -> None:
    assert normalise(name) == path


@given(st.text(max_size=50))
def test_normal_names_stay(name: str) -> None:
    try:
        path = normalise(name)
    except ArchiveRefused:
        return
    assert path == "" or normalise(path) == path


def test_decoding() -> None:
    assert decode("größe".encode()) == "größe"
    with pytest.raises(ArchiveRefused, match=r"'gr\\\\xf6' is refused: its name is not valid UTF-8") as refusal:
        decode(b"gr\xf6")
    assert refusal.value.member == "gr\\xf6"


def test_folders_may_come_again_and_late() -> None:
    tree = NameTree(Limits())
    for path, folder in (("a/b", False), ("a", True), ("a", True), ("a/c", False), ("A/b".lower() + "x", False)):
        tree.add(path, folder=folder)
    with pytest.raises(ArchiveRefused, match="two members of that name"):
        tree.add("a/b")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a", "A"),
        ("ß", "SS"),
        ("é", "É"),
        ("\u00e9", "e\u0301"),
        ("K", "\u212a"),
        ("a/b", "a/B"),
        ("x/y", "X/z"),
        ("ﬀ", "FF"),
    ],
)
def test_names_that_some_file_system_takes_for_one(first: str, second: str) -> None:
    for pair in ((first, second), (second, first)):
        tree = NameTree(Limits())
        tree.add(pair[0])
        with pytest.raises(ArchiveRefused, match="differs only in case or Unicode form") as refusal:
            tree.add(pair[1])
        assert refusal.value.member == pair[1]


def test_reserved_names_are_reserved_at_the_root_only() -> None:
    tree = NameTree(Limits(), reserved=("ours",))
    tree.add("theirs/ours")
    for path in ("ours", "OURS", "ours/x"):
        with pytest.raises(ArchiveRefused, match="edgewright writes a member of that name itself"):
            tree.add(path)


def test_limits_name_the_setting_and_its_value() -> None:
    tree = NameTree(Limits(path_length=10, path_depth=2, name_bytes=15, members=3))
    with pytest.raises(LimitExceeded, match=r"its path has 12 bytes, and limits.path_length allows 10"):
        tree.add("üüüüüü")
    tree = NameTree(Limits(path_length=10, path_depth=2, name_bytes=15, members=3))
    with pytest.raises(LimitExceeded, match=r"its path has 3 parts, and limits.path_depth allows 2"):
        tree.add("a/b/c")
    tree.add("1234567890"[:9])
    with pytest.raises(LimitExceeded, match=r"the names so far have 16 bytes, and limits.name_bytes allows 15"):
        tree.add("ab")


def test_folders_are_members_too() -> None:
    """So that a hundred thousand deep names cannot make three million folders."""
    tree = NameTree(Limits(members=10))
    tree.add("/".join("abcdefghij"))
    with pytest.raises(LimitExceeded, match=r"has 11 folders, and limits.members allows 10"):
        tree.add("k/l/m")


def test_no_limit_lets_a_header_outgrow_a_chunk() -> None:
    tree = NameTree(Limits(path_length=10**9))
    with pytest.raises(LimitExceeded, match="path_length"):
        tree.add("n" * 70_000)
