"""Small HTTP servers that stand where S3 or STS would, to answer as only the real ones do."""

from __future__ import annotations

import http.client
import re
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The body's fields, as STS's requests have them."""
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def credential(self) -> list[str]:
        """The access key, day, region and service that the request is signed for."""
        match = re.search(r"Credential=([^,]+)", self.headers.get("Authorization", ""))
        return match[1].split("/") if match else []


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class StandIn:
    """Where the server listens, and what came to it."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def stand_in(answer: Callable[[Asked], Answer]) -> Iterator[StandIn]:
    """A server that answers what the function says."""
    about = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(length))
            about.asked.append(asked)
            given = answer(asked)
            self.send_response(given.status)
            headers = {"Content-Length": str(len(given.body))} | dict(given.headers)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(given.body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

        def log_message(self, *_: object) -> None:
            """Nothing: the requests are kept instead."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    about.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, name="stand-in")
    thread.start()
    try:
        yield about
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def passed_on(upstream: str, asked: Asked, drop: str = "") -> Answer:
    """What another server answers to the request without its headers whose names begin so; moto checks no signature."""
    headers = {name: value for name, value in asked.headers.items() if not drop or not name.lower().startswith(drop)}
    connection = http.client.HTTPConnection(urlsplit(upstream).netloc)
    with closing(connection):
        connection.request(asked.method, asked.target, asked.body, headers)
        found = connection.getresponse()
        return Answer(found.status, found.read(), _plain(dict(found.headers)))


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    hop = {"connection", "transfer-encoding", "date", "server"}
    return {name: value for name, value in headers.items() if name.lower() not in hop}
