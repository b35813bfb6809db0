"""Backends by name, from the weights cache (the student from Lookbook itself): the one place that knows which entry is
which network's.

The contract that must not break: a backend is opened from local files only; what is missing is said with the command
that gets it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from preprocess.backends.cloth_unet import UnetSegmenter
from preprocess.backends.densepose import RcnnDensePose
from preprocess.backends.detectron2_densepose import Detectron2DensePose
from preprocess.backends.graphonomy import ONE_SCALE, GraphonomyParser
from preprocess.backends.interfaces import DensePoseEstimator, GarmentSegmenter, Parser, PoseEstimator
from preprocess.backends.rtmlib_pose import RtmPoseEstimator
from preprocess.backends.schp import ON_ATR, ON_LIP, SchpPair, SchpParser
from preprocess.backends.vitpose import VitPoseEstimator
from preprocess.errors import PreprocessError
from preprocess.student.backends import StudentDensePose, StudentParser, StudentPose, StudentSegmenter
from preprocess.student.student import Student
from preprocess.weights.cache import WeightsCache
from preprocess.weights.registry import weights_named

Opened = TypeVar("Opened")
Opener = Callable[[WeightsCache, str], Opened]


def _graphonomy(cache: WeightsCache, device: str) -> GraphonomyParser:
    return GraphonomyParser.load(_file(cache, "graphonomy"), device=device)


def _graphonomy_one_scale(cache: WeightsCache, device: str) -> GraphonomyParser:
    return GraphonomyParser.load(_file(cache, "graphonomy"), device=device, scales=ONE_SCALE)


def _schp_lip(cache: WeightsCache, device: str) -> SchpParser:
    return SchpParser.load(_file(cache, "schp-lip"), ON_LIP, device=device)


def _schp_atr(cache: WeightsCache, device: str) -> SchpParser:
    return SchpParser.load(_file(cache, "schp-atr"), ON_ATR, device=device)


def _schp(cache: WeightsCache, device: str) -> SchpPair:
    return SchpPair(_schp_lip(cache, device), _schp_atr(cache, device))


def _densepose(cache: WeightsCache, device: str) -> RcnnDensePose:
    return RcnnDensePose.load(_file(cache, "densepose-s1x"), device=device)


def _detectron2(cache: WeightsCache, device: str) -> Detectron2DensePose:
    return Detectron2DensePose.load(_file(cache, "densepose-s1x"), device=device)


def _vitpose(cache: WeightsCache, device: str) -> VitPoseEstimator:
    return VitPoseEstimator.load(_file(cache, "vitpose-base-simple").parent, device=device)


def _rtmpose(cache: WeightsCache, device: str) -> RtmPoseEstimator:
    return RtmPoseEstimator.load(_file(cache, "rtmpose-m-halpe26"), device=device)


def _rtmw(cache: WeightsCache, device: str) -> RtmPoseEstimator:
    return RtmPoseEstimator.load(_file(cache, "rtmw-l-wholebody"), device=device)


def _unet(cache: WeightsCache, device: str) -> UnetSegmenter:
    return UnetSegmenter.load(_file(cache, "cloth-unet"), device=device)


def _student_parser(_: WeightsCache, device: str) -> StudentParser:
    return StudentParser(Student.load(device=device))


def _student_densepose(_: WeightsCache, device: str) -> StudentDensePose:
    return StudentDensePose(Student.load(device=device))


def _student_pose(_: WeightsCache, device: str) -> StudentPose:
    return StudentPose(Student.load(device=device))


def _student_segmenter(_: WeightsCache, device: str) -> StudentSegmenter:
    return StudentSegmenter(Student.load(device=device))


PARSERS: dict[str, Opener[Parser]] = {
    "graphonomy": _graphonomy,
    "graphonomy-one-scale": _graphonomy_one_scale,
    "schp": _schp,
    "schp-lip": _schp_lip,
    "schp-atr": _schp_atr,
    "student": _student_parser,
}
DENSEPOSE_ESTIMATORS: dict[str, Opener[DensePoseEstimator]] = {
    "densepose-s1x": _densepose,
    "detectron2": _detectron2,
    "student": _student_densepose,
}
POSE_ESTIMATORS: dict[str, Opener[PoseEstimator]] = {
    "vitpose-base-simple": _vitpose,
    "rtmpose-m-halpe26": _rtmpose,
    "rtmw-l-wholebody": _rtmw,
    "student": _student_pose,
}
GARMENT_SEGMENTERS: dict[str, Opener[GarmentSegmenter]] = {"cloth-unet": _unet, "student": _student_segmenter}


def open_parser(name: str, cache: WeightsCache, *, device: str = "cpu") -> Parser:
    """One of `PARSERS`. Raises PreprocessError for another name, WeightsMissing, WeightsDamaged."""
    return _chosen(PARSERS, name, "parser")(cache, device)


def open_densepose(name: str, cache: WeightsCache, *, device: str = "cpu") -> DensePoseEstimator:
    """One of `DENSEPOSE_ESTIMATORS`. Raises as `open_parser`, and NotInstalled."""
    return _chosen(DENSEPOSE_ESTIMATORS, name, "DensePose estimator")(cache, device)


def open_pose(name: str, cache: WeightsCache, *, device: str = "cpu") -> PoseEstimator:
    """One of `POSE_ESTIMATORS`. Raises as `open_densepose`."""
    return _chosen(POSE_ESTIMATORS, name, "pose estimator")(cache, device)


def open_segmenter(name: str, cache: WeightsCache, *, device: str = "cpu") -> GarmentSegmenter:
    """One of `GARMENT_SEGMENTERS`. Raises as `open_parser`."""
    return _chosen(GARMENT_SEGMENTERS, name, "garment segmenter")(cache, device)


def load_by_name(name: str, cache: WeightsCache) -> None:
    """Put an entry's weights into its network, on the CPU. Raises as the functions above."""
    for backends in (PARSERS, DENSEPOSE_ESTIMATORS, POSE_ESTIMATORS, GARMENT_SEGMENTERS):
        if name in backends:
            backends[name](cache, "cpu")


def _file(cache: WeightsCache, name: str) -> Path:
    """The entry's first file, once all of them are there."""
    return cache.paths(weights_named(name))[0]


def _chosen(backends: dict[str, Opener[Opened]], name: str, what: str) -> Opener[Opened]:
    if name not in backends:
        raise PreprocessError(f"there is no {what} {name!r}; there are {', '.join(backends)}")
    return backends[name]
