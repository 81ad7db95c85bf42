"""The recipe of an edge packaging job: begin, package, make a component where one is wanted, end."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from edgewright import packaging
from edgewright.errors import ArchiveRefused, SourceReplaced
from edgewright.jobs import PackagingJob, Status
from edgewright.stores import S3Uri
from edgewright.worker import attempts, components, messages, sources, uploads
from edgewright.worker.attempts import begin, finish, run
from edgewright.worker.monitor import Monitor, source_size, watched
from edgewright.worker.results import PackagingResult, package_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer

    from edgewright.jobs import JobKey
    from edgewright.packaging import Model
    from edgewright.worker.context import WorkerContext


SMALL = 4 * 1024**2
"""Bytes of a source that is compressed in the job's own thread: starting more takes longer than they save."""


def package_job(key: JobKey, context: WorkerContext) -> None:
    """Bring an edge packaging job to its end."""
    job = begin(key, context)
    if isinstance(job, PackagingJob):
        kept = context.step("package", lambda: run(context, job, partial(_package, context, job)).to_json())
        finish(context, job, _with_component(context, job, PackagingResult.from_json(kept)))


def _with_component(context: WorkerContext, job: PackagingJob, result: PackagingResult) -> PackagingResult:
    """The result with what became of the component, a durable step of its own behind the package's."""
    if result.model_artifact is None or result.sha256 is None or not components.is_wanted(job):
        return result
    make = partial(components.make, context, job, result.model_artifact, result.sha256)
    return replace(result, preset_output=context.step("component", make))


def _package(context: WorkerContext, job: PackagingJob) -> PackagingResult:
    """Package the compiled model; the result of a job that completes."""
    source = S3Uri.parse(job.source_uri)
    model = packaging.Model(
        job.model_name, job.model_version, job.compilation_job_name, job.target, source_sha256=job.source_sha256
    )
    target = S3Uri.parse(job.output_config["S3OutputLocation"]).joined(packaging.package_name(model))
    try:
        made = _stream(context, job, model, source, target)
    except SourceReplaced as error:
        raise sources.attributed(context, job, error) from error
    except ArchiveRefused as error:
        raise ArchiveRefused(f"{error.message} Bucket: {source.bucket}, Key: {source.key}", error.member) from error
    overwrote = attempts.overwrote(context, job, target, made.sha256)
    return PackagingResult(
        status=Status.COMPLETED,
        message=messages.completed(made, compared=job.source_sha256 is not None, overwrote=overwrote),
        model_artifact=str(target),
        model_signature=made.signature,
        report=package_report(made),
        sha256=made.sha256,
        overwrote=overwrote,
    )


def _stream(context: WorkerContext, job: PackagingJob, model: Model, source: S3Uri, target: S3Uri) -> packaging.Package:
    signer = context.signer()  # before anything is read: a host without the signing key does no work in vain
    objects = context.objects_for(job.role_arn, job.key)
    size = source_size(objects, source, Monitor(context, job, None))
    monitor = Monitor(context, job, size)

    def pieces() -> Iterator[Buffer]:
        return watched(sources.compared(objects.read(source), job, context.limits.archive_size), monitor.look)

    if job.source_size not in {None, size}:
        _read_whole(pieces(), monitor)
    try:
        return packaging.package(
            pieces(),
            partial(_write, context, job, monitor, target),
            model,
            signer,
            context.limits,
            threads=0 if size <= SMALL else None,
            progress=monitor.progress,
        )
    except ArchiveRefused:
        if job.source_sha256 is not None:
            _read_whole(pieces(), monitor)  # what another artifact may hold is no news where it is another
        raise


def _read_whole(pieces: Iterable[Buffer], monitor: Monitor) -> None:
    for _ in pieces:
        monitor.look()


def _write(
    context: WorkerContext, job: PackagingJob, monitor: Monitor, target: S3Uri, pieces: Iterable[Buffer]
) -> None:
    uploads.write(context, job, monitor, target, pieces)
