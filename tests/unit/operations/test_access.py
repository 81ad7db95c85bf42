"""What each operation says that its requests touch."""

from __future__ import annotations

from typing import Any

import pytest

from edgewright.jobs import JobKey, Kind
from edgewright.operations import OPERATIONS, Access, Caller, describe_access
from edgewright.protocol import load_service

CALLER = Caller("123456789012", "eu-west-1")
JOBS = "arn:aws:sagemaker:eu-west-1:123456789012"
COMPONENTS = "arn:aws:greengrass:eu-west-1:123456789012:components"
VERSION = f"{COMPONENTS}:team-model:versions:1.0.0"


@pytest.mark.parametrize(
    ("operation", "request_", "name", "arn"),
    [
        ("DescribeEdgePackagingJob", {"EdgePackagingJobName": "j"}, "j", f"{JOBS}:edge-packaging-job/j"),
        ("StopEdgePackagingJob", {"EdgePackagingJobName": "j"}, "j", f"{JOBS}:edge-packaging-job/j"),
        ("StopCompilationJob", {"CompilationJobName": "c"}, "c", f"{JOBS}:compilation-job/c"),
        ("ListEdgePackagingJobs", {"NameContains": "j"}, "*", "*"),
        ("ListTags", {"ResourceArn": f"{JOBS}:compilation-job/c"}, "c", f"{JOBS}:compilation-job/c"),
        ("DescribeEdgePackagingJob", {}, "*", "*"),
    ],
)
def test_sagemakers_touch_jobs(operation: str, request_: dict[str, str], name: str, arn: str) -> None:
    assert OPERATIONS[operation].touched(CALLER, request_) == (Access(f"sagemaker:{operation}", name, arn),)


@pytest.mark.parametrize(
    ("operation", "request_", "name", "arn"),
    [
        ("GetComponent", {"arn": VERSION}, "team-model", VERSION),
        ("ListComponentVersions", {"arn": f"{COMPONENTS}:team-model"}, "team-model", f"{COMPONENTS}:team-model"),
        ("TagResource", {"resourceArn": VERSION, "tags": {}}, "team-model", VERSION),
        ("TagResource", {"resourceArn": "arn:aws:greengrass:r:1:coreDevices:x"}, "*", "*"),
        ("ListComponents", {}, "*", "*"),
        ("CreateComponentVersion", {"inlineRecipe": b'{"ComponentName": "a"}'}, "a", f"{COMPONENTS}:a"),
        ("CreateComponentVersion", {"inlineRecipe": b"componentname: a\n"}, "a", f"{COMPONENTS}:a"),
        ("CreateComponentVersion", {"inlineRecipe": b"{"}, "*", "*"),
        ("CreateComponentVersion", {"inlineRecipe": b'{"ComponentName": 1}'}, "*", "*"),
        ("CreateComponentVersion", {}, "*", "*"),
    ],
)
def test_greengrasses_touch_components(operation: str, request_: dict[str, Any], name: str, arn: str) -> None:
    aliases = (f"{COMPONENTS}:{name}",) if ":versions:" in arn else ()
    assert OPERATIONS[operation].touched(CALLER, request_) == (Access(f"greengrass:{operation}", name, arn, aliases),)


@pytest.mark.parametrize(
    ("config", "component", "bound"),
    [
        (None, None, None),
        ("{}", "SagemakerEdgeManagerj", "j"),
        ('{"ComponentName": "SagemakerEdgeManagerother"}', "SagemakerEdgeManagerother", "other"),
        ('{"ComponentName": "prod-comp"}', "prod-comp", "prod-comp"),
        ('{"ComponentName": 1}', None, None),
    ],
)
def test_a_packaging_job_touches_what_it_is_made_of_and_what_is_made_of_it(
    config: str | None, component: str | None, bound: str | None
) -> None:
    preset = {"PresetDeploymentType": "GreengrassV2Component", "PresetDeploymentConfig": config} if config else {}
    action, compilation = "sagemaker:CreateEdgePackagingJob", f"{JOBS}:compilation-job/c"
    request = {"EdgePackagingJobName": "j", "CompilationJobName": "c", "OutputConfig": preset}
    job, source, *made = OPERATIONS["CreateEdgePackagingJob"].touched(CALLER, request)
    named = [Access(action, "c", compilation)]
    assert source == Access("sagemaker:DescribeCompilationJob", "c", compilation)
    if component is not None and bound is not None:
        arn = f"{COMPONENTS}:{component}"
        named.append(Access(action, bound, arn))
        assert made == [Access("greengrass:CreateComponentVersion", component, arn, implied=True)]
    else:
        assert made == []
    assert job == Access(action, "j", f"{JOBS}:edge-packaging-job/j", bound=tuple(named))


def test_seeing_a_job_is_describing_it() -> None:
    for kind, operation in ((Kind.PACKAGING, "DescribeEdgePackagingJob"), (Kind.COMPILATION, "DescribeCompilationJob")):
        key = JobKey(kind, "123456789012", "eu-west-1", "j")
        assert describe_access(key) == Access(f"sagemaker:{operation}", "j", key.arn)


@pytest.mark.parametrize("service", ["sagemaker", "greengrassv2"])
def test_actions_begin_with_the_name_that_the_service_is_signed_for(service: str) -> None:
    model = load_service(service)
    for name in set(model.operations) & set(OPERATIONS):
        assert OPERATIONS[name].action == f"{model.signing_name}:{name}"
