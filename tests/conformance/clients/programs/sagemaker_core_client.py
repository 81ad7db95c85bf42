"""A job's life through sagemaker-core, the SageMaker Python SDK v3's resources.

Arguments: a prefix for names, a compilation job, a role. Prints what it saw as JSON.
"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from sagemaker.core.resources import EdgePackagingJob  # type: ignore[import-not-found] # it lies in .venv-clients
from sagemaker.core.resources import Tag as TagResource
from sagemaker.core.shapes import EdgeOutputConfig, Tag  # type: ignore[import-not-found] # as above

if TYPE_CHECKING:
    from collections.abc import Callable

prefix, compilation, role = sys.argv[1:]
past, future = datetime(2021, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(hours=1)


def create(name: str) -> Any:
    return EdgePackagingJob.create(
        edge_packaging_job_name=name,
        compilation_job_name=compilation,
        model_name=prefix,
        model_version="1.0",
        role_arn=role,
        output_config=EdgeOutputConfig(s3_output_location=f"s3://packages/{name}"),
        tags=[Tag(key="client", value=prefix)],
    )


def listed(**filters: Any) -> list[str]:
    return [job.edge_packaging_job_name for job in EdgePackagingJob.get_all(name_contains=f"{prefix}-", **filters)]


jobs = [create(f"{prefix}-{number}") for number in (1, 2, 3)]
to_stop = create(f"{prefix}-stop")
to_stop.stop()
stopping = to_stop.refresh().edge_packaging_job_status
with redirect_stdout(sys.stderr):  # a progress panel is drawn while it waits
    for job in [*jobs, to_stop]:
        job.wait(poll=1, timeout=100)
report = {
    "pages": [listed(status_equals="COMPLETED", sort_by="NAME", sort_order="Ascending")],
    "described": {
        "name": jobs[0].edge_packaging_job_name,
        "status": jobs[0].edge_packaging_job_status,
        "artifact": jobs[0].model_artifact,
        "created": jobs[0].creation_time.timestamp(),
    },
    "tags": [
        {"Key": tag.key, "Value": tag.value} for tag in TagResource.get_all(resource_arn=jobs[0].edge_packaging_job_arn)
    ],
    "stopping": stopping,
    "stopped": to_stop.edge_packaging_job_status,
    "filtered": {
        "creation_time_after, past": listed(creation_time_after=past),
        "creation_time_after, future": listed(creation_time_after=future),
        "creation_time_before, past": listed(creation_time_before=past),
        "creation_time_before, future": listed(creation_time_before=future),
        "last_modified_time_after, past": listed(last_modified_time_after=past),
        "last_modified_time_after, future": listed(last_modified_time_after=future),
        "last_modified_time_before, past": listed(last_modified_time_before=past),
        "last_modified_time_before, future": listed(last_modified_time_before=future),
        "model_name_contains, own": listed(model_name_contains=prefix[1:]),
        "model_name_contains, other": listed(model_name_contains=f"{prefix}-other"),
        "status_equals, STOPPED": listed(status_equals="STOPPED"),
        "status_equals, FAILED": listed(status_equals="FAILED"),
    },
    "sorted": {
        sort_by: listed(sort_by=sort_by, sort_order="Descending")
        for sort_by in ("NAME", "MODEL_NAME", "CREATION_TIME", "LAST_MODIFIED_TIME", "STATUS")
    },
    "many": [job.edge_packaging_job_name for job in EdgePackagingJob.get_all(name_contains="many-")],
}
refused: list[Callable[[], Any]] = [
    lambda: EdgePackagingJob.get(edge_packaging_job_name=f"{prefix}-nobody"),
    lambda: EdgePackagingJob(edge_packaging_job_name=f"{prefix}-nobody").stop(),
    lambda: create(f"{prefix}-1"),
]
refusals = []
for call in refused:
    try:
        call()
    except ClientError as error:
        refusals.append(error.response["Error"]["Code"])
json.dump(report | {"refusals": refusals}, sys.stdout)
