"""ViTPose through transformers: COCO-17 joints inside a box, stored as BODY_25 (no toes).

The contract that must not break: only a local folder is read, safetensors only, and a folder whose weights don't fit
its own description exactly is refused; transformers would fill the gaps with random numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from preprocess.backends.batches import check
from preprocess.backends.interfaces import Box
from preprocess.backends.joints import LOWEST_SCORE, boxes_of, person_of
from preprocess.backends.optional import library
from preprocess.weights.errors import WeightsDamaged
from vitonhd.arrays import Picture
from vitonhd.openpose_json import Person

_INSTALL = "install transformers and scipy (pip install transformers scipy)"


class VitPoseEstimator:
    """`network` and `processor` are transformers' VitPoseForPoseEstimation and VitPoseImageProcessor."""

    def __init__(
        self, network: Any, processor: Any, *, device: str = "cpu", lowest_score: float = LOWEST_SCORE
    ) -> None:
        self.device = torch.device(device)
        self.network = network.eval().to(self.device)
        self.processor = processor
        self.lowest_score = lowest_score

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu", lowest_score: float = LOWEST_SCORE) -> VitPoseEstimator:
        """From config.json, preprocessor_config.json and model.safetensors. Raises NotInstalled, WeightsDamaged."""
        transformers = library("transformers", install=_INSTALL)
        library("scipy", install=_INSTALL)  # its image processor names it only when it runs
        try:
            network, found = transformers.VitPoseForPoseEstimation.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
            processor = transformers.VitPoseImageProcessor.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise WeightsDamaged(f"{folder} holds no ViTPose: {str(error).splitlines()[0]}") from None
        wrong = {kind: sorted(map(str, keys)) for kind, keys in found.items() if keys}
        if wrong:
            raise WeightsDamaged(f"{folder} does not fit its own config.json: {wrong}")
        return cls(network, processor, device=device, lowest_score=lowest_score)

    @torch.inference_mode()
    def estimate(self, pictures: Sequence[Picture], boxes: Sequence[Box] | None = None) -> list[Person | None]:
        if not pictures:
            return []
        for picture in pictures:
            check(picture)
        sides = [[[x0, y0, x1 - x0, y1 - y0]] for x0, y0, x1, y1 in boxes_of(pictures, boxes)]
        prepared = self.processor(images=list(pictures), boxes=sides, return_tensors="pt")
        output = self.network(prepared["pixel_values"].to(self.device))
        found = self.processor.post_process_pose_estimation(output, boxes=sides)
        return [
            person_of(poses[0]["keypoints"], poses[0]["scores"], *picture.shape[:2], lowest_score=self.lowest_score)
            for picture, poses in zip(pictures, found, strict=True)
        ]
