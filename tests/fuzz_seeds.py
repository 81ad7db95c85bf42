"""Writes the seeds of the fuzz corpora: `python tests/fuzz_seeds.py`."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from typing import TYPE_CHECKING

from components import artifact, recipe
from edgewright.packaging.manifest import Manifest, PackagedFile
from edgewright.signing import signature
from fuzz.http_connection import PAUSE
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
GET = b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n"
CHUNKED = b"POST /%b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
CLIENTS = [
    GET % b"",
    GET % b"" + PAUSE + b"\r\n" + PAUSE + b"\r\n",
    GET % b"slow" + GET % b"stream" + GET % b"",
    GET % b"stream" + PAUSE + b"nonsense\r\n\r\n",
    GET % b"stream" + PAUSE + b"GET",
    CHUNKED % b"" + b"1;ext=1\r\nx\r\n0\r\nauthorization: x\r\n\r\n" + GET % b"",
    CHUNKED % b"" + b"0\r\n" + 120 * b"a: b\r\n",
    CHUNKED % b"early" + PAUSE + b"nonsense\r\n",
    b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n" + PAUSE + b"123456789" + GET % b"",
    b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n" + PAUSE + b"abc",
    b"POST / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 3\r\n\r\n"
    + PAUSE
    + GET % b"",
    b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n" + GET % b"",
    b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n" + GET % b"",
    b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n" + GET % b"",
    b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
    GET % b"" * 30,
]
"""What the HTTP connection is sent by clients, honest and other."""


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
    for sent in CLIENTS:
        keep("http_connection", sent)
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
