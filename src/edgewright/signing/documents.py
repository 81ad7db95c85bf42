"""The JSON documents that a signature covers, read strictly. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Self

from edgewright import strict_json
from edgewright.errors import PackageRefused

_HEAD: Final = 64 * 1024
"""Bytes of a document beside its list of files."""
_HEAD_VALUES: Final = 64
_FOUR_BYTES: Final = 0xF0
"""In UTF-8, begins a character beyond U+FFFF."""


@dataclass(frozen=True, slots=True)
class DocumentBounds:
    """What a document may hold that lists some files. A byte of JSON becomes up to thirty once it is read.

    Attributes:
        size: bytes.
        values: commas and opening brackets, wherever they stand: no more values are made of it, but one.
        width: bytes that one of its characters may take in memory. The widest of a text decides about all of them.
    """

    size: int
    values: int
    width: int = 4

    @classmethod
    def listing(cls, paths: Collection[str], size: int, values: int) -> Self:
        """The bounds of a document that has each of these paths, written as JSON, and so much for it beside."""
        lengths = sum(2 * len(path.encode()) for path in paths)
        punctuation = sum(path.count(character) for path in paths for character in ",[{")
        return cls(_HEAD + size * len(paths) + lengths, _HEAD_VALUES + values * len(paths) + punctuation)

    def check(self, text: bytes, what: str) -> None:
        """Refuse a document before it is read.

        Raises:
            PackageRefused: it holds more.
        """
        values = sum(text.count(character) for character in (b",", b"[", b"{"))
        if len(text) > self.size or values > self.values:
            raise PackageRefused(
                f"The {what} has {len(text)} bytes and {values} values; the files that the package has allow "
                f"{self.size} and {self.values}."
            )
        if width(text) > self.width:
            raise PackageRefused(f"The {what} has characters beyond ASCII, or escaped ones, and none are wanted.")


def width(text: bytes) -> int:
    """Bytes of memory that each character of some JSON takes at most, once it is read."""
    if b"\\u" in text or max(text, default=0) >= _FOUR_BYTES:
        return 4
    return 1 if text.isascii() else 2


def path_order(path: str) -> list[str]:
    """The sort key of paths, in manifest and signature: part by part, by code point, as `model_signing` sorts."""
    return path.split("/")


def parse_document(text: bytes, what: str, bounds: DocumentBounds | None = None) -> dict[str, Any]:
    """A JSON object, read strictly: UTF-8, no key twice, no NaN.

    Args:
        text: its bytes.
        what: what it is, for refusals.
        bounds: what it may hold; None where its length was bounded to little.

    Raises:
        PackageRefused: anything else.
    """
    if bounds is not None:
        bounds.check(text, what)
    try:
        document = strict_json.parse(text)
    except ValueError as error:
        raise PackageRefused(f"The {what} is not strict JSON: {error}.") from error
    if not isinstance(document, dict):
        raise PackageRefused(f"The {what} is not a JSON object.")
    return document


def field(document: Any, name: str, kind: type, what: str) -> Any:
    """A member of a JSON object, of one type.

    Raises:
        PackageRefused: no such member, or one of another type.
    """
    value = document.get(name) if isinstance(document, dict) else None
    if type(value) is not kind:
        raise PackageRefused(f"The {what} has no {name!r} of type {kind.__name__}.")
    return value


def exactly(document: Any, names: set[str], what: str) -> None:
    """Refuse anything but a JSON object with these members.

    Raises:
        PackageRefused: another type, a member too many or too few.
    """
    if not isinstance(document, dict) or document.keys() != names:
        found = sorted(document) if isinstance(document, dict) else type(document).__name__
        raise PackageRefused(f"The {what} has the fields {str(found)[:200]}; exactly {sorted(names)} are wanted.")


def equal(found: Any, wanted: Any, what: str) -> None:
    """Refuse any other value.

    Raises:
        PackageRefused: the two are not the same JSON.
    """
    # As JSON texts: in Python, False == 0 and 1 == 1.0.
    if json.dumps(found, sort_keys=True) != json.dumps(wanted, sort_keys=True):
        raise PackageRefused(f"The {what} is {str(found)[:200]!r}; {wanted!r} is wanted.")
