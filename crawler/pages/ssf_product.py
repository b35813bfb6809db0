"""SSF's product page as the server sends it: JSON-LD, HTML and the option list; no JavaScript needed.

Sources and their order: specification of the shops, section 2.3. `og:image` is the bare image host and is never read.
"""

from __future__ import annotations

import re

from parsel import Selector
from web_poet import handle_urls

from crawler.errors import Rejected
from crawler.garment_class import ssf_garment
from crawler.pages.base import ParsedPage, ProductPage
from crawler.pages.documents import attribute, html, json_value
from crawler.pages.fields import (
    Json,
    category_code,
    each_once,
    object_of,
    objects_within,
    one_line,
    rows_of,
    sexes,
    text_of,
)
from crawler.pages.image_addresses import SSF_IMAGES, images, images_within, ssf_image
from crawler.pages.prices import krw
from crawler.pages.ssf_addresses import SHOP, category_in, number_in, product_url, sex_of, slug_in, valid_number
from crawler.records import Image, Product, SizeOption, StockState

_OWN_NUMBER = re.compile(r"\b_godNo\s*=\s*[\"']([A-Z0-9]{10,40})[\"']")
_OTHER_NUMBER = re.compile(r"/([A-Z0-9]{10,40})/good")
_CATEGORY_IN_LINK = re.compile(r"dspCtgryNo=([A-Z0-9]{6,40})")
_AMOUNT = re.compile(r"[0-9][0-9,.]*")
_SIZE_SOLD_OUT = {"SLDOUT": True, "SALE_PROGRS": False}
_PATH_MARKS = re.compile(r"[»>]")


@handle_urls("ssfshop.com/*/good|", instead_of=ProductPage)
class SsfProductPage(ProductPage):
    """A product; every colour is a product of its own."""

    def parse(self) -> ParsedPage:
        text = self.body_text()
        return ParsedPage(records=(product_of(html(text), text, self.address),))


def own_number(text: str) -> str | None:
    """The product number that a page's script sets."""
    match = _OWN_NUMBER.search(text)
    return match[1] if match else None


def page_number(text: str, address: str) -> str:
    """The number of the product that a page shows: as its script says, else as asked for.

    Raises Rejected `missing-number`, or `other-product` where the two differ.
    """
    own, asked = own_number(text), number_in(address)
    if own is not None and asked is not None and own != asked:
        raise Rejected("other-product", f"asked for {asked}, the page is of {own}")
    number = own or asked
    if number is None:
        raise Rejected("missing-number", "looked for window._godNo and for the address /{number}/good")
    return number


def product_of(tree: Selector, text: str, address: str) -> Product:
    """The product record; raises Rejected `no-product-data`, `missing-name`, `missing-number` or `other-product`."""
    linked = _linked_data(tree)
    if not linked and not tree.css("#goodDtlTitle, .gods-name, #godNm"):
        raise Rejected("no-product-data", "looked for JSON-LD of a Product, #goodDtlTitle, .gods-name and #godNm")
    number = page_number(text, address)
    name = _first(tree, "#goodDtlTitle", ".gods-name") or _value(tree, "#godNm") or text_of(linked, "name")
    if name is None:
        raise Rejected("missing-name", "#goodDtlTitle, .gods-name, #godNm and the JSON-LD name are empty")
    codes, path = _category(tree, linked, address)
    verdict = ssf_garment(number, codes, path, name)
    brand = _first(tree, "h2.brand-name", ".brand-name") or _value(tree, "#brndNm") or _linked_brand(linked)
    listed, sale = _prices(tree, linked)
    sizes = _sizes(tree)
    stock_state = _stock_state(tree, linked, sizes)
    return Product(
        shop=SHOP,
        url=product_url(brand or slug_in(address), number),
        product_no=number,
        name=name,
        brand=brand,
        category_codes=codes,
        category_path=path,
        garment_class=verdict.garment_class,
        class_reason=verdict.reason,
        sex=sexes(*path) or sex_of(codes),
        list_price=listed,
        sale_price=sale,
        final_price=sale,
        colours=_own_colour(name),
        sizes=sizes,
        sold_out=stock_state == "sold_out",
        stock_state=stock_state,
        colour_products=_other_colours(tree, number),
        images=_images(tree, linked),
    )


def _linked_data(tree: Selector) -> Json:
    """The page's JSON-LD of type Product, empty where there is none or it can't be read."""
    for script in tree.css("script[type='application/ld+json']::text").getall()[:20]:
        for found in objects_within(json_value(script)):
            kinds = found.get("@type")
            if kinds == "Product" or (isinstance(kinds, list) and "Product" in kinds):
                return found
    return {}


def _linked_brand(linked: Json) -> str | None:
    return text_of(object_of(linked, "brand"), "name", 200) or text_of(linked, "brand", 200)


def _offer(linked: Json) -> Json:
    return object_of(linked, "offers") or next(iter(rows_of(linked, "offers")), {})


def _first(tree: Selector, *selectors: str) -> str | None:
    """The text of the first element that has any, selector by selector."""
    found = (one_line(node.xpath("string()").get()) for selector in selectors for node in tree.css(selector)[:3])
    return next((text for text in found if text), None)


