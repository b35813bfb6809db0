"""What is known exactly about a picture, read off its fragments.

The contract that must not break: parse, garment masks, flow and depth come from one z-buffer of the dressed person;
DensePose and keypoints from the same camera's view of the body alone, as people annotate what clothes cover.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from studio.body import PARTS, SKIN_LABELS, Body, densepose_ids, template
from studio.mesh import Flags, Floats, Ints
from studio.packshot import Packshot
from studio.raster import Camera, Fragments, rasterise
from studio.render import skin_parts
from studio.scene import GARMENT, HAIR, SHOES, Scene
from vitonhd.arrays import Labels, Mask, Points
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

_NEAR = {"nose": 0.02, "eye": 0.02, "ear": 0.02}
_NEAR_IN_LIMBS = 0.16
"""How far a joint may lie behind the visible surface and still count as seen, metres: those of the face are on it,
the others inside limbs and under cloth."""
_AROUND = 256
"""A joint's own part is looked for within the picture's height divided by this, in pixels."""
_JOINED: dict[str, tuple[str, ...]] = {
    "neck": ("torso", "neck", "head"), "mid_hip": ("torso", "left-thigh", "right-thigh"),
    "shoulder": ("torso", "neck", "upper-arm"), "elbow": ("upper-arm", "forearm"), "wrist": ("forearm", "hand"),
    "hip": ("torso", "thigh"), "knee": ("thigh", "calf"), "ankle": ("calf", "foot"),
    "big_toe": ("foot",), "small_toe": ("foot",), "heel": ("foot",),
}  # fmt: skip

_STEEP = 1.0
"""How many pixels' widths a point of cloth may lie behind what its packshot's pixel shows and still count as shown."""
_SLIGHT = 0.1
"""A triangle that its packshot shows smaller than this share of its size in the photo counts as not shown."""


@dataclass(frozen=True)
class Truth:
    """Everything of one picture, all HxW."""

    parse: Labels
    """CIHP ids."""
    worn: Mask
    """Where the target garment is seen."""
    densepose: Labels
    """DensePose ids 0..24 of the body, as if seen through clothes."""
    densepose_uv: npt.NDArray[np.uint8]
    """HxWx2, 0..255: the studio's own charts, not the DensePose atlas (see docs)."""
    pose: Points
    """BODY_25 25x3: pixels and score, 1 where seen, 0.5 where hair, another part of the person or much cloth is before
    it; 0, 0, 0 outside the picture."""
    depth: npt.NDArray[np.float32]
    """Metres from the camera's plane, 0 on the backdrop."""
    flow: npt.NDArray[np.float32]
    """HxWx2: x, y in pixels of the packshot, NaN where the target is not seen or the packshot does not show it."""


def truth_of(scene: Scene, fragments: Fragments, bare: Scene, camera: Camera, target: int, shot: Packshot) -> Truth:
    """The truth of a picture of `scene`, of which `fragments` are before the camera.

    `bare` is the same person undressed, `target` the worn garment's number, `shot` that garment's packshot.
    """
    naked = rasterise(bare.vertices, bare.faces, camera)
    covered = fragments.covered
    worn = np.zeros(covered.shape, bool)
    worn[covered] = scene.layer[fragments.triangle[covered]] == GARMENT + target
    depth = np.zeros(covered.shape, np.float32)
    depth[covered] = fragments.carry(scene.faces, scene.vertices)[:, 1] + camera.distance
    parts = skin_parts(bare, naked)
    densepose, uv = _densepose(bare, naked, parts)
    seen_parts = np.full(covered.shape, -1)
    seen_parts[naked.covered] = parts
    parse = _parse(scene, fragments)
    seen_parts[parse == CIHP.id("hair")] = -1
    assert scene.person is not None
    pose = pose_of(scene.person.body, camera, depth, seen_parts)
    return Truth(
        parse, worn, densepose, uv, pose, depth,
        _flow(scene, fragments, camera, worn, target, shot),
    )  # fmt: skip


def _parse(scene: Scene, fragments: Fragments) -> Labels:
    covered = fragments.covered
    layer = scene.layer[fragments.triangle[covered]]
    labels = SKIN_LABELS[skin_parts(scene, fragments)]
    labels = np.where(layer == HAIR, CIHP.id("hair"), labels)
    left, right = CIHP.ids("left-shoe", "right-shoe")
    across = fragments.carry(scene.faces, scene.texture)[:, 0]
    labels = np.where(layer == SHOES, np.where(across > 0, left, right), labels)
    for number, garment in enumerate(scene.garments):
        labels = np.where(layer == GARMENT + number, garment.label, labels)
    parse = np.zeros(covered.shape, np.uint8)
    parse[covered] = labels
    return parse


