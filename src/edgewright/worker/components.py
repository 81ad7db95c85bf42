"""The component of an edge packaging job: made when its package is there, gone when the job ends without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from edgewright.arns import ComponentArn
from edgewright.errors import (
    ComponentExists,
    EdgewrightError,
    ServiceUnreachable,
    SettingsRefused,
    ValidationFault,
)
from edgewright.greengrass import rules
from edgewright.greengrass.component_store import Component
from edgewright.greengrass.config import ComponentPlan, parse_config
from edgewright.greengrass.recipe import PackageFacts, dump, recipe
from edgewright.jobs import PackagingJob
from edgewright.stores import S3Uri
from edgewright.worker import messages, publication
from edgewright.worker.context import until_database_answers

if TYPE_CHECKING:
    from edgewright.jobs import Job
    from edgewright.worker.context import Json, WorkerContext

log = structlog.get_logger(__name__)

TYPE = "PresetDeploymentType"
CONFIG = "PresetDeploymentConfig"


def is_wanted(job: Job) -> bool:
    """Whether the job asks for a component."""
    return isinstance(job, PackagingJob) and TYPE in job.output_config


def make(context: WorkerContext, job: PackagingJob, uri: str, sha256: str) -> Json:
    """Make the component; what becomes of it, as the job's PresetDeploymentOutput shows it.

    Doing it again makes no second one. Nothing but the worker's leaving passes this boundary: a package that has no
    component is a package all the same.

    Args:
        context: where the component goes.
        job: the job, whose package is written.
        uri: where the package is.
        sha256: of the package, in hexadecimal.

    Raises:
        ShuttingDown: the worker ends before the database takes it.
    """
    output = {"Type": job.output_config[TYPE]}
    try:
        component = _component(context, job, S3Uri.parse(uri), sha256)
        arn = publication.made(context, job, component)
    except ComponentExists as error:
        return output | {"Status": "FAILED", "StatusMessage": error.message}
    except (ServiceUnreachable, SettingsRefused) as error:
        log.warning("component not published", job=job.key.arn, reason=error.message)
        return output | {"Status": "FAILED", "StatusMessage": messages.unpublished(error)}
    except EdgewrightError as error:
        log.info("component not made", job=job.key.arn, reason=error.message, error=type(error).__name__)
        return output | {"Status": "FAILED", "StatusMessage": messages.sentence(error)}
    except Exception as error:  # the worker's boundary: an internal error costs one component, and is logged whole
        log.exception("component not made: an internal error", job=job.key.arn)
        return output | {"Status": "FAILED", "StatusMessage": messages.sentence(error)}
    return output | {"Artifact": arn, "Status": "COMPLETED"}


def withdraw(context: WorkerContext, job: Job) -> dict[str, Any]:
    """Forget the component that some attempt at the job may have made. The job ends without its package.

    Returns:
        What changes with it in the job's row: nothing, unless the component may still be on AWS.
    """
    if not isinstance(job, PackagingJob) or not is_wanted(job):
        return {}
    try:
        plan = _plan(job)
    except ValidationFault as error:  # of what was taken at create; the job must end all the same
        log.warning("component not looked for", job=job.key.arn, reason=error.message)
        return {}
    key = ComponentArn(job.key.account, job.key.region, plan.name, plan.version)
    left = publication.withdrawn(context, job, key)
    until_database_answers(context, lambda: context.components.withdraw(key, job.key.arn))
    if left is None:
        return {}
    return {"preset_output": {"Type": job.output_config[TYPE], "Status": "FAILED", "StatusMessage": left}}


def _plan(job: PackagingJob) -> ComponentPlan:
    return parse_config(job.output_config.get(CONFIG), job.key.name)


def _component(context: WorkerContext, job: PackagingJob, uri: S3Uri, sha256: str) -> Component:
    plan = _plan(job)
    document = recipe(plan, PackageFacts(uri, sha256, job.model_name, job.model_version, job.key.arn))
    return Component(
        account=job.key.account,
        region=job.key.region,
        name=plan.name,
        version=plan.version,
        recipe=dump(document),
        created_at=context.now(),
        artifacts=tuple(rules.artifacts(document)),
        description=document["ComponentDescription"],
        publisher=document["ComponentPublisher"],
        platforms=tuple(rules.platforms(document)),
        job_arn=job.key.arn,
    )
