"""A faulty HTTP proxy for tests: between a client and a server on the loopback, it breaks requests in chosen ways.

In a test:

    with faulty_proxy(s3.url, seeded(7, Rates(slow_down=0.2))) as proxy:
        ...  # give the client proxy.url; the requests are in proxy.seen

Or as a process, which can be killed and paused: `faulty_proxy.py --upstream URL --port N --seed N --rates JSON`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from urllib.parse import urlsplit

PIECE = 64 * 1024
HEAD_LIMIT = 256 * 1024
NO_BODY = {204, 304}
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on with no time: closing sends RST instead of FIN."""


class Fault(StrEnum):
    """A fault that a request can meet."""

    ERROR = "error"
    """500 InternalError; the server never sees the request."""
    SLOW_DOWN = "slow_down"
    """503 SlowDown; the server never sees the request."""
    LOST = "lost"
    """The server does what was asked, and the answer is replaced by a 500: the client cannot know."""
    RESET = "reset"
    """The connection is reset in the middle of the request; the server never sees it."""
    RESET_AFTER = "reset_after"
    """The server does what was asked, and the connection is reset before the answer."""
    STALL = "stall"
    """Nothing moves for a while before the request goes on to the server."""
    STALL_AFTER = "stall_after"
    """Nothing moves for a while in the middle of the answer."""
    TRUNCATION = "truncation"
    """The connection ends in the middle of the answer's body."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The share of requests that meet each fault, 0 to 1, and how long a stall lasts."""

    error: float = 0.0
    slow_down: float = 0.0
    lost: float = 0.0
    reset: float = 0.0
    reset_after: float = 0.0
    stall: float = 0.0
    stall_after: float = 0.0
    truncation: float = 0.0
    stall_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came to the proxy, counted from 0, and the fault that it met."""

    number: int
    method: str
    target: str
    fault: Fault | None


Choose = Callable[[int, str, str], Fault | None]
"""Chooses a request's fault by its number from 0, its method, and its target (path and query)."""


def seeded(seed: int, rates: Rates) -> Choose:
    """Faults by chance, the same for the same seed: the n-th request always meets the same."""
    shares = {fault: getattr(rates, fault.value) for fault in Fault}
    if sum(shares.values()) > 1:
        raise ValueError(f"The rates add up to {sum(shares.values())}, and 1 is the most.")

    def choose(number: int, _method: str, _target: str) -> Fault | None:
        left = random.Random(f"{seed}/{number}").random()
        for fault, share in shares.items():
            left -= share
            if left < 0:
                return fault
        return None

    return choose


def never(_number: int, _method: str, _target: str) -> Fault | None:
    """No fault at all."""
    return None


class _Broken(Exception):
    """The client or the server went away."""


@dataclass(slots=True)
class _Head:
    """The first lines of a request or an answer."""

    start: str
    lines: list[str]

    def get(self, name: str) -> str | None:
        wanted = name.lower()
        for line in self.lines:
            key, _, value = line.partition(":")
            if key.strip().lower() == wanted:
                return value.strip()
        return None

    def without(self, *names: str) -> list[str]:
        return [line for line in self.lines if line.partition(":")[0].strip().lower() not in names]

    def to_bytes(self, *more: str) -> bytes:
        lines = [self.start, *self.without("connection", "expect"), *more]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@dataclass
