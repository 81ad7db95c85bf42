"""A span around each request of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.http.api import OPERATION
from edgewright.http.service_protocols import header
from edgewright.telemetry.tracing import tracing

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = b"x-amzn-requestid"
SERVER_ERROR = 500


def traced(app: ASGIApp) -> ASGIApp:
    """The application with a span around each request, where traces are on; else the application itself."""
    return _spanned(app) if tracing.on else app


def _spanned(app: ASGIApp) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        with tracing.span(
            "request", "SERVER", header(scope, b"traceparent"), http_request_method=scope["method"]
        ) as span:

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    span.set_attribute("aws.request_id", dict(message["headers"]).get(REQUEST_ID, b"").decode())
                    if message["status"] >= SERVER_ERROR:
                        _fail(span)
                await send(message)

            await app(scope, receive, sent)
            operation = scope.get(OPERATION)  # unknown where the request was refused before
            if operation is not None:
                span.update_name(operation)
                span.set_attribute("rpc.method", operation)

    return answer


def _fail(span: object) -> None:
    from opentelemetry.trace import Span, StatusCode

    assert isinstance(span, Span)
    span.set_status(StatusCode.ERROR)
