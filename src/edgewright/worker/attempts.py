"""An attempt at a job, from its begin to its guarded end: what all recipes have in common.

Between the two lies the work, as one durable step whose result says how the job is to end. Every update is guarded by
the attempt, and an object becomes visible only while the attempt is the job's latest; so attempts may overlap.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog

from edgewright.errors import (
    DatabaseUnavailable,
    EdgewrightError,
    JobStopped,
    KeyUnusable,
    ResourceNotFound,
    StoreUnavailable,
    TransitionRefused,
    root_cause,
)
from edgewright.jobs import ENDED, Job, JobKey, Status
from edgewright.jobs.writers import overwritten
from edgewright.stores import S3Uri
from edgewright.worker import components, messages, uploads
from edgewright.worker.context import ShuttingDown, WorkerContext, until_database_answers, wait
from edgewright.worker.monitor import LOOK_SECONDS, Monitor
from edgewright.worker.results import RESULTS, JobResult

log = structlog.get_logger(__name__)

RETRY_SECONDS = (0.5, 2.0, 5.0)
"""The pauses before work is tried again after the object store or the database broke off."""
KEY_SECONDS = 2.0
"""The pause before work is tried again for which this host does not have a key."""
MOST_ATTEMPTS = 20
"""A job that was begun so often ends its worker each time, and is begun no more."""
TOO_MANY_ATTEMPTS = "TooManyAttempts"
"""What the report of such a job names as its error."""


def begin(key: JobKey, context: WorkerContext) -> Job | None:
    """Begin a new attempt; None where there is nothing to do any more.

    A job that was stopped before the attempt is brought to its end here.
    """
    members = RESULTS[key.kind].at_begin(context.now())
    try:
        job = until_database_answers(context, lambda: context.jobs.begin(key, **members))
    except ResourceNotFound:
        return None
    except TransitionRefused as refused:
        if refused.current == Status.STOPPING:
            end_unbegun(context, key)
        return None
    if job.attempt > MOST_ATTEMPTS:
        finish(context, job, RESULTS[key.kind].failed(messages.too_many_attempts(job.attempt - 1), TOO_MANY_ATTEMPTS))
        return None
    return job


def run(context: WorkerContext, job: Job, work: Callable[[], JobResult]) -> JobResult:
    """How the job is to end: the work's own result, or the one that its error stands for.

    What broke off is tried again a few times; a key that cannot be used is waited for. This is the boundary of a
    worker: no error passes it.

    Raises:
        ShuttingDown: the worker ends first.
    """
    result = RESULTS[job.key.kind]
    for pause in (*RETRY_SECONDS, None):
        try:
            return _with_key(context, job, work)
        except JobStopped:
            if context.shutting_down():
                raise ShuttingDown from None
            return result.stopped()
        except (StoreUnavailable, DatabaseUnavailable) as error:
            log.warning("work broke off", job=job.key.arn, reason=error.message, next_try_seconds=pause)
            if pause is None:
                return result.failed(messages.sentence(error), root_cause(error))
            wait(context, pause)
        except EdgewrightError as error:
            log.info("job fails", job=job.key.arn, reason=error.message, error=type(error).__name__)
            return result.failed(messages.sentence(error), root_cause(error))
        except Exception as error:  # the worker's boundary: an internal error fails one job, and is logged whole
            log.exception("job fails: an internal error", job=job.key.arn)
            return result.failed(messages.sentence(error), root_cause(error))
    raise AssertionError  # the last try returns


def overwrote(context: WorkerContext, job: Job, uri: S3Uri, sha256: str) -> str | None:
    """The job whose object was where this job has just put its own, with other bytes; see `PackagingJob.overwrote`."""
    before = overwritten(job.key, sha256, until_database_answers(context, lambda: context.jobs.writers(str(uri))))
    if before is None:
        return None
    log.warning("object of another job overwritten", job=job.key.arn, uri=str(uri), other=before.key.arn)
    return before.seen_from(job.key.account)


def _with_key(context: WorkerContext, job: Job, work: Callable[[], JobResult]) -> JobResult:
    """The work's result, once this host can use its keys: that it cannot is its operator's to fix, not the caller's.

    Raises:
        JobStopped, ShuttingDown: the job is to end, or the worker does.
    """
    monitor, logged = Monitor(context, job, None), ""
    while True:
        try:
            return work()
        except KeyUnusable as error:
            if error.message != logged:
                log.warning("the job waits for a key of this host", job=job.key.arn, reason=error.message)
            logged = error.message
        until = time.monotonic() + KEY_SECONDS
        while time.monotonic() < until:
            monitor.look()
            wait(context, LOOK_SECONDS)


def finish(context: WorkerContext, job: Job, result: JobResult) -> None:
    """Move the job to its end, guarded; where it ends without its object, the object is removed first.

    Where a Stop or another attempt comes between, the job is looked at again.
    """
    while True:
        current = _current(context, job.key)
        if current is None or current.attempt != job.attempt or current.status in ENDED:
            return _leave_to_others(context, job, current, result.model_artifact)
        if current.status is Status.STOPPING:
            return _end(context, current, type(result).stopped(), by=job)
        # A result of STOPPED where no Stop is: the attempt was outdated, and its job is another's.
        if result.status is Status.STOPPED or _end_attempt(context, current, result):
            return None


def end_unbegun(context: WorkerContext, key: JobKey) -> None:
    """End a job that was stopped before any worker began it."""
    job = until_database_answers(context, lambda: context.jobs.get(key))
    _end(context, job, RESULTS[key.kind].stopped())


def _end_attempt(context: WorkerContext, job: Job, result: JobResult) -> bool:
    """End the attempt's job; False where the job is in another status or attempt by now."""
    members = result.members(context.now())
    if result.status is not Status.COMPLETED:
        members = _remove(context, job, by=job) | members
    elif job.bytes_total is not None:
        members["bytes_done"] = job.bytes_total  # the last progress is a little older than the end
    return _move(context, job, result, members, job.attempt)


