"""The catalogue as CSV or Parquet, one row a product with its pictures, streamed batch by batch.

Lists and tables are JSON text in CSV; in Parquet lists are lists and tables JSON text.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from sqlalchemy.orm import Session

from db import queries
from db.models import Product, ProductImage
from db.queries import PAGE, ProductFilter

if TYPE_CHECKING:
    import pyarrow

_TEXT = (
    *("shop", "product_no", "url", "name", "name_en", "brand", "brand_code", "style_no"),
    *("garment_class", "class_reason", "season", "colour_group", "detail_text", "stock_state", "state"),
)
_NUMBERS = ("list_price", "sale_price", "final_price", "season_year")
_LISTS = ("category_codes", "category_path", "listed_in", "sex", "colours", "labels")
_JSON = ("material", "sizes", "measurements")
_TIMES = ("first_seen_at", "seen_at", "fetched_at", "gone_at")
_IMAGE_FIELDS = ("url", "role", "position", "state", "reason", "sha256")


def product_row(product: Product, images: Sequence[ProductImage]) -> dict[str, Any]:
    """A product as plain values, `images` a list of {url, role, position, state, reason, sha256} in page order."""
    row: dict[str, Any] = {name: getattr(product, name) for name in (*_TEXT, *_NUMBERS, *_LISTS, *_JSON, *_TIMES)}
    row["sold_out"] = product.sold_out
    row["images"] = [{name: getattr(image, name) for name in _IMAGE_FIELDS} for image in images]
    return row


def rows(session: Session, wanted: ProductFilter, limit: int | None = None) -> Iterator[list[dict[str, Any]]]:
    """Batches of rows, at most PAGE products each."""
    found = queries.products(session, wanted, limit=limit)
    while batch := list(islice(found, PAGE)):
        images = queries.images_of(session, [product.id for product in batch])
        yield [product_row(product, images[product.id]) for product in batch]


def write_csv(file: BinaryIO, batches: Iterator[list[dict[str, Any]]]) -> int:
    """Write all batches as UTF-8 CSV with a header; returns the number of products."""
    names = [*_TEXT, *_NUMBERS, "sold_out", *_LISTS, *_JSON, *_TIMES, "images"]
    number = 0
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    for batch in batches:
        writer.writerows({name: _csv_value(value) for name, value in row.items()} for row in batch)
        number += len(batch)
    text.detach()
    return number


def _csv_value(value: Any) -> Any:
    if isinstance(value, list | dict):
        # PostgreSQL keeps no order of keys: sorted, both databases export the same bytes.
        return json.dumps(value, ensure_ascii=False, default=str, sort_keys=True)
    # A spreadsheet would run a shop's text that begins like a formula.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


def write_parquet(file: BinaryIO, batches: Iterator[list[dict[str, Any]]]) -> int:
    """Write all batches as Parquet (zstd), one row group a batch; returns the number of products."""
    import pyarrow
    import pyarrow.parquet

    schema = _schema()
    number = 0
    with pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches:
            plain = [
                {**row, **{name: json.dumps(row[name], ensure_ascii=False, sort_keys=True) for name in _JSON}}
                for row in batch
            ]
            writer.write_table(pyarrow.Table.from_pylist(plain, schema=schema))
            number += len(batch)
    return number


def _schema() -> pyarrow.Schema:
    import pyarrow

    text, integer, time = pyarrow.string(), pyarrow.int64(), pyarrow.timestamp("us", tz="UTC")
    image = pyarrow.struct([(name, integer if name == "position" else text) for name in _IMAGE_FIELDS])
    fields: list[tuple[str, pyarrow.DataType]] = [(name, text) for name in _TEXT]
    fields += [(name, integer) for name in _NUMBERS]
    fields += [("sold_out", pyarrow.bool_())]
    fields += [(name, pyarrow.list_(text)) for name in _LISTS]
    fields += [(name, text) for name in _JSON]
    fields += [(name, time) for name in _TIMES]
    return pyarrow.schema([*fields, ("images", pyarrow.list_(image))])
