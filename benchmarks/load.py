"""A load generator: the same requests over and over, over some connections, for some seconds; only to the loopback.

wrk does it where it is installed; else a small generator on uvloop, which takes about as much of a processor as the
fastest servers do, so that their figures are then the lower ones. What was used is printed.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import uvloop

MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Call:
    """One request: a path, headers and a body, sent with POST."""

    headers: dict[str, str]
    body: bytes
    path: str = "/"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a load.

    Attributes:
        rate: answers a second.
        p50, p99: milliseconds.
        failed: answers with another status than 200, and broken connections.
    """

    rate: float
    p50: float
    p99: float
    failed: int


def generator() -> str:
    """Which generator `load` uses here."""
    return "wrk" if shutil.which("wrk") else "uvloop"


def load(port: int, calls: list[Call], *, connections: int = 16, seconds: float = 8.0) -> Result:
    """Send the calls in turn to a port of 127.0.0.1, and measure."""
    if generator() == "wrk":
        return _wrk(port, calls, connections, seconds)
    return uvloop.run(_own(port, calls, connections, seconds))


def _wrk(port: int, calls: list[Call], connections: int, seconds: float) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "calls.lua"
        script.write_text(_lua(calls))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{round(seconds)}s", "--latency", "-s", str(script)]
        url = f"http://127.0.0.1:{port}/"
        text = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    rate = float(_found(r"Requests/sec:\s+([\d.]+)", text))
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    count = (int(failed[1]) if failed else 0) + (sum(map(int, broken.groups())) if broken else 0)
    return Result(rate, _latency("50%", text), _latency("99%", text), count)


def _lua(calls: list[Call]) -> str:
    tables = []
    for call in calls:
        headers = ", ".join(f"[{_quoted(name)}] = {_quoted(value)}" for name, value in call.headers.items())
        body = _quoted(call.body.decode())
        tables.append(f"  wrk.format('POST', {_quoted(call.path)}, {{{headers}}}, {body}),")
    lines = "\n".join(tables)
    return (
        f"local requests, next = nil, 0\nfunction init()\n  requests = {{\n{lines}\n  }}\nend\n"
        "function request()\n  next = next % #requests + 1\n  return requests[next]\nend\n"
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _latency(share: str, text: str) -> float:
    value, unit = re.search(rf"{share}\s+([\d.]+)(us|ms|s)\b", text).groups()  # type: ignore[union-attr] # wrk's form
    return float(value) * MILLISECONDS[unit]


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"wrk printed something else than was expected:\n{text}")
    return match[1]


@dataclass
class _Connection(asyncio.Protocol):
    """Sends the next call when the answer to the last is whole; answers must have a Content-Length."""

    calls: list[bytes]
    at: int
    latencies: list[float] = field(default_factory=list)
    failed: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.buffer = cast("asyncio.Transport", transport), b""  # uvloop's is no subclass of it
        self._send()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(self.buffer) >= end + 4 + length:
            self.latencies.append(time.perf_counter() - self.sent)
            self.failed += not head.startswith(b"http/1.1 200")
            self.buffer = self.buffer[end + 4 + length :]
            self._send()

    def _send(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(self.calls[self.at % len(self.calls)])
        self.at += 1


async def _own(port: int, calls: list[Call], connections: int, seconds: float) -> Result:
    loop = asyncio.get_running_loop()
    rendered = [_rendered(call, port) for call in calls]
    made = [_Connection(rendered, number * 7) for number in range(connections)]
    begun = time.perf_counter()
    for connection in made:
        await loop.create_connection(partial(_itself, connection), "127.0.0.1", port)
    await asyncio.sleep(seconds)
    elapsed = time.perf_counter() - begun
    for connection in made:
        connection.transport.abort()
    latencies = sorted(latency for connection in made for latency in connection.latencies)
    p50, p99 = (latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.99))
    return Result(len(latencies) / elapsed, p50, p99, sum(connection.failed for connection in made))


def _itself(connection: _Connection) -> _Connection:
    return connection


def _rendered(call: Call, port: int) -> bytes:
    lines = [f"POST {call.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in ({"Host": f"127.0.0.1:{port}"} | call.headers).items()]
    lines += [f"Content-Length: {len(call.body)}", "", ""]
    return "\r\n".join(lines).encode() + call.body
