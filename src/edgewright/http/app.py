"""The ASGI application: the API at `POST /`, and what needs no signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from edgewright import __version__

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from edgewright.http.api import Api


async def health(_request: Request) -> JSONResponse:
    """`GET /health`: the process answers."""
    return JSONResponse({"status": "ok", "version": __version__})


def application(api: Api) -> ASGIApp:
    """One server's application: calls of the API go straight to it, everything else by Starlette's routes."""
    pages = Starlette(routes=[Route("/health", endpoint=health, methods=["GET"])])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == "/":
            await api(scope, receive, send)
        else:
            await pages(scope, receive, send)

    return app
