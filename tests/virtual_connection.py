"""One HTTP connection in memory, on a clock that jumps: what a client sends, and what becomes of the connection."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.server import ServerState

from edgewright.http.connection import BoundedProtocol, ConnectionBounds, bounded
from edgewright.http.connections import Connections

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

BOUNDS = ConnectionBounds(
    header_limit=4096, header_seconds=10.0, body_seconds=30.0, idle_seconds=75.0, write_seconds=20.0
)
STREAM_SECONDS = 40.0
"""How long the application's stream lasts."""


class _JumpingSelector(selectors.SelectSelector):
    """Nothing is waited for: the clock jumps to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout is not None:
            self.now += timeout
        return found


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer when nothing else is to be done."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class MemoryTransport(asyncio.Transport):
    """Keeps what is written; the client takes it all, or nothing once it `is_deaf`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: BoundedProtocol) -> None:
        super().__init__({"peername": ("192.0.2.1", 5000), "sockname": ("192.0.2.9", 8181)})
        self.written = b""
        self.unsent = 0
        self.is_deaf = False
        self.reads = True
        self.is_lost = False
        self._closing = False
        self._loop = loop
        self._protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_lost
        self.written += bytes(data)
        if self.is_deaf:
            high = self.unsent > 65536
            self.unsent += len(data)
            if self.unsent > 65536 and not high:
                self._protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            if not self.unsent:
                self._loop.call_soon(self._lose)

    def abort(self) -> None:
        self._closing = True
        self._loop.call_soon(self._lose)

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def _lose(self) -> None:
        if not self.is_lost:
            self.is_lost = True
            self._protocol.connection_lost(None)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers by path, and with the headers that it sees before and after the body.

    `/early` answers before the body is read, `/slow` after five seconds, `/stream` in pieces for `STREAM_SECONDS`, all
    else at once.
    """
    path, before = scope["path"], list(scope["headers"])
    message = {"type": "http.request", "more_body": path != "/early"}
    while message["type"] == "http.request" and message.get("more_body"):
        message = await receive()
    if message["type"] == "http.disconnect":
        return
    assert scope["headers"] == before, "headers changed while the body came"
    if path == "/slow":
        await asyncio.sleep(5)
    if path == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-stream", b"yes")]})
        for _ in range(int(STREAM_SECONDS)):
            await send({"type": "http.response.body", "body": b"event\n", "more_body": True})
            await asyncio.sleep(1)
        await send({"type": "http.response.body", "body": b""})
        return
    body = b"answered " + path.encode("utf-8", "surrogateescape")[:40]
    length = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": body})


class VirtualConnection:
    """The server's end of one connection."""

    def __init__(self, loop: JumpingLoop, app: Any, connections: Connections, bounds: ConnectionBounds) -> None:
        config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, ws="none", proxy_headers=False)
        config.timeout_keep_alive = int(bounds.idle_seconds)
        config.load()
        self.loop = loop
        self.protocol = bounded(bounds, connections)(config, ServerState(), {}, loop)
        self.transport = MemoryTransport(loop, self.protocol)
        self.protocol.connection_made(self.transport)
        self._kept = b""

    @property
    def answers(self) -> bytes:
        """All that was written."""
        return self.transport.written

    @property
    def is_open(self) -> bool:
        return not self.transport.is_lost

    @property
    def is_busy(self) -> bool:
        """Whether a whole request waits for its answer."""
        cycle = self.protocol.cycle
        return cycle is not None and not cycle.response_complete and self.protocol._whole

    async def send(self, data: bytes) -> None:
        """What the client sends; it is kept back while the server does not read, as TCP would."""
        self._kept += data
        await self.wait(0)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        end = self.loop.time() + seconds
        while True:
            for _ in range(20):  # what is ready now
                await asyncio.sleep(0)
            if self._kept and self.transport.reads and not self.transport.is_closing():
                data, self._kept = self._kept, b""
                self.protocol.data_received(data)
                continue
            if self.loop.time() >= end:
                return
            await asyncio.sleep(min(1.0, end - self.loop.time()))

    async def lifetime(self, most: float) -> float:
        """Seconds for which the connection stays open while the client is silent."""
        begun = self.loop.time()
        while self.is_open and self.loop.time() - begun < most:
            await self.wait(1.0)
        return self.loop.time() - begun


def connected(
    test: Callable[[VirtualConnection], Coroutine[Any, Any, None]],
    app: Any = application,
    connections: Connections | None = None,
    bounds: ConnectionBounds = BOUNDS,
) -> None:
    """Run a test on one connection."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        shared = Connections(10) if connections is None else connections
        connection = VirtualConnection(loop, app, shared, bounds)
        await test(connection)
        connection.transport.abort()
        await connection.wait(STREAM_SECONDS + 10)  # for tasks to see it

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(run())


def answers_in(written: bytes) -> list[tuple[int, bytes, bool]]:
    """Status, body and whether it is whole, of each answer that was written; anything else fails."""
    found = []
    rest = written
    while rest:
        head, end, rest = rest.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0].startswith(b"HTTP/1.1 "), written
        assert end, written
        status = int(lines[0].split(b" ")[1])
        headers = dict(line.lower().split(b": ", 1) for line in lines[1:])
        if status == 100:
            continue
        if b"x-stream" in headers:
            body, whole, rest = _stream(rest, chunked=b"transfer-encoding" in headers)
        else:
            length = int(headers[b"content-length"])
            body, rest = rest[:length], rest[length:]
            whole = len(body) == length
        found.append((status, body, whole))
        if headers.get(b"connection") == b"close":
            assert not rest, written
    return found


def _stream(rest: bytes, *, chunked: bool) -> tuple[bytes, bool, bytes]:
    pieces: list[bytes] = []
    if not chunked:
        return b"", True, rest
    while rest:
        size, end, rest = rest.partition(b"\r\n")
        assert end
        length = int(size, 16)
        piece, rest = rest[:length], rest[length:]
        assert rest.startswith(b"\r\n")
        rest = rest[2:]
        if not length:
            return b"".join(pieces), True, rest
        assert piece == b"event\n"
        pieces.append(piece)
    return b"".join(pieces), False, rest
