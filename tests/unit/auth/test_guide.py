"""The four roles of the guide, as the file that it prints gives them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgewright.auth import rule_faults
from edgewright.auth.principals import Principal, read_principals
from edgewright.operations import OPERATIONS, Access, Caller
from edgewright.operations.access import reading, writing
from edgewright.stores import S3Uri

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "access-keys.md"
CALLER = Caller("123456789012", "eu-west-1")


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Principal]:
    section = GUIDE.read_text(encoding="utf-8").partition("## Four roles")[2]
    block = re.search(r"```toml\n(.*?)```", section, re.DOTALL)
    assert block is not None
    path = tmp_path_factory.mktemp("guide") / "principals.toml"
    path.write_text(block[1])
    path.chmod(0o600)
    return {principal.name: principal for principal in read_principals(path)}


def test_no_rule_of_theirs_is_without_effect(roles: dict[str, Principal]) -> None:
    assert set(roles) == {"admin", "pipeline", "viewer", "device"}
    for principal in roles.values():
        assert rule_faults.of_rights(principal.rights) == []


def create(job: str, compilation: str, config: str | None = None) -> tuple[Access, ...]:
    output = {"PresetDeploymentType": "GreengrassV2Component", "PresetDeploymentConfig": config} if config else {}
    request = {"EdgePackagingJobName": job, "CompilationJobName": compilation, "OutputConfig": output}
    return tuple(OPERATIONS["CreateEdgePackagingJob"].touched(CALLER, request))


def touched(operation: str, **request: str) -> tuple[Access, ...]:
    return tuple(OPERATIONS[operation].touched(CALLER, request))


def read(uri: str) -> tuple[Access, ...]:
    return (reading(S3Uri.parse(uri), "eu-west-1", implied=False),)


def write(uri: str) -> tuple[Access, ...]:
    return (writing(S3Uri.parse(uri), "eu-west-1"),)


COMPONENT = f"{CALLER.component_arn('digits-c')}:versions:1.0.0"
OTHER = f"{CALLER.component_arn('prod-c')}:versions:1.0.0"


@pytest.mark.parametrize(
    ("accesses", "who"),
    [
        (create("digits-1", "digits-c"), "admin pipeline"),
        (create("digits-1", "digits-c", "{}"), "admin pipeline"),
        (create("digits-1", "digits-c", '{"ComponentName": "digits-comp"}'), "admin pipeline"),
        (create("digits-1", "prod-c"), "admin"),
        (create("digits-1", "digits-c", '{"ComponentName": "prod-comp"}'), "admin"),
        (write("s3://builds/digits/packages/digits-1.0.tar.gz"), "admin pipeline"),
        (write("s3://models/digits/m.tar.gz"), "admin"),
        (touched("ListEdgePackagingJobs"), "admin pipeline viewer"),
        (touched("DescribeCompilationJob", CompilationJobName="prod-c"), "admin viewer"),
        (touched("StopCompilationJob", CompilationJobName="digits-c"), "admin pipeline"),
        (touched("GetComponent", arn=COMPONENT), "admin pipeline viewer device"),
        (touched("GetComponent", arn=OTHER), "admin viewer"),
        (touched("GetComponentVersionArtifact", arn=COMPONENT), "admin pipeline device"),
        (touched("DeleteComponent", arn=COMPONENT), "admin pipeline"),
        (read("s3://builds/digits/packages/digits-1.0.tar.gz"), "admin pipeline device"),
        (read("s3://builds/prod/packages/prod-1.0.tar.gz"), "admin"),
    ],
)
def test_each_may_do_what_its_role_is_for(roles: dict[str, Principal], accesses: tuple[Access, ...], who: str) -> None:
    allowed = {name for name, principal in roles.items() if all(map(principal.rights.permit, accesses))}
    if accesses[0].implied:  # who may begin no such operation is asked no further
        allowed &= {"admin", "pipeline"}
    assert allowed == set(who.split())
