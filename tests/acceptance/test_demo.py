"""`edgewright demo`, as a newcomer runs it."""

from __future__ import annotations

import shutil
from pathlib import Path

from acceptance.test_cli import run


def test_the_story_is_told_to_its_end_and_leaves_nothing(tmp_path: Path) -> None:
    done = run("demo", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Ran       200 held-out samples: 200 right, accuracy 100.0%"
    for words in ("Uploaded", "Compiled", "Packaged", "EdgePackagingJobArn", "Verified  digits-1.0.tar.gz"):
        assert words in done.stdout
    assert list(tmp_path.glob("edgewright*")) == []


def test_its_folder_can_be_kept(tmp_path: Path) -> None:
    done = run("demo", "--keep", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.splitlines()[-1].removeprefix("Kept: "))
    assert folder.parent == tmp_path
    assert (folder / "data" / "objects" / "packages" / "digits-1.0.tar.gz").is_file()
    assert (folder / "unpacked" / "sagemaker_edge_manifest").is_file()
    shutil.rmtree(folder)
