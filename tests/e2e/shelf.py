"""A catalogue filled by hand, without a crawl: products with pictures as blobs, for what comes after crawling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.blobs import BlobStore
from db.keys import content_key, url_key
from db.models import Image, Product, ProductImage, Shop, utcnow
from db.upsert import upsert
from preprocess.gates.statistics import phash, thumbnail
from preprocess.gates.verdict import Rejected
from preprocess.intake.decoding import read_picture
from studio.demo_catalogue import DemoProduct, load

SHOP = "musinsa"


@dataclass(frozen=True)
class Shelved:
    """A product with its pictures' bytes in page order; `sheets` cuts the picture of that place into [top, bottom)."""

    number: str
    garment_class: str
    pictures: Sequence[bytes]
    sheets: dict[int, list[list[int]]] | None = None


def demo_products(*names: str) -> list[Shelved]:
    """Products of the demo catalogue by their id."""
    catalogue = load()
    return [_shelved(catalogue.root, catalogue.product(name)) for name in names]


def fill(engine: Engine, blobs: BlobStore, products: Sequence[Shelved]) -> None:
    """Put the products into the catalogue as a crawl with its pictures would."""
    with Session(engine) as session, session.begin():
        shop = {"code": SHOP, "name": "MUSINSA", "url": "https://www.musinsa.com", "created_at": utcnow()}
        upsert(session, Shop, [shop], key=["code"])
        upsert(session, Product, [_product_row(one) for one in products], key=["shop", "product_no"])
        ids = dict(session.execute(select(Product.product_no, Product.id)).all())  # type: ignore[arg-type]
        for product in products:
            cuts = product.sheets or {}
            rows = [_image_row(blobs, data, cuts.get(place)) for place, data in enumerate(product.pictures)]
            upsert(session, Image, rows, key=["sha256"])
            shown = [_shown_row(ids[product.number], product.number, place, row) for place, row in enumerate(rows)]
            upsert(session, ProductImage, shown, key=["product_id", "url_key"])


def _shelved(root: Path, product: DemoProduct) -> Shelved:
    pictures = [(root / picture.file).read_bytes() for picture in product.pictures]
    return Shelved(product.id, product.garment_class or "upper", pictures)


def _product_row(product: Shelved) -> dict[str, Any]:
    now = utcnow()
    lists: dict[str, Any] = {name: [] for name in ("category_codes", "category_path", "listed_in", "sex", "colours")}
    return {
        "shop": SHOP, "product_no": product.number, "url": f"https://www.musinsa.com/products/{product.number}",
        "name": product.number, "garment_class": product.garment_class, "material": {}, "sizes": [], "labels": [],
        "measurements": {}, "details": [], "sold_out": False, "stock_state": "on_sale", "state": "current",
        "content_key": content_key(product.number), "first_seen_at": now, "seen_at": now, "fetched_at": now, **lists,
    }  # fmt: skip


def _image_row(blobs: BlobStore, data: bytes, segments: list[list[int]] | None) -> dict[str, Any]:
    """Of a picture that the crawler would have refused, with the size of a sound one."""
    row = {"sha256": blobs.put(data), "size": len(data), "segments": segments, "stored_at": utcnow()}
    try:
        intake = read_picture(data, rows=None if segments is None else (segments[0][0], segments[-1][1]))
    except Rejected:
        return row | {"format": "jpeg", "width": 768, "height": 1024, "phash": 0, "thumbnail": bytes(192)}
    width, height = intake.size if segments is None else (intake.size[0], segments[-1][1])
    seen = {"phash": phash(intake.colour), "thumbnail": thumbnail(intake.colour)}
    return row | {"format": intake.format, "width": width, "height": height, **seen}


def _shown_row(product_id: int, number: str, place: int, image: dict[str, Any]) -> dict[str, Any]:
    url = f"https://image.msscdn.net/{number}/{place}.jpg"
    return {
        "product_id": product_id, "shop": SHOP, "url": url, "url_key": url_key(url), "state": "stored", "attempts": 1,
        "role": "main" if place == 0 else "gallery", "position": place, "sha256": image["sha256"],
    }  # fmt: skip
