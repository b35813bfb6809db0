"""A drill: crawl a replayed shop with faults, killing the crawl at random moments, and account for every product.

    python -m tests.e2e.crawl_drill --shop musinsa --products 2000 --kills 20 [--database postgresql://...]

Used by the tests at a smaller size.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from crawler.routes import product as product_page
from db import queries, schema
from db.export import product_row
from db.models import FrontierPage, Product, ProductSnapshot
from db.session import make_engine, make_sessions
from tests.conftest import ROOT, Lookbook
from tests.replay import FaultPlan, ReplayServer, SyntheticShop

_TIMES = ("first_seen_at", "seen_at", "fetched_at", "gone_at")


@dataclass
class Drill:
    """What a drill did: kills that hit a running crawl, seconds, requests served, and the state that it left."""

    kills: int
    seconds: float
    requests: int
    summary: dict[str, Any]
    state: dict[str, Any]
    problems: list[str] = field(default_factory=list)


def settings_for(server: ReplayServer, shop: str) -> dict[str, str]:
    """Settings that point the shop's hosts at the replay server and waste no time being polite to it."""
    prefix = f"SHOPS__{shop.upper()}__"
    return {
        f"{prefix}HOSTS": json.dumps(server.hosts),
        f"{prefix}DELAY": "0",
        f"{prefix}CONCURRENCY": "8",
        f"{prefix}BROWSER": "false",
        "CRAWL__BACKOFF": "0.2",
        "CRAWL__TIMEOUT": "20",
        # The mix answers 429 here and there; the default of five in a row is for a shop that really refuses.
        "CRAWL__REFUSALS": "20",
    }


def catalogue_state(database_url: str) -> dict[str, Any]:
    """All that a crawl leaves, without ids and times: products with pictures and history, and every page's end."""
    engine = make_engine(database_url)
    with make_sessions(engine, read_only=True)() as session:
        products = {}
        for product in queries.products(session):
            row = product_row(product, queries.images_of(session, [product.id])[product.id])
            products[product.product_no] = {name: value for name, value in row.items() if name not in _TIMES}
        pages = {f"{page.kind} {page.url}": [page.state, page.reason] for page in session.scalars(select(FrontierPage))}
        columns = (Product.product_no, ProductSnapshot.sale_price, ProductSnapshot.sold_out)
        history = session.execute(select(*columns).join(Product, Product.id == ProductSnapshot.product_id))
        snapshots = sorted([number, price, sold] for number, price, sold in history)
    engine.dispose()
    return {"products": products, "pages": pages, "snapshots": snapshots}


def check(shop: SyntheticShop, plan: FaultPlan, state: dict[str, Any]) -> list[str]:
    """What is wrong: products that are not in the catalogue as they should be and did not end with a reason."""
    expected = shop.expected()
    numbers = [*expected.products, *expected.gone]
    unreachable = plan.expected_rejections(url for number in numbers for url in _addresses(shop, state, number))
    lost = {number for number in numbers if any(url in unreachable for url in _addresses(shop, state, number))}
    problems = []
    if surplus := set(state["products"]) - set(expected.products):
        problems.append(f"products that the shop does not have: {sorted(surplus)[:5]}")
    for number, product in expected.products.items():
        found = state["products"].get(number)
        if number in lost:
            if found is not None:
                problems.append(f"{number} was stored although its page can't be fetched")
        elif found is None:
            problems.append(f"{number} is lost")
        elif (
            found["name"].split(" - ")[0],
            found["sale_price"],
            found["garment_class"],
            found["sold_out"],
            _gallery(found),
        ) != (
            product.name,
            product.sale_price,
            product.garment_class,
            product.sold_out,
            product.pictures,
        ):
            problems.append(f"{number} differs: {product} against {found}")
        elif set(found["listed_in"]) != set(product.listed_in):
            problems.append(f"{number} was listed in {product.listed_in}, stored {found['listed_in']}")
    open_pages = [page for page, (end, _) in state["pages"].items() if end in ("waiting", "failed")]
    if open_pages:
        problems.append(f"{len(open_pages)} pages without an end, e.g. {open_pages[:3]}")
    return problems


def _gallery(row: dict[str, Any]) -> int:
    return sum(image["role"] != "detail" for image in row["images"])


def _addresses(shop: SyntheticShop, state: dict[str, Any], number: str) -> list[str]:
    """The address at which the crawl asked for the product."""
    known = state.setdefault("addresses", {})
    if not known:
        for page in state["pages"]:
            kind, url = page.split(" ", 1)
            if kind == "product":
                known[url.rstrip("/").split("/")[-1 if shop.shop == "musinsa" else -2]] = url
    return [known.get(number, product_page(shop.shop, number).url)]


def crawl(lookbook: Lookbook, shop: SyntheticShop, plan: FaultPlan, kills: int, seed: int = 1) -> Drill:
    """Crawl all categories, killing the process group `kills` times while it runs; then let it come to its end."""
    arguments = ["crawl", "run", shop.shop]
    for category in shop.categories:
        arguments += ["--category", category.code]
    with ReplayServer(shop, faults=plan) as server:
        settings = settings_for(server, shop.shop)
        started = time.monotonic()
        hit = sum(_killed(lookbook, server, arguments, settings, pages) for pages in _moments(shop, kills, seed))
        for _ in range(5):
            done = lookbook(*arguments, timeout=1800, **settings)
            if done.code != 75:
                break
        seconds = time.monotonic() - started
        if done.code != 0:
            raise AssertionError(f"the crawl ended with {done.code}:\n{done.stderr[-3000:]}")
        state = catalogue_state(lookbook.settings["DATABASE_URL"])
        return Drill(hit, seconds, len(server.log), done.summary, state, check(shop, plan, state))


def _moments(shop: SyntheticShop, kills: int, seed: int) -> list[float]:
    """After how many requests of each start to kill. Together fewer than products, so no machine is done before."""
    source = random.Random(seed)
    return [source.uniform(0.2, 1) * shop.products / (kills + 1) for _ in range(kills)]


def _killed(
    lookbook: Lookbook, server: ReplayServer, arguments: list[str], settings: dict[str, str], pages: float
) -> bool:
    """Start the crawl and kill it after so many requests; False where it ended by itself before."""
    running, before = lookbook.start(*arguments, **settings), len(server.log)
    while len(server.log) - before < pages:
        if running.poll() is not None:
            return False
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shop", default="musinsa", choices=["musinsa", "ssf"])
    parser.add_argument("--products", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", help="an empty PostgreSQL database; default: a new SQLite file")
    parser.add_argument("--state", type=Path, help="write the catalogue's state here, to compare drills")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="crawl-drill-"))
    url = options.database or f"sqlite:///{folder}/catalogue.db"
    engine = make_engine(url)
    schema.upgrade(engine)
    engine.dispose()
    shop = SyntheticShop(options.shop, products=options.products)
    drill = crawl(Lookbook(folder, url), shop, FaultPlan.mix(), options.kills, options.seed)
    if options.state:
        options.state.write_text(json.dumps(drill.state, ensure_ascii=False, sort_keys=True, indent=1))
    shutil.rmtree(folder)
    shown = {name: value for name, value in vars(drill).items() if name != "state"}
    print(json.dumps({**shown, "expected": len(shop.expected().products)}, ensure_ascii=False))
    sys.exit(1 if drill.problems else 0)


if __name__ == "__main__":
    assert ROOT
    main()
