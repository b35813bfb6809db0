"""Kinds of damage for a drawn tree, each with the findings that it must cause and no others.

`ITEM` of the train split is what is damaged, unless a kind says otherwise.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tests.vitonhd.drawn_people import SIZE, drawn_item
from vitonhd.arrays import Mask, Picture
from vitonhd.colours import voc_palette
from vitonhd.densepose import DENSEPOSE, read_picture
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.item import Item
from vitonhd.labels import CIHP
from vitonhd.openpose_json import Person, PoseFile
from vitonhd.tree import Tree

ITEM, OTHER, TESTED = "00001_00", "00002_00", "00100_00"
Damage = Callable[[Tree], object]


@dataclass(frozen=True)
class Kind:
    """A kind of damage: what does it, and the codes with their places (below the root) that name it."""

    name: str
    damage: Damage
    findings: frozenset[tuple[str, str]]


KINDS: list[Kind] = []


def kind(name: str, *findings: tuple[str, str]) -> Callable[[Damage], Damage]:
    """Register a damage; a place is a part of ITEM, or a path."""

    def register(damage: Damage) -> Damage:
        KINDS.append(Kind(name, damage, frozenset((code, _path(place)) for code, place in findings)))
        return damage

    return register


def _path(place: str) -> str:
    tree = Tree("")
    return place if "/" in place or "." in place else tree.path("train", place, ITEM).as_posix()


def _set(tree: Tree, **parts: object) -> None:
    tree.write("train", Item(ITEM, **parts))  # type: ignore[arg-type]


def _item(tree: Tree) -> Item:
    return tree.read("train", ITEM)


def _save(picture: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def _open(tree: Tree, part: str) -> Image.Image:
    return Image.open(io.BytesIO(tree.read_bytes("train", part, ITEM)))


def _again(tree: Tree, part: str, quality: int = 75) -> bytes:
    """The test item's picture, saved again smaller and larger."""
    picture = Image.open(io.BytesIO(tree.read_bytes("test", part, TESTED))).convert("RGB")
    small = picture.resize((SIZE[0] * 3 // 4, SIZE[1] * 3 // 4), Image.Resampling.LANCZOS)
    return _save(small.resize(SIZE, Image.Resampling.LANCZOS), "JPEG", quality=quality)


# --- files ---

kind("a photo is gone", ("no-photo", "image"), ("no-person", "train_pairs.txt:2"))(
    lambda t: t.path("train", "image", ITEM).unlink()
)
kind("a condition is gone", ("no-file", "agnostic"))(lambda t: t.path("train", "agnostic", ITEM).unlink())
kind("a garment's mask is gone", ("no-file", "cloth_mask"))(lambda t: t.path("train", "cloth_mask", ITEM).unlink())
kind("a folder is gone", ("no-folder", "train/openpose_json"))(
    lambda t: shutil.rmtree(t.folder("train", "pose"))
)  # fmt: skip
kind("an empty file", ("unreadable-picture", "cloth"))(lambda t: t.put("train", "cloth", ITEM, b""))
kind("a JPEG that breaks off", ("unreadable-picture", "agnostic"))(
    lambda t: t.put("train", "agnostic", ITEM, t.read_bytes("train", "agnostic", ITEM)[:-900])
)
kind("a PNG that breaks off", ("unreadable-picture", "parse_agnostic"))(
    lambda t: t.put("train", "parse_agnostic", ITEM, t.read_bytes("train", "parse_agnostic", ITEM)[:120])
)
kind("a PNG under a JPEG's name", ("wrong-format", "image"))(
    lambda t: t.put("train", "image", ITEM, _save(_open(t, "image"), "PNG"))
)
kind("another size", ("wrong-size", "densepose"))(
    lambda t: t.put("train", "densepose", ITEM, _save(_open(t, "densepose").resize((96, 128)), "JPEG"))
)
kind("a colour mask", ("wrong-mode", "cloth_mask"))(
    lambda t: t.put("train", "cloth_mask", ITEM, _save(_open(t, "cloth_mask").convert("RGB"), "JPEG", quality=95))
)
kind("a CMYK photo", ("wrong-mode", "image"))(
    lambda t: t.put("train", "image", ITEM, _save(_open(t, "image").convert("CMYK"), "JPEG", quality=95))
)


@kind("a file with a foreign name", ("foreign-file", "train/cloth/00001_00.webp"))
def _foreign_name(tree: Tree) -> None:
    (tree.folder("train", "cloth") / "00001_00.webp").write_bytes(b"RIFF")


@kind("a folder where a file belongs", ("unreadable-file", "pose_picture"))
def _folder_for_file(tree: Tree) -> None:
    path = tree.path("train", "pose_picture", ITEM)
    path.unlink()
    path.mkdir()


@kind("a pipe where a file belongs", ("unreadable-file", "agnostic_mask"))
def _pipe(tree: Tree) -> None:
    path = tree.path("train", "agnostic_mask", ITEM)
    path.unlink()
    os.mkfifo(path)


# --- labels and masks ---


@kind("a label outside the table", ("label-outside-table", "parse"))
def _foreign_label(tree: Tree) -> None:
    picture = _open(tree, "parse")
    picture.putpixel((90, 90), 20)
    tree.put("train", "parse", ITEM, _save(picture, "PNG"))


@kind("another palette", ("wrong-palette", "parse"))
def _palette(tree: Tree) -> None:
    picture = _open(tree, "parse")
    picture.putpalette(voc_palette().tobytes())
    tree.put("train", "parse", ITEM, _save(picture, "PNG"))


@kind(
    "labels of another class",
    ("garment-share", "parse"),
    ("parse-changed", "parse_agnostic"),
    ("worn-mask-overlap", "worn_mask"),
)
def _other_class(tree: Tree) -> None:
    parse = _item(tree).parse
    assert parse is not None
    _set(tree, parse=np.where(parse == CIHP.id("upper-clothes"), CIHP.id("scarf"), parse).astype(np.uint8))


@kind(
    "the parse of someone else", ("outline-contrast", "parse"), ("densepose-on-person", "densepose"),
    ("densepose-on-skin", "densepose"), ("joints-on-person", "pose"), ("garment-unmasked", "agnostic_mask"),
    ("garment-shown", "agnostic"),
)  # fmt: skip
def _other_parse(tree: Tree) -> None:
    item = _item(tree)
    assert item.parse is not None and item.parse_agnostic is not None
    moved = np.roll(item.parse, 44, axis=1)
    worn = RULES[GarmentClass.UPPER].worn_mask(moved)
    _set(tree, parse=moved, parse_agnostic=np.roll(item.parse_agnostic, 44, axis=1), worn_mask=worn)


@kind(
    "an empty parse", ("person-share", "parse"), ("garment-share", "parse"), ("densepose-on-person", "densepose"),
    ("joints-on-person", "pose"), ("parse-changed", "parse_agnostic"), ("worn-mask-overlap", "worn_mask"),
)  # fmt: skip
def _empty_parse(tree: Tree) -> None:
    _set(tree, parse=np.zeros((SIZE[1], SIZE[0]), np.uint8))


@kind("a soft mask", ("mask-not-binary", "cloth_mask"))
def _soft_mask(tree: Tree) -> None:
    small = _open(tree, "cloth_mask").resize((24, 32), Image.Resampling.BILINEAR)
    tree.put("train", "cloth_mask", ITEM, _save(small.resize(SIZE, Image.Resampling.BILINEAR), "JPEG", quality=95))


@kind("a mask of 0 and 254", ("mask-not-binary", "agnostic_mask"))
def _almost_binary(tree: Tree) -> None:
    tree.put("train", "agnostic_mask", ITEM, _save(_open(tree, "agnostic_mask").point(lambda v: min(v, 254)), "PNG"))


def _mask(change: Callable[[Mask], Mask], part: str = "cloth_mask") -> Damage:
    def damage(tree: Tree) -> None:
        _set(tree, **{part: change(getattr(_item(tree), part))})

    return damage


kind("an inverted garment mask", ("cloth-mask-frame", "cloth_mask"), ("cloth-outside-mask", "cloth"))(
    _mask(np.logical_not)
)
kind("an empty garment mask", ("cloth-mask-share", "cloth_mask"), ("cloth-outside-mask", "cloth"))(_mask(np.zeros_like))
kind("a garment mask elsewhere", ("cloth-outside-mask", "cloth"))(_mask(lambda mask: np.roll(mask, 60, axis=1)))

# --- poses ---


def _pose_json(change: Callable[[dict[str, object]], None]) -> Damage:
    def damage(tree: Tree) -> None:
        raw = json.loads(tree.read_bytes("train", "pose", ITEM))
        change(raw["people"][0])
        tree.put("train", "pose", ITEM, json.dumps(raw).encode())

    return damage


def _points(change: Callable[[np.ndarray], np.ndarray]) -> Damage:
    def damage(tree: Tree) -> None:
        pose = _item(tree).pose
        assert pose is not None
        _set(tree, pose=PoseFile.of(Person.of(change(pose.person.body.copy()))))

    return damage


def _people(tree: Tree) -> tuple[Person, ...]:
    return PoseFile.parse(tree.read_bytes("train", "pose", ITEM)).people


def _mirrored(points: np.ndarray) -> np.ndarray:
    points[points[:, 2] > 0, 0] = 2 * points[1, 0] - points[points[:, 2] > 0, 0]
    return points


kind("JSON that breaks off", ("bad-json", "pose"))(
    lambda t: t.put("train", "pose", ITEM, t.read_bytes("train", "pose", ITEM)[:200])
)
kind("JSON without hands", ("json-incomplete", "pose"))(_pose_json(lambda p: p.pop("hand_left_keypoints_2d")))
kind("a body of 18 points", ("wrong-keypoints", "pose"))(_pose_json(lambda p: p.update(pose_keypoints_2d=[1.0] * 54)))
kind("two people", ("not-one-person", "pose"))(
    lambda t: t.put("train", "pose", ITEM, PoseFile.of(*_people(t), *_people(t)).to_bytes())
)
kind(
    "points of a picture twice the size", ("joints-inside", "pose"), ("joints-drawn", "pose_picture"),
    ("joints-on-person", "pose"),
)(_points(lambda points: points * (2, 2, 1)))  # fmt: skip
kind("points of a picture half the size", ("joints-on-person", "pose"), ("joints-drawn", "pose_picture"))(
    _points(lambda points: points * (0.5, 0.5, 1))
)
kind("a mirrored pose, sides not swapped", ("joints-sides", "pose"))(_points(_mirrored))
kind("a pose that saw nothing", ("joints-seen", "pose"))(_points(np.zeros_like))
kind("scores as percentages", ("score-outside-range", "pose"))(_points(lambda points: points * (1, 1, 100)))
kind("an empty pose picture", ("joints-drawn", "pose_picture"))(
    lambda t: _set(t, pose_picture=np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
)

# --- agnostics ---

kind("an agnostic that shows the garment", ("garment-shown", "agnostic"), ("mask-not-grey", "agnostic"))(
    lambda t: t.put("train", "agnostic", ITEM, t.read_bytes("train", "image", ITEM))
)
kind("the agnostic of someone else", ("photo-changed", "agnostic"), ("mask-not-grey", "agnostic"))(
    lambda t: t.put("train", "agnostic", ITEM, t.read_bytes("train", "agnostic", OTHER))
)
kind(
    "an empty agnostic mask", ("agnostic-mask-share", "agnostic_mask"), ("garment-unmasked", "agnostic_mask"),
    ("photo-changed", "agnostic"),
)(_mask(np.zeros_like, "agnostic_mask"))  # fmt: skip
kind("an agnostic parse with the garment", ("garment-in-parse", "parse_agnostic"))(
    lambda t: t.put("train", "parse_agnostic", ITEM, t.read_bytes("train", "parse", ITEM))
)


@kind("an agnostic parse without the face", ("parse-changed", "parse_agnostic"))
def _faceless(tree: Tree) -> None:
    parse = _item(tree).parse_agnostic
    assert parse is not None
    _set(tree, parse_agnostic=np.where(parse == CIHP.id("face"), 0, parse).astype(np.uint8))


kind("another worn mask", ("worn-mask-overlap", "worn_mask"))(
    lambda t: _set(t, worn_mask=np.roll(drawn_item(ITEM, seed=1).worn_mask, 40, axis=0))
)

# --- DensePose ---


def _densepose(change: Callable[[np.ndarray], Picture]) -> Damage:
    def damage(tree: Tree) -> None:
        picture = _item(tree).densepose
        assert picture is not None
        _set(tree, densepose=np.ascontiguousarray(change(read_picture(picture, tolerance=60)[0])))

    return damage


kind("DensePose in grey", ("densepose-colours", "densepose"))(
    _densepose(lambda ids: np.repeat((ids * 10)[..., None], 3, axis=2))
)
kind("a mirrored DensePose, sides not swapped", ("densepose-sides", "densepose"), ("joints-sides", "pose"))(
    _densepose(lambda ids: DENSEPOSE.paint(np.array(DENSEPOSE.mirror, np.uint8)[ids]))
)
kind("DensePose of someone else", ("densepose-on-person", "densepose"), ("densepose-on-skin", "densepose"))(
    _densepose(lambda ids: DENSEPOSE.paint(np.roll(ids, 40, axis=1)))
)
kind("an empty DensePose", ("densepose-share", "densepose"))(
    _densepose(lambda ids: np.zeros((*ids.shape, 3), np.uint8))
)

# --- pictures and leaks ---

kind("an empty photo", ("photo-contrast", "image"), ("photo-changed", "agnostic"))(
    lambda t: _set(t, image=np.full((SIZE[1], SIZE[0], 3), 200, np.uint8))
)
kind("an empty packshot", ("cloth-contrast", "cloth"))(
    lambda t: _set(t, cloth=np.full((SIZE[1], SIZE[0], 3), 250, np.uint8))
)
kind("the photo as packshot", ("cloth-is-photo", "cloth"))(
    lambda t: t.put("train", "cloth", ITEM, t.read_bytes("train", "image", ITEM))
)
kind("a photo twice", ("duplicate-photo", f"train/image/{OTHER}.jpg"), ("photo-changed", "agnostic"))(
    lambda t: t.put("train", "image", ITEM, t.read_bytes("train", "image", OTHER))
)
kind("a test photo in train, byte for byte", ("leaked-photo", "image"), ("photo-changed", "agnostic"))(
    lambda t: t.put("train", "image", ITEM, t.read_bytes("test", "image", TESTED))
)
kind("a test photo in train, saved again", ("leaked-photo", "image"), ("photo-changed", "agnostic"))(
    lambda t: t.put("train", "image", ITEM, _again(t, "image"))
)
kind("a test garment in train, byte for byte", ("leaked-garment", "cloth"))(
    lambda t: t.put("train", "cloth", ITEM, t.read_bytes("test", "cloth", TESTED))
)
kind("a test garment in train, saved again", ("leaked-garment", "cloth"))(
    lambda t: t.put("train", "cloth", ITEM, _again(t, "cloth"))
)

# --- pairs ---


def _line(name: str, line: str) -> Damage:
    def damage(tree: Tree) -> None:
        path = tree.pair_file(name)
        path.write_text(path.read_text() + line + "\n")

    return damage


kind("a pair file is gone", ("no-pair-file", "train_pairs.txt"))(lambda t: t.pair_file("train").unlink())
kind("a pair of nobody", ("no-person", "train_pairs.txt:4"))(_line("train", f"00077_00.jpg {ITEM}.jpg"))
kind("a pair without a garment", ("no-cloth", "train_pairs.txt:4"))(_line("train", f"{ITEM}.jpg 00077_00.jpg"))
kind("a pair twice", ("duplicate-pair", "test_pairs.txt:4"))(_line("test", f"{TESTED}.jpg {TESTED}.jpg"))
kind("an empty line", ("bad-pair", "train_pairs.txt:4"))(_line("train", ""))
kind("a name that leaves the folder", ("bad-name", "train_pairs.txt:4"))(
    _line("train", f"../../etc/passwd.jpg {ITEM}.jpg")
)
kind("the own garment in the unpaired file", ("unpaired-is-paired", "test_pairs_unpaired.txt:4"))(
    _line("test_unpaired", f"{TESTED}.jpg {TESTED}.jpg")
)
kind("an item that no pair names", ("item-without-pair", f"train/image/{OTHER}.jpg"))(
    lambda t: t.pair_file("train").write_text(f"00000_00.jpg 00000_00.jpg\n{ITEM}.jpg {ITEM}.jpg\n")
)
