"""A pipeline of 2021, on an S3 server: compiled, packaged, downloaded, unpacked and read."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from acceptance.running import ROLE, serving
from conformance.clients.programs_run import PROGRAMS, ROOT, environment
from contract.s3_service import s3_service
from edgewright.packaging import verify
from edgewright.signing import keys

if TYPE_CHECKING:
    from pathlib import Path

BUCKET = "factory"
DIGITS = ROOT / "src" / "edgewright" / "demo" / "data" / "digits.tar.gz"


def test_it_runs_as_it_was_written(tmp_path: Path) -> None:
    with s3_service() as storage:
        s3 = storage.client()
        s3.create_bucket(Bucket=BUCKET)
        s3.upload_file(str(DIGITS), BUCKET, "training/output/model.tar.gz")
        settings = {
            "EDGEWRIGHT_OBJECT_STORE": "s3",
            "EDGEWRIGHT_S3__ENDPOINT_URL": storage.url,
            "EDGEWRIGHT_S3__ACCESS_KEY_ID": storage.key,
            "EDGEWRIGHT_S3__SECRET_ACCESS_KEY": storage.secret,
        }
        with serving(tmp_path / "data", environment=settings) as server:
            arguments = [
                f"s3://{BUCKET}/training/output/model.tar.gz",
                "ONNX",
                '{"image": [1, 1, 8, 8]}',
                "rasp4b",
                ROLE,
            ]
            done = subprocess.run(
                [sys.executable, "pipeline_2021.py", *arguments],
                cwd=PROGRAMS,
                env=environment(server, tmp_path) | {"AWS_ENDPOINT_URL_S3": storage.url},
                capture_output=True,
                text=True,
                check=False,
                timeout=100,
            )
        assert done.returncode == 0, done.stderr
        got = json.loads(done.stdout)
        assert got["compiled"] == f"s3://{BUCKET}/compiled/model-rasp4b.tar.gz"
        assert got["package"] == f"s3://{BUCKET}/packaged/line-3-inspector-2.1.tar.gz"
        assert got["metadata"] == {"model_name": "line-3-inspector", "model_version": "2.1"}
        assert {"sagemaker_edge_manifest", "sagemaker_edge_signature"} < set(got["files"])
        listed = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
        assert sorted(found["Key"] for found in listed) == [
            "compiled/model-rasp4b.tar.gz",
            "packaged/line-3-inspector-2.1.tar.gz",
            "training/output/model.tar.gz",
        ]
        package = s3.get_object(Bucket=BUCKET, Key="packaged/line-3-inspector-2.1.tar.gz")["Body"].read()
    trusted = [keys.load_public_key(tmp_path / "data" / "keys" / "signing.pub.pem")]
    assert verify([package], trusted, model_name="line-3-inspector", model_version="2.1").signature == got["signature"]
