"""Is this package what a trusted key signed? One pass over it, and nothing is believed before.

In the order in which it happens, for a port of it:

1. The package is taken apart into files. Each is hashed as it passes; the last two are the manifest and the signature.
2. The signature's bundle is opened with a trusted key. Now its statement may be believed.
3. The files that were found are those that the statement lists, no more and no fewer, with the same digests.
4. So the manifest may be believed too: it lists the same files, and names the model that was signed.
5. The model is the one that was asked for.
"""

from __future__ import annotations

import hashlib
import io
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from edgewright.archives import tar_headers
from edgewright.archives.tar_reader import Entry, TarReader
from edgewright.errors import PackageRefused
from edgewright.limits import DEFAULT, Limits
from edgewright.packaging import tar_stream
from edgewright.packaging.extraction import Extraction
from edgewright.packaging.manifest import Manifest, PackagedFile, manifest_bounds
from edgewright.packaging.model import MANIFEST_NAME, Model
from edgewright.signing import signature
from edgewright.signing.signature import SIGNATURE_NAME, Statement
from edgewright.signing.states import KeyState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Buffer

    from edgewright.packaging.tar_stream import TarStream
    from edgewright.signing.keys import PublicKey

# Bytes of a manifest or signature: 100,000 files with long names need about 40 MB.
LONGEST_DOCUMENT: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked.

    Attributes:
        key_id: the trusted key that signed it.
        manifest: the model, and each file with its size and digest.
        signature: the text of `sagemaker_edge_signature`.
        key_state: active or retired; a revoked key verifies nothing.
    """

    key_id: str
    manifest: Manifest
    signature: str
    key_state: KeyState = KeyState.ACTIVE

    @property
    def model(self) -> Model:
        """The model that the package holds."""
        return self.manifest.model

    @property
    def files(self) -> tuple[PackagedFile, ...]:
        """The model's files."""
        return self.manifest.files


@dataclass(frozen=True, slots=True)
class _Contents:
    """A package taken apart; nothing in it is believed yet."""

    files: Mapping[str, PackagedFile]
    manifest: bytes
    signature: bytes


