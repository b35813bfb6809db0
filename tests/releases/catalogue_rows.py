"""A catalogue with synthetic products whose pictures are preprocessed: rows and blobs as the crawler and the runner
leave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.blobs import BlobStore, sha256_hex
from db.keys import url_key
from db.models import Artifact, Choice, CrawlRun, Image, Product, ProductImage, Shop, utcnow
from db.session import make_sessions
from tests.releases.warehouse import files_of
from vitonhd.folders import REQUIRED

VERSION = "1-test-000000000000"
RUN = 1


class Shelf:
    """Products by number; putting one again changes it."""

    def __init__(self, engine: Engine, blobs: BlobStore, permission: str | None = None) -> None:
        self.sessions = make_sessions(engine)
        self.blobs = blobs
        stated: list[dict[str, Any]] = [{"reference": permission, "hosts": [], "expires": None}] if permission else []
        with self.sessions.begin() as session:
            session.merge(Shop(code="musinsa", name="MUSINSA", url="https://www.musinsa.com"))
            session.flush()
            session.merge(CrawlRun(id=RUN, shop="musinsa", arguments={}, permissions=stated, state="finished"))

    @classmethod
    def of(cls, engine: Engine, folder: Path, permission: str | None = None) -> Shelf:
        return cls(engine, BlobStore(str(folder / "blobs")), permission)

    def put(
        self,
        number: int,
        *,
        worn: int | None = None,
        packshot: int | None = None,
        version: str = VERSION,
        **product: Any,
    ) -> None:
        """A ready product; `worn` and `packshot` are seeds of its pictures."""
        with self.sessions.begin() as session:
            self._product(session, number, **product)
            keys = [
                self._artifact(session, number, "worn", number if worn is None else worn),
                self._artifact(session, number, "flat", number if packshot is None else packshot),
            ]
            session.merge(
                Choice(
                    product_id=number, version=version, garment_class="upper", state="ready",
                    worn_key=keys[0], packshot_key=keys[1], reason=None, made_at=utcnow(),
                )
            )  # fmt: skip

    def reject(self, number: int, reason: str, version: str = VERSION) -> None:
        with self.sessions.begin() as session:
            if session.get(Product, number) is None:
                self._product(session, number)
            session.merge(
                Choice(
                    product_id=number, version=version, garment_class="upper", state="rejected", reason=reason,
                    worn_key=None, packshot_key=None, made_at=utcnow(),
                )
            )  # fmt: skip

    def _product(self, session: Session, number: int, **columns: Any) -> None:
        lists = ("category_codes", "category_path", "listed_in", "sex", "colours", "sizes", "labels", "details")
        empty: dict[str, Any] = {name: [] for name in lists}
        session.merge(
            Product(
                id=number, shop="musinsa", product_no=str(1000 + number),
                url=f"https://www.musinsa.com/products/{1000 + number}",
                garment_class="upper", material={}, measurements={}, sold_out=False, stock_state="on_sale",
                content_key="0" * 64, run_id=RUN,
                **{"name": f"합성 상품 {number}", "state": "current", **empty, **columns},
            )
        )  # fmt: skip
        session.flush()

    def _artifact(self, session: Session, number: int, kind: str, seed: int) -> str:
        files = files_of(seed)
        original = sha256_hex(f"{kind} {seed}".encode())
        session.merge(
            Image(
                sha256=original, size=1, format="JPEG", width=192, height=256, phash=seed, thumbnail=bytes(192),
                near_duplicate_of=None,
            )
        )  # fmt: skip
        session.flush()
        url = f"https://image.msscdn.net/{kind}/{seed}.jpg"
        known = session.query(ProductImage).filter_by(product_id=number, url_key=url_key(url)).one_or_none()
        if known is None:
            session.add(
                ProductImage(
                    product_id=number, shop="musinsa", url=url, url_key=url_key(url), role="gallery",
                    position=0 if kind == "flat" else 1, state="stored", sha256=original,
                )
            )  # fmt: skip
        key = sha256_hex(f"{original} {VERSION}".encode())
        parts = {
            folder.name: self.blobs.put(files[folder.part]) for folder in REQUIRED if folder.garment == (kind == "flat")
        }
        session.merge(
            Artifact(
                key=key, sha256=original, garment_class="upper", stage="conditions", version=VERSION, state="done",
                shot_kind=kind, score=0.8, files=parts, seconds=0.1,
            )
        )  # fmt: skip
        session.flush()
        return key
