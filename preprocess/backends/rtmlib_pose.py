"""RTMPose and RTMW through rtmlib: joints inside a box, stored as BODY_25, with face and hands where there are any.

The contract that must not break: rtmlib reads a local file only (it would download a name that it can't find), and
gets RGB, which these networks were trained on.
"""

from __future__ import annotations

import contextlib
import io
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from preprocess.backends.batches import check
from preprocess.backends.interfaces import Box
from preprocess.backends.joints import LOWEST_SCORE, boxes_of, person_of
from preprocess.backends.optional import library
from preprocess.weights.errors import WeightsDamaged, WeightsMissing
from vitonhd.arrays import Picture
from vitonhd.atomic import write_atomic
from vitonhd.openpose_json import Person

_INSTALL = "install rtmlib and onnxruntime (pip install rtmlib onnxruntime)"
_LARGEST_MODEL = 2 << 30


class RtmPoseEstimator:
    """`network` is rtmlib's RTMPose: 26 joints (Halpe) or 133 (whole body), as its file has them."""

    def __init__(self, network: Any, *, lowest_score: float = LOWEST_SCORE) -> None:
        self.network = network
        self.lowest_score = lowest_score

    @classmethod
    def load(cls, path: Path, *, device: str = "cpu", lowest_score: float = LOWEST_SCORE) -> RtmPoseEstimator:
        """From the published zip, or the ONNX file in it. Raises NotInstalled, WeightsMissing, WeightsDamaged."""
        rtmlib = library("rtmlib", install=_INSTALL)
        library("onnxruntime", install=_INSTALL)
        model = onnx_of(path)
        try:
            with contextlib.redirect_stdout(sys.stderr):  # rtmlib prints what it loads
                network = rtmlib.RTMPose(str(model), backend="onnxruntime", device=device)
        except Exception as error:  # onnxruntime's errors have no common class
            raise WeightsDamaged(f"{path.name} holds no readable network: {str(error).splitlines()[0]}") from None
        height, width = network.session.get_inputs()[0].shape[2:]
        network.model_input_size = (width, height)
        return cls(network, lowest_score=lowest_score)

    def estimate(self, pictures: Sequence[Picture], boxes: Sequence[Box] | None = None) -> list[Person | None]:
        return [self._of(picture, box) for picture, box in zip(pictures, boxes_of(pictures, boxes), strict=True)]

    def _of(self, picture: Picture, box: Box) -> Person | None:
        check(picture)
        places, scores = self.network(picture, bboxes=[list(box)])
        return person_of(places[0], scores[0], *picture.shape[:2], lowest_score=self.lowest_score)


def onnx_of(path: Path) -> Path:
    """The ONNX file itself, or the one that a published zip holds, laid beside the zip once."""
    if not path.is_file():
        raise WeightsMissing(f"{path} is not there; run `lookbook weights fetch`")
    if path.suffix != ".zip":
        return path
    unpacked = path.with_suffix(".onnx")
    if not unpacked.is_file() or unpacked.stat().st_mtime < path.stat().st_mtime:
        write_atomic(unpacked, _only_onnx(path))
    return unpacked


def _only_onnx(path: Path) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            models = [one for one in archive.infolist() if one.filename.endswith(".onnx")]
            if len(models) == 1 and models[0].file_size <= _LARGEST_MODEL:
                return archive.read(models[0])
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise WeightsDamaged(f"{path.name} is no sound zip: {error}") from None
    raise WeightsDamaged(f"{path.name} holds {len(models)} ONNX files, or a very large one")
