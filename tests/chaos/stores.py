"""The object store as the checks see it: without the program, without the proxy."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psutil
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from contract.s3_service import S3Service

BUCKETS = MODELS, PACKAGES = "chaos-models", "chaos-packages"
STAGING = ".staging"
"""Where the directory store keeps what is no object yet."""


class Store(Protocol):
    """Objects by bucket and key."""

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Put an object there."""

    def get(self, bucket: str, key: str) -> bytes | None:
        """The whole object, or None."""

    def has(self, bucket: str, key: str) -> bool:
        """Whether the object is there."""

    def remove(self, bucket: str, key: str) -> None:
        """Remove the object."""

    def keys(self, bucket: str) -> list[str]:
        """Every object's key."""

    def unfinished(self) -> list[str]:
        """Uploads that were begun, and files that are no object yet."""


class S3Store:
    """Straight to the S3 server."""

    def __init__(self, service: S3Service) -> None:
        self._client: Any = service.client()
        for bucket in BUCKETS:
            self._client.create_bucket(Bucket=bucket)

    def put(self, bucket: str, key: str, content: bytes) -> None:
        self._client.put_object(Bucket=bucket, Key=key, Body=content)

    def get(self, bucket: str, key: str) -> bytes | None:
        try:
            content: bytes = self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        return content

    def has(self, bucket: str, key: str) -> bool:
        try:
            self._client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return False
            raise
        return True

    def remove(self, bucket: str, key: str) -> None:
        self._client.delete_object(Bucket=bucket, Key=key)

    def keys(self, bucket: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def unfinished(self) -> list[str]:
        found = []
        for bucket in BUCKETS:
            uploads = begun_uploads(self._client, bucket)
            found += [f"upload {each['UploadId'][:12]} of {bucket}/{each['Key']}" for each in uploads]
        return found


def begun_uploads(client: Any, bucket: str) -> list[Any]:
    """The uploads of a bucket that are not ended. rclone has no list where there are none."""
    try:
        return list(client.list_multipart_uploads(Bucket=bucket).get("Uploads", []))
    except client.exceptions.NoSuchUpload:
        return []


class LifecycleRule:
    """A rule of the buckets that aborts every upload that is begun, whenever it is hit. No process of its own."""

    name = "lifecycle"

    def __init__(self, service: S3Service) -> None:
        self._client: Any = service.client()

    def start(self) -> None:
        """Nothing: it acts when it is hit."""

    def kill(self) -> None:
        """Abort what is begun; what a worker completes or aborts meanwhile is gone already."""
        for bucket in BUCKETS:
            for each in begun_uploads(self._client, bucket):
                with suppress(self._client.exceptions.NoSuchUpload):
                    self._client.abort_multipart_upload(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])

    def pause(self) -> None:
        """Nothing."""

    def resume(self) -> None:
        """Nothing."""

    def end(self) -> int | None:
        """It always can."""
        return 0

    def ended_by_itself(self) -> int | None:
        """It never does."""
        return None


class FolderStore:
    """The folder of the directory store."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, bucket: str, key: str, content: bytes) -> None:
        path = self._root / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def get(self, bucket: str, key: str) -> bytes | None:
        try:
            return (self._root / bucket / key).read_bytes()
        except FileNotFoundError:
            return None

    def has(self, bucket: str, key: str) -> bool:
        return (self._root / bucket / key).is_file()

    def remove(self, bucket: str, key: str) -> None:
        (self._root / bucket / key).unlink()

    def keys(self, bucket: str) -> list[str]:
        top = self._root / bucket
        return sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file())

    def is_written_by(self, pid: int) -> bool:
        """Whether a process has a file of the folder open that has bytes and is no object yet."""
        try:
            files = [Path(file.path) for file in psutil.Process(pid).open_files() if file.mode == "w"]
            return any(file.stat().st_size > 0 for file in files if file.parent == self._root / STAGING)
        except (psutil.NoSuchProcess, FileNotFoundError):
            return False

    def unfinished(self) -> list[str]:
        others = [path for path in self._root.iterdir() if path.name not in BUCKETS]
        return sorted(
            str(file.relative_to(self._root)) for path in others for file in path.rglob("*") if file.is_file()
        )
