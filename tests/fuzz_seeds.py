"""Writes the seeds of the fuzz corpora: `python tests/fuzz_seeds.py`."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from typing import TYPE_CHECKING

from components import artifact, recipe
from edgewright.packaging.manifest import Manifest, PackagedFile
from edgewright.signing import signature
from fuzzing import CORPUS
from golden_package import MODEL, PACKAGE, SIGNER
from hostile import CORPUS as HOSTILE
from hostile_recipes import HOSTILE as HOSTILE_RECIPES

if TYPE_CHECKING:
    from pathlib import Path

LONGEST = 4096
RECIPES = (
    recipe(),
    recipe(artifact("s3://packages/digits-1.0.tar.gz", b"")),
    b"""# As people write it
RecipeFormatVersion: 2020-01-25
ComponentName: com.example.Reader
ComponentVersion: '1.0.0'
ComponentConfiguration: {DefaultConfiguration: {a: [1, 0x1F, 1:30, 1.5, yes, ~, '2026-01-01']}}
Manifests:
  - Platform: {os: linux, runtime: "*"}
    Lifecycle:
      run:
        Script: |-
          exec sleep infinity
""",
)


def keep(corpus: str, data: bytes) -> None:
    """Store one input under its own digest."""
    folder: Path = CORPUS / corpus
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def main() -> None:
    """Seeds: the tars of the hostile corpus that are small, documents like those of the golden package, and recipes."""
    for entry in HOSTILE:
        try:
            tar = gzip.decompress(entry.make())
        except (OSError, EOFError, zlib.error):
            continue
        if len(tar) <= LONGEST:
            keep("tar", tar)
    keep("tar", gzip.decompress(PACKAGE.read_bytes())[:LONGEST])
    digest = hashlib.sha256(b"").hexdigest()
    bundle = signature.sign("m", {"a/b": digest, "ü": digest}, SIGNER)
    keep("signature", bundle.encode())
    keep("signature", signature.statement("m", {"a": digest}))
    for text, _ in HOSTILE_RECIPES:
        keep("recipes", text[:LONGEST])
    for text in RECIPES:
        keep("recipes", text)
    keep("signature", Manifest(MODEL, (PackagedFile("a", 1, digest, executable=True),)).to_json())


if __name__ == "__main__":
    main()
