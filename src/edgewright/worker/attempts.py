"""An attempt at a job, from its begin to its guarded end: what both recipes have in common.

Between the two lies the work, as one durable step whose result says how the job is to end. Every update is guarded by
the attempt, and an object becomes visible only while the attempt is the job's latest; so attempts may overlap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from edgewright.errors import (
    DatabaseUnavailable,
    EdgewrightError,
    JobStopped,
    ResourceNotFound,
    StoreUnavailable,
    TransitionRefused,
)
from edgewright.jobs import ENDED, Kind, Status
from edgewright.stores import S3Uri
from edgewright.worker import components, messages, uploads
from edgewright.worker.context import Ending, Leaving, insist, rest

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.jobs import Job, JobKey
    from edgewright.worker.context import WorkerContext

log = structlog.get_logger(__name__)

RETRY_SECONDS = (0.5, 2.0, 5.0)
"""The pauses before work is tried again after the object store or the database broke off."""
MOST_ATTEMPTS = 20
"""A job that was begun so often takes its worker down with it, and is begun no more."""


def begin(key: JobKey, context: WorkerContext) -> Job | None:
    """Begin a new attempt; None where there is nothing to do any more.

    A job that was stopped before the attempt is brought to its end here.
    """
    changes: dict[str, Any] = (
        {"status_message": messages.PACKAGING} if key.kind is Kind.PACKAGING else {"started_at": context.now()}
    )
    try:
        job = insist(context, lambda: context.jobs.begin(key, **changes))
    except ResourceNotFound:
        return None
    except TransitionRefused as refused:
        if refused.current == Status.STOPPING:
            _end_stopped(context, insist(context, lambda: context.jobs.get(key)))
        return None
    if job.attempt > MOST_ATTEMPTS:
        finish(context, job, told(key.kind, messages.worn_out(job.attempt - 1)))
        return None
    return job


def concluded(context: WorkerContext, job: Job, work: Callable[[], Ending]) -> Ending:
    """What becomes of the job: the work's own ending, or the one that its error stands for.

    What broke off is tried again a few times. This is the boundary of a worker: no error passes it.

    Raises:
        Leaving: the worker ends first.
    """
    for pause in (*RETRY_SECONDS, None):
        try:
            return work()
        except JobStopped:
            if context.leaving():
                raise Leaving from None
            return {"status": Status.STOPPED}
        except (StoreUnavailable, DatabaseUnavailable) as error:
            log.warning("work broke off", job=job.key.arn, reason=error.message, next_try_seconds=pause)
            if pause is None:
                return messages.failure(error)
        except EdgewrightError as error:
            log.info("job fails", job=job.key.arn, reason=error.message, error=type(error).__name__)
            return messages.failure(error)
        except Exception as error:  # the worker's boundary: a fault of ours fails one job, and is logged whole
            log.exception("job fails by a fault of ours", job=job.key.arn)
            return messages.failure(error)
        rest(context, pause)
    raise AssertionError  # the last try returns


def finish(context: WorkerContext, job: Job, ending: Ending) -> None:
    """Move the job to its end, guarded; where it ends without its object, the object is removed first."""
    current = _current(context, job.key)
    if current is None or current.attempt != job.attempt or current.status in ENDED:
        _leave_to_others(context, job, current, ending.get("model_artifact"))
    elif current.status is Status.STOPPING:
        _end_stopped(context, current, by=job)
    elif ending["status"] != Status.STOPPED:  # an attempt that believes in a Stop which is not there was outdated
        _end(context, current, ending)


def told(kind: Kind, ending: Ending) -> Ending:
    """The ending with its `message` as the member that this kind of job tells it in."""
    member = "status_message" if kind is Kind.PACKAGING else "failure_reason"
    return {(member if name == "message" else name): value for name, value in ending.items()}


def end_unbegun(context: WorkerContext, key: JobKey) -> None:
    """End a job that was stopped before any worker began it."""
    _end_stopped(context, context.jobs.get(key))


def _end(context: WorkerContext, job: Job, ending: Ending) -> None:
    status = Status(ending["status"])
    settled = _remove(context, job, by=job) if status is not Status.COMPLETED else {}
    changes = settled | {name: value for name, value in ending.items() if name != "status"}
    if status is Status.COMPLETED and job.bytes_total is not None:
        changes["bytes_done"] = job.bytes_total  # the last report is a little older than the end
    try:
        insist(
            context, lambda: context.jobs.move(job.key, status, attempt=job.attempt, **changes, **_times(context, job))
        )
    except (TransitionRefused, ResourceNotFound):
        finish(context, job, ending)  # a Stop came between, or another attempt: look again
    else:
        log.info("job ended", job=job.key.arn, status=str(status))


def _end_stopped(context: WorkerContext, job: Job, by: Job | None = None) -> None:
    """The end of a job that is STOPPING: nothing leaves that status but this. It may be an attempt that says so."""
    settled = _remove(context, job, by)
    changes: dict[str, Any] = settled | ({"status_message": messages.STOPPED} if job.key.kind is Kind.PACKAGING else {})
    try:
        insist(context, lambda: context.jobs.move(job.key, Status.STOPPED, **changes, **_times(context, job)))
    except (TransitionRefused, ResourceNotFound) as refused:
        log.info("somebody else ended the job", job=job.key.arn, reason=refused.message)
    else:
        log.info("job ended", job=job.key.arn, status="STOPPED")


def _leave_to_others(context: WorkerContext, job: Job, current: Job | None, made: str | None) -> None:
    """This attempt was outdated. Should its object have come up after the job ended without it, it goes again."""
    log.info("attempt dropped: the job is in other hands, or ended", job=job.key.arn, attempt=job.attempt)
    if made is not None and (current is None or current.status in {Status.STOPPED, Status.FAILED}):
        _delete_unowned(context, job, made)
    if current is not None and current.status in {Status.STOPPED, Status.FAILED}:
        _remove(context, current)


def _remove(context: WorkerContext, job: Job, by: Job | None = None) -> dict[str, Any]:
    """Remove what attempts at the job may have left: its component, which names its object; its upload; its object.

    Returns:
        What changes with it in the job's row. The row forgets the object if the only attempt that there ever was says
        so: no other can bring it up again. Else it is looked for once more later.
    """
    changes = components.withdraw(context, job)
    uploads.withdraw(context, job)
    if job.written_uri is None or not _delete_unowned(context, job, job.written_uri):
        return changes
    return changes | ({"written_uri": None} if by is not None and by.attempt == 1 else {})


def _delete_unowned(context: WorkerContext, job: Job, written: str) -> bool:
    """Delete the object that a job's attempt may have made, unless another job has made it too; whether it is gone."""
    key = job.key
    if insist(context, lambda: context.orphans.is_owned(written, besides=key)):
        log.info("object kept: it is another job's too", job=key.arn, uri=written)
        return True
    for pause in (*RETRY_SECONDS, None):
        try:
            context.objects_for(job.role_arn, key).delete(S3Uri.parse(written))
        except StoreUnavailable as error:
            log.warning("object not removed", job=key.arn, uri=written, reason=error.message)
        except EdgewrightError as error:  # trying again would not help; the job must still end
            log.error("object not removed", job=key.arn, uri=written, reason=error.message)  # noqa: TRY400
            return False
        else:
            return True
        if pause is not None:
            rest(context, pause)
    return False


def _current(context: WorkerContext, key: JobKey) -> Job | None:
    try:
        return insist(context, lambda: context.jobs.get(key))
    except ResourceNotFound:
        return None


def _times(context: WorkerContext, job: Job) -> dict[str, Any]:
    return {"ended_at": context.now()} if job.key.kind is Kind.COMPILATION else {}
