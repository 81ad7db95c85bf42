"""One function per API operation, each `(context, request) -> response`, in one table.

The request has been parsed and validated against the service model; the response is serialized by it. An operation
knows neither HTTP nor signatures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgewright.operations.compilation_jobs import (
    create_compilation_job,
    delete_compilation_job,
    describe_compilation_job,
    list_compilation_jobs,
    stop_compilation_job,
)
from edgewright.operations.components import (
    component_name,
    create_component_version,
    delete_component,
    describe_component,
    get_component,
    get_component_version_artifact,
    list_component_versions,
    list_components,
    list_tags_for_resource,
    tag_resource,
    untag_resource,
)
from edgewright.operations.context import Caller, Context, Shelf
from edgewright.operations.packaging_jobs import (
    create_edge_packaging_job,
    describe_edge_packaging_job,
    list_edge_packaging_jobs,
    stop_edge_packaging_job,
)
from edgewright.operations.tags import add_tags, delete_tags, list_tags

__all__ = ["OPERATIONS", "QUICK", "Caller", "Context", "Operation", "Shelf", "component_name"]

Operation = Callable[[Context, Mapping[str, Any]], Mapping[str, Any] | None]

OPERATIONS: Mapping[str, Operation] = {
    "CreateEdgePackagingJob": create_edge_packaging_job,
    "DescribeEdgePackagingJob": describe_edge_packaging_job,
    "ListEdgePackagingJobs": list_edge_packaging_jobs,
    "StopEdgePackagingJob": stop_edge_packaging_job,
    "CreateCompilationJob": create_compilation_job,
    "DescribeCompilationJob": describe_compilation_job,
    "ListCompilationJobs": list_compilation_jobs,
    "StopCompilationJob": stop_compilation_job,
    "DeleteCompilationJob": delete_compilation_job,
    "AddTags": add_tags,
    "ListTags": list_tags,
    "DeleteTags": delete_tags,
    "CreateComponentVersion": create_component_version,
    "DescribeComponent": describe_component,
    "GetComponent": get_component,
    "ListComponents": list_components,
    "ListComponentVersions": list_component_versions,
    "GetComponentVersionArtifact": get_component_version_artifact,
    "DeleteComponent": delete_component,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags_for_resource,
}
"""Those of SageMaker, then those of Greengrass; no name is in both services."""

QUICK = frozenset({"DescribeEdgePackagingJob", "DescribeCompilationJob"})
"""Operations that read one row by its key: on an embedded database they wait for nothing."""
