"""Object storage: objects by bucket and key, in a folder or in S3."""

from edgewright.stores.directory import DirectoryStore
from edgewright.stores.opening import open_store
from edgewright.stores.protocols import PART, PIECE, MultipartStore, ObjectStore, Part, version_of
from edgewright.stores.uri import S3Uri

__all__ = [
    "PART",
    "PIECE",
    "DirectoryStore",
    "MultipartStore",
    "ObjectStore",
    "Part",
    "S3Uri",
    "open_store",
    "version_of",
]
