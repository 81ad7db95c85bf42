"""One function per API operation, each `(context, request) -> response`, in one table with what it touches.

The request has been parsed and validated against the service model; the response is serialized by it. An operation
knows neither HTTP nor signatures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.jobs import Kind
from edgewright.operations.access import (
    GET_OBJECT,
    NO_RESOURCE,
    OBJECT,
    PUT_OBJECT,
    Access,
    Resource,
    describe_access,
    job_access,
)
from edgewright.operations.compilation_jobs import (
    create_compilation_job,
    delete_compilation_job,
    describe_compilation_job,
    list_compilation_jobs,
    stop_compilation_job,
)
from edgewright.operations.components import (
    ON_COMPONENT,
    ON_RECIPE,
    ON_TAGGED_COMPONENT,
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
from edgewright.operations.context import Caller, Context
from edgewright.operations.handler import Handler, always, small_page
from edgewright.operations.packaging_jobs import (
    ON_NEW_PACKAGING_JOB,
    create_edge_packaging_job,
    describe_edge_packaging_job,
    list_edge_packaging_jobs,
    stop_edge_packaging_job,
)
from edgewright.operations.tags import ON_TAGGED_JOB, add_tags, delete_tags, list_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ACTIONS", "LIST_WORKERS", "OPERATIONS", "Access", "Caller", "Context", "Handler", "describe_access"]

ON_PACKAGING_JOB, ON_COMPILATION_JOB = job_access(Kind.PACKAGING), job_access(Kind.COMPILATION)
HANDLERS = (
    Handler("sagemaker:CreateEdgePackagingJob", create_edge_packaging_job, ON_NEW_PACKAGING_JOB),
    Handler("sagemaker:DescribeEdgePackagingJob", describe_edge_packaging_job, ON_PACKAGING_JOB, is_quick=always),
    Handler("sagemaker:ListEdgePackagingJobs", list_edge_packaging_jobs, NO_RESOURCE, is_quick=small_page),
    Handler("sagemaker:StopEdgePackagingJob", stop_edge_packaging_job, ON_PACKAGING_JOB),
    Handler("sagemaker:CreateCompilationJob", create_compilation_job, ON_COMPILATION_JOB),
    Handler("sagemaker:DescribeCompilationJob", describe_compilation_job, ON_COMPILATION_JOB, is_quick=always),
    Handler("sagemaker:ListCompilationJobs", list_compilation_jobs, NO_RESOURCE, is_quick=small_page),
    Handler("sagemaker:StopCompilationJob", stop_compilation_job, ON_COMPILATION_JOB),
    Handler("sagemaker:DeleteCompilationJob", delete_compilation_job, ON_COMPILATION_JOB),
    Handler("sagemaker:AddTags", add_tags, ON_TAGGED_JOB),
    Handler("sagemaker:ListTags", list_tags, ON_TAGGED_JOB),
    Handler("sagemaker:DeleteTags", delete_tags, ON_TAGGED_JOB),
    Handler("greengrass:CreateComponentVersion", create_component_version, ON_RECIPE),
    Handler("greengrass:DescribeComponent", describe_component, ON_COMPONENT),
    Handler("greengrass:GetComponent", get_component, ON_COMPONENT),
    Handler("greengrass:ListComponents", list_components, NO_RESOURCE),
    Handler("greengrass:ListComponentVersions", list_component_versions, ON_COMPONENT),
    Handler("greengrass:GetComponentVersionArtifact", get_component_version_artifact, ON_COMPONENT),
    Handler("greengrass:DeleteComponent", delete_component, ON_COMPONENT),
    Handler("greengrass:TagResource", tag_resource, ON_TAGGED_COMPONENT),
    Handler("greengrass:UntagResource", untag_resource, ON_TAGGED_COMPONENT),
    Handler("greengrass:ListTagsForResource", list_tags_for_resource, ON_TAGGED_COMPONENT),
)
OPERATIONS: Mapping[str, Handler] = {handler.name: handler for handler in HANDLERS}
"""By name. Those of SageMaker, then those of Greengrass; no name is in both services."""
LIST_WORKERS = Access("edgewright:ListWorkers")
"""What the console's page of workers needs; no operation answers it."""
ACTIONS: Mapping[str, tuple[Resource, ...]] = {
    **{handler.action: handler.accesses.resources for handler in HANDLERS},
    GET_OBJECT: (OBJECT,),
    PUT_OBJECT: (OBJECT,),
    LIST_WORKERS.action: (),
}
"""Every action that rules may name, with the kinds of resources that it is on; none where it is on no one resource."""
