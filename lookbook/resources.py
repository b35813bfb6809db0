"""What commands open from the settings: the catalogue's engine and the blob store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookbook.settings import Settings, load_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from db.blobs import BlobStore


def open_engine(settings: Settings | None = None, *, checked: bool = True) -> Engine:
    """The catalogue's engine; with `checked`, db.errors.SchemaMismatch unless its schema is the one needed."""
    from db import schema
    from db.session import make_engine

    engine = make_engine((settings or load_settings()).database_url)
    if checked:
        schema.require_current(engine)
    return engine


def open_blobs(settings: Settings) -> BlobStore:
    from db.blobs import BlobStore

    return BlobStore(settings.blobs_url)
