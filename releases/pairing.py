"""From ready choices to pairs: an item number and a split that stay for ever, and which pairs a release may hold.

The contract that must not break: a pair's number and split never change; no garment, packshot or worn photo is in both
splits; every pair is `ready`, `rejected` or `withdrawn`, the latter two with a reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Engine, delete, func, literal, or_, select, update
from sqlalchemy.orm import Session

from db.locks import exclusive
from db.models import Choice, CrawlRun, Image, Pair, Product, Withdrawal, utcnow
from db.pairs import is_newest, newest_ready
from db.queries import PAGE, ReadyChoice
from db.session import make_sessions
from db.upsert import upsert
from releases.params import ReleaseParams
from releases.splits import hashed_split
from vitonhd.garment_classes import GarmentClass
from vitonhd.names import MAX_ITEMS

LEAK = "leak"
DUPLICATE = "duplicate"
NO_CHOICE = "no-choice"
NUMBERS_USED_UP = "numbers-used-up"
PERMISSION_GONE = "permission-gone"
_COLUMNS = ("garment", "packshot", "person", "worn_key", "packshot_key", "version", "permission", "state", "reason")


@dataclass(frozen=True, slots=True)
class _Found:
    """A ready choice as pairing sees it."""

    product_id: int
    garment: str
    packshot: str
    person: str
    worn_key: str
    packshot_key: str
    version: str
    permission: str
    withdrawn: str | None

    @property
    def identities(self) -> tuple[tuple[str, str], ...]:
        return ("garment", self.garment), ("packshot", self.packshot), ("person", self.person)


def update_pairs(
    engine: Engine, garment_class: GarmentClass, params: ReleaseParams, permissions: Mapping[str, str]
) -> Counter[str]:
    """Bring the class's pairs up to date with its choices; returns how many products are out, by reason.

    `permissions` names the permission in force for each shop that has given one: what was crawled on a permission of a
    shop that gives none any more is withdrawn. Raises db.errors.Busy when another process does the same.
    """
    started = utcnow()
    sessions = make_sessions(engine)
    left_out: Counter[str] = Counter()
    last = 0
    with exclusive(engine, "pairs"):
        while page := _next_page(engine, garment_class, last):
            with sessions.begin() as session:
                found = _identified(session, page, permissions)
                left_out += _place(session, garment_class, found, params)
            last = page[-1].product.id
        with sessions.begin() as session:
            _let_go(session, garment_class, started)
            _withdraw(session, garment_class, permissions)
            left_out += _rejected(session, garment_class)
    return left_out


def _next_page(engine: Engine, garment_class: GarmentClass, after: int) -> list[ReadyChoice]:
    """A session a page: SQLite's write-ahead log grows for as long as one reader stays in its transaction."""
    with make_sessions(engine, read_only=True)() as session:
        return list(islice(newest_ready(session, garment_class, after), PAGE))


def _identified(session: Session, page: Sequence[ReadyChoice], permissions: Mapping[str, str]) -> list[_Found]:
    hashes = {artifact.sha256 for one in page for artifact in (one.worn, one.packshot)}
    rows = session.execute(select(Image.sha256, Image.near_duplicate_of).where(Image.sha256.in_(hashes)))
    group = {sha256: head or sha256 for sha256, head in rows}
    runs = _permissions_of(session, {one.product.run_id for one in page if one.product.run_id is not None})
    withdrawn = _withdrawals(session, page)
    found = []
    for one in page:
        product = one.product
        permission = runs.get(product.run_id or 0, "")
        reason = withdrawn.get((product.shop, product.product_no))
        if reason is None and permission and product.shop not in permissions:
            reason = PERMISSION_GONE
        variants = product.colour_group or product.product_no
        found.append(
            _Found(
                product.id, f"{product.shop} {variants}", group[one.packshot.sha256], group[one.worn.sha256],
                one.worn.key, one.packshot.key, one.choice.version, permission, reason,
            )
        )  # fmt: skip
    return found


def _permissions_of(session: Session, run_ids: set[int]) -> dict[int, str]:
    """The permission that each run last relied on; runs without one are not named."""
    rows = session.execute(select(CrawlRun.id, CrawlRun.permissions).where(CrawlRun.id.in_(run_ids)))
    return {run_id: str(stated[-1]["reference"]) for run_id, stated in rows if stated}


def _withdrawals(session: Session, page: Sequence[ReadyChoice]) -> dict[tuple[str, str], str]:
    numbers = {one.product.product_no for one in page}
    rows = session.scalars(select(Withdrawal).where(Withdrawal.product_no.in_(numbers)))
    return {(row.shop, row.product_no): row.reason for row in rows}


class _Known:
    """The pairs that matter for a page of choices, and what is decided as the page is gone through."""

    def __init__(self, session: Session, garment_class: GarmentClass, page: Sequence[_Found]) -> None:
        self.garment_class = garment_class
        self.own: dict[int, Pair] = {}
        self.sharing: dict[tuple[str, str], dict[tuple[str, int], Pair]] = {}
        related = select(Pair).where(
            or_(
                Pair.product_id.in_([one.product_id for one in page]),
                Pair.garment.in_({one.garment for one in page}),
                Pair.packshot.in_({one.packshot for one in page}),
                Pair.person.in_({one.person for one in page}),
            )
        )
        for pair in session.scalars(related.order_by(Pair.id)):
            if pair.garment_class == garment_class:
                self.own[pair.product_id] = pair
            if pair.state == "ready":
                self.note(pair)
        highest = session.scalar(select(func.max(Pair.number)).where(Pair.garment_class == garment_class))
        self.next = 0 if highest is None else highest + 1

    def note(self, pair: Pair) -> None:
        for identity in (("garment", pair.garment), ("packshot", pair.packshot), ("person", pair.person)):
            self.sharing.setdefault(identity, {})[pair.garment_class, pair.product_id] = pair

    def others(self, one: _Found) -> list[Pair]:
        """Ready pairs of any class that share an identity; the product's own pair of this class is not looked at."""
        for pairs in self.sharing.values():
            pairs.pop((self.garment_class, one.product_id), None)
        return [pair for identity in one.identities for pair in self.sharing.get(identity, {}).values()]


