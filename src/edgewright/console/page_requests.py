"""From a request to a page: who is signed in, whether a form is ours, and the console's one catch-all.

Pages are plain functions from a `PageRequest` to a response. They run in threads, because whatever they ask may wait.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

import structlog
from starlette.responses import Response

from edgewright.auth import audit
from edgewright.auth.sessions import COOKIE, Session, SessionSigner
from edgewright.console import rendering
from edgewright.console.api_client import ApiClient, Readings
from edgewright.console.snippets import ShownServer
from edgewright.errors import (
    AccessDenied,
    CallerError,
    EdgewrightError,
    RequestTooLarge,
    ResourceNotFound,
    Throttled,
    ValidationFault,
)
from edgewright.http.bodies import Bodies, Disconnected
from edgewright.http.threads import in_thread
from edgewright.operations import Caller, Context
from edgewright.protocol.errors import OURS

if TYPE_CHECKING:
    from starlette.requests import Request

    from edgewright.auth.authenticator import Authenticator
    from edgewright.auth.identity import Identity
    from edgewright.auth.principals import Principal
    from edgewright.protocol import Service

FORM_FIELDS = 500
TOKEN = "token"  # noqa: S105 - the name of a form's field
FOREIGN = "This form was not made for your session: it may have expired. Go back, load the page anew, and try again."
NO_SESSION = "Nobody is signed in: the session has expired, or there was none."
FRAGMENT = "x-fragment"
SIGN_IN = "/console/sign-in"
TITLES = {400: "That cannot be done", 403: "Not allowed", 404: "Not found", 413: "Too large", 429: "Too many requests"}

log = structlog.get_logger(__name__)

Form = Mapping[str, str]
Page = Callable[["PageRequest"], Response]
Endpoint = Callable[["Request"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One request of a signed-in user.

    Attributes:
        session: what the cookie holds.
        principal: who it is.
        api: what they may do.
        place: the parts of the path that name something.
        query: of the address; the last of each name.
        form: of a form that was sent; empty for a GET.
        path: with its query, as it was asked for.
        fragment: the part of the page that the script asks for; empty for the whole page.
        theme: `light`, `dark` or empty.
        token: what forms on the page carry.
    """

    session: Session
    principal: Principal
    api: ApiClient
    place: Mapping[str, str]
    query: Mapping[str, str]
    form: Form
    path: str
    fragment: str
    theme: str
    token: str

    @property
    def server(self) -> ShownServer:
        """Where calls of the API go, as this browser reaches it."""
        return ShownServer(self.session.origin, self.session.region)

    def other_regions(self) -> list[str]:
        """The regions beside this one in which the account has jobs."""
        return [region for region in self.api.regions() if region != self.session.region]

    def page(self, template: str, answer: int = 200, headers: Mapping[str, str] = {}, **names: Any) -> Response:
        """A page made of a template, which finds this under `request`; `answer` is HTTP's status."""
        text = rendering.render(template, request=self, now=self.api.now, **names)
        return rendering.page(text, answer, headers)


