"""The parametric body (anny, from MakeHuman's CC0 data): shapes, posed vertices, parts and joints.

The contract that must not break: metres, z up, the person faces -y, the person's left is +x; every body has the same
vertices and faces in the same order, so what is fixed on one is fixed on all. Torch runs on one thread, so a body is
the same whatever works beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np

from studio.mesh import Floats, Ints, vertex_normals
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

PHENOTYPES = ("gender", "age", "muscle", "weight", "height", "proportions")
"""anny's parameters, each 0..1; gender 0 is male, 1 is female; age 0.67 is a young adult."""

PARTS = (
    "torso", "neck", "head", "left-upper-arm", "right-upper-arm", "left-forearm", "right-forearm", "left-hand",
    "right-hand", "left-thigh", "right-thigh", "left-calf", "right-calf", "left-foot", "right-foot", "eye",
)  # fmt: skip
TORSO, NECK, HEAD, EYE = (PARTS.index(name) for name in ("torso", "neck", "head", "eye"))
ARMS = tuple(index for index, part in enumerate(PARTS) if part.endswith(("arm", "hand")))
HANDS = tuple(index for index, part in enumerate(PARTS) if part.endswith("hand"))
FOREARMS = tuple(index for index, part in enumerate(PARTS) if part.endswith("forearm"))
LEGS = tuple(index for index, part in enumerate(PARTS) if part.endswith(("thigh", "calf", "foot")))
FEET = tuple(index for index, part in enumerate(PARTS) if part.endswith("foot"))

_BONE_PARTS = {
    "upperarm": "upper-arm", "lowerarm": "forearm", "wrist": "hand", "finger": "hand", "metacarpal": "hand",
    "upperleg": "thigh", "lowerleg": "calf", "foot": "foot", "toe": "foot",
}  # fmt: skip
_CIHP_OF_PART = {
    "torso": "torso-skin", "neck": "torso-skin", "head": "face", "eye": "face", "upper-arm": "arm", "forearm": "arm",
    "hand": "arm", "thigh": "leg", "calf": "leg", "foot": "leg",
}  # fmt: skip
# (back or left chart, front or right chart) of each part that DensePose splits; else the same id twice.
_DENSEPOSE_OF_PART = {
    "torso": (1, 2), "neck": (1, 2), "right-hand": (3, 3), "left-hand": (4, 4), "left-foot": (5, 5),
    "right-foot": (6, 6), "right-thigh": (7, 9), "left-thigh": (8, 10), "right-calf": (11, 13), "left-calf": (12, 14),
    "left-upper-arm": (15, 17), "right-upper-arm": (16, 18), "left-forearm": (19, 21), "right-forearm": (20, 22),
}  # fmt: skip


@dataclass(frozen=True)
class Body:
    """One posed body."""

    vertices: Floats
    """Vx3 metres, the lowest point at z = 0."""
    normals: Floats
    joints: Floats
    """BODY_25 joints, 25x3 metres."""
    head: Floats
    """4x4, from head space (rest orientation, origin in the skull's pivot) to the world."""
    bones: Mapping[str, Floats] = field(default_factory=dict)
    """Where each bone begins, metres."""


@dataclass(frozen=True)
class Template:
    """What all bodies share: faces, parts and labels; and the mean body at rest, which garments are drawn on."""

    faces: Ints
    """Fx3 vertex indices, outside is counter-clockwise."""
    part_weights: Floats
    """Vx16, how far a vertex belongs to each of PARTS; the largest interpolated weight decides at a pixel."""
    face_parts: Ints
    """Index into PARTS of each face."""
    rest: Floats
    """Vx3 metres, the mean body with its arms lowered at the sides by 45 degrees."""
    rest_joints: Floats
    rest_normals: Floats
    rest_bones: Mapping[str, Floats]

    @cached_property
    def vertex_parts(self) -> Ints:
        """Index into PARTS of each vertex."""
        parts: Ints = self.part_weights.argmax(axis=1)
        return parts

    @property
    def arm_weight(self) -> Floats:
        """How far a vertex moves with an arm, 0..1; 0.5 is the armhole."""
        weight: Floats = self.part_weights[:, ARMS].sum(axis=1)
        return weight


@cache
def _anny() -> tuple[Any, Any]:
    import anny  # type: ignore[import-untyped,unused-ignore]
    import torch

    torch.set_num_threads(1)
    model = anny.Anny(skinning_method="lbs")
    return model, anny.KeypointsRegressor.coco(model)