def verify(  # noqa: PLR0913 - two say what, the others are what a caller may ask of it
    package: Iterable[Buffer],
    trusted: Sequence[PublicKey],
    *,
    model_name: str | None = None,
    model_version: str | None = None,
    extract_to: Path | None = None,
    limits: Limits = DEFAULT,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Verified:
    """Verify a package, and unpack it if asked to.

    Args:
        package: the tar.gz, cut anywhere.
        trusted: the keys of which one must have signed it.
        model_name: the name that the model must have.
        model_version: the version that the model must have.
        extract_to: a new or empty folder, which gets all files once all are verified, or nothing.
        limits: what the package may hold.
        threads: how many inflate side by side; one for each processor when None.
        progress: called in the calling thread with the bytes read so far, after each piece.

    Raises:
        PackageRefused: the package is not what a trusted key signed; the message says what is wrong.
        LimitExceeded: the package is larger than a limit.
        ExtractionRefused: the folder is taken, or cannot be written.
    """
    limits = with_room(limits)
    with Extraction(extract_to) if extract_to is not None else nullcontext() as destination:
        with tar_stream.opened(package, limits, threads, progress) as tar:
            contents = _take_apart(tar, limits, destination)
        statement = signature.open_bundle(contents.signature, trusted, contents.files)
        _check_files(contents, statement)
        manifest = Manifest.from_json(contents.manifest, manifest_bounds(contents.files))
        _check_manifest(manifest, contents, statement)
        _check_model(manifest.model, model_name, model_version)
        if destination is not None:
            destination.publish()
    return Verified(statement.key_id, manifest, contents.signature.decode(), statement.key_state)


def with_room(limits: Limits) -> Limits:
    """The limits that a model of the largest size meets once the two members of ours are beside it."""
    own = len(MANIFEST_NAME) + len(SIGNATURE_NAME)
    return replace(
        limits,
        members=limits.members + 2,
        member_size=max(limits.member_size, LONGEST_DOCUMENT),
        path_length=max(limits.path_length, len(SIGNATURE_NAME)),
        name_bytes=limits.name_bytes + own,
    )


def _take_apart(tar: TarStream, limits: Limits, destination: Extraction | None) -> _Contents:
    """Read all members; write them to the destination on the way, if there is one."""
    reader = TarReader(tar.read, limits)
    files: dict[str, PackagedFile] = {}
    documents: dict[str, bytes] = {}
    while (entry := reader.next()) is not None:
        _check_form(entry)
        _check_order(entry, documents, files)
        document = io.BytesIO() if entry.path in {MANIFEST_NAME, SIGNATURE_NAME} else None
        with destination.create(entry.path, executable=entry.executable) if destination else nullcontext() as file:
            digest = _copy(tar, entry, file, document)
        if document is not None:
            documents[entry.path] = document.getvalue()
        files[entry.path] = PackagedFile(entry.path, entry.size, digest, entry.executable)
    tar.finish()
    if documents.keys() != {MANIFEST_NAME, SIGNATURE_NAME}:
        raise PackageRefused(f"The package does not end with {MANIFEST_NAME} and {SIGNATURE_NAME}.")
    return _Contents(files, documents[MANIFEST_NAME], documents[SIGNATURE_NAME])


def _check_form(entry: Entry) -> None:
    """A header has one possible form, so that no other tool can read another file out of it."""
    if entry.header != tar_headers.build(entry.path, entry.size, executable=entry.executable):
        raise PackageRefused(f"The header of {entry.path!r} is not in the form of version 1.")


def longest(name: str, paths: Collection[str]) -> int:
    """The bytes that the manifest or the signature may have in a package with these files before it."""
    bounds = manifest_bounds(paths) if name == MANIFEST_NAME else signature.bundle_bounds(paths)
    return min(bounds.size, LONGEST_DOCUMENT)


def _check_order(entry: Entry, documents: Mapping[str, bytes], files: Collection[str]) -> None:
    """The manifest is the last member but one, the signature is the last; neither is longer than the files allow."""
    expected = {0: entry.path != SIGNATURE_NAME, 1: entry.path == SIGNATURE_NAME}.get(len(documents), False)
    if not expected:
        raise PackageRefused(
            f"Member {entry.path!r} is out of place: {MANIFEST_NAME} and {SIGNATURE_NAME} end a package."
        )
    if entry.path not in {MANIFEST_NAME, SIGNATURE_NAME}:
        return
    if entry.executable:
        raise PackageRefused(f"Member {entry.path!r} is executable.")
    most = longest(entry.path, files)
    if entry.size > most:
        raise PackageRefused(
            f"Member {entry.path!r} has {entry.size} bytes, and no more than {most} can be about {len(files)} files."
        )


def _copy(tar: TarStream, entry: Entry, file: io.RawIOBase | None, document: io.BytesIO | None) -> str:
    """Pass one file's data on; their SHA-256 in hexadecimal."""
    hasher = hashlib.sha256()
    for portion in tar.portions(entry.size):
        hasher.update(portion)
        if file is not None:
            _write(file, portion)
        if document is not None:
            document.write(portion)
    if tar.read(tar_headers.padding(entry.size)).strip(b"\0"):
        raise PackageRefused(f"Behind {entry.path!r} stands something else than padding.")
    return hasher.hexdigest()


def _write(file: io.RawIOBase, data: memoryview) -> None:
    while data:
        data = data[file.write(data) or 0 :]


def _check_files(contents: _Contents, statement: Statement) -> None:
    """Exactly the signed files are there, each with the signed digest; the signature cannot list itself."""
    found = {path: file.sha256 for path, file in contents.files.items() if path != SIGNATURE_NAME}
    if found == statement.digests:
        return
    faults = [f"{path!r} is not signed" for path in sorted(found.keys() - statement.digests.keys())]
    faults += [f"{path!r} is signed but missing" for path in sorted(statement.digests.keys() - found.keys())]
    both = sorted(found.keys() & statement.digests.keys())
    faults += [f"{path!r} was changed" for path in both if found[path] != statement.digests[path]]
    raise PackageRefused(f"The package is not what was signed: {_list(faults)}.")


def _check_manifest(manifest: Manifest, contents: _Contents, statement: Statement) -> None:
    """The manifest lists the files as they are, and the signature names the manifest's model."""
    found = {path: file for path, file in contents.files.items() if path not in {MANIFEST_NAME, SIGNATURE_NAME}}
    listed = {file.path: file for file in manifest.files}
    if len(listed) != len(manifest.files):
        raise PackageRefused("The manifest lists a file twice.")
    if listed != found:
        wrong = sorted(path for path in found.keys() | listed.keys() if found.get(path) != listed.get(path))
        raise PackageRefused(
            f"The manifest does not describe the package's files: see {_list([repr(p) for p in wrong])}."
        )
    if statement.subject != manifest.model.name:
        raise PackageRefused(
            f"The signature is for model {statement.subject!r}, the manifest for {manifest.model.name!r}."
        )


def _check_model(model: Model, name: str | None, version: str | None) -> None:
    if name is not None and model.name != name:
        raise PackageRefused(f"The package holds model {model.name!r}; {name!r} was asked for.")
    if version is not None and model.version != version:
        raise PackageRefused(
            f"The package holds version {model.version!r} of {model.name!r}; {version!r} was asked for."
        )


def _list(faults: list[str], most: int = 5) -> str:
    more = f", and {len(faults) - most} more" if len(faults) > most else ""
    return ", ".join(faults[:most]) + more
