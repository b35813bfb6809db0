"""A body in a pose, its arms fitted to its own shape: hanging beside the hips, or a hand resting on one.

The contract that must not break: hands and forearms stay outside the trunk, with room for cloth between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from studio.body import ARMS, FOREARMS, HANDS, HEAD, Body, posed_body, template
from studio.mesh import Floats
from studio.poses import Arm, Pose, bone_turns, rotation

_ROOM = 0.026
"""Metres between a hanging arm and the hip: for cloth."""
_PALM = 0.012
"""Metres between a hand that rests on the hip and the skin: for cloth."""
_ROUNDS = 4


def stand(phenotype: Mapping[str, float], pose: Pose, *, heel: float = 0.0) -> Body:
    """The body in the pose; `heel` degrees is how far a high heel bends the feet down."""
    straight = replace(pose, yaw=0.0, turns={**pose.turns, **_raised(heel)})
    body = _posed(phenotype, straight)
    for number in range(_ROUNDS):
        arms = {side: _on_hip(body, side, placed=number > 0) if side in pose.on_hip else _beside(body, side, arm)
                for side, arm in straight.arms.items()}  # fmt: skip
        straight = replace(straight, arms=arms)
        body = _posed(phenotype, straight)
    return _posed(phenotype, replace(straight, yaw=pose.yaw))


def _raised(heel: float) -> dict[str, Floats]:
    """The turns of feet on high heels: bent down, the toes flat."""
    if heel == 0:
        return {}
    feet = {f"foot.{side}": rotation(heel, 0, 0) for side in "LR"}
    return feet | {f"toe{toe}-1.{side}": rotation(-heel, 0, 0) for side in "LR" for toe in range(1, 6)}


def _posed(phenotype: Mapping[str, float], pose: Pose) -> Body:
    return posed_body(phenotype, bone_turns(pose, template().rest_bones))


def _beside(body: Body, side: str, arm: Arm) -> Arm:
    """The arm turned out where forearm or hand come too near to the trunk, at the same height."""
    mirror = 1 if side == "L" else -1
    weights, x, z = template().part_weights, body.vertices[:, 0] * mirror, body.vertices[:, 2]
    number = 0 if side == "L" else 1
    lower = weights[:, FOREARMS[number]] + weights[:, HANDS[number]] > 0.5
    trunk = (weights[:, ARMS].sum(axis=1) < 0.05) & (x > 0)
    reach = np.abs(body.vertices[:, 1] - body.vertices[lower, 1].mean()) < 0.12
    levels = np.arange(z[lower].min(), z[lower].max(), 0.02)
    gap = np.inf
    for level in levels:
        near = np.abs(z - level) < 0.015
        inner, outer = x[near & lower], x[near & trunk & reach]
        if len(inner) and len(outer):
            gap = min(gap, inner.min() - outer.max())
    if gap >= _ROOM:
        return arm
    out = (_ROOM - gap) / 0.5
    return replace(arm, upper=_turned_out(arm.upper, out), fore=_turned_out(arm.fore, out * 0.7))


def _turned_out(direction: Floats, slope: float) -> Floats:
    moved = direction + np.array([slope * abs(direction[2]), 0, 0])
    unit: Floats = moved / np.linalg.norm(moved)
    return unit


def _on_hip(body: Body, side: str, *, placed: bool) -> Arm:
    """The arm that puts the hand on the side of the waist, fingers to the front, by the law of cosines.

    `placed` says that the hand is there already and is to be moved out of what it is in.
    """
    mirror = np.array([1 if side == "L" else -1, 1, 1])
    bones = {name: body.bones[f"{name}.{side}"] * mirror for name in ("upperarm01", "lowerarm01", "wrist")}
    upper = float(np.linalg.norm(bones["lowerarm01"] - bones["upperarm01"]))
    fore = float(np.linalg.norm(bones["wrist"] - bones["lowerarm01"]))
    wrist = bones["wrist"] + _way_out(body, side, mirror) if placed else _waist_side(body, mirror)
    line = wrist - bones["upperarm01"]
    distance = min(float(np.linalg.norm(line)), 0.98 * (upper + fore))
    line /= np.linalg.norm(line)
    along = (upper**2 - fore**2 + distance**2) / (2 * distance)
    aside = np.array([1.0, 0.45, 0]) - (np.array([1.0, 0.45, 0]) @ line) * line
    elbow = along * line + np.sqrt(max(upper**2 - along**2, 0)) * aside / np.linalg.norm(aside)
    to_wrist = distance * line - elbow
    hand, palm = np.array([-0.34, -0.72, -0.60]), np.array([-0.85, 0.45, -0.1])
    return Arm(elbow / upper, to_wrist / np.linalg.norm(to_wrist), hand / np.linalg.norm(hand), palm, 12.0)


def _way_out(body: Body, side: str, mirror: Floats) -> Floats:
    """How the hand has to move, level, so that its deepest point lies _PALM outside the trunk; metres, mirrored."""
    weights, points = template().part_weights, body.vertices * mirror
    hand = points[weights[:, HANDS["LR".index(side)]] > 0.8][::6]
    trunk = points[(weights[:, [*ARMS, HEAD]].sum(axis=1) < 0.05) & (points[:, 0] > -0.02)]
    middle = trunk[np.abs(trunk[:, 2] - hand[:, 2].mean()) < 0.04][:, :2]
    centre = np.array([0.0, (middle[:, 1].min() + middle[:, 1].max()) / 2])
    outwards = hand[:, :2] - centre
    reach = np.linalg.norm(outwards, axis=1)
    outwards /= reach[:, None]
    near = np.abs(trunk[:, 2][None] - hand[:, 2][:, None]) < 0.02
    surface = np.where(near, outwards @ (trunk[:, :2] - centre).T, -np.inf).max(axis=1)
    gap = reach - surface
    deepest = int(gap.argmin())
    return np.array([*(outwards[deepest] * np.clip(_PALM - gap[deepest], -0.02, 0.06)), 0.0])


def _waist_side(body: Body, mirror: Floats) -> Floats:
    """Where a wrist is whose hand rests above the hip, metres, mirrored to the left."""
    points = body.vertices * mirror
    trunk = (template().part_weights[:, ARMS].sum(axis=1) < 0.05) & (points[:, 0] > 0)
    level = body.joints[8, 2] + 0.24 * (body.joints[1, 2] - body.joints[8, 2])
    near = points[trunk & (np.abs(points[:, 2] - level) < 0.02)]
    return np.array([near[:, 0].max() + 0.03, near[near[:, 0].argmax(), 1] + 0.01, level])
