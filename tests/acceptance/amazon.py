"""What stands where AWS would: an S3 service, and a second server as Greengrass's control plane on top of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acceptance.running import REGION, RunningServer, serving
from contract.s3_service import S3Service, s3_service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "my-components"


@dataclass(frozen=True)
class Amazon:
    """A region of it, and one account."""

    server: RunningServer
    storage: S3Service

    @property
    def greengrass(self) -> Any:
        """A boto3 client of the control plane."""
        return self.server.client("greengrassv2")

    def object(self, uri: str) -> bytes:
        """An object's bytes."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        content: bytes = self.storage.client().get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def write_profile(self, folder: Path) -> dict[str, str]:
        """Add a profile called `production` to AWS's two files in the folder; what names them in an environment."""
        config, credentials = folder / "config", folder / "credentials"
        key_id, secret = self.server.keys
        with config.open("a") as file:
            file.write(
                f"\n[profile production]\nregion = {REGION}\nservices = production\n[services production]\n"
                f"greengrassv2 =\n  endpoint_url = {self.server.url}\ns3 =\n  endpoint_url = {self.storage.url}\n"
            )
        with credentials.open("a") as file:
            file.write(f"[production]\naws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n")
        return {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(credentials)}


@contextmanager
def amazon(data_dir: Path) -> Iterator[Amazon]:
    """It, with an empty bucket, until the block ends."""
    with s3_service() as storage:
        storage.client().create_bucket(Bucket=BUCKET)
        environment = {
            "EDGEWRIGHT_OBJECT_STORE": "s3",
            "EDGEWRIGHT_S3__ENDPOINT_URL": storage.url,
            "EDGEWRIGHT_S3__ACCESS_KEY_ID": storage.key,
            "EDGEWRIGHT_S3__SECRET_ACCESS_KEY": storage.secret,
        }
        with serving(data_dir, "--no-worker", environment=environment) as server:
            yield Amazon(server, storage)
