"""One function per API operation, each `(context, request) -> response`, in one table with what it touches.

The request has been parsed and validated against the service model; the response is serialized by it. An operation
knows neither HTTP nor signatures.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgewright.jobs import Kind
from edgewright.operations import compilation_jobs as compilation
from edgewright.operations import components, tags
from edgewright.operations import packaging_jobs as packaging
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
from edgewright.operations.caller import Caller
from edgewright.operations.components import ON_COMPONENT, ON_RECIPE, ON_TAGGED_COMPONENT
from edgewright.operations.context import Context
from edgewright.operations.handler import Handler, always, small_page
from edgewright.operations.packaging_jobs import ON_NEW_PACKAGING_JOB

__all__ = ["ACTIONS", "LIST_WORKERS", "OPERATIONS", "Access", "Caller", "Context", "describe_access"]

ON_PACKAGING, ON_COMPILATION = job_access(Kind.PACKAGING), job_access(Kind.COMPILATION)
HANDLERS = (
    Handler("sagemaker:CreateEdgePackagingJob", packaging.create_edge_packaging_job, ON_NEW_PACKAGING_JOB),
    Handler("sagemaker:DescribeEdgePackagingJob", packaging.describe_edge_packaging_job, ON_PACKAGING, is_quick=always),
    Handler("sagemaker:ListEdgePackagingJobs", packaging.list_edge_packaging_jobs, NO_RESOURCE, is_quick=small_page),
    Handler("sagemaker:StopEdgePackagingJob", packaging.stop_edge_packaging_job, ON_PACKAGING),
    Handler("sagemaker:CreateCompilationJob", compilation.create_compilation_job, ON_COMPILATION),
    Handler("sagemaker:DescribeCompilationJob", compilation.describe_compilation_job, ON_COMPILATION, is_quick=always),
    Handler("sagemaker:ListCompilationJobs", compilation.list_compilation_jobs, NO_RESOURCE, is_quick=small_page),
    Handler("sagemaker:StopCompilationJob", compilation.stop_compilation_job, ON_COMPILATION),
    Handler("sagemaker:DeleteCompilationJob", compilation.delete_compilation_job, ON_COMPILATION),
    Handler("sagemaker:AddTags", tags.add_tags, tags.ON_TAGGED_JOB),
    Handler("sagemaker:ListTags", tags.list_tags, tags.ON_TAGGED_JOB),
    Handler("sagemaker:DeleteTags", tags.delete_tags, tags.ON_TAGGED_JOB),
    Handler("greengrass:CreateComponentVersion", components.create_component_version, ON_RECIPE),
    Handler("greengrass:DescribeComponent", components.describe_component, ON_COMPONENT),
    Handler("greengrass:GetComponent", components.get_component, ON_COMPONENT),
    Handler("greengrass:ListComponents", components.list_components, NO_RESOURCE),
    Handler("greengrass:ListComponentVersions", components.list_component_versions, ON_COMPONENT),
    Handler("greengrass:GetComponentVersionArtifact", components.get_component_version_artifact, ON_COMPONENT),
    Handler("greengrass:DeleteComponent", components.delete_component, ON_COMPONENT),
    Handler("greengrass:TagResource", components.tag_resource, ON_TAGGED_COMPONENT),
    Handler("greengrass:UntagResource", components.untag_resource, ON_TAGGED_COMPONENT),
    Handler("greengrass:ListTagsForResource", components.list_tags_for_resource, ON_TAGGED_COMPONENT),
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
