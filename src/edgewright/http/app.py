"""The ASGI application: each service of the API, and what needs no signature."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from edgewright import __version__
from edgewright.logs import ADDRESS, REQUEST_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from edgewright.http.artifacts import Artifacts

REST_PATHS = ("/greengrass/", "/tags/")
"""Where the paths of the Greengrass service begin."""


async def health(_request: Request) -> JSONResponse:
    """`GET /health`: the process answers."""
    return JSONResponse({"status": "ok", "version": __version__})


def application(
    sagemaker: ASGIApp, greengrass: ASGIApp, artifacts: Artifacts, more: Sequence[BaseRoute] = ()
) -> ASGIApp:
    """One server's application: requests of the API go straight to it, everything else by Starlette's routes.

    Args:
        sagemaker: answers `POST /`.
        greengrass: answers everything under `REST_PATHS`.
        artifacts: serves objects by signed links.
        more: further routes, such as the console's.
    """
    pages = Starlette(
        routes=[
            Route("/health", endpoint=health, methods=["GET"]),
            Route("/artifacts/{place:path}", endpoint=artifacts.page, methods=["GET"]),
            *more,
        ]
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        ADDRESS.set(client and client[0])  # of this task alone, as the request's id
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == "/":
            await sagemaker(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(REST_PATHS):
            await greengrass(scope, receive, send)
        else:
            REQUEST_ID.set(str(uuid.uuid4()))
            await pages(scope, receive, send)

    return app
