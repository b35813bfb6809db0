"""Natural standing poses: where limbs point, with random variation, turned into turns of bones.

The contract that must not break: a pose is a function of the generator's state alone; "left" is the person's.
Directions are of the body's left side in a body that faces -y; the right side mirrors x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from studio.mesh import Floats

POSES = ("arms-down", "arms-bent", "hand-on-hip", "turned", "step")
_FINGERS = (2, 3, 4, 5)
_SPREAD = 0.35
"""How much of the spread of the fingers at rest is kept."""


@dataclass(frozen=True)
class Arm:
    """Where a left arm points: unit vectors in the world, x to the person's left, y to the back, z up."""

    upper: Floats
    fore: Floats
    hand: Floats
    palm: Floats
    """Out of the palm."""
    curl: float
    """Degrees that each knuckle bends more than at rest."""


@dataclass(frozen=True)
class Pose:
    """Arms by side ("L", "R"), and turns of the other bones."""

    name: str
    arms: Mapping[str, Arm]
    on_hip: frozenset[str]
    """Sides whose hand rests on the hip; their arms are fitted to the body."""
    turns: Mapping[str, Floats]
    yaw: float
    """Degrees that the whole person is turned by, to their left."""


def rotation(x: float, y: float, z: float) -> Floats:
    """The 3x3 turn about x, then y, then z, in degrees."""
    (a, b, c), (i, j, k) = np.cos(np.radians((x, y, z))), np.sin(np.radians((x, y, z)))
    about_x = np.array([[1, 0, 0], [0, a, -i], [0, i, a]])
    about_y = np.array([[b, 0, j], [0, 1, 0], [-j, 0, b]])
    about_z = np.array([[c, -k, 0], [k, c, 0], [0, 0, 1]])
    product: Floats = about_z @ about_y @ about_x
    return product


def standing_pose(name: str, rng: np.random.Generator) -> Pose:
    """A pose of POSES with small random changes."""
    arms = {side: _hanging(rng) for side in "LR"}
    side = "LR"[int(rng.integers(2))]
    yaw, on_hip = float(rng.normal(0, 4)), frozenset[str]()
    if name == "arms-bent":
        for bent in "LR" if rng.random() < 0.3 else side:
            arms[bent] = _bent(rng)
    elif name == "hand-on-hip":
        on_hip = frozenset(side)
    elif name == "turned":
        yaw = float(rng.choice((-1, 1)) * rng.uniform(12, 24))
    turns = _legs(side if name == "step" else None, rng) | _leaning(side, rng)
    nod, tilt, look = rng.normal(5, 2), rng.normal(0, 2.5), float(np.clip(rng.normal(0, 6) - 0.3 * yaw, -14, 14))
    turns["neck02"] = rotation(0, 0, 0.4 * look)
    turns["head"] = rotation(nod, tilt, 0.6 * look)
    return Pose(name, arms, on_hip, turns, yaw)


def _hanging(rng: np.random.Generator) -> Arm:
    forwards = rng.normal(0.18, 0.05)
    return Arm(
        _unit(rng.normal(0.15, 0.02), rng.normal(0.05, 0.03), -1),
        _unit(rng.normal(0.05, 0.02), -forwards, -1),
        _unit(rng.normal(-0.02, 0.03), -forwards + rng.normal(0.03, 0.04), -1),
        _unit(-1, rng.normal(0.35, 0.15), 0),
        rng.uniform(8, 20),
    )


def _bent(rng: np.random.Generator) -> Arm:
    raised = rng.uniform(-0.65, 0.0)
    return Arm(
        _unit(rng.normal(0.22, 0.02), 0.12, -1),
        _unit(rng.normal(-0.12, 0.06), -1, raised),
        _unit(rng.normal(-0.2, 0.06), -1, raised + rng.normal(-0.1, 0.05)),
        _unit(-1, 0.2, -0.25),
        rng.uniform(12, 28),
    )


def _legs(forward: str | None, rng: np.random.Generator) -> dict[str, Floats]:
    """Legs closer together than at rest; one of them a step forward if asked for."""
    turns, closer = {}, rng.uniform(3.5, 5.5)
    for side, mirror in (("L", 1), ("R", -1)):
        bend = 0.0 if forward is None else (-10.0 if side == forward else 5.0)
        turns[f"upperleg01.{side}"] = rotation(bend + rng.normal(0, 1), mirror * closer, mirror * rng.normal(0, 3))
        turns[f"lowerleg01.{side}"] = rotation(9.0 if side == forward else 0.0, 0, 0)
    return turns


def _leaning(side: str, rng: np.random.Generator) -> dict[str, Floats]:
    """The spine bent a little to one side, as when the weight is on one leg."""
    lean = rng.uniform(0, 2.5) * (1 if side == "L" else -1)
    return {"spine04": rotation(0, lean, 0), "spine02": rotation(0, -1.6 * lean, rng.normal(0, 1.5))}


def packshot_pose() -> dict[str, Floats]:
    """How the mannequin of packshots stands: straight, arms lowered a little from rest."""
    turns = {}
    for side, mirror in (("L", 1), ("R", -1)):
        turns[f"upperarm01.{side}"] = rotation(0, mirror * 23, 0)
        turns[f"lowerarm01.{side}"] = rotation(30, 0, 0)
    return turns