class FaultyProxy:
    """Where the proxy listens, and what came to it."""

    upstream: str
    choose: Choose = never
    stall_seconds: float = 2.0
    report: Callable[[Seen], None] | None = None
    url: str = ""
    seen: list[Seen] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """How many requests met each fault, and how many passed without one."""
        found: dict[str, int] = {}
        for each in self.seen:
            name = each.fault.value if each.fault else "passed"
            found[name] = found.get(name, 0) + 1
        return found

    async def serve(self, port: int = 0) -> asyncio.Server:
        """Start listening; the loop that calls goes on serving."""
        server = await asyncio.start_server(self._client, "127.0.0.1", port, limit=HEAD_LIMIT)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(_Broken, ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                while await self._request(reader, writer):
                    pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Pass one request on; whether the connection can take another."""
        head = await _read_head(reader)
        if head is None:
            return False
        method, target, _ = head.start.split(" ", 2)
        number = len(self.seen)
        fault = self.choose(number, method, target)
        self.seen.append(Seen(number, method, target, fault))
        if self.report is not None:
            self.report(self.seen[-1])
        if (head.get("expect") or "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if fault is Fault.RESET:
            await _read_some(reader, head)
            _reset(writer)
            return False
        body = [piece async for piece in _body(reader, head)]
        if fault in {Fault.ERROR, Fault.SLOW_DOWN}:
            return await _refuse(writer, method, slow_down=fault is Fault.SLOW_DOWN)
        if fault is Fault.STALL:
            await asyncio.sleep(self.stall_seconds)
        return await self._forward(writer, head, body, fault)

    async def _forward(self, writer: asyncio.StreamWriter, head: _Head, body: list[bytes], fault: Fault | None) -> bool:
        server = urlsplit(self.upstream)
        try:
            from_server, to_server = await asyncio.open_connection(server.hostname, server.port, limit=HEAD_LIMIT)
        except OSError:
            await _refuse(writer, head.start.split(" ")[0], slow_down=False)
            return False
        try:
            to_server.write(head.to_bytes("Connection: close"))
            for piece in body:
                to_server.write(piece)
                await to_server.drain()
            return await self._answer(from_server, writer, head.start.split(" ")[0], fault)
        finally:
            to_server.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, fault: Fault | None
    ) -> bool:
        head = await _read_head(reader)
        if head is None:
            raise _Broken
        if fault is Fault.RESET_AFTER:
            _reset(writer)
            return False
        if fault is Fault.LOST:
            return await _refuse(writer, method, slow_down=False)
        bare = method == "HEAD" or int(head.start.split(" ")[1]) in NO_BODY
        body = b"" if bare else b"".join([piece async for piece in _body(reader, head, until_end=True)])
        if not bare:
            head.lines = [*head.without("transfer-encoding", "content-length"), f"Content-Length: {len(body)}"]
        writer.write(head.to_bytes())
        half = len(body) // 2
        if fault in {Fault.TRUNCATION, Fault.STALL_AFTER}:
            writer.write(body[:half])
            await writer.drain()
            if fault is Fault.TRUNCATION:
                return False
            await asyncio.sleep(self.stall_seconds)
            body = body[half:]
        writer.write(body)
        await writer.drain()
        return True


async def _read_head(reader: asyncio.StreamReader) -> _Head | None:
    """The first lines, or None where the connection ended before any."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    start, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    return _Head(start, lines)


async def _body(reader: asyncio.StreamReader, head: _Head, *, until_end: bool = False) -> AsyncIterator[bytes]:
    """The body. A chunked request's is given as it came, chunk heads and all; an answer's without them."""
    if (head.get("transfer-encoding") or "").lower() == "chunked":
        async for raw, data in _chunks(reader):
            yield data if until_end else raw
        return
    announced = head.get("content-length")
    left = int(announced) if announced is not None else None
    while left is None or left:
        if left is None and not until_end:
            return
        piece = await reader.read(PIECE if left is None else min(PIECE, left))
        if not piece:
            if left:
                raise _Broken
            return
        if left is not None:
            left -= len(piece)
        yield piece


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[tuple[bytes, bytes]]:
    """Each chunk as it came, and its data."""
    while True:
        line = await reader.readline()
        size = int(line.partition(b";")[0], 16)
        if size == 0:
            break
        data = await reader.readexactly(size + 2)
        yield line + data, data[:-2]
    end = line
    while line != b"\r\n":  # trailing headers
        line = await reader.readline()
        if not line:
            raise _Broken
        end += line
    yield end, b""


async def _read_some(reader: asyncio.StreamReader, head: _Head) -> None:
    """About half of the request's body."""
    with suppress(asyncio.IncompleteReadError):
        await reader.readexactly(int(head.get("content-length") or 0) // 2)


async def _refuse(writer: asyncio.StreamWriter, method: str, *, slow_down: bool) -> bool:
    status, code, message = (
        ("503 Slow Down", "SlowDown", "Please reduce your request rate.")
        if slow_down
        else ("500 Internal Server Error", "InternalError", "We encountered an internal error. Please try again.")
    )
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    head = _Head(f"HTTP/1.1 {status}", ["Content-Type: application/xml", f"Content-Length: {len(body)}"])
    writer.write(head.to_bytes() + (b"" if method == "HEAD" else body.encode()))
    await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@contextmanager
def faulty_proxy(upstream: str, choose: Choose = never, *, stall_seconds: float = 2.0) -> Iterator[FaultyProxy]:
    """A proxy in a thread of this process, on a free port; it is gone when the block ends."""
    proxy = FaultyProxy(upstream, choose, stall_seconds)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="faulty-proxy")
    thread.start()
    server = asyncio.run_coroutine_threadsafe(proxy.serve(), loop).result(10)  # this thread may run a loop of its own
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def rates_from_json(text: str) -> Rates:
    """Rates as `--rates` takes them."""
    given = json.loads(text)
    unknown = given.keys() - {each.name for each in fields(Rates)}
    if unknown:
        raise ValueError(f"No such rates: {sorted(unknown)}; there are {sorted(asdict(Rates()))}.")
    return Rates(**given)


def _report(seen: Seen) -> None:
    _say(f"{seen.fault or 'passed'} {seen.method} {seen.target.partition('?')[0]}")


def _say(line: str) -> None:
    print(line, flush=True)


async def _main(arguments: argparse.Namespace) -> None:
    rates = rates_from_json(arguments.rates)
    proxy = FaultyProxy(arguments.upstream, seeded(arguments.seed, rates), rates.stall_seconds, _report)
    server = await proxy.serve(arguments.port)
    _say(f"listening on {proxy.url}")
    await server.serve_forever()


def main() -> None:
    """Run the proxy until the process is ended."""
    parser = argparse.ArgumentParser(description="A faulty HTTP proxy on the loopback.")
    parser.add_argument("--upstream", required=True, help="the server's address: http://127.0.0.1:PORT")
    parser.add_argument("--port", type=int, default=0, help="where to listen; 0 takes a free one")
    parser.add_argument("--seed", type=int, default=0, help="which requests meet which fault")
    parser.add_argument("--rates", default="{}", help='shares of requests as JSON: {"slow_down": 0.1}')
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
