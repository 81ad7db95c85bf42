"""Requests made to take long or much: the server goes on answering, and does not grow."""

from __future__ import annotations

import urllib.request
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError

from acceptance.running import packaging_request, serving
from acceptance.test_access_keys import client_of, new_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from acceptance.running import RunningServer

MOST_MEMORY = 300 * 1024**2
NAME = "-prod-" * 45_000
"""270 KB, of which the rule `*-prod-*-eu` took 35 seconds to say that it does not match."""


def test_nothing_that_a_caller_sends_holds_others_up(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--no-worker") as server:
        key = new_key(server, "restricted", "--allow", "*", "--resource", "*-prod-*-eu", "--resource", "a")
        calls = [*hostile_calls(server, key)] * 3
        with ThreadPoolExecutor(4) as pool:
            sent = [pool.submit(refused, call) for call in calls]
            looks = 0
            while wait(sent, timeout=0.05).not_done:
                answers(server)
                looks += 1
        assert {future.result() for future in sent} == {
            "AccessDeniedException",
            "SerializationException",
            "ValidationException",
        }
        assert looks
        status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
        (peak,) = [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")]
        assert peak < MOST_MEMORY


def hostile_calls(server: RunningServer, key: dict[str, str]) -> list[Callable[[], Any]]:
    anything: dict[str, Any] = {"config": Config(retries={"total_max_attempts": 1}, parameter_validation=False)}
    sagemaker, allowed = client_of(server, key, **anything), server.client("greengrassv2", **anything)
    function = {"lambdaArn": "a", "componentLambdaParameters": {"eventSources": [{}] * 250_000}}
    return [
        lambda: sagemaker.create_edge_packaging_job(**packaging_request(NAME, "c")),
        lambda: sagemaker.stop_edge_packaging_job(EdgePackagingJobName=NAME),
        lambda: allowed.create_component_version(inlineRecipe=b"a: [" + b"{" * 15_000),
        lambda: allowed.create_component_version(inlineRecipe=b"a: " + b"[" * 60 + b"[]," * 5_000),
        lambda: allowed.create_component_version(lambdaFunction=function),
    ]


def refused(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "taken"


def answers(server: RunningServer) -> None:
    """The server answers: within a second on a machine of its own, which the tests' is not. It took half a minute."""
    with urllib.request.urlopen(f"{server.url}/health/live", timeout=10) as answer:
        assert answer.status == 200