@cache
def template() -> Template:
    """The shared parts; loads the model (seconds; on a machine's first use minutes, and 0.8 GB of cache)."""
    model, _ = _anny()
    faces = np.asarray(model.get_triangular_faces().numpy(), np.int64)
    weights, bones = model.vertex_bone_weights.numpy(), model.vertex_bone_indices.numpy()
    bone_parts = np.array([PARTS.index(_part_of_bone(name)) for name in model.bone_labels])[bones]
    part_weights = np.stack([(weights * (bone_parts == part)).sum(axis=1) for part in range(len(PARTS))], axis=1)
    face_parts = part_weights[faces].sum(axis=1).argmax(axis=1)
    mean = posed_body(dict.fromkeys(PHENOTYPES, 0.5) | {"age": 0.67}, {})
    return Template(faces, part_weights, face_parts, mean.vertices, mean.joints, mean.normals, mean.bones)


def _part_of_bone(bone: str) -> str:
    name, _, side = bone.partition(".")
    stem = name.split("-")[0].rstrip("0123456789")
    if stem in _BONE_PARTS:
        return f"{'left' if side == 'L' else 'right'}-{_BONE_PARTS[stem]}"
    if name in ("head", "neck03"):
        return "head"
    return {"neck": "neck", "eye": "eye"}.get(stem, "torso")


def _cihp_of_part(part: str) -> str:
    side, _, name = part.partition("-")
    return f"{side}-{_CIHP_OF_PART[name]}" if side in ("left", "right") else _CIHP_OF_PART[part]


SKIN_LABELS = np.array([CIHP.id(_cihp_of_part(part)) for part in PARTS])
"""CIHP id of the bare skin of each of PARTS."""


def densepose_ids(parts: Ints, rest: Floats, rest_normals: Floats) -> Ints:
    """DensePose ids 1..24 of points: their parts (P), rest positions and normals (Px3).

    Front and back charts part where the surface at rest turns to the back; arms follow the same rule.
    """
    front = rest_normals[:, 1] < 0
    sides = np.array([_DENSEPOSE_OF_PART.get(part, (0, 0)) for part in PARTS])[parts]
    ids = np.where(front, sides[:, 1], sides[:, 0])
    return np.where(ids == 0, np.where(rest[:, 0] > 0, 24, 23), ids)


def posed_body(phenotype: Mapping[str, float], rotations: Mapping[str, Floats]) -> Body:
    """A body of the given phenotype; `rotations` are 3x3 world-axis turns of bones relative to their parents."""
    import torch

    model, regressor = _anny()
    deltas = torch.eye(4, dtype=model.dtype).repeat(1, len(model.bone_labels), 1, 1)
    for bone, rotation in rotations.items():
        deltas[0, model.bone_labels.index(bone), :3, :3] = torch.as_tensor(rotation, dtype=model.dtype)
    with torch.no_grad():
        output = model(pose_parameters=deltas, phenotype_kwargs=dict(phenotype))
        found = dict(zip(regressor.labels, regressor(output)[0].numpy(), strict=True))
    vertices: Floats = output["vertices"][0].numpy().astype(np.float64)
    shift = np.array([0, 0, -vertices[:, 2].min()])
    head = output["bone_poses"][0, model.bone_labels.index("head")].numpy().astype(np.float64)
    rest_head = output["rest_bone_poses"][0, model.bone_labels.index("head"), :3, :3].numpy()
    head_pose = np.eye(4)
    head_pose[:3, :3], head_pose[:3, 3] = head[:3, :3] @ rest_head.T, head[:3, 3] + shift
    vertices = vertices + shift
    heads = output["bone_poses"][0, :, :3, 3].numpy().astype(np.float64) + shift
    bones = dict(zip(model.bone_labels, heads, strict=True))
    return Body(vertices, vertex_normals(vertices, _faces()), _body_25(found) + shift, head_pose, bones)


@cache
def _faces() -> Ints:
    return np.asarray(_anny()[0].get_triangular_faces().numpy(), np.int64)


def _body_25(found: dict[str, Floats]) -> Floats:
    derived = {
        "neck": (found["left_shoulder"] + found["right_shoulder"]) / 2,
        "mid_hip": (found["left_hip"] + found["right_hip"]) / 2,
    }
    return np.stack([found.get(joint, derived.get(joint)) for joint in BODY_25.joints]).astype(np.float64)  # type: ignore[misc]
