"""Fixtures: a server of synthetic pictures, and a catalogue whose shop is mapped to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crawler.images.picture_shop import Catalogue, ImageServer, open_catalogue


@pytest.fixture
def server() -> Iterator[ImageServer]:
    server = ImageServer()
    yield server
    server.close()


@pytest.fixture
def catalogue(database_url: str, tmp_path: Path, server: ImageServer) -> Iterator[Catalogue]:
    catalogue = open_catalogue(database_url, tmp_path, server.url)
    yield catalogue
    catalogue.engine.dispose()
