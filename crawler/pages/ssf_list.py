"""SSF's category lists: the whole page, and the fragment `selectProductList` that fills its grid from page 2 on.

Both hold the same cards (specification of the shops, section 2.1). A whole page without its grid is a shell, seen since
2026-08: its products are then in the fragment of page 1.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from parsel import Selector
from web_poet import handle_urls

from crawler.errors import Rejected
from crawler.pages.base import ListPage, ParsedPage
from crawler.pages.documents import attribute, html
from crawler.pages.fields import category_code, each_once, one_line
from crawler.pages.image_addresses import SSF_IMAGES, images, images_within, ssf_image
from crawler.pages.prices import krw
from crawler.pages.ssf_addresses import (
    PAGE_SIZE,
    SHOP,
    category_in,
    fragment_url,
    product_url,
    sex_of,
    slug_in,
    valid_number,
)
from crawler.records import Image, Listing, Rejection

_SCRIPT_LINK = re.compile(r"goToProductDetail\(\s*'((?:[^'\\]|\\.)*)'\s*,\s*'([A-Z0-9]+)'")
_PLAIN_LINK = re.compile(r"/[^/?#]+/([A-Z0-9]{10,40})/good")
_AMOUNT = re.compile(r"[0-9][0-9,]*")
_CATEGORY_MARK = re.compile(r"ref_cat:([A-Z0-9]{6,40})")
_SALE_TEXT = (
    ".//text()[not(ancestor::del) and not(ancestor::em[contains(concat(' ', @class, ' '), ' sale ')])"
    " and not(ancestor::span[contains(concat(' ', @class, ' '), ' wa_hidden ')])]"
)
_MAX_PAGE = 100_000


@handle_urls("ssfshop.com/*/list|", instead_of=ListPage)
class SsfListPage(ListPage):
    """A category's whole page; its form says how the list goes on."""

    def parse(self) -> ParsedPage:
        tree = html(self.body_text())
        form = form_fields(tree)
        if "dspCtgryNo" not in form:
            asked = category_in(self.address)
            if asked is None or not tree.css("#dspGood"):
                raise Rejected("not-a-list", "looked for #searchForm with dspCtgryNo and for #dspGood")
            form["dspCtgryNo"] = asked
        cards = tree.css("#dspGood > li")
        total = _total(tree)
        if not cards and (not tree.css("#dspGood") or total):
            return ParsedPage(records=(), next_url=fragment_url(form, 1), total=total)
        return _page(tree, self.address, form)


@handle_urls("ssfshop.com/selectProductList|", instead_of=ListPage)
class SsfListFragment(ListPage):
    """The grid alone; the request's own parameters say how the list goes on."""

    def parse(self) -> ParsedPage:
        tree = html(self.body_text())
        if not tree.css("#dspGood, #listGoods, #ctgryGodsListTotalRow"):
            raise Rejected("not-a-list", "looked for #dspGood, #listGoods and #ctgryGodsListTotalRow")
        return _page(tree, self.address, dict(parse_qsl(urlsplit(self.address).query)))


def form_fields(tree: Selector) -> dict[str, str]:
    """The fields of the page's search form that hold something."""
    fields = {attribute(field, "name"): attribute(field, "value") for field in tree.css("#searchForm input")}
    return {name: value for name, value in fields.items() if name and value and len(value) <= 200}


def category_shown(tree: Selector) -> str | None:
    """The category that a page or fragment shows, by its form, else by its tracking field."""
    code = category_code(form_fields(tree).get("dspCtgryNo"))
    mark = _CATEGORY_MARK.search(tree.css("#utagCtgr::attr(value)").get(""))
    return code or (mark[1] if mark else None)


def _page(tree: Selector, url: str, parameters: dict[str, str]) -> ParsedPage:
    category = category_code(parameters.get("dspCtgryNo")) or category_shown(tree)
    cards = [card for card in tree.css("#dspGood > li, #listGoods li.god-item") if not _is_notice(card)]
    records = tuple(_record(card, url, category) for card in cards)
    return ParsedPage(records=records, next_url=_next_url(tree, parameters, len(cards)), total=_total(tree))


