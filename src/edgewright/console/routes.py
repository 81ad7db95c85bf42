"""The console's routes, and signing in and out."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edgewright.auth import audit, sessions, signing_in
from edgewright.auth.identity import Identity
from edgewright.auth.sessions import COOKIE, SIGN_IN_COOKIE, Session
from edgewright.console import (
    compilation_pages,
    component_pages,
    form_pages,
    job_pages,
    rendering,
    worker_pages,
)
from edgewright.console.page_requests import SIGN_IN, Page, PageRequest, PageRequests, refusal
from edgewright.errors import AccessDenied, EdgewrightError, Throttled, ValidationFault
from edgewright.http.bodies import Disconnected
from edgewright.http.threads import in_thread

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from edgewright.auth.principals import Principal, Principals
    from edgewright.console.packages import Packages

REGION = re.compile(r"[a-z0-9-]{1,32}")
ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]_-]{1,255}")
SIGNING_IN, SIGNING_OUT = "edgewright:SignIn", "edgewright:SignOut"
"""In the audit log: what no operation of AWS's is."""
PLACE = re.compile(r"/(?!/)[^\\\s]*")
"""An address on this server."""
SIGN_IN_BYTES = 16 * 1024
"""Of the form whose sender is not known yet."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the console is made of.

    Attributes:
        requests: makes page requests of HTTP requests.
        principals: who may sign in.
        packages: their downloads and verification.
        objects_dir: the folder of the directory object store; None where another store is used.
        session_seconds: how long a session lasts.
        region: the region of an account that has no jobs, or has some in it.
        public_url: the server's address for everybody; None takes each browser's own word.
        liveness_seconds: how old a worker's heartbeat is when it is taken for dead.
    """

    requests: PageRequests
    principals: Principals
    packages: Packages
    objects_dir: Path | None
    session_seconds: int
    region: str
    public_url: str | None
    liveness_seconds: float


