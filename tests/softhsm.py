"""SoftHSM 2, a PKCS#11 token in files, with one key: Debian's, installed where root may and it is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgewright.files import PRIVATE, write_atomically
from edgewright.signing.keys import new_signer

if TYPE_CHECKING:
    from edgewright.signing.keys import PublicKey

INSTALL_SECONDS = 600
MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so", "/usr/lib64/pkcs11/libsofthsm2.so")
PIN, SO_PIN, TOKEN, LABEL = "5678", "1234", "edge token", "signing"


@dataclass(frozen=True)
class Token:
    """A token with one key pair.

    Attributes:
        uri: the `pkcs11:` URI of its key.
        environment: where SoftHSM finds it.
        public_key: what the token was given.
        pin_file: holds its PIN.
    """

    uri: str
    environment: dict[str, str]
    public_key: PublicKey
    pin_file: Path


def module() -> str:
    """The shared library; a test goes without it only where root's apt-get is not to be had, and never in CI."""
    if not shutil.which("softhsm2-util") and os.geteuid() == 0 and shutil.which("apt-get"):
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "--no-install-recommends", "softhsm2")
    found = next((path for path in MODULES if Path(path).exists()), None)
    if found is None and not os.environ.get("CI"):
        pytest.skip("SoftHSM 2 is not installed: `apt-get install softhsm2`")
    assert found is not None, f"SoftHSM 2 is at none of {MODULES}"
    return found


def token(folder: Path, curve: str) -> Token:
    """A new token in a folder of its own."""
    library = module()
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    environment = {"SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
    write_atomically(folder / "pin", [PIN.encode()], mode=PRIVATE)
    signer = new_signer(curve)
    write_atomically(folder / "imported.pem", [signer.private_pem], mode=PRIVATE)
    util = ("softhsm2-util", "--token", TOKEN)
    for arguments in (
        ("softhsm2-util", "--init-token", "--free", "--label", TOKEN, "--so-pin", SO_PIN, "--pin", PIN),
        (*util, "--import", str(folder / "imported.pem"), "--label", LABEL, "--id", "01", "--pin", PIN),
    ):
        done = _run(*arguments, environment=environment)
        assert done.returncode == 0, done.stdout
    (folder / "imported.pem").unlink()
    uri = (
        f"pkcs11:token={TOKEN.replace(' ', '%20')};object={LABEL};id=%01"
        f"?module-path={library}&pin-source=file:{folder / 'pin'}"
    )
    return Token(uri, environment, signer.public_key, folder / "pin")


def _run(*command: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
        env=os.environ | (environment or {}),
    )
