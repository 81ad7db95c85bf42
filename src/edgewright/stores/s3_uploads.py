"""Objects into S3: whole, or in parts that outlive the process that sent them. See `protocols.MultipartStore`."""

from __future__ import annotations

import base64
import hashlib
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeVar

from isal import isal_zlib

from edgewright.errors import (
    EdgewrightError,
    EncryptionMissing,
    KeyRefused,
    ObjectNotFound,
    StoreUnavailable,
    UploadGone,
    UriRefused,
)
from edgewright.stores.protocols import Part, Upload
from edgewright.stores.retries import Retries
from edgewright.stores.s3_errors import FAILURES, Broken, gone, wait_or_raise
from edgewright.stores.uri import S3Uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from threading import Event

T = TypeVar("T")
Answer = dict[str, Any]

KMS_ALGORITHMS: Final = frozenset({"aws:kms", "aws:kms:dsse"})
LOOKING_SECONDS = 5.0
"""How long a completed object is looked for: one whose completion is still at work is not visible yet."""
_MD5 = re.compile(r"[0-9a-f]{32}")
_KEY_NAME = re.compile(r"[\x21-\x7e]{1,2048}")


@dataclass(frozen=True, slots=True)
class Made:
    """What an object must be once it is visible.

    Attributes:
        size: in bytes.
        etag: as the store answered, without quotes.
        kms_key_id: the key that was asked for, if one was.
        resolved: the key as the store named it when it was asked to use it, if it did.
    """

    size: int
    etag: str
    kms_key_id: str | None
    resolved: str | None

    def is_etag_of(self, found: Answer) -> bool:
        """Whether what is there can be this object by its ETag."""
        return self.etag in {"", found["ETag"].strip('"')}


@dataclass(frozen=True, slots=True)
class Checksum:
    """What goes with a body, and what has to come back.

    Attributes:
        algorithm: `crc32` or `md5`.
    """

    algorithm: str

    def of(self, data: bytes | bytearray) -> Answer:
        """The request's members: S3 refuses a body that does not match."""
        if self.algorithm == "md5":
            return {"ContentMD5": base64.b64encode(_md5(data).digest()).decode()}
        crc = isal_zlib.crc32(data).to_bytes(4, "big")
        return {"ChecksumAlgorithm": "CRC32", "ChecksumCRC32": base64.b64encode(crc).decode()}

    @property
    def of_upload(self) -> Answer:
        """What begins an upload whose parts have this checksum."""
        return {} if self.algorithm == "md5" else {"ChecksumAlgorithm": "CRC32"}

    def compare(self, sent: Answer, data: bytes | bytearray, answer: Answer) -> None:
        """Raise Broken where the store took something else.

        A store that does not know the checksum does not return it; its ETag shows then, where it is an MD5.
        """
        returned = answer.get("ChecksumCRC32")
        if returned is not None and returned != sent.get("ChecksumCRC32", returned):
            raise Broken(f"the store has CRC32 {returned} of what was sent with {sent['ChecksumCRC32']}")
        etag = answer["ETag"].strip('"')
        plain = answer.get("ServerSideEncryption", "AES256") == "AES256" and "SSECustomerAlgorithm" not in answer
        if returned is None and plain and _MD5.fullmatch(etag) and _md5(data).hexdigest() != etag:
            raise Broken(f"the store has ETag {etag}, which is not the MD5 of what was sent")