def _is_notice(card: Selector) -> bool:
    """Whether a grid entry is no product at all (`nodata`: nothing found)."""
    return not attribute(card, "data-prdno") and "god-item" not in attribute(card, "class").split()


def _total(tree: Selector) -> int | None:
    text = one_line(tree.css("#ctgryGodsListTotalRow::attr(value)").get(), 12) or ""
    return int(text) if text.isascii() and text.isdigit() else None


def _next_url(tree: Selector, parameters: dict[str, str], cards: int) -> str | None:
    if not cards:
        return None
    page = _page_number(tree.css("#pagingArea a.on ::text").get()) or _page_number(parameters.get("currentPage")) or 1
    last = _page_number(tree.css("#page_last::attr(pageno)").get())
    if last is None:
        last = max(
            [0, *(_page_number(link) or 0 for link in tree.css("#pagingArea a.btn_paging::attr(pageno)").getall())]
        )
        last = max(last, -(-(_total(tree) or 0) // PAGE_SIZE))
    return fragment_url(parameters, page + 1) if page < last else None


def _page_number(text: str | None) -> int | None:
    stripped = (text or "").strip()
    if not (stripped.isascii() and stripped.isdigit() and len(stripped) < 7):
        return None
    return int(stripped) if 1 <= int(stripped) <= _MAX_PAGE else None


def _record(card: Selector, url: str, category: str | None) -> Listing | Rejection:
    link = card.css("a::attr(href)").get("")
    script = _SCRIPT_LINK.search(link)
    plain = _PLAIN_LINK.search(link)
    written = attribute(card, "data-prdno") or attribute(card, "view-godno")
    number = valid_number(written) or valid_number(script[2] if script else plain[1] if plain else None)
    try:
        if number is None:
            raise Rejected("missing-number", f"a card without product number: {one_line(written, 80)}")
        slug = one_line(script[1], 200) if script else slug_in(link)
        return _listing(card, number, slug, category)
    except Rejected as error:
        return Rejection(shop=SHOP, url=url, product_no=number, reason=error.reason, detail=error.detail)


def _listing(card: Selector, number: str, slug: str | None, category: str | None) -> Listing:
    name = _text(card, ".god-info .name") or _text(card, ".name")
    if name is None:
        raise Rejected("missing-name", "a card without .name")
    brand = _text(card, ".brand")
    listed, sale = _prices(card)
    codes = (category,) if category else ()
    return Listing(
        shop=SHOP,
        url=product_url(slug or brand, number),
        product_no=number,
        name=name,
        brand=brand,
        brand_code=slug,
        category_codes=codes,
        sex=sex_of(codes),
        list_price=listed,
        sale_price=sale,
        final_price=sale,
        sold_out="soldout" in attribute(card, "class").split(),
        labels=each_once([one_line(text, 80) for text in card.css(".tags .txt::text").getall()]),
        colours=each_once([one_line(text, 80) for text in card.css(".color > span::text").getall()]),
        images=_images(card),
    )


def _text(card: Selector, selector: str) -> str | None:
    return one_line(card.css(selector).xpath("string()").get())


def _prices(card: Selector) -> tuple[int | None, int | None]:
    """List and sale price: the number in `del`, and the last number of `.price` outside `del` and the per cent.

    Raises Rejected `bad-price` where something is written in place of the sale price that is no amount.
    """
    price = card.css(".price")[:1]
    text = " ".join(price.xpath(_SALE_TEXT).getall()).strip()
    amounts = _AMOUNT.findall(text)
    sale = krw(amounts[-1]) if amounts else None
    if text and (sale is None or re.search(r"-\s*[0-9]", text)):
        raise Rejected("bad-price", f"the price is {text[:80]}")
    before = _AMOUNT.search(" ".join(price.css("del ::text").getall()))
    listed = krw(before[0]) if before else sale
    return listed, sale


def _images(card: Selector) -> tuple[Image, ...]:
    """The main picture, and what the card shows under the pointer; a card may have neither."""
    hidden = [url for part in card.css(".hover") for url in images_within(part, SSF_IMAGES)]
    shown = [url for url in images_within(card, SSF_IMAGES) if url not in hidden]
    return images(ssf_image(shown[0]) if shown else None, [ssf_image(url) for url in (*shown[1:], *hidden)])
