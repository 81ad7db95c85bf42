"""Events of real processes: to a webhook while everything is killed around them, and as a stream."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import psutil
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from acceptance.conftest import archive
from acceptance.running import (
    REGION,
    RunningServer,
    clean_environment,
    command,
    packaging_request,
    register,
    serving,
    wait_for,
)
from hooks import SECRET, Receiver, receiving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WHOLE = ["STARTING", "INPROGRESS", "COMPLETED"]


def signed(
    server: RunningServer, path: str, query: dict[str, str] | None = None, last: int | None = None
) -> urllib.request.Request:
    """A GET that is signed as AWS's calls are."""
    url = f"{server.url}{path}" + (f"?{urlencode(query)}" if query else "")
    request = AWSRequest("GET", url, headers={} if last is None else {"Last-Event-ID": str(last)})
    SigV4Auth(Credentials(*server.keys), "sagemaker", REGION).add_auth(request)
    return urllib.request.Request(url, headers=dict(request.headers.items()))


@contextmanager
def listening(request: urllib.request.Request) -> Iterator[Iterator[dict[str, Any]]]:
    """The events of a stream, each with its id, as they come."""
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")

        def events() -> Iterator[dict[str, Any]]:
            fields: dict[str, str] = {}
            for line in answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                elif "data" in fields:
                    yield json.loads(fields["data"]) | {"seq": int(fields["id"])}
                    fields = {}

        yield events()


