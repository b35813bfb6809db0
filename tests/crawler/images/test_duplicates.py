"""Near duplicates: copies of one photo are found, colour variants and other photos are not."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from crawler.config import ImageSettings
from crawler.images.duplicates import mark_near_duplicates, near_pairs
from crawler.images.verify import verify
from db.blobs import sha256_hex
from db.models import Image
from tests.crawler.images.picture_shop import Pixels, encoded, photo


def row(data: bytes) -> Image:
    picture = verify(data, ImageSettings(min_side=50))
    return Image(
        sha256=sha256_hex(data),
        size=len(data),
        format=picture.format,
        width=picture.width,
        height=picture.height,
        phash=picture.phash,
        thumbnail=picture.thumbnail,
    )


def garment(colour: tuple[int, int, int]) -> Pixels:
    """A synthetic packshot: one shape with folds in one colour on white."""
    pixels = np.full((600, 500, 3), 255, np.float32)
    folds = photo(77, 300, 400)[:, :, :1].astype(np.float32) / 255 * 60 - 30
    pixels[100:500, 100:400] = np.clip(np.array(colour, np.float32) + folds, 0, 255)
    return np.asarray(pixels, np.uint8)


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(Pillow.fromarray(pixels).resize((width, height), Pillow.Resampling.LANCZOS))


def groups(engine: Engine) -> dict[str, str]:
    with Session(engine) as session:
        query = select(Image.sha256, Image.near_duplicate_of).where(Image.near_duplicate_of.is_not(None))
        return {name: best for name, best in session.execute(query) if best is not None}


def add(engine: Engine, *pictures: bytes) -> list[str]:
    with Session(engine) as session, session.begin():
        session.add_all([row(data) for data in pictures])
    return [sha256_hex(data) for data in pictures]


def test_copies_of_a_photo_stand_behind_the_largest(engine: Engine) -> None:
    source = photo(9, 600, 800)
    large, small, webp, poor, _ = add(
        engine,
        encoded(source, quality=92),
        encoded(resized(source, 300, 400)),
        encoded(source, "WEBP"),
        encoded(resized(source, 450, 600), quality=40),
        encoded(photo(10, 600, 800)),
    )
    best = min(large, webp)
    assert mark_near_duplicates(engine) == 3
    assert groups(engine) == {name: best for name in (large, small, webp, poor) if name != best}


def test_colour_variants_of_one_garment_are_different_pictures(engine: Engine) -> None:
    colours = [(40, 40, 90), (40, 40, 40), (150, 40, 40), (90, 100, 60), (200, 180, 150)]
    add(engine, *(encoded(garment(colour)) for colour in colours))
    assert mark_near_duplicates(engine) == 0


def test_a_crop_of_another_shape_is_another_picture(engine: Engine) -> None:
    source = photo(9, 600, 800)
    add(engine, encoded(source), encoded(resized(source, 640, 800)))
    assert mark_near_duplicates(engine) == 0


def test_the_result_depends_on_the_pictures_only(engine: Engine) -> None:
    sources = [photo(seed, 400, 500) for seed in range(4)]
    pictures = [
        encoded(resized(s, w, w * 5 // 4), quality=q) for s in sources for w, q in ((400, 90), (300, 80), (200, 70))
    ]
    random.Random(3).shuffle(pictures)
    for at in range(0, len(pictures), 5):
        add(engine, *pictures[at : at + 5])
        mark_near_duplicates(engine)
    stepwise = groups(engine)
    with Session(engine) as session, session.begin():
        session.execute(update(Image).values(near_duplicate_of=None))
    assert mark_near_duplicates(engine) == len(stepwise) == 8
    assert groups(engine) == stepwise


def test_a_mark_goes_away_with_its_reason(engine: Engine) -> None:
    source = photo(9, 600, 800)
    large, small = add(engine, encoded(source), encoded(resized(source, 300, 400)))
    assert mark_near_duplicates(engine) == 1
    with Session(engine) as session, session.begin():
        session.delete(session.get_one(Image, large))
    assert mark_near_duplicates(engine) == 0
    assert groups(engine) == {} and small


def test_an_empty_catalogue_has_none(engine: Engine) -> None:
    assert mark_near_duplicates(engine) == 0


@given(st.integers(0, 2**32), st.integers(2, 120))
@settings(max_examples=40, deadline=None)
def test_banded_search_finds_what_comparing_all_with_all_finds(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**63, count, dtype=np.uint64) * np.uint64(2)
    for index in range(0, count - 1, 2):
        flipped = rng.choice(64, rng.integers(0, 9), replace=False)
        hashes[index + 1] = hashes[index] ^ np.bitwise_or.reduce(
            np.uint64(1) << flipped.astype(np.uint64), initial=np.uint64(0), dtype=np.uint64
        )
    aspect = rng.choice([0.0, 0.01, 0.5], count).astype(np.float32)
    found = [
        tuple(sorted(pair))
        for left, right in near_pairs(hashes, aspect)
        for pair in zip(left.tolist(), right.tolist(), strict=True)
    ]
    near = (np.bitwise_count(hashes[:, None] ^ hashes) <= 6) & (np.abs(aspect[:, None] - aspect) <= np.log1p(0.02))
    assert len(found) == len(set(found))
    assert set(found) == {(int(a), int(b)) for a, b in zip(*np.nonzero(np.triu(near, 1)), strict=True)}
