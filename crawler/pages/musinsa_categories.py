"""MUSINSA's category tree: from the Next.js state of a category page, and from a table of categories kept as CSV.

A category's class is what its code says; a tree that names a category twice gives it once.
"""

from __future__ import annotations

import csv
import io

from web_poet import handle_urls

from crawler.errors import Rejected
from crawler.garment_class import musinsa_category
from crawler.pages.base import CategoryPage, ParsedPage
from crawler.pages.documents import utf8
from crawler.pages.fields import category_code, object_of, objects_within, one_line, rows_of, text_of
from crawler.pages.musinsa_json import SHOP, next_data
from crawler.records import Category
from crawler.shops import MUSINSA

CSV_COLUMNS = ("big_category_code", "big_category_name_ko", "small_category_code", "small_category_name_ko_norm")
_MAX_ROWS = 100_000


# A category page is also a list page; the priority keeps the two rules apart in web-poet's registry.
@handle_urls("musinsa.com/category/*/goods", instead_of=CategoryPage, priority=400)
class MusinsaCategoryPage(CategoryPage):
    """The whole tree, which every category page embeds."""

    def parse(self) -> ParsedPage:
        state = next_data(self.body_text())
        queries = rows_of(object_of(state or {}, "dehydratedState"), "queries")
        trees = [query.get("state") for query in queries if _is_tree(query.get("queryKey"))]
        categories: dict[str, Category] = {}
        for node in objects_within(trees):
            code, name = category_code(node.get("categoryCode")), text_of(node, "categoryTitle", 200)
            if code and name:
                parent = category_code(node.get("parentCategoryCode"))
                categories.setdefault(code, category(code, name, parent if parent != code else None))
        if not categories:
            raise Rejected("no-categories", "looked for a query category/Category in __NEXT_DATA__")
        return ParsedPage(records=tuple(categories.values()))


def _is_tree(key: object) -> bool:
    return isinstance(key, list) and bool(key) and key[0] == "category/Category"


def category(code: str, name: str, parent_code: str | None) -> Category:
    """A category's record; the parent defaults to the code without its last step of three digits."""
    return Category(
        shop=SHOP,
        url=f"{MUSINSA.url}/category/{code}/goods",
        code=code,
        name=name,
        parent_code=parent_code or (code[:-3] if len(code) > 3 and len(code) % 3 == 0 else None),
        garment_class=musinsa_category(code).garment_class,
    )


def categories_in_csv(body: bytes) -> tuple[Category, ...]:
    """Categories of both levels, each code once under the first name it has; UTF-8, or cp949 as some tables are saved.

    Raises Rejected `not-a-category-table` where a column is missing or no row can be used.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("cp949", "replace") if body[:3] != b"\xef\xbb\xbf" else utf8(body)
    reader = csv.DictReader(io.StringIO(text.replace("\x00", ""), newline=""))
    found: dict[str, Category] = {}
    try:
        missing = [column for column in CSV_COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise Rejected("not-a-category-table", f"looked for the columns {', '.join(missing)}")
        for row, _ in zip(reader, range(_MAX_ROWS), strict=False):
            big, small = (category_code(row.get(column)) for column in (CSV_COLUMNS[0], CSV_COLUMNS[2]))
            big_name, small_name = (one_line(row.get(column), 200) for column in (CSV_COLUMNS[1], CSV_COLUMNS[3]))
            if big and big_name:
                found.setdefault(big, category(big, big_name, None))
            if small and small_name:
                found.setdefault(small, category(small, small_name, big))
    except csv.Error as error:
        raise Rejected("not-a-category-table", str(error)[:200]) from error
    if not found:
        raise Rejected("not-a-category-table", "no row names a category")
    return tuple(found.values())
