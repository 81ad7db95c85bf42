"""Fixtures: a Chromium, a server with jobs of every kind, and a watched page for each test."""

from __future__ import annotations

import io
import json
import random
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from acceptance.conftest import archive
from acceptance.running import (
    ROLE,
    RunningServer,
    packaging_request,
    register,
    serving,
    wait_for,
    wait_for_compilation,
)
from browser import chromium
from browser.watching import DESKTOP, TAKEN, Watched
from edgewright.demo.digits import load_digits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser.watching import Watch

expect.set_options(timeout=30_000)  # milliseconds: a busy machine is late

HOSTILE_FILES = (
    "data/<script>window.hit = 1</script>.bin",
    "data/\"><img src=x onerror='window.hit = 1'>.bin",
    "data/\u202egnp.exe",
    "data/{{ 7 * 7 }}.bin",
    f"data/{'long' * 50}.bin",
)
HOSTILE_PLACE = "s3://packages/<script>window.hit=1</script>\"'><img src=x onerror=window.hit=1>"
HOSTILE_TEXT = "\"'><script>window.hit = 1</script><img src=x onerror=window.hit=1>"
HOSTILE_TAG = "é =/+-@ \u2028 wide"
NIGHTS = 27
"""More than a page."""
LINKED = "</pre><script>window.hit = 1</script>"


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """A browser, whose pages share nothing. It ends with its tests: its event loop counts as running until then."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.executable(), args=chromium.flags())
        yield browser
        browser.close()


@pytest.fixture
def watch(chrome: Browser) -> Iterator[Watch]:
    """Opens watched pages; what they saw fails the test at its end."""
    opened: list[Watched] = []

    def open_page(server: RunningServer, *, expected: tuple[int, ...] = (), script: bool = True) -> Watched:
        context = chrome.new_context(viewport=DESKTOP, java_script_enabled=script, accept_downloads=True)  # type: ignore[arg-type] # width and height
        watched = Watched(server, context.new_page(), expected)
        watched.page.set_default_timeout(20_000)
        opened.append(watched)
        return watched

    yield open_page
    for watched in opened:
        watched.context.close()
    for watched in opened:
        watched.no_fault()


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that nobody has used, with a worker."""
    with serving(tmp_path_factory.mktemp("empty") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with jobs of every kind, some with names that would like to be scripts."""
    with serving(tmp_path_factory.mktemp("busy") / "data") as server:
        _fill(server)
        yield server


def _fill(server: RunningServer) -> None:
    client = server.client(region="us-east-1")
    files = {name: random.Random(name).randbytes(40_000) for name in HOSTILE_FILES}
    files |= {"model.so": b"code" * 50_000, "model.params": random.Random(1).randbytes(900_000)}
    _register(server, "hostile-compiled", server.put("models", "hostile.tar.gz", archive(files)))
    _register(server, "broken-compiled", server.put("models", "broken.tar.gz", _with_link()))
    config = {"ComponentName": "com.example.Hostile", "ComponentVersion": "1.0.2", "ComponentDescription": HOSTILE_TEXT}
    output = {
        "S3OutputLocation": "s3://packages/components",
        "PresetDeploymentType": "GreengrassV2Component",
        "PresetDeploymentConfig": json.dumps(config),
    }
    wanted: dict[str, dict[str, Any]] = {
        "hostile": {"OutputConfig": {"S3OutputLocation": HOSTILE_PLACE}},
        "component": {"OutputConfig": output, "Tags": [{"Key": "stage", "Value": HOSTILE_TAG}]},
        "broken": {"CompilationJobName": "broken-compiled"},
    }
    for name, changes in wanted.items():
        client.create_edge_packaging_job(**packaging_request(name, "hostile-compiled", **changes))
    for number in range(NIGHTS):
        request = packaging_request(f"nightly-{number:02}", "hostile-compiled", ModelVersion=f"1.{number}")
        client.create_edge_packaging_job(**request)
    client.create_compilation_job(**compilation_request("digits-compiled", server))
    for name in (*wanted, *(f"nightly-{number:02}" for number in range(NIGHTS))):
        wait_for(client, name)
    wait_for_compilation(client, "digits-compiled")


def compilation_request(name: str, server: RunningServer) -> dict[str, Any]:
    """A valid CreateCompilationJob request for the demo's model."""
    source = server.put("models", "digits.tar.gz", load_digits().archive.read_bytes())
    return {
        "CompilationJobName": name,
        "RoleArn": ROLE,
        "InputConfig": {"S3Uri": source, "DataInputConfig": '{"image": [1, 1, 8, 8]}', "Framework": "ONNX"},
        "OutputConfig": {"S3OutputLocation": "s3://models/compiled", "TargetDevice": "rasp4b"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 900},
    }


def _register(server: RunningServer, name: str, artifact: str) -> None:
    register(server, name, artifact, "--region", "us-east-1")


def _with_link() -> bytes:
    """An archive that is refused, with a message that names its member."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        link = tarfile.TarInfo(LINKED)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return buffer.getvalue()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the pictures that were taken."""
    if TAKEN:
        terminalreporter.section("screenshots")
        for path in TAKEN:
            terminalreporter.line(str(path))
