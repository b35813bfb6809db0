"""Examples as tensors, and other views of them: turned, moved, mirrored, in other colours.

The contract that must not break: person maps move together and garment maps together, the flow between them stays
true, and in a mirror left and right change places in parse, DensePose and flow. All chance is the batch's `draws`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from finetune.examples import FLOW, FLOW_UNIT, NO_FLOW
from finetune.loader import Batch
from finetune.settings import AugmentationSettings
from vitonhd.densepose import DENSEPOSE
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.labels import CIHP

_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Scene:
    """N examples as networks want them; what a stage doesn't read is empty (N x 0 ...)."""

    classes: tuple[GarmentClass, ...]
    groups: tuple[tuple[GarmentClass, slice], ...]
    image: Tensor
    """Nx3xHxW in -1..1, like the other pictures."""
    cloth: Tensor
    cloth_mask: Tensor
    """Nx1xHxW of 0 and 1."""
    densepose: Tensor
    agnostic: Tensor
    parse: Tensor
    """NxHxW int64, CIHP ids, like parse_agnostic."""
    parse_agnostic: Tensor
    flow: Tensor
    """NxHxWx2: where in the packshot the pixel is, as `grid_sample` counts; NaN where nobody knows."""
    noise_seeds: tuple[int, ...]
    """Of each example, at this place of the run."""

    def __len__(self) -> int:
        return len(self.classes)


def to_scene(batch: Batch) -> Scene:
    """The examples as they are stored."""
    count, device = len(batch), batch.draws.device
    nothing = torch.zeros(count, 0, device=device)
    names = ("image", "cloth", "densepose", "agnostic")
    pictures = {name: _picture(batch.maps[name]) if name in batch.maps else nothing for name in names}
    labels = {name: batch.maps[name].long() if name in batch.maps else nothing for name in ("parse", "parse_agnostic")}
    mask = batch.maps["cloth_mask"][:, None].float() if "cloth_mask" in batch.maps else nothing
    flow = nothing
    if FLOW in batch.maps:
        stored = batch.maps[FLOW]
        flow = torch.where(stored == NO_FLOW, math.nan, stored.float() / FLOW_UNIT)
    seeds = tuple(int(value * 2**53) for value in batch.draws[:, -1].tolist())
    return Scene(
        batch.classes, tuple(batch.groups()), cloth_mask=mask, flow=flow, noise_seeds=seeds, **pictures, **labels
    )


def augment(batch: Batch, settings: AugmentationSettings) -> Scene:
    """The examples as the settings and their draws change them."""
    scene = to_scene(batch)
    if settings == AugmentationSettings():
        return scene
    draws = _Draws(batch.draws)
    flipped = draws.next() < settings.flip
    like = batch.maps["image"]
    person = _affine(draws, settings.person_turn, settings.person_zoom, settings.person_shift, flipped, like)
    garment = _affine(draws, settings.garment_turn, settings.garment_zoom, settings.garment_shift, flipped, like)
    if settings.recolour:
        scene = _recolour(scene, draws, settings.recolour)
    if settings.model_copy(update={"recolour": 0.0}) == AugmentationSettings():
        return scene  # nothing moves, and sampling in place would blur
    return _move(_mirror_labels(scene, flipped), person, garment)


