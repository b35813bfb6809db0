"""What is known exactly about a picture, read off its fragments.

The contract that must not break: parse, garment masks, flow and depth come from one z-buffer of the dressed person;
DensePose and keypoints from the same camera's view of the body alone, as people annotate what clothes cover.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from studio.body import SKIN_LABELS, Body, densepose_ids, template
from studio.mesh import Floats
from studio.packshot import Packshot
from studio.raster import Camera, Fragments, rasterise
from studio.render import skin_parts
from studio.scene import GARMENT, HAIR, SHOES, Scene
from vitonhd.arrays import Labels, Mask, Points
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

_NEAR = 0.16
"""How far a joint may lie behind the visible surface and still count as seen, metres: joints are inside limbs."""


_STEEP = 1.0
"""How many pixels' widths a point of cloth may lie behind what its packshot's pixel shows and still count as shown."""


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
    """BODY_25 25x3: pixels and score, 1 where seen, 0.5 where covered by the person, 0, 0, 0 outside the picture."""
    depth: npt.NDArray[np.float32]
    """Metres from the camera's plane, 0 on the backdrop."""
    flow: npt.NDArray[np.float32]
    """HxWx2: x, y in pixels of the packshot, NaN where the target is not seen or the packshot does not show it."""


def truth_of(scene: Scene, bare: Scene, camera: Camera, target: int, shot: Packshot) -> Truth:
    """The truth of a picture of `scene`.

    `bare` is the same person undressed, `target` the worn garment's number, `shot` that garment's packshot.
    """
    fragments, naked = rasterise(scene.vertices, scene.faces, camera), rasterise(bare.vertices, bare.faces, camera)
    covered = fragments.covered
    worn = np.zeros(covered.shape, bool)
    worn[covered] = scene.layer[fragments.triangle[covered]] == GARMENT + target
    depth = np.zeros(covered.shape, np.float32)
    depth[covered] = fragments.carry(scene.faces, scene.vertices)[:, 1] + camera.distance
    densepose, uv = _densepose(bare, naked)
    assert scene.person is not None
    return Truth(
        _parse(scene, fragments), worn, densepose, uv, pose_of(scene.person.body, camera, depth), depth,
        _flow(scene, fragments, worn, target, shot),
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


def _densepose(bare: Scene, fragments: Fragments) -> tuple[Labels, npt.NDArray[np.uint8]]:
    covered = fragments.covered
    rest = fragments.carry(bare.faces, bare.rest)
    parts = skin_parts(bare, fragments)
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


def pose_of(body: Body, camera: Camera, depth: npt.NDArray[np.float32]) -> Points:
    """BODY_25 of a body before a camera, 25x3; `depth` HxW is of what is in front, 0 on the backdrop."""
    points = camera.project(body.joints)
    pixel = np.rint(points[:, :2]).astype(int)
    inside = ((pixel >= 0) & (pixel < (camera.width, camera.height))).all(axis=1)
    score = np.zeros(len(BODY_25))
    x, y = pixel[inside].T
    score[inside] = np.where(points[inside, 2] < depth[y, x] + _NEAR, 1.0, 0.5)
    pose = np.concatenate([points[:, :2], score[:, None]], axis=1)
    pose[~inside] = 0
    return pose


def _flow(scene: Scene, fragments: Fragments, worn: Mask, target: int, shot: Packshot) -> npt.NDArray[np.float32]:
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
    shown = np.isfinite(shot.depth[y, x]) & (depth < shot.depth[y, x] + _STEEP * pixel)
    flow[worn] = np.where(shown[:, None], points, np.nan)
    return flow
