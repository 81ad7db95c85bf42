"""The object store on S3 and compatible services, through botocore. Buckets have to be there.

A read is of one version, in ranges that are read ahead; a write is in parts, several under way. Transient failures are
retried within `s3.retry_seconds`, and never does a short object come out of it, on either side.
See docs/decisions/0046-s3-through-boto3.md.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from itertools import chain
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from edgewright.errors import EdgewrightError, ObjectNotFound, UriRefused
from edgewright.stores import background
from edgewright.stores.multipart import PartSender, parts_of
from edgewright.stores.protocols import PART, ObjectStore, Part, Upload
from edgewright.stores.retries import Retries
from edgewright.stores.s3_client import s3_client
from edgewright.stores.s3_errors import absent, translated
from edgewright.stores.s3_reading import Reading, Version
from edgewright.stores.s3_uploads import Checksum, Uploads, check_key_name, named, pages, retried
from edgewright.stores.uri import S3Uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import timedelta

    from typing_extensions import Buffer

    from edgewright.sections import S3Settings

ABORT_SECONDS = 1.0
"""How long a write that fails waits for its upload to be aborted; where the store stalls, that goes on in a thread."""


class S3Store(ObjectStore):
    """Objects in S3. Nothing is reached before the first use; safe to use from several threads.

    Args:
        settings: where, and how long it is retried.
        session: whose rights are used: opens a session of botocore's.
    """

    def __init__(self, settings: S3Settings, session: Callable[[], Any]) -> None:
        self._settings = settings
        self._session = session
        self._clients: dict[str | None, Any] = {}
        self._regions: dict[str, str] = {}
        self._opening = Lock()

    def size(self, uri: S3Uri) -> int:
        """See `ObjectStore.size`."""
        return self._version(uri).size

    def version(self, uri: S3Uri) -> str:
        """See `VersioningStore.version`. S3 calls the version of an object in a bucket without versions `null`."""
        found = self._head(uri)
        version = str(found.get("VersionId", "null"))
        return version if version != "null" else str(found["ETag"]).strip('"')

    def read(self, uri: S3Uri) -> Iterator[Buffer]:
        """See `ObjectStore.read`: ranges, read ahead, each tied to the ETag that the object had at first."""
        version = self._version(uri)
        yield from Reading(self._client(), version, self._settings.retry_seconds, Event()).pieces()

    def write(
        self,
        uri: S3Uri,
        pieces: Iterable[Buffer],
        *,
        kms_key_id: str | None = None,
        poll: Callable[[], None] | None = None,
    ) -> None:
        """See `ObjectStore.write`: one request for what fits into a part, else an upload in parts.

        A process that is killed leaves an unfinished upload behind, which `uploads` finds.
        """
        uri.object_key  # noqa: B018 - refuses a prefix before any byte is made
        parts = parts_of(pieces)
        first = next(parts)
        try:
            if len(first) < PART:
                # In the calling thread: nothing can be polled while the object may be becoming visible.
                if poll is not None:
                    poll()
                self._uploads().put(uri, first, kms_key_id)
            else:
                _write_parts(self._uploads(), uri, kms_key_id, poll, chain([first], parts))
        except ObjectNotFound as error:  # what is missing for a write is the bucket
            raise absent(S3Uri(uri.bucket, "")) from error

    def check_key(self, kms_key_id: str, account: str, region: str) -> str:
        """See `ObjectStore.check_key`: any name that can be a key's. Whether there is one, S3 says when it is used."""
        return check_key_name(kms_key_id)

    def delete(self, uri: S3Uri) -> None:
        """See `ObjectStore.delete`."""
        with suppress(ObjectNotFound):
            self._retried("removing the object", uri, partial(self._client().delete_object, **named(uri)))

    def list(self, bucket: str, prefix: str = "") -> Iterator[S3Uri]:
        """See `ObjectStore.list`. Keys that no `S3Uri` can have are passed over."""
        top, seconds, call = S3Uri(bucket, ""), self._settings.retry_seconds, self._client().list_objects_v2
        wanted = {"Bucket": bucket, "Prefix": prefix}
        for page in pages("listing objects", top, seconds, call, wanted, "ContinuationToken"):
            for found in page.get("Contents", ()):
                with suppress(UriRefused):
                    yield S3Uri(bucket, found["Key"])

    def begin_upload(self, uri: S3Uri, *, kms_key_id: str | None = None) -> str:
        """See `MultipartStore.begin_upload`."""
        return self._uploads().begin(uri, kms_key_id)

    def upload_part(self, uri: S3Uri, upload_id: str, number: int, data: Buffer) -> str:
        """See `MultipartStore.upload_part`."""
        content = data if isinstance(data, bytes | bytearray) else bytes(data)
        return self._uploads().send(uri, upload_id, number, content).etag

    def uploaded_parts(self, uri: S3Uri, upload_id: str) -> dict[int, Part]:
        """See `MultipartStore.uploaded_parts`."""
        held = self._uploads().held(uri, upload_id)
        return {number: Part(number, part["ETag"].strip('"'), part["Size"]) for number, part in held.items()}

    def complete_upload(
        self, uri: S3Uri, upload_id: str, parts: Sequence[Part], *, kms_key_id: str | None = None
    ) -> None:
        """See `MultipartStore.complete_upload`."""
        self._uploads().complete(uri, upload_id, parts, kms_key_id)

    def is_completed(self, uri: S3Uri, upload_id: str, parts: Sequence[Part]) -> bool:
        """See `MultipartStore.is_completed`. An object's ETag names its parts, and not its upload."""
        return self._uploads().is_completed(uri, parts)

    def abort_upload(self, uri: S3Uri, upload_id: str) -> None:
        """See `MultipartStore.abort_upload`."""
        self._uploads().abort(uri, upload_id)

    def uploads(self, bucket: str, prefix: str = "") -> Iterator[Upload]:
        """See `MultipartStore.uploads`."""
        yield from self._uploads().open(bucket, prefix)

    def link(self, uri: S3Uri, life: timedelta) -> str:
        """See `LinkingStore.link`. It is signed for the bucket's own region, which is asked for once."""
        client, seconds = self._client(self._region(uri)), int(life.total_seconds())
        with translated(uri):
            return str(client.generate_presigned_url("get_object", named(uri), ExpiresIn=seconds))

    def _version(self, uri: S3Uri) -> Version:
        found = self._head(uri)
        return Version(uri, found["ETag"], found["ContentLength"])

    def _head(self, uri: S3Uri) -> Any:
        return self._retried("looking for the object", uri, partial(self._client().head_object, **named(uri)))

    def _retried(self, what: str, uri: S3Uri, call: Callable[[], Any]) -> Any:
        return retried(Retries(what, uri, self._settings.retry_seconds), uri, call)

    def _uploads(self) -> Uploads:
        return Uploads(self._client(), self._settings.retry_seconds, Checksum(self._settings.checksum))

    def _client(self, region: str | None = None) -> Any:
        """The client of a region; None for the settings' own. It finds and remembers other buckets' regions itself."""
        with self._opening:
            if region not in self._clients:
                self._clients[region] = s3_client(self._session(), self._settings, region)
            return self._clients[region]

    def _region(self, uri: S3Uri) -> str | None:
        """Where a bucket is: AWS returns it whether the caller may read the bucket or not."""
        if self._settings.endpoint_url is not None:
            return None
        if uri.bucket not in self._regions:
            found = self._retried("looking for the bucket", uri, partial(_region_of, self._client(), uri.bucket))
            self._regions[uri.bucket] = found or self._settings.region
        return self._regions[uri.bucket]


