"""The service's public keys, for those who verify packages: no secret, and no signature needed to read them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import structlog
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edgewright.errors import DatabaseUnavailable
from edgewright.protocol.errors import OURS
from edgewright.signing.states import KeyState
from edgewright.signing.trusted_keys import written_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from edgewright.keys.store import KeyStore, KnownKey, PublishedList

_HEADERS = {"cache-control": "no-cache"}
"""A key may be revoked at any time."""
_NO_LIST = "No signed list was published: see `edgewright keys sign-list` and `edgewright keys publish`."


KEPT_SECONDS = 0.5
"""How long what the database says is kept: nobody is identified here, and however many ask, it is read so often."""
log = structlog.get_logger(__name__)


class KeyPages:
    """The pages. Their functions read the database, and Starlette runs them in threads."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._alone = threading.Lock()
        self._until = 0.0
        self._kept: tuple[PublishedList | None, list[KnownKey]] = (None, [])

    def routes(self) -> list[BaseRoute]:
        """What is served at `/keys`."""
        pages = {"/keys": self.keys, "/keys/list": self.signed_list, "/keys/{key_id}.pem": self.public_key}
        return [Route(path, _answering(page), methods=["GET"]) for path, page in pages.items()]

    def keys(self, _request: Request) -> JSONResponse:
        """`GET /keys`: every key with its state, and where the signed list is. This answer itself is not signed."""
        published, known = self._known()
        body = {
            "keys": [key_document(each) for each in known],
            "list": None if published is None else {"path": "/keys/list", "version": published.version},
        }
        return JSONResponse(body, headers=_HEADERS)

    def signed_list(self, _request: Request) -> Response:
        """`GET /keys/list`: the newest signed list, for `edgewright verify --trust`."""
        published, _ = self._known()
        if published is None:
            return JSONResponse({"message": _NO_LIST}, 404, headers=_HEADERS)
        return Response(published.document, headers=_HEADERS, media_type="application/json")

    def public_key(self, request: Request) -> Response:
        """`GET /keys/<id>.pem`: one public key that is not revoked."""
        for key in self._known()[1]:
            if key.key_id == request.path_params["key_id"] and key.state is not KeyState.REVOKED:
                return Response(key.listed.key.pem, headers=_HEADERS, media_type="application/x-pem-file")
        return JSONResponse({"message": "No key of this id is active or retired."}, 404, headers=_HEADERS)

    def _known(self) -> tuple[PublishedList | None, list[KnownKey]]:
        with self._alone:
            if time.monotonic() >= self._until:
                self._kept = self._store.published(), self._store.all()
                self._until = time.monotonic() + KEPT_SECONDS
            return self._kept


def _answering(page: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """The page, or that the database cannot be used."""

    def answer(request: Request) -> Response:
        try:
            return page(request)
        except DatabaseUnavailable as error:
            log.error("keys not served", reason=error.message)  # noqa: TRY400 - the database's, not a fault of ours
            return JSONResponse({"message": OURS["ServiceUnavailable"]}, 503, headers=_HEADERS)

    return answer


def key_document(key: KnownKey) -> dict[str, Any]:
    """A key in JSON, for people and programs; times in UTC."""
    listed = key.listed
    return {
        "key_id": key.key_id,
        "state": str(key.state),
        "signs": key.signs,
        "algorithm": listed.key.algorithm,
        "created_at": written_time(listed.created_at),
        "retired_at": written_time(listed.retired_at),
        "revoked_at": written_time(listed.revoked_at),
        "reason": listed.key.reason,
        "public_key": listed.key.pem.decode("ascii"),
    }
