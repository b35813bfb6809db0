"""What pairs are made of: each product's newest choice, whichever version of preprocessing made it.

A product that a new version has not come to yet keeps its older choice: while preprocessing is under way, a data set
holds items of both versions and does not shrink.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, aliased

from db.models import Artifact, Choice, Product
from db.queries import PAGE, ReadyChoice


def is_newest(choice: Any = Choice) -> ColumnElement[bool]:
    """Whether no choice of the same product and class was made later."""
    other = aliased(Choice)
    later = or_(other.made_at > choice.made_at, and_(other.made_at == choice.made_at, other.version > choice.version))
    same = (other.product_id == choice.product_id) & (other.garment_class == choice.garment_class)
    return ~select(other.product_id).where(same, later).exists()


def newest_ready(session: Session, garment_class: str, after: int = 0) -> Iterator[ReadyChoice]:
    """Ready ones among the newest choices by ascending product id, PAGE at a time; `after` is the last one known.

    Also of products that the shop no longer has: a data set keeps what it may keep. Rows are detached as soon as the
    next page is asked for.
    """
    worn, packshot = aliased(Artifact), aliased(Artifact)
    while True:
        query = (
            select(Product, Choice, worn, packshot)
            .join(Product, Product.id == Choice.product_id)
            .join(worn, worn.key == Choice.worn_key)
            .join(packshot, packshot.key == Choice.packshot_key)
            .where(Choice.garment_class == garment_class, Choice.state == "ready", Choice.product_id > after)
            # A product that was put into another class since is not this class's any more.
            .where(Product.garment_class == garment_class, is_newest())
            .order_by(Choice.product_id)
            .limit(PAGE)
        )
        page = [ReadyChoice(*row) for row in session.execute(query)]
        if not page:
            return
        yield from page
        after = page[-1].choice.product_id
        session.expunge_all()
