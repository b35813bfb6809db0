"""The validator's verdict on a release, bound to the release that it is about.

The contract that must not break: the same release gives the same verdict file, byte for byte.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from releases.build import Report as Progress
from releases.errors import ReleaseError
from releases.params import ReleaseParams
from releases.places import Place
from releases.sources import ReleaseSource
from vitonhd.atomic import write_atomic
from vitonhd.garment_classes import GarmentClass
from vitonhd.validation.findings import findings_file
from vitonhd.validation.report import Report
from vitonhd.validation.validator import validate


def validate_release(
    place: Place,
    garment_class: GarmentClass,
    params: ReleaseParams,
    verdict: Path,
    *,
    findings: Path | None = None,
    workers: int = 1,
    on_progress: Progress = lambda done, total: None,
) -> Report:
    """Validate without a checkout; `verdict` gets the report as JSON, `findings` one line for each thing wrong.

    A release without any item, of a class that the catalogue does not have yet, is sound; it can't be published.
    """
    source = ReleaseSource(place, size=params.size)
    report = Report(garment_class, params.size)
    with findings_file(findings) as write:
        if source.splits():
            report = validate(source, garment_class, workers=workers, on_finding=write, on_progress=on_progress)
    found = {"release": place.open().identity, **report.to_json()}
    write_atomic(verdict, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())
    return report


def verdict_of(path: Path, identity: str) -> dict[str, Any]:
    """The verdict on the release of this identity. Raises ReleaseError when there is none, or one on another."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        raise ReleaseError(f"no verdict in {path}; run `lookbook release validate` (or `dvc repro`)") from None
    if found.get("release") != identity:
        raise ReleaseError(f"{path} is about another release; run `lookbook release validate` (or `dvc repro`)")
    return found
