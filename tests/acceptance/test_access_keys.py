"""Access keys of several people and accounts, from the command line to the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from acceptance.running import ACCOUNT, REGION, ROLE, RunningServer, packaging_request, register, serving
from acceptance.test_cli import run
from acceptance.test_roles import recipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that nobody else changes the keys of."""
    with serving(tmp_path_factory.mktemp("keys") / "data", "--no-worker") as running:
        yield running


def new_key(server: RunningServer, *arguments: str) -> dict[str, str]:
    done = run("access-keys", "create", *arguments, "--data-dir", server.data_dir, "--json")
    assert done.returncode == 0, done.stderr
    created: dict[str, str] = json.loads(done.stdout)
    return created


def client_of(server: RunningServer, key: dict[str, str], **options: Any) -> Any:
    return server.client(
        aws_access_key_id=key["access_key_id"], aws_secret_access_key=key["secret_access_key"], **options
    )


def error_of(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**request)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_new_key_holds_at_once_and_may_do_what_it_is_allowed(shared: RunningServer) -> None:
    key = new_key(shared, "reader", "--allow", "sagemaker:List*", "--allow", "sagemaker:Describe*")
    client = client_of(shared, key)
    assert client.list_edge_packaging_jobs()["EdgePackagingJobSummaries"] == []
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.describe_edge_packaging_job(EdgePackagingJobName="nobody")
    action = "sagemaker:CreateEdgePackagingJob"
    assert error_of(client.create_edge_packaging_job, **packaging_request("mine", "c")) == (
        "AccessDeniedException",
        (
            f"User: arn:aws:iam::{ACCOUNT}:user/reader is not authorized to perform: {action} on resource: "
            f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:edge-packaging-job/mine because no identity-based policy allows the "
            f"{action} action"
        ),
    )


def test_rights_can_be_for_some_jobs_alone(shared: RunningServer) -> None:
    client = client_of(shared, new_key(shared, "tester", "--resource", "test-*", "--deny", "sagemaker:Stop*"))
    assert error_of(client.describe_edge_packaging_job, EdgePackagingJobName="test-1")[0] == "ResourceNotFound"
    assert error_of(client.describe_edge_packaging_job, EdgePackagingJobName="prod")[0] == "AccessDeniedException"
    code, message = error_of(client.stop_edge_packaging_job, EdgePackagingJobName="test-1")
    assert code == "AccessDeniedException"
    assert "explicit deny" in message


def test_who_is_denied_prods_names_gets_nothing_of_prods(shared: RunningServer) -> None:
    """As reproduced: prod's compilation in a package of one's own, and a component under prod's name."""
    model = shared.put("models", "prod.tar.gz", b"a compiled model")
    for name in ("prod-digits", "own-digits"):
        register(shared, name, model)
    key = new_key(shared, "outsider", "--allow", "*", "--deny", "sagemaker:CreateEdge*")
    path = shared.data_dir / "principals.toml"
    denied = 'deny = [{ actions = ["sagemaker:*"], resources = ["prod-*"] }]'
    path.write_text(path.read_text().replace('deny = ["sagemaker:CreateEdge*"]', denied, 1))
    client = client_of(shared, key)
    output = {
        "S3OutputLocation": "s3://packages/out",
        "PresetDeploymentType": "GreengrassV2Component",
        "PresetDeploymentConfig": json.dumps({"ComponentName": "prod-comp"}),
    }
    for request, resource in (
        (packaging_request("mine", "prod-digits"), "compilation-job/prod-digits"),
        (packaging_request("mine", "own-digits", OutputConfig=output), "components:prod-comp"),
    ):
        code, message = error_of(client.create_edge_packaging_job, **request)
        assert code == "AccessDeniedException"
        assert f"{resource} with an explicit deny" in message
    client.create_edge_packaging_job(**packaging_request("mine", "own-digits"))


