"""Object storage: objects by bucket and key, in a folder, in S3 or in memory."""

from edgewright.stores.directory import DirectoryStore
from edgewright.stores.opening import open_links, open_store
from edgewright.stores.seam import PIECE, ObjectStore
from edgewright.stores.uri import S3Uri

__all__ = ["PIECE", "DirectoryStore", "ObjectStore", "S3Uri", "open_links", "open_store"]
