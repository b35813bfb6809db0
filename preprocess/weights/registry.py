"""Which weights Lookbook can use: where they come from, under which licence, and whether a shop may use them.

The contract that must not break: facts only. A size or SHA-256 that nobody has measured is None; the cache records
what was fetched. A commercial use is a yes only where the licence of the weights themselves allows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from preprocess.weights.errors import UnknownWeights


class Commercial(StrEnum):
    """Whether a shop may use the weights."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class WeightsFile:
    """One file of an entry; `size` in bytes, and None where it is not yet known."""

    name: str
    url: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Weights:
    name: str
    network: str
    files: tuple[WeightsFile, ...]
    licence: str
    commercial: Commercial
    note: str = ""
    by_hand: bool = False
    """The source is a page that only a browser gets the file from."""


_DRIVE = "https://drive.google.com/file/d"
_MMLAB = "https://download.openmmlab.com/mmpose/v1/projects/rtmposev1/onnx_sdk"
_VITPOSE = "https://huggingface.co/usyd-community/vitpose-base-simple/resolve/main"

_ENTRIES = (
    Weights(
        "graphonomy",
        "Graphonomy, CIHP-20 (parse)",
        (WeightsFile("inference.pth", f"{_DRIVE}/1eUe18HoH05p0yFUd_sN6GXdTj82aW0m9/view"),),
        "not stated (code MIT); trained on CIHP, non-commercial research only",
        Commercial.NO,
        "the CIHP model; universal_trained.pth is another network",
        by_hand=True,
    ),
    Weights(
        "schp-lip",
        "SCHP, LIP-20 (parse)",
        (WeightsFile("exp-schp-201908261155-lip.pth", f"{_DRIVE}/1k4dllHpu0bdx38J7H28rVVLpU-kOHmnH/view"),),
        "not stated (code MIT); trained on LIP, non-commercial research only",
        Commercial.NO,
        "has no label for the neck",
        by_hand=True,
    ),
    Weights(
        "schp-atr",
        "SCHP, ATR-18 (parse)",
        (WeightsFile("exp-schp-201908301523-atr.pth", f"{_DRIVE}/1ruJg4lqR_jgQPj-9K0PP-L2vJERYOxLP/view"),),
        "not stated (code MIT); trained on ATR, non-commercial research only",
        Commercial.NO,
        by_hand=True,
    ),
    Weights(
        "densepose-s1x",
        "DensePose R-CNN, R50-FPN s1x",
        (
            WeightsFile(
                "model_final_162be9.pkl",
                "https://dl.fbaipublicfiles.com/densepose/densepose_rcnn_R_50_FPN_s1x/165712039/model_final_162be9.pkl",
            ),
        ),
        "CC BY-SA 3.0",
        Commercial.YES,
        "name the source; adapted weights under the same licence",
    ),
    Weights(
        "cloth-unet",
        "U-Net on EfficientNet-B3 (garment mask)",
        (
            WeightsFile(
                "weights.zip", "https://github.com/ternaus/cloths_segmentation/releases/download/0.0.1/weights.zip"
            ),
        ),
        "MIT",
        Commercial.YES,
        "check the terms of its training data, iMaterialist-Fashion 2019",
    ),
    Weights(
        "vitpose-base-simple",
        "ViTPose-B, COCO-17 (pose; needs transformers)",
        tuple(
            WeightsFile(name, f"{_VITPOSE}/{name}")
            for name in ("config.json", "preprocessor_config.json", "model.safetensors")
        ),
        "Apache-2.0",
        Commercial.YES,
        "no toes, no hands",
    ),
    Weights(
        "rtmpose-m-halpe26",
        "RTMPose-m, Halpe-26 (pose with feet; needs rtmlib)",
        (
            WeightsFile(
                "rtmpose-m_simcc-body7_pt-body7-halpe26_700e-256x192-4d3e73dd_20230605.zip",
                f"{_MMLAB}/rtmpose-m_simcc-body7_pt-body7-halpe26_700e-256x192-4d3e73dd_20230605.zip",
            ),
        ),
        "Apache-2.0",
        Commercial.UNKNOWN,
        "trained also on data for research only (Halpe, AIC, MPII)",
    ),
    Weights(
        "rtmw-l-wholebody",
        "RTMW-l, COCO-WholeBody-133 (pose with feet, face, hands; needs rtmlib)",
        (
            WeightsFile(
                "rtmw-dw-x-l_simcc-cocktail14_270e-256x192_20231122.zip",
                "https://download.openmmlab.com/mmpose/v1/projects/rtmw/onnx_sdk/"
                "rtmw-dw-x-l_simcc-cocktail14_270e-256x192_20231122.zip",
            ),
        ),
        "Apache-2.0",
        Commercial.UNKNOWN,
        "trained also on data for research only (COCO-WholeBody and others)",
    ),
)
WEIGHTS = {one.name: one for one in _ENTRIES}


def weights_named(name: str) -> Weights:
    """Raises UnknownWeights with the names that there are."""
    if name not in WEIGHTS:
        raise UnknownWeights(f"there are no weights {name!r}; there are {', '.join(WEIGHTS)}")
    return WEIGHTS[name]
