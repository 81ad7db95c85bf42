"""A browser page that is watched: errors, dialogs and requests off the host are kept, and fail the test."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import BrowserContext, Dialog, Page, Request

    from acceptance.running import RunningServer

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
TAKEN: list[Path] = []
"""The pictures of this run, for the summary."""
SCHEMES = ("light", "dark")
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
"""All that another scheme of colours can change for axe."""
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
REFUSED = "Failed to load resource: the server responded with a status of "
"""What Chromium says of an answer that is an error: only where a test asks for one."""


@dataclass
class Watched:
    """One browser page on one server.

    Attributes:
        expected: statuses of answers that the test asks for on purpose.
    """

    server: RunningServer
    page: Page
    expected: Sequence[int] = ()
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self._said(said.type, said.text))
        self.page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        self.page.on("request", self._requested)
        self.page.on("dialog", self._asked)

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def goto(self, path: str) -> None:
        """Go to a page of the server."""
        self.page.goto(self.server.url + path)

    def sign_in(self, keys: tuple[str, str] | None = None) -> None:
        """Sign in as somebody who types."""
        key_id, secret = keys or self.server.keys
        self.goto("/console/sign-in")
        self.page.get_by_label("Access key id").fill(key_id)
        self.page.get_by_label("Secret access key").fill(secret)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(self.server.url + "/")

    def look_at(self, region: str) -> None:
        """Choose a region in the bar."""
        self.page.get_by_role("button", name="Region").click()
        self.page.locator("#region-field").fill(region)
        self.page.get_by_role("button", name="Show", exact=True).click()
        expect(self.page.get_by_role("button", name="Region")).to_contain_text(region)

    def picture(self, name: str) -> None:
        """Take the page's picture in each scheme of colours, check it for accessibility there, and on a phone."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        for scheme in SCHEMES:
            self.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
            self._shoot(f"{name}-{scheme}")
            self.check_accessibility(f"{name}, {scheme}", CONTRAST if scheme == "dark" else None)
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        self.page.set_viewport_size(PHONE)  # type: ignore[arg-type] # width and height
        self._shoot(f"{name}-phone")
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide == 0, f"{name} is {wide} pixels wider than a phone"
        self.page.set_viewport_size(DESKTOP)  # type: ignore[arg-type] # width and height

    def check_accessibility(self, name: str, options: dict[str, Any] | None = None) -> None:
        """Hold the page to axe's rules."""
        found = Axe().run(self.page, options=options)
        told = [
            f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes']]}"
            for each in found.response["violations"]
        ]
        assert not told, f"{name}: {told}"

    def no_fault(self) -> None:
        """Fail the test where the browser saw one."""
        assert not self.faults, self.faults

    def _shoot(self, name: str) -> None:
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=True)
        TAKEN.append(path)

    def _said(self, kind: str, text: str) -> None:
        wanted = any(text.startswith(f"{REFUSED}{status}") for status in self.expected)
        if kind in {"error", "warning"} and not wanted:
            self.faults.append(f"{kind}: {text}")

    def _asked(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _requested(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and address.netloc != urlsplit(self.server.url).netloc:
            self.faults.append(f"a request off the host: {request.url}")


class Watch(Protocol):
    """Opens a watched page."""

    def __call__(self, server: RunningServer, *, expected: tuple[int, ...] = (), script: bool = True) -> Watched: ...
