"""How fast the catalogue takes products and plans work at 10^4, 10^5 and 10^6 products, and that memory stays flat.

    python benchmarks/catalog.py [--sizes 10000 100000 1000000] [--database postgresql://...]

Upserts: batches of 500 product rows with two picture rows each, first into an empty catalogue, then 10,000 of them
again. Planning: keyset-paged reads of every product, of the picture downloader's to-do list and of a refresh's seeds,
each in a process of its own whose peak memory is measured. Everything in it is synthetic.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

sys.path.insert(0, str(Path(__file__).parents[1]))

from crawler.catalogue import known_product_pages
from db import queries, schema
from db.keys import content_key, url_key
from db.models import Product, ProductImage, Shop, utcnow
from db.session import make_engine, make_sessions
from db.upsert import upsert

BATCH = 500
CLASSES = ("upper", "lower", "dress")


def product_row(number: int) -> dict[str, Any]:
    now = utcnow()
    texts = dict.fromkeys(("name_en", "class_reason", "season", "season_year", "colour_group", "detail_text"))
    return {
        **texts,
        "shop": "musinsa",
        "product_no": str(1_000_000 + number),
        "url": f"https://www.musinsa.com/products/{1_000_000 + number}",
        "name": f"합성 상품 {number}",
        "brand": f"brand {number % 997}",
        "brand_code": f"b{number % 997}",
        "style_no": f"ST-{number:08d}",
        "list_price": 50_000 + number % 50_000,
        "sale_price": 40_000 + number % 40_000,
        "final_price": 38_000 + number % 38_000,
        "category_codes": ["003", "003002"],
        "category_path": ["바지", "데님 팬츠"],
        "listed_in": ["003002"],
        "garment_class": CLASSES[number % 3],
        "sex": ["women"],
        "material": {"핏": ["레귤러"], "두께": ["보통"]},
        "colours": ["블랙"],
        "sizes": [{"name": name, "sold_out": False} for name in "SML"],
        "measurements": {name: {"총장": 100.0, "허리단면": 38.5} for name in "SML"},
        "labels": [],
        "sold_out": False,
        "stock_state": "on_sale",
        "state": "current",
        "content_key": content_key(number),
        "listing_key": None,
        "details": ["size_table"],
        "first_seen_at": now,
        "seen_at": now,
        "fetched_at": now,
    }


def image_rows(product_id: int, number: int) -> Iterator[dict[str, Any]]:
    for position in range(2):
        url = f"https://image.msscdn.net/images/goods_img/{number}/{position}.jpg"
        yield {
            "product_id": product_id,
            "shop": "musinsa",
            "url": url,
            "url_key": url_key(url),
            "role": "main" if position == 0 else "gallery",
            "position": position,
            "state": "waiting",
            "attempts": 0,
        }


def store(url: str, numbers: range) -> float:
    """Seconds to upsert these products with their pictures."""
    sessions = make_sessions(make_engine(url))
    started = time.perf_counter()
    iterator = iter(numbers)
    while chunk := list(islice(iterator, BATCH)):
        with sessions.begin() as session:
            rows = [product_row(number) for number in chunk]
            upsert(session, Product, rows, key=("shop", "product_no"), update=("sale_price", "seen_at"))
            names = [row["product_no"] for row in rows]
            found = session.execute(select(Product.id, Product.product_no).where(Product.product_no.in_(names)))
            images = (row for product_id, name in found for row in image_rows(product_id, int(name)))
            upsert(session, ProductImage, images, key=("product_id", "url_key"), update=("role", "position"))
    return time.perf_counter() - started


def all_products(session: Session) -> Iterator[Any]:
    return queries.products(session)


def refresh_seeds(session: Session) -> Iterator[Any]:
    return iter(known_product_pages(session, "musinsa"))


def waiting_pictures(session: Session) -> Iterator[Any]:
    """The picture downloader's plan: distinct waiting addresses by ascending key."""
    last = -1
    while True:
        query = select(ProductImage.url_key, ProductImage.url).where(
            ProductImage.state == "waiting", ProductImage.url_key > last
        )
        page = session.execute(query.order_by(ProductImage.url_key).limit(500)).all()
        if not page:
            return
        yield from page
        last = page[-1][0]


PLANS: dict[str, Callable[[Session], Iterator[Any]]] = {
    "products": all_products,
    "refresh seeds": refresh_seeds,
    "waiting pictures": waiting_pictures,
}


def plan(url: str, name: str, answers: Any) -> None:
    """Run one plan to its end in this process: (rows, seconds, seconds to the first row, peak MB)."""
    with make_sessions(make_engine(url), read_only=True)() as session:
        started = time.perf_counter()
        rows = PLANS[name](session)
        next(rows)
        first = time.perf_counter() - started
        number = 1 + sum(1 for _ in rows)
        seconds = time.perf_counter() - started
    answers.put((number, seconds, first, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def in_its_own_process(target: Callable[..., None], *arguments: Any) -> Any:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=target, args=(*arguments, answers))
    process.start()
    answer = answers.get()
    process.join()
    return answer


def measure(url: str, sizes: list[int]) -> list[dict[str, Any]]:
    schema.upgrade(make_engine(url))
    with make_sessions(make_engine(url)).begin() as session:
        upsert(
            session,
            Shop,
            [{"code": "musinsa", "name": "MUSINSA", "url": "https://www.musinsa.com", "created_at": utcnow()}],
            key=("code",),
        )
    measured, there = [], 0
    for size in sizes:
        seconds = store(url, range(there, size))
        again = store(url, range(repeated := min(size, 10_000)))
        row: dict[str, Any] = {
            "size": size,
            "upserts/s": round((size - there) / seconds),
            "again/s": round(repeated / again),
        }
        for name in PLANS:
            rows, total, first, memory = in_its_own_process(plan, url, name)
            row[name] = {
                "rows": rows,
                "s": round(total, 2),
                "first ms": round(first * 1000, 1),
                "peak MB": round(memory),
            }
        there = size
        measured.append(row)
        print(json.dumps(row, ensure_ascii=False), flush=True)
    return measured


def table(measured: list[dict[str, Any]]) -> str:
    lines = [
        "| products | new upserts/s | again/s | "
        + " | ".join(f"{name}: s, first ms, peak MB" for name in PLANS)
        + " |",
        "|---:|---:|---:|" + "---:|" * len(PLANS),
    ]
    for row in measured:
        cells = [f"{row[name]['s']}, {row[name]['first ms']}, {row[name]['peak MB']}" for name in PLANS]
        lines.append(f"| {row['size']:,} | {row['upserts/s']:,} | {row['again/s']:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--database", help="an empty PostgreSQL database; default: a new SQLite file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-catalog-") as folder:
        print(table(measure(options.database or f"sqlite:///{folder}/catalogue.db", sorted(options.sizes))))


if __name__ == "__main__":
    main()
