"""A profile as a table in text and as a picture of bars.

The contract that must not break: both show the profile's own numbers; shares add up to the whole.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from preprocess.run.profile import Profile, StageCost
from vitonhd.arrays import Picture

_HEADINGS = ("stage", "seconds", "share", "pictures", "pictures/s", "peak MB")
_WIDTH, _ROW, _LEFT, _RIGHT = 900, 34, 90, 250
_INK, _FAINT = (40, 40, 40), (225, 230, 240)
_COLOURS = {
    "decode": (90, 150, 210), "look": (220, 120, 60), "assess": (120, 170, 90), "draw": (190, 90, 140),
    "encode": (130, 110, 190), "write": (130, 130, 130),
}  # fmt: skip


def profile_table(profile: Profile) -> str:
    """Lines of aligned columns, one a stage and the sum."""
    rows = [_HEADINGS, *(_cells(cost, profile.seconds) for cost in profile.costs.values())]
    peaks = [cost.peak for cost in profile.costs.values() if cost.peak]
    whole = StageCost("together", profile.seconds, profile.pictures, max(peaks, default=None))
    rows.append(_cells(whole, profile.seconds))
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEADINGS))]
    lines = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([*lines, _overlapped(profile)])


def profile_picture(profile: Profile) -> Picture:
    """A bar a stage, uint8 HxWx3."""
    costs = list(profile.costs.values())
    picture = Image.new("RGB", (_WIDTH, _ROW * (len(costs) + 2)), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((12, 10), f"{profile.pictures} pictures, {profile.taken} taken, {profile.version}", fill=_INK)
    longest = max((cost.seconds for cost in costs), default=0.0) or 1.0
    for place, cost in enumerate(costs, 1):
        top, room = place * _ROW, _WIDTH - _LEFT - _RIGHT
        draw.text((12, top + 8), cost.stage, fill=_INK)
        draw.rectangle((_LEFT, top + 4, _LEFT + room, top + _ROW - 6), fill=_FAINT)
        draw.rectangle(
            (_LEFT, top + 4, _LEFT + room * cost.seconds / longest, top + _ROW - 6), fill=_COLOURS[cost.stage]
        )
        _, seconds, share, _, rate, peak = _cells(cost, profile.seconds)
        draw.text((_WIDTH - _RIGHT + 12, top + 8), f"{seconds} s  {share}  {rate}/s  {peak} MB", fill=_INK)
    draw.text((12, _ROW * (len(costs) + 1) + 8), _overlapped(profile), fill=_INK)
    return np.array(picture)


def _cells(cost: StageCost, whole: float) -> tuple[str, ...]:
    share = cost.seconds / whole if whole else 0.0
    peak = "-" if cost.peak is None else f"{cost.peak / 2**20:.0f}"
    return cost.stage, f"{cost.seconds:.2f}", f"{share:.1%}", str(cost.pictures), f"{cost.rate:.2f}", peak


def _overlapped(profile: Profile) -> str:
    rate = profile.pictures / profile.overlapped if profile.overlapped else 0.0
    return f"all stages at once, {profile.workers} workers: {profile.overlapped:.2f} s, {rate:.2f} pictures/s"
