"""The 256x192 layout of VITON, PF-AFN and Flow-Style-VTON: 14 labels, 18 joints, DensePose ids as arrays.

The contract that must not break: every folder of a split has the same items, because those loaders match files by
sorted order and not by name (facts on other models, section 1.5).
"""

from __future__ import annotations

import io
import json

import numpy as np
from PIL import Image

from vitonhd.arrays import Labels, Mask, Picture, Points
from vitonhd.atomic import write_atomic
from vitonhd.densepose import read_picture
from vitonhd.errors import FormatError
from vitonhd.exports.digit_ids import digit_id
from vitonhd.exports.encoding import grey_png, picture_jpeg
from vitonhd.exports.layouts import Index, Order, Taken, need
from vitonhd.garment_classes import GarmentClass
from vitonhd.item import Item
from vitonhd.keypoint_conversions import convert_points
from vitonhd.keypoints import BODY_25, COCO_18
from vitonhd.label_conversions import convert_labels
from vitonhd.labels import CIHP, VITON
from vitonhd.pair_files import Pair
from vitonhd.sources import ItemFiles

SIZE = (192, 256)
TRAIN, TEST = "VITON_traindata", "VITON_test"


def take(order: Order, item: ItemFiles) -> Taken:
    """An item's files in its split's folders.

    Raises FormatError `class-not-held` for bottoms: label 4 is the garment in all of these loaders.
    """
    if order.garment_class is GarmentClass.LOWER:
        raise FormatError("class-not-held", "the garment of these loaders is label 4, upper clothes or dress")
    name = digit_id(item.stem)
    if item.split == "test":
        found = need(item, order, "image", "cloth", "cloth_mask")
        files = _packshot(found, name, f"{TEST}/test_clothes", f"{TEST}/test_edge")
        return Taken(files | _photo(found, name, f"{TEST}/test_img"))
    found = need(item, order, "image", "cloth", "cloth_mask", "parse", "densepose", "pose")
    assert found.parse is not None and found.densepose is not None and found.pose is not None
    files = _packshot(found, name, f"{TRAIN}/train_color", f"{TRAIN}/train_edge")
    files |= _photo(found, name, f"{TRAIN}/train_img")
    files[f"{TRAIN}/train_label/{name}_0.png"] = grey_png(_small_labels(convert_labels(found.parse, CIHP, VITON)))
    files[f"{TRAIN}/train_densepose/{name}_0.npy"] = _array(_small_labels(read_picture(found.densepose)[0]))
    files[f"{TRAIN}/train_pose/{name}_0_keypoints.json"] = _pose(found.pose.person.body, order.size)
    return Taken(files)


def finish(order: Order, index: Index) -> None:
    """The test pairs: in another garment, and in the own one."""
    own = [Pair(stem, stem) for stem in index.stems.get("test", [])]
    for name, pairs in (("test_pairs.txt", index.unpaired()), ("test_pairs_same.txt", own)):
        lines = (f"{digit_id(pair.person)}_0.jpg {digit_id(pair.cloth)}_1.jpg\n" for pair in pairs)
        write_atomic(order.out / TEST / name, "".join(lines).encode())


def _photo(found: Item, name: str, folder: str) -> dict[str, bytes]:
    assert found.image is not None
    return {f"{folder}/{name}_0.jpg": picture_jpeg(_small(found.image))}


def _packshot(found: Item, name: str, clothes: str, edges: str) -> dict[str, bytes]:
    assert found.cloth is not None and found.cloth_mask is not None
    return {
        f"{clothes}/{name}_1.jpg": picture_jpeg(_small(found.cloth)),
        f"{edges}/{name}_1.jpg": picture_jpeg(_small_mask(found.cloth_mask)),
    }


def _small(picture: Picture) -> Image.Image:
    return Image.fromarray(picture).resize(SIZE, Image.Resampling.LANCZOS)


def _small_mask(mask: Mask) -> Image.Image:
    """Set where half of the pixels are: readers threshold at 0.5."""
    share = Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).resize(SIZE, Image.Resampling.BOX)
    return share.point(lambda level: 255 if level >= 128 else 0)


def _small_labels(labels: Labels) -> Labels:
    return np.array(Image.fromarray(labels).resize(SIZE, Image.Resampling.NEAREST))


def _array(ids: Labels) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, ids.astype(np.float32))
    return buffer.getvalue()


def _pose(body: Points, size: tuple[int, int]) -> bytes:
    """OpenPose's old JSON: 18 joints under `pose_keypoints`, in pixels of the small picture."""
    points = convert_points(body, BODY_25, COCO_18) * (SIZE[0] / size[0], SIZE[1] / size[1], 1)
    return json.dumps({"version": 1.0, "people": [{"pose_keypoints": points.ravel().tolist()}]}).encode()
