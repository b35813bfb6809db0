"""Every limit that the validator sets on a figure, with its reason: the one table that it reads.

The contract that must not break: a figure's name is the code of the finding that it causes, so that reports, docs and
code say the same; a set of official VITON-HD items and a rendered one pass.

Figures in the reasons are of 15 official VITON-HD items and 72 studio items, then of damage done to them;
`tests.vitonhd.validation_figures` prints them. Where a set was made by networks instead of a renderer, agreement is
lower, so limits stand well away from what sound sets reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType


@dataclass(frozen=True)
class Limit:
    """Bounds of a figure, both allowed; `part` is the file that a finding points to, `why` where they come from."""

    part: str
    why: str
    least: float = -inf
    most: float = inf

    def missed(self, figure: float) -> float | None:
        """The bound that the figure is beyond, None where it holds."""
        if figure < self.least:
            return self.least
        return self.most if figure > self.most else None


Limits = Mapping[str, Limit]

ITEM_LIMITS: Limits = MappingProxyType(
    {
        "photo-contrast": Limit("image", "levels of luma; sound photos 29 to 95, an empty one 0", least=8),
        "person-share": Limit("parse", "share of the picture; sound 0.20 to 0.57", 0.03, 0.95),
        "garment-share": Limit("parse", "share of the class's labels; sound 0.05 to 0.42", 0.005, 0.85),
        "outline-contrast": Limit(
            "parse", "how steep the photo is along the outline; sound 3.3 and more, another photo's about 1.4", 1.2
        ),
        "cloth-contrast": Limit("cloth", "levels of luma; a white shirt on white has 16, an empty picture 0", 4),
        "cloth-mask-share": Limit("cloth_mask", "sound 0.34 to 0.73; nothing and all are no mask", 0.02, 0.95),
        "cloth-mask-frame": Limit(
            "cloth_mask", "share of the outermost pixels; sound 0, cut at one side 0.3, inverted 1", most=0.6
        ),
        "cloth-outside-mask": Limit(
            "cloth", "share outside the mask without the backdrop's colour; sound 0.014 at most", most=0.15
        ),
        "densepose-share": Limit("densepose", "share of the picture; sound 0.16 to 0.51", 0.02, 0.95),
        "densepose-colours": Limit(
            "densepose", "share within 3 levels of a part's colour; sound 0.77 and more, blended 0.2 and less", 0.6
        ),
        "densepose-on-person": Limit("densepose", "share that the parse calls person; sound 0.92 and more", 0.75),
        "densepose-on-skin": Limit("densepose", "share of face, arms, legs covered; sound 0.93 and more", 0.6),
        "densepose-sides": Limit(
            "densepose", "share of limbs on their own side; sound 0.95 and more, mirrored 0", 0.75
        ),
        "joints-seen": Limit("pose", "of 25 with a score of 0.2; sound 13 and more", 5),
        "joints-inside": Limit("pose", "share of the seen; sound 0.94 and more: toes may be cut off", 0.8),
        "joints-on-person": Limit("pose", "share within 1 % of the person; sound 1", 0.85),
        "joints-sides": Limit(
            "pose", "share of limb joints on their own DensePose side; sound 0.67 and more, mirrored 0", 0.34
        ),
        "joints-drawn": Limit("pose_picture", "share of the seen that the picture shows; sound 1", 0.9),
        "agnostic-mask-share": Limit("agnostic_mask", "share of the picture; sound 0.13 to 0.56", 0.01, 0.9),
        "garment-unmasked": Limit("agnostic_mask", "share of the garment; the published drawing 0.0054", most=0.02),
        "garment-shown": Limit(
            "agnostic", "share of the garment that is as in the photo; the published drawing 0.0053", most=0.02
        ),
        "mask-not-grey": Limit("agnostic", "share of the mask; sound 0.004 at most: JPEG at its edge", most=0.02),
        "photo-changed": Limit(
            "agnostic", "share outside the mask, by over 40 levels; sound 0.0004 at most", most=0.01
        ),
        "garment-in-parse": Limit("parse_agnostic", "share of what the class clears; sound 0", most=0.001),
        "parse-changed": Limit("parse_agnostic", "share of what the class keeps; sound 0", most=0.001),
        "worn-mask-overlap": Limit("worn_mask", "intersection over union with the parse; sound 1", 0.8),
    }
)
"""By figure of `validation.figures.item_figures`."""

MEDIAN_LIMITS: Limits = MappingProxyType(
    {
        "outline-contrast": Limit("parse", "medians of sound sets 10 and more; all shifted or mirrored 1.4", 2.5),
        "densepose-on-person": Limit("densepose", "medians of sound sets 0.996 and more", 0.9),
        "densepose-on-skin": Limit("densepose", "medians of sound sets 0.98 and more", 0.85),
        "densepose-sides": Limit("densepose", "medians of sound sets 0.999 and more", 0.9),
        "joints-on-person": Limit("pose", "medians of sound sets 1", 0.95),
        "garment-shown": Limit("agnostic", "medians of sound sets 0.0001 at most", most=0.005),
        "garment-share": Limit("parse", "medians of sound sets 0.16 to 0.22", 0.03, 0.6),
        "person-share": Limit("parse", "medians of sound sets 0.24 to 0.44", 0.1, 0.8),
        "cloth-mask-share": Limit("cloth_mask", "medians of sound sets 0.41 to 0.49", 0.1, 0.8),
    }
)
"""Bounds of a split's medians: what is a little off everywhere passes item by item."""

MEDIAN_FROM = 8
"""Items from which a median says something."""

MASK_BETWEEN = 0.001
"""Share of a JPEG mask's pixels at 60 to 195 levels; sound masks have none. PNG masks are 0 and 255 only."""