class _Draws:
    """An example's numbers one after the other."""

    def __init__(self, draws: Tensor) -> None:
        self._columns = iter(draws.float().unbind(1))

    def next(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * next(self._columns)


def _picture(stored: Tensor) -> Tensor:
    return stored.permute(0, 3, 1, 2).float() / 127.5 - 1


def _affine(draws: _Draws, turn: float, zoom: float, shift: float, flipped: Tensor, like: Tensor) -> Tensor:
    """Nx2x3 from new places to old ones, both in -1..1; angles are true on pictures that aren't square."""
    angle = draws.next(-1, 1) * math.radians(turn)
    scale = torch.exp(draws.next(-1, 1) * math.log(zoom))
    right, down = 2 * shift * draws.next(-1, 1), 2 * shift * draws.next(-1, 1)
    ratio = like.shape[1] / like.shape[2]
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    sign = torch.where(flipped, -1.0, 1.0)
    first = torch.stack((sign * cosine, -sine * ratio, right), -1)
    second = torch.stack((sign * sine / ratio, cosine, down), -1)
    return torch.stack((first, second), 1)


def _move(scene: Scene, person: Tensor, garment: Tensor) -> Scene:
    """Person maps and garment maps seen through their affine maps."""

    def moved(maps: Tensor, theta: Tensor, mode: str, padding: str = "border") -> Tensor:
        if maps.numel() == 0:
            return maps
        grid = functional.affine_grid(theta, list(maps.shape), align_corners=False)
        return functional.grid_sample(maps, grid, mode=mode, padding_mode=padding, align_corners=False)

    def moved_labels(labels: Tensor) -> Tensor:
        return moved(labels[:, None].float(), person, "nearest")[:, 0].long() if labels.numel() else labels

    flow = scene.flow
    if flow.numel():
        known = torch.cat((flow.nan_to_num(0), (~flow[..., :1].isnan()).float()), -1).permute(0, 3, 1, 2)
        places = moved(known, person, "nearest", "zeros").permute(0, 2, 3, 1)
        flow = torch.where(places[..., 2:] > 0, _inverted(garment, places[..., :2]), math.nan)
    return replace(
        scene, flow=flow,
        image=moved(scene.image, person, "bilinear"), densepose=moved(scene.densepose, person, "bilinear"),
        agnostic=moved(scene.agnostic, person, "bilinear"), parse=moved_labels(scene.parse),
        parse_agnostic=moved_labels(scene.parse_agnostic), cloth=moved(scene.cloth, garment, "bilinear"),
        cloth_mask=moved(scene.cloth_mask, garment, "nearest", "zeros"),
    )  # fmt: skip


def _inverted(theta: Tensor, places: Tensor) -> Tensor:
    """New places (NxHxWx2) of old ones."""
    matrix = torch.linalg.inv(theta[:, :, :2])
    centred = places - theta[:, None, None, :, 2]
    return torch.einsum("nij,nhwj->nhwi", matrix, centred)


def _mirror_labels(scene: Scene, flipped: Tensor) -> Scene:
    """Sides changed in what names them; the places change with the affine maps."""
    if not bool(flipped.any()):
        return scene
    mirror = torch.tensor(CIHP.mirror, device=flipped.device)

    def swapped(labels: Tensor) -> Tensor:
        return torch.where(flipped[:, None, None], mirror[labels], labels) if labels.numel() else labels

    densepose = scene.densepose
    if densepose.numel():
        densepose = torch.where(flipped[:, None, None, None], _mirror_colours(densepose), densepose)
    return replace(scene, parse=swapped(scene.parse), parse_agnostic=swapped(scene.parse_agnostic), densepose=densepose)


def _mirror_colours(picture: Tensor) -> Tensor:
    """A DensePose picture whose parts have the other side's colours; what resizing mixed stays mixed."""
    palette = torch.from_numpy(DENSEPOSE.palette[: len(DENSEPOSE)].copy()).to(picture) / 127.5 - 1
    pixels = picture.permute(0, 2, 3, 1)
    ids = torch.cdist(pixels.reshape(1, -1, 3), palette[None]).argmin(-1).view(pixels.shape[:3])
    change = palette[torch.tensor(DENSEPOSE.mirror, device=ids.device)] - palette
    return (pixels + change[ids]).clamp(-1, 1).permute(0, 3, 1, 2)


def _recolour(scene: Scene, draws: _Draws, share: float) -> Scene:
    """The garment in other colours, flat and worn: hue turned, more or less colour, more or less light."""
    chosen = draws.next() < share
    angle = draws.next(-math.pi, math.pi) * chosen
    colour = torch.where(chosen, draws.next(0.5, 1.4), 1.0)
    light = torch.where(chosen, draws.next(0.65, 1.2), 1.0)
    grey = scene.cloth.new_tensor(_LUMA).expand(3, 3)
    # Turning about the grey axis keeps greys grey, so shading stays shading.
    axis = scene.cloth.new_tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    third = scene.cloth.new_full((3, 3), 1 / 3)
    eye = torch.eye(3, device=grey.device)
    cosine, sine = angle.cos()[:, None, None], angle.sin()[:, None, None]
    turned = cosine * eye + sine * axis + (1 - cosine) * third
    matrix = light[:, None, None] * (grey + colour[:, None, None] * (turned - grey @ turned))

    def painted(picture: Tensor, mask: Tensor) -> Tensor:
        other = torch.einsum("nij,njhw->nihw", matrix, (picture + 1) / 2).clamp(0, 1) * 2 - 1
        return torch.where(mask, other, picture)

    image = scene.image
    if image.numel() and scene.parse.numel():
        worn = torch.zeros_like(scene.parse, dtype=torch.bool)
        for garment_class, part in scene.groups:
            labels = scene.parse.new_tensor(RULES[garment_class].labels)
            worn[part] = torch.isin(scene.parse[part], labels)
        image = painted(image, worn[:, None])
    return replace(scene, image=image, cloth=painted(scene.cloth, scene.cloth_mask > 0.5))
