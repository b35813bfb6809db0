"""What the runner's tests preprocess: synthetic people and packshots, spoilt pictures; and a tiny student for them.

The student is really trained, on six pictures until it knows them by heart: it says nothing about other pictures.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.blobs import BlobStore
from db.models import Artifact, Choice, Product, ProductImage
from preprocess.student.network import StudentShape
from preprocess.student.training import Pace, Recipe, train
from studio.demo_catalogue import DEMO
from tests.e2e.shelf import Shelved
from tests.preprocess.test_intake_decoding import png_header

_MODELS = DEMO / "models"
SHAPE = StudentShape("mobilenetv3_small_050", 32, 96, 128)


def train_tiny_student(folder: Path) -> Path:
    """Its weights' file; takes about 15 s of a core, and of more cores much longer where others use them too."""
    for source, copy in (("test", "train"), ("truth/test", "truth/train")):
        shutil.copytree(_MODELS / source, folder / "data" / copy)
    recipe = Recipe(str(folder / "data"), 100, batch=6, rate=8e-3, augmented=False, shape=SHAPE)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return train(recipe, folder / "run", workers=1, pace=Pace(sheet=1000)).weights
    finally:
        torch.set_num_threads(threads)


def photo(number: int) -> bytes:
    return (_MODELS / f"test/image/{number:05}_00.jpg").read_bytes()


def packshot(number: int) -> bytes:
    return (_MODELS / f"test/cloth/{number:05}_00.jpg").read_bytes()


def products() -> list[Shelved]:
    """Nine products; what becomes of them with the tiny student is in `ENDS`."""
    text = (DEMO / "pictures/dress-02/text.jpg").read_bytes()
    detail = (DEMO / "pictures/upper-01/detail.jpg").read_bytes()
    sheet, cuts = _sheet(photo(4), packshot(4))
    spoilt = [png_header(20_000, 20_000), photo(5)[:9_000], _grey(1, 1), b"", b"<html>no picture</html>"]
    return [
        Shelved("1001", "lower", [packshot(0), photo(0), _copy(photo(0)), detail]),
        Shelved("1002", "lower", [photo(1), packshot(1), text]),
        Shelved("1003", "lower", [photo(1), packshot(1), text]),
        Shelved("1004", "upper", [packshot(2), photo(2)]),
        Shelved("1005", "lower", [photo(3)]),
        Shelved("1006", "lower", [*spoilt, packshot(3)]),
        Shelved("1007", "dress", []),
        Shelved("1008", "lower", [sheet], {0: cuts}),
        Shelved("1009", "other", [photo(5)]),
    ]


ENDS = {
    "1001": ("ready", None), "1002": ("ready", None), "1003": ("ready", None), "1005": ("rejected", "no-packshot"),
    "1006": ("rejected", "no-worn"), "1007": ("rejected", "no-pictures"), "1008": ("ready", None),
}  # fmt: skip
"""State and reason of each product's choice; 1004's reason is what the tiny student happens to miss in a worn top."""
WORKS = 4 + 3 + 2 + 1 + 6 + 2
"""1003 shows what 1002 does, the sheet has two pieces, 1009 is of no class."""


def state_of(engine: Engine) -> dict[str, Any]:
    """All that a run leaves, without ids, times and durations."""
    skipped = ("made_at", "seconds")
    with Session(engine) as session:
        artifacts = {
            row.key: {column.name: getattr(row, column.name) for column in Artifact.__table__.columns}
            for row in session.scalars(select(Artifact))
        }
        choices = {
            number: {column.name: getattr(row, column.name) for column in Choice.__table__.columns}
            for row, number in session.execute(select(Choice, Product.product_no).join(Product))
        }
        shots = {row.url: row.shot_kind for row in session.scalars(select(ProductImage))}
    for row in [*artifacts.values(), *choices.values()]:
        for name in (*skipped, "product_id"):
            row.pop(name, None)
    return {"artifacts": artifacts, "choices": choices, "shots": shots}


def orphans(engine: Engine, blobs: BlobStore) -> list[str]:
    """Files that artifacts name and the store does not have, or has with other bytes."""
    with Session(engine) as session:
        named = [sha256 for row in session.scalars(select(Artifact)) for sha256 in row.files.values()]
    problems = []
    for sha256 in named:
        try:
            blobs.get(sha256, verify=True)
        except Exception as error:
            problems.append(repr(error))
    return problems


def _copy(data: bytes) -> bytes:
    """The same photo, smaller and compressed harder: a near duplicate."""
    with Image.open(io.BytesIO(data)) as picture:
        small = picture.resize((picture.width * 3 // 4, picture.height * 3 // 4), Image.Resampling.LANCZOS)
    return _jpeg(np.asarray(small), 80)


def _sheet(*pictures: bytes) -> tuple[bytes, list[list[int]]]:
    """Pictures below each other with white between them, and the rows of each."""
    arrays = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in pictures]
    gap = np.full((80, arrays[0].shape[1], 3), 255, np.uint8)
    cuts, top = [], 0
    for array in arrays:
        cuts.append([top, top + len(array)])
        top += len(array) + len(gap)
    return _jpeg(np.concatenate([part for array in arrays for part in (array, gap)]), 95), cuts


def _grey(width: int, height: int) -> bytes:
    return _jpeg(np.full((height, width, 3), 128, np.uint8), 90)


def _jpeg(pixels: Any, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
