"""What an installation holds: every package of ours is listed in pyproject.toml, since the list is kept by hand."""

from __future__ import annotations

import tomllib

from tests.conftest import ROOT


def test_every_package_is_installed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    roots = {name.partition(".")[0] for name in listed}
    there = {
        ".".join(folder.relative_to(ROOT).parts)
        for root in roots
        for folder in [ROOT / root, *(ROOT / root).rglob("*")]
        if folder.is_dir() and any(folder.glob("*.py"))
    }
    assert sorted(listed) == sorted(there)
