"""Natural standing poses as turns of bones, and their random variation.

The contract that must not break: a pose is a function of the generator's state alone; "left" is the person's.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from studio.mesh import Floats

POSES = ("arms-down", "arms-bent", "hand-on-hip", "turned", "step")

# Degrees about the world's x, y, z for the left side; the right side mirrors y and z. Arms rest at 45 degrees.
_ARM_DOWN = {"upperarm01": (6, 31, 0), "lowerarm01": (22, -4, 0), "clavicle": (0, 3, 0)}
_ARM_BENT = {"upperarm01": (16, 24, 0), "lowerarm01": (-30, 14, -12), "clavicle": (0, 3, 0)}
_HAND_ON_HIP = {"upperarm01": (26, 6, 0), "lowerarm01": (-4, 80, 0), "wrist": (0, -30, 0)}
Turns = dict[str, tuple[float, float, float]]


def rotation(x: float, y: float, z: float) -> Floats:
    """The 3x3 turn about x, then y, then z, in degrees."""
    (a, b, c), (i, j, k) = np.cos(np.radians((x, y, z))), np.sin(np.radians((x, y, z)))
    about_x = np.array([[1, 0, 0], [0, a, -i], [0, i, a]])
    about_y = np.array([[b, 0, j], [0, 1, 0], [-j, 0, b]])
    about_z = np.array([[c, -k, 0], [k, c, 0], [0, 0, 1]])
    product: Floats = about_z @ about_y @ about_x
    return product


def standing_pose(name: str, rng: np.random.Generator) -> dict[str, Floats]:
    """The turns of a pose of POSES with small random changes, by bone."""
    turns: Turns = {}
    _add(turns, "L", _ARM_DOWN)
    _add(turns, "R", _ARM_DOWN)
    side = "LR"[int(rng.integers(2))]
    yaw = float(rng.normal(0, 4))
    if name == "arms-bent":
        _add(turns, "L", _ARM_BENT)
        _add(turns, "R", _ARM_BENT if rng.random() < 0.4 else _ARM_DOWN)
    elif name == "hand-on-hip":
        _add(turns, side, _HAND_ON_HIP)
    elif name == "turned":
        yaw = float(rng.choice((-1, 1)) * rng.uniform(12, 24))
    elif name == "step":
        _add(turns, side, {"upperleg01": (-9, 2, 0), "lowerleg01": (8, 0, 0)})
        _add(turns, "R" if side == "L" else "L", {"upperleg01": (5, 1, 0)})
    _add(turns, "L", {"upperleg01": (0, 4.5, 0)}, onto=True)
    _add(turns, "R", {"upperleg01": (0, 4.5, 0)}, onto=True)
    varied = {bone: tuple(angle + rng.normal(0, 1.5) for angle in angles) for bone, angles in sorted(turns.items())}
    poses = {bone: rotation(*angles) for bone, angles in varied.items()}
    poses["head"] = rotation(rng.normal(7, 2), *rng.normal(0, 3, 2))
    poses["root"] = rotation(0, 0, yaw)
    return poses


def packshot_pose() -> dict[str, Floats]:
    """How the mannequin of packshots stands: straight, arms lowered a little from rest."""
    turns: Turns = {}
    for side in "LR":
        _add(turns, side, {"upperarm01": (0, 14, 0), "lowerarm01": (30, 0, 0)})
    return {bone: rotation(*angles) for bone, angles in turns.items()}


def _add(turns: Turns, side: str, left: Mapping[str, tuple[float, float, float]], *, onto: bool = False) -> None:
    mirror = 1 if side == "L" else -1
    for bone, (x, y, z) in left.items():
        name = f"{bone}.{side}"
        px, py, pz = turns.get(name, (0.0, 0.0, 0.0)) if onto else (0.0, 0.0, 0.0)
        turns[name] = (px + x, py + mirror * y, pz + mirror * z)
