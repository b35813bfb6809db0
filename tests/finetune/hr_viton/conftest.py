"""The reference outputs of the published networks, where they are at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.conftest import SHARED


@pytest.fixture(scope="session")
def goldens() -> Path:
    folder = SHARED / "goldens" / "hr_viton"
    if not folder.is_dir():
        pytest.skip("the reference outputs are not on this machine")
    return folder


@pytest.fixture(autouse=True)
def _one_thread_and_a_seed() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
