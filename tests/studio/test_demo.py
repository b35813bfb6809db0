"""The committed demo catalogue: whole, synthetic, within its size, and what the command makes."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from studio.demo_catalogue import DEMO, FLAWS, SIZE, dump, load
from vitonhd.densepose import DENSEPOSE
from vitonhd.garment_classes import GarmentClass
from vitonhd.tree import Tree

CATALOGUE = load()


def test_there_are_twelve_products_of_each_class_and_every_flaw() -> None:
    whole = [product for product in CATALOGUE.products if not product.id.startswith("extra-")]
    assert Counter(product.garment_class for product in whole) == dict.fromkeys(GarmentClass, 12)
    assert {flaw for product in CATALOGUE.products for flaw in product.flaws} == set(FLAWS)
    assert len({product.id for product in CATALOGUE.products}) == len(CATALOGUE.products)


def test_every_picture_is_a_jpeg_of_the_size_and_none_is_left_over() -> None:
    named = {picture.file for _, picture in CATALOGUE.pictures()}
    there = {path.relative_to(DEMO).as_posix() for path in (DEMO / "pictures").rglob("*") if path.is_file()}
    assert named == there
    for file in sorted(named):
        with Image.open(DEMO / file) as image:
            assert (image.format, image.size, image.mode) == ("JPEG", SIZE, "RGB"), file


def test_it_is_small_enough_to_be_shipped() -> None:
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) < 15_000_000


def test_products_are_shown_worn_by_several_people() -> None:
    for product in CATALOGUE.products:
        wearers = [picture.person for picture in product.pictures if picture.shot == "worn"]
        assert len(set(wearers)) == len(wearers) >= 2
        assert {id[0] for id in wearers if id} == {product.audience[0]}
        assert ("no-packshot" in product.flaws) != any(picture.shot == "packshot" for picture in product.pictures)
        assert product.sale_price <= product.list_price
        assert all(value > 0 for table in product.measurements.values() for value in table.values())
    assert {picture.person for _, picture in CATALOGUE.pictures()} >= {model.id for model in CATALOGUE.models}


def test_the_catalogue_reads_as_it_was_written() -> None:
    assert dump(CATALOGUE) == (DEMO / "catalogue.json").read_bytes()


@pytest.mark.parametrize("model", CATALOGUE.models, ids=lambda model: model.id)
def test_a_reference_model_stands_whole_before_the_camera_with_its_truth(model) -> None:
    tree = Tree(DEMO / "models", size=SIZE)
    item = tree.read("test", model.stem, parts=("image", "parse", "densepose", "pose"))
    assert item.parse is not None
    assert item.densepose is not None
    person = item.parse > 0
    edges = (person[0], person[-1], person[:, 0], person[:, -1])
    assert not any(edge.any() for edge in edges)
    rows = np.flatnonzero(person.any(axis=1))
    assert rows[-1] - rows[0] > 0.85 * SIZE[1]
    with np.load(io.BytesIO((DEMO / "models" / "truth" / "test" / f"{model.stem}.npz").read_bytes())) as truth:
        assert np.array_equal(truth["depth"] > 0, person)
        assert (truth["densepose"] > 0).sum() > 0.5 * person.sum()
        painted = DENSEPOSE.paint(truth["densepose"]).astype(int)
    assert np.abs(painted - item.densepose).mean() < 4  # the picture is a JPEG


def test_the_command_makes_what_is_committed() -> None:
    pytest.importorskip("anny", reason="the studio's dependency group is not installed")
    from studio.demo_range import demo_range
    from studio.packshot import packshot

    item = next(item for item in demo_range() if item.product.id == "lower-03")
    with Image.open(CATALOGUE.path(CATALOGUE.product("lower-03").gallery[0])) as image:
        committed = np.asarray(image.resize((384, 512), Image.Resampling.BOX), float)
    made = np.asarray(Image.fromarray(packshot(item.garments[0], 384, 512).image), float)
    assert 10 * np.log10(255**2 / np.mean((made - committed) ** 2)) > 32
