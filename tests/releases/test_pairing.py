"""From the catalogue to a snapshot: ids and splits for ever, leaks and duplicates kept out, withdrawals listed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from db.errors import Busy
from db.locks import exclusive
from db.models import Image
from db.session import make_sessions
from releases import pairing
from releases.catalogue import take_snapshot
from releases.params import ReleaseParams
from releases.rows import Entry, Withdrawn
from releases.snapshots import read_snapshot
from releases.splits import hashed_split
from tests.releases.catalogue_rows import Shelf
from tests.releases.warehouse import SIZE, files_of
from vitonhd.garment_classes import GarmentClass

PARAMS = ReleaseParams(width=SIZE[0], height=SIZE[1], test_share=0.3)
AGREEMENT = "agreement of 2026-01-02"


@pytest.fixture
def shelf(engine: Engine, tmp_path: Path) -> Shelf:
    return Shelf.of(engine, tmp_path, AGREEMENT)


class Snapshots:
    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.permissions = {"musinsa": AGREEMENT}
        self.counts: dict[str, int] = {}

    def __call__(self) -> dict[int, Entry | Withdrawn]:
        """Rows by the product's number in the shelf."""
        path = self.folder / "snapshot.parquet"
        found = take_snapshot(self.engine, GarmentClass.UPPER, PARAMS, self.permissions, path)
        self.counts = found.counts
        return {
            int(row.product_no if isinstance(row, Withdrawn) else row.facts.product_no) - 1000: row
            for row in read_snapshot(path)
        }


@pytest.fixture
def snapshot(engine: Engine, tmp_path: Path) -> Snapshots:
    return Snapshots(engine, tmp_path)


def test_a_ready_product_becomes_an_item_with_all_its_facts(shelf: Shelf, snapshot: Snapshots) -> None:
    shelf.put(1, brand="브랜드")
    shelf.reject(2, "no-packshot")
    (row,) = snapshot().values()
    assert isinstance(row, Entry)
    assert row.id == "00000_00"
    facts = row.facts
    assert (facts.shop, facts.product_no, facts.name, facts.brand) == ("musinsa", "1001", "합성 상품 1", "브랜드")
    assert facts.permission == AGREEMENT
    assert facts.worn_url.endswith("worn/1.jpg") and facts.packshot_url.endswith("flat/1.jpg")
    assert facts.garment == "musinsa 1001"
    assert row.split == hashed_split("lookbook", "musinsa 1001", 0.3)
    assert {part: shelf.blobs.get(sha256) for part, sha256 in row.parts.items()} == files_of(1)
    assert snapshot.counts == {"ready": 1, "out:no-packshot": 1}


def test_an_unchanged_catalogue_gives_the_same_bytes(shelf: Shelf, snapshot: Snapshots, tmp_path: Path) -> None:
    for number in range(1, 8):
        shelf.put(number)
    snapshot()
    once = (tmp_path / "snapshot.parquet").read_bytes()
    snapshot()
    assert (tmp_path / "snapshot.parquet").read_bytes() == once


def test_ids_and_splits_stay_for_ever(shelf: Shelf, snapshot: Snapshots) -> None:
    for number in (5, 6, 7, 8):
        shelf.put(number)
    before = snapshot()
    for number in range(1, 12):  # products with smaller numbers come later, one leaves, one gets other pictures
        shelf.put(number, worn=100 if number == 6 else number)
    shelf.reject(7, "no-worn")
    after = snapshot()
    assert 7 not in after and snapshot.counts["out:no-worn"] == 1
    for number in (5, 6, 8):
        one, other = before[number], after[number]
        assert isinstance(one, Entry) and isinstance(other, Entry)
        assert (one.id, one.split) == (other.id, other.split)
    assert before[6] != after[6] and before[5] == after[5]
    shelf.put(7)
    assert snapshot()[7] == before[7]
    assert len({row.id for row in snapshot().values()}) == 11


def test_what_the_shop_no_longer_sells_stays(shelf: Shelf, snapshot: Snapshots) -> None:
    shelf.put(1)
    before = snapshot()
    shelf.put(1, state="gone")
    assert snapshot() == before


def test_a_new_version_under_way_does_not_shrink_the_data_set(shelf: Shelf, snapshot: Snapshots) -> None:
    for number in (1, 2, 3):
        shelf.put(number)
    before = snapshot()
    shelf.put(1, worn=100, version="2-test")
    shelf.reject(2, "no-worn", version="2-test")
    after = snapshot()
    assert set(after) == {1, 3} and after[3] == before[3] and after[1] != before[1]
    assert snapshot.counts == {"ready": 2, "out:no-worn": 1}


