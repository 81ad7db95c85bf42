"""The component of an edge packaging job: made when its package is there, gone when the job ends without it.

Where the settings say so it is made on AWS as well.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from edgewright.arns import ComponentArn
from edgewright.errors import (
    ComponentExists,
    EdgewrightError,
    ResourceNotFound,
    ServiceRefused,
    ServiceUnreachable,
    SettingsRefused,
    ValidationFault,
)
from edgewright.greengrass.component_store import Component
from edgewright.greengrass.config import ComponentPlan, parse_config
from edgewright.greengrass.recipe import PackageFacts, dump, recipe
from edgewright.jobs import Job, PackagingJob
from edgewright.stores import S3Uri
from edgewright.worker import messages
from edgewright.worker.context import Json, WorkerContext, until_database_answers
from edgewright.worker.monitor import Monitor, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    from edgewright.greengrass.recipe_artifacts import Artifact

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
        arn = _publish(context, job, component)
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
    left = _unpublish(context, job, key)
    until_database_answers(context, lambda: context.components.withdraw(key, job.key.arn))
    if left is None:
        return {}
    return {"preset_output": {"Type": job.output_config[TYPE], "Status": "FAILED", "StatusMessage": left}}


def _plan(job: PackagingJob) -> ComponentPlan:
    return parse_config(job.output_config.get(CONFIG), job.key.name)


def _component(context: WorkerContext, job: PackagingJob, uri: S3Uri, sha256: str) -> Component:
    document = recipe(_plan(job), PackageFacts(uri, sha256, job.model_name, job.model_version, job.key.arn))
    return Component.of(
        document,
        account=job.key.account,
        region=job.key.region,
        recipe=dump(document),
        created_at=context.now(),
        job_arn=job.key.arn,
    )


def _publish(context: WorkerContext, job: PackagingJob, component: Component) -> str:
    """Make the component here, after AWS has it where it is to be published; the ARN that cores are given.

    In this order a failure leaves nothing here, and another job may make the version. Done again, it finds what it did.

    Raises:
        ComponentExists: the version is there already, here or on AWS.
        ServiceRefused, ServiceUnreachable, SettingsRefused: of `Publisher.publish`.
        JobStopped: the job is to end.
        ShuttingDown: the worker ends first.
    """
    if context.publisher is None:
        return until_database_answers(context, lambda: context.components.insert(component)).arn
    with suppress(ResourceNotFound):  # another job's version is refused before anything goes to AWS
        until_database_answers(context, lambda: context.components.get(component.key))
        until_database_answers(context, lambda: context.components.insert(component))
    arn = context.publisher.publish(job.key.region, component.recipe, _fetch_for(context, job)).arn
    until_database_answers(context, lambda: context.components.insert(component))
    return arn


def _unpublish(context: WorkerContext, job: PackagingJob, key: ComponentArn) -> str | None:
    """Delete from AWS what an attempt at the job may have published; why it may still be there, where that failed.

    The job must end, whatever AWS says.
    """
    if context.publisher is None or not job.attempt:
        return None
    try:
        arn = context.publisher.withdraw(job.key.region, key, job.key.arn, job.created_at)
    except (ServiceRefused, ServiceUnreachable, SettingsRefused, ValidationFault) as error:
        log.warning("component not looked for on AWS", job=job.key.arn, component=str(key), reason=error.message)
        return messages.not_withdrawn(key.name, key.version or "", error)
    if arn is not None:
        log.info("component deleted from AWS", job=job.key.arn, component=arn)
    return None


def _fetch_for(context: WorkerContext, job: PackagingJob) -> Callable[[Artifact], Iterator[Buffer]]:
    """Reads an artifact, with an eye on the job: an upload may take long, and a Stop ends it."""
    now = until_database_answers(context, lambda: context.jobs.get(job.key))
    objects = context.objects_for(job.role_arn, job.key)
    look = partial(Monitor(context, job, now.bytes_total).progress, now.bytes_done)

    def fetch(artifact: Artifact) -> Iterator[Buffer]:
        for piece in watched(objects.read(artifact.uri), look):
            look()
            yield piece

    return fetch
