"""DensePose R-CNN as an estimator: pictures resized, the likeliest person's charts brought back into the picture.

The contract that must not break: labels and UV are those that detectron2 extracts for the same box (preprocessing
facts, section 1.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from preprocess.backends.batches import Batch, by_size, per_channel, resized, to_tensor
from preprocess.backends.interfaces import DensePose
from preprocess.networks.densepose.charts import Charts
from preprocess.networks.densepose.rcnn import DensePoseRcnn
from preprocess.weights.checkpoints import Fit, load_weights
from vitonhd.arrays import Labels, Picture

LOWEST_SCORE = 0.8
"""DensePose's own `show` tool draws people from here on."""
FIT = Fit(ignored=("pixel_mean", "pixel_std", "proposal_generator.anchor_generator.*"))
_SHORTEST, _LONGEST = 800, 1333
_MEAN_BGR = (103.530, 116.280, 123.675)
_MULTIPLE = 32

Uv = npt.NDArray[np.float32]


def resized_size(height: int, width: int) -> tuple[int, int]:
    """Height and width at which the network looks: the shorter side 800 unless the longer one would exceed 1333."""
    scale = _SHORTEST / min(height, width)
    if scale * max(height, width) > _LONGEST:
        scale = _LONGEST / max(height, width)
    return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))


def network_input(batch: Batch, device: torch.device) -> tuple[Tensor, tuple[int, int]]:
    """float32 Nx3xH'xW', BGR minus the means, padded to multiples of 32, and the size before padding."""
    height, width = resized_size(*batch.shape[1:3])
    x = to_tensor(resized(batch, height, width)[..., ::-1], device)
    x = x - per_channel(_MEAN_BGR, x)
    return F.pad(x, (0, -width % _MULTIPLE, 0, -height % _MULTIPLE)), (height, width)


class RcnnDensePose:
    """`lowest_score`: below it nobody is there."""

    def __init__(self, network: DensePoseRcnn, *, device: str = "cpu", lowest_score: float = LOWEST_SCORE) -> None:
        self.device = torch.device(device)
        self.network = network.eval().to(self.device)
        self.lowest_score = lowest_score

    @classmethod
    def load(cls, path: Path, *, device: str = "cpu", lowest_score: float = LOWEST_SCORE) -> RcnnDensePose:
        """From the model zoo's `.pkl`; raises as `load_weights`."""
        network = DensePoseRcnn()
        load_weights(network, path, FIT)
        return cls(network, device=device, lowest_score=lowest_score)

    def estimate(self, pictures: Sequence[Picture]) -> list[DensePose | None]:
        return by_size(pictures, self._estimate)

    @torch.inference_mode()
    def _estimate(self, batch: Batch) -> list[DensePose | None]:
        x, size = network_input(batch, self.device)
        detected = self.network.detect(x, [size] * len(batch))
        counts = [int((people.scores >= self.lowest_score).sum()) for people in detected.people]
        best = [people.boxes[: min(count, 1)] for people, count in zip(detected.people, counts, strict=True)]
        found = [place for place, boxes in enumerate(best) if len(boxes)]
        results: list[DensePose | None] = [None] * len(batch)
        if not found:
            return results
        charts = self.network.charts(detected.levels, best)
        for row, place in enumerate(found):
            box = to_picture(best[place], size, batch.shape[1:3])[0]
            score = float(detected.people[place].scores[0])
            one = Charts(*(values[row : row + 1] for values in charts))
            results[place] = in_picture(one, box, score, counts[place], batch.shape[1:3])
        return results


def to_picture(boxes: Tensor, size: tuple[int, int], picture: Sequence[int]) -> Tensor:
    """Boxes Kx4 of the resized picture (`size`: height, width) in the picture's own pixels, clipped to it."""
    height, width = picture
    factors = boxes.new_tensor([width / size[1], height / size[0]] * 2)
    limits = boxes.new_tensor([width, height] * 2)
    return (boxes * factors).clamp(min=0).minimum(limits)


def whole_box(box: Tensor) -> tuple[int, int, int, int]:
    """x, y, width, height in whole pixels, at least one each way."""
    x0, y0, x1, y1 = box.tolist()
    return int(x0), int(y0), max(int(x1 - x0), 1), max(int(y1 - y0), 1)


def surface(charts: Charts, height: int, width: int) -> tuple[Labels, Uv]:
    """One person's labels HxW and UV 2xHxW, at the size of their box; U and V are the label's own charts'."""

    def large(values: Tensor) -> Tensor:
        return F.interpolate(values, (height, width), mode="bilinear", align_corners=False)[0]

    labels = large(charts.fine).argmax(0) * (large(charts.coarse).argmax(0) > 0)
    uv = torch.cat([large(values).gather(0, labels[None]) for values in (charts.u, charts.v)])
    uv = uv * (labels > 0)
    return labels.to(torch.uint8).cpu().numpy(), uv.cpu().numpy()


def in_picture(charts: Charts, box: Tensor, score: float, people: int, picture: Sequence[int]) -> DensePose:
    """A person's charts in the whole picture (`picture`: height, width); `box` is in its pixels."""
    _, _, width, height = whole_box(box)
    labels, uv = surface(charts, height, width)
    return placed(labels, uv, box, score, people, picture)


def placed(labels: Labels, uv: Uv, box: Tensor, score: float, people: int, picture: Sequence[int]) -> DensePose:
    """Labels and UV of a box laid into an otherwise empty picture."""
    height, width = picture
    x, y, box_width, box_height = whole_box(box)
    x, y = min(x, width - 1), min(y, height - 1)
    rows, columns = slice(y, min(y + box_height, height)), slice(x, min(x + box_width, width))
    here = (slice(rows.stop - rows.start), slice(columns.stop - columns.start))
    all_labels = np.zeros((height, width), np.uint8)
    all_uv = np.zeros((2, height, width), np.float32)
    all_labels[rows, columns] = labels[here]
    all_uv[:, rows, columns] = uv[:, here[0], here[1]]
    x0, y0, x1, y1 = box.tolist()
    return DensePose(all_labels, all_uv, (x0, y0, x1, y1), score, people)
