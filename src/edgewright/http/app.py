"""The ASGI application: each service of the API, and what needs no signature."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Route

from edgewright.logs import ADDRESS, REQUEST_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from edgewright.http.artifacts import Artifacts

REST_PATHS = ("/greengrass/", "/tags/")
"""Where the paths of the Greengrass service begin."""


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
    pages = Starlette(routes=[Route("/artifacts/{place:path}", endpoint=artifacts.page, methods=["GET"]), *more])

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


def beside_admin(app: ASGIApp, admin_routes: Sequence[BaseRoute], port: int) -> ASGIApp:
    """The application, with nothing but the pages for those who run the service on the listener of this port."""
    admin = Starlette(routes=admin_routes)

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        is_admin = scope["type"] == "http" and scope["server"] is not None and scope["server"][1] == port
        await (admin if is_admin else app)(scope, receive, send)

    return choose
