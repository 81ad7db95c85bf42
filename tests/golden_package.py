"""The golden package: what version 1 is, to the byte.

`python tests/golden_package.py` makes it anew; only a new format version may need that.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from archives import model_tar_gz
from edgewright.packaging import Model
from edgewright.signing.keys import EcdsaSigner
from packing import pack

HERE = Path(__file__).parent / "golden"
PACKAGE = HERE / "digits-1.0.tar.gz"
PUBLIC_KEY = HERE / "signing.pub.pem"
# A private key that everyone knows: the example of RFC 6979, A.2.5.
SECRET = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
SIGNER = EcdsaSigner(ec.derive_private_key(SECRET, ec.SECP256R1()))
FILES = {"./weights.bin": bytes(range(256)) * 8, "./libdlr.so": b"\x7fELF", "./labels/größe.txt": b"zero\none\n"}
MODEL = Model(
    "digits",
    "1.0",
    compilation_job="compile-digits",
    source_sha256="0b11c141eadab215cd643d623c50173077cf2de57dff0d00837dabe767fbe552",
    target="rasp4b",
)


def make() -> bytes:
    """The package's bytes, made now."""
    return pack(SIGNER, model_tar_gz(FILES, executable=("./libdlr.so",)), MODEL)[1]


if __name__ == "__main__":
    PACKAGE.write_bytes(make())
    PUBLIC_KEY.write_bytes(SIGNER.public_key.pem)
