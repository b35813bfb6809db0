"""How a top or a dress's bodice lies on a body: it hangs from chest and shoulders, and sleeves are tubes around arms.

The contract that must not break: cloth lies outside the skin everywhere, and its shape is a function of body and
garment alone.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from studio import folds
from studio.body import ARMS, HANDS, HEAD, Body, template
from studio.garments import Garment
from studio.mesh import Floats, Neighbours
from studio.outline import Outline, heading, in_hip_frame, without_arms
from studio.skin import arm_share, skin

_TUCK = 0.0012
"""How far a bodice ends inside its skirt, metres."""


def shell(
    body: Body,
    garment: Garment,
    clearance: float,
    *,
    tucked: bool = False,
    skirt: Outline | None = None,
    room: float = 0.0,
) -> tuple[Floats, Floats]:
    """Where cloth of the garment would lie over every vertex of the fine skin, and unit normals there.

    A tucked top is fitted from the waist down; a bodice ends at its `skirt`'s uppermost ring; `room` is what a top
    worn over a bottom stands off at the hips, metres.
    """
    near, normals = _near(body)
    cloth = near + normals * (clearance + 0.3 * garment.ease)
    cloth = _smoothed(cloth, normals, 10 + int(500 * garment.ease))
    cloth = _outside(cloth, near, normals, clearance)
    cloth = _over_trunk(cloth, body, garment, clearance, tucked, skirt, room)
    cloth = _around_arms(cloth, body, garment, clearance)
    near = near + _trunk_share()[:, None] * (body.vertices - near)
    free = 0.04 * _at_seam(template().rest[:, 2], garment)  # the skirt's ring is outside by itself
    cloth = _outside(_smoothed(cloth, normals, 3), near, normals, clearance - free)
    fine = skin()
    fine_normals = fine.refine(normals)
    fine_normals /= np.maximum(np.linalg.norm(fine_normals, axis=1, keepdims=True), 1e-9)
    laid = fine.refine(cloth) + fine_normals * folds.on_top(garment, fine, tucked)[:, None]
    return _outside(laid, fine.refine(body.vertices), fine_normals, 0.0025 - fine.refine(free)), fine_normals


def _at_seam(height: Floats, garment: Garment) -> Floats:
    """1 at heights (on the mean body at rest) of a bodice's seam to its skirt, 0 from a decimetre away."""
    return np.clip(1 - np.abs(height - garment.waist) / 0.1, 0, 1) * (garment.skirt is not None)


def _near(body: Body) -> tuple[Floats, Floats]:
    """The skin without its small relief, and smooth unit normals."""
    normals = _neighbours().smooth(body.normals, 8)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    smooth = _neighbours().smooth(body.vertices, 10)
    return body.vertices + normals * ((smooth - body.vertices) * normals).sum(axis=1, keepdims=True), normals


def _smoothed(cloth: Floats, normals: Floats, rounds: int) -> Floats:
    """Along the normals only: sliding along the skin would warp the cloth's pattern and its hems."""
    smooth = _neighbours().smooth(cloth, rounds)
    moved: Floats = cloth + normals * ((smooth - cloth) * normals).sum(axis=1, keepdims=True)
    return moved


def _outside(cloth: Floats, bare: Floats, normals: Floats, clearance: float | Floats) -> Floats:
    gap = ((cloth - bare) * normals).sum(axis=1)
    outside: Floats = cloth + normals * np.maximum(clearance - gap, 0)[:, None]
    return outside


def _over_trunk(
    cloth: Floats, body: Body, garment: Garment, clearance: float, tucked: bool, skirt: Outline | None, room: float
) -> Floats:
    """Below the chest cloth hangs on the trunk's convex outline, the straighter the looser it is."""
    share = _trunk_share()
    points = without_arms(body)
    local = _neighbours().smooth(in_hip_frame(body), 12)  # so that relief does not crease the cloth
    mine = share > 0
    level = np.linspace(local[mine, 2].max(), local[mine, 2].min(), 44)
    bare = Outline.of(points, level, 0.02)
    cling = float(np.interp(garment.ease, (0.008, 0.014, 0.024, 0.036), (0.8, 0.32, 0.08, 0.0)))
    centre, radius = bare.hanging(cling).around(local[mine])
    height = template().rest[mine, 2]
    radius = radius + garment.ease * np.clip((1.42 - height) / 0.2, 0, 1)
    radius = radius + max(room - garment.ease, 0) * np.clip((1.14 - height) / 0.12, 0, 1)
    if skirt is not None:  # level at the seam, however the body leans
        seam = skirt.level[0] + height - garment.waist
        local[mine, 2] += _at_seam(height, garment) * (seam - local[mine, 2])
    if tucked or skirt is not None:
        middle, close = (skirt or bare).around(local[mine])
        close = close - (clearance + _TUCK) * (skirt is not None)
        low, reach = (garment.waist, 0.15) if skirt is not None else (1.12, 0.12)
        loose = np.clip((height - low) / reach, 0, 1)
        loose = loose * loose * (3 - 2 * loose)
        radius = close + (radius - close) * loose
        centre = middle + (centre - middle) * loose[:, None]
    away = local[mine, :2] - centre
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    hung = np.column_stack([(centre + away * (radius + clearance)[:, None]) @ heading(body).T, local[mine, 2]])
    laid = cloth.copy()
    laid[mine] += share[mine, None] * (hung - cloth[mine])
    return laid


