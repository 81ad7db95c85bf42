"""Objects handed out by address, where the object store has no server of its own: sealed links, and their page.

A link needs no signature of AWS: an HMAC over the object's name and the link's end stands in its query. Whoever has
the link has the object, for `LIFE`.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from edgewright.errors import (
    AccessDenied,
    CallerError,
    EdgewrightError,
    ObjectForbidden,
    ObjectNotFound,
    StoreUnavailable,
    UriRefused,
)
from edgewright.protocol.errors import OURS
from edgewright.protocol.routes import decoded
from edgewright.stores import S3Uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from edgewright.stores import ObjectStore

LIFE = timedelta(minutes=15)
FOLDER = "/artifacts/"
OUTDATED = "The link does not hold: it has expired, or is not one of this server's. Ask for a new one."


log = structlog.get_logger(__name__)

REFUSALS: dict[type[EdgewrightError], tuple[int, str]] = {
    ObjectNotFound: (404, "NoSuchKey"),
    UriRefused: (404, "NoSuchKey"),
    AccessDenied: (403, "AccessDenied"),
    ObjectForbidden: (403, "AccessDenied"),
    StoreUnavailable: (503, "ServiceUnavailable"),
}


class Artifacts:
    """Makes links, and answers them."""

    def __init__(self, objects: ObjectStore, key: bytes, now: Callable[[], datetime]) -> None:
        """Keep the parts.

        Args:
            objects: what is handed out.
            key: seals links; the same on every server of one database.
            now: the clock, aware.
        """
        self._objects = objects
        self._key = key
        self._now = now

    def link(self, uri: S3Uri, endpoint: str) -> str:
        """An address of the object that holds for `LIFE`.

        Args:
            uri: the object; it need not be there.
            endpoint: this server's address, such as `http://127.0.0.1:8181`.
        """
        expires = int((self._now() + LIFE).timestamp())
        place = quote(f"{uri.bucket}/{uri.key}", safe="/")
        return f"{endpoint}{FOLDER}{place}?expires={expires}&signature={self._seal(uri, expires)}"

    async def page(self, request: Request) -> Response:
        """`GET /artifacts/<bucket>/<key>`: the object, in pieces that are read as fast as they are taken."""
        try:
            uri = self._opened(request.scope["raw_path"], request.url.query)
            size = await run_in_threadpool(self._objects.size, uri)
        except (CallerError, StoreUnavailable) as error:
            return _refusal(error)
        headers = {"content-length": str(size), "x-content-type-options": "nosniff", "cache-control": "private"}
        if request.method == "HEAD":
            return Response(headers=headers, media_type="application/octet-stream")
        pieces = (memoryview(piece) for piece in self._objects.read(uri))
        return StreamingResponse(pieces, headers=headers, media_type="application/octet-stream")

    def _opened(self, path: bytes, query: str) -> S3Uri:
        """The object that a sealed link names.

        Raises:
            AccessDenied: the seal is not ours, or the link has expired.
            UriRefused: no object can be called so.
        """
        bucket, _, key = decoded(path.removeprefix(FOLDER.encode())).partition("/")
        uri = S3Uri(bucket, key)
        given = parse_qs(query)
        expires, signature = given.get("expires", [""])[0], given.get("signature", [""])[0]
        if not (expires.isascii() and expires.isdigit() and len(expires) < 12):
            raise AccessDenied(OUTDATED)
        if not hmac.compare_digest(signature.encode(), self._seal(uri, int(expires)).encode()):
            raise AccessDenied(OUTDATED)
        if self._now() >= datetime.fromtimestamp(int(expires), UTC):
            raise AccessDenied(OUTDATED)
        return uri

    def _seal(self, uri: S3Uri, expires: int) -> str:
        return hmac.digest(self._key, f"{expires}\n{uri.bucket}/{uri.key}".encode(), "sha256").hex()


def _refusal(error: EdgewrightError) -> Response:
    status, code = next((answer for cause, answer in REFUSALS.items() if isinstance(error, cause)), (400, "BadRequest"))
    if isinstance(error, CallerError):
        message = error.message
    else:
        log.error("artifact not handed out", code=code, exc_info=error)
        message = OURS["ServiceUnavailable"]
    return JSONResponse({"message": message}, status_code=status, headers={"x-amzn-errortype": code})
