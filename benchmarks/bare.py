"""The least that a server on uvicorn can do: an ASGI application that reads a body and answers a fixed one."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn

ANSWER = b"{}" * 500


async def application(_scope: Any, receive: Any, send: Any) -> None:
    """Answer every request alike."""
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})


if __name__ == "__main__":
    uvicorn.run(application, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_config=None)
