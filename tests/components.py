"""Recipes for tests, and a control plane of Greengrass on the loopback with configurable delays and failures."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COMPONENTS = "arn:aws:greengrass:eu-west-1:123456789012:components"


def artifact(uri: str, content: bytes, **changes: Any) -> dict[str, Any]:
    """An artifact as a recipe names it."""
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return {"Uri": uri, "Unarchive": "NONE", "Digest": digest, "Algorithm": "SHA-256"} | changes


def recipe(*artifacts: Mapping[str, Any], name: str = "digits", version: str = "1.0.0") -> bytes:
    """A recipe with these artifacts."""
    return json.dumps(
        {
            "RecipeFormatVersion": "2020-01-25",
            "ComponentName": name,
            "ComponentVersion": version,
            "Manifests": [
                {
                    "Platform": {"os": "linux", "architecture": "*", "runtime": "*"},
                    "Lifecycle": {"run": {"Script": "exec sleep infinity"}},
                    "Artifacts": list(artifacts),
                }
            ],
        }
    ).encode()


@dataclass
class Cloud:
    """What the control plane holds, and how it behaves.

    Attributes:
        states: what the next looks at a version find, in turn; the last stays.
        errors: what is said of a version that FAILED.
        recipes: by ARN.
        made_at: when each version was made, in seconds since the epoch.
        calls: each call's method and path.
        others: components that are listed before those that were made, one to a page.
        regions: those that callers signed for.
    """

    url: str = ""
    states: list[str] = field(default_factory=lambda: ["DEPLOYABLE"])
    errors: dict[str, str] = field(default_factory=dict)
    recipes: dict[str, bytes] = field(default_factory=dict)
    made_at: float = 0
    calls: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    regions: set[str] = field(default_factory=set)

    def answer(self, method: str, path: str, query: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """A status and a body."""
        if method == "POST":
            return self._create(json.loads(base64.b64decode(json.loads(body)["inlineRecipe"])))
        arn = unquote(path.removeprefix("/greengrass/v2/components").strip("/")).removesuffix("/metadata")
        if not arn:
            return 200, self._page(int(query.partition("nextToken=")[2] or 0))
        if arn not in self.recipes:
            return 404, {"message": f"no {arn}", "__type": "ResourceNotFoundException"}
        if method == "DELETE":
            del self.recipes[arn]
            return 204, {}
        if path.endswith("/metadata"):
            status = {"componentState": self._state(), "message": "m", "errors": self.errors}
            return 200, {"arn": arn, "creationTimestamp": self.made_at, "status": status}
        return 200, {"recipeOutputFormat": "JSON", "recipe": base64.b64encode(self.recipes[arn]).decode()}

    def _create(self, given: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        arn = f"{COMPONENTS}:{given['ComponentName']}:versions:{given['ComponentVersion']}"
        if arn in self.recipes:
            return 409, {"message": f"{arn} exists", "__type": "ConflictException"}
        self.recipes[arn] = json.dumps(given).encode()
        names = {"arn": arn, "componentName": given["ComponentName"], "componentVersion": given["ComponentVersion"]}
        return 201, names | {"creationTimestamp": self.made_at, "status": {"componentState": "REQUESTED"}}

    def _page(self, number: int) -> dict[str, Any]:
        names = self.others + sorted({arn.split(":")[6] for arn in self.recipes})
        shown = [{"componentName": name, "arn": f"{COMPONENTS}:{name}"} for name in names[number : number + 1]]
        return {"components": shown} | ({"nextToken": str(number + 1)} if number + 1 < len(names) else {})

    def _state(self) -> str:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]


@contextmanager
def cloud() -> Iterator[Cloud]:
    """A control plane on a free port, until the block ends."""
    held = Cloud()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            held.calls.append(f"{self.command} {unquote(parts.path)}")
            held.regions.add(self.headers["Authorization"].split("/")[2])
            status, answer = held.answer(self.command, parts.path, parts.query, body)
            content = b"" if status == 204 else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("x-amzn-ErrorType", answer.get("__type", ""))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
