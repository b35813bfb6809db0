"""Whole crawls of a replayed shop with the real command: complete, incremental, reported."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SERVER, Lookbook
from tests.e2e.crawl_drill import crawl, settings_for
from tests.e2e.shops import MUSINSA, SSF, one_category, pages_asked_for, state_of
from tests.replay import SELLER_CONTACTS, FaultPlan, ReplayServer, SyntheticShop


@pytest.mark.parametrize("shop", [MUSINSA, SSF], ids=["musinsa", "ssf"])
def test_a_crawl_among_faults_and_kills_ends_as_an_undisturbed_one(
    shop: SyntheticShop, lookbook: Lookbook, make_catalogue: Callable[[str], str], tmp_path: Path
) -> None:
    calm = Lookbook(tmp_path, make_catalogue("postgresql" if SERVER else "sqlite"))
    undisturbed = crawl(calm, shop, FaultPlan.mix(), kills=0)
    killed = crawl(lookbook, shop, FaultPlan.mix(), kills=4)
    assert undisturbed.problems == []
    assert killed.problems == []
    assert killed.kills == 4
    assert killed.state == undisturbed.state


def test_sqlite_and_postgresql_end_with_identical_catalogues(
    make_catalogue: Callable[[str], str], tmp_path: Path, server: ReplayServer
) -> None:
    states = []
    for backend in ("sqlite", "postgresql"):
        lookbook = Lookbook(tmp_path, make_catalogue(backend))
        ran = lookbook("crawl", "run", "musinsa", "--category", "100", **settings_for(server, "musinsa"))
        assert ran.code == 0, ran.stderr
        states.append(state_of(lookbook))
    assert states[0]["products"]
    assert states[0] == states[1]


def test_contacts_of_sellers_are_nowhere_in_the_catalogue(lookbook: Lookbook, server: ReplayServer) -> None:
    ran = lookbook("crawl", "run", "musinsa", "--category", "003", **settings_for(server, "musinsa"))
    assert ran.code == 0, ran.stderr
    stored = json.dumps(state_of(lookbook), ensure_ascii=False)
    assert len(state_of(lookbook)["products"]) > 5
    for contact in SELLER_CONTACTS:
        assert contact not in stored


def test_a_limit_bounds_the_products_and_ends_the_lists(lookbook: Lookbook, server: ReplayServer) -> None:
    one_at_a_time = settings_for(server, "ssf") | {"SHOPS__SSF__CONCURRENCY": "1"}
    ran = lookbook("crawl", "run", "ssf", "--limit", "7", **one_at_a_time)
    assert ran.code == 0, ran.stderr
    pages = ran.summary["pages"]
    assert sum(pages["product"].values()) == 7
    assert pages["listing"]["skipped"] >= 4
    assert len([page for page in pages_asked_for(server) if "/list?" in page or "/selectProductList" in page]) <= 5
    refreshed = lookbook("crawl", "run", "ssf", "--refresh", "--limit", "2", **settings_for(server, "ssf"))
    assert sum(refreshed.summary["pages"]["product"].values()) == 2


def test_products_by_number(lookbook: Lookbook, server: ReplayServer) -> None:
    numbers = [number for number, product in MUSINSA.expected().products.items() if product.flaw is None][:3]
    arguments = [argument for number in numbers for argument in ("--products", number)]
    ran = lookbook("crawl", "run", "musinsa", *arguments, "--products", "999", **settings_for(server, "musinsa"))
    assert ran.code == 0, ran.stderr
    assert set(state_of(lookbook)["products"]) == set(numbers)
    assert ran.summary["pages"]["product"] == {"done": 3, "gone": 1}


def test_the_sitemap_leads_to_every_product(lookbook: Lookbook, server: ReplayServer) -> None:
    ran = lookbook("crawl", "run", "musinsa", "--sitemap", **settings_for(server, "musinsa"), timeout=240)
    assert ran.code == 0, ran.stderr
    found = set(state_of(lookbook)["products"])
    expected = MUSINSA.expected(sold_out=True)
    assert found == set(expected.products)


def test_an_unchanged_shop_costs_its_lists_alone(lookbook: Lookbook, server: ReplayServer) -> None:
    category = one_category(MUSINSA)
    settings = settings_for(server, "musinsa")
    first = lookbook("crawl", "run", "musinsa", "--category", category, **settings)
    before, seen = state_of(lookbook), len(pages_asked_for(server))
    second = lookbook("crawl", "run", "musinsa", "--category", category, **settings)
    assert (first.code, second.code) == (0, 0), second.stderr
    later = pages_asked_for(server)[seen:]
    assert later
    assert all("/category/" in page or "/plp/" in page for page in later)
    assert state_of(lookbook)["products"] == before["products"]
    assert state_of(lookbook)["snapshots"] == before["snapshots"]
    assert set(second.summary["pages"]["product"]) <= {"unchanged", "gone"}


def test_the_next_day_only_what_changed_is_fetched(lookbook: Lookbook, server: ReplayServer) -> None:
    settings = settings_for(server, "musinsa")
    codes = [argument for category in MUSINSA.categories for argument in ("--category", category.code)]
    assert lookbook("crawl", "run", "musinsa", *codes, **settings).code == 0
    before, seen = state_of(lookbook), len(pages_asked_for(server))
    tomorrow = MUSINSA.change(1)
    server.show(tomorrow)
    ran = lookbook("crawl", "run", "musinsa", *codes, **settings)
    assert ran.code == 0, ran.stderr
    after = state_of(lookbook)
    old, new = MUSINSA.expected().products, tomorrow.expected().products
    changed = {
        n for n in new if n in old and (new[n].sale_price, new[n].sold_out) != (old[n].sale_price, old[n].sold_out)
    }
    fresh = set(new) - set(before["products"])
    fetched = {page.split("/products/")[1] for page in pages_asked_for(server)[seen:] if "/products/" in page}
    assert changed
    assert fresh
    assert changed | fresh <= fetched
    assert len(fetched) < len(old) / 2
    for number, product in new.items():
        assert (after["products"][number]["sale_price"], after["products"][number]["name"]) == (
            product.sale_price,
            product.name,
        )
    history = [number for number, _, _ in after["snapshots"]]
    for number in changed:
        if new[number].sale_price != old[number].sale_price:
            assert history.count(number) == 2


def test_a_refresh_marks_products_gone_and_keeps_them(lookbook: Lookbook, server: ReplayServer) -> None:
    settings = settings_for(server, "ssf")
    assert lookbook("crawl", "run", "ssf", **settings).code == 0
    before = state_of(lookbook)["products"]
    tomorrow = SSF.change(1)
    server.show(tomorrow)
    ran = lookbook("crawl", "run", "ssf", "--refresh", **settings)
    assert ran.code == 0, ran.stderr
    after = state_of(lookbook)["products"]
    assert set(after) == set(before)
    removed = set(before) - {number for number in before if tomorrow.find(number) is not None} | {
        number for number in before if tomorrow.removed(SSF.index(number) or 0)
    }
    gone = {number for number, row in after.items() if row["state"] == "gone"}
    assert gone == removed


def test_the_report_accounts_for_every_page(lookbook: Lookbook, server: ReplayServer, tmp_path: Path) -> None:
    ran = lookbook("crawl", "run", "musinsa", **settings_for(server, "musinsa"))
    assert ran.code == 0, ran.stderr
    page = tmp_path / "report.html"
    report = lookbook("crawl", "report", "--html", str(page))
    assert report.code == 0, report.stderr
    assert report.summary["pages"] == ran.summary["pages"]
    pages = state_of(lookbook)["pages"]
    assert sum(sum(states.values()) for states in ran.summary["pages"].values()) == len(pages)
    html = page.read_text()
    assert "missing-name" in html
    assert "missing-name" in report.stdout


def test_a_report_of_a_catalogue_without_runs_says_what_to_do(lookbook: Lookbook) -> None:
    ran = lookbook("crawl", "report")
    assert ran.code == 65
    assert "lookbook crawl run" in ran.stderr


def test_a_name_with_markup_is_text_in_the_report(lookbook: Lookbook, server: ReplayServer, tmp_path: Path) -> None:
    if SERVER:
        pytest.skip("changes the SQLite file by hand")
    assert lookbook("crawl", "run", "ssf", "--limit", "2", **settings_for(server, "ssf")).code == 0
    path = lookbook.settings["DATABASE_URL"].removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE product SET name = '<script>alert(1)</script>', url = 'javascript:alert(1)'")
    page = tmp_path / "report.html"
    assert lookbook("crawl", "report", "--html", str(page)).code == 0
    assert "<script>alert" not in page.read_text()
    assert "&lt;script&gt;" in page.read_text()
    assert "javascript:" not in page.read_text()