def _value(tree: Selector, selector: str) -> str | None:
    return one_line(tree.css(f"{selector}::attr(value)").get())


def _category(tree: Selector, linked: Json, address: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Category codes and names from the top down: the breadcrumb, else JSON-LD; the asked-for code where none is."""
    codes: list[str | None] = []
    steps: list[str | None] = []
    for step in tree.css(".breadcrumb li"):
        steps.append(one_line(step.xpath("string()").get(), 200))
        links = [match[1] for match in _CATEGORY_IN_LINK.finditer(" ".join(step.css("a::attr(href)").getall()))]
        codes += [category_code(code) for code in (*step.css("[ctgryno]::attr(ctgryno)").getall(), *links)]
    path = [step for step in steps if step and step.lower() != "home"]
    if not path:
        path = [step.strip() for step in _PATH_MARKS.split(text_of(linked, "category") or "") if step.strip()]
    return each_once(codes) or each_once([category_in(address)]), tuple(path)


def _amount(text: str | None) -> int | None:
    found = _AMOUNT.search(text or "")
    return krw(found[0].rstrip(".,")) if found else None


def _prices(tree: Selector, linked: Json) -> tuple[int | None, int | None]:
    """List and sale price; without a crossed-out price both are the same."""
    shown = _first(tree, ".gods-price em.price", "#godPrice em.price", "#godPrice")
    sale = _amount(shown)
    for other in (_value(tree, "#lastSalePrc"), _offer(linked).get("price"), _first(tree, "em.price")):
        if sale is None:
            sale = krw(other) if not isinstance(other, str) else _amount(other)
    before = _amount(_first(tree, ".gods-price del", "#godPrice del", "del"))
    return (before if before is not None else sale), sale


def _sizes(tree: Selector) -> tuple[SizeOption, ...]:
    """The sizes in either of the page's two forms: a list of links, or hidden inputs with a stock count."""
    sizes: dict[str, SizeOption] = {}
    for link in tree.css("#optionDiv1 li a[optcd]"):
        name = one_line(attribute(link, "optcd"), 80) or one_line(link.xpath("string()").get(), 80)
        if name:
            sizes.setdefault(name, SizeOption(name=name, sold_out=_SIZE_SOLD_OUT.get(attribute(link, "statcd"))))
    for field in tree.css("input[sizeitmnm]"):
        name = one_line(attribute(field, "sizeitmnm"), 80)
        sold_out = _SIZE_SOLD_OUT.get(attribute(field, "itmstatcd"))
        if attribute(field, "onlineusefulinvqty").strip() == "0":
            sold_out = True
        if name:
            sizes.setdefault(name, SizeOption(name=name, sold_out=sold_out))
    return tuple(sizes.values())


def _stock_state(tree: Selector, linked: Json, sizes: tuple[SizeOption, ...]) -> StockState:
    """Sold out by JSON-LD, by the order button, by the restock notice being shown, or by every size being sold out."""
    availability = (text_of(_offer(linked), "availability") or "").rsplit("/", 1)[-1]
    if availability == "Discontinued":
        return "stopped"
    notices = tree.css("#restockSoldOut:not([hidden]):not(.hidden):not(.hide)")
    shown = any(not re.search(r"display\s*:\s*none", attribute(notice, "style")) for notice in notices)
    button = bool(tree.css(".submit .btn.order.disabled, .submit .btn.order[disabled]"))
    every_size = bool(sizes) and all(size.sold_out for size in sizes)
    sold_out = availability in ("OutOfStock", "SoldOut") or button or every_size or shown
    return "sold_out" if sold_out else "on_sale"


def _own_colour(name: str) -> tuple[str, ...]:
    """The colour at the end of a name "{name} - {colour}"; nothing where the last part looks like more of a name."""
    _, separator, colour = name.rpartition(" - ")
    return (colour.strip(),) if separator and 0 < len(colour.strip()) <= 40 and len(colour.split()) <= 4 else ()


def _other_colours(tree: Selector, number: str) -> tuple[str, ...]:
    """Numbers behind the colour chips only: other product addresses on the page are recommendations."""
    links = tree.css(".color-thumbs label::attr(onclick), .color-thumbs a::attr(href), .color-thumbs a::attr(onclick)")
    found = [valid_number(match[1]) for link in links.getall() for match in _OTHER_NUMBER.finditer(link)]
    return tuple(other for other in each_once(found) if other != number)


def _images(tree: Selector, linked: Json) -> tuple[Image, ...]:
    """The big viewer's pictures: from JSON-LD, then what the viewer and its thumbnails name beyond those."""
    named = linked.get("image")
    listed = named if isinstance(named, list) else [named]
    addresses = [ssf_image(entry.get("url") if isinstance(entry, dict) else entry) for entry in listed]
    addresses += [ssf_image(url) for part in tree.css("#godImgWrap") for url in images_within(part, SSF_IMAGES)]
    addresses += [ssf_image(data) for data in tree.css(".preview-thumb .thumb-item::attr(data)").getall()]
    usable = each_once(addresses)
    return images(usable[0], usable[1:]) if usable else ()
