"""Pictures: light, soft shadow, a plain backdrop; and the same without light.

The contract that must not break: light changes colours only; what is where is the rasteriser's alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from studio import materials
from studio.body import template
from studio.mesh import Flags, Floats, Ints
from studio.patterns import noise_slope
from studio.poses import rotation
from studio.raster import Camera, Fragments, rasterise
from studio.scene import BODY, GARMENT, HAIR, Scene
from vitonhd.arrays import Picture

SUPERSAMPLING = 2
_TURNED = np.array([[0.94, -0.342], [0.342, 0.94]])
# Turn, size in metres (across, along), height in metres, seed of the noise.
_FOLDS = (
    (_TURNED, np.array([0.055, 0.17]), 0.011, 32),
    (_TURNED.T, np.array([0.07, 0.2]), 0.011, 33),
    (_TURNED, np.array([0.04, 0.04]), 0.004, 34),
)


@dataclass(frozen=True)
class Studio:
    """Light and backdrop."""

    yaw: float
    """Degrees of the key light to the picture's right."""
    pitch: float
    """Degrees of the key light above the camera."""
    key: float
    ambient: float
    backdrop: tuple[float, float, float]
    """sRGB 0..1."""

    @property
    def direction(self) -> Floats:
        """Unit vector towards the key light."""
        yaw, pitch = np.radians((self.yaw, self.pitch))
        return np.array([np.sin(yaw) * np.cos(pitch), -np.cos(yaw) * np.cos(pitch), np.sin(pitch)])


def sample_studio(rng: np.random.Generator) -> Studio:
    """A shop photo's light: bright, soft, from the front and above, before a pale backdrop."""
    grey = rng.uniform(0.82, 0.96)
    tint = rng.normal(0, 0.008, 3)
    backdrop = tuple(float(value) for value in np.clip(grey + tint, 0, 1))
    return Studio(rng.uniform(-40, 40), rng.uniform(20, 45), rng.uniform(0.46, 0.56), rng.uniform(0.48, 0.55), backdrop)  # type: ignore[arg-type]


def albedo(scene: Scene, fragments: Fragments) -> Floats:
    """sRGB 0..1 without light at the covered pixels, Px3 in row order."""
    layer = scene.layer[fragments.triangle[fragments.covered]]
    texture = fragments.carry(scene.faces, scene.texture)
    colour = np.zeros((len(layer), 3))
    if scene.person is not None:
        here = layer == BODY
        colour[here] = materials.skin(scene.person, skin_parts(scene, fragments)[here],
                                      fragments.carry(scene.faces, scene.rest)[here])  # fmt: skip
        here = layer == HAIR
        colour[here] = materials.hair(scene.person, texture[here])
        here = (layer > HAIR) & (layer < GARMENT)
        colour[here] = materials.shoes(scene.person, texture[here])
    front, edge = fragments.carry(scene.faces, scene.front), fragments.carry(scene.faces, scene.edge)
    for number, garment in enumerate(scene.garments):
        here = layer == GARMENT + number
        colour[here] = materials.cloth(garment, texture[here], front[here], edge[here])
    return colour


def skin_parts(scene: Scene, fragments: Fragments) -> Ints:
    """Index into PARTS at the covered pixels where the body is in front; 0 elsewhere."""
    covered = fragments.covered
    triangle, weights = fragments.triangle[covered], fragments.weights
    here = scene.layer[triangle] == BODY
    shares = template().part_weights[scene.faces[triangle[here]]]  # the body's vertices come first in a scene
    parts = np.zeros(len(triangle), np.int64)
    parts[here] = np.einsum("pc,pcn->pn", weights[here], shares).argmax(axis=1)
    return parts


def photograph(scene: Scene, camera: Camera, studio: Studio, *, floor_shadow: bool = True) -> Picture:
    """The shaded picture, uint8 HxWx3; pixels at outlines are sampled SUPERSAMPLING² times, the others once."""
    fragments = rasterise(scene.vertices, scene.faces, camera)
    covered = fragments.covered
    light = _spread(_light(scene, fragments, camera, studio), covered)
    image = _backdrop(covered, studio, floor_shadow)
    fine = rasterise(scene.vertices, scene.faces, camera.enlarged(SUPERSAMPLING))
    outline = _outline(scene, fine, fragments)
    inner = fragments.only(~outline)
    image[inner.covered] = albedo(scene, inner) * light[inner.covered][:, None]
    fine = fine.only(_enlarged(outline))
    samples = _enlarged(image)
    samples[fine.covered] = albedo(scene, fine) * _enlarged(light)[fine.covered][:, None]
    y, x = outline.nonzero()
    blocks = samples.reshape(camera.height, SUPERSAMPLING, camera.width, SUPERSAMPLING, 3)[y, :, x]
    image[outline] = np.clip(blocks, 0, 1).mean(axis=(1, 2))
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def _outline(scene: Scene, fine: Fragments, fragments: Fragments) -> Flags:
    """Pixels whose samples don't all lie on the layer of the pixel's centre, HxW."""
    height, width = fragments.triangle.shape
    layers = np.append(scene.layer, -1)  # index -1, where nothing is, gives -1
    samples = layers[fine.triangle].reshape(height, SUPERSAMPLING, width, SUPERSAMPLING)
    mixed: Flags = (samples != layers[fragments.triangle][:, None, :, None]).any(axis=(1, 3))
    return mixed


def _enlarged(image: Any) -> Any:
    """Each pixel SUPERSAMPLING times along both sides."""
    return image.repeat(SUPERSAMPLING, axis=0).repeat(SUPERSAMPLING, axis=1)


