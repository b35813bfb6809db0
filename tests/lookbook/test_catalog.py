"""`lookbook catalog`: listing, showing and exporting what a crawl stored."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet
import pytest

from tests.conftest import Lookbook
from tests.e2e.crawl_drill import settings_for
from tests.replay import ReplayServer, SyntheticShop

SHOP = SyntheticShop("musinsa", products=120)


@pytest.fixture
def crawled(lookbook: Lookbook) -> Lookbook:
    """A catalogue of a small crawled shop."""
    with ReplayServer(SHOP) as server:
        ran = lookbook("crawl", "run", "musinsa", "--limit", "25", **settings_for(server, "musinsa"))
        assert ran.code == 0, ran.stderr
    return lookbook


def test_list_show_and_export_agree(crawled: Lookbook, tmp_path: Path) -> None:
    listed = crawled("catalog", "ls").stdout.splitlines()
    numbers = {line.split()[1] for line in listed}
    assert len(numbers) == len(listed) > 10
    lower = crawled("catalog", "ls", "--class", "lower").stdout.splitlines()
    assert {line.split()[2] for line in lower} == {"lower"}

    number = sorted(numbers)[0]
    shown = json.loads(crawled("catalog", "show", "musinsa", number).stdout)
    assert shown["name"] == SHOP.expected().products[number].name
    assert len(shown["history"]) == 1

    assert crawled("catalog", "export", str(tmp_path / "all.csv")).summary["products"] == len(numbers)
    assert crawled("catalog", "export", str(tmp_path / "all.parquet")).summary["products"] == len(numbers)
    with (tmp_path / "all.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["product_no"]: row for row in csv.DictReader(file)}
    table = pyarrow.parquet.read_table(tmp_path / "all.parquet").to_pylist()
    columns = {row["product_no"]: row for row in table}
    assert set(rows) == set(columns) == numbers
    for one in numbers:
        assert json.loads(rows[one]["images"]) == columns[one]["images"]
        assert json.loads(rows[one]["category_codes"]) == columns[one]["category_codes"]
        assert int(rows[one]["sale_price"] or -1) == (columns[one]["sale_price"] or -1)
    assert columns[number]["images"] == shown["images"]


def test_text_search_takes_wildcards_literally(crawled: Lookbook) -> None:
    assert crawled("catalog", "ls", "--text", "%").stdout == ""
    name = next(iter(SHOP.expected().products.values())).name.split()[-1]
    assert crawled("catalog", "ls", "--text", name[:4]).code == 0


def test_an_unknown_product_is_exit_code_65(crawled: Lookbook) -> None:
    ran = crawled("catalog", "show", "musinsa", "42")
    assert ran.code == 65
    assert "42" in ran.stderr


def test_a_failed_export_leaves_the_old_file(crawled: Lookbook, tmp_path: Path) -> None:
    target = tmp_path / "catalogue.csv"
    target.write_text("old")
    ran = crawled("catalog", "export", str(target), database_url=f"sqlite:///{tmp_path}/empty.db")
    assert ran.code == 78
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".partial")] == []
