"""The reference outputs of the published networks, where they are at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.conftest import SHARED
from tests.finetune.hr_viton.golden_differences import DIFFERENCES


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if terminalreporter.config.get_verbosity() > 0 and DIFFERENCES:
        terminalreporter.write_sep("-", "largest differences from the reference outputs")
        for name, difference in sorted(DIFFERENCES.items()):
            terminalreporter.write_line(f"{difference:.1e}  {name}")
