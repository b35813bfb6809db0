"""Figures of pictures without networks: text, border, sharpness, fingerprints; synthetic pictures, and real ones."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from preprocess.gates.choice import Fingerprint
from preprocess.gates.limits import PACKSHOT, SHOTS, WORN
from preprocess.gates.statistics import PictureStatistics, blur, phash, statistics, thumbnail
from preprocess.gates.text import text_score
from tests.preprocess.posters import garment, page, table
from vitonhd.arrays import Picture
from vitonhd.pictures import decode_rgb, encode_jpeg

TEXT = SHOTS["text"].value


def scaled(picture: Picture, factor: float) -> Picture:
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=way), np.uint8)


def fingerprint(picture: Picture) -> Fingerprint:
    return Fingerprint(phash(picture), thumbnail(picture))


@pytest.mark.parametrize(
    "picture",
    [page(16, 25), page(22, 15), page(48, 6), page(24, 8, ink=240, paper=20), table(), table(ruled=False)],
    ids=["small", "medium", "large", "light on dark", "table with rules", "table without"],
)
def test_text_is_found(picture: Picture) -> None:
    assert text_score(picture) > TEXT + 0.05
    assert text_score(decode_rgb(encode_jpeg(picture, quality=75))) > TEXT
    assert text_score(scaled(picture, 1.7)) > TEXT


@pytest.mark.parametrize("pattern", ["plain", "dots", "stripes", "checks", "logo"])
def test_patterns_and_prints_are_no_text(pattern: str) -> None:
    assert text_score(garment(pattern)[0]) < TEXT - 0.1


def test_the_border_tells_a_packshot_from_a_detail() -> None:
    whole, mask = garment("checks")
    packshot, detail = statistics(whole), statistics(whole[250:550, 150:375])
    assert packshot.border_uniformity == 1 and packshot.cut == 0
    assert packshot.border_level == pytest.approx(246, abs=1)
    assert packshot.content == pytest.approx(mask.mean(), abs=0.02)
    assert detail.border_uniformity < SHOTS["flat-border"].value and detail.cut > 0.3


def test_a_soft_light_is_still_one_backdrop() -> None:
    picture, _ = garment()
    light = np.linspace(1, 0.82, 800)[:, None, None] * np.linspace(0.95, 1, 600)[None, :, None]
    assert statistics((picture * light).astype(np.uint8)).border_uniformity > 0.97


@pytest.mark.parametrize("pattern", ["plain", "stripes", "logo"])
def test_blur_grows_with_every_pixel_and_is_not_a_matter_of_size(pattern: str) -> None:
    picture, mask = garment(pattern)
    figures = [blur(picture), *(blur(cv2.GaussianBlur(picture, (0, 0), sigma)) for sigma in (1, 2, 4))]
    assert figures == sorted(figures)
    assert figures[0] < WORN["blurred"].value and figures[-1] > PACKSHOT["blurred"].value
    assert blur(scaled(picture, 3)) == pytest.approx(blur(scaled(picture, 1.28)), abs=0.1)
    assert 0 <= blur(picture, mask) <= 1


def test_a_picture_without_edges_is_blurred() -> None:
    assert blur(np.full((50, 40, 3), 200, np.uint8)) == 1


def test_near_duplicates_are_the_same_photo_in_another_form() -> None:
    one, _ = garment("logo")
    assert fingerprint(one).like(fingerprint(scaled(one, 0.5)))
    assert fingerprint(one).like(fingerprint(decode_rgb(encode_jpeg(one, quality=60))))
    assert not fingerprint(one).like(fingerprint(garment("logo", colour=(160, 60, 60))[0]))
    assert not fingerprint(one).like(fingerprint(one[:, ::-1]))
    assert not fingerprint(one).like(fingerprint(table()))


def test_fingerprints_are_the_catalogues() -> None:
    """The crawler's column and ours must be comparable: the same hash but for a bit, the same thumbnail."""
    crawler = pytest.importorskip("crawler.images.fingerprint")
    for picture in (garment("dots")[0], table(), page(20, 10)):
        assert ((crawler.phash(picture) ^ phash(picture)) & (2**64 - 1)).bit_count() <= 1
        assert crawler.thumbnail(picture) == thumbnail(picture)


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))))
@settings(max_examples=40)
def test_any_picture_has_figures(picture: Picture) -> None:
    found = statistics(picture)
    for name in ("border_uniformity", "content", "cut", "text", "blur"):
        assert 0 <= getattr(found, name) <= 1, name
    assert 0 <= found.border_level <= 255


def _all(folder: Path) -> list[PictureStatistics]:
    files = sorted(folder.glob("*"))
    assert files
    return [statistics(decode_rgb(path.read_bytes())) for path in files]


def test_real_packshots_and_photos_keep_to_the_limits(samples: Path) -> None:
    packshots = [*_all(samples / "photos" / "garments"), *_all(samples / "viton-hd" / "test" / "cloth")]
    photos = [*_all(samples / "photos" / "models"), *_all(samples / "viton-hd" / "test" / "image")]
    for found in packshots:
        assert found.border_uniformity > 0.99 and found.cut == 0 and PACKSHOT["blurred"].holds(found.blur)
    for found in [*packshots, *photos]:
        assert found.text < TEXT - 0.1
    assert all(WORN["blurred"].holds(found.blur) for found in photos)
