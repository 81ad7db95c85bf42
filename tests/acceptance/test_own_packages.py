"""Two jobs with one ModelName, ModelVersion and location: the second overwrites, and is not taken for the first."""

from __future__ import annotations

import hashlib
import http.client
import json
import subprocess
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from acceptance.conftest import archive
from acceptance.running import RunningServer, clean_environment, command, packaging_request, register, serving, wait_for
from acceptance.test_console import Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job"
PACKAGE = "s3://packages/shared/digits-1.0.tar.gz"


def create(server: RunningServer, name: str, **changes: Any) -> dict[str, Any]:
    """A packaging job of a compilation of its own, done."""
    register(server, name, server.put("models", f"{name}.tar.gz", archive({"model.so": name.encode() * 1000})))
    output = {"S3OutputLocation": "s3://packages/shared", "PresetDeploymentType": "GreengrassV2Component"}
    server.client().create_edge_packaging_job(**packaging_request(name, name, OutputConfig=output) | changes)
    job = wait_for(server.client(), name)
    assert job["EdgePackagingJobStatus"] == "COMPLETED", job
    return job


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server on which `first` was overwritten by `second`; `alone` has a place of its own."""
    with serving(tmp_path_factory.mktemp("own") / "data") as running:
        create(running, "first")
        create(running, "second")
        create(running, "alone", OutputConfig={"S3OutputLocation": "s3://packages/alone"})
        yield running


@pytest.fixture(scope="module")
def owner(harness: RunningServer) -> Visitor:
    """Signed in to the console, with every right."""
    visitor = Visitor(harness.url)
    visitor.sign_in(harness.keys, "eu-west-1")
    return visitor


def run(harness: RunningServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    place = ("--region", "eu-west-1", "--data-dir", str(harness.data_dir))
    return subprocess.run(
        command(*arguments, *place), capture_output=True, text=True, check=False, env=clean_environment(), timeout=100
    )


def verdict(owner: Visitor, name: str) -> str:
    return owner.post(f"/console/jobs/{name}/verify", {"token": owner.token("/")}).text


def test_the_second_says_that_it_overwrote_the_first(harness: RunningServer) -> None:
    client = harness.client()
    first, second = (client.describe_edge_packaging_job(EdgePackagingJobName=name) for name in ("first", "second"))
    assert first["ModelArtifact"] == second["ModelArtifact"] == PACKAGE
    assert first["EdgePackagingJobStatusMessage"].endswith(" bytes.")
    assert second["EdgePackagingJobStatusMessage"].endswith(
        f" It was written over what {ARN}/first had made, at the same place."
    )


class TestConsole:
    def test_the_page_of_the_first_names_the_second(self, owner: Visitor) -> None:
        first, second = (owner.get(f"/console/jobs/{name}").text for name in ("first", "second"))
        assert "data-overwritten" in first
        assert f"{ARN}/second" in first
        assert "data-overwritten" not in second

    def test_the_first_does_not_verify_and_the_second_does(self, owner: Visitor) -> None:
        first = verdict(owner, "first")
        assert 'data-verdict="refused"' in first
        assert f"It was made by {ARN}/second." in first
        assert 'data-verdict="verified"' in verdict(owner, "second")

    def test_only_the_second_is_downloaded(self, harness: RunningServer, owner: Visitor) -> None:
        first = owner.get("/console/jobs/first/package")
        assert first.status == 400
        assert f"{ARN}/second wrote over it" in first.text
        assert owner.get("/console/jobs/second/package").body == harness.object(PACKAGE).read_bytes()


class TestCommand:
    def test_the_first_exits_1_with_the_reason(self, harness: RunningServer) -> None:
        done = run(harness, "jobs", "verify", "first")
        assert done.returncode == 1, done.stderr
        assert f"It was made by {ARN}/second." in done.stderr
        assert done.stdout == ""

    def test_the_second_exits_0(self, harness: RunningServer) -> None:
        done = run(harness, "jobs", "verify", "second")
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith(f"{PACKAGE} is the package of {ARN}/second\n")
        keys = str(harness.data_dir / "keys" / "signing.pub.pem")
        done = run(harness, "jobs", "verify", "second", "--public-key", keys, "--json")
        document = json.loads(done.stdout)
        assert (document["job"], document["package"]) == (f"{ARN}/second", PACKAGE)
        assert document["sha256"] == hashlib.sha256(harness.object(PACKAGE).read_bytes()).hexdigest()

    def test_another_key_is_refused(self, harness: RunningServer) -> None:
        done = run(harness, "jobs", "verify", "second", "--public-key", "tests/golden/signing.pub.pem")
        assert done.returncode == 1, done.stderr

    @pytest.mark.parametrize(("name", "reason"), [("nobody", "ResourceNotFound"), ("failed", "has no package")])
    def test_a_job_without_a_package(self, harness: RunningServer, name: str, reason: str) -> None:
        if name == "failed":
            artifact = harness.put("models", "failed.tar.gz", archive({"a": b"1"}))
            register(harness, name, artifact)
            harness.object(artifact).write_bytes(b"another")
            harness.client().create_edge_packaging_job(**packaging_request(name, name))
            assert wait_for(harness.client(), name)["EdgePackagingJobStatus"] == "FAILED"
        done = run(harness, "jobs", "verify", name)
        assert done.returncode == 1
        assert reason in done.stderr


class TestComponents:
    def test_the_first_is_not_exported_and_its_link_is_refused(
        self, harness: RunningServer, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        folder = tmp_path_factory.mktemp("exported")
        done = run(harness, "component", "export", "first", "--output", str(folder))
        assert done.returncode == 1
        assert f"{ARN}/second wrote over it" in done.stderr
        assert list(folder.rglob("*.tar.gz")) == []
        arn = harness.client().describe_edge_packaging_job(EdgePackagingJobName="first")["PresetDeploymentOutput"]
        greengrass = harness.client("greengrassv2")
        with pytest.raises(ClientError, match="No link is made"):
            greengrass.get_component_version_artifact(arn=arn["Artifact"], artifactName="digits-1.0.tar.gz")

    def test_the_second_is(self, harness: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> None:
        folder = tmp_path_factory.mktemp("exported")
        done = run(harness, "component", "export", "second", "--output", str(folder))
        assert done.returncode == 0, done.stderr
        assert len(list(folder.rglob("digits-1.0.tar.gz"))) == 1


class TestAStrangersObject:
    """No job wrote it: nothing but the bytes tell."""

    @pytest.fixture(autouse=True)
    def replaced(self, harness: RunningServer) -> Iterator[None]:
        place = harness.object("s3://packages/alone/digits-1.0.tar.gz")
        own = place.read_bytes()
        place.write_bytes(harness.object(PACKAGE).read_bytes())  # of the same key, model and version
        yield
        place.write_bytes(own)

    def test_the_command_and_the_console_refuse_it(self, harness: RunningServer, owner: Visitor) -> None:
        done = run(harness, "jobs", "verify", "alone")
        assert done.returncode == 1
        assert "No job that is known here made it." in done.stderr
        assert 'data-verdict="refused"' in verdict(owner, "alone")

    def test_its_download_breaks_off(self, owner: Visitor) -> None:
        with closing(http.client.HTTPConnection(urlsplit(owner.url).netloc, timeout=30)) as connection:
            cookie = "; ".join(f"{name}={value}" for name, value in owner.cookies.items())
            connection.request("GET", "/console/jobs/alone/package", headers={"cookie": cookie})
            with closing(connection.getresponse()) as answer, pytest.raises((http.client.IncompleteRead, OSError)):
                answer.read()


def test_a_link_breaks_off_where_the_object_is_another_by_then(harness: RunningServer) -> None:
    create(
        harness,
        "linked",
        ModelVersion="2.0",
        OutputConfig={"S3OutputLocation": "s3://packages/l", "PresetDeploymentType": "GreengrassV2Component"},
    )
    job = harness.client().describe_edge_packaging_job(EdgePackagingJobName="linked")
    arn = job["PresetDeploymentOutput"]["Artifact"]
    link = harness.client("greengrassv2").get_component_version_artifact(arn=arn, artifactName="digits-2.0.tar.gz")
    place = harness.object(job["ModelArtifact"])
    with urllib.request.urlopen(link["preSignedUrl"]) as answer:
        assert answer.read() == place.read_bytes()
    place.write_bytes(harness.object(PACKAGE).read_bytes())
    with (
        pytest.raises((http.client.IncompleteRead, ConnectionError)),
        urllib.request.urlopen(link["preSignedUrl"]) as answer,
    ):
        answer.read()
