"""A receiver of webhooks, which accepts events or refuses them."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

Answer = int | tuple[int, dict[str, str]]


@dataclass
class Receiver:
    """The requests so far, and how they are answered.

    Attributes:
        answer: gives the status of the answer to an event, and headers if it has any.
        bodies: every request, accepted or not, with its headers in lower case.
        taken: the events that were accepted, in the order of their first arrival.
    """

    answer: Callable[[dict[str, Any]], Answer] = lambda _event: 204
    bodies: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    def statuses(self, name: str) -> list[str]:
        """A job's statuses, as the accepted events have them."""
        of_job = [event["detail"] for event in self.taken if event["resources"][0].endswith(f"/{name}")]
        return [detail.get("EdgePackagingJobStatus", detail.get("CompilationJobStatus")) for detail in of_job]


@contextmanager
def receiving(receiver: Receiver) -> Iterator[Receiver]:
    """Listen on the receiver's port, a free one at first; until the block ends. May be called again."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            event = json.loads(body)
            with lock:
                receiver.bodies.append(({name.lower(): value for name, value in self.headers.items()}, body))
                answered = receiver.answer(event)
                status, headers = answered if isinstance(answered, tuple) else (answered, {})
                if 200 <= status < 300 and event["id"] not in {taken["id"] for taken in receiver.taken}:
                    receiver.taken.append(event)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    server = Server(("127.0.0.1", receiver.port), Handler)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