def _place(
    session: Session, garment_class: GarmentClass, page: Sequence[_Found], params: ReleaseParams
) -> Counter[str]:
    """Make or update a page's pairs, in the order of product ids; returns the products that got no pair, by reason."""
    known = _Known(session, garment_class, page)
    now = utcnow()
    left_out: Counter[str] = Counter()
    for one in page:
        pair = known.own.get(one.product_id)
        others = known.others(one)
        if pair is None:
            if one.withdrawn is not None or known.next >= MAX_ITEMS:
                left_out["withdrawn" if one.withdrawn is not None else NUMBERS_USED_UP] += 1
                continue
            split = others[0].split if others else hashed_split(params.salt, one.garment, params.test_share)
            pair = Pair(product_id=one.product_id, garment_class=garment_class, number=known.next, split=split)
            known.next += 1
            session.add(pair)
        pair.state, pair.reason = _verdict(one, pair, others)
        for column in _COLUMNS[:-2]:
            setattr(pair, column, getattr(one, column))
        pair.checked_at = now
        if pair.state == "ready":
            known.note(pair)
    return left_out


def _verdict(one: _Found, pair: Pair, others: Sequence[Pair]) -> tuple[str, str | None]:
    """The pair's state and reason; `others` are ready pairs that share an identity with it."""
    if one.withdrawn is not None:
        return "withdrawn", one.withdrawn
    if any(other.split != pair.split for other in others):
        return "rejected", LEAK
    same_class = (other for other in others if other.garment_class == pair.garment_class)
    if any((other.packshot, other.person) == (one.packshot, one.person) for other in same_class):
        return "rejected", DUPLICATE
    return "ready", None


def _let_go(session: Session, garment_class: GarmentClass, started: datetime) -> None:
    """Pairs whose product has no ready choice any more are out, with the choice's reason."""
    why = (
        select(Choice.reason)
        .where(Choice.product_id == Pair.product_id, Choice.garment_class == Pair.garment_class)
        .where(Choice.state == "rejected", is_newest())
        .scalar_subquery()
    )
    session.execute(
        update(Pair)
        .where(Pair.garment_class == garment_class, Pair.state != "rejected", Pair.checked_at < started)
        .values(state="rejected", reason=func.coalesce(why, NO_CHOICE))
        .execution_options(synchronize_session=False)
    )


def _withdraw(session: Session, garment_class: GarmentClass, permissions: Mapping[str, str]) -> None:
    """Also pairs that are out for another reason: bytes of theirs may be in a shard still."""
    asked = (
        select(Withdrawal.reason)
        .join(Product, (Product.shop == Withdrawal.shop) & (Product.product_no == Withdrawal.product_no))
        .where(Product.id == Pair.product_id)
        .scalar_subquery()
    )
    of_shop = select(Product.shop).where(Product.id == Pair.product_id).scalar_subquery()
    not_withdrawn = (Pair.garment_class == garment_class) & (Pair.state != "withdrawn")
    for condition, reason in (
        (asked.is_not(None), asked),
        ((Pair.permission != "") & of_shop.not_in(list(permissions)), literal(PERMISSION_GONE)),
    ):
        session.execute(
            update(Pair)
            .where(not_withdrawn, condition)
            .values(state="withdrawn", reason=reason)
            .execution_options(synchronize_session=False)
        )


def _rejected(session: Session, garment_class: GarmentClass) -> Counter[str]:
    """Products without an item, by reason: those whose choice or pair is rejected."""
    choices = select(Choice.reason, func.count()).where(
        Choice.garment_class == garment_class, Choice.state == "rejected", is_newest()
    )
    pairs = select(Pair.reason, func.count()).where(
        Pair.garment_class == garment_class, Pair.state == "rejected", Pair.reason.in_((LEAK, DUPLICATE, NO_CHOICE))
    )
    found: Counter[str] = Counter()
    for query in (choices.group_by(Choice.reason), pairs.group_by(Pair.reason)):
        for reason, number in session.execute(query):
            found[reason or "unknown"] += number
    return found


def withdraw(session: Session, shop: str, product_no: str, reason: str) -> None:
    """The product may not be in any further release; takes effect with the next snapshot."""
    row = {"shop": shop, "product_no": product_no, "reason": reason, "made_at": utcnow()}
    upsert(session, Withdrawal, [row], key=("shop", "product_no"), update=("reason",))


def readmit(session: Session, shop: str, product_no: str) -> bool:
    """Undo `withdraw`; whether there was one. The product's item has its old number and split again."""
    gone = delete(Withdrawal).where(Withdrawal.shop == shop, Withdrawal.product_no == product_no)
    return session.execute(gone.returning(Withdrawal.shop)).first() is not None
