"""The recipe of a compilation job: begin, compile, end."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edgewright import compiling
from edgewright.compiling import CompilationSpec, artifact_name
from edgewright.errors import CallerError, LimitExceeded, ModelRefused
from edgewright.files import PRIVATE_FOLDER, make_folder
from edgewright.jobs import CompilationJob, JobKey, Status
from edgewright.stores import PIECE, S3Uri, version_of
from edgewright.worker import uploads
from edgewright.worker.attempts import begin, finish, overwrote, run
from edgewright.worker.monitor import Monitor, source_size, watched
from edgewright.worker.results import CompilationResult, compilation_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Buffer

    from edgewright.worker.context import WorkerContext


def compile_job(key: JobKey, context: WorkerContext) -> None:
    """Bring a compilation job to its end."""
    job = begin(key, context)
    if isinstance(job, CompilationJob):
        kept = context.step("compile", lambda: _run_with_log(context, job).to_json())
        finish(context, job, CompilationResult.from_json(kept))


def _run_with_log(context: WorkerContext, job: CompilationJob) -> CompilationResult:
    """The job's result; its report has what the compiler printed, however the job ends."""
    printed: list[str] = []
    result = run(context, job, partial(_compile, context, job, printed.append))
    assert isinstance(result, CompilationResult)
    return result.with_log(printed[-1] if printed else "")


def _compile(context: WorkerContext, job: CompilationJob, log: Callable[[str], None]) -> CompilationResult:
    """Download, compile, upload; the result of a job that completes."""
    spec = CompilationSpec.of(job.input_config, job.output_config)
    with _blaming("InputConfiguration"):
        source = S3Uri.parse(job.input_config["S3Uri"])
        objects = context.objects_for(job.role_arn, job.key)
        monitor = Monitor(
            context, job, _allowed(context, source_size(objects, source, Monitor(context, job, None)), source)
        )
    with _blaming("OutputConfiguration"):
        target = S3Uri.parse(job.output_config["S3OutputLocation"]).joined(artifact_name(source, spec))
    sandbox = context.sandbox()
    with _folder(context.work_dir) as folder:
        with _blaming("InputConfiguration"):
            _download(context, objects.read(source), monitor, folder / "input.tar.gz")
        compiled = compiling.compile_model(
            spec,
            folder / "input.tar.gz",
            folder / "artifact.tar.gz",
            sandbox=sandbox,
            stopping=monitor.stopping,
            limits=context.limits,
            time_limit=job.stopping_condition.get("MaxRuntimeInSeconds"),
            log=log,
        )
        with _blaming("OutputConfiguration"):
            uploads.write(context, job, monitor, target, _pieces(folder / "artifact.tar.gz", monitor))
            version = version_of(objects, target)
    derived = None if "DataInputConfig" in job.input_config else compiled.derived_data_input_config
    return CompilationResult(
        status=Status.COMPLETED,
        model_artifact=str(target),
        artifact_digest=compiled.sha256,
        artifact_size=compiled.size,
        artifact_version=version,
        overwrote=overwrote(context, job, target, compiled.sha256),
        derived_data_input_config=derived,
        report=compilation_report(compiled),
    )


def _allowed(context: WorkerContext, size: int, source: S3Uri) -> int:
    """The size of the model's archive, which is copied to this host's disk."""
    if size > context.limits.archive_size:
        raise LimitExceeded(
            f"The model archive has {size} bytes, and {context.limits.archive_size} are allowed. "
            f"Bucket: {source.bucket}, Key: {source.key}"
        )
    return size


def _download(context: WorkerContext, pieces: Iterable[Buffer], monitor: Monitor, path: Path) -> None:
    """Copy the model's archive to this host's disk; what was looked at before may be a larger object by now."""
    done, most = 0, context.limits.archive_size
    with path.open("xb") as file:
        for piece in watched(pieces, monitor.look):
            done += len(memoryview(piece).cast("B"))
            if done > most:
                raise LimitExceeded(
                    f"The model archive has over {most} bytes by now, which limits.archive_size allows."
                )
            file.write(piece)
            monitor.progress(done)


def _pieces(path: Path, monitor: Monitor) -> Iterator[Buffer]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
            monitor.look()


@contextmanager
def _folder(work_dir: Path) -> Iterator[Path]:
    """A folder for one attempt, removed whatever happens."""
    make_folder(work_dir, PRIVATE_FOLDER)
    with TemporaryDirectory(prefix="compilation-", dir=work_dir) as folder:
        yield Path(folder)


@contextmanager
def _blaming(part: str) -> Iterator[None]:
    """Say of an error which part of the request it is about, as AWS does."""
    try:
        yield
    except ModelRefused:
        raise
    except CallerError as error:
        raise ModelRefused(f"{part}: {error.message}") from error
