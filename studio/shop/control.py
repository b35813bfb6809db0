"""What the demo shop answers under its own name: the page for people, and the controls of prices and stocks.

    GET  /                          the page
    GET  /_demo/products            every product as JSON: today's price and stock, its number at each shop
    GET  /_demo/lookbook.toml       the settings that lead a crawl here
    POST /_demo/products/upper-03   {"sale_price": 9900, "sold_out": true} or {"sold_out_sizes": ["M"]}
    POST /_demo/day                 the next day: some prices and stocks change
    POST /_demo/reset               back to the catalogue
    GET  /pictures/...              the catalogue's pictures
    GET  /www.musinsa.com/...       what a crawl reads at a shop's host, as text

The contract that must not break: a refused request changes nothing and says why.
"""

from __future__ import annotations

import json
from threading import Lock
from typing import Any
from urllib.parse import unquote

from studio.demo_catalogue import DemoCatalogue, DemoProduct
from studio.shop.answers import NOT_FOUND, Answer, Request, plain, to_json
from studio.shop.demo import DemoShop
from studio.shop.index_page import index_page
from studio.shop.settings_text import as_toml
from studio.shop.sites import SITE_OF_HOST, SITES
from studio.shop.stock import Change, RefusedChange, Stocks, UnknownProduct, sizes_of

_TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
# The page loads nothing from elsewhere, whatever a catalogue's texts hold.
_OWN_ONLY = {"Content-Security-Policy": "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"}


class Control:
    """The answers of the server's own host."""

    def __init__(self, catalogue: DemoCatalogue, stocks: Stocks, shops: dict[str, DemoShop]) -> None:
        self._catalogue = catalogue
        self._stocks = stocks
        self._shops = shops
        self._places = {product.id: index for index, product in enumerate(catalogue.products)}
        self._files = {picture.file: catalogue.path(picture) for _, picture in catalogue.pictures()}
        self._changing = Lock()

    def answer(self, request: Request) -> Answer:
        if request.method == "POST":
            with self._changing:
                return self._change(request)
        if request.method not in ("GET", "HEAD"):
            return plain("only GET, HEAD and POST\n", 405)
        return self._show(request)

    # Shown

    def _show(self, request: Request) -> Answer:
        url = f"http://{request.authority}"
        match request.path:
            case "/":
                page = index_page(url, self._stocks.day, self._rows())
                return Answer(page.encode(), headers=_OWN_ONLY)
            case "/robots.txt":
                return plain("User-agent: *\nDisallow: /\n")
            case "/_demo/products":
                return _json({"day": self._stocks.day, "products": self._rows()})
            case "/_demo/lookbook.toml":
                return plain(as_toml(url))
        if (file := self._files.get(unquote(request.path).removeprefix("/"))) is not None:
            return picture_answer(file.read_bytes(), file.suffix.removeprefix("."))
        return self._as_crawled(request) or NOT_FOUND

    def _as_crawled(self, request: Request) -> Answer | None:
        """A page of a shop under `/{host}/...`: as text, because as a page it would ask the real shop for pictures."""
        host, _, rest = request.target.removeprefix("/").partition("/")
        site = SITE_OF_HOST.get(host)
        if site is None or host not in site.page_hosts:
            return None
        answer = site.answer(self._shops[site.code], Request.of("GET", host, "/" + rest))
        return Answer(answer.body, "text/plain; charset=utf-8", answer.status)

    def _rows(self) -> list[dict[str, Any]]:
        return [self._row(product) for product in self._catalogue.products]

    def _row(self, product: DemoProduct) -> dict[str, Any]:
        stock, index = self._stocks.of(product.id), self._places[product.id]
        shown = {code: shop.product(index) for code, shop in self._shops.items()}
        return {
            "id": product.id,
            "name": product.name,
            "name_en": product.name_en,
            "colour": product.colour,
            "garment_class": product.garment_class,
            "flaws": product.flaws,
            "list_price": product.list_price,
            "sale_price": stock.sale_price,
            "sold_out": self._stocks.sold_out(product.id),
            "sizes": sizes_of(product),
            "sold_out_sizes": stock.sold_out_sizes,
            "changed": self._stocks.changed(product.id),
            "pictures": [f"/{picture.file}" for picture in product.pictures],
            "shops": {code: {"number": shown[code].number, "url": SITES[code].link(shown[code])} for code in shown},
        }

    # Changed

    def _change(self, request: Request) -> Answer:
        origin = request.headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] != request.authority:
            return _refusal(403, f"a page of {origin} has no business here")
        if request.path == "/_demo/day":
            changed = self._stocks.next_day()
            return _json({"day": self._stocks.day, "changed": sorted(changed)})
        if request.path == "/_demo/reset":
            self._stocks.reset()
            return _json({"day": 0})
        if not request.path.startswith("/_demo/products/"):
            return _refusal(404, "POST /_demo/products/{id}, /_demo/day or /_demo/reset")
        id = unquote(request.path.removeprefix("/_demo/products/"))
        try:
            self._stocks.change(id, Change.parse(request.body))
        except UnknownProduct as error:
            return _refusal(404, str(error))
        except RefusedChange as error:
            return _refusal(422, str(error))
        return _json(self._row(self._catalogue.product(id)))


def picture_answer(data: bytes, extension: str) -> Answer:
    return Answer(data, _TYPES.get(extension.lower(), "application/octet-stream"))


def _json(value: object) -> Answer:
    return Answer((json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode(), "application/json")


def _refusal(status: int, message: str) -> Answer:
    return to_json({"error": message}, status)
