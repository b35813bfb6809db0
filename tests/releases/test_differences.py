"""Two releases compared: by item, with reasons and pictures."""

from __future__ import annotations

from pathlib import Path

from releases.build import build
from releases.diff_page import diff_page
from releases.differences import Kind, differences
from releases.release import Release
from releases.rows import Entry, Withdrawn
from releases.snapshots import write_snapshot
from tests.releases.test_build import PARAMS
from tests.releases.warehouse import Warehouse
from vitonhd.names import item_id

NAME = '<script>alert("1")</script>'


def made(warehouse: Warehouse, folder: Path, rows: list[Entry | Withdrawn]) -> Release:
    folder.mkdir()
    write_snapshot(folder / "snapshot.parquet", warehouse.garment_class, rows)
    build(folder / "snapshot.parquet", folder / "release", warehouse.blobs_url, PARAMS)
    return Release.local(folder / "release")


def test_every_kind_of_difference(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    old = made(warehouse, tmp_path / "old", [warehouse.entry(number) for number in range(6)])
    new = made(
        warehouse,
        tmp_path / "new",
        [
            Withdrawn(item_id(1), "demo", "1001", "shop's request"),
            warehouse.entry(2, seed=200, url="javascript:alert(1)"),
            warehouse.entry(3, name=NAME),
            warehouse.entry(4),
            warehouse.entry(5),
            warehouse.entry(6),
        ],
    )
    found = {difference.item.id: difference for difference in differences(old, new)}
    assert {id: difference.kind for id, difference in found.items()} == {
        item_id(0): Kind.REMOVED,
        item_id(1): Kind.REMOVED,
        item_id(2): Kind.CHANGED,
        item_id(3): Kind.RESTATED,
        item_id(6): Kind.ADDED,
    }
    assert found[item_id(0)].what == ("no longer ready",) and not found[item_id(0)].withdrawn
    assert found[item_id(1)].what == ("withdrawn: shop's request",) and found[item_id(1)].withdrawn
    assert "image" in found[item_id(2)].what and found[item_id(3)].what == ("name",)
    page, counts = diff_page(("old", old), ("new", new), differences(old, new))
    assert counts == {"added": 1, "removed": 2, "changed": 1, "restated": 1}
    # Four pictures an item: one added, one removed but not withdrawn, one changed (twice), one restated.
    assert page.count("data:image/jpeg") == 4 * 5
    assert "<script>" not in page and "&lt;script&gt;" in page and "javascript:" not in page


def test_a_release_does_not_differ_from_itself(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    release = made(warehouse, tmp_path / "one", [warehouse.entry(number) for number in range(3)])
    assert list(differences(release, release)) == []
    assert "the same items" in diff_page(("a", release), ("b", release), ())[0]
