"""Makes the documentation's pictures of the console: a real server, real jobs, a real browser.

    make pictures

Pictures go to docs/pictures. The server and its data are gone afterwards.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from acceptance.conftest import archive
from acceptance.running import packaging_request, register, serving, wait_for, wait_for_compilation
from browser import chromium
from browser.conftest import compilation_request

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from acceptance.running import RunningServer

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
REGION = "us-east-1"
SIZES = {
    "model.params": 6_400_000,
    "libdlr.so": 2_100_000,
    "model.so": 900_000,
    "data/anchors.bin": 700_000,
    "data/classes.bin": 350_000,
    "model.json": 40_000,
    "labels/names.txt": 3_000,
}
JOBS = ("detector-2026-03-02", "detector-2026-03-03", "digits-nightly", "digits-candidate", "detector-production")


def main() -> None:
    """Make all pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "data") as server:
        _fill(server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium.executable(), args=chromium.flags())
            page = browser.new_page(viewport={"width": 1200, "height": 760}, device_scale_factor=1)
            page.emulate_media(color_scheme="light", reduced_motion="reduce")
            _sign_in(page, server)
            _pictures(page, server)
            browser.close()


def _fill(server: RunningServer) -> None:
    """Jobs of several kinds, one of which fails."""
    client = server.client(region=REGION)
    noise = {name: random.Random(name).randbytes(size) for name, size in SIZES.items()}  # noqa: S311 - as weights are
    for name, content in {"detector": archive(noise), "unreadable": b"no archive"}.items():
        register(server, f"{name}-compiled", server.put("models", f"{name}.tar.gz", content), "--region", REGION)
    client.create_compilation_job(**compilation_request("digits-compiled", server))
    wait_for_compilation(client, "digits-compiled")
    client.create_edge_packaging_job(**packaging_request("detector-upload", "unreadable-compiled"))
    wait_for(client, "detector-upload")
    for number, name in enumerate(JOBS):
        model = name.partition("-")[0]
        request = packaging_request(name, f"{model}-compiled", ModelName=model, ModelVersion=f"2.{number}")
        client.create_edge_packaging_job(**request | _component(name))
        wait_for(client, name)


def _component(name: str) -> dict[str, Any]:
    config = {"ComponentName": "com.example.Detector", "ComponentVersion": "2.4.0"}
    output = {
        "S3OutputLocation": "s3://packages/production",
        "PresetDeploymentType": "GreengrassV2Component",
        "PresetDeploymentConfig": json.dumps(config),
    }
    return {"OutputConfig": output} if name.endswith("production") else {}


def _sign_in(page: Page, server: RunningServer) -> None:
    key_id, secret = server.keys
    page.goto(f"{server.url}/console/sign-in")
    page.get_by_label("Access key id").fill(key_id)
    page.get_by_label("Secret access key").fill(secret)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{server.url}/")


def _pictures(page: Page, server: RunningServer) -> None:
    page.screenshot(path=PICTURES / "console-start.png")
    page.goto(f"{server.url}/console/jobs")
    page.screenshot(path=PICTURES / "console-jobs.png", clip={"x": 0, "y": 0, "width": 1200, "height": 560})
    page.goto(f"{server.url}/console/jobs/detector-upload")
    page.screenshot(path=PICTURES / "console-failed.png", clip={"x": 0, "y": 0, "width": 1200, "height": 560})
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 1200, "height": 1500})
    page.goto(f"{server.url}/console/jobs/detector-production")
    page.get_by_role("button", name="Verify now").click()
    page.locator("[data-verdict=verified]").wait_for()
    page.screenshot(path=PICTURES / "console-job.png")


if __name__ == "__main__":
    main()
