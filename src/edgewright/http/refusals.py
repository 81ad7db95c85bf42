"""What a connection answers by itself, before the application sees a request: AWS's shape of an error, and the end."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

import orjson


class Refusal(NamedTuple):
    """An answer after which the connection is closed.

    Attributes:
        status: HTTP's.
        code: AWS's, of its list of common errors.
        message: what was found, what was wanted, and what to do.
    """

    status: HTTPStatus
    code: str
    message: str

    def answer(self) -> bytes:
        """The whole answer."""
        body = orjson.dumps({"__type": self.code, "message": self.message, "Message": self.message})
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\ncontent-type: application/x-amz-json-1.1\r\n"
            f"x-amzn-errortype: {self.code}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        return head.encode("ascii") + body


_MALFORMED = "MalformedHttpRequestException"
_TOO_LARGE = "RequestEntityTooLargeException"

MALFORMED = Refusal(
    HTTPStatus.BAD_REQUEST,
    _MALFORMED,
    "The request is not well-formed HTTP/1.1. Send one that is, on a new connection.",
)
HOST = Refusal(
    HTTPStatus.BAD_REQUEST, _MALFORMED, "The request has no Host header, or more than one. Send exactly one."
)
UPGRADE = Refusal(
    HTTPStatus.BAD_REQUEST,
    _MALFORMED,
    "The request has a body and asks to upgrade the connection, which this server does not do. Leave out Upgrade.",
)
PIPELINED = Refusal(
    HTTPStatus.BAD_REQUEST,
    _MALFORMED,
    "Too many requests came before the first of them was answered. Wait for answers, or use more connections.",
)
TIMED_OUT = Refusal(
    HTTPStatus.REQUEST_TIMEOUT, "RequestTimeoutException", "The request did not arrive in time. Send it again, faster."
)
TOO_LARGE = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    _TOO_LARGE,
    "The request's line and headers, or what stands between pieces of its body, are too long. Send less.",
)
TOO_MANY = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, _TOO_LARGE, "The request has too many headers or trailers. Send fewer."
)
BUSY = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "ServiceUnavailable",
    "Too many connections are open. Close some, or try again later.",
)