def _write_parts(
    uploads: Uploads,
    uri: S3Uri,
    kms_key_id: str | None,
    poll: Callable[[], None] | None,
    parts: Iterable[bytearray],
) -> None:
    """Make an object of parts, some of them under way while the next is made; where it fails, leave nothing."""
    given_up = Event()
    sender: PartSender[Part] = PartSender(poll)
    beginning = background.start(partial(uploads.begin, uri, kms_key_id))

    def abort() -> None:
        sender.settle()  # a part that arrived after the abort would stay
        with suppress(EdgewrightError):  # the error that brought us here is what counts; `uploads` finds what is left
            uploads.abort(uri, beginning.result())

    try:
        upload_id = background.awaited(beginning, poll)
        send = partial(uploads.send, uri, upload_id, given_up=given_up)
        sent = list(sender.results(partial(send, number, data) for number, data in enumerate(parts, 1)))
        uploads.complete(uri, upload_id, sent, kms_key_id)
    except BaseException:
        given_up.set()
        background.settled(background.start(abort), ABORT_SECONDS)
        raise


def _region_of(client: Any, bucket: str) -> str | None:
    from botocore.exceptions import ClientError

    try:
        headers = client.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
    except ClientError as error:
        headers = error.response["ResponseMetadata"]["HTTPHeaders"]
        if "x-amz-bucket-region" not in headers and error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise
    region: str | None = headers.get("x-amz-bucket-region")
    return region
