"""A job's component on AWS as well, where the settings say so."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import structlog

from edgewright.errors import (
    ResourceNotFound,
    ServiceRefused,
    ServiceUnreachable,
    SettingsRefused,
    ValidationFault,
)
from edgewright.worker import messages
from edgewright.worker.context import until_database_answers
from edgewright.worker.monitor import Monitor, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    from edgewright.arns import ComponentArn
    from edgewright.greengrass.component_store import Component
    from edgewright.greengrass.recipe_artifacts import Artifact
    from edgewright.jobs import PackagingJob
    from edgewright.worker.context import WorkerContext

log = structlog.get_logger(__name__)


def made(context: WorkerContext, job: PackagingJob, component: Component) -> str:
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


def withdrawn(context: WorkerContext, job: PackagingJob, key: ComponentArn) -> str | None:
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
