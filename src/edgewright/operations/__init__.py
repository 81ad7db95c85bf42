"""One function per API operation, each `(context, request) -> response`, in one table with what it touches.

The request has been parsed and validated against the service model; the response is serialized by it. An operation
knows neither HTTP nor signatures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.jobs import Kind
from edgewright.jobs.kinds import KINDS
from edgewright.operations.compilation_jobs import (
    create_compilation_job,
    delete_compilation_job,
    describe_compilation_job,
    list_compilation_jobs,
    stop_compilation_job,
)
from edgewright.operations.components import (
    component_access,
    create_component_version,
    delete_component,
    describe_component,
    get_component,
    get_component_version_artifact,
    list_component_versions,
    list_components,
    list_tags_for_resource,
    recipe_access,
    tag_resource,
    tagged_component_access,
    untag_resource,
)
from edgewright.operations.context import Caller, Context
from edgewright.operations.handler import Access, Handler, always, job_access, no_resource, small_page
from edgewright.operations.packaging_jobs import (
    create_edge_packaging_job,
    describe_edge_packaging_job,
    list_edge_packaging_jobs,
    stop_edge_packaging_job,
)
from edgewright.operations.tags import add_tags, delete_tags, list_tags, tagged_job_access

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgewright.jobs import JobKey

__all__ = ["OPERATIONS", "Access", "Caller", "Context", "Handler", "describe_access"]

ON_PACKAGING_JOB, ON_COMPILATION_JOB = job_access(Kind.PACKAGING), job_access(Kind.COMPILATION)
HANDLERS = (
    Handler("sagemaker:CreateEdgePackagingJob", create_edge_packaging_job, ON_PACKAGING_JOB),
    Handler("sagemaker:DescribeEdgePackagingJob", describe_edge_packaging_job, ON_PACKAGING_JOB, is_quick=always),
    Handler("sagemaker:ListEdgePackagingJobs", list_edge_packaging_jobs, no_resource, is_quick=small_page),
    Handler("sagemaker:StopEdgePackagingJob", stop_edge_packaging_job, ON_PACKAGING_JOB),
    Handler("sagemaker:CreateCompilationJob", create_compilation_job, ON_COMPILATION_JOB),
    Handler("sagemaker:DescribeCompilationJob", describe_compilation_job, ON_COMPILATION_JOB, is_quick=always),
    Handler("sagemaker:ListCompilationJobs", list_compilation_jobs, no_resource, is_quick=small_page),
    Handler("sagemaker:StopCompilationJob", stop_compilation_job, ON_COMPILATION_JOB),
    Handler("sagemaker:DeleteCompilationJob", delete_compilation_job, ON_COMPILATION_JOB),
    Handler("sagemaker:AddTags", add_tags, tagged_job_access),
    Handler("sagemaker:ListTags", list_tags, tagged_job_access),
    Handler("sagemaker:DeleteTags", delete_tags, tagged_job_access),
    Handler("greengrass:CreateComponentVersion", create_component_version, recipe_access),
    Handler("greengrass:DescribeComponent", describe_component, component_access),
    Handler("greengrass:GetComponent", get_component, component_access),
    Handler("greengrass:ListComponents", list_components, no_resource),
    Handler("greengrass:ListComponentVersions", list_component_versions, component_access),
    Handler("greengrass:GetComponentVersionArtifact", get_component_version_artifact, component_access),
    Handler("greengrass:DeleteComponent", delete_component, component_access),
    Handler("greengrass:TagResource", tag_resource, tagged_component_access),
    Handler("greengrass:UntagResource", untag_resource, tagged_component_access),
    Handler("greengrass:ListTagsForResource", list_tags_for_resource, tagged_component_access),
)
OPERATIONS: Mapping[str, Handler] = {handler.name: handler for handler in HANDLERS}
"""By name. Those of SageMaker, then those of Greengrass; no name is in both services."""


def describe_access(key: JobKey) -> Access:
    """What a caller must be allowed who sees anything of a job: to describe it."""
    return Access(OPERATIONS[KINDS[key.kind].describe_operation].action, key.name, key.arn)
