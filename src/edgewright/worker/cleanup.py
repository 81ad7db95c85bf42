"""Cleanup of what ended jobs left behind: uploads that no job goes on with, and objects that came up too late.

Every worker cleans up, and doing it twice is doing it once. What is old is measured by the database's clock: a host
whose own is ahead would delete what others still need. Only what the database names as a job's is touched.
See docs/decisions/0035-late-objects-of-paused-workers.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from edgewright.errors import EdgewrightError, UploadGone
from edgewright.stores import S3Uri
from edgewright.stores.protocols import MultipartStore
from edgewright.worker.uploads import abort

if TYPE_CHECKING:
    from edgewright.jobs import JobKey
    from edgewright.uploads.ledger import KeptUpload
    from edgewright.worker.context import WorkerContext

log = structlog.get_logger(__name__)

AT_ONCE = 50
OLD_AT_ONCE = 500


def clean_up(context: WorkerContext, age_seconds: float) -> None:
    """One round: end uploads that were left, and remove objects that have no job.

    Args:
        context: the job store and the object store.
        age_seconds: how long ago a job must have ended before its object is looked for once more.

    Raises:
        DatabaseUnavailable: the next round tries again. Errors of the object store are logged.
    """
    for upload in context.uploads.abandoned(AT_ONCE, age_seconds):
        _end(context, upload, age_seconds)
    before = context.workers.now() - timedelta(seconds=age_seconds)
    for key, uri in context.orphans.unremoved(AT_ONCE, before):
        _remove_object(context, key, uri)


def delete_old_jobs(context: WorkerContext, age: timedelta) -> int:
    """Delete jobs that ended so long ago, with their tags and reports; how many."""
    before, deleted = context.workers.now() - age, 0
    while found := context.jobs.delete_ended(before, OLD_AT_ONCE):
        deleted += found
    return deleted


def _end(context: WorkerContext, upload: KeptUpload, age_seconds: float) -> None:
    """Abort an upload; remove it once it is known to be gone, which is a round after the one that abandoned it.

    A part that was under way when it was aborted may have arrived behind the abort.
    """
    ledger = context.uploads
    try:
        abort(context, upload)
        if upload.abandoned and _abort_unconfirmed(context, upload, age_seconds) and _is_gone(context, upload):
            ledger.remove(upload)
            return
    except EdgewrightError as error:
        log.warning("upload not aborted yet", job=upload.key.arn, uri=upload.uri, reason=error.message)
    ledger.abandon(upload)


def _is_gone(context: WorkerContext, upload: KeptUpload) -> bool:
    store = context.objects_for(upload.role_arn, upload.key)
    if upload.upload_id is None or not isinstance(store, MultipartStore):
        return True
    try:
        store.uploaded_parts(S3Uri.parse(upload.uri), upload.upload_id)
    except UploadGone:
        return True
    return False


def _abort_unconfirmed(context: WorkerContext, upload: KeptUpload, age_seconds: float) -> bool:
    """Abort uploads that were begun and could not be noted: by a worker that died, or whose answer was lost.

    They differ from all others by what an upload is in that moment: of exactly this object, unknown to every job,
    old, and without a single part.

    The database is asked after the store, and for what is awaited first: a worker that began one of these noted its
    intention before, and has noted the upload by now, or is awaited still. Where one is awaited, all are left to the
    round that comes when its job has ended.

    Returns:
        Whether none is left that is too young to tell: a request may have arrived behind the end of its job.
    """
    uri, store = S3Uri.parse(upload.uri), context.objects_for(upload.role_arn, upload.key)
    if not isinstance(store, MultipartStore):
        return True
    ledger = context.uploads
    uploads = [found for found in store.uploads(uri.bucket, uri.key) if found.uri == uri]
    if ledger.is_awaited(upload.uri):
        return True
    known = ledger.known(upload.uri)
    old = context.workers.now() - timedelta(seconds=age_seconds)
    unknown = [found for found in uploads if found.upload_id not in known]
    for found in unknown:
        if found.initiated <= old and not store.uploaded_parts(uri, found.upload_id):
            log.info("aborting an upload that a dead worker began", job=upload.key.arn, uri=upload.uri)
            store.abort_upload(uri, found.upload_id)
    return all(found.initiated <= old for found in unknown)


def _remove_object(context: WorkerContext, key: JobKey, uri: str) -> None:
    orphans = context.orphans
    try:
        if not orphans.is_owned(uri):
            objects = context.objects_for(context.jobs.get(key).role_arn, key)
            if objects.exists(S3Uri.parse(uri)):
                log.warning("removing an object that came up after its job's end", job=key.arn, uri=uri)
            objects.delete(S3Uri.parse(uri))
    except EdgewrightError as error:
        log.warning("object not removed yet", job=key.arn, uri=uri, reason=error.message)
        return
    orphans.confirm_removed(key, uri)
