"""Templates to responses, and the headers that every page goes out with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from edgewright import __version__
from edgewright.console import texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
PRIVATE = {"cache-control": "no-store"}
IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable"}
STATIC = "/console/static/"
THEME_COOKIE = "edgewright-theme"
THEMES = frozenset({"light", "dark"})
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages name: its bytes, and an address that changes when they do."""

    content: bytes
    media_type: str
    address: str


@cache
def assets() -> Mapping[str, Asset]:
    """The style sheet, the script and the pictures, by file name."""
    folder = resources.files("edgewright.console") / "static"
    found: dict[str, Asset] = {}
    for file in folder.iterdir():
        content, ending = file.read_bytes(), file.name.rpartition(".")[2]
        if ending in TYPES:
            digest = hashlib.sha256(content).hexdigest()[:16]
            found[file.name] = Asset(content, TYPES[ending], f"{STATIC}{file.name}?v={digest}")
    return found


def static(request: Request) -> Response:
    """`GET /console/static/<file>`."""
    asset = assets().get(request.path_params["file"])
    if asset is None:
        return Response(status_code=404, headers=dict(HEADERS))
    return Response(asset.content, media_type=asset.media_type, headers={**HEADERS, **IMMUTABLE})


@cache
def environment() -> Environment:
    """Jinja2, which escapes whatever a template is given; a name that it is not given is an error."""
    made = Environment(
        loader=PackageLoader("edgewright.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    names = ("ago", "document", "duration", "paragraph", "pretty", "size", "stamp", "visible")
    made.filters |= {name: getattr(texts, name) for name in names}
    made.globals |= {"asset": lambda name: assets()[name].address, "version": __version__}
    return made


def render(template: str, **names: Any) -> str:
    """A template's text."""
    return environment().get_template(template).render(**names)


def page(text: str, status: int = 200, headers: Mapping[str, str] = {}) -> Response:
    """A page as it goes out."""
    return HTMLResponse(text, status, {**HEADERS, **PRIVATE, **headers})


def see_other(place: str) -> Response:
    """What follows a form that was taken."""
    return RedirectResponse(place, 303, {**HEADERS, **PRIVATE})


def theme(request: Request) -> str:
    """`light` or `dark` where the user chose one; empty leaves it to the system."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""
