"""Pictures: light, soft shadow, a plain backdrop; and the same without light.

The contract that must not break: light changes colours only; what is where is the rasteriser's alone.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from studio import complexion, footwear, hairstyles, materials
from studio.backdrop import Studio, backdrop
from studio.body import template
from studio.folds import relief
from studio.mesh import Flags, Floats, Ints
from studio.poses import rotation
from studio.raster import Camera, Fragments, rasterise
from studio.scene import BODY, GARMENT, HAIR, SHOES, Scene
from vitonhd.arrays import Picture

SUPERSAMPLING = 2
_TO_CAMERA = np.array([0.0, -1.0, 0.0])
_GAMMA = np.full(3, 0.5)
_SKIN_GAMMA = np.array([0.40, 0.50, 0.52])
"""Exponents from light to sRGB factors; the shadows of skin are warm."""


def albedo(scene: Scene, fragments: Fragments) -> Floats:
    """sRGB 0..1 without light at the covered pixels, Px3 in row order."""
    layer = scene.layer[fragments.triangle[fragments.covered]]
    texture = fragments.carry(scene.faces, scene.texture)
    colour = np.zeros((len(layer), 3))
    if scene.person is not None:
        person, here = scene.person, layer == BODY
        parts, rest = skin_parts(scene, fragments)[here], fragments.carry(scene.faces, scene.rest)[here]
        colour[here] = complexion.skin(person.complexion, parts, rest, suited=scene.suited)
        here = layer == HAIR
        edge = fragments.carry(scene.faces, scene.edge)
        colour[here] = hairstyles.hair_colour(person.hair, person.complexion.skin, texture[here], edge[here])
        here = (layer > HAIR) & (layer < GARMENT)
        place = fragments.carry(scene.faces, scene.rest)
        colour[here] = footwear.shoe_colour(person.shoes, texture[here], place[here])
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
    corners = scene.faces[triangle[here]]  # the body's vertices come first in a scene
    first, second, third = template().vertex_parts[corners].T
    found = first.copy()
    # Where the corners agree, so does every point between them.
    mixed = (first != second) | (first != third)
    shares = template().part_weights[corners[mixed]]
    found[mixed] = np.einsum("pc,pcn->pn", weights[here][mixed], shares).argmax(axis=1)
    parts = np.zeros(len(triangle), np.int64)
    parts[here] = found
    return parts


def photograph(
    scene: Scene, camera: Camera, studio: Studio, *, floor_shadow: bool = True, fragments: Fragments | None = None
) -> Picture:
    """The shaded picture, uint8 HxWx3; pixels at outlines are sampled SUPERSAMPLING² times, the others once.

    `fragments` are the scene's before the camera, where they are known already.
    """
    fragments = rasterise(scene.vertices, scene.faces, camera) if fragments is None else fragments
    covered = fragments.covered
    light, gloss = _light(scene, fragments, camera, studio)
    image = backdrop(scene, covered, camera, studio, floor_shadow=floor_shadow)
    behind = image.copy()
    image[covered] = albedo(scene, fragments) * light + gloss[:, None]
    shades = _spread(np.column_stack([light, gloss]), covered)
    _refine(image, behind, shades, scene, fragments, camera)
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def _refine(image: Floats, behind: Floats, shades: Floats, scene: Scene, fragments: Fragments, camera: Camera) -> None:
    """Replace the pixels of an image that lie on outlines by the mean of their samples.

    `behind` is the backdrop, `shades` HxWx4 the factors of colours and the highlights to add.
    """
    layers = np.append(scene.layer, -1)[fragments.triangle].astype(np.float32)  # -1 where nothing is
    box = np.ones((3, 3), np.uint8)
    near = cv2.dilate(layers, box) != cv2.erode(layers, box)
    some = _touching(near, camera.project(scene.vertices)[scene.faces])
    part = replace(scene, faces=scene.faces[some], layer=scene.layer[some])
    fine = rasterise(part.vertices, part.faces, camera.enlarged(SUPERSAMPLING))
    samples = np.append(part.layer, -1)[fine.triangle]
    blocks = samples.reshape(camera.height, SUPERSAMPLING, camera.width, SUPERSAMPLING)
    outline = near & (blocks != layers[:, None, :, None]).any(axis=(1, 3))
    colours = _enlarged(behind[outline])
    fine = fine.only(outline.repeat(SUPERSAMPLING, axis=0).repeat(SUPERSAMPLING, axis=1))
    row, column = fine.covered.nonzero()
    y, x = row // SUPERSAMPLING, column // SUPERSAMPLING
    place = (np.cumsum(outline) - 1).reshape(outline.shape)[y, x]
    shade = shades[y, x]
    colours[place, row % SUPERSAMPLING, column % SUPERSAMPLING] = albedo(part, fine) * shade[:, :3] + shade[:, 3:]
    image[outline] = np.clip(colours, 0, 1).mean(axis=(1, 2))


def _touching(mask: Flags, corners: Floats) -> Flags:
    """Which triangles (corners Fx3x3 in pixels) may touch the pixels of a mask (HxW)."""
    height, width = mask.shape
    total = cv2.integral(mask.astype(np.uint8))
    low = np.floor(corners[..., :2].min(axis=1) - 0.5).astype(int)
    high = np.ceil(corners[..., :2].max(axis=1) + 0.5).astype(int) + 1
    left, right = np.clip(low[:, 0], 0, width), np.clip(high[:, 0], 0, width)
    top, bottom = np.clip(low[:, 1], 0, height), np.clip(high[:, 1], 0, height)
    touching: Flags = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left] > 0
    return touching


def _enlarged(colours: Floats) -> Floats:
    """Nx3 as Nx2x2x3: each SUPERSAMPLING times down and across."""
    return colours[:, None, None].repeat(SUPERSAMPLING, axis=1).repeat(SUPERSAMPLING, axis=2)


def _spread(values: Floats, covered: Flags) -> Floats:
    """PxN values at the covered pixels as an image HxWxN; beside them the mean of those within a pixel or two."""
    image, weight = np.zeros((*covered.shape, values.shape[1]), np.float32), covered.astype(np.float32)
    image[covered] = values
    near = np.maximum(cv2.blur(weight, (3, 3)), 1e-6)
    around = cv2.blur(image, (3, 3)).reshape(image.shape) / near[..., None]
    spread: Floats = np.where(covered[..., None], image, around)
    return spread


def unshaded(scene: Scene, camera: Camera) -> Picture:
    """The colours without light on black, uint8 HxWx3, one sample a pixel."""
    fragments = rasterise(scene.vertices, scene.faces, camera)
    image = np.zeros((camera.height, camera.width, 3), np.uint8)
    image[fragments.covered] = np.rint(albedo(scene, fragments) * 255).astype(np.uint8)
    return image


def _light(scene: Scene, fragments: Fragments, camera: Camera, studio: Studio) -> tuple[Floats, Floats]:
    """At the covered pixels, the factors of the colours, Px3, and the white of highlights to add, P."""
    layer = scene.layer[fragments.triangle[fragments.covered]]
    points, cloth = fragments.carry(scene.faces, scene.vertices), layer >= GARMENT
    normals = fragments.carry(scene.faces, scene.normals) + _folds(
        fragments.carry(scene.faces, scene.texture), fragments.carry(scene.faces, scene.folding), cloth
    )
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    behind = (normals @ _TO_CAMERA < -0.05) & (cloth | (layer == HAIR))  # bodies and shoes are closed
    normals = np.where(behind[:, None], -normals, normals)
    facing = np.clip((normals @ studio.direction + 0.25) / 1.25, 0, 1)
    fill = np.clip(0.6 + 0.4 * normals @ np.array([-np.sign(studio.yaw), -0.8, 0.2]), 0, 1)
    lit = _blurred(_lit(scene, points + 0.012 * normals, studio), fragments.covered, camera.height / 300)
    energy = studio.ambient * (0.82 + 0.18 * normals[:, 2]) + studio.key * facing * lit + studio.fill * fill
    energy *= _occlusion(points[:, 1] + camera.distance, fragments.covered) * np.where(behind & cloth, 0.6, 1.0)
    tint = np.where((layer == BODY)[:, None], _SKIN_GAMMA, _GAMMA)
    colours = np.power(np.maximum(energy, 0.02)[:, None], tint)
    half = (studio.direction + _TO_CAMERA) / np.linalg.norm(studio.direction + _TO_CAMERA)
    shine = np.clip(normals @ half, 0, 1)
    gloss = np.where(layer == BODY, 0.05 * shine**10 + 0.07 * shine**40, 0.0)
    gloss = np.where(layer == SHOES, 0.12 * shine**30, gloss)
    here = layer == HAIR
    grain = fragments.only(_at(here, fragments.covered)).carry(scene.faces, scene.grain)
    gloss[here] = 0.13 * np.clip(1 - (grain @ half) ** 2, 0, 1) ** 12 * shine[here]
    return colours, gloss * (0.3 + 0.7 * lit)


def _at(flags: Flags, covered: Flags) -> Flags:
    """Flags of the covered pixels as an image."""
    image = np.zeros(covered.shape, bool)
    image[covered] = flags
    return image


def _folds(texture: Floats, folding: Floats, cloth: Flags) -> Floats:
    """What creases too fine for the mesh add to the normals of cloth, Px3."""
    steepness = np.zeros((len(texture), 3))
    steepness[cloth, 0], steepness[cloth, 2] = -relief(texture[cloth], folding[cloth]).T
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
