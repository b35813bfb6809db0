"""Where a release is: the project's own copy, a tag, or any folder; small enough to be handed to workers.

The contract that must not break: a release at a tag is the one that was published, or is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from releases.dvc_repo import DvcRepo
from releases.errors import ReleaseCorrupt, ReleaseError
from releases.git_repo import GitRepo
from releases.names import Home, Tag, class_of, data_set
from releases.release import SUMS_FILE, Release
from vitonhd.garment_classes import GarmentClass

DATASETS = "datasets"


@dataclass(frozen=True)
class Place:
    """A release's folder, or the project and the tag that hold it."""

    folder: str
    tag: str = ""
    project: str = ""

    def open(self) -> Release:
        """Raises ReleaseError where there is no release, ReleaseCorrupt where it is not the one published."""
        return _at_tag(self.project, self.tag, self.folder) if self.tag else Release.local(Path(self.folder))

    @property
    def name(self) -> str:
        """The tag, or the data set's folder."""
        return self.tag or Path(self.folder).parent.name


def find(text: str, project: Path) -> Place:
    """The release of a tag (`vitonhd-upper@v2026.11.20`), of a data set (`vitonhd-upper`), or in a folder.

    Raises ReleaseError for what is none of these.
    """
    for folder in (Path(text), Path(text) / "release"):
        if (folder / SUMS_FILE).is_file():
            return Place(str(folder.absolute()))
    if "@" in text:
        tag = Tag.parse(text)
        return Place(f"{DATASETS}/{data_set(tag.garment_class)}/release", str(tag), str(project.absolute()))
    return Place(str(Home.of(project / DATASETS, class_of(text)).release.absolute()))


def of_class(garment_class: GarmentClass, project: Path) -> Place:
    return Place(str(Home.of(project / DATASETS, garment_class).release.absolute()))


@lru_cache(maxsize=8)
def _at_tag(project: str, text: str, folder: str) -> Release:
    noted = GitRepo(Path(project)).message(Tag.parse(text))
    release = Release(folder, DvcRepo(Path(project)).at(text))
    try:
        found = release.identity
    except OSError as error:
        raise ReleaseError(f"{text}: {error}; is the remote there? `dvc remote list` names it") from None
    if found != noted["identity"]:
        raise ReleaseCorrupt(f"{text}: its checksum file hashes to {found}, published was {noted['identity']}")
    return release
