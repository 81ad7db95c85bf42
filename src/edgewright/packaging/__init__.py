"""Packages: a compiled model's files, checked, listed, signed, in one tar.gz; and their verification.

Nothing here needs a server: `edgewright package` and `edgewright verify` work between two folders.
"""

from edgewright.packaging.manifest import Manifest, PackagedFile
from edgewright.packaging.model import MANIFEST_NAME, Model, package_name
from edgewright.packaging.packager import Package, package
from edgewright.packaging.verifier import Verified, verify
from edgewright.signing.signature import SIGNATURE_NAME

__all__ = [
    "MANIFEST_NAME",
    "SIGNATURE_NAME",
    "Manifest",
    "Model",
    "Package",
    "PackagedFile",
    "Verified",
    "package",
    "package_name",
    "verify",
]
