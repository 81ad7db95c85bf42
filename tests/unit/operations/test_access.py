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
        (
            "CreateEdgePackagingJob",
            {"CompilationJobName": "c", "EdgePackagingJobName": "j"},
            "j",
            f"{JOBS}:edge-packaging-job/j",
        ),
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
    assert OPERATIONS[operation].touched(CALLER, request_) == (Access(f"greengrass:{operation}", name, arn),)


def test_seeing_a_job_is_describing_it() -> None:
    for kind, operation in ((Kind.PACKAGING, "DescribeEdgePackagingJob"), (Kind.COMPILATION, "DescribeCompilationJob")):
        key = JobKey(kind, "123456789012", "eu-west-1", "j")
        assert describe_access(key) == Access(f"sagemaker:{operation}", "j", key.arn)


@pytest.mark.parametrize("service", ["sagemaker", "greengrassv2"])
def test_actions_begin_with_the_name_that_the_service_is_signed_for(service: str) -> None:
    model = load_service(service)
    for name in set(model.operations) & set(OPERATIONS):
        assert OPERATIONS[name].action == f"{model.signing_name}:{name}"