@dataclass(frozen=True, slots=True)
class PageRequests:
    """Makes page requests of HTTP requests.

    Attributes:
        authenticator: finds out who is signed in.
        sessions: signs sessions and forms.
        services: those whose operations pages may call.
        context_for: makes an operation's context for a caller.
        readings: what pages read that no operation answers.
        bodies: reads forms.
    """

    authenticator: Authenticator
    sessions: SessionSigner
    services: Sequence[Service]
    context_for: Callable[[Caller], Context]
    readings: Readings
    bodies: Bodies

    def serve(self, make: Page) -> Endpoint:
        """The endpoint of a page for those who are signed in."""

        async def make_page(page_request: PageRequest) -> Response:
            return await in_thread(make, page_request)

        return self.serve_async(make_page)

    def serve_async(self, make: Callable[[PageRequest], Awaitable[Response]]) -> Endpoint:
        """As `serve`, for a page that does not wait in a thread."""

        async def endpoint(request: Request) -> Response:
            page_request: PageRequest | None = None
            who: Principal | None = None
            try:
                found = self.authenticator.by_session(request.cookies.get(COOKIE, ""))
                if found is None:
                    if request.method == "POST":
                        audit.refused(AccessDenied(NO_SESSION), None, f"POST {request.url.path}")
                    return _sent_to_sign_in(request)
                who = found[1].principal
                page_request = await self.read(request, *found)
                return await make(page_request)
            except Disconnected:
                return Response(status_code=400)
            except Exception as error:  # noqa: BLE001 - the console's one catch-all: every error has a page
                audit.refused(error, who, f"{request.method} {request.url.path}")
                return refusal(error, request, page_request)

        return endpoint

    async def read(self, request: Request, session: Session, identity: Identity) -> PageRequest:
        """The request as pages see it; a form must be of this session.

        Raises:
            AccessDenied: a form that is not.
            RequestTooLarge: a form over the cap.
        """
        form = await self.form(request, session.nonce) if request.method == "POST" else {}
        query = request.url.query
        return PageRequest(
            session=session,
            principal=identity.principal,
            api=self.api_client(identity, session.origin),
            place=request.path_params,
            query=dict(request.query_params),
            form=form,
            path=f"{request.url.path}?{query}" if query else request.url.path,
            fragment=request.headers.get(FRAGMENT, ""),
            theme=rendering.theme(request),
            token=self.sessions.form_token(session.nonce),
        )

    def api_client(self, identity: Identity, endpoint: str) -> ApiClient:
        """What a principal may do that reaches this server at that address."""
        return ApiClient(self.services, identity, self.context_for(Caller(*identity.scope, endpoint)), self.readings)

    async def form(self, request: Request, nonce: str, limit: int | None = None) -> Form:
        """The fields of a form that was made for the holder of this nonce, of so many bytes.

        Raises:
            AccessDenied: another site's form, or an outdated one.
            ValidationFault: a body that no form of ours has.
            RequestTooLarge: it is over the cap.
        """
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise AccessDenied(FOREIGN)
        body = await self.bodies.read(request.scope, request.receive, limit)
        try:
            fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS, errors="strict"))
        except ValueError as error:
            raise ValidationFault(f"The form cannot be read: {error}.") from error
        if not self.sessions.is_form_token(fields.pop(TOKEN, ""), nonce):
            raise AccessDenied(FOREIGN)
        return fields


def refusal(error: Exception, request: Request, page_request: PageRequest | None) -> Response:
    """The page of anything raised; what is not the caller's fault is logged whole, and shown without the inside."""
    status, message = _status_and_message(error)
    if status >= 500:
        log.error("page failed", path=request.url.path, exc_info=error)
    names = {"title": TITLES.get(status, "Something broke"), "message": message, "status": status}
    template = "error_fragment.html" if FRAGMENT in request.headers else "error.html"
    text = rendering.render(template, request=page_request, theme=rendering.theme(request), **names)
    return rendering.page(text, status)


def _status_and_message(error: Exception) -> tuple[int, str]:
    statuses = {AccessDenied: 403, ResourceNotFound: 404, Throttled: 429, RequestTooLarge: 413}
    if isinstance(error, CallerError):
        return next((status for kind, status in statuses.items() if isinstance(error, kind)), 400), error.message
    known = isinstance(error, EdgewrightError)
    return (503, OURS["ServiceUnavailable"]) if known else (500, OURS["InternalFailure"])


def _sent_to_sign_in(request: Request) -> Response:
    """To the form, and back from there; the script learns it by the status instead."""
    if FRAGMENT in request.headers:
        return Response(status_code=401, headers={**rendering.HEADERS, **rendering.PRIVATE})
    if request.method != "GET":
        return rendering.see_other(SIGN_IN)
    place = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return rendering.see_other(SIGN_IN if place == "/" else f"{SIGN_IN}?next={quote(place)}")
