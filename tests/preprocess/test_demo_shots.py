"""The bundled student on the demo catalogue that comes with Lookbook: what each picture is, and what it is good for.

The demo catalogue's people and garments are none of those that the student learnt from.
"""

from __future__ import annotations

from functools import cache

import pytest

from preprocess.chain.assess import Assessed, assess_all
from preprocess.chain.eyes import StudentEyes
from preprocess.chain.looking import Looker
from preprocess.chain.taking import take
from preprocess.shots import ShotKind
from studio.demo_catalogue import DEMO, DemoProduct, load
from vitonhd.garment_classes import GarmentClass

KINDS = {"packshot": ShotKind.FLAT, "worn": ShotKind.WORN, "detail": ShotKind.DETAIL, "text": ShotKind.TEXT}
# The file is broken on purpose, or another product's.
UNFIT = {"broken-picture", "duplicate", "no-packshot", "set", "skort"}


def products() -> list[DemoProduct]:
    return [product for product in load().products if not UNFIT & set(product.flaws)]


@cache
def assessed() -> dict[tuple[str, str], Assessed]:
    """Every picture of every product by product and file."""
    looker = Looker(StudentEyes.load())
    found = {}
    for product in products():
        assert product.garment_class is not None
        taken = [(take((DEMO / picture.file).read_bytes()), product.garment_class) for picture in product.pictures]
        for picture, end in zip(product.pictures, assess_all(looker, taken), strict=True):
            assert isinstance(end, Assessed), (product.id, picture.file, end)
            found[product.id, picture.file] = end
    return found


def test_every_picture_is_of_the_kind_that_it_was_made_as() -> None:
    made = {(product.id, picture.file): KINDS[picture.shot] for product in products() for picture in product.pictures}
    assert {key: end.shot.kind for key, end in assessed().items()} == made


@pytest.mark.parametrize("garment_class", GarmentClass)
def test_nearly_every_product_has_a_worn_photo_and_a_packshot_to_use(garment_class: GarmentClass) -> None:
    wanted = [product for product in products() if product.garment_class is garment_class]
    usable = [
        product
        for product in wanted
        if {ShotKind.WORN, ShotKind.FLAT}
        <= {assessed()[product.id, picture.file].shot.kind for picture in product.pictures
            if assessed()[product.id, picture.file].passed}
    ]  # fmt: skip
    assert len(usable) >= 0.9 * len(wanted), [product.id for product in wanted if product not in usable]