def _around_arms(cloth: Floats, body: Body, garment: Garment, clearance: float) -> Floats:
    """Sleeves: tubes of their own width, that sag below the arm."""
    if not garment.sleeve:
        return cloth
    along, laid = arm_share(template()), cloth.copy()
    for side, (shoulder, elbow, wrist) in enumerate(((5, 6, 7), (2, 3, 4))):
        parts = [part for part in ARMS if (part - ARMS[0]) % 2 == side]
        weight = template().part_weights[:, parts].sum(axis=1)
        mine = weight > 0.3
        t = along[mine]
        joints = body.joints[[shoulder, elbow, wrist]]
        bend = 0.525
        axis = np.stack([np.interp(t, (0, bend, 1, 1.4), np.append(joints[:, k], joints[2, k] + 0.84 * (
            joints[2, k] - joints[1, k]))) for k in range(3)], axis=1)  # fmt: skip
        run = np.where((t < bend)[:, None], joints[1] - joints[0], joints[2] - joints[1])
        run /= np.linalg.norm(run, axis=1, keepdims=True)
        away = body.vertices[mine] - axis
        away -= run * (away * run).sum(axis=1, keepdims=True)
        radius = np.linalg.norm(away, axis=1)
        loose = np.maximum((sleeve_radius(garment, t) - radius) * np.clip(t / 0.4, 0, 1), 0.3 * garment.ease)
        laid_arm = body.vertices[mine] + away / np.maximum(radius, 1e-6)[:, None] * (loose + clearance)[:, None]
        level = 1 - np.abs(run[:, 2])
        laid_arm[:, 2] -= 0.5 * np.maximum(loose - 0.01, 0) * level
        share = np.clip((t - 0.03) / 0.2, 0, 1) * np.clip((weight[mine] - 0.3) / 0.5, 0, 1)
        laid[mine] += (share * share * (3 - 2 * share))[:, None] * (laid_arm - laid[mine])
    return laid


def sleeve_radius(garment: Garment, along: Floats) -> Floats:
    """Metres from the arm's axis to a sleeve at shares of the arm."""
    assert garment.sleeve is not None
    wide = 0.052 + 0.75 * garment.ease
    if garment.sleeve < 0.6:
        return np.full(len(along), wide)
    cuff = 0.034 + 0.3 * garment.ease
    if garment.family in ("sweatshirt", "hoodie", "shirt"):
        end = garment.sleeve
        places = (0.1, 0.55, end - 0.13, end - 0.085, 1.2)
        return np.interp(along, places, (wide, wide - 0.006, cuff + 0.014, 0.034, 0.034))
    taper: Floats = np.interp(along, (0.1, 0.55, 1.0), (wide, (wide + cuff) / 2, cuff))
    return taper


@cache
def _trunk_share() -> Floats:
    """How far each vertex of the body follows the trunk's outline: not at shoulders, not on arms."""
    shared = template()
    down = np.clip((1.46 - shared.rest[:, 2]) / 0.11, 0, 1)
    arm = _neighbours().smooth(shared.arm_weight[:, None], 3)[:, 0]
    share: Floats = down * down * (3 - 2 * down) * np.clip((0.5 - arm) / 0.35, 0, 1)
    share[(shared.part_weights[:, [HEAD, *HANDS]].sum(axis=1) > 0.3) | (shared.rest[:, 2] < 0.74)] = 0
    return share


@cache
def _neighbours() -> Neighbours:
    shared = template()
    outside = shared.part_weights[:, [HEAD, *HANDS]].sum(axis=1) + (shared.rest[:, 2] < 0.7)
    return Neighbours.of(shared.faces[outside[shared.faces].max(axis=1) < 0.6], len(shared.rest))