class Console:
    """The console's pages."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._requests = parts.requests
        self._attempts = signing_in.Attempts()

    def routes(self) -> list[BaseRoute]:
        """Every route; `POST /` is the API's."""
        parts, packages, serve = self._parts, self._parts.packages, self._requests.serve
        objects = None if parts.objects_dir is None else str(parts.objects_dir)
        liveness_seconds = parts.liveness_seconds

        def page(path: str, make: Page, *methods: str) -> Route:
            return Route(path, serve(make), methods=methods or ("GET",))

        return [
            Route("/console/static/{file}", rendering.static, methods=["GET"]),
            Route(SIGN_IN, self.sign_in, methods=["GET", "POST"]),
            Route("/console/jobs/{name}/verify", self._requests.serve_async(packages.verify), methods=["POST"]),
            page("/console/sign-out", _signed_out, "POST"),
            page("/console/region", self._other_region, "POST"),
            page("/", lambda page_request: worker_pages.start(page_request, objects, liveness_seconds)),
            page("/console/jobs", job_pages.listing),
            page("/console/jobs/{name}", lambda page_request: job_pages.job(page_request, packages.trusted())),
            page("/console/jobs/{name}/package", packages.download),
            page("/console/jobs/{name}/stop", job_pages.stop, "POST"),
            page("/console/compilations", compilation_pages.listing),
            page("/console/compilations/{name}", compilation_pages.job),
            page("/console/compilations/{name}/stop", compilation_pages.stop, "POST"),
            page("/console/components", component_pages.listing),
            page("/console/components/{name}/{version}", component_pages.component),
            page("/console/workers", lambda page_request: worker_pages.workers(page_request, liveness_seconds)),
            page("/console/new-job", form_pages.new_job, "GET", "POST"),
            page("/console/new-compilation", form_pages.new_compilation, "GET", "POST"),
            page("/console/{rest:path}", _nothing),
            page("/console", _nothing),
        ]

    async def sign_in(self, request: Request) -> Response:
        """`GET` and `POST /console/sign-in`."""
        try:
            if request.method == "POST":
                return await self._sign_in(request)
            return self._sign_in_page(request, "")
        except Disconnected:
            return Response(status_code=400)
        except Exception as error:  # noqa: BLE001 - as the console's own catch-all
            audit.refused(error, None, SIGNING_IN)
            return refusal(error, request, None)

    async def _sign_in(self, request: Request) -> Response:
        address = request.client.host if request.client else ""
        try:
            form = await self._requests.form(request, request.cookies.get(SIGN_IN_COOKIE, ""), SIGN_IN_BYTES)
            self._attempts.check(address, time.monotonic())
        except (AccessDenied, ValidationFault, Throttled) as error:
            audit.refused(error, None, SIGNING_IN)
            return self._sign_in_page(request, error.message, 429 if isinstance(error, Throttled) else 403)
        try:
            principal = signing_in.identify(
                self._parts.principals.get,
                form.get("access_key_id", "").strip(),
                form.get("secret_access_key", "").strip(),
                form.get("session_token", "").strip(),
            )
        except AccessDenied as error:
            self._attempts.refuse(address, time.monotonic())
            audit.refused(error, None, SIGNING_IN)
            return self._sign_in_page(request, error.message, 403)
        session = Session(
            access_key_id=principal.access_key_id,
            region=await in_thread(self._region_of, principal),
            origin=self._origin(request),
            expires=int(time.time()) + self._parts.session_seconds,
            nonce=sessions.new_nonce(),
        )
        audit.done(principal, SIGNING_IN)
        place = form.get("next", "")
        response = rendering.see_other(place if PLACE.fullmatch(place) else "/")
        self._keep(response, session, principal)
        response.delete_cookie(SIGN_IN_COOKIE, path="/console", httponly=True, samesite="strict", secure=session.secure)
        return response

    def _sign_in_page(self, request: Request, error: str, status: int = 200) -> Response:
        nonce = sessions.new_nonce()
        text = rendering.render(
            "sign_in.html",
            theme=rendering.theme(request),
            error=error,
            token=self._requests.sessions.form_token(nonce),
            next=request.query_params.get("next", ""),
        )
        response = rendering.page(text, status)
        secure = self._origin(request).startswith("https://")
        response.set_cookie(SIGN_IN_COOKIE, nonce, path="/console", httponly=True, samesite="strict", secure=secure)
        return response

    def _origin(self, request: Request) -> str:
        """The server's address as the browser has it: the operator's word, the browser's, else the request's."""
        said = request.headers.get("origin", "")
        if self._parts.public_url is not None:
            return self._parts.public_url
        if ORIGIN.fullmatch(said):
            return said
        return f"{request.url.scheme}://{request.headers.get('host', '')}"

    def _region_of(self, principal: Principal) -> str:
        """A region in which the account has jobs, else the one of the settings."""
        usual = self._parts.region
        try:
            found = self._requests.api_client(Identity(principal, usual), "").regions()
        except EdgewrightError:
            return usual
        return found[0] if found and usual not in found else usual

    def _other_region(self, page_request: PageRequest) -> Response:
        """`POST /console/region`: look at another region."""
        region = page_request.form.get("region", "").strip()
        if not REGION.fullmatch(region):
            raise ValidationFault(f"'{region}' is not a region. Write one like eu-west-1.")
        response = rendering.see_other("/")
        self._keep(response, page_request.session.in_region(region), page_request.principal)
        return response

    def _keep(self, response: Response, session: Session, principal: Principal) -> None:
        response.set_cookie(
            COOKIE,
            self._requests.sessions.sign(session, principal),
            max_age=max(0, session.expires - int(time.time())),
            path="/",
            httponly=True,
            samesite="strict",
            secure=session.secure,
        )


def _signed_out(page_request: PageRequest) -> Response:
    """`POST /console/sign-out`."""
    audit.done(page_request.principal, SIGNING_OUT)
    response = rendering.see_other(SIGN_IN)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=page_request.session.secure)
    return response


def _nothing(page_request: PageRequest) -> Response:
    """Whatever else is asked for under `/console`."""
    message = "There is no page at this address."
    return page_request.page(
        "error.html", 404, theme=page_request.theme, title="Not found", message=message, status=404
    )
