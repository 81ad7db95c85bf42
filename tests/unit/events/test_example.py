"""The receiver in `examples` takes what the service sends, and nothing else."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hooks import SECRET, Receiver, receiving
from unit.events.test_webhook import EVENT, webhook

if TYPE_CHECKING:
    from types import ModuleType

EXAMPLE = Path(__file__).parents[3] / "examples" / "webhook_receiver.py"
NOW = 1614265330


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("webhook_receiver", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sent() -> tuple[dict[str, str], bytes]:
    with receiving(Receiver()) as receiver:
        webhook(receiver.url, now=NOW).offer(EVENT)
    return receiver.bodies[0]


def test_what_the_service_sends_is_believed(sent: tuple[dict[str, str], bytes]) -> None:
    headers, body = sent
    assert example().verify(SECRET, headers, body, NOW + 299) == EVENT.document()
    others = {**headers, "webhook-signature": f"v1,AAAA {headers['webhook-signature']} v1a,BBBB"}
    assert example().verify(SECRET, others, body, NOW) == EVENT.document()


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"{}"},
        {"webhook-id": "another"},
        {"webhook-timestamp": str(NOW + 1)},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"now": NOW + 301},
        {"now": NOW - 301},
        {"secret": "whsec_" + "A" * 32},
    ],
    ids=str,
)
def test_anything_else_is_not(sent: tuple[dict[str, str], bytes], change: dict[str, Any]) -> None:
    module, (headers, body) = example(), sent
    changed = headers | {name: value for name, value in change.items() if name.startswith("webhook-")}
    with pytest.raises(module.Forged):
        module.verify(change.get("secret", SECRET), changed, change.get("body", body), change.get("now", NOW))


def test_the_program_prints_each_event_once() -> None:
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLE), "0"],
        env=os.environ | {"WEBHOOK_SECRET": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    port = process.stderr.readline().split()[-1]

    for _ in range(2):
        webhook(f"http://127.0.0.1:{port}/", now=time.time()).offer(EVENT)
    process.terminate()
    printed, _ = process.communicate(timeout=30)
    assert [json.loads(line) for line in printed.splitlines()] == [EVENT.document()]
