"""S3 URIs: parsed once, checked once, pure.

Two spellings are read: `s3://bucket/key`, and every https address that AWS documents for an object (path style,
virtual-host style, dual-stack, FIPS, accelerate, the legacy `s3-region` hosts, and the hosts of the partition in
China). See docs/decisions/0040-object-uris.md for what is decoded and what is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote_to_bytes

from edgewright.errors import UriRefused

KEY_BYTES = 1024
"""The longest key that S3 takes, in bytes of UTF-8."""

_BUCKET = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_REGION = r"[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}"
_HOST = re.compile(
    r"(?:(?P<bucket>.+)\.)?"
    rf"(?:s3(?:-fips)?(?:\.dualstack)?(?:[.-]{_REGION})?|s3-external-1|(?P<accelerate>s3-accelerate(?:\.dualstack)?))"
    r"\.amazonaws\.com(?:\.cn)?"
)
_WANTED = "Wanted s3://bucket/key, or https://bucket.s3.region.amazonaws.com/key or one of its path-style forms."


@dataclass(frozen=True, slots=True)
class S3Uri:
    """The name of one object, or a prefix that objects are written under.

    Attributes:
        bucket: 1 to 63 letters, digits, dots, hyphens and underscores. S3's own rule is stricter; this one
            makes the name safe as a folder and in a host name.
        key: at most 1024 bytes of UTF-8, without a leading slash; empty names the bucket itself, and one
            trailing slash names a prefix.

    Raises:
        UriRefused: the bucket or the key is not of that form, or the key has a part that is empty, `.` or `..`.
    """

    bucket: str
    key: str

    def __post_init__(self) -> None:
        if not _BUCKET.fullmatch(self.bucket) or ".." in self.bucket:
            raise UriRefused(
                f"{self.bucket!r} is not a bucket's name. Wanted 1 to 63 letters, digits, single dots, hyphens and "
                f"underscores that start and end with a letter or a digit."
            )
        fault = _key_fault(self.key)
        if fault:
            raise UriRefused(f"The key {_shortened(self.key)} in bucket {self.bucket} {fault}.")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URI as a request or a setting gives it.

        The key of an `s3://` URI is taken as given, `%`, `?` and `#` included. The path of an `https://` URI is
        percent-decoded once, as UTF-8; `+` stays a plus.

        Raises:
            UriRefused: the text is neither form, or names a bucket or a key that cannot be used.
        """
        scheme, separator, rest = text.partition("://")
        if separator and scheme == "s3":
            bucket, _, key = rest.partition("/")
            return cls(bucket, key)
        if separator and scheme == "https":
            return cls(*_from_https(text, rest))
        raise UriRefused(f"{_shortened(text)} is not an S3 URI. {_WANTED}")

    @property
    def object_key(self) -> str:
        """The key, where it names one object.

        Raises:
            UriRefused: the key is empty or ends with a slash, and so names a bucket or a prefix.
        """
        if not self.key or self.key.endswith("/"):
            raise UriRefused(f"{self} names a bucket or a prefix, not an object. Give the object's whole key.")
        return self.key

    def joined(self, name: str) -> S3Uri:
        """The object of this name under this prefix: one slash between them, whether the key ends with one or not."""
        prefix = self.key.rstrip("/")
        return S3Uri(self.bucket, f"{prefix}/{name}" if prefix else name)


def _key_fault(key: str) -> str | None:
    """What is wrong with a key, as the end of a sentence; None when nothing is."""
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if length > KEY_BYTES:
        return f"is {length} bytes long, and S3 keys are at most {KEY_BYTES}"
    if _CONTROL.search(key):
        return "holds a control character"
    parts = key.removesuffix("/").split("/")
    if key and "" in parts:
        return "has an empty part between slashes"
    if "." in parts or ".." in parts:
        return "has a part '.' or '..', which would leave its place"
    return None


def _from_https(text: str, rest: str) -> tuple[str, str]:
    host, _, path = rest.partition("/")
    match = _HOST.fullmatch(host)
    if match is None or (match["accelerate"] and not match["bucket"]):
        raise UriRefused(f"{_shortened(text)} does not name an S3 host. {_WANTED}")
    if "?" in path or "#" in path:
        raise UriRefused(f"{_shortened(text)} has a query or a fragment: write '?' in a key as %3F and '#' as %23.")
    if match["bucket"]:
        return match["bucket"], _decoded(text, path)
    bucket, _, key = path.partition("/")
    return bucket, _decoded(text, key)


def _decoded(text: str, path: str) -> str:
    if _PERCENT.search(path):
        raise UriRefused(f"{_shortened(text)} has a '%' without two hexadecimal digits: write '%' as %25.")
    try:
        return unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        raise UriRefused(f"{_shortened(text)} does not decode to UTF-8.") from None


def _shortened(text: str) -> str:
    """The text as Python writes it, cut where it is too long for a message; control characters are escaped."""
    shown = 120
    return repr(text if len(text) <= shown else text[: shown - 3] + "...")