def _spread(values: Floats, covered: Flags) -> Floats:
    """Values at the covered pixels as an image, HxW; beside them the mean of those within a pixel or two, else 1."""
    image, weight = np.zeros(covered.shape), covered.astype(np.float64)
    image[covered] = values
    near = cv2.blur(weight, (3, 3))
    around = cv2.blur(image, (3, 3)) / np.maximum(near, 1e-6)
    return np.where(covered, image, np.where(near > 0.01, around, 1.0))


def unshaded(scene: Scene, camera: Camera) -> Picture:
    """The colours without light on black, uint8 HxWx3, one sample a pixel."""
    fragments = rasterise(scene.vertices, scene.faces, camera)
    image = np.zeros((camera.height, camera.width, 3), np.uint8)
    image[fragments.covered] = np.rint(albedo(scene, fragments) * 255).astype(np.uint8)
    return image


def _light(scene: Scene, fragments: Fragments, camera: Camera, studio: Studio) -> Floats:
    """The factor of each covered pixel's colour, P."""
    normals = fragments.carry(scene.faces, scene.normals)
    layer = scene.layer[fragments.triangle[fragments.covered]]
    points = fragments.carry(scene.faces, scene.vertices)
    normals += _folds(fragments.carry(scene.faces, scene.texture), layer >= GARMENT)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    towards = np.array([0, -1, 0])
    behind = normals @ towards < -0.05
    normals = np.where(behind[:, None], -normals, normals)
    facing = np.clip((normals @ studio.direction + 0.25) / 1.25, 0, 1)
    fill = np.clip(normals @ np.array([-studio.direction[0], -0.9, 0.2]), 0, 1)
    lit = _blurred(_lit(scene, points + 0.012 * normals, studio), fragments.covered, camera.height / 300)
    light = studio.ambient * (0.8 + 0.2 * normals[:, 2]) + studio.key * facing * lit + 0.1 * fill
    light *= _occlusion(points[:, 1] + camera.distance, fragments.covered)
    shine = np.clip(normals @ ((studio.direction + towards) / 1.9), 0, 1) ** 24
    light += np.where(layer == HAIR, 0.5, np.where(layer == BODY, 0.06, 0.0)) * shine
    light *= np.where(behind & (layer >= GARMENT), 0.72, 1.0)
    factor: Floats = light
    return factor


def _folds(texture: Floats, cloth: Flags) -> Floats:
    """What soft folds add to the normals of cloth, Px3.

    Folds run mostly along the fall of the cloth; the grids are turned, so that the noise's knots don't show.
    """
    points = texture[cloth]
    slope = np.zeros((len(points), 2))
    for turned, size, height, seed in _FOLDS:
        slope += height * (noise_slope(points @ turned / size, seed) / size) @ turned.T
    steepness = np.zeros((len(texture), 3))
    steepness[cloth, 0], steepness[cloth, 2] = -slope.T
    return steepness


def _lit(scene: Scene, points: Floats, studio: Studio) -> Floats:
    """1 where the key light reaches the points, 0 in shadow, soft between."""
    turn = rotation(studio.pitch, 0, 0) @ rotation(0, 0, -studio.yaw)
    middle = np.array([0, 0, 0.9])
    view = Camera(360, 420, 0, 0, 30, 2.6)
    seen, there = (scene.vertices - middle) @ turn.T, view.project((points - middle) @ turn.T)
    fragments = rasterise(seen, scene.faces, view)
    depth = np.full(fragments.covered.shape, 99.0, np.float32)
    depth[fragments.covered] = view.project(fragments.carry(scene.faces, seen))[:, 2]
    lit = np.zeros(len(points))
    offsets = [(dx, dy) for dx in (-1.5, 0, 1.5) for dy in (-1.5, 0, 1.5)]
    for dx, dy in offsets:
        x = np.clip(np.rint(there[:, 0] + dx), 0, view.width - 1).astype(int)
        y = np.clip(np.rint(there[:, 1] + dy), 0, view.height - 1).astype(int)
        lit += there[:, 2] < depth[y, x] + 0.015
    return lit / len(offsets)


def _occlusion(depth: Floats, covered: Flags) -> Floats:
    """Darkening of points that lie behind what surrounds them in the picture, 0.7..1."""
    return np.clip(1 - 4.0 * (depth - _blurred(depth, covered, covered.shape[0] / 70)), 0.7, 1.0)


def _blurred(values: Floats, covered: Flags, sigma: float) -> Floats:
    """Values at the covered pixels, blurred among them; `sigma` in pixels."""
    image, weight = np.zeros(covered.shape, np.float32), covered.astype(np.float32)
    image[covered] = values
    mean = cv2.GaussianBlur(image, (0, 0), sigma) / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-6)
    return mean[covered].astype(np.float64)


def _backdrop(covered: Flags, studio: Studio, floor_shadow: bool) -> Floats:
    height, width = covered.shape
    fall = np.linspace(1.02, 0.97, height)[:, None, None]
    image = np.clip(np.array(studio.backdrop) * fall, 0, 1) * np.ones((1, width, 1))
    if floor_shadow:
        # Blurred at a quarter of the size: a wide blur of a large picture is slow.
        quarter = cv2.resize(covered.astype(np.float32), (width // 4, height // 4), interpolation=cv2.INTER_AREA)
        shift = np.array([[1, 0, -np.sign(studio.yaw) * width / 200], [0, 1, height / 480]])
        blurred = cv2.GaussianBlur(cv2.warpAffine(quarter, shift, quarter.shape[::-1]), (0, 0), height / 200)
        shade = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float64)
        image = image * (1 - 0.16 * shade[..., None])
    return image
