"""From the catalogue to a snapshot: pairs are brought up to date and written with their facts and their blobs' hashes.

The contract that must not break: rows are read a page at a time; what can't be in a release is counted with its reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, aliased

from db.models import Artifact, Pair, Product, ProductImage
from db.queries import PAGE
from db.session import make_sessions
from releases.pairing import update_pairs
from releases.params import ReleaseParams
from releases.rows import Entry, Facts, Withdrawn
from releases.snapshots import SnapshotFacts, write_snapshot
from vitonhd.folders import FOLDERS, REQUIRED
from vitonhd.garment_classes import GarmentClass
from vitonhd.names import item_id

INCOMPLETE = "incomplete"
_PARTS = {folder.name: folder.part for folder in FOLDERS}
_Row = tuple[Pair, Product, Artifact, Artifact]


def take_snapshot(
    engine: Engine, garment_class: GarmentClass, params: ReleaseParams, permissions: Mapping[str, str], path: Path
) -> SnapshotFacts:
    """Write the class's state to `path`; gives new products their numbers and splits (`pairing.update_pairs`)."""
    left_out = update_pairs(engine, garment_class, params, permissions)
    with make_sessions(engine, read_only=True)() as session:
        return write_snapshot(path, garment_class, _rows(session, garment_class, left_out), left_out)


def _rows(session: Session, garment_class: GarmentClass, left_out: Counter[str]) -> Iterator[Entry | Withdrawn]:
    worn, packshot = aliased(Artifact), aliased(Artifact)
    last = -1
    while True:
        query = (
            select(Pair, Product, worn, packshot)
            .join(Product, Product.id == Pair.product_id)
            .join(worn, worn.key == Pair.worn_key)
            .join(packshot, packshot.key == Pair.packshot_key)
            .where(Pair.garment_class == garment_class, Pair.number > last, Pair.state.in_(("ready", "withdrawn")))
            .order_by(Pair.number)
            .limit(PAGE)
        )
        page: list[_Row] = [(pair, product, one, other) for pair, product, one, other in session.execute(query)]
        if not page:
            return
        urls = _urls(session, page)
        for row in page:
            found = _row(row, urls)
            if found is None:
                left_out[INCOMPLETE] += 1
            else:
                yield found
        last = page[-1][0].number
        session.expunge_all()


def _urls(session: Session, rows: Sequence[_Row]) -> dict[tuple[int, str], str]:
    """Where each of the page's pictures is first shown on its product."""
    query = (
        select(ProductImage.product_id, ProductImage.sha256, ProductImage.url)
        .where(ProductImage.product_id.in_([row[1].id for row in rows]))
        .where(ProductImage.sha256.in_({artifact.sha256 for row in rows for artifact in row[2:]}))
        .order_by(ProductImage.position.desc(), ProductImage.id.desc())
    )
    return {(product_id, sha256 or ""): url for product_id, sha256, url in session.execute(query)}


def _row(row: _Row, urls: Mapping[tuple[int, str], str]) -> Entry | Withdrawn | None:
    """None for a pair whose conditions are not all there."""
    pair, product, worn, packshot = row
    id = item_id(pair.number)
    if pair.state == "withdrawn":
        return Withdrawn(id, product.shop, product.product_no, pair.reason or "withdrawn")
    files = {**packshot.files, **worn.files}
    parts = {_PARTS[name]: str(sha256) for name, sha256 in files.items() if name in _PARTS}
    if any(folder.part not in parts for folder in REQUIRED):
        return None
    facts = Facts(
        shop=product.shop, product_no=product.product_no, url=product.url, name=product.name,
        brand=product.brand or "", garment=pair.garment, person=pair.person,
        worn_url=urls.get((product.id, worn.sha256), ""), packshot_url=urls.get((product.id, packshot.sha256), ""),
        worn_sha256=worn.sha256, packshot_sha256=packshot.sha256, permission=pair.permission,
        worn_score=worn.score or 0.0, packshot_score=packshot.score or 0.0,
        versions=json.dumps({worn.stage: worn.version, packshot.stage: packshot.version, "choice": pair.version}),
    )  # fmt: skip
    return Entry(id, pair.split, facts, parts)
