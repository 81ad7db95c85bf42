"""Who is let in: each kind of wrong signature gets its own AWS error, and nothing happens."""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from acceptance.running import REGION, RunningServer, clean_environment, command, packaging_request, serving

if TYPE_CHECKING:
    from pathlib import Path

HEADERS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.CreateEdgePackagingJob"}


def post(server: RunningServer, body: bytes, headers: dict[str, str], path: str = "/") -> tuple[int, Any, Any]:
    """One POST; status, headers and the decoded JSON body."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, answer.headers, json.loads(content) if content else None
    finally:
        connection.close()


def signed(
    server: RunningServer, body: bytes, *, secret: str | None = None, key: str | None = None, skew: int = 0
) -> dict[str, str]:
    """The headers of a request that botocore signed, as if its clock were `skew` seconds off."""
    own_key, own_secret = server.keys
    request = AWSRequest("POST", server.url + "/", data=body, headers=HEADERS)
    signer = SigV4Auth(Credentials(key or own_key, secret or own_secret), "sagemaker", REGION)
    request.context["timestamp"] = (datetime.now(UTC) + timedelta(seconds=skew)).strftime("%Y%m%dT%H%M%SZ")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    signer._inject_signature_to_request(request, signature)
    return dict(request.headers.items())


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"secret": "not-the-secret"}, "InvalidSignatureException"),
        ({"key": "AKIANOBODYHASTHISKEY"}, "UnrecognizedClientException"),
        ({"skew": 600}, "InvalidSignatureException"),
        ({"skew": -600}, "InvalidSignatureException"),
        (None, "MissingAuthenticationTokenException"),
    ],
)
def test_a_wrong_signature_gets_its_error_and_nothing_happens(
    server: RunningServer, sagemaker: Any, compilation: str, how: dict[str, Any] | None, code: str
) -> None:
    body = json.dumps(packaging_request("never-made", compilation)).encode()
    headers = HEADERS if how is None else signed(server, body, **how)
    status, answered, error = post(server, body, headers)
    assert 400 <= status < 500
    assert error["__type"] == code
    assert answered["x-amzn-ErrorType"] == code
    assert error["message"]
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_edge_packaging_job(EdgePackagingJobName="never-made")


def test_a_clock_off_by_less_than_five_minutes_is_let_in(server: RunningServer) -> None:
    body = b'{"EdgePackagingJobName": "nobody"}'
    for skew in (-240, 0, 240):
        headers = signed(server, body, skew=skew) | {"X-Amz-Target": HEADERS["X-Amz-Target"]}
        assert post(server, body, headers)[2]["__type"] == "ValidationException"


def test_a_body_changed_after_signing_is_refused(server: RunningServer) -> None:
    headers = signed(server, b'{"EdgePackagingJobName": "a"}')
    assert post(server, b'{"EdgePackagingJobName": "b"}', headers)[2]["__type"] == "InvalidSignatureException"


def test_a_body_over_the_cap_is_refused_and_the_server_lives(server: RunningServer, sagemaker: Any) -> None:
    for size in (1024 * 1024 + 1, 8 * 1024 * 1024):
        status, _, error = post(server, b" " * size, HEADERS)
        assert (status, error["__type"]) == (413, "RequestEntityTooLargeException")
    with pytest.raises((BrokenPipeError, ConnectionResetError)):  # far over the cap, nobody reads on
        post(server, b" " * 64 * 1024 * 1024, HEADERS)
    assert sagemaker.list_edge_packaging_jobs()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_operation_of_the_model_that_is_not_implemented_says_so(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match="CreateDeviceFleet is not implemented yet") as raised:
        sagemaker.create_device_fleet(DeviceFleetName="f", OutputConfig={"S3OutputLocation": "s3://b/f"})
    assert raised.value.response["Error"]["Code"] == "UnknownOperationException"


def test_health_needs_no_signature(server: RunningServer) -> None:
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    connection.request("GET", "/health")
    assert json.loads(connection.getresponse().read())["status"] == "ok"
    connection.close()


def test_first_start_writes_private_files_and_the_next_keeps_them(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, "--no-worker") as first:
        keys = first.keys
    for name in ("credentials", "keys/signing.pem"):
        assert (data / name).stat().st_mode & 0o777 == 0o600, name
    with serving(data, "--no-worker") as second:
        assert second.keys == keys


def test_keys_from_the_environment_replace_the_file(tmp_path: Path) -> None:
    own = {"EDGEWRIGHT_ACCESS_KEY_ID": "AKIDFROMENVIRONMENT", "EDGEWRIGHT_SECRET_ACCESS_KEY": "from-the-environment"}
    data = tmp_path / "data"
    data.mkdir()
    (data / "credentials").write_text("[default]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = other\n")
    (data / "credentials").chmod(0o600)
    environment = own | {"EDGEWRIGHT_ACCOUNT_ID": "210987654321"}
    with serving(data, "--no-worker", environment=environment) as running:
        with pytest.raises(ClientError, match="security token included in the request is invalid"):
            running.client().list_edge_packaging_jobs()
        client = running.client(
            aws_access_key_id=own["EDGEWRIGHT_ACCESS_KEY_ID"], aws_secret_access_key="from-the-environment"
        )
        assert client.list_edge_packaging_jobs()["EdgePackagingJobSummaries"] == []
        with pytest.raises(ClientError, match="Could not assume role arn:aws:iam::123456789012:role/edge"):
            client.create_edge_packaging_job(**packaging_request("other-account", "c"))


def test_a_credentials_file_open_to_others_is_refused(tmp_path: Path) -> None:
    import subprocess

    data = tmp_path / "data"
    with serving(data, "--no-worker"):
        pass
    (data / "credentials").chmod(0o644)
    done = subprocess.run(
        command("serve", "--port", "0", "--data-dir", str(data), "--no-worker"),
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(),
        check=False,
    )
    assert done.returncode == 3
    assert "chmod 600" in done.stderr
    assert "Traceback" not in done.stderr
