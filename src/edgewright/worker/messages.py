"""What a job says of itself: the sentences of its statuses, and an error as its failure.

The form is AWS's: `ClientError: ...` where the caller can fix it, `InternalServerError: ...` where the operator can.
Packaging jobs have it in EdgePackagingJobStatusMessage, compilation jobs in FailureReason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.errors import CallerError, CompilerFailed, EdgewrightError, StoreFull, StoreUnavailable

if TYPE_CHECKING:
    from edgewright.packaging import Package

MOST_CHARACTERS = 1000


def completed(made: Package, *, compared: bool, overwrote: str | None) -> str:
    """The message of a COMPLETED packaging job.

    Args:
        made: the package.
        compared: whether its source was compared with what the compilation job recorded.
        overwrote: see `PackagingJob.overwrote`.
    """
    files = len(made.manifest.files)
    text = f"The package is complete: {files} {'file' if files == 1 else 'files'}, {made.size} bytes."
    if not compared:
        text += " Its source was not compared with the compilation job, of which this job has no digest."
    if overwrote is not None:
        text += f" It was written over what {overwrote} had made, at the same place."
    return text


def too_many_attempts(attempts: int) -> str:
    """The message of a job whose every attempt ended its worker."""
    return f"InternalServerError: {attempts} workers ended while they did this job, and none finished it."


def not_withdrawn(name: str, version: str, error: EdgewrightError) -> str:
    """Of a job that ended without its package, whose component may be on AWS all the same."""
    return _cut(
        f"InternalServerError: The component {name} {version} may be on AWS: if it is there, delete it. {error.message}"
    )


def unpublished(error: EdgewrightError) -> str:
    """Why a component is not on AWS, where that is neither the caller's nor AWS's refusal."""
    return _cut(f"InternalServerError: The component could not be published to AWS: {error.message}")


def sentence(error: Exception) -> str:
    """An error in one line, with whose it is before it; an internal error without detail, which is in the log."""
    if isinstance(error, CallerError):
        text = f"ClientError: {error.message}"
    elif isinstance(error, CompilerFailed):
        text = f"InternalServerError: {error.message}"
    elif isinstance(error, StoreFull):
        text = "InternalServerError: The object store is full. Once its operator has made room, create the job again."
    elif isinstance(error, StoreUnavailable):
        text = "InternalServerError: The object store could not be reached, or broke off. Create the job again later."
    else:
        text = "InternalServerError: The service could not do the job. Its operator finds the reason in the log."
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 3]}..."
