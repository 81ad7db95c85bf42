"""The service's public keys, for whoever verifies packages: no secret, and no signature needed to read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edgewright.signing.trusted_keys import written_time

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from edgewright.keys.store import KeyStore, KnownKey

_HEADERS = {"cache-control": "no-cache"}
"""A key may be revoked at any time."""
_NO_LIST = "No signed list was published: see `edgewright keys sign-list` and `edgewright keys publish`."


class KeyPages:
    """The pages. Their functions read the database, and Starlette runs them in threads."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    def routes(self) -> list[BaseRoute]:
        """What is served at `/keys`."""
        return [
            Route("/keys", self.keys, methods=["GET"]),
            Route("/keys/list", self.signed_list, methods=["GET"]),
            Route("/keys/{key_id}.pem", self.public_key, methods=["GET"]),
        ]

    def keys(self, _request: Request) -> JSONResponse:
        """`GET /keys`: every key with its state, and where the signed list is. This answer itself is not signed."""
        published = self._store.published()
        body = {
            "keys": [key_document(each) for each in self._store.all()],
            "list": None if published is None else {"path": "/keys/list", "version": published.version},
        }
        return JSONResponse(body, headers=_HEADERS)

    def signed_list(self, _request: Request) -> Response:
        """`GET /keys/list`: the newest signed list, for `edgewright verify --trust`."""
        published = self._store.published()
        if published is None:
            return JSONResponse({"message": _NO_LIST}, 404, headers=_HEADERS)
        return Response(published.document, headers=_HEADERS, media_type="application/json")

    def public_key(self, request: Request) -> Response:
        """`GET /keys/<id>.pem`: one public key that is not revoked."""
        wanted = request.path_params["key_id"]
        for key in self._store.trusted():
            if key.key_id == wanted and key.state != "revoked":
                return Response(key.pem, headers=_HEADERS, media_type="application/x-pem-file")
        return JSONResponse({"message": "No key of this id is active or retired."}, 404, headers=_HEADERS)


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
