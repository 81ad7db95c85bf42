"""A job's life through boto3. Arguments: a prefix for names, a compilation job, a role. Prints what it saw as JSON."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import boto3

prefix, compilation, role = sys.argv[1:]
sagemaker = boto3.client("sagemaker")


def create(name: str) -> None:
    sagemaker.create_edge_packaging_job(
        EdgePackagingJobName=name,
        CompilationJobName=compilation,
        ModelName=prefix,
        ModelVersion="1.0",
        RoleArn=role,
        OutputConfig={"S3OutputLocation": f"s3://packages/{name}"},
        Tags=[{"Key": "client", "Value": prefix}],
    )


def ended(name: str) -> dict[str, Any]:
    """Poll, as there is no waiter."""
    while True:
        job: dict[str, Any] = sagemaker.describe_edge_packaging_job(EdgePackagingJobName=name)
        if job["EdgePackagingJobStatus"] not in {"STARTING", "INPROGRESS", "STOPPING"}:
            return job
        time.sleep(0.2)


names = [f"{prefix}-{number}" for number in (1, 2, 3)]
for job_name in [*names, f"{prefix}-stop"]:
    create(job_name)
sagemaker.stop_edge_packaging_job(EdgePackagingJobName=f"{prefix}-stop")
stopping = sagemaker.describe_edge_packaging_job(EdgePackagingJobName=f"{prefix}-stop")
described, *_ = [ended(name) for name in names]
pages = sagemaker.get_paginator("list_edge_packaging_jobs").paginate(
    NameContains=f"{prefix}-",
    StatusEquals="COMPLETED",
    CreationTimeAfter="2021-01-01",
    SortBy="NAME",
    SortOrder="Ascending",
    PaginationConfig={"PageSize": 2},
)
report = {
    "pages": [[job["EdgePackagingJobName"] for job in page["EdgePackagingJobSummaries"]] for page in pages],
    "described": {
        "name": described["EdgePackagingJobName"],
        "status": described["EdgePackagingJobStatus"],
        "artifact": described["ModelArtifact"],
        "created": described["CreationTime"].timestamp(),
    },
    "tags": sagemaker.list_tags(ResourceArn=described["EdgePackagingJobArn"])["Tags"],
    "stopping": stopping["EdgePackagingJobStatus"],
    "stopped": ended(f"{prefix}-stop")["EdgePackagingJobStatus"],
}
refusals = []
for call in (sagemaker.describe_edge_packaging_job, sagemaker.stop_edge_packaging_job):
    try:
        call(EdgePackagingJobName=f"{prefix}-nobody")
    except sagemaker.exceptions.ResourceNotFound as error:
        refusals.append(error.response["Error"]["Code"])
try:
    create(names[0])
except sagemaker.exceptions.ResourceInUse as error:
    refusals.append(error.response["Error"]["Code"])
json.dump(report | {"refusals": refusals}, sys.stdout)