@dataclass(frozen=True, slots=True)
class Uploads:
    """Sends objects with one client.

    Attributes:
        client: boto3's.
        seconds: how long one request may fail.
        checksum: how bodies are checked.
    """

    client: Any
    seconds: float
    checksum: Checksum

    def put(self, uri: S3Uri, data: bytes | bytearray, kms_key_id: str | None) -> None:
        """An object in one request, checked."""
        sent = self.checksum.of(data)

        def send() -> Answer:
            answer: Answer = self.client.put_object(**named(uri), Body=data, **sent, **_encryption(kms_key_id))
            self.checksum.compare(sent, data, answer)
            return answer

        answer = self._retried("writing", uri, send)
        self._check(uri, Made(len(data), answer["ETag"].strip('"'), kms_key_id, answer.get("SSEKMSKeyId")))

    def begin(self, uri: S3Uri, kms_key_id: str | None) -> str:
        """See `MultipartStore.begin_upload`."""
        wanted = named(uri) | self.checksum.of_upload | _encryption(kms_key_id)
        answer = self._retried("beginning an upload", uri, lambda: self.client.create_multipart_upload(**wanted))
        return str(answer["UploadId"])

    def send(
        self, uri: S3Uri, upload_id: str, number: int, data: bytes | bytearray, given_up: Event | None = None
    ) -> Part:
        """One part, checked. See `MultipartStore.upload_part`."""
        sent = self.checksum.of(data)

        def send() -> Answer:
            answer: Answer = self.client.upload_part(
                **named(uri), UploadId=upload_id, PartNumber=number, Body=data, **sent
            )
            self.checksum.compare(sent, data, answer)
            return answer

        with _of_upload(uri, upload_id):
            answer = self._retried(f"sending part {number}", uri, send, given_up)
        return Part(number, answer["ETag"].strip('"'), len(data))

    def held(self, uri: S3Uri, upload_id: str) -> dict[int, Answer]:
        """The parts that the store holds, as it describes them."""
        wanted = named(uri) | {"UploadId": upload_id}
        call, what = self.client.list_parts, "listing an upload's parts"
        with _of_upload(uri, upload_id):
            listed = pages(what, uri, self.seconds, call, wanted, "PartNumberMarker")
            return {part["PartNumber"]: part for page in listed for part in page.get("Parts", ())}

    def complete(self, uri: S3Uri, upload_id: str, parts: Sequence[Part], kms_key_id: str | None) -> None:
        """See `MultipartStore.complete_upload`."""

        def complete() -> Answer:
            # Listed before each try: not every store says of a completion that its upload is gone.
            listed = _completion(uri, upload_id, parts, self.held(uri, upload_id))
            answer: Answer = self.client.complete_multipart_upload(
                **named(uri), UploadId=upload_id, MultipartUpload=listed
            )
            return answer

        try:
            with _of_upload(uri, upload_id):
                answer = self._retried("completing an upload", uri, complete)
        except UploadGone:  # perhaps completed by an earlier try, whose answer was lost
            if not self.is_completed(uri, parts):
                raise
            answer = {"ETag": _whole_etag(parts)}
        etag = answer.get("ETag", "").strip('"')
        self._check(uri, Made(sum(part.size for part in parts), etag, kms_key_id, answer.get("SSEKMSKeyId")))

    def is_completed(self, uri: S3Uri, parts: Sequence[Part]) -> bool:
        """See `MultipartStore.is_completed`."""
        etag = _whole_etag(parts)
        if not parts or etag is None:
            return False
        made = Made(sum(part.size for part in parts), etag, None, None)
        found = self._seen(uri, made.is_etag_of)
        return found is not None and made.is_etag_of(found) and found["ContentLength"] == made.size

    def abort(self, uri: S3Uri, upload_id: str) -> None:
        """See `MultipartStore.abort_upload`."""
        wanted = named(uri) | {"UploadId": upload_id}
        with suppress(UploadGone), _of_upload(uri, upload_id):
            self._retried("aborting an upload", uri, lambda: self.client.abort_multipart_upload(**wanted))

    def open(self, bucket: str, prefix: str) -> Iterator[Upload]:
        """See `MultipartStore.uploads`. Keys that no `S3Uri` can have are not this program's, and are passed over."""
        top, wanted = S3Uri(bucket, ""), {"Bucket": bucket, "Prefix": prefix}
        call = self.client.list_multipart_uploads
        listed = pages("listing uploads", top, self.seconds, call, wanted, "KeyMarker", "UploadIdMarker")
        with suppress(UploadGone):  # what rclone answers of a bucket in which there are none
            for found in chain.from_iterable(page.get("Uploads", ()) for page in listed):
                with suppress(UriRefused):
                    yield Upload(S3Uri(bucket, found["Key"]), found["UploadId"], found["Initiated"].astimezone(UTC))

    def _check(self, uri: S3Uri, made: Made) -> None:
        """Compare the object with what was wanted; a wrong one is removed."""
        found = self._seen(uri, lambda found: made.is_etag_of(found) or _fault(found, made) is None)
        where = f"Bucket: {uri.bucket}, Key: {uri.key}"
        if found is None:
            raise StoreUnavailable(f"The object store took an object of {made.size} bytes, and has none now. {where}")
        fault = _fault(found, made)
        if fault is None:
            return
        kind, text = fault
        if not made.is_etag_of(found):
            raise kind(f"{text} By its ETag it may be another writer's, and it was not removed. {where}")
        self._retried("removing a wrong object", uri, lambda: self.client.delete_object(**named(uri)))
        raise kind(f"{text} The object was removed. {where}")

    def _seen(self, uri: S3Uri, wanted: Callable[[Answer], bool]) -> Answer | None:
        """The object as it is once it is as wanted, or else at the last look; None where there is none then."""
        looks = Retries("", uri, min(self.seconds, LOOKING_SECONDS))
        while True:
            found = None
            with suppress(ObjectNotFound):
                head = partial(self.client.head_object, **named(uri))
                found = self._retried("looking at what was written", uri, head)
            if (found is not None and wanted(found)) or not looks.wait():
                return found

    def _retried(self, what: str, uri: S3Uri, call: Callable[[], T], given_up: Event | None = None) -> T:
        return retried(Retries(what, uri, self.seconds, given_up), uri, call)