@pytest.mark.parametrize("region", [REGION, "cn-north-1", "us-gov-west-1"])
def test_who_is_denied_an_object_by_its_arn_has_it_in_no_region(shared: RunningServer, region: str) -> None:
    """A caller chooses the region that a request is signed for; the objects are the same in all."""
    model = shared.put("guarded", "model.onnx", b"a model")
    name = f"guarded-{region}"
    key = new_key(shared, name, "--allow", "*", "--deny", "sagemaker:CreateEdge*")
    path = shared.data_dir / "principals.toml"
    denied = 'deny = [{ actions = ["s3:*"], resources = ["arn:aws:s3:::guarded/*"] }]'
    path.write_text(path.read_text().replace('deny = ["sagemaker:CreateEdge*"]', denied, 1))
    request = {
        "CompilationJobName": name,
        "RoleArn": ROLE,
        "InputConfig": {"S3Uri": model, "Framework": "ONNX", "DataInputConfig": '{"x": [1]}'},
        "OutputConfig": {"S3OutputLocation": "s3://own/out", "TargetDevice": "rasp4b"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    code, message = error_of(client_of(shared, key, region=region).create_compilation_job, **request)
    assert (code, "with an explicit deny" in message) == ("AccessDeniedException", True)
    greengrass = client_of(shared, key, service="greengrassv2", region=region)
    assert error_of(greengrass.create_component_version, inlineRecipe=recipe(model))[0] == "AccessDeniedException"


def test_a_rule_that_never_matches_is_refused(tmp_path: Path) -> None:
    done = run("access-keys", "create", "ci", "--allow", "sagemaker:CreateModel", "--data-dir", tmp_path)
    assert done.returncode != 0
    assert "'sagemaker:CreateModel' is no action of this service" in done.stderr


def test_another_account_is_another_world(shared: RunningServer) -> None:
    other = client_of(shared, new_key(shared, "guest", "--account", "210987654321"))
    request = packaging_request("theirs", "c", RoleArn="arn:aws:iam::210987654321:role/edge")
    assert error_of(other.create_edge_packaging_job, **request)[1].startswith("Could not find requested compilation")
    own_role = packaging_request("theirs", "c")
    assert error_of(other.create_edge_packaging_job, **own_role)[1].startswith("Could not assume role")


def test_a_disabled_key_is_refused_at_once_and_a_rotated_one_goes_on(shared: RunningServer) -> None:
    key = new_key(shared, "rotated", "--allow", "sagemaker:List*")
    done = run("access-keys", "rotate", key["access_key_id"], "--data-dir", shared.data_dir, "--json")
    fresh = json.loads(done.stdout)
    for one in (key, fresh):
        client_of(shared, one).list_compilation_jobs()
    done = run("access-keys", "disable", key["access_key_id"], "--data-dir", shared.data_dir)
    assert done.stdout == f"{key['access_key_id']} is disabled\n"
    assert error_of(client_of(shared, key).list_compilation_jobs)[0] == "UnrecognizedClientException"
    client_of(shared, fresh).list_compilation_jobs()
    assert error_of(client_of(shared, fresh).stop_compilation_job, CompilationJobName="c")[0] == "AccessDeniedException"


def test_listing_shows_no_secret(shared: RunningServer) -> None:
    key = new_key(shared, "listed")
    for flags in ((), ("--json",)):
        listed = run("access-keys", "list", "--data-dir", shared.data_dir, *flags).stdout
        assert key["access_key_id"] in listed
        assert key["secret_access_key"] not in listed
    assert (shared.data_dir / "principals.toml").stat().st_mode & 0o777 == 0o600


def test_the_files_comments_and_order_are_kept(tmp_path: Path) -> None:
    run("access-keys", "create", "first", "--data-dir", tmp_path)
    path = tmp_path / "principals.toml"
    path.write_text("# who may call\n" + path.read_text())
    run("access-keys", "create", "second", "--data-dir", tmp_path)
    text = path.read_text()
    assert text.startswith("# who may call\n")
    assert text.index('"first"') < text.index('"second"')


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create", "a b"], "name 'a b' cannot be used"),
        (["create", "x", "--account", "12"], "twelve digits"),
        (["disable", "AKIANOBODY"], "has no access key AKIANOBODY"),
        (["rotate", "AKIANOBODY"], "has no access key AKIANOBODY"),
    ],
)
def test_mistakes_are_told_in_a_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = run("access-keys", *arguments, "--data-dir", tmp_path)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_session_tokens_are_asked_of_those_who_have_one(shared: RunningServer) -> None:
    key = new_key(shared, "temporary")
    path = shared.data_dir / "principals.toml"
    path.write_text(path.read_text().replace('name = "temporary"', 'name = "temporary"\nsession_token = "t0ken"'))
    assert error_of(client_of(shared, key).list_compilation_jobs)[0] == "UnrecognizedClientException"
    assert error_of(client_of(shared, key, aws_session_token="wrong").list_compilation_jobs)[0] == (
        "UnrecognizedClientException"
    )
    client_of(shared, key, aws_session_token="t0ken").list_compilation_jobs()