def _densepose(bare: Scene, fragments: Fragments, parts: Ints) -> tuple[Labels, npt.NDArray[np.uint8]]:
    covered = fragments.covered
    rest = fragments.carry(bare.faces, bare.rest)
    ids = np.zeros(covered.shape, np.uint8)
    ids[covered] = densepose_ids(parts, rest, fragments.carry(bare.faces, template().rest_normals))
    uv = np.zeros((*covered.shape, 2), np.uint8)
    uv[covered] = np.rint(_chart(ids[covered], rest) * 255).astype(np.uint8)
    return ids, uv


def _chart(ids: Labels, rest: Floats) -> Floats:
    """U and V 0..1 of points: x and height at rest within the box of their DensePose part on the mean body."""
    shared = template()
    parts = shared.part_weights.argmax(axis=1)
    vertex_ids = densepose_ids(parts, shared.rest, shared.rest_normals)
    uv = np.zeros((len(ids), 2))
    for part in range(1, 25):
        box = shared.rest[vertex_ids == part][:, [0, 2]]
        low, high = box.min(axis=0), box.max(axis=0)
        here = ids == part
        uv[here] = (rest[here][:, [0, 2]] - low) / (high - low)
    return np.clip(uv, 0, 1)


def pose_of(body: Body, camera: Camera, depth: npt.NDArray[np.float32], parts: Ints) -> Points:
    """BODY_25 of a body before a camera, 25x3.

    `depth` HxW is of what is in front, 0 on the backdrop; `parts` HxW are indices into PARTS of the body as if
    undressed, -1 beside it and under hair. A joint is seen where its own part is in front of the rest of the body.
    """
    points = camera.project(body.joints)
    pixel = np.rint(points[:, :2]).astype(int)
    inside = ((pixel >= 0) & (pixel < (camera.width, camera.height))).all(axis=1)
    pose = np.concatenate([points[:, :2], np.zeros((len(BODY_25), 1))], axis=1)
    pose[~inside] = 0
    own, within = _parts_of_joints(), _depths_of_joints()
    reach = max(1, camera.height // _AROUND)
    for joint in np.flatnonzero(inside):
        x, y = pixel[joint]
        near = parts[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
        first = own[joint, near[near >= 0]].any() and points[joint, 2] < depth[y, x] + within[joint]
        pose[joint, 2] = 1.0 if first else 0.5
    return pose


@cache
def _depths_of_joints() -> Floats:
    """25 metres: how far behind the visible surface each joint of BODY_25 is still seen."""
    return np.array([_NEAR.get(joint.rpartition("_")[2], _NEAR_IN_LIMBS) for joint in BODY_25.joints])


@cache
def _parts_of_joints() -> Flags:
    """25x16: which of PARTS meet in each joint of BODY_25."""
    own = np.zeros((len(BODY_25), len(PARTS)), bool)
    for index, joint in enumerate(BODY_25.joints):
        side, _, name = joint.partition("_")
        for part in _JOINED.get(joint) or _JOINED.get(name, ("head", "eye")):
            own[index, PARTS.index(part if part in PARTS else f"{side}-{part}")] = True
    return own


def _flow(
    scene: Scene, fragments: Fragments, camera: Camera, worn: Mask, target: int, shot: Packshot
) -> npt.NDArray[np.float32]:
    flow = np.full((*worn.shape, 2), np.nan, np.float32)
    triangle = fragments.triangle[worn]
    if len(triangle) == 0:
        return flow
    corners = shot.projected[scene.faces[triangle] - scene.first_vertex[GARMENT + target]]
    weights = fragments.only(worn).weights / corners[..., 2]
    depth = 1 / weights.sum(axis=1)
    points = np.einsum("pc,pcn->pn", weights * depth[:, None], corners[..., :2])
    x, y = (np.clip(np.rint(axis).astype(int), 0, limit - 1) for axis, limit in zip(points.T, shot.size, strict=True))
    pixel = shot.camera.span / shot.camera.height
    shown = _amid(np.isfinite(shot.depth), points) & (depth < shot.depth[y, x] + _STEEP * pixel)
    here = _area(camera.project(scene.vertices[scene.faces[triangle]]))
    shown &= _area(corners) > _SLIGHT * here
    flow[worn] = np.where(shown[:, None], points, np.nan)
    return flow


def _amid(mask: Mask, points: Floats) -> Flags:
    """Which points (Px2: x, y in pixels) have all four pixels around them in a mask: what a bilinear sample reads."""
    height, width = mask.shape
    left, top = np.floor(points).astype(int).T
    inside = np.ones(len(points), bool)
    for x in (left, left + 1):
        for y in (top, top + 1):
            inside &= mask[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return inside


def _area(corners: Floats) -> Floats:
    """Twice the areas in the picture of triangles Tx3x3, square pixels."""
    a, b = corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2]
    area: Floats = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    return area
