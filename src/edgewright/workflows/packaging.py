"""The recipe of an edge packaging job: begin, package, make a component where one is wanted, end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from edgewright import packaging
from edgewright.errors import ArchiveRefused
from edgewright.jobs import PackagingJob, Status
from edgewright.stores import S3Uri
from edgewright.workflows import components, messages, reports, uploads
from edgewright.workflows.attempts import begin, concluded, finish, told
from edgewright.workflows.watch import Watch, source_size, watched

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Buffer

    from edgewright.jobs import JobKey
    from edgewright.packaging import Model
    from edgewright.workflows.tools import Ending, Tools


SMALL = 4 * 1024**2
"""Bytes of a source that is pressed in the job's own thread: starting more takes longer than they save."""


def package_job(key: JobKey, tools: Tools) -> None:
    """Bring an edge packaging job to its end."""
    job = begin(key, tools)
    if isinstance(job, PackagingJob):
        ending = tools.step("package", partial(concluded, tools, job, partial(_package, tools, job)))
        finish(tools, job, told(key.kind, _with_component(tools, job, ending)))


def _with_component(tools: Tools, job: PackagingJob, ending: Ending) -> Ending:
    """The ending with what became of the component, a durable step of its own behind the package's."""
    told_of_job = {name: value for name, value in ending.items() if name != "sha256"}
    if ending["status"] != Status.COMPLETED or not components.is_wanted(job):
        return told_of_job
    make = partial(components.make, tools, job, ending["model_artifact"], ending["sha256"])
    return told_of_job | {"preset_output": tools.step("component", make)}


def _package(tools: Tools, job: PackagingJob) -> Ending:
    """Package the compiled model; the ending of a job that completes."""
    source = S3Uri.parse(job.source_uri)
    model = packaging.Model(job.model_name, job.model_version, job.compilation_job_name, job.target)
    target = S3Uri.parse(job.output_config["S3OutputLocation"]).joined(packaging.package_name(model))
    try:
        made = _stream(tools, job, model, (source, target))
    except ArchiveRefused as error:
        raise ArchiveRefused(f"{error.message} Bucket: {source.bucket}, Key: {source.key}", error.member) from error
    return {
        "status": Status.COMPLETED,
        "message": messages.completed(len(made.manifest.files), made.size),
        "model_artifact": str(target),
        "model_signature": made.signature,
        "report": reports.of_package(made),
        "sha256": made.sha256,  # of the package, for its component; None where none is wanted
    }


def _stream(tools: Tools, job: PackagingJob, model: Model, way: tuple[S3Uri, S3Uri]) -> packaging.Package:
    source, target = way
    objects = tools.objects_for(job.role_arn, job.key)
    size = source_size(objects, source, Watch(tools, job, None))
    watch = Watch(tools, job, size)
    return packaging.package(
        watched(objects.read(source), watch.look),
        partial(_write, tools, job, watch, target),
        model,
        tools.signer,
        tools.limits,
        digest=components.is_wanted(job),
        threads=0 if size <= SMALL else None,
        progress=watch.progress,
    )


def _write(tools: Tools, job: PackagingJob, watch: Watch, target: S3Uri, pieces: Iterable[Buffer]) -> None:
    uploads.write(tools, job, watch, target, pieces)
