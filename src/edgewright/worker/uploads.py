"""Writing a job's object so that another worker can go on with it: parts already sent are not sent again.

Where the store has multipart uploads, an object of more than one part is sent as one whose parts the database
remembers. The worker that takes a job over reads its source again and makes the same bytes again, for it needs their
digests; but a part whose SHA-256 is the kept one, and that the store still holds, stays where it is. One that comes out
otherwise (the source was replaced, or another version of the program makes other bytes) ends the upload, and all parts
are sent anew. See docs/decisions/0034-resumable-uploads.md.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

import structlog

from edgewright.errors import (
    EdgewrightError,
    JobStopped,
    ResourceNotFound,
    StoreUnavailable,
    TransitionRefused,
    UploadGone,
)
from edgewright.stores import S3Uri, background
from edgewright.stores.multipart import PartSender, parts_of
from edgewright.stores.protocols import PART, MultipartStore, Part
from edgewright.uploads.ledger import KeptPart, KeptUpload
from edgewright.worker.context import WorkerContext, kms_key, until_database_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from typing_extensions import Buffer

    from edgewright.jobs import Job
    from edgewright.worker.monitor import Monitor

log = structlog.get_logger(__name__)

T = TypeVar("T")

SETTLING_SECONDS = 0.5
"""How long a writer that gives up waits for the parts under way, so that none arrives behind an abort."""


def write(context: WorkerContext, job: Job, monitor: Monitor, uri: S3Uri, pieces: Iterable[Buffer]) -> None:
    """Make the job's object of these pieces, encrypted as the job asks, visible only while this attempt is the latest.

    Raises:
        JobStopped: the job is to end, or another worker does it now. What the iterable raises comes out unchanged.
        StoreUnavailable: the store broke off, or the kept parts are of other bytes; done again, it goes on, or anew.
    """
    key = kms_key(context, job)
    store = context.objects_for(job.role_arn, job.key)
    if isinstance(store, MultipartStore):
        parts = parts_of(pieces)
        first = next(parts)
        if len(first) == PART:
            _Sending(context, store, job, monitor, (uri, key)).send(chain([first], parts))
            return
        pieces = [first]
    store.write(uri, monitor.commit(uri, pieces), kms_key_id=key, poll=monitor.look)


def withdraw(context: WorkerContext, job: Job) -> None:
    """End the upload of a job that ends without its object: from here on no attempt can make it visible."""
    upload = until_database_answers(context, lambda: context.uploads.find(job))
    if upload is None:
        return
    until_database_answers(context, lambda: context.uploads.abandon(upload))
    try:
        abort(context, upload)
    except EdgewrightError as error:  # the job must end; what is abandoned is aborted again later
        log.warning("upload not aborted yet", job=job.key.arn, uri=upload.uri, reason=error.message)


def abort(context: WorkerContext, upload: KeptUpload) -> None:
    """Have the store forget an upload. Raises what the store does."""
    store = context.objects_for(upload.role_arn, upload.key)
    if upload.upload_id is not None and isinstance(store, MultipartStore):
        store.abort_upload(S3Uri.parse(upload.uri), upload.upload_id)


class _Sending:
    """One attempt's way through an upload."""

    def __init__(
        self, context: WorkerContext, store: MultipartStore, job: Job, monitor: Monitor, what: tuple[S3Uri, str | None]
    ) -> None:
        self._context = context
        self._store = store
        self._ledger = context.uploads
        self._job = job
        self._monitor = monitor
        self._uri, self._key = what
        self._sender: PartSender[tuple[int, KeptPart]] = PartSender(monitor.look)

    def send(self, parts: Iterable[bytearray]) -> None:
        """Send what is not there yet, and make the object visible."""
        upload, kept = self._resumed() or (self._begun(), {})
        try:
            sent = self._sent(upload, kept, parts)
            self._monitor.allow(self._uri)
            upload_id = _named(upload)
            self._store.complete_upload(self._uri, upload_id, sent, kms_key_id=self._key)
        except UploadGone:
            self._discard(upload)
            raise
        finally:
            self._sender.settle(SETTLING_SECONDS)
        # Not forgotten yet. Where the answer to a begin was lost, the store's client asked again, or a worker died
        # without it: the store may hold uploads of this object that are not recorded. They are looked for later.
        until_database_answers(self._context, lambda: self._ledger.abandon(upload))

    def _resumed(self) -> tuple[KeptUpload, dict[int, KeptPart]] | None:
        """The job's upload from an earlier attempt, with the parts that the database and the store both have.

        Of one that an earlier attempt completed, the object has them all.
        """
        upload = until_database_answers(self._context, lambda: self._ledger.find(self._job))
        if upload is None or upload.upload_id is None:
            return None
        if (upload.uri, upload.kms_key_id) != (str(self._uri), self._key):
            self._discard(upload)
            return None
        noted = until_database_answers(self._context, lambda: self._ledger.parts(upload))
        try:
            held = self._waited(partial(self._store.uploaded_parts, self._uri, upload.upload_id))
        except UploadGone:
            if not self._waited(partial(self._store.is_completed, self._uri, upload.upload_id, _in_order(noted))):
                self._discard(upload)
                return None
            log.info("an earlier attempt completed the object", job=self._job.key.arn)
            return upload, noted
        kept = {
            number: part
            for number, part in noted.items()
            if number in held and (held[number].etag, held[number].size) == (part.etag, part.size)
        }
        size = sum(part.size for part in kept.values())
        log.info("resuming an upload", job=self._job.key.arn, parts_kept=len(kept), bytes_kept=size)
        return upload, kept

    def _begun(self) -> KeptUpload:
        upload = self._noted(self._ledger.intend, self._job, str(self._uri), self._key)
        upload_id = self._waited(partial(self._store.begin_upload, self._uri, kms_key_id=self._key))
        try:
            return self._noted(self._ledger.note_begun, upload, self._job, upload_id)
        except JobStopped:  # no other attempt knows this upload
            with suppress(EdgewrightError):
                self._store.abort_upload(self._uri, upload_id)
                self._ledger.note_unbegun(upload)
            raise

    def _sent(self, upload: KeptUpload, kept: dict[int, KeptPart], parts: Iterable[bytearray]) -> list[Part]:
        """Every part of the object, in order, once the store has it and the database knows.

        Parts are noted here and not by the store's own writer, so that another worker can go on.
        """
        present: dict[int, KeptPart] = {}
        for number, part in self._sender.results(self._missing(upload, kept, parts, present)):
            self._noted(self._ledger.keep, upload, self._job, number, part)
            present[number] = part
        return _in_order(present)

    def _missing(
        self,
        upload: KeptUpload,
        kept: dict[int, KeptPart],
        parts: Iterable[bytearray],
        present: dict[int, KeptPart],
    ) -> Iterator[Callable[[], tuple[int, KeptPart]]]:
        """What sends each part that an earlier attempt has not sent; the others are added to `present`."""
        for number, data in enumerate(parts, 1):
            digest = hashlib.sha256(data).hexdigest()
            part = kept.get(number)
            if part is None:
                yield partial(self._send, upload, number, data, digest)
            elif (part.size, part.sha256) == (len(data), digest):
                present[number] = part
            else:
                self._discard(upload)
                raise StoreUnavailable(
                    f"Part {number} of {self._uri} is not as an earlier attempt sent it: all parts are sent anew."
                )

    def _send(self, upload: KeptUpload, number: int, data: bytearray, digest: str) -> tuple[int, KeptPart]:
        etag = self._store.upload_part(self._uri, _named(upload), number, data)
        return number, KeptPart(etag, len(data), digest)

    def _discard(self, upload: KeptUpload) -> None:
        """Abandon an upload, unless this attempt is outdated: then the latest one decides."""
        self._noted(self._ledger.abandon, upload, self._job)
        self._sender.settle(SETTLING_SECONDS)
        with suppress(EdgewrightError):  # what is abandoned is aborted again later
            abort(self._context, upload)

    def _noted(self, note: Callable[..., T], *given: object) -> T:
        """What the ledger answers. A refusal means that the job has ended, or that another attempt does it now."""
        try:
            return until_database_answers(self._context, partial(note, *given))
        except (TransitionRefused, ResourceNotFound) as refused:
            raise JobStopped(refused.message) from refused

    def _waited(self, work: Callable[[], T]) -> T:
        return background.awaited(background.start(work), self._monitor.look)


def _in_order(parts: Mapping[int, KeptPart]) -> list[Part]:
    return [Part(number, part.etag, part.size) for number, part in sorted(parts.items())]


def _named(upload: KeptUpload) -> str:
    assert upload.upload_id is not None
    return upload.upload_id
