"""`sagemaker_edge_manifest`: what the package holds, as JSON. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from edgewright.errors import PackageRefused, ValidationFault
from edgewright.packaging.model import Model
from edgewright.signing.documents import DocumentBounds, field, parse_document

if TYPE_CHECKING:
    from collections.abc import Collection

FORMAT_VERSION: Final = 1
_ORIGIN: Final = ("compilation_job", "source_sha256", "target")
"""Members that are absent where they are not known."""
_FILE: Final = DocumentBounds(size=192, values=5)
"""Of one file in a manifest, beside its path."""


def manifest_bounds(paths: Collection[str]) -> DocumentBounds:
    """What the manifest of these files may hold."""
    return DocumentBounds.listing(paths, _FILE.size, _FILE.values)


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """One file of the model.

    Attributes:
        path: relative, with `/` between its parts.
        size: bytes.
        sha256: 64 lower-case hexadecimal digits.
        executable: whether it unpacks with mode 0755 rather than 0644.
    """

    path: str
    size: int
    sha256: str
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """The model and its files, sorted by the parts of their paths."""

    model: Model
    files: tuple[PackagedFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    def to_json(self) -> bytes:
        """The member's bytes, a line for each file: the same for the same manifest, always."""
        metadata = {"model_name": self.model.name, "model_version": self.model.version}
        document: dict[str, Any] = {"metadata": metadata, "format_version": FORMAT_VERSION}
        document |= {name: value for name in _ORIGIN if (value := getattr(self.model, name)) is not None}
        head = json.dumps(document, indent=2, ensure_ascii=False).removesuffix("\n}")
        files = ",\n    ".join(json.dumps(_file_to_json(file), ensure_ascii=False) for file in self.files)
        return f'{head},\n  "files": [\n    {files}\n  ]\n}}\n'.encode()

    @classmethod
    def from_json(cls, text: bytes, bounds: DocumentBounds) -> Manifest:
        """Read the member's bytes.

        Args:
            text: the bytes.
            bounds: what they may hold, by the files that were found.

        Raises:
            PackageRefused: not JSON, another format version, or a field that is missing or of the wrong type.
        """
        document = parse_document(text, "manifest", bounds)
        version = document.get("format_version")
        if type(version) is not int or version != FORMAT_VERSION:
            raise PackageRefused(f"The manifest has format version {version!r}; this reader knows {FORMAT_VERSION}.")
        metadata = field(document, "metadata", dict, "manifest")
        try:
            model = Model(
                field(metadata, "model_name", str, "manifest"),
                field(metadata, "model_version", str, "manifest"),
                **{name: field(document, name, str, "manifest") for name in _ORIGIN if name in document},
            )
        except ValidationFault as error:
            raise PackageRefused(f"The manifest names no possible model. {error.message}") from error
        return cls(model, tuple(_file_from_json(file) for file in field(document, "files", list, "manifest")))


def _file_to_json(file: PackagedFile) -> dict[str, Any]:
    document: dict[str, Any] = {"path": file.path, "size": file.size, "sha256": file.sha256}
    if file.executable:
        document["executable"] = True
    return document


def _file_from_json(document: Any) -> PackagedFile:
    return PackagedFile(
        field(document, "path", str, "manifest"),
        field(document, "size", int, "manifest"),
        field(document, "sha256", str, "manifest"),
        executable=document.get("executable", False) is True,
    )