def refusal(request: urllib.request.Request) -> tuple[int, bytes]:
    """The status and body of a request that is refused."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as answer:
        return answer.code, answer.read()


def taken(events: Iterator[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    return [next(events) for _ in range(count)]


def statuses(events: list[dict[str, Any]]) -> list[str]:
    return [event["detail"]["EdgePackagingJobStatus"] for event in events]


def make(server: RunningServer, name: str, compilation: str) -> None:
    server.client().create_edge_packaging_job(**packaging_request(name, compilation))


def eventually(met: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "it has not come to that"
        time.sleep(0.05)


class TestWebhook:
    def test_every_change_arrives_though_server_worker_and_receiver_go_down(self, tmp_path: Path) -> None:
        """Jobs are made; the server is killed in the middle, and its worker; the receiver is away for a while."""
        receiver = Receiver()
        with receiving(receiver):
            pass  # which gave it a port, and nobody listens there now
        hook = {
            "EDGEWRIGHT_WEBHOOK__URL": receiver.url,
            "EDGEWRIGHT_WEBHOOK__SECRET": SECRET,
            "EDGEWRIGHT_WEBHOOK__TIMEOUT_SECONDS": "1",
        }
        names = [f"job-{place}" for place in range(12)]
        with ExitStack() as stack:
            with serving(tmp_path / "data", environment=hook) as server:
                register(server, "compiled", server.put("models", "m.tar.gz", archive({"model.so": b"x" * 100_000})))
                for name in names[:6]:
                    make(server, name, "compiled")
                stack.enter_context(receiving(receiver))
                eventually(lambda: len(receiver.taken) > 3)
                for name in names[6:]:
                    make(server, name, "compiled")
                for worker in psutil.Process(server.process.pid).children():
                    worker.kill()  # in the middle of whatever it does, and with the lease of the webhook
                server.process.kill()
            stack.close()
            with serving(tmp_path / "data", environment=hook) as server:
                client = server.client()
                for name in names:
                    assert wait_for(client, name)["EdgePackagingJobStatus"] == "COMPLETED"
                stack.enter_context(receiving(receiver))
                eventually(lambda: all(receiver.statuses(name)[-1:] == ["COMPLETED"] for name in names))
                with listening(signed(server, "/events", {"after": "0"})) as stream:
                    of_compilation = next(stream)
                    told = taken(stream, len(receiver.taken) - 1)
        assert of_compilation["detail-type"] == "SageMaker Compilation Job State Change"
        assert receiver.statuses("compiled") == ["COMPLETED"]
        for name in names:
            changes = receiver.statuses(name)
            once = [status for status, before in zip(changes, [None, *changes], strict=False) if status != before]
            assert once == WHOLE, changes  # a job that was begun again says so
            assert changes == [event["detail"]["EdgePackagingJobStatus"] for event in told if _is_of(event, name)]
        assert [event["id"] for event in told if _is_of(event, "job-0")] == [
            event["id"] for event in receiver.taken if _is_of(event, "job-0")
        ]

    def test_dead_letters_are_listed_and_sent_again(self, tmp_path: Path) -> None:
        refusing = threading.Event()
        refusing.set()
        receiver = Receiver(lambda _: 400 if refusing.is_set() else 204)
        with receiving(receiver):
            environment = {
                "EDGEWRIGHT_WEBHOOK__URL": receiver.url,
                "EDGEWRIGHT_WEBHOOK__SECRET": SECRET,
                "EDGEWRIGHT_WEBHOOK__GIVE_UP_SECONDS": "0.1",
            }

            def run(*arguments: str) -> str:
                done = subprocess.run(
                    command("events", *arguments, "--data-dir", str(tmp_path / "data")),
                    capture_output=True,
                    text=True,
                    check=True,
                    env=clean_environment(),
                )
                return done.stdout

            with serving(tmp_path / "data", environment=environment) as server:
                register(server, "compiled", server.put("models", "m.tar.gz", archive({"model.so": b"x"})))
                eventually(lambda: "answered 400" in run("dead"))
                (letter,) = json.loads(run("dead", "--json"))
                assert letter["resource"].endswith("compilation-job/compiled")
                refusing.clear()
                assert run("retry", str(letter["seq"])) == "1 event is offered again\n"
                eventually(lambda: receiver.statuses("compiled") == ["COMPLETED"])
                assert json.loads(run("dead", "--json")) == []


def _is_of(event: dict[str, Any], name: str) -> bool:
    return str(event["resources"][0]).endswith(f"edge-packaging-job/{name}")


class TestStream:
    def test_changes_come_as_they_happen_and_a_reader_goes_on_where_it_was(
        self, server: RunningServer, compilation: str
    ) -> None:
        with listening(signed(server, "/events")) as stream:
            make(server, "streamed", compilation)
            first = taken(stream, 1)
        assert wait_for(server.client(), "streamed")["EdgePackagingJobStatus"] == "COMPLETED"
        with listening(signed(server, "/events", last=first[0]["seq"])) as stream:
            rest = taken(stream, 2)
        assert statuses(first + rest) == WHOLE
        assert [event["seq"] for event in rest] == sorted(event["seq"] for event in rest)
        assert rest[-1]["resources"][0].endswith(":edge-packaging-job/streamed")

    def test_a_presigned_address_does_for_browsers(self, server: RunningServer) -> None:
        request = AWSRequest("GET", f"{server.url}/events?after=0")
        SigV4QueryAuth(Credentials(*server.keys), "sagemaker", REGION, expires=60).add_auth(request)
        with urllib.request.urlopen(request.url, timeout=30) as answer:
            assert answer.readline().startswith(b"retry:")

    def test_other_regions_are_not_told(self, server: RunningServer, compilation: str) -> None:
        server.client(region="us-west-2").list_edge_packaging_jobs()
        with listening(signed(server, "/events")) as stream:
            register(
                server,
                "elsewhere",
                server.put("models", "e.tar.gz", archive({"model.so": b"x"})),
                "--region",
                "us-west-2",
            )
            make(server, "here", compilation)
            assert next(stream)["resources"][0].endswith("/here")

    @pytest.mark.parametrize("path", ["/events", "/progress"])
    def test_nobody_reads_unsigned(self, server: RunningServer, path: str) -> None:
        for request in (
            urllib.request.Request(f"{server.url}{path}"),
            urllib.request.Request(f"{server.url}{path}", headers={"cookie": "edgewright-session=AAAA.BBBB"}),
            urllib.request.Request(f"{server.url}{path}", headers={"authorization": "Bearer x"}),
        ):
            assert refusal(request)[0] in {400, 403}

    @pytest.mark.parametrize("given", ["x", "-1", "9" * 40, "1.5", "٣"])
    def test_a_wrong_id_is_refused(self, server: RunningServer, given: str) -> None:
        status, body = refusal(signed(server, "/events", {"after": given}))
        assert status == 400
        assert json.loads(body)["message"].endswith("0 for the oldest that is kept.")

    def test_who_may_not_describe_a_job_hears_nothing_of_it(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        made = subprocess.run(
            command("access-keys", "create", "ci", "--allow", "sagemaker:Describe*", "--resource", "open-*", "--json",
                    "--data-dir", str(data)),
            capture_output=True, text=True, check=True, env=clean_environment(),
        )  # fmt: skip
        key = json.loads(made.stdout)
        with serving(data) as server:
            register(server, "compiled", server.put("models", "m.tar.gz", archive({"model.so": b"x"})))
            make(server, "secret-1", "compiled")
            make(server, "open-1", "compiled")
            wait_for(server.client(), "open-1")
            server.keys = (key["access_key_id"], key["secret_access_key"])
            with listening(signed(server, "/events", {"after": "0"})) as stream:
                told = taken(stream, 3)
                assert {event["resources"][0].rpartition("/")[2] for event in told} == {"open-1"}
            with urllib.request.urlopen(signed(server, "/progress", {"name": "secret-1"}), timeout=30) as answer:
                assert json.loads(answer.read()) == {"jobs": []}
            with listening(signed(server, "/events")) as stream:
                subprocess.run(
                    command("access-keys", "disable", key["access_key_id"], "--data-dir", str(data)),
                    check=True, capture_output=True, env=clean_environment(),
                )  # fmt: skip
                assert list(stream) == []  # the stream ends by itself

    def test_a_server_with_open_streams_ends_at_once(self, tmp_path: Path) -> None:
        with serving(tmp_path / "data", "--no-worker") as server, listening(signed(server, "/events")) as stream:
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(15) == 0
            assert list(stream) == []


def test_progress_is_told_in_bytes(server: RunningServer, compilation: str) -> None:
    make(server, "measured", compilation)
    wait_for(server.client(), "measured")
    with urllib.request.urlopen(signed(server, "/progress", {"name": "measured"}), timeout=30) as answer:
        (job,) = json.loads(answer.read())["jobs"]
    assert (job["name"], job["status"], job["bytesDone"]) == ("measured", "COMPLETED", job["bytesTotal"])
    assert job["bytesTotal"] > 0
    with urllib.request.urlopen(signed(server, "/progress", {"name": "nobody"}), timeout=30) as answer:
        assert json.loads(answer.read()) == {"jobs": []}
