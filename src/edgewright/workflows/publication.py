"""A job's component on AWS as well, where the settings say so."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from edgewright.errors import ResourceNotFound
from edgewright.workflows.tools import insist
from edgewright.workflows.watch import Watch, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    from edgewright.greengrass.artifacts import Artifact
    from edgewright.jobs import Component, PackagingJob
    from edgewright.workflows.tools import Tools


def made(tools: Tools, job: PackagingJob, component: Component) -> str:
    """Make the component here, after AWS has it where it is to be published; the ARN that cores are given.

    In this order a failure leaves nothing here, and another job may make the version. Done again, it finds what it did.

    Raises:
        ComponentExists: the version is there already, here or on AWS.
        ServiceRefused, ServiceUnreachable, SettingsRefused: of `greengrass.publishing.publish`.
        JobStopped: the job is to end.
        Leaving: the worker ends first.
    """
    if tools.publish is None:
        return insist(tools, lambda: tools.jobs.components().insert(component)).arn
    with suppress(ResourceNotFound):  # another job's version is refused before anything goes to AWS
        insist(tools, lambda: tools.jobs.components().get(component.key))
        insist(tools, lambda: tools.jobs.components().insert(component))
    arn = tools.publish(job.key.region, component.recipe, _fetch_for(tools, job)).arn
    insist(tools, lambda: tools.jobs.components().insert(component))
    return arn


def _fetch_for(tools: Tools, job: PackagingJob) -> Callable[[Artifact], Iterator[Buffer]]:
    """Reads an artifact, with an eye on the job: an upload may take long, and a Stop ends it."""
    now = insist(tools, lambda: tools.jobs.get(job.key))
    objects = tools.objects_for(job.role_arn, job.key)
    look = partial(Watch(tools, job, now.bytes_total).progress, now.bytes_done)

    def fetch(artifact: Artifact) -> Iterator[Buffer]:
        for piece in watched(objects.read(artifact.uri), look):
            look()
            yield piece

    return fetch
