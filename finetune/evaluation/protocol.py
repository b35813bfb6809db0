"""What is measured, by which definition, and what each measure needs.

The contract that must not break: a number under one protocol id always means the same; a new definition is a new id.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PROTOCOL = "lookbook-tryon-1"


class Needs(StrEnum):
    """What has to be known of a pair."""

    TRUTH = "truth"
    """The picture that a perfect try-on would give."""
    WORN_TRUTH = "worn-truth"
    """That picture, and where the garment is in it."""
    PACKSHOT = "packshot"
    """The packshot, and where the garment is in the truth or, without one, where the try-on says that it is."""


class Weights(StrEnum):
    """Entries of the weights registry that measures need."""

    LPIPS = "lpips-alex"
    INCEPTION = "inception-fid"
    EMBEDDING = "dinov2-small"


@dataclass(frozen=True)
class Metric:
    """One measure."""

    name: str
    title: str
    higher_is_better: bool
    definition: str
    needs: Needs | None = None
    """None for measures of a whole set of pictures."""
    weights: Weights | None = None
    digits: int = 4


PAIR_METRICS = (
    Metric(
        "ssim", "SSIM", True,
        "RGB in 0..1, gaussian window of 11 (sigma 1.5), borders reflected: torchmetrics' definition",
        Needs.TRUTH,
    ),
    Metric(
        "ssim_grey", "SSIM, grey", True,
        "Pillow's L in 0..255, gaussian window, population covariance, borders left out: HR-VITON's (scikit-image)",
        Needs.TRUTH,
    ),
    Metric("psnr", "PSNR", True, "dB over a picture's RGB values in 0..255; mean of pictures", Needs.TRUTH, digits=2),
    Metric("lpips", "LPIPS", False, "AlexNet, version 0.1, at full size", Needs.TRUTH, Weights.LPIPS),
    Metric(
        "lpips_128", "LPIPS at 128", False,
        "AlexNet, version 0.1, pictures bilinearly reduced to 128x128: HR-VITON's",
        Needs.TRUTH, Weights.LPIPS,
    ),
    Metric(
        "garment_ssim", "SSIM in the garment", True,
        "mean of the map of `ssim` where the truth shows the garment",
        Needs.WORN_TRUTH,
    ),
    Metric(
        "garment_psnr", "PSNR in the garment", True,
        "as `psnr`, over the pixels where the truth shows the garment",
        Needs.WORN_TRUTH, digits=2,
    ),
    Metric(
        "garment_lpips", "LPIPS in the garment", False,
        "mean of the map of `lpips`, enlarged bilinearly, where the truth shows the garment",
        Needs.WORN_TRUTH, Weights.LPIPS,
    ),
    Metric(
        "garment_colour", "Colour distance to the packshot", False,
        "sliced Wasserstein distance of the garment's CIELAB colours in result and packshot, in delta E 76",
        Needs.PACKSHOT, digits=2,
    ),
    Metric(
        "garment_likeness", "Likeness to the packshot", True,
        "cosine of DINOv2 ViT-S/14 embeddings of the garment on white in result and packshot",
        Needs.PACKSHOT, Weights.EMBEDDING,
    ),
)  # fmt: skip
SET_METRICS = (
    Metric(
        "fid", "FID", False,
        "clean-fid's, against the photos of the test persons",
        weights=Weights.INCEPTION, digits=2,
    ),
    Metric(
        "kid_x1000", "KID x1000", False,
        "clean-fid's (mean of subsets) times 1000, against the photos of the test persons",
        weights=Weights.INCEPTION, digits=3,
    ),
)  # fmt: skip
METRICS = {metric.name: metric for metric in (*PAIR_METRICS, *SET_METRICS)}
RANKED_BY = ("garment_ssim", "ssim", "garment_colour")
"""The first of these that a case has puts it in the order of the report's pictures."""
