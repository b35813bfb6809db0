"""Every limit of the quality gates and of the shot kinds, with its reason: the one table that they read.

The contract that must not break: a limit's name is the reason that a picture is rejected with, so that reports, docs
and code say the same.

Figures in the reasons are of 15 official VITON-HD items, 16 photos of other projects, the demo catalogue and 24 studio
items; `tests.preprocess.intake_figures` prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from preprocess.gates.verdict import Verdict

JOINT_SEEN = 0.2
"""Score from which a joint counts as seen: official hips in view have 0.35 and more, guesses below the frame 0.16."""


@dataclass(frozen=True)
class Limit:
    """One limit; `why` says where it comes from."""

    value: float
    at_least: bool
    why: str

    def holds(self, figure: float) -> bool:
        return figure >= self.value if self.at_least else figure <= self.value


Limits = Mapping[str, Limit]


def at_least(value: float, why: str) -> Limit:
    return Limit(value, True, why)


def at_most(value: float, why: str) -> Limit:
    return Limit(value, False, why)


SHOTS: Limits = MappingProxyType(
    {
        "text": at_least(0.45, "share of the edges: pages and tables 0.70 to 0.87, other pictures at most 0.21"),
        "worn-skin": at_least(0.01, "share that is face, hair or skin: worn photos 0.02 and more"),
        "worn-bare": at_least(0.035, "of what is person or clothes: worn photos 0.04 and more, details 0.03"),
        "worn-close": at_most(0.65, "share that is person or clothes: worn photos at most 0.57, details 0.71"),
        "worn-joints": at_least(5, "of 14 body joints, with both shoulders or both hips: neck and shoulders are 3"),
        "flat-skin": at_most(0.02, "with more, someone is in the picture and it is no packshot"),
        "flat-border": at_least(0.9, "share of one colour: packshots 0.96 and more, details at most 0.85"),
        "flat-cut": at_most(0.05, "share of the outline, or the garment's cut: packshots 0.02, details 0.15 and more"),
        "flat-garment": at_least(0.04, "share of the picture: masks 0.35 and more, white on white without one 0.041"),
    }
)

WORN: Limits = MappingProxyType(
    {
        "no-person": at_least(0.04, "share of the picture: worn photos 0.20 and more"),
        "several-people": at_most(1, "the conditions are one person's"),
        "turned": at_least(0.6, "about the cosine of the turn: official photos 0.9 to 1.4, 45 degrees 0.7, 60 0.5"),
        "joints-missing": at_most(0, "the agnostic drawing and the warp hang on them; `worn.NEEDED` names them"),
        "class-not-seen": at_least(0.08, "garment's share of the person: worn photos 0.20 and more"),
        "other-class": at_least(0.5, "of the labels that the class is confused with, the share that is its own"),
        "garment-small": at_least(0.03, "share of the framed picture: a mini skirt on a whole figure 0.04"),
        "garment-cut": at_most(0.25, "cut outline by the root of the area: whole 0.00, a third cut off 0.56 and more"),
        "blurred": at_most(0.6, "Crete's effect: photos 0.26 to 0.52, blurred by 2 pixels 0.62 and more"),
        "enlarged": at_most(2.0, "framed pixels by photo pixels: beyond it 3 of 4 pixels are made up"),
        "padded": at_most(0.5, "share of the framed picture that lies beyond the photo"),
        "near-duplicate": at_most(0, "1 where an earlier picture of the product is alike"),
    }
)

PACKSHOT: Limits = MappingProxyType(
    {
        "person-in-packshot": at_most(0.02, "share that is face, hair or skin: worn photos 0.02 and more"),
        "busy-backdrop": at_least(0.9, "share of one colour at the border: packshots 0.96 and more"),
        "several-garments": at_most(0.35, "second largest part by the largest: packshots 0.00, a pair nearly 1"),
        "garment-small": at_least(0.1, "share of the framed picture: packshots 0.35 and more"),
        "garment-cut": at_most(0.05, "cut outline by the root of the area: whole 0.00, a tenth cut off 0.44 and more"),
        "blurred": at_most(0.68, "Crete's effect: packshots 0.20 to 0.59, blurred by 2 pixels mostly 0.70 and more"),
        "enlarged": at_most(2.0, "framed pixels by photo pixels: beyond it 3 of 4 pixels are made up"),
        "near-duplicate": at_most(0, "1 where an earlier picture of the product is alike"),
    }
)


def judge(
    figures: Mapping[str, float], limits: Limits, details: Mapping[str, str] | None = None
) -> tuple[Verdict, ...]:
    """The verdicts of the figures that miss their limit, in the table's order; none for a picture that passes.

    Raises KeyError for a figure without a limit: a gate that nobody set. Limits without a figure are not looked at.
    """
    unknown = figures.keys() - limits.keys()
    if unknown:
        raise KeyError(f"no limit for {', '.join(sorted(unknown))}; there are {', '.join(limits)}")
    said = details or {}
    return tuple(
        Verdict(name, figures[name], limit.value, said.get(name, ""))
        for name, limit in limits.items()
        if name in figures and not limit.holds(figures[name])
    )