def test_colour_variants_and_shared_photos_share_the_split(shelf: Shelf, snapshot: Snapshots) -> None:
    splits = {number: hashed_split("lookbook", f"musinsa {1000 + number}", 0.3) for number in range(1, 40)}
    test = next(number for number, split in splits.items() if split == "test")
    train = next(number for number, split in splits.items() if split == "train" and number > test)
    shelf.put(test)
    shelf.put(train, worn=test)  # the same photo shows both products
    for number in range(50, 56):
        shelf.put(number, colour_group="variants")
    found = snapshot()
    assert found[train].split == found[test].split == "test"  # type: ignore[union-attr]
    assert len({found[number].split for number in range(50, 56)}) == 1  # type: ignore[union-attr]


def test_near_duplicate_packshots_share_the_split(shelf: Shelf, snapshot: Snapshots, engine: Engine) -> None:
    for number in range(1, 30):
        shelf.put(number)
    with make_sessions(engine).begin() as session:
        head = session.query(Image).order_by(Image.sha256).first()
        assert head is not None
        session.execute(update(Image).values(near_duplicate_of=head.sha256))
    found = snapshot()
    assert {row.split for row in found.values() if isinstance(row, Entry)} in ({"train"}, {"test"})


def test_a_pair_that_would_leak_is_out_until_it_does_not(shelf: Shelf, snapshot: Snapshots) -> None:
    splits = {number: hashed_split("lookbook", f"musinsa {1000 + number}", 0.3) for number in range(1, 40)}
    test = next(number for number, split in splits.items() if split == "test")
    train = next(number for number, split in splits.items() if split == "train" and number > test)
    shelf.put(test)
    shelf.put(train)
    before = snapshot()
    shelf.put(train, worn=test)  # both have their splits; now the test photo shows up on a train product
    found = snapshot()
    assert test in found and train not in found
    assert snapshot.counts == {"ready": 1, "out:leak": 1}
    shelf.put(train)
    assert snapshot() == before


def test_the_same_pictures_twice_are_one_item(shelf: Shelf, snapshot: Snapshots) -> None:
    shelf.put(1)
    shelf.put(2, worn=1, packshot=1)
    assert list(snapshot()) == [1]
    assert snapshot.counts == {"ready": 1, "out:duplicate": 1}


def test_withdrawn_products_are_listed_and_may_come_back(shelf: Shelf, snapshot: Snapshots, engine: Engine) -> None:
    for number in (1, 2, 3):
        shelf.put(number)
    before = snapshot()
    shelf.reject(2, "no-worn")
    snapshot()
    with make_sessions(engine).begin() as session:
        for number in (1, 2, 9):  # 2 is out already, 9 not known yet
            pairing.withdraw(session, "musinsa", str(1000 + number), "shop's request")
    shelf.put(9)
    found = snapshot()
    assert found[1] == Withdrawn(before[1].id, "musinsa", "1001", "shop's request")
    assert isinstance(found[2], Withdrawn)
    assert found[3] == before[3] and 9 not in found
    assert snapshot.counts["out:withdrawn"] == 1
    with make_sessions(engine).begin() as session:
        assert pairing.readmit(session, "musinsa", "1001")
        assert not pairing.readmit(session, "musinsa", "1001")
    assert snapshot()[1] == before[1]


def test_a_permission_that_is_gone_withdraws_what_was_crawled_on_it(shelf: Shelf, snapshot: Snapshots) -> None:
    shelf.put(1)
    before = snapshot()
    snapshot.permissions = {}
    assert snapshot()[1] == Withdrawn(before[1].id, "musinsa", "1001", "permission-gone")
    snapshot.permissions = {"musinsa": "agreement of 2027"}
    assert snapshot() == before


def test_what_robots_allow_needs_no_permission(engine: Engine, tmp_path: Path, snapshot: Snapshots) -> None:
    shelf = Shelf.of(engine, tmp_path)
    shelf.put(1)
    snapshot.permissions = {}
    (row,) = snapshot().values()
    assert isinstance(row, Entry) and row.facts.permission == ""


def test_a_class_without_any_choice_is_an_empty_snapshot(engine: Engine, snapshot: Snapshots) -> None:
    assert snapshot() == {} and snapshot.counts == {}


def test_two_pairings_do_not_meet(engine: Engine, shelf: Shelf, snapshot: Snapshots) -> None:
    shelf.put(1)
    with exclusive(engine, "pairs"), pytest.raises(Busy):
        snapshot()