def _end(context: WorkerContext, job: Job, stopped: JobResult, by: Job | None = None) -> None:
    """End a job that is STOPPING: nothing else leaves that status. It may be an attempt that does so."""
    members = _remove(context, job, by) | stopped.members(context.now())
    if not _move(context, job, stopped, members, None):
        log.info("another worker ended the job", job=job.key.arn)


def _move(context: WorkerContext, job: Job, result: JobResult, members: dict[str, Any], attempt: int | None) -> bool:
    def move() -> Job:
        return context.jobs.move(job.key, result.status, attempt=attempt, report=result.report, **members)

    try:
        until_database_answers(context, move)
    except (TransitionRefused, ResourceNotFound):
        return False
    log.info("job ended", job=job.key.arn, status=str(result.status))
    return True


def _leave_to_others(context: WorkerContext, job: Job, current: Job | None, made: str | None) -> None:
    """This attempt was outdated. Should its object have come up after the job ended without it, it is removed again."""
    log.info("attempt dropped: another one has the job, or it has ended", job=job.key.arn, attempt=job.attempt)
    if made is not None and (current is None or current.status in {Status.STOPPED, Status.FAILED}):
        _delete_unowned(context, job, made)
    if current is not None and current.status in {Status.STOPPED, Status.FAILED}:
        _remove(context, current)


def _remove(context: WorkerContext, job: Job, by: Job | None = None) -> dict[str, Any]:
    """Remove what attempts at the job may have left: its component, which names its object; its upload; its object.

    Returns:
        What changes with it in the job's row. The row drops the object's name if the only attempt that there ever was
        says so: no other can bring it up again. Else it is looked for once more later.
    """
    changes = components.withdraw(context, job)
    uploads.withdraw(context, job)
    if job.written_uri is None or not _delete_unowned(context, job, job.written_uri):
        return changes
    return changes | ({"written_uri": None} if by is not None and by.attempt == 1 else {})


def _delete_unowned(context: WorkerContext, job: Job, written: str) -> bool:
    """Delete the object that a job's attempt may have made, unless another job has made it too; whether it is gone."""
    key = job.key
    if until_database_answers(context, lambda: context.orphans.is_owned(written, besides=key)):
        log.info("object kept: it is another job's too", job=key.arn, uri=written)
        return True
    for pause in (*RETRY_SECONDS, None):
        try:
            context.objects_for(job.role_arn, key).delete(S3Uri.parse(written))
        except StoreUnavailable as error:
            log.warning("object not removed", job=key.arn, uri=written, reason=error.message)
        except EdgewrightError as error:  # trying again would not help; the job must still end
            log.warning("object not removed", job=key.arn, uri=written, reason=error.message)
            return False
        else:
            return True
        if pause is not None:
            wait(context, pause)
    return False


def _current(context: WorkerContext, key: JobKey) -> Job | None:
    try:
        return until_database_answers(context, lambda: context.jobs.get(key))
    except ResourceNotFound:
        return None
