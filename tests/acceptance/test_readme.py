"""The README's example works as printed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from acceptance.running import clean_environment, command, serving

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    Path("example.py").write_text(blocks[0], encoding="utf-8")
    with serving(Path("edgewright-data")) as running:
        models = running.data_dir / "objects" / "models"
        models.mkdir(parents=True)
        shutil.copy(ROOT / "src/edgewright/demo/data/digits.tar.gz", models)
        environment = clean_environment() | {
            "AWS_SHARED_CREDENTIALS_FILE": "edgewright-data/credentials",
            "AWS_ENDPOINT_URL_SAGEMAKER": running.url,
            "AWS_DEFAULT_REGION": "eu-west-1",
        }
        done = subprocess.run(
            [sys.executable, "example.py"], capture_output=True, text=True, check=False, env=environment
        )
        assert done.stdout == "COMPLETED s3://packages/digits-1.0.tar.gz\n", done.stderr
    shown = readme.split("edgewright verify ")[1].split("```")[0].replace("\\\n", " ").split()
    subprocess.run(command("verify", *shown), check=True, env=clean_environment(), capture_output=True)
    assert sorted(path.name for path in Path("digits").iterdir())[-2:] == [
        "sagemaker_edge_manifest",
        "sagemaker_edge_signature",
    ]
