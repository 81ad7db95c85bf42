"""What a real service tells of itself to those who watch it: metrics, health, logs."""

from __future__ import annotations

import json
import re
import signal
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client.parser import text_string_to_metric_families

from acceptance.conftest import archive
from acceptance.running import REGION, RunningServer, packaging_request, register, serving, wait_for
from edgewright import protocol
from edgewright.telemetry.metrics import METRICS
from hooks import SECRET

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "a-token-for-those-who-watch"
SESSION_TOKEN = "a-session-token-of-somebody"


def got(url: str, **headers: str) -> tuple[int, str]:
    """The status and text of an answer."""
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def scraped(url: str, **headers: str) -> dict[tuple[str, ...], float]:
    """Every sample: its name and label values, in the order of the labels' names."""
    status, text = got(f"{url}/metrics", **headers)
    assert status == 200, text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class TestMetrics:
    def test_what_was_done_is_told(self, tmp_path: Path) -> None:
        """One job completes and one fails; the figures that follow are theirs."""
        hook = {"EDGEWRIGHT_WEBHOOK__URL": "http://127.0.0.1:9/", "EDGEWRIGHT_WEBHOOK__SECRET": SECRET}
        with serving(tmp_path / "data", environment=hook) as server:
            register(server, "compiled", server.put("models", "m.tar.gz", archive({"model.so": b"x" * 100_000})))
            register(server, "gone", server.put("models", "gone.tar.gz", archive({"model.so": b"x"})))
            server.object("s3://models/gone.tar.gz").unlink()
            client = server.client()
            for name, compilation in (("good", "compiled"), ("bad", "gone")):
                client.create_edge_packaging_job(**packaging_request(name, compilation))
                wait_for(client, name)
            with pytest.raises(ClientError):
                client.describe_edge_packaging_job(EdgePackagingJobName="nobody")
            found = scraped(server.url)
            source = server.object("s3://models/m.tar.gz").stat().st_size
        kind = "edge-packaging-job"
        assert found["edgewright_up",] == 1
        assert found["edgewright_jobs", kind, "COMPLETED"] == found["edgewright_jobs", kind, "FAILED"] == 1
        assert found["edgewright_jobs", "compilation-job", "COMPLETED"] == 2
        assert found["edgewright_job_changes_total", kind, "STARTING"] == 2
        assert found["edgewright_job_bytes_total", kind] == source
        assert found["edgewright_job_duration_seconds_count", kind, "COMPLETED"] == 1
        assert found["edgewright_job_duration_seconds_sum", kind, "COMPLETED"] > 0
        assert found["edgewright_job_wait_seconds_count", kind] == 2
        assert found["edgewright_queue_jobs", kind] == 0
        assert found["edgewright_workers",] == 1
        assert found["edgewright_requests_total", "OK", "CreateEdgePackagingJob"] == 2
        assert found["edgewright_requests_total", "ResourceNotFound", "DescribeEdgePackagingJob"] == 1
        assert found["edgewright_request_duration_seconds_count", "CreateEdgePackagingJob"] == 2
        assert found["edgewright_webhook_waiting_events",] == 8  # nobody listens
        names = {name for name, *_ in found}
        missing = {name for name in METRICS if not {name, f"{name}_count"} & names}
        assert not missing

    def test_a_token_opens_them_and_nothing_else(self, tmp_path: Path) -> None:
        environment = {"EDGEWRIGHT_METRICS": "token", "EDGEWRIGHT_METRICS_TOKEN": TOKEN}
        with serving(tmp_path / "data", "--no-worker", environment=environment) as server:
            assert got(f"{server.url}/metrics")[0] == 401
            assert got(f"{server.url}/metrics", authorization="Bearer wrong")[0] == 401
            assert scraped(server.url, authorization=f"Bearer {TOKEN}")["edgewright_workers",] == 0


class TestHealth:
    def test_a_server_says_what_it_needs_and_has(self, server: RunningServer) -> None:
        assert json.loads(got(f"{server.url}/health/live")[1])["status"] == "ok"
        deadline = time.monotonic() + 60
        while True:  # its worker starts a little later
            status, text = got(f"{server.url}/health/ready")
            checks = {name: check["status"] for name, check in json.loads(text)["checks"].items()}
            if checks["workers"] == "ok" or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        assert status == 200
        assert checks == {"database": "ok", "migrations": "ok", "store": "ok", "workers": "ok"}

    def test_a_store_that_is_gone_and_workers_that_are_dead_are_noticed(self, tmp_path: Path) -> None:
        with serving(tmp_path / "data", "--no-worker") as server:
            status, text = got(f"{server.url}/health/ready")
            assert (status, json.loads(text)["checks"]["workers"]["status"]) == (200, "warning")
            (server.data_dir / "objects").rename(server.data_dir / "lost")
            time.sleep(1.1)  # an answer is good for a second
            status, text = got(f"{server.url}/health/ready")
            assert (status, json.loads(text)["checks"]["store"]["status"]) == (503, "failed")
            assert str(server.data_dir) not in text
            assert got(f"{server.url}/health/live")[0] == 200


