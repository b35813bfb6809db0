"""Dress Code's layout: `<category>/{images,keypoints,skeletons,label_maps,dense}`, split by pair files.

The contract that must not break: label maps hold Dress Code's 18 ids, keypoints COCO-18 in 384x512; photos, packshots
and DensePose pictures are copied byte for byte (preprocessing facts, section 4.1). UV maps are not made up: there is no
`_5_uv.npz`. `image-densepose` is IDM-VTON's addition, `cloth_masks` ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from PIL import Image, ImageDraw

from vitonhd.arrays import Points
from vitonhd.atomic import write_atomic
from vitonhd.densepose import read_picture
from vitonhd.errors import FormatError
from vitonhd.exports.digit_ids import digit_id
from vitonhd.exports.encoding import grey_png, mask_png, picture_jpeg
from vitonhd.exports.layouts import Index, Order, Taken, need, need_bytes
from vitonhd.garment_classes import RULES
from vitonhd.keypoint_conversions import convert_points, to_dress_code
from vitonhd.keypoints import BODY_25, COCO_18, visible
from vitonhd.label_conversions import convert_labels
from vitonhd.labels import CIHP, DRESS_CODE
from vitonhd.pair_files import Pair
from vitonhd.pictures import encode_labels
from vitonhd.sources import ItemFiles

PHOTO, PACKSHOT, CLOTH_MASK = "images/{}_0.jpg", "images/{}_1.jpg", "cloth_masks/{}_1.png"
KEYPOINTS, SKELETON, LABEL_MAP = "keypoints/{}_2.json", "skeletons/{}_5.jpg", "label_maps/{}_4.png"
DENSE, DENSEPOSE_PICTURE = "dense/{}_5.png", "image-densepose/{}_0.jpg"
TRAIN_PAIRS, PAIRED, UNPAIRED = "train_pairs.txt", "test_pairs_paired.txt", "test_pairs_unpaired.txt"

_LIMB, _JOINT = 9 / 768, 11 / 768
"""Width of limbs and joints as parts of the picture's width."""
_COLOURS = (
    (0, 0, 255), (0, 85, 255), (0, 170, 255), (0, 255, 255), (0, 255, 170), (0, 255, 85), (0, 255, 0), (85, 255, 0),
    (170, 255, 0), (255, 255, 0), (255, 170, 0), (255, 85, 0), (255, 0, 0), (255, 0, 85), (255, 0, 170), (255, 0, 255),
    (170, 0, 255), (85, 0, 255),
)  # fmt: skip
"""Of the 17 limbs and 18 joints in COCO-18's order: pytorch-openpose's with red and blue swapped, as Dress Code has."""


def take(order: Order, item: ItemFiles) -> Taken:
    """An item's files below its category; a label or joint that Dress Code has no word for is background or missing."""
    found = need(item, order, "image", "cloth", "cloth_mask", "parse", "densepose", "pose")
    assert found.parse is not None and found.pose is not None
    assert found.densepose is not None and found.cloth_mask is not None
    points = convert_points(found.pose.person.body, BODY_25, COCO_18)
    files = {
        PHOTO: need_bytes(item, "image"),
        PACKSHOT: need_bytes(item, "cloth"),
        CLOTH_MASK: mask_png(found.cloth_mask),
        KEYPOINTS: json.dumps({"keypoints": to_dress_code(points, size=order.size)}).encode(),
        SKELETON: picture_jpeg(draw_skeleton(points, order.size)),
        LABEL_MAP: encode_labels(convert_labels(found.parse, CIHP, DRESS_CODE), table=DRESS_CODE),
        DENSE: grey_png(read_picture(found.densepose)[0]),
        DENSEPOSE_PICTURE: need_bytes(item, "densepose"),
    }
    name = digit_id(item.stem)
    category = RULES[order.garment_class].dress_code_folder
    return Taken({f"{category}/{path.format(name)}": data for path, data in files.items()})


def finish(order: Order, index: Index) -> None:
    """The category's pair files. Raises FormatError `duplicate-id`: both splits share one folder of pictures."""
    train, test = (index.stems.get(split, []) for split in ("train", "test"))
    twice = sorted(set(train) & set(test))
    if twice:
        raise FormatError("duplicate-id", f"{', '.join(twice[:5])}: in both splits, which share folders in this layout")
    folder = order.out / RULES[order.garment_class].dress_code_folder
    own = {TRAIN_PAIRS: train, PAIRED: test}
    for name, stems in own.items():
        write_atomic(folder / name, _lines(Pair(stem, stem) for stem in stems))
    write_atomic(folder / UNPAIRED, _lines(index.unpaired()))


def draw_skeleton(points: Points, size: tuple[int, int]) -> Image.Image:
    """COCO-18 points, 18x3 in pixels, as Dress Code draws them: full colours on black, limbs first."""
    picture = Image.new("RGB", size)
    draw = ImageDraw.Draw(picture)
    there = visible(points)
    for (one, other), colour in zip(COCO_18.limbs, _COLOURS, strict=False):
        if there[one] and there[other]:
            ends = [tuple(points[joint, :2]) for joint in (one, other)]
            draw.line(ends, fill=colour, width=max(1, round(_LIMB * size[0])))
    radius = _JOINT * size[0] / 2
    for (x, y, _), seen, colour in zip(points, there, _COLOURS, strict=True):
        if seen:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return picture


def _lines(pairs: Iterable[Pair]) -> bytes:
    return "".join(f"{digit_id(pair.person)}_0.jpg {digit_id(pair.cloth)}_1.jpg\n" for pair in pairs).encode()
