"""Artifacts and choices as what comes after them reads: in pages, of current products, of one version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import queries
from db.keys import content_key
from db.models import Artifact, Choice, Image, Product, ProductImage, Shop, utcnow
from db.upsert import upsert

PRODUCTS = queries.PAGE + 20
CLASSES = ("upper", "lower")


def product_row(number: int) -> dict[str, Any]:
    lists: dict[str, Any] = {name: [] for name in ("category_codes", "category_path", "listed_in", "sex", "colours")}
    now = utcnow()
    return {
        "shop": "musinsa", "product_no": str(number), "url": "", "name": f"n{number}",
        "garment_class": CLASSES[number % 2], "material": {}, "sizes": [], "labels": [], "sold_out": False,
        "stock_state": "on_sale", "content_key": "", "state": "current", "measurements": {}, "details": [],
        "first_seen_at": now, "seen_at": now, "fetched_at": now, **lists,
    }  # fmt: skip


def artifact_row(key: str, sha256: str, **columns: Any) -> dict[str, Any]:
    names = ("rows", "reason", "figure", "limit", "detail", "shot_kind", "score", "phash", "thumbnail")
    return {
        **dict.fromkeys(names), "key": key, "sha256": sha256, "garment_class": "lower", "stage": "conditions",
        "version": "v1", "state": "done", "files": {"image": sha256}, "facts": {}, "attempts": 1, "seconds": 0.1,
        "made_at": utcnow(), **columns,
    }  # fmt: skip


def choice_row(product_id: int, number: int, **columns: Any) -> dict[str, Any]:
    names = ("reason", "figure", "limit", "detail")
    return {
        **dict.fromkeys(names), "product_id": product_id, "version": "v1", "garment_class": CLASSES[number % 2],
        "state": "ready", "worn_key": content_key(["worn", number]), "packshot_key": content_key(["flat", number]),
        "facts": {}, "made_at": datetime(2026, 1, 1, tzinfo=UTC), **columns,
    }  # fmt: skip


@pytest.fixture
def catalogue(engine: Engine) -> Engine:
    """PRODUCTS products, the odd ones `lower`, each with a worn photo, a packshot and a ready choice of version v1."""
    with Session(engine) as session, session.begin():
        upsert(session, Shop, [{"code": "musinsa", "name": "", "url": "", "created_at": utcnow()}], key=["code"])
        upsert(session, Product, map(product_row, range(PRODUCTS)), key=["shop", "product_no"])
        ids = {int(row.product_no): row.id for row in session.execute(select(Product.product_no, Product.id))}
        names = [(kind, number) for number in range(PRODUCTS) for kind in ("worn", "flat")]
        image = {"size": 1, "format": "jpeg", "width": 3, "height": 4, "phash": 0, "thumbnail": b"", "segments": None}
        images = ({**image, "sha256": content_key([*name, "image"]), "stored_at": utcnow()} for name in names)
        upsert(session, Image, images, key=["sha256"])
        made = (artifact_row(content_key(list(name)), content_key([*name, "image"])) for name in names)
        upsert(session, Artifact, made, key=["key"])
        rows = (choice_row(ids[number], number) for number in range(PRODUCTS))
        upsert(session, Choice, rows, key=["product_id", "version"])
        shown = (
            {"product_id": ids[number], "shop": "musinsa", "url": kind, "url_key": ids[number], "role": "main",
             "position": 1, "state": "stored", "attempts": 1, "sha256": content_key([kind, number, "image"])}
            for kind, number in names if kind == "worn"
        )  # fmt: skip
        upsert(session, ProductImage, shown, key=["product_id", "url_key"])
    return engine


def test_ready_choices_stream_in_pages_by_product_id(catalogue: Engine) -> None:
    with Session(catalogue) as session:
        found = list(queries.ready_choices(session, "lower"))
        numbers = [int(one.product.product_no) for one in found]
        assert sorted(numbers) == list(range(1, PRODUCTS, 2))
        ids = [one.product.id for one in found]
        assert ids == sorted(ids)
        assert all(one.worn.key == content_key(["worn", number]) for one, number in zip(found, numbers, strict=True))
        assert all(one.packshot.files == {"image": one.packshot.sha256} for one in found)
        later = queries.ready_choices(session, "lower", found[99].product.id)
        assert [one.product.id for one in later] == [one.product.id for one in found[100:]]
        assert not session.identity_map, "pages that were read are let go"


def test_only_current_products_of_the_class_they_are_in(catalogue: Engine) -> None:
    with Session(catalogue) as session, session.begin():
        session.execute(update(Product).where(Product.product_no == "1").values(state="gone"))
        session.execute(update(Product).where(Product.product_no == "3").values(garment_class="upper"))
        session.execute(
            update(Choice).where(Choice.product_id == _id(session, "5")).values(state="rejected", reason="no-worn")
        )
    with Session(catalogue) as session:
        found = {one.product.product_no for one in queries.ready_choices(session, "lower")}
        assert not found & {"1", "3", "5"} and "7" in found
        assert queries.choice_counts(session, "v1") == [("ready", None, PRODUCTS - 1), ("rejected", "no-worn", 1)]


def test_without_a_version_the_one_that_was_made_last(catalogue: Engine) -> None:
    with Session(catalogue) as session, session.begin():
        later = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=1)
        row = choice_row(_id(session, "9"), 9, version="v2", made_at=later)
        upsert(session, Choice, [row], key=["product_id", "version"])
    with Session(catalogue) as session:
        assert queries.latest_version(session, "lower") == "v2" and queries.latest_version(session, "upper") == "v1"
        assert queries.latest_version(session, "dress") is None
        assert [one.product.product_no for one in queries.ready_choices(session, "lower")] == ["9"]
        assert len(list(queries.ready_choices(session, "lower", version="v1"))) == PRODUCTS // 2
        assert list(queries.ready_choices(session, "dress")) == []


def test_galleries_come_in_pages_and_shards(catalogue: Engine) -> None:
    with Session(catalogue) as session:
        first = queries.gallery_page(session, CLASSES)
        assert len(first) == queries.PAGE and all(len(one.pictures) == 1 for one in first)
        rest = queries.gallery_page(session, CLASSES, after=first[-1].product_id)
        assert len(rest) == PRODUCTS - queries.PAGE
        parts = [queries.gallery_page(session, ["lower"], shard=(index, 3)) for index in range(3)]
        ids = sorted(one.product_id for part in parts for one in part)
        assert ids == [one.product_id for one in [*first, *rest] if one.garment_class == "lower"]
        assert queries.gallery_pictures(session, CLASSES) == PRODUCTS
        assert sum(queries.gallery_pictures(session, ["lower"], (index, 3)) for index in range(3)) == PRODUCTS // 2


def test_artifacts_by_key(catalogue: Engine) -> None:
    keys = [content_key(["worn", number]) for number in range(PRODUCTS)]
    with Session(catalogue) as session:
        assert queries.artifacts(session, [*keys, "f" * 64]).keys() == set(keys)
        assert queries.artifact_states(session, [keys[0], "f" * 64]) == {keys[0]: ("done", 1)}
        assert queries.artifact_counts(session, "v1") == [("done", None, 2 * PRODUCTS)]


def test_an_artifact_that_a_choice_names_can_not_go(catalogue: Engine) -> None:
    with Session(catalogue) as session, pytest.raises(IntegrityError):
        session.delete(session.get_one(Artifact, content_key(["worn", 1])))
        session.flush()


def _id(session: Session, number: str) -> int:
    return session.scalars(select(Product.id).filter_by(product_no=number)).one()
