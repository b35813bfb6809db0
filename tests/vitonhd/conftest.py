"""A drawn tree for the tests that go through whole data sets; each gets a copy of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.vitonhd.drawn_people import SIZE, write_people
from vitonhd.tree import Tree


@pytest.fixture(scope="session")
def _drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    write_people(Tree(folder, size=SIZE))
    return folder


@pytest.fixture
def drawn(_drawn: Path, tmp_path: Path) -> Tree:
    """A sound tree of the class `upper`: three train items from 00000_00, three test items from 00100_00."""
    return Tree(shutil.copytree(_drawn, tmp_path / "drawn"), size=SIZE)
