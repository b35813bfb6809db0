"""A replay server for whole-crawl tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.shops import MUSINSA, SSF
from tests.replay import ReplayServer


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[ReplayServer]:
    options: dict[str, Any] = getattr(request, "param", {})
    with ReplayServer(MUSINSA, SSF, **options) as server:
        yield server
