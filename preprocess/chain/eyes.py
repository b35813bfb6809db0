"""One interface over all networks: pictures in, everything that is seen in them out.

The contract that must not break: `identity` names all that an answer depends on, so it belongs into every artifact's
key; an answer does not depend on the other pictures of the call.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from preprocess.backends.opening import open_densepose, open_parser, open_pose, open_segmenter
from preprocess.chain.official import NETWORKS, Networks, OfficialEyes
from preprocess.errors import PreprocessError
from preprocess.student.student import BATCH, Sight, Student
from preprocess.student.weights import BUNDLED
from preprocess.weights.cache import WeightsCache, digest
from preprocess.weights.errors import WeightsMissing
from preprocess.weights.registry import weights_named
from vitonhd.arrays import Picture

BACKENDS = ("student", "official")
VERSION = 1
"""Changes when the same weights answer otherwise."""
OFFICIAL_BATCH = 4
"""On CUDA."""


class Eyes(Protocol):
    """A backend that sees everything in a picture."""

    @property
    def name(self) -> str:
        """`student`, `official`."""
        ...

    @property
    def identity(self) -> str:
        """What its answers depend on: backend, version, SHA-256 of each weights file; for artifact keys."""
        ...

    @property
    def looks_again(self) -> bool:
        """Whether a second look, at the framed picture, is worth its cost."""
        ...

    @property
    def batch(self) -> int:
        """Pictures that one call should be given: 1 on a CPU, where more at a time are no faster."""
        ...

    def look(self, pictures: Sequence[Picture]) -> list[Sight]:
        """What is seen in each picture (uint8 HxWx3), pixel for pixel; raises FormatError `wrong-shape`."""
        ...


class StudentEyes:
    """The student: one pass for everything, cheap enough for a second look at the framed picture."""

    name = "student"
    looks_again = True

    def __init__(self, student: Student, identity: str) -> None:
        self.student = student
        self.identity = identity
        self.batch = 1 if student.device.type == "cpu" else BATCH

    @classmethod
    def load(cls, path: Path = BUNDLED, *, device: str = "cpu") -> StudentEyes:
        """From a student's weights file. Raises WeightsMissing, WeightsDamaged, PreprocessError for the device."""
        return cls(Student.load(path, device=device), identity("student", {"student": digest(path)}))

    def look(self, pictures: Sequence[Picture]) -> list[Sight]:
        return self.student.look(pictures)


def identity(backend: str, weights: dict[str, str]) -> str:
    """The identity of a backend, canonical JSON; `weights` are SHA-256s by name."""
    return json.dumps({"eyes": backend, "version": VERSION, "weights": weights}, sort_keys=True, separators=(",", ":"))


def open_eyes(
    backend: str,
    cache: WeightsCache,
    *,
    device: str = "cpu",
    weights: Path | None = None,
    networks: Networks = NETWORKS,
) -> Eyes:
    """`student` (from `weights`, or those that come with Lookbook) or `official` (`networks` from the cache).

    Raises PreprocessError for another name or device, WeightsMissing with what to do, WeightsDamaged, NotInstalled.
    """
    if backend == "student":
        if weights is None and not BUNDLED.is_file():
            raise WeightsMissing(
                "no student's weights come with this installation: `lookbook preprocess train-student` makes them, "
                "`--weights FILE` names them"
            )
        return StudentEyes.load(weights or BUNDLED, device=device)
    if backend != "official":
        raise PreprocessError(f"there is no backend {backend!r}; there are {', '.join(BACKENDS)}")
    if weights is not None:
        raise PreprocessError("--weights is the student's; the official networks' are those of `lookbook weights`")
    return OfficialEyes(
        open_parser(networks.parser, cache, device=device),
        open_densepose(networks.densepose, cache, device=device),
        open_pose(networks.pose, cache, device=device),
        open_segmenter(networks.segmenter, cache, device=device),
        identity("official", _digests(networks, cache)),
        batch=1 if device == "cpu" else OFFICIAL_BATCH,
    )


def _digests(networks: Networks, cache: WeightsCache) -> dict[str, str]:
    """SHA-256 of every weights file that the networks use."""
    entries = [weights_named(name) for name in networks.entries]
    return {f"{entry.name}/{path.name}": digest(path) for entry in entries for path in cache.paths(entry)}
