"""Small packages whose manifest or signature would be large once it is read: refused, and little memory is used.

Each is verified in a process of its own, so that what is measured is what it took.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from edgewright.archives import tar_headers
from edgewright.packaging import MANIFEST_NAME, SIGNATURE_NAME, gzip_members
from edgewright.packaging.verifier import longest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edgewright.signing.signers import Signer

MOST_MEMORY = 300 * 1024**2
SIZE = 62 * 1024**2
FILES = 6_000
PROGRAM = """
import resource, sys
from pathlib import Path
from edgewright.errors import PackageRefused
from edgewright.packaging import verify
from edgewright.packaging.inspection import inspect
from edgewright.signing.keys import load_public_key

package, key = Path(sys.argv[1]), load_public_key(Path(sys.argv[2]))
try:
    verify([package.read_bytes()], [key])
except PackageRefused as error:
    print(error.message)
assert not inspect(lambda: [package.read_bytes()], [key]).verified
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
LISTS, DICTS, TEXTS = (b"[],", b"[]"), (b'{"a":{}},', b"{}"), (b'"ab",', b'""')


def filled(element: tuple[bytes, bytes], size: int, before: bytes = b"[", after: bytes = b"]") -> bytes:
    """JSON of about this size, of one element over and over."""
    more, last = element
    return before + more * ((size - len(before + last + after)) // len(more)) + last + after


def packed(files: dict[str, bytes]) -> bytes:
    tar = b"".join(tar_headers.build(name, len(data)) + data + bytes(-len(data) % 512) for name, data in files.items())
    whole = memoryview(tar + tar_headers.END)
    chunks = (whole[at : at + gzip_members.CHUNK] for at in range(0, len(whole), gzip_members.CHUNK))
    return b"".join(piece for chunk in chunks for piece in gzip_members.deflate(chunk))


def bundle(payload: bytes) -> bytes:
    return b'{"mediaType":' + payload + b',"verificationMaterial":1,"dsseEnvelope":2}'


def one_file(manifest: bytes, signature: bytes = b"{}") -> dict[str, bytes]:
    return {"a": b"", MANIFEST_NAME: manifest, SIGNATURE_NAME: signature}


def many_files(element: tuple[bytes, bytes]) -> dict[str, bytes]:
    """As long as they may be."""
    own = {MANIFEST_NAME: filled(element, FILES * 192), SIGNATURE_NAME: filled(element, FILES * 128)}
    return {str(number): b"" for number in range(FILES)} | own


def long_text(name: str, widest: bytes) -> dict[str, bytes]:
    """One document of ours that is one text, as long as the files allow: its widest character decides about all."""
    files = {"x," * 400 + f"{number:06}": b"" for number in range(15_000)}
    begin, end = b'{"a":"' + widest, b'"}'
    text = begin + b"a" * (longest(name, files) - len(begin + end)) + end
    return files | {MANIFEST_NAME: b"{}", SIGNATURE_NAME: b"{}"} | {name: text}


BOMBS: dict[str, Callable[[], dict[str, bytes]]] = {
    "manifest of lists": lambda: one_file(filled(LISTS, SIZE)),
    "signature of lists": lambda: one_file(b"{}", filled(LISTS, SIZE)),
    "media type of lists": lambda: one_file(b"{}", bundle(filled(LISTS, SIZE))),
    "as long as a file allows": lambda: one_file(filled(DICTS, 60_000), filled(DICTS, 60_000)),
    "many files, lists": partial(many_files, LISTS),
    "many files, objects": partial(many_files, DICTS),
    "many files, texts": partial(many_files, TEXTS),
    "a wide character in the signature": partial(long_text, SIGNATURE_NAME, "\N{GRINNING FACE}".encode()),
    "an escaped one in the signature": partial(long_text, SIGNATURE_NAME, b"\\ud83d\\ude00"),
    "a wide character in the manifest": partial(long_text, MANIFEST_NAME, "\N{GRINNING FACE}".encode()),
    "an escaped one in the manifest": partial(long_text, MANIFEST_NAME, b"\\ud83d\\ude00"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if "escaped" in name else ()) for name in BOMBS]
)
def test_a_small_package_takes_little_memory(name: str, tmp_path: Path, signer: Signer) -> None:
    """The first took 1.7 GB before anybody had looked at its signature."""
    package, key = tmp_path / "package", tmp_path / "key"
    package.write_bytes(packed(BOMBS[name]()))
    key.write_bytes(signer.public_key.pem)
    assert package.stat().st_size < 400_000
    # Linux counts the memory of the process that forked as its child's: a shell, which has little, comes between.
    command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", PROGRAM, str(package), str(key)]
    *refusals, memory = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(refusals) == 1
    assert int(memory) < MOST_MEMORY