class TestLogs:
    def test_every_line_is_json_and_says_whose_it_is(self, tmp_path: Path) -> None:
        environment = {"EDGEWRIGHT_LOG_FORMAT": "json", "EDGEWRIGHT_LOG_LEVEL": "debug"}
        with serving(tmp_path / "data", environment=environment) as server:
            register(server, "compiled", server.put("models", "m.tar.gz", archive({"model.so": b"x"})))
            client = server.client()
            made = client.create_edge_packaging_job(**packaging_request("logged", "compiled"))
            wait_for(client, "logged")
        lines = [json.loads(line) for line in server.log.read_text().splitlines()]
        (request,) = [line for line in lines if line.get("operation") == "CreateEdgePackagingJob"]
        assert request["request_id"] == made["ResponseMetadata"]["RequestId"]
        assert (request["code"], request["event"]) == ("OK", "request")
        ended = [line for line in lines if line["event"] == "job ended"]
        assert [line["job"].rpartition("/")[2] for line in ended] == ["logged"]
        assert all({"timestamp", "level", "event"} <= line.keys() for line in lines)

    @pytest.mark.parametrize("log_format", ["json", "console"])
    def test_no_secret_is_ever_written(self, tmp_path: Path, log_format: str) -> None:
        """Every operation of both services, signed well and badly, with the most that is ever logged."""
        data = tmp_path / "data"
        data.mkdir(mode=0o700)
        (data / "principals.toml").write_text(
            '[[principal]]\nname = "ci"\naccess_key_id = "AKIACI"\nsecret_access_key = "the-secret-of-ci"\n'
            f'account = "123456789012"\nsession_token = "{SESSION_TOKEN}"\n'
        )
        (data / "principals.toml").chmod(0o600)
        environment = {
            "EDGEWRIGHT_LOG_FORMAT": log_format,
            "EDGEWRIGHT_LOG_LEVEL": "debug",
            "EDGEWRIGHT_METRICS": "token",
            "EDGEWRIGHT_METRICS_TOKEN": TOKEN,
            "EDGEWRIGHT_WEBHOOK__URL": "http://127.0.0.1:9/",
            "EDGEWRIGHT_WEBHOOK__SECRET": SECRET,
        }
        secrets = {"the-secret-of-ci", SESSION_TOKEN, TOKEN, SECRET, "a-wrong-secret", "a-wrong-token"}
        with serving(data, environment=environment) as server:
            secrets.add(server.keys[1])
            holders = [
                {
                    "aws_access_key_id": "AKIACI",
                    "aws_secret_access_key": "the-secret-of-ci",
                    "aws_session_token": SESSION_TOKEN,
                },
                {
                    "aws_access_key_id": "AKIACI",
                    "aws_secret_access_key": "the-secret-of-ci",
                    "aws_session_token": "a-wrong-token",
                },
                {
                    "aws_access_key_id": "AKIACI",
                    "aws_secret_access_key": "a-wrong-secret",
                    "aws_session_token": SESSION_TOKEN,
                },
                {"aws_access_key_id": "AKIANOBODY", "aws_secret_access_key": "a-wrong-secret"},
            ]
            for holder in holders:
                _call_everything(server, holder, secrets)
            for expires, secret in ((60, server.keys[1]), (60, "a-wrong-secret"), (-60, server.keys[1])):
                secrets |= _presigned(server, expires, secret)
            got(f"{server.url}/metrics", authorization=f"Bearer {TOKEN}")
            got(f"{server.url}/metrics", authorization="Bearer a-wrong-token")
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(30)
            assert server.process.stdout is not None
            written = server.log.read_text() + server.process.stdout.read()
        assert written.count("request") > 100  # the log does speak
        assert not [secret for secret in secrets if secret in written]


def _call_everything(server: RunningServer, holder: dict[str, str], secrets: set[str]) -> None:
    """Call each operation with nothing and with nonsense; keep the signatures."""

    def keep(request: Any, **_: Any) -> None:
        found = re.search(rb"Signature=([0-9a-f]{64})", request.headers["Authorization"])
        assert found
        secrets.add(found[1].decode())

    once = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    for service in ("sagemaker", "greengrassv2"):
        client = server.client(service, config=once, **holder)
        client.meta.events.register("before-send", keep)
        ours = protocol.load_service(service).operations
        for name, operation in client.meta.method_to_api_mapping.items():
            if operation not in ours:
                continue
            members = client.meta.service_model.operation_model(operation).input_shape.members
            nonsense = {member: "x" for member, shape in members.items() if shape.type_name == "string"}
            for request in ({}, nonsense):
                with suppress(ClientError, BotoCoreError, KeyError):  # botocore cannot write a path without its parts
                    getattr(client, name)(**request)


def _presigned(server: RunningServer, expires: int, secret: str) -> set[str]:
    request = AWSRequest("GET", f"{server.url}/progress?name=x")
    SigV4QueryAuth(Credentials("AKIACI", secret, SESSION_TOKEN), "sagemaker", REGION, expires=expires).add_auth(request)
    got(request.url)
    return set(re.findall(r"X-Amz-Signature=([0-9a-f]{64})", request.url))
