"""What is in a package, without trusting it: every member as it was found, and whether a trusted key signed it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgewright.archives.tar_headers import padding
from edgewright.archives.tar_reader import Entry, TarReader
from edgewright.errors import PackageRefused
from edgewright.limits import DEFAULT, Limits
from edgewright.packaging import tar_stream
from edgewright.packaging.manifest import Manifest, manifest_bounds
from edgewright.packaging.model import MANIFEST_NAME
from edgewright.packaging.verifier import LONGEST_DOCUMENT, longest, verify, with_room
from edgewright.signing.documents import field, parse_document, width
from edgewright.signing.signature import SIGNATURE_NAME, bundle_bounds

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from edgewright.packaging.tar_stream import TarStream
    from edgewright.signing.keys import PublicKey

Read = Callable[[], Iterable["Buffer"]]
"""Gives the package's bytes from the start; called twice."""


@dataclass(frozen=True, slots=True)
class InspectedMember:
    """One member as it was found.

    Attributes:
        path: its name.
        size: bytes.
        sha256: of its bytes, in hexadecimal.
        offset: where its bytes begin in the inflated tar.
        executable: whether it would unpack with mode 0755.
    """

    path: str
    size: int
    sha256: str
    offset: int
    executable: bool


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    Attributes:
        members: in the package's order.
        manifest: as the package has it; None where it cannot be read.
        signer: the key that the signature names; None where it names none. Anybody can write a name.
        verified: whether a trusted key signed exactly this.
        why_not: in a sentence, where it did not; empty otherwise.
    """

    members: tuple[InspectedMember, ...]
    manifest: Manifest | None
    signer: str | None
    verified: bool
    why_not: str


def inspect(read: Read, trusted: Sequence[PublicKey], limits: Limits = DEFAULT) -> Inspection:
    """Look into a package.

    Args:
        read: gives its bytes, once to look and once to verify.
        trusted: the keys of which one must have signed it; none to look only.
        limits: what it may hold.

    Raises:
        PackageRefused: it cannot be taken apart at all.
        LimitExceeded: it is larger than a limit.
    """
    members, documents = _look(read(), with_room(limits))
    paths = [member.path for member in members]
    manifest, signer = _manifest(documents, paths), _signer(documents, paths)
    why_not = _why_not(read, trusted, members, limits)
    return Inspection(members, manifest, signer, not why_not, why_not)


def _why_not(read: Read, trusted: Sequence[PublicKey], members: Sequence[InspectedMember], limits: Limits) -> str:
    if not trusted:
        return "No trusted key was given."
    try:
        found = verify(read(), trusted, limits=limits)
    except PackageRefused as error:
        return error.message
    own = {MANIFEST_NAME, SIGNATURE_NAME}
    if {file.path: file.sha256 for file in found.files} != {
        member.path: member.sha256 for member in members if member.path not in own
    }:
        return "The package changed while it was looked at."
    return ""


def _look(package: Iterable[Buffer], limits: Limits) -> tuple[tuple[InspectedMember, ...], dict[str, bytes]]:
    """Every member, and the bytes of the manifest and the signature."""
    own = {MANIFEST_NAME, SIGNATURE_NAME}
    members: list[InspectedMember] = []
    paths: list[str] = []
    documents: dict[str, bytes] = {}
    with tar_stream.opened(package, limits, None, None) as stream:
        tar = _Counted(stream)
        reader = TarReader(tar.read, limits)
        while (entry := reader.next()) is not None:
            offset = tar.position
            kept = documents if entry.path in own and entry.size <= longest(entry.path, paths) else None
            members.append(InspectedMember(entry.path, entry.size, _taken(tar, entry, kept), offset, entry.executable))
            paths.append(entry.path)
        stream.finish()
    return tuple(members), documents


class _Counted:
    """A tar stream that knows how far it is."""

    def __init__(self, stream: TarStream) -> None:
        self.stream = stream
        self.position = 0

    def read(self, size: int) -> bytes:
        self.position += size
        return self.stream.read(size)


def _taken(tar: _Counted, entry: Entry, documents: dict[str, bytes] | None) -> str:
    """Pass a member's bytes, keep them where they are a document to be kept, and answer their digest."""
    hasher = hashlib.sha256()
    portions: list[bytes] = []
    for portion in tar.stream.portions(entry.size):
        hasher.update(portion)
        if documents is not None:
            portions.append(bytes(portion))
    tar.position += entry.size
    tar.read(padding(entry.size))
    if documents is not None:
        documents[entry.path] = b"".join(portions)
    return hasher.hexdigest()


def _manifest(documents: dict[str, bytes], paths: Sequence[str]) -> Manifest | None:
    text = documents.get(MANIFEST_NAME, b"")
    if not text or len(text) * width(text) > LONGEST_DOCUMENT:  # nobody vouches for it yet
        return None
    try:
        return Manifest.from_json(text, manifest_bounds(paths))
    except PackageRefused:
        return None


def _signer(documents: dict[str, bytes], paths: Sequence[str]) -> str | None:
    """The hint of the key, from a bundle that is not checked."""
    try:
        bundle: Any = parse_document(documents.get(SIGNATURE_NAME, b""), "signature", bundle_bounds(paths))
        material = field(bundle, "verificationMaterial", dict, "signature")
        return str(field(field(material, "publicKey", dict, "signature"), "hint", str, "signature"))
    except PackageRefused:
        return None
