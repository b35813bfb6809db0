"""detectron2's own DensePose behind the same interface, where somebody has built it.

The contract that must not break: same pictures in, same answers out as `densepose.RcnnDensePose`; its weights come
through our reader (detectron2's own runs whatever a pickle holds) and must fit exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from preprocess.backends.batches import check, resized, to_tensor
from preprocess.backends.densepose import FIT, LOWEST_SCORE, placed, resized_size
from preprocess.backends.interfaces import DensePose
from preprocess.backends.optional import library
from preprocess.weights.checkpoints import load_weights
from vitonhd.arrays import Picture

_INSTALL = "build detectron2 and its projects/DensePose from source (github.com/facebookresearch/detectron2)"
_PYRAMID = ["p2", "p3", "p4", "p5"]
_S1X: tuple[tuple[str, Any], ...] = (
    ("MODEL.META_ARCHITECTURE", "GeneralizedRCNN"),
    ("MODEL.BACKBONE.NAME", "build_resnet_fpn_backbone"),
    ("MODEL.RESNETS.DEPTH", 50),
    ("MODEL.RESNETS.OUT_FEATURES", ["res2", "res3", "res4", "res5"]),
    ("MODEL.FPN.IN_FEATURES", ["res2", "res3", "res4", "res5"]),
    ("MODEL.ANCHOR_GENERATOR.SIZES", [[32], [64], [128], [256], [512]]),
    ("MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS", [[0.5, 1.0, 2.0]]),
    ("MODEL.RPN.IN_FEATURES", [*_PYRAMID, "p6"]),
    ("MODEL.RPN.PRE_NMS_TOPK_TEST", 1000),
    ("MODEL.RPN.POST_NMS_TOPK_TEST", 1000),
    ("MODEL.DENSEPOSE_ON", True),
    ("MODEL.ROI_HEADS.NAME", "DensePoseROIHeads"),
    ("MODEL.ROI_HEADS.IN_FEATURES", _PYRAMID),
    ("MODEL.ROI_HEADS.NUM_CLASSES", 1),
    ("MODEL.ROI_BOX_HEAD.NAME", "FastRCNNConvFCHead"),
    ("MODEL.ROI_BOX_HEAD.NUM_FC", 2),
    ("MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION", 7),
    ("MODEL.ROI_BOX_HEAD.POOLER_SAMPLING_RATIO", 2),
    ("MODEL.ROI_BOX_HEAD.POOLER_TYPE", "ROIAlign"),
    ("MODEL.ROI_DENSEPOSE_HEAD.NAME", "DensePoseV1ConvXHead"),
    ("MODEL.ROI_DENSEPOSE_HEAD.POOLER_TYPE", "ROIAlign"),
    ("MODEL.ROI_DENSEPOSE_HEAD.NUM_COARSE_SEGM_CHANNELS", 2),
)
"""The published configuration densepose_rcnn_R_50_FPN_s1x; installed packages do not carry its file."""


class Detectron2DensePose:
    """`network` is detectron2's GeneralizedRCNN, `extract` DensePose's result extractor."""

    def __init__(self, network: Any, extract: Any, *, device: str = "cpu", lowest_score: float = LOWEST_SCORE) -> None:
        self.device = torch.device(device)
        self.network = network.eval().to(self.device)
        self.extract = extract
        self.lowest_score = lowest_score

    @classmethod
    def load(cls, path: Path, *, device: str = "cpu", lowest_score: float = LOWEST_SCORE) -> Detectron2DensePose:
        """From the model zoo's `.pkl`. Raises NotInstalled, and as `load_weights`."""
        config = library("detectron2.config", install=_INSTALL)
        modelling = library("detectron2.modeling", install=_INSTALL)
        densepose = library("densepose", install=_INSTALL)
        extractor = library("densepose.vis.extractor", install=_INSTALL)
        settings = config.get_cfg()
        densepose.add_densepose_config(settings)
        settings.merge_from_list([part for pair in _S1X for part in pair])
        settings.MODEL.DEVICE = device
        network = modelling.build_model(settings)
        load_weights(network, path, FIT)
        return cls(network, extractor.DensePoseResultExtractor(), device=device, lowest_score=lowest_score)

    @torch.inference_mode()
    def estimate(self, pictures: Sequence[Picture]) -> list[DensePose | None]:
        return [self._of(picture) for picture in pictures]

    def _of(self, picture: Picture) -> DensePose | None:
        check(picture)
        height, width = picture.shape[:2]
        image = to_tensor(resized(picture[None], *resized_size(height, width))[..., ::-1], self.device)[0]
        found = self.network([{"image": image, "height": height, "width": width}])[0]["instances"]
        people = int((found.scores >= self.lowest_score).sum())
        if not people:
            return None
        charts, _boxes = self.extract(found[:1])
        labels, uv = charts[0].labels.to(torch.uint8).cpu().numpy(), charts[0].uv.cpu().numpy()
        box = found.pred_boxes.tensor[0]
        return placed(labels, uv, box, float(found.scores[0]), people, (height, width))