def bone_turns(pose: Pose, rest: Mapping[str, Floats]) -> dict[str, Floats]:
    """The pose as 3x3 turns of bones relative to their parents; `rest` are the bones' heads at rest, metres."""
    turns = dict(pose.turns)
    turns["root"] = rotation(0, 0, pose.yaw)
    whole = turns["root"]
    for name in ("spine04", "spine02"):
        whole = whole @ turns.get(name, np.eye(3))
    for side, arm in pose.arms.items():
        turns |= _arm_turns(side, arm, rest, whole.T @ turns["root"])
    return turns


def _arm_turns(side: str, arm: Arm, rest: Mapping[str, Floats], trunk: Floats) -> dict[str, Floats]:
    """Bones from the upper arm to the fingers; `trunk` takes a direction of the turned person into the chest's."""
    mirror = np.array([1.0 if side == "L" else -1.0, 1, 1])
    at = {name: rest[f"{name}.{side}"] for name in ("upperarm01", "lowerarm01", "wrist", "finger3-1", "finger2-1",
                                                     "finger5-1")}  # fmt: skip
    upper, fore = at["lowerarm01"] - at["upperarm01"], at["wrist"] - at["lowerarm01"]
    hand = at["finger3-1"] - at["wrist"]
    palm = np.cross(at["finger5-1"] - at["finger2-1"], hand) * mirror[0]
    to = {name: trunk @ (getattr(arm, name) * mirror) for name in ("upper", "fore", "hand", "palm")}
    hinge, hinge_to = np.cross(upper, fore), np.cross(to["upper"], to["fore"])
    swing = _swing(upper, to["upper"])
    whole_upper = _frame(to["upper"], hinge_to) @ _frame(upper, hinge).T
    half_upper = _about(to["upper"], _twist(whole_upper @ swing.T, to["upper"]) / 2) @ swing
    lower = _frame(to["fore"], hinge_to) @ _frame(fore, hinge).T
    wrist = _frame(to["hand"], to["palm"]) @ _frame(hand, palm).T
    half_lower = _about(to["fore"], _twist(wrist @ lower.T, to["fore"]) * 0.6) @ lower
    world = {"upperarm01": half_upper, "upperarm02": whole_upper, "lowerarm01": lower, "lowerarm02": half_lower,
             "wrist": wrist}  # fmt: skip
    turns, parent = {}, np.eye(3)
    for name, turn in world.items():
        turns[f"{name}.{side}"], parent = parent.T @ turn, turn
    return turns | _finger_turns(side, rest, hand, palm, arm.curl)


def _finger_turns(side: str, rest: Mapping[str, Floats], hand: Floats, palm: Floats, curl: float) -> dict[str, Floats]:
    """Fingers nearly side by side and bent towards the palm, the thumb beside the forefinger."""
    axis = np.cross(hand, palm)
    axis /= np.linalg.norm(axis)
    points = {finger: rest[f"finger{finger}-3.{side}"] - rest[f"finger{finger}-1.{side}"] for finger in (1, *_FINGERS)}
    middle = points[3] / np.linalg.norm(points[3])
    turns = {}
    for finger in _FINGERS:
        own = points[finger] / np.linalg.norm(points[finger])
        together = _swing(own, _SPREAD * own + (1 - _SPREAD) * middle)
        more = curl * (1 + 0.12 * (finger - 3))
        turns[f"finger{finger}-1.{side}"] = _about(axis, np.radians(more)) @ together
        turns[f"finger{finger}-2.{side}"] = _about(axis, np.radians(more))
        turns[f"finger{finger}-3.{side}"] = _about(axis, np.radians(0.7 * more))
    thumb = points[1] / np.linalg.norm(points[1])
    aim = 0.5 * thumb + 0.5 * hand / np.linalg.norm(hand) + 0.12 * palm / np.linalg.norm(palm)
    turns[f"finger1-1.{side}"] = _swing(thumb, aim)
    return turns


def _unit(x: float, y: float, z: float) -> Floats:
    vector = np.array([x, y, z], np.float64)
    unit: Floats = vector / np.linalg.norm(vector)
    return unit


def _frame(first: Floats, second: Floats) -> Floats:
    """3x3, columns: `first`, `second` made square to it, and their cross product."""
    along = first / np.linalg.norm(first)
    across = second - (second @ along) * along
    across /= np.linalg.norm(across)
    return np.stack([along, across, np.cross(along, across)], axis=1)


def _swing(start: Floats, end: Floats) -> Floats:
    """The shortest turn that points `start` along `end`."""
    axis = np.cross(start, end)
    size = float(np.linalg.norm(axis))
    if size < 1e-9:
        return np.eye(3)
    return _about(axis / size, float(np.arctan2(size, start @ end)))


def _about(axis: Floats, angle: float) -> Floats:
    """The turn about a unit axis, in radians."""
    x, y, z = axis
    across = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn: Floats = np.eye(3) + np.sin(angle) * across + (1 - np.cos(angle)) * across @ across
    return turn


def _twist(turn: Floats, axis: Floats) -> float:
    """How far a turn turns about an axis, radians in -pi..pi."""
    odd = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    angle = 2 * float(np.arctan2(odd @ axis / np.linalg.norm(axis), 1 + np.trace(turn)))
    return (angle + np.pi) % (2 * np.pi) - np.pi
