"""Whether a release's bytes are those that its checksums name: after every pull, and before every publication.

The contract that must not break: it passes exactly when every file of the release is there and hashes as it should.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from releases.build import Report
from releases.errors import ReleaseCorrupt
from releases.places import Place
from releases.release import SUMS_FILE
from vitonhd.workers import each


@dataclass(frozen=True)
class _Check:
    place: Place
    name: str


def verify(place: Place, *, workers: int = 1, on_progress: Report = lambda done, total: None) -> str:
    """Hash every file; returns the release's identity. Raises ReleaseCorrupt: how many files are bad, and the first.

    Foreign files in a folder are refused too: a trainer could take them for the release's.
    """
    release = place.open()
    checks = [_Check(place, name) for name in sorted(release.sums)]
    bad: list[str] = []
    for done, problem in enumerate(each(_problem, checks, workers), 1):
        if problem:
            bad.append(problem)
        on_progress(done, len(checks))
    if not place.tag:
        root = Path(place.folder)
        found = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}
        bad += [f"{place.folder}/{name} is not of this release" for name in sorted(found - {*release.sums, SUMS_FILE})]
    if bad:
        raise ReleaseCorrupt(f"{place.name}: {len(bad)} of {len(checks)} files are not as published; {bad[0]}")
    return release.identity


def _problem(check: _Check) -> str:
    try:
        check.place.open().check(check.name)
    except (ReleaseCorrupt, OSError) as error:
        return str(error)
    return ""
