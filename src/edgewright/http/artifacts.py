"""Objects by their address, where the object store has no server of its own: signed links, and their page."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog
from starlette.responses import JSONResponse, Response, StreamingResponse

from edgewright.auth import audit
from edgewright.errors import (
    AccessDenied,
    CallerError,
    EdgewrightError,
    ObjectForbidden,
    ObjectNotFound,
    PackageRefused,
    StoreUnavailable,
    UriRefused,
)
from edgewright.http.threads import in_thread
from edgewright.packaging.own_package import checked
from edgewright.protocol.errors import OURS
from edgewright.protocol.routes import decoded
from edgewright.stores import S3Uri

if TYPE_CHECKING:
    from starlette.requests import Request

    from edgewright.auth.links import LinkSigner
    from edgewright.stores import ObjectStore

FOLDER = "/artifacts/"

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

    def __init__(self, objects: ObjectStore, links: LinkSigner) -> None:
        """Keep the parts.

        Args:
            objects: what links lead to.
            links: signs and verifies them.
        """
        self._objects = objects
        self._links = links

    def link(self, uri: S3Uri, endpoint: str, sha256: str = "") -> str:
        """An address of the object that holds for `auth.links.LIFE`.

        Args:
            uri: the object; it need not be there.
            endpoint: this server's address, such as `http://127.0.0.1:8181`.
            sha256: what the object should have when it is read, in hexadecimal: the answer breaks off where it has
                another. Empty for any.
        """
        path = quote(f"{uri.bucket}/{uri.key}", safe="/")
        return f"{endpoint}{FOLDER}{path}?{self._links.query(uri, sha256)}"

    async def page(self, request: Request) -> Response:
        """`GET /artifacts/<bucket>/<key>`: the object, in pieces that are read as fast as they are taken."""
        try:
            bucket, _, key = decoded(request.scope["raw_path"].removeprefix(FOLDER.encode())).partition("/")
            uri = S3Uri(bucket, key)
            sha256 = self._links.verify(uri, request.url.query)
            size = await in_thread(self._objects.size, uri)
        except (CallerError, StoreUnavailable) as error:
            audit.refused(error, None, f"{request.method} {request.url.path}")
            return _refusal(error)
        headers = {"content-length": str(size), "x-content-type-options": "nosniff", "cache-control": "private"}
        if request.method == "HEAD":
            return Response(headers=headers, media_type="application/octet-stream")
        read = self._objects.read(uri)
        content = checked(read, sha256, partial(_replaced, uri, sha256)) if sha256 else read
        pieces = (memoryview(piece) for piece in content)
        return StreamingResponse(pieces, headers=headers, media_type="application/octet-stream")


def _replaced(uri: S3Uri, sha256: str, found: str) -> PackageRefused:
    return PackageRefused(f"{uri} has the SHA-256 {found}, and its link is for {sha256}. It was written over since.")


def _refusal(error: EdgewrightError) -> Response:
    status, code = next((answer for cause, answer in REFUSALS.items() if isinstance(error, cause)), (400, "BadRequest"))
    if isinstance(error, CallerError):
        message = error.message
    else:
        log.error("artifact not served", code=code, exc_info=error)
        message = OURS["ServiceUnavailable"]
    return JSONResponse({"message": message}, status_code=status, headers={"x-amzn-errortype": code})
