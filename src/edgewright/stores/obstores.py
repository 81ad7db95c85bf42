"""Object stores on obstore: S3 and compatible services, and memory. One store of obstore's is opened per bucket."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError, UnauthenticatedError
from obstore.store import MemoryStore as BucketInMemory
from obstore.store import S3Store as BucketOnS3

from edgewright.errors import (
    EdgewrightError,
    KeyRefused,
    ObjectForbidden,
    ObjectNotFound,
    ObjectReplaced,
    StoreUnavailable,
    UriRefused,
)
from edgewright.stores.feed import Feed
from edgewright.stores.seam import PIECE
from edgewright.stores.uri import S3Uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from obstore import Bytes
    from obstore.store import ObjectStore as Bucket
    from obstore.store import RetryConfig, S3Credential
    from typing_extensions import Buffer

    from edgewright.settings import S3Settings

RANGE = 8 * PIECE
"""Bytes of one ranged read, and of one part of a multipart upload: 10,000 parts hold 80 GiB."""

READ_AHEAD = 3
"""Ranged reads under way or waiting for their reader: bounds a reader's memory to about 24 MiB."""

UPLOADS = 3
"""Parts under way at a time: bounds a writer's memory to about 32 MiB."""

_DENIED = re.compile(r"status code: 40[13]\b")
_BUCKETS_OPEN = 64
_RETRIES: RetryConfig = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
}


class _BucketStore(ABC):
    """What memory and S3 have in common."""

    def size(self, uri: S3Uri) -> int:
        """See `ObjectStore.size`."""
        key = uri.object_key
        with _translated(uri):
            return obstore.head(self._bucket(uri.bucket), key)["size"]

    def read(self, uri: S3Uri) -> Iterator[Buffer]:
        """See `ObjectStore.read`: ranges, read ahead, each tied to the ETag that the object had at first."""
        key = uri.object_key
        with _translated(uri):
            bucket = self._bucket(uri.bucket)
            found = obstore.head(bucket, key)

        def fetch(start: int) -> Bytes:
            end = min(start + RANGE, found["size"])
            return obstore.get(bucket, key, options={"range": (start, end), "if_match": found["e_tag"]}).bytes()

        yield from _in_order(fetch, range(0, found["size"], RANGE), uri)

    def write(
        self,
        uri: S3Uri,
        pieces: Iterable[Buffer],
        *,
        kms_key_id: str | None = None,
        poll: Callable[[], None] | None = None,  # noqa: ARG002 - the feed's filler cannot be woken
    ) -> None:
        """See `ObjectStore.write`: a multipart upload. A process that is killed leaves an unfinished one behind."""
        if kms_key_id is not None:
            raise _no_key(kms_key_id)
        key = uri.object_key
        feed = Feed()
        with _translated(uri):
            bucket = self._bucket(uri.bucket, create=True)
        with ThreadPoolExecutor(1, thread_name_prefix="edgewright-write") as pool:
            upload = pool.submit(obstore.put, bucket, key, feed, chunk_size=RANGE, max_concurrency=UPLOADS)
            upload.add_done_callback(lambda _: feed.close())
            feed.fill(pieces)
            try:
                with _translated(uri):
                    upload.result()
            except ObjectNotFound as error:  # what is missing for a write is the bucket
                raise _absent(S3Uri(uri.bucket, "")) from error

    def check_key(self, kms_key_id: str, account: str, region: str) -> str:  # noqa: ARG002 - no account has one
        """See `ObjectStore.check_key`: none is known."""
        raise _no_key(kms_key_id)

    def exists(self, uri: S3Uri) -> bool:
        """See `ObjectStore.exists`."""
        try:
            self.size(uri)
        except ObjectNotFound:
            return False
        return True

    def delete(self, uri: S3Uri) -> None:
        """See `ObjectStore.delete`."""
        key = uri.object_key
        with suppress(ObjectNotFound), _translated(uri):
            obstore.delete(self._bucket(uri.bucket), key)

    def list(self, bucket: str, prefix: str = "") -> Iterator[S3Uri]:
        """See `ObjectStore.list`."""
        # obstore lists below whole parts of a key; the rest of the prefix is matched here.
        whole, _, _ = prefix.rpartition("/")
        with _translated(S3Uri(bucket, "")):
            for page in obstore.list(self._bucket(bucket), whole or None, chunk_size=1000):
                for found in page:
                    if found["path"].startswith(prefix):
                        yield S3Uri(bucket, found["path"])

    @abstractmethod
    def _bucket(self, name: str, *, create: bool = False) -> Bucket:
        """The bucket's store. A bucket that is known not to exist is a FileNotFoundError."""


