"""One version of an S3 object, in ranges that are read ahead; a range that breaks off is continued there."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from edgewright.errors import ObjectReplaced
from edgewright.stores import background
from edgewright.stores.protocols import PART, PIECE
from edgewright.stores.retries import Retries
from edgewright.stores.s3_errors import FAILURES, Broken, wait_or_raise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from threading import Event

    from typing_extensions import Buffer

    from edgewright.stores.uri import S3Uri

RANGE = PART
"""Bytes of one ranged GET."""
READ_AHEAD = 3
"""Ranges under way or waiting for their reader: bounds a reader's memory to about 24 MiB."""
_CAREFUL_STEP = 4096
"""Bytes of one read after a failure: what has arrived of a read that breaks off may be lost. Else it is a piece."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object.

    Attributes:
        uri: the object.
        etag: as the store gave it, with its quotes.
        size: in bytes.
    """

    uri: S3Uri
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A reader of one version.

    Attributes:
        client: boto3's.
        version: what is read.
        seconds: how long a range may fail, without a byte of progress.
        given_up: set once the rest is not wanted any more.
    """

    client: Any
    version: Version
    seconds: float
    given_up: Event

    def pieces(self) -> Iterator[Buffer]:
        """The bytes in pieces of `PIECE`."""
        starts = iter(range(0, self.version.size, RANGE))
        ahead: deque[Future[list[Buffer]]] = deque()
        try:
            while True:
                while len(ahead) < READ_AHEAD and (start := next(starts, None)) is not None:
                    ahead.append(background.start(partial(self._range, start)))
                if not ahead:
                    return
                yield from ahead.popleft().result()
        finally:
            self.given_up.set()

    def _range(self, start: int) -> list[Buffer]:
        end = min(start + RANGE, self.version.size)
        arrived = _Arrived(end - start)
        retries = Retries(f"reading bytes {start} to {end - 1}", self.version.uri, self.seconds, self.given_up)
        while arrived.left:
            before = arrived.left
            try:
                with closing(self._opened(end - arrived.left, end)) as body:
                    step = _CAREFUL_STEP if retries.failed_before else PIECE
                    while arrived.left:
                        retries.check()
                        arrived.take(body.read(min(step, arrived.wanted)))
            except FAILURES as error:
                if arrived.left < before:
                    retries.progressed()
                wait_or_raise(error, self.version.uri, retries)
        return arrived.pieces

    def _opened(self, start: int, end: int) -> Any:
        """The body of a ranged GET, once its headers say that it is what was asked for."""
        version = self.version
        answer = self.client.get_object(
            Bucket=version.uri.bucket, Key=version.uri.key, Range=f"bytes={start}-{end - 1}", IfMatch=version.etag
        )
        body = answer["Body"]
        if answer.get("ETag") != version.etag:  # a service that does not know If-Match
            body.close()
            raise ObjectReplaced(
                "The S3 object was replaced while it was read: start the job again. "
                f"Bucket: {version.uri.bucket}, Key: {version.uri.key}"
            )
        found = answer.get("ContentRange", f"bytes 0-{version.size - 1}/{version.size}")  # none: the whole object
        if found != f"bytes {start}-{end - 1}/{version.size}" or answer.get("ContentLength") != end - start:
            body.close()
            raise Broken(f"bytes {start} to {end - 1} were asked for, and the answer has {found}")
        return body


class _Arrived:
    """What has come of a range, in pieces of `PIECE`; one that comes whole is not copied."""

    def __init__(self, size: int) -> None:
        self.pieces: list[Buffer] = []
        self.left = size
        self._begun = bytearray()

    @property
    def wanted(self) -> int:
        """Bytes to the end of the piece that is begun, or is next."""
        return min(PIECE - len(self._begun), self.left)

    def take(self, data: bytes) -> None:
        """Add what a read gave.

        Raises:
            Broken: it gave nothing, before the end.
        """
        if not data:
            raise Broken(f"the answer ended {self.left} bytes early")
        whole = len(data) == self.wanted
        self.left -= len(data)
        if whole and not self._begun:
            self.pieces.append(data)
            return
        self._begun += data
        if whole:
            self.pieces.append(self._begun)
            self._begun = bytearray()
