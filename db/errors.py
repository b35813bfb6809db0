"""The storage layer's exceptions."""

from __future__ import annotations


class StorageError(Exception):
    """Base of the errors of the database and the blob store."""


class SchemaMismatch(StorageError):
    """The database's schema is not the one this version needs; `lookbook db upgrade` mends it."""


class BlobMissing(StorageError):
    """No blob of this name is in the store."""


class BlobCorrupt(StorageError):
    """A blob's bytes do not hash to its name."""


class Busy(StorageError):
    """Somebody else holds the lock; the same call may succeed later."""
