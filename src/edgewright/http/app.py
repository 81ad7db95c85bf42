"""The ASGI application: the API at `POST /`, and what needs no signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from edgewright import __version__

if TYPE_CHECKING:
    from starlette.requests import Request

    from edgewright.http.api import Api


async def health(_request: Request) -> JSONResponse:
    """`GET /health`: the process answers."""
    return JSONResponse({"status": "ok", "version": __version__})


def application(api: Api) -> Starlette:
    """The routes of one server."""
    return Starlette(
        routes=[
            Route("/", endpoint=api, methods=["POST"]),
            Route("/health", endpoint=health, methods=["GET"]),
        ]
    )
