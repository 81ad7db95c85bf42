"""A receiver of edgewright's events: checks who sent each, and takes each once. Standard library only.

    WEBHOOK_SECRET=whsec_... python webhook_receiver.py 8282

Every public library of Standard Webhooks (https://www.standardwebhooks.com) checks the same signature.
"""

# ruff: noqa: T201 - a script, and it prints

from __future__ import annotations

import base64
import hmac
import json
import os
import sys
import time
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLERANCE_SECONDS = 300
LARGEST_BODY = 1024 * 1024
REMEMBERED = 10_000


class Forged(Exception):
    """The request was not sent by who has the secret, or is an old one that is sent again."""


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> dict[str, Any]:
    """The event in a request.

    Args:
        secret: as `webhook.secret` has it.
        headers: of the request; names in lower case.
        body: exactly the bytes that came.
        now: seconds since the epoch.

    Raises:
        Forged: do not believe it.
    """
    try:
        event_id, timestamp = headers["webhook-id"], int(headers["webhook-timestamp"])
        given = headers["webhook-signature"].split()
    except (KeyError, ValueError) as error:
        raise Forged(f"a header is missing or wrong: {error}") from error
    if abs(now - timestamp) > TOLERANCE_SECONDS:
        raise Forged("too old, or from the future")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{event_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    if not any(hmac.compare_digest(each.encode(), expected.encode()) for each in given):
        raise Forged("the signature is not that of the secret")
    event: dict[str, Any] = json.loads(body)
    return event


class Receiver(BaseHTTPRequestHandler):
    """Prints each event once."""

    seen: ClassVar[OrderedDict[str, None]] = OrderedDict()

    def do_POST(self) -> None:
        """Take an event. What is not answered with 2xx comes again."""
        size = int(self.headers.get("content-length", "0"))
        if size > LARGEST_BODY:
            self.send_error(413)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = verify(os.environ["WEBHOOK_SECRET"], headers, self.rfile.read(size), time.time())
        except Forged as error:
            self.send_error(401, str(error))
            return
        if event["id"] not in self.seen:  # the same event may come more than once
            self.seen[event["id"]] = None
            if len(self.seen) > REMEMBERED:
                self.seen.popitem(last=False)
            print(json.dumps(event), flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


def main() -> None:
    """Serve until interrupted."""
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"listening on port {server.server_port}", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
