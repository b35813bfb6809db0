"""A page to look at: some products with the conditions that were chosen for them, some with the reason why not.

The contract that must not break: it shows what is stored under the choice's own artifacts, nothing is made anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sqlalchemy import Engine, select

from db import queries
from db.blobs import BlobStore
from db.models import Choice, Product, ProductImage
from db.session import make_sessions
from preprocess.chain.taking import take
from preprocess.errors import NothingToDo
from preprocess.gates.verdict import Rejected
from preprocess.tiles import tile
from vitonhd.arrays import Picture
from vitonhd.garment_classes import GarmentClass
from vitonhd.labels import CIHP
from vitonhd.pictures import decode_labels, decode_rgb

_WORN = ("image", "image-parse-v3", "image-densepose", "openpose_img", "agnostic-v3.2", "image-parse-agnostic-v3.2")
_COLUMNS = 2 + len(_WORN)


def choice_sheet(engine: Engine, blobs: BlobStore, *, each: int = 4, rejected: int = _COLUMNS) -> Picture:
    """`each` ready products of each class, a row a product, then up to `rejected` products without conditions.

    uint8 HxWx3; of the version that was made last. Raises NothingToDo where there is none.
    """
    with make_sessions(engine, read_only=True)() as session:
        version = queries.latest_version(session)
        if version is None:
            raise NothingToDo("no product has conditions yet; `lookbook preprocess run` makes them")
        rows = []
        for garment_class in GarmentClass:
            ready = list(queries.ready_choices(session, garment_class, version=version))
            rows += [_of_product(one, blobs) for one in ready[:: max(1, len(ready) // each)][:each]]
        query = (
            select(Product, Choice)
            .join(Choice, Choice.product_id == Product.id)
            .where(Choice.version == version, Choice.state == "rejected")
            .order_by(Product.id)
            .limit(rejected)
        )
        refused = [
            tile(_first_picture(queries.images_of(session, [product.id])[product.id], blobs), str(choice.reason))
            for product, choice in session.execute(query)
        ]
    blank = [tile(None, "")] * (-len(refused) % _COLUMNS)
    refused += blank
    rows += [np.concatenate(refused[first : first + _COLUMNS], axis=1) for first in range(0, len(refused), _COLUMNS)]
    return np.concatenate(rows)


def _of_product(ready: queries.ReadyChoice, blobs: BlobStore) -> Picture:
    packshot, worn = ready.packshot.files, ready.worn.files
    name = f"{ready.choice.garment_class} {ready.product.product_no}"
    tiles = [(packshot["cloth"], name, False), (packshot["cloth-mask"], "cloth-mask", False)]
    tiles += [(worn[folder], folder, "parse" in folder) for folder in _WORN]
    return np.concatenate(list(_shown(tiles, blobs)), axis=1)


def _shown(tiles: list[tuple[str, str, bool]], blobs: BlobStore) -> Iterator[Picture]:
    for sha256, caption, labels in tiles:
        data = blobs.get(sha256)
        yield tile(CIHP.paint(decode_labels(data)) if labels else decode_rgb(data), caption)


def _first_picture(images: list[ProductImage], blobs: BlobStore) -> Picture | None:
    """The first that can be shown."""
    for image in images:
        try:
            if image.sha256 is not None:
                return take(blobs.get(image.sha256)).intake.on_white
        except Rejected:
            continue
    return None
