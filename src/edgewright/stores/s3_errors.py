"""What S3's answers and boto3's errors mean: a transient failure, or one of our errors."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from botocore import exceptions
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from edgewright.errors import (
    EdgewrightError,
    KeyRefused,
    ObjectForbidden,
    ObjectNotFound,
    ObjectReplaced,
    SettingsRefused,
    StoreUnavailable,
    StoreUnsuited,
    UploadGone,
    UriRefused,
)
from edgewright.stores.retries import Retries, TransientFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgewright.stores.uri import S3Uri


class Broken(Exception):
    """An answer that cannot be what the store meant: too short, or with another checksum."""


FAILURES: Final = (
    exceptions.ClientError,
    exceptions.BotoCoreError,
    ResponseParserError,  # an answer that was cut in the middle of its XML
    HTTPError,
    OSError,
    Broken,
)
"""Whatever a call of boto3's or a read of its bodies may raise that is not a bug."""

_PASSING: Final = frozenset(
    {
        "BadDigest",  # the bytes came out wrong on the way
        "BandwidthLimitExceeded",
        "ConcurrentModification",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServerBusy",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
    }
)
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_DENIED: Final = frozenset(
    {"AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"}
)
_NO_BUCKET, _NO_UPLOAD = "NoSuchBucket", frozenset({"NoSuchUpload", "InvalidPart"})
_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _PRECONDITION, _TOO_MANY = 400, 401, 403, 404, 412, 429
_SERVER_ERROR, _NOT_IMPLEMENTED = 500, 501
_LONGEST_REASON = 300
_ERRORS_FOR_GOOD: Final = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.ParamValidationError,
    exceptions.ProfileNotFound,
    exceptions.SSLError,
)


def transient_failure(error: Exception) -> TransientFailure | None:
    """The failure as a transient one; None where a retry would not help."""
    if isinstance(error, exceptions.ClientError):
        code, status = _code(error), _status(error)
        if status == _NOT_IMPLEMENTED:
            return None
        if code in _PASSING or code in _EXPIRED or status == _TOO_MANY or status >= _SERVER_ERROR:
            return TransientFailure(_reason(error), _retry_after(error))
        return None
    if isinstance(error, exceptions.CredentialRetrievalError):
        return TransientFailure(_reason(error))
    if isinstance(error, _ERRORS_FOR_GOOD):
        return None
    transport = (
        exceptions.HTTPClientError,
        exceptions.IncompleteReadError,
        exceptions.ConnectionError,
        ResponseParserError,
        HTTPError,
        OSError,
        Broken,
    )
    return TransientFailure(_reason(error)) if isinstance(error, transport) else None


@contextmanager
def translated(uri: S3Uri) -> Iterator[None]:
    """Turn what is raised into our errors."""
    try:
        yield
    except FAILURES as error:
        raise translation(error, uri) from error


def translation(error: Exception, uri: S3Uri) -> EdgewrightError:
    """Our error for one of boto3's."""
    where = f"Bucket: {uri.bucket}, Key: {uri.key}"
    if isinstance(error, exceptions.ClientError):
        return _of_answer(error, uri, where)
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return StoreUnavailable(f"The object store's credentials cannot be used: {_reason(error)}. {where}")
    if isinstance(error, exceptions.ParamValidationError):
        return UriRefused(f"The object cannot be asked for: {_reason(error)}. {where}")
    if isinstance(error, exceptions.SSLError):
        return SettingsRefused(f"The object store's certificate is not trusted: {_reason(error)}. {where}")
    return StoreUnavailable(f"The object store failed: {_reason(error)}. {where}")


def wait_or_raise(error: Exception, uri: S3Uri, retries: Retries) -> None:
    """Wait before the next try, or raise what the failure is for good."""
    passing = transient_failure(error)
    if passing is None:
        raise translation(error, uri) from error
    retries.failed(passing, error)


def absent(uri: S3Uri) -> ObjectNotFound:
    """No such object; or no such bucket, where the URI has no key."""
    if uri.key:
        return ObjectNotFound(f"S3 object does not exist. Bucket: {uri.bucket}, Key: {uri.key}")
    return ObjectNotFound(f"S3 bucket does not exist. Bucket: {uri.bucket}")


def gone(uri: S3Uri, upload_id: str, why: str) -> UploadGone:
    """The upload cannot be continued."""
    return UploadGone(
        f"The multipart upload {upload_id} cannot be gone on with: {why}. Send the object again. "
        f"Bucket: {uri.bucket}, Key: {uri.key}"
    )


def _of_answer(error: Any, uri: S3Uri, where: str) -> EdgewrightError:  # noqa: PLR0911 - botocore has no types; a table in words
    code, status = _code(error), _status(error)
    if code in _NO_UPLOAD:
        return UploadGone(f"The multipart upload is gone: {_reason(error)}. {where}")
    if code.startswith("KMS."):
        return KeyRefused(f"The object store cannot use the KMS key: {_reason(error)}. {where}")
    if status == _NOT_FOUND or code == _NO_BUCKET:
        return absent(uri)
    if code in _DENIED or status in {_UNAUTHORIZED, _FORBIDDEN}:
        return ObjectForbidden(f"Access to the S3 object is denied. {where}")
    if status == _NOT_IMPLEMENTED:
        return StoreUnsuited(f"The object store does not implement the request: {_reason(error)}. {where}")
    if status == _PRECONDITION:
        return ObjectReplaced(f"The S3 object was replaced while it was read: start the job again. {where}")
    if status == _BAD_REQUEST and code in {"InvalidArgument", "KeyTooLongError", "InvalidURI"}:
        return UriRefused(f"The object store refuses the request: {_reason(error)}. {where}")
    return StoreUnavailable(f"The object store failed: {_reason(error)}. {where}")


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _retry_after(error: Any) -> float:
    """Seconds that the store asked for; a date, which HTTP allows too, is passed over."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    text = str(headers.get("retry-after", ""))
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _reason(error: Exception) -> str:
    """The error in one line. An answer's own text and code; no request is printed, and so no secret."""
    if isinstance(error, exceptions.ClientError):
        said = error.response.get("Error", {})
        text = f"{said.get('Code', 'error')} ({_status(error)}): {said.get('Message', '')}"
    else:
        text = str(error)
    return " ".join(text.split())[:_LONGEST_REASON].rstrip(".: ")
