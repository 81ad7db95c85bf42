"""What signed documents may look like, and the order of the paths in them."""

from __future__ import annotations

import pytest

from edgewright.errors import PackageRefused
from edgewright.signing.documents import parse_document, path_order


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"1", b'{"a":1,"a":1}', b'{"a":Infinity}', b"\xff{}", b"[" * 200_000]
)
def test_documents_are_strict(text: bytes) -> None:
    with pytest.raises(PackageRefused, match=r"The thing is not (strict JSON|a JSON object)"):
        parse_document(text, "thing")


def test_order_of_paths() -> None:
    """As PurePosixPath sorts: part by part."""
    paths = ["b", "a-b", "a/b", "a", "Z", "a/b/c", "ä"]
    assert sorted(paths, key=path_order) == ["Z", "a", "a/b", "a/b/c", "a-b", "b", "ä"]
