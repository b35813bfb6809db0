"""A small demo catalogue with real picture files, for tests of the demo shop."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from PIL import Image

from studio.demo_catalogue import DemoCatalogue, DemoPicture, DemoProduct, dump
from vitonhd.garment_classes import GarmentClass

TEE = DemoProduct(
    id="upper-01",
    name="반소매 티셔츠",
    name_en="Tee",
    brand="모래달",
    brand_en="MOREDAL",
    garment_class=GarmentClass.UPPER,
    family="tee",
    pattern="plain",
    colour="레드",
    colour_en="RED",
    audience="women",
    list_price=40_000,
    sale_price=30_000,
    material="면 100%",
    measurements={"S": {"총장": 60.0, "가슴단면": 45.5}, "M": {"총장": 62.0, "가슴단면": 47.5}},
    pictures=(),
    sold_out_sizes=("S",),
)
PRODUCTS = (
    TEE,
    replace(TEE, id="upper-02", colour="블루", colour_en="BLUE"),
    replace(
        TEE, id="lower-01", name="쇼츠", family="shorts", garment_class=GarmentClass.LOWER, flaws=("broken-picture",)
    ),
    replace(TEE, id="dress-01", name="<i>&'\"원피스", family="midi-dress", garment_class=GarmentClass.DRESS),
    replace(TEE, id="extra-set", name="티셔츠 스커트 세트", family="set", garment_class=None, flaws=("set",)),
    replace(TEE, id="extra-duplicate", flaws=("duplicate",), same_as="upper-01"),
    replace(TEE, id="extra-sold", name="셔츠", family="shirt", audience="men", flaws=("sold-out",), measurements={}),
)


def make_demo(root: Path) -> DemoCatalogue:
    """Write a catalogue of PRODUCTS, each with a packshot, a worn photo and a detail, and return it."""
    products = []
    for shade, product in enumerate(PRODUCTS):
        folder = f"pictures/{product.same_as or product.id}"
        names = ("packshot", "worn-w1", "detail")
        pictures = [DemoPicture(f"{folder}/{name}.jpg", shot) for name, shot in zip(names, _SHOTS, strict=True)]
        for place, picture in enumerate(pictures):
            path = root / picture.file
            path.parent.mkdir(parents=True, exist_ok=True)
            if product.same_as is None:
                path.write_bytes(_jpeg((30 * shade, 70 * place, 90)))
        products.append(replace(product, pictures=tuple(pictures)))
    catalogue = DemoCatalogue(seed=3, version=1, products=tuple(products), models=(), root=root)
    (root / "catalogue.json").write_bytes(dump(catalogue))
    return catalogue


_SHOTS = ("packshot", "worn", "detail")


def _jpeg(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (240, 320), colour).save(buffer, "JPEG")
    return buffer.getvalue()
