"""A release from the DVC remote into the working tree.

The contract that must not break: what was pulled is checked against the release's own checksums before it is used.
"""

from __future__ import annotations

from pathlib import Path

from releases.build import Report
from releases.dvc_repo import DvcRepo
from releases.places import of_class
from releases.publishing import stages_of
from releases.verification import verify
from vitonhd.garment_classes import GarmentClass


def pull(
    project: Path,
    garment_class: GarmentClass,
    *,
    remote: str | None = None,
    workers: int = 1,
    on_progress: Report = lambda done, total: None,
) -> str:
    """Fetch the class's release as the checked-out commit has it; returns its identity.

    Raises ToolFailed where DVC does (an object that it found damaged among them), ReleaseCorrupt for bytes that are
    not those published.
    """
    DvcRepo(project).pull(stages_of(garment_class), remote)
    return verify(of_class(garment_class, project), workers=workers, on_progress=on_progress)