def retried(retries: Retries, uri: S3Uri, call: Callable[[], T]) -> T:
    """The call's result, tried until it comes or the failure is one for good."""
    while True:
        retries.check()
        try:
            return call()
        except FAILURES as error:
            wait_or_raise(error, uri, retries)


def pages(
    what: str, uri: S3Uri, seconds: float, call: Callable[..., Answer], wanted: Answer, *markers: str
) -> Iterator[Answer]:
    """The pages of a listing, each tried as `retried` does.

    Args:
        what: what is listed, as the part of a sentence.
        uri: the object or bucket that it is about.
        seconds: how long one page may fail.
        call: the client's method.
        wanted: its members for the first page.
        markers: its members that say where the next page begins; a page has them with `Next` before their names.
    """
    while True:
        page = retried(Retries(what, uri, seconds), uri, partial(call, **wanted))
        yield page
        if not page.get("IsTruncated"):
            return
        wanted = wanted | {marker: page[f"Next{marker}"] for marker in markers}


@contextmanager
def _of_upload(uri: S3Uri, upload_id: str) -> Iterator[None]:
    """Calls with an upload's id. Any 404 says that the upload is gone: which one it is, stores do not agree on.

    Ceph lists the parts of a completed or aborted upload with *NoSuchKey*.
    """
    try:
        yield
    except ObjectNotFound as error:
        raise gone(uri, upload_id, "the store has it no more") from error


def check_key_name(kms_key_id: str) -> str:
    """The key's name, where it can stand in a header. Which names a service knows is its own to say.

    Raises:
        KeyRefused: it has a character that no key's name has.
    """
    if not _KEY_NAME.fullmatch(kms_key_id):
        raise KeyRefused(
            f"{kms_key_id!r} is not the name of a KMS key. Wanted a key's id, its ARN or an alias: at most 2048 "
            "letters, digits and signs, no spaces."
        )
    return kms_key_id


def named(uri: S3Uri) -> Answer:
    """How requests name an object."""
    return {"Bucket": uri.bucket, "Key": uri.object_key}


def _encryption(kms_key_id: str | None) -> Answer:
    if kms_key_id is None:
        return {}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": check_key_name(kms_key_id)}


def _completion(uri: S3Uri, upload_id: str, parts: Sequence[Part], held: dict[int, Answer]) -> Answer:
    """The list of parts that completes an upload, with the checksums that the store itself returned."""
    listed = []
    for part in parts:
        found = held.get(part.number)
        if found is None or found["ETag"].strip('"') != part.etag or found["Size"] != part.size:
            raise gone(uri, upload_id, f"part {part.number} is not there as it was sent")
        checksum = {name: value for name, value in found.items() if name == "ChecksumCRC32"}
        listed.append({"PartNumber": part.number, "ETag": found["ETag"]} | checksum)
    return {"Parts": listed}


def _whole_etag(parts: Sequence[Part]) -> str | None:
    """The ETag of the object that these parts make; None where theirs are not MD5s in form."""
    if not all(_MD5.fullmatch(part.etag) for part in parts):
        return None
    joined = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{_md5(joined).hexdigest()}-{len(parts)}"


def _fault(found: Answer, made: Made) -> tuple[type[EdgewrightError], str] | None:
    """What is wrong with an object: the kind of error, and its first sentence."""
    if found["ContentLength"] != made.size:
        return StoreUnavailable, (
            f"The object store has {found['ContentLength']} bytes of an object of {made.size} that it took."
        )
    if made.kms_key_id is None:
        return None
    algorithm, key = found.get("ServerSideEncryption"), found.get("SSEKMSKeyId")
    if algorithm not in KMS_ALGORITHMS:
        return EncryptionMissing, (
            f"The object store was asked to encrypt with the KMS key {made.kms_key_id}, and did not: the object has "
            f"{algorithm or 'no encryption'}."
        )
    if not _is_key(made, key):
        return EncryptionMissing, (
            f"The object store was asked to encrypt with the KMS key {made.kms_key_id}, and took {key}."
        )
    return None


def _is_key(made: Made, found: str | None) -> bool:
    """Whether the key that an object has is the one that was asked for.

    Of an alias, only the store knows the key: it has to be the one that it named when it took the object.
    """
    asked = made.kms_key_id or ""
    if not found:
        return False
    if "alias/" in asked:
        return made.resolved in {None, found}
    if asked.startswith("arn:") and found.count(":") == asked.count(":"):
        return asked == found
    return _last(asked) == _last(found)


def _last(key: str) -> str:
    return re.split("[:/]", key)[-1]


def _md5(data: bytes | bytearray) -> Any:
    return hashlib.md5(data, usedforsecurity=False)
