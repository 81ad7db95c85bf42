"""Writes the seeds of the fuzz corpora: `python tests/fuzz_seeds.py`."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from typing import TYPE_CHECKING

from edgewright.packaging.manifest import Manifest, PackagedFile
from edgewright.signing import signature
from fuzzing import CORPUS
from golden_package import MODEL, PACKAGE, SIGNER
from hostile import CORPUS as HOSTILE

if TYPE_CHECKING:
    from pathlib import Path

LONGEST = 4096


def keep(corpus: str, data: bytes) -> None:
    """Store one input under its own digest."""
    folder: Path = CORPUS / corpus
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def main() -> None:
    """Seeds: the tars of the hostile corpus that are small, and documents like those of the golden package."""
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
    keep("signature", Manifest(MODEL, (PackagedFile("a", 1, digest, executable=True),)).to_json())


if __name__ == "__main__":
    main()
