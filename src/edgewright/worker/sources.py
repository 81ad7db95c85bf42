"""The artifact that an edge packaging job packages, compared with what its compilation job recorded of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from edgewright.errors import SourceReplaced
from edgewright.jobs.writers import author
from edgewright.stores import S3Uri
from edgewright.worker.context import WorkerContext, until_database_answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer

    from edgewright.jobs import PackagingJob


def compared(pieces: Iterable[Buffer], job: PackagingJob, most: int) -> Iterator[Buffer]:
    """The pieces as they come; the error comes behind the last, before anything that was made of them is signed.

    Args:
        pieces: the artifact, as it is now.
        job: what it is compared with; a job that knows nothing of its source gets it as it is.
        most: bytes of an artifact at most.

    Raises:
        SourceReplaced: it is another.
    """
    if job.source_sha256 is None:
        yield from pieces
        return
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        size += memoryview(piece).nbytes
        if size > most:
            raise _replaced(job, f"more than {most} bytes", None)
        digest.update(piece)
        yield piece
    if digest.hexdigest() != job.source_sha256 or job.source_size not in {None, size}:
        raise _replaced(job, f"{size} bytes with SHA-256 {digest.hexdigest()}", digest.hexdigest())


def attributed(context: WorkerContext, job: PackagingJob, error: SourceReplaced) -> SourceReplaced:
    """The same error, with the job that wrote what was found, where one is known."""
    writers = until_database_answers(context, lambda: context.jobs.writers(str(S3Uri.parse(job.source_uri))))
    by = author(error.sha256, writers) if error.sha256 else None
    who = f"It was written by {by.seen_from(job.key.account)}." if by else "No job that is known here wrote that."
    return SourceReplaced(f"{error.message} {who}", error.sha256)


def _replaced(job: PackagingJob, found: str, sha256: str | None) -> SourceReplaced:
    size = "" if job.source_size is None else f"{job.source_size} bytes with "
    return SourceReplaced(
        f"{job.source_uri} is not what the compilation job {job.compilation_job_name} made: it has {found}, and the "
        f"compilation job recorded {size}SHA-256 {job.source_sha256}. Nothing was packaged. Compile again to an "
        "S3OutputLocation of its own, or register what is meant to be packaged.",
        sha256,
    )
