"""Components through unmodified boto3 and the AWS CLI, against a real server process."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import os
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import yaml
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from acceptance.running import (
    ACCOUNT,
    REGION,
    RunningServer,
    clean_environment,
    packaging_request,
    register,
    serving,
    wait_for,
)
from acceptance.test_cli import run
from contract.s3_service import s3_service
from hostile_recipes import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT = b"a package" * 200_000
PREFIX = f"arn:aws:greengrass:{REGION}:{ACCOUNT}:components"


@pytest.fixture(scope="module")
def greengrass(server: RunningServer) -> Any:
    """An unmodified boto3 client."""
    return server.client("greengrassv2")


@pytest.fixture(scope="module")
def artifact(server: RunningServer) -> str:
    uri = packaged(server, server.put("models", "for-components.tar.gz", compiled_model()))
    server.object(uri).write_bytes(CONTENT)
    return uri


def compiled_model() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("model.so")
        member.size = 1000
        tar.addfile(member, io.BytesIO(bytes(1000)))
    return buffer.getvalue()


def packaged(
    server: RunningServer, source: str, model: str = "digits", environment: dict[str, str] | None = None
) -> str:
    """The package of a job: links lead to no other object."""
    name, client = f"component-of-{model}", server.client()
    register(server, name, source, environment=environment)
    output = {"S3OutputLocation": "s3://packages/components"}
    client.create_edge_packaging_job(**packaging_request(name, name, ModelName=model, OutputConfig=output))
    uri: str = wait_for(client, name)["ModelArtifact"]
    return uri


def recipe(name: str, version: str = "1.0.0", *uris: str, **changes: Any) -> dict[str, Any]:
    """A recipe that every core takes."""
    artifacts = [
        {"Uri": uri, "Unarchive": "NONE", "Permission": {"Read": "ALL", "Execute": "NONE"}, "Digest": "bad"}
        for uri in uris
    ]
    manifest = {
        "Platform": {"os": "linux", "architecture": "aarch64", "runtime": "*"},
        "Lifecycle": {"run": "exec sleep infinity"},
        "Artifacts": artifacts,
    }
    return {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": version,
        "ComponentDescription": "Ünits of digits",
        "ComponentPublisher": "The example company",
        "Manifests": [manifest],
    } | changes


def create(client: Any, *parts: str, **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.create_component_version(inlineRecipe=json.dumps(recipe(*parts)), **options)
    return answer


def test_a_recipe_becomes_a_component(greengrass: Any, artifact: str) -> None:
    made = create(greengrass, "com.example.first", "1.0.0", artifact, tags={"team": "edge"})
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["arn"] == f"{PREFIX}:com.example.first:versions:1.0.0"
    assert made["status"] == {"componentState": "DEPLOYABLE", "message": "NONE", "errors": {}}
    described = greengrass.describe_component(arn=made["arn"])
    assert described["creationTimestamp"] == made["creationTimestamp"]
    assert described["tags"] == {"team": "edge"}
    assert described["publisher"] == "The example company"
    assert described["description"] == "Ünits of digits"
    (platform,) = described["platforms"]
    assert platform["attributes"] == {"os": "linux", "architecture": "aarch64", "runtime": "*"}


def test_the_recipe_comes_back_with_the_digest_of_the_object(greengrass: Any, artifact: str) -> None:
    arn = create(greengrass, "com.example.digest", "1.0.0", artifact)["arn"]
    as_json = greengrass.get_component(arn=arn)
    assert as_json["recipeOutputFormat"] == "JSON"
    found = json.loads(as_json["recipe"])
    (given,) = found["Manifests"][0]["Artifacts"]
    assert given["Digest"] == base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert given["Algorithm"] == "SHA-256"
    expected = recipe("com.example.digest", "1.0.0", artifact)
    expected["Manifests"][0]["Artifacts"] = [given]
    assert found == expected
    as_yaml = greengrass.get_component(arn=arn, recipeOutputFormat="YAML")
    assert as_yaml["recipeOutputFormat"] == "YAML"
    assert yaml.safe_load(as_yaml["recipe"]) == found


def test_a_recipe_may_come_in_yaml(greengrass: Any, artifact: str) -> None:
    text = yaml.safe_dump(recipe("com.example.yaml", "2.1.0", artifact)).replace("'2020-01-25'", "2020-01-25")
    made = greengrass.create_component_version(inlineRecipe=text.encode())
    assert made["componentName"] == "com.example.yaml"
    assert json.loads(greengrass.get_component(arn=made["arn"])["recipe"])["RecipeFormatVersion"] == "2020-01-25"


def test_a_hostile_recipe_is_the_callers_fault(greengrass: Any) -> None:
    """Some were answered with 500: a second list of manifests, a time out of range, numbers without end."""
    for text, words in HOSTILE[:2] + HOSTILE[3:]:  # boto3 sends no empty recipe
        with pytest.raises(ClientError) as refused:
            greengrass.create_component_version(inlineRecipe=text)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert refused.value.response["Error"]["Code"] == "ValidationException"
        assert words in refused.value.response["Error"]["Message"]


def test_a_number_of_any_size_comes_back(greengrass: Any) -> None:
    large: dict[str, Any] = {"ComponentConfiguration": {"DefaultConfiguration": {"large": 10**40 + 1}}}
    text = json.dumps(recipe("com.example.large", **large))
    arn = greengrass.create_component_version(inlineRecipe=text)["arn"]
    found = yaml.safe_load(greengrass.get_component(arn=arn, recipeOutputFormat="YAML")["recipe"])
    assert found["ComponentConfiguration"] == large["ComponentConfiguration"]


def test_a_version_is_made_once(greengrass: Any) -> None:
    arn = create(greengrass, "com.example.once")["arn"]
    with pytest.raises(greengrass.exceptions.ConflictException) as refused:
        create(greengrass, "com.example.once")
    assert refused.value.response["Error"]["Message"] == (
        f"Component [com.example.once : 1.0.0] for account [{ACCOUNT}] already exists with state: [DEPLOYABLE]"
    )
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert refused.value.response["resourceId"] == arn
    assert refused.value.response["resourceType"] == "ComponentVersion"


def test_a_deleted_version_is_gone_and_may_be_made_anew(greengrass: Any) -> None:
    arn = create(greengrass, "com.example.deleted")["arn"]
    assert greengrass.delete_component(arn=arn)["ResponseMetadata"]["HTTPStatusCode"] == 204
    for call in (greengrass.delete_component, greengrass.describe_component, greengrass.get_component):
        with pytest.raises(greengrass.exceptions.ResourceNotFoundException) as refused:
            call(arn=arn)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
        assert refused.value.response["resourceId"] == arn
    assert create(greengrass, "com.example.deleted")["arn"] == arn


def test_artifacts_that_cannot_be_read_are_named_together(greengrass: Any, artifact: str) -> None:
    gone = "s3://packages/gone.tar.gz", "s3://no-bucket/gone.tar.gz"
    with pytest.raises(greengrass.exceptions.ValidationException) as refused:
        create(greengrass, "com.example.gone", "1.0.0", artifact, *gone)
    assert refused.value.response["Error"]["Message"] == (
        "Invalid Input: Encountered following errors in Artifacts: "
        "{s3://packages/gone.tar.gz = Specified artifact resource cannot be accessed, "
        "s3://no-bucket/gone.tar.gz = Specified artifact resource cannot be accessed}"
    )
    with pytest.raises(greengrass.exceptions.ResourceNotFoundException):
        greengrass.describe_component(arn=f"{PREFIX}:com.example.gone:versions:1.0.0")


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({}, "'inlineRecipe' is missing"),
        ({"lambdaFunction": {"lambdaArn": "arn:aws:lambda:eu-west-1:1:function:f:1"}}, "'lambdaFunction'"),
        ({"inlineRecipe": b"{"}, "neither JSON nor YAML"),
        ({"inlineRecipe": b"[1]"}, "no mapping"),
        ({"inlineRecipe": json.dumps(recipe("a b"))}, "ComponentName"),
        ({"inlineRecipe": json.dumps(recipe("a", "banana"))}, "ComponentVersion"),
        ({"inlineRecipe": json.dumps(recipe("a", "1.0.0", "file:///etc/passwd"))}, "file:///etc/passwd"),
        ({"inlineRecipe": json.dumps(recipe("a", ComponentDescription="x" * 16_000))}, "16000"),
        ({"inlineRecipe": json.dumps(recipe("a")), "tags": {"aws:x": "1"}}, "aws:x"),
        ({"inlineRecipe": json.dumps(recipe("a")), "clientToken": "a b"}, "clientToken"),
    ],
)
def test_what_cannot_be_honoured_is_refused(greengrass: Any, request_: dict[str, Any], told: str) -> None:
    with pytest.raises(greengrass.exceptions.ValidationException) as refused:
        greengrass.create_component_version(**request_)
    assert told in refused.value.response["Error"]["Message"]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_client_token_makes_a_request_count_once(greengrass: Any, artifact: str) -> None:
    first, again = (create(greengrass, "com.example.token", "1.0.0", artifact, clientToken="t-1") for _ in range(2))
    assert {name: again[name] for name in first if name != "ResponseMetadata"} == {
        name: first[name] for name in first if name != "ResponseMetadata"
    }
    with pytest.raises(greengrass.exceptions.ConflictException) as refused:
        create(greengrass, "com.example.token", "1.0.1", artifact, clientToken="t-1")
    assert refused.value.response["Error"]["Message"].startswith("The client token t-1 came with another request")
    assert refused.value.response["resourceId"] == first["arn"]
    with pytest.raises(greengrass.exceptions.ConflictException):
        create(greengrass, "com.example.token", "1.0.0", artifact)  # boto3 makes a token of its own


def test_lists_come_in_pages(server: RunningServer) -> None:
    client = server.client("greengrassv2", region="eu-central-1")
    for name, version in [("a", "1.0.0"), ("b", "1.9.0"), ("b", "1.10.0"), ("b", "1.10.0-rc.1"), ("c", "1.0.0")]:
        create(client, name, version)
    pages = list(client.get_paginator("list_components").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["components"]) for page in pages] == [2, 1]
    found = [component for page in pages for component in page["components"]]
    assert [component["componentName"] for component in found] == ["a", "b", "c"]
    assert found[1]["latestVersion"]["componentVersion"] == "1.10.0"
    assert found[1]["latestVersion"]["arn"] == f"{found[1]['arn']}:versions:1.10.0"
    versions = client.get_paginator("list_component_versions").paginate(
        arn=found[1]["arn"], PaginationConfig={"PageSize": 1}
    )
    listed = [item["componentVersion"] for page in versions for item in page["componentVersions"]]
    assert listed == ["1.10.0", "1.10.0-rc.1", "1.9.0"]
    assert client.list_components(scope="PUBLIC")["components"] == []
    with pytest.raises(client.exceptions.ValidationException):
        client.list_component_versions(arn=found[1]["arn"], nextToken=pages[0]["nextToken"])
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_component_versions(arn=found[1]["arn"].replace(":b", ":z"))


def test_constraints_of_a_query_are_checked(greengrass: Any) -> None:
    with pytest.raises(greengrass.exceptions.ValidationException) as refused:
        greengrass.list_components(maxResults=101)
    assert refused.value.response["Error"]["Message"] == (
        "1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: Member must have value "
        "less than or equal to 100"
    )


def test_tags(greengrass: Any) -> None:
    arn = create(greengrass, "com.example.tagged", tags={"a": "1"})["arn"]
    greengrass.tag_resource(resourceArn=arn, tags={"b c": "2/3", "a": "4"})
    assert greengrass.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "4", "b c": "2/3"}
    greengrass.untag_resource(resourceArn=arn, tagKeys=["b c", "z"])
    assert greengrass.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "4"}
    greengrass.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert "tags" not in greengrass.describe_component(arn=arn)
    with pytest.raises(greengrass.exceptions.ValidationException):
        greengrass.tag_resource(resourceArn=arn, tags={f"key-{number}": "" for number in range(51)})


def test_another_region_has_components_of_its_own(server: RunningServer, greengrass: Any) -> None:
    arn = create(greengrass, "com.example.here")["arn"]
    elsewhere = server.client("greengrassv2", region="us-east-2")
    with pytest.raises(elsewhere.exceptions.ResourceNotFoundException):
        elsewhere.describe_component(arn=arn)


# --- artifacts --------------------------------------------------------------------------------------------------


def url_of(client: Any, arn: str, name: str) -> str:
    url: str = client.get_component_version_artifact(arn=arn, artifactName=name)["preSignedUrl"]
    return url


def fetch(url: str, method: str = "GET") -> tuple[int, bytes, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def test_an_artifact_is_fetched_at_its_address(server: RunningServer, greengrass: Any, artifact: str) -> None:
    arn = create(greengrass, "com.example.artifact", "1.0.0", artifact)["arn"]
    for name in (artifact.removeprefix("s3://"), "digits-1.0.tar.gz"):
        url = url_of(greengrass, arn, name)
        assert url.startswith(f"{server.url}/artifacts/")
        status, content, headers = fetch(url)
        assert (status, content) == (200, CONTENT)
        assert headers["content-length"] == str(len(CONTENT))
    assert fetch(url, "HEAD")[:2] == (200, b"")
    with pytest.raises(greengrass.exceptions.ResourceNotFoundException):
        url_of(greengrass, arn, "other.tar.gz")


def test_behind_a_proxy_addresses_begin_as_the_operator_says(tmp_path: Path) -> None:
    public = "https://models.example.com:8443"
    with serving(tmp_path / "data", environment={"EDGEWRIGHT_PUBLIC_URL": public}) as server:
        client = server.client("greengrassv2")
        uri = packaged(server, server.put("models", "m.tar.gz", compiled_model()))
        server.object(uri).write_bytes(CONTENT)
        url = url_of(client, create(client, "com.example.public", "1.0.0", uri)["arn"], "digits-1.0.tar.gz")
        assert url.startswith(f"{public}/artifacts/packages/components/digits-1.0.tar.gz?")
        assert fetch(url.replace(public, server.url))[:2] == (200, CONTENT)


def test_an_address_is_good_for_its_object_alone(server: RunningServer, greengrass: Any, artifact: str) -> None:
    server.put("packages", "secret.bin", b"secret")
    url = url_of(greengrass, create(greengrass, "com.example.encrypted", "1.0.0", artifact)["arn"], "digits-1.0.tar.gz")
    path = urlsplit(url)
    changed = [
        url.replace(path.path, "/artifacts/packages/secret.bin"),
        url.replace("expires=", "expires=9"),
        url.partition("?")[0],
        url[:-1] + ("0" if url[-1] != "0" else "1"),
    ]
    for other in changed:
        status, content, _ = fetch(other)
        assert status == 403
        assert b"secret" not in content


def test_an_artifact_that_went_away_is_not_found(server: RunningServer, greengrass: Any) -> None:
    uri = packaged(server, server.put("models", "leaving.tar.gz", compiled_model()), "leaving")
    url = url_of(greengrass, create(greengrass, "com.example.leaving", "1.0.0", uri)["arn"], "leaving-1.0.tar.gz")
    server.object(uri).unlink()
    assert fetch(url)[0] == 404


def test_a_fips_address_is_refused(greengrass: Any, artifact: str) -> None:
    arn = create(greengrass, "com.example.fips", "1.0.0", artifact)["arn"]
    with pytest.raises(greengrass.exceptions.ValidationException):
        greengrass.get_component_version_artifact(arn=arn, artifactName="digits-1.0.tar.gz", iotEndpointType="fips")
    answer = greengrass.get_component_version_artifact(
        arn=arn, artifactName="digits-1.0.tar.gz", iotEndpointType="standard", s3EndpointType="REGIONAL"
    )
    assert fetch(answer["preSignedUrl"])[1] == CONTENT


def test_with_s3_the_address_is_of_s3(tmp_path: Path) -> None:
    with s3_service() as s3:
        for bucket in ("models", "packages"):
            s3.client().create_bucket(Bucket=bucket)
        s3.client().put_object(Bucket="models", Key="model.tar.gz", Body=compiled_model())
        environment = {
            "EDGEWRIGHT_OBJECT_STORE": "s3",
            "EDGEWRIGHT_S3__ENDPOINT_URL": s3.url,
            "EDGEWRIGHT_S3__ACCESS_KEY_ID": s3.key,
            "EDGEWRIGHT_S3__SECRET_ACCESS_KEY": s3.secret,
        }
        with serving(tmp_path / "data", environment=environment) as server:
            client = server.client("greengrassv2")
            uri = packaged(server, "s3://models/model.tar.gz", environment=environment)
            content = s3.client().get_object(Bucket="packages", Key="components/digits-1.0.tar.gz")["Body"].read()
            url = url_of(client, create(client, "com.example.s3", "1.0.0", uri)["arn"], uri.removeprefix("s3://"))
            assert url.startswith(f"{s3.url}/packages/components/digits-1.0.tar.gz?")
            assert fetch(url)[:2] == (200, content)


# --- the rim ----------------------------------------------------------------------------------------------------


def test_a_wrong_signature_is_forbidden(server: RunningServer) -> None:
    client = server.client("greengrassv2", aws_secret_access_key="not-the-secret")
    with pytest.raises(ClientError) as refused:
        client.list_components()
    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_signature_for_another_service_is_refused(server: RunningServer) -> None:
    request = AWSRequest("GET", f"{server.url}/greengrass/v2/components")
    SigV4Auth(Credentials(*server.keys), "sagemaker", REGION).add_auth(request)
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    connection.request("GET", "/greengrass/v2/components", headers=dict(request.headers.items()))
    answer = connection.getresponse()
    assert answer.status == 403
    assert answer.headers["x-amzn-errortype"] == "InvalidSignatureException"
    assert answer.headers["content-type"] == "application/json"
    assert "correct service: 'greengrass'" in json.loads(answer.read())["message"]
    connection.close()


def test_what_is_not_implemented_says_so(greengrass: Any) -> None:
    with pytest.raises(ClientError) as refused:
        greengrass.list_core_devices()
    assert refused.value.response["Error"]["Code"] == "UnknownOperationException"
    assert "ListCoreDevices is not implemented" in refused.value.response["Error"]["Message"]


def test_rights_name_components(server: RunningServer, greengrass: Any) -> None:
    created = run(
        "access-keys", "create", "limited", "--data-dir", server.data_dir, "--json",
        "--allow", "greengrass:*", "--resource", "team-*",
    )  # fmt: skip
    assert created.returncode == 0, created.stderr
    key = json.loads(created.stdout)
    limited = server.client(
        "greengrassv2", aws_access_key_id=key["access_key_id"], aws_secret_access_key=key["secret_access_key"]
    )
    arn = create(limited, "team-model", tags={"a": "b"})["arn"]
    assert limited.describe_component(arn=arn)["componentName"] == "team-model"
    assert limited.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b"}
    other = create(greengrass, "other-model")["arn"]
    refused = [
        (lambda: create(limited, "other-model", "2.0.0"), "CreateComponentVersion", other.partition(":versions:")[0]),
        (lambda: limited.delete_component(arn=other), "DeleteComponent", other),
        (lambda: limited.tag_resource(resourceArn=other, tags={"a": "b"}), "TagResource", other),
        (limited.list_components, "ListComponents", "*"),
    ]
    for call, operation, resource in refused:
        with pytest.raises(limited.exceptions.AccessDeniedException) as denied:
            call()
        assert denied.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert denied.value.response["Error"]["Message"] == (
            f"User: arn:aws:iam::{ACCOUNT}:user/limited is not authorized to perform: greengrass:{operation} on "
            f"resource: {resource} because no identity-based policy allows the greengrass:{operation} action"
        )


# --- the AWS CLI ------------------------------------------------------------------------------------------------


@pytest.fixture
def aws(server: RunningServer, tmp_path: Path) -> Callable[..., Any]:
    """Runs the AWS CLI; its JSON, or None where it says nothing."""
    key_id, secret = server.keys
    environment = clean_environment() | {
        "AWS_ACCESS_KEY_ID": key_id,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": server.url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "HOME": str(tmp_path),
    }

    def call(*arguments: str) -> Any:
        program = str(Path(sys.executable).with_name("aws"))
        done = subprocess.run(
            [program, "greengrassv2", *arguments, "--output", "json"],
            check=True, capture_output=True, text=True, env=environment,
        )  # fmt: skip
        return json.loads(done.stdout) if done.stdout.strip() else None

    return call


def test_the_aws_cli_speaks_to_it(aws: Callable[..., Any], artifact: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(recipe("com.example.cli", "1.0.0", artifact)), encoding="utf-8")
    made = aws("create-component-version", "--inline-recipe", f"fileb://{file}", "--tags", "team=edge")
    arn = made["arn"]
    assert aws("describe-component", "--arn", arn)["tags"] == {"team": "edge"}
    shown = aws("get-component", "--arn", arn, "--recipe-output-format", "YAML")
    assert yaml.safe_load(base64.b64decode(shown["recipe"]))["ComponentName"] == "com.example.cli"
    listed = aws("list-component-versions", "--arn", arn.partition(":versions:")[0])
    assert [item["arn"] for item in listed["componentVersions"]] == [arn]
    name = artifact.removeprefix("s3://")
    url = aws("get-component-version-artifact", "--arn", arn, "--artifact-name", name)["preSignedUrl"]
    assert fetch(url)[1] == CONTENT
    assert aws("delete-component", "--arn", arn) is None
    assert aws("list-components")["components"] is not None
