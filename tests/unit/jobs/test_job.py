from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.jobs import CompilationJob, JobKey, Kind

keys = st.builds(
    JobKey,
    kind=st.sampled_from(Kind),
    account=st.from_regex(r"[0-9]{12}", fullmatch=True),
    region=st.sampled_from(["eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1", "ap-southeast-4"]),
    name=st.from_regex(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", fullmatch=True).filter(str.isascii),
)


@given(keys)
def test_an_arn_names_its_key(key: JobKey) -> None:
    assert JobKey.parse_arn(key.arn) == key


@pytest.mark.parametrize(
    ("region", "start"),
    [
        ("eu-west-1", "arn:aws:sagemaker:eu-west-1:123456789012:"),
        ("cn-north-1", "arn:aws-cn:sagemaker:cn-north-1:123456789012:"),
        ("us-gov-east-1", "arn:aws-us-gov:sagemaker:us-gov-east-1:123456789012:"),
    ],
)
def test_the_partition_is_the_regions(region: str, start: str) -> None:
    assert JobKey(Kind.PACKAGING, "123456789012", region, "x").arn == f"{start}edge-packaging-job/x"
    assert JobKey(Kind.COMPILATION, "123456789012", region, "x").arn == f"{start}compilation-job/x"


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws:sagemaker:eu-west-1:123456789012:model/x",
        "arn:aws:s3:eu-west-1:123456789012:compilation-job/x",
        "arn:aws-cn:sagemaker:eu-west-1:123456789012:compilation-job/x",
        "arn:aws:sagemaker:eu-west-1:12345:compilation-job/x",
        "arn:aws:sagemaker:eu-west-1:123456789012:compilation-job/-x",
        "arn:aws:sagemaker:eu-west-1:123456789012:compilation-job/x\n",
        "arn:aws:sagemaker:eu-west-1:123456789012:compilation-job/" + "x" * 64,
    ],
)
def test_other_arns_are_refused(arn: str) -> None:
    with pytest.raises(ValueError, match="is not the ARN of an edge packaging job or a compilation job"):
        JobKey.parse_arn(arn)


@pytest.mark.parametrize(
    ("output", "target"),
    [
        ({"TargetDevice": "rasp4b"}, "rasp4b"),
        ({"TargetPlatform": {"Os": "LINUX", "Arch": "ARM64"}}, "LINUX_ARM64"),
        ({"TargetPlatform": {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"}}, "LINUX_ARM64_NVIDIA"),
        ({}, None),
    ],
)
def test_the_target_of_a_compilation(output: dict[str, object], target: str | None) -> None:
    now = datetime.now(UTC)
    job = CompilationJob(
        key=JobKey(Kind.COMPILATION, "123456789012", "eu-west-1", "x"),
        role_arn="",
        input_config={},
        output_config=output,
        stopping_condition={},
        created_at=now,
        modified_at=now,
    )
    assert job.target == target