class MemoryStore(_BucketStore):
    """Objects in this process's memory, for tests and trials. A bucket comes into being with its first object."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def _bucket(self, name: str, *, create: bool = False) -> Bucket:
        if create:
            return self._buckets.setdefault(name, BucketInMemory())
        if name not in self._buckets:
            raise FileNotFoundError(name)
        return self._buckets[name]


class S3Store(_BucketStore):
    """Objects in S3, or in a service that speaks its protocol. Buckets are made beforehand, by whoever owns them."""

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._opened = lru_cache(maxsize=_BUCKETS_OPEN)(self._open)

    def link(self, uri: S3Uri, life: timedelta) -> str:
        """A pre-signed address: whoever has it may fetch the object, for as long as `life`; the object may be absent.

        Raises:
            UriRefused: the URI names a prefix.
            StoreUnavailable: there are no credentials to sign with.
        """
        key = uri.object_key
        with _translated(uri):
            return obstore.sign(self._opened(uri.bucket), "GET", key, life)

    def _bucket(self, name: str, *, create: bool = False) -> Bucket:  # noqa: ARG002 - S3's buckets are not made here
        return self._opened(name)

    def _open(self, name: str) -> BucketOnS3:
        settings = self._settings
        endpoint = settings.endpoint_url or _aws_endpoint(settings.region)
        static = _static_credentials(settings)
        return BucketOnS3(
            name,
            # Always given: obstore would else take AWS_ENDPOINT_URL, which often names this very service.
            endpoint=endpoint if settings.path_style else _with_bucket(endpoint, name),
            region=settings.region,
            virtual_hosted_style_request=not settings.path_style,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=5),
                "timeout": timedelta(seconds=60),  # of one request: at most RANGE bytes either way
            },
            retry_config=_RETRIES,
            credential_provider=(lambda: static) if static else None,
        )


def _aws_endpoint(region: str) -> str:
    return f"https://s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def _with_bucket(endpoint: str, bucket: str) -> str:
    # object_store takes the endpoint of a virtual-host style store with the bucket already in it.
    scheme, _, host = endpoint.partition("://")
    return f"{scheme}://{bucket}.{host}"


def _static_credentials(settings: S3Settings) -> S3Credential | None:
    """The credentials that the settings hold; None leaves it to obstore, which reads the AWS environment.

    Given as a provider, they are taken whole: as single options they would mix with AWS_SESSION_TOKEN.
    """
    if settings.access_key_id is None or settings.secret_access_key is None:
        return None
    token = settings.session_token
    return {
        "access_key_id": settings.access_key_id,
        "secret_access_key": settings.secret_access_key.get_secret_value(),
        "token": token.get_secret_value() if token else None,
        "expires_at": None,
    }


def _no_key(kms_key_id: str) -> KeyRefused:
    return KeyRefused(f"The object store cannot encrypt with the key {kms_key_id}. Leave KmsKeyId out.")


def _absent(uri: S3Uri) -> ObjectNotFound:
    if uri.key:
        return ObjectNotFound(f"S3 object does not exist. Bucket: {uri.bucket}, Key: {uri.key}")
    return ObjectNotFound(f"S3 bucket does not exist. Bucket: {uri.bucket}")


@contextmanager
def _translated(uri: S3Uri) -> Iterator[None]:
    """Turn obstore's errors, and the built-in ones that it raises, into ours."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        raise _translation(error, uri) from error


def _translation(error: BaseError | OSError | ValueError, uri: S3Uri) -> EdgewrightError:
    where = f"Bucket: {uri.bucket}, Key: {uri.key}"
    # Only the first line: after it obstore prints the whole request for debugging.
    reason = str(error).partition("\n")[0][:300]
    if isinstance(error, FileNotFoundError) or "<Code>NoSuchBucket</Code>" in str(error):
        return _absent(uri)
    # Listing has only a GenericError for every answer.
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or _DENIED.search(reason):
        return ObjectForbidden(f"Access to the S3 object is denied. {where}")
    if isinstance(error, PreconditionError):
        return ObjectReplaced(f"The S3 object was replaced while it was read: start the job again. {where}")
    if isinstance(error, ValueError):
        return UriRefused(f"The key cannot be used: {reason}. {where}")
    return StoreUnavailable(f"The object store failed: {reason}. {where}")


def _in_order(fetch: Callable[[int], Bytes], starts: Iterable[int], uri: S3Uri) -> Iterator[Buffer]:
    """Fetch ranges on threads, a few ahead of their reader, and give them in order in small pieces."""
    ahead: deque[Future[Bytes]] = deque()
    with _readers() as pool:
        for start in starts:
            ahead.append(pool.submit(fetch, start))
            if len(ahead) == READ_AHEAD:
                yield from _pieces(ahead.popleft(), uri)
        while ahead:
            yield from _pieces(ahead.popleft(), uri)


@contextmanager
def _readers() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(READ_AHEAD, thread_name_prefix="edgewright-read")
    try:
        yield pool
    finally:
        # A reader that gives up does not wait for ranges that nobody will use.
        pool.shutdown(wait=False, cancel_futures=True)


def _pieces(range_: Future[Bytes], uri: S3Uri) -> Iterator[Buffer]:
    with _translated(uri):
        view = memoryview(range_.result())
    for start in range(0, len(view), PIECE):
        yield view[start : start + PIECE]
