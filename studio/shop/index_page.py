"""The demo shop's page for people: what it is, how to crawl it, its products, and the controls.

The contract that must not break: it says that everything is synthetic, and loads nothing from any other host.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import quote, urlsplit

from studio.shop.sites import SITES

_CALLS = {
    "musinsa": (
        ("page", "www.musinsa.com/products/{number}"),
        ("record", "goods-detail.musinsa.com/api2/goods/{number}"),
        ("sizes", "goods-detail.musinsa.com/api2/goods/{number}/actual-size"),
        ("options", "goods-detail.musinsa.com/api2/goods/{number}/options"),
        ("colours", "goods-detail.musinsa.com/api2/goods/{number}/curation/other-color"),
    ),
    "ssf": (
        ("page", "{page}"),
        ("information", "www.ssfshop.com/public/goods/detail/{number}/information"),
    ),
}
_LISTS = (
    ("MUSINSA tops", "www.musinsa.com/category/001/goods"),
    ("trousers", "www.musinsa.com/category/003/goods"),
    ("dresses and skirts", "www.musinsa.com/category/100/goods"),
    ("sitemap", "www.musinsa.com/sitemap-musinsa-index.xml"),
    ("SSF women's tops", "www.ssfshop.com/T-shirts/list?dspCtgryNo=SFMA41A01"),
    ("dresses", "www.ssfshop.com/Dresses/list?dspCtgryNo=SFMA41A06"),
    ("sitemap", "www.ssfshop.com/sitemap_category.xml"),
)
_STYLE = """
body{font:15px/1.5 system-ui,"Noto Sans KR",sans-serif;margin:0 auto;max-width:1240px;padding:24px;color:#1c1c20}
h1{margin:0 0 4px;font-size:26px} h2{font-size:19px;margin:32px 0 10px} a{color:#1f4fa3}
.tag{display:inline-block;border-radius:4px;padding:0 7px;font-size:12px;background:#e8eaf0;margin:0 4px 0 0}
.synthetic{background:#1c1c20;color:#fff} .flaw{background:#ffe2b8} .out{background:#f3c4c4} .new{background:#cfe9cf}
pre{background:#f4f4f6;border-radius:6px;padding:12px 14px;overflow:auto;margin:8px 0}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(180px,1fr));gap:16px}
.card{border:1px solid #dcdce2;border-radius:8px;overflow:hidden;display:flex;flex-direction:column}
.card>img{width:100%;aspect-ratio:3/4;object-fit:cover;background:#f4f4f6}
.card>div{padding:8px 11px 11px;font-size:13px;flex:1;display:flex;flex-direction:column}
.card p:last-child{margin-top:auto;padding-top:6px} .card b{font-size:14px} .card p{margin:3px 0}
.more img{height:46px;border-radius:3px;margin:2px 3px 0 0} s{color:#8a8a92} small{color:#5c5c66}
button,input{font:inherit;font-size:12px;padding:2px 6px} input{width:56px}
header button{font-size:14px;padding:5px 14px}
#said{color:#a32020;font-weight:600}
"""
_SCRIPT = """
async function change(path, body) {
  const answer = await fetch(path, {method: "POST", body: body && JSON.stringify(body)});
  if (answer.ok) { location.reload(); return; }
  document.getElementById("said").textContent = (await answer.json()).error;
  scrollTo(0, 0);
}
document.addEventListener("click", event => {
  const {path, stock, price} = event.target.dataset;
  if (path) change(path);
  if (stock) change("/_demo/products/" + stock, {sold_out: event.target.value == "out"});
  if (price) change("/_demo/products/" + price, {sale_price: Number(event.target.previousElementSibling.value)});
});
"""


def index_page(url: str, day: int, products: Sequence[dict[str, Any]]) -> str:
    """The page; `products` are rows of `/_demo/products`, `url` is where the server is reached."""
    ours = [row for row in products if row["garment_class"] and not row["id"].startswith("extra-")]
    sections = [(name, [row for row in ours if row["garment_class"] == name]) for name in ("upper", "lower", "dress")]
    sections.append(("flawed extras", [row for row in products if row not in ours]))
    cards = "".join(
        f'<h2>{escape(name)} ({len(rows)})</h2><div class="grid">{"".join(map(_card, rows))}</div>'
        for name, rows in sections
        if rows
    )
    lists = " · ".join(f'<a href="/{address}">{name}</a>' for name, address in _LISTS)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Lookbook demo shop (synthetic)</title><style>{_STYLE}</style></head><body>{_head(url, day, products)}"
        f"<p>Lists as a crawl reads them: {lists}</p>{cards}<script>{_SCRIPT}</script></body></html>"
    )


def _head(url: str, day: int, products: Sequence[dict[str, Any]]) -> str:
    changed = sum(row["changed"] for row in products)
    names = " and ".join(site.name for site in SITES.values())
    commands = (
        f"curl -s {url}/_demo/lookbook.toml > lookbook.toml\n"
        "lookbook db upgrade\nlookbook crawl run musinsa\nlookbook crawl run ssf\nlookbook crawl images"
    )
    control = f'curl -X POST {url}/_demo/products/upper-02 -d \'{{"sale_price": 9900, "sold_out": true}}\''
    return (
        '<header><h1>Lookbook demo shop <span class="tag synthetic">synthetic</span></h1>'
        f"<p>Rendered people in rendered garments, with invented names, brands and prices. The crawler reads these "
        f"{len(products)} products here in the formats of {names}, at the shops' own addresses: its host map leads "
        f"to {escape(urlsplit(url).netloc)}. Neither real shop has anything to do with it.</p>"
        f"<pre>{escape(commands)}</pre>"
        f'<p>Day {day}; differing from the catalogue: {changed}. <button data-path="/_demo/day">Next day</button> '
        '<button data-path="/_demo/reset">Reset</button> or <code>' + escape(control) + "</code> "
        '(<a href="/_demo/products">all products as JSON</a>) <span id="said"></span></p></header>'
    )


def _card(row: dict[str, Any]) -> str:
    first, *more = [quote(path) for path in row["pictures"]] or [""]
    name = f"{row['name']} {row['colour']}"
    thumbs = "".join(f'<img src="{path}" alt="" loading="lazy">' for path in more)
    return (
        f'<article class="card" id="{escape(row["id"])}"><img src="{first}" alt="{escape(name)}" loading="lazy"><div>'
        f"<p>{_tags(row)}</p><b>{escape(name)}</b><p><small>{escape(row['id'])} · {escape(row['name_en'])}</small></p>"
        f"<p>{_price(row)} <small>{_sizes(row)}</small></p>"
        f'<p class="more">{thumbs}</p>{"".join(_links(code, shown) for code, shown in row["shops"].items())}'
        f"<p>{_controls(row)}</p></div></article>"
    )


def _tags(row: dict[str, Any]) -> str:
    tags = [("", str(row["garment_class"] or "no class"))]
    tags += [("flaw", flaw) for flaw in row["flaws"] if flaw != "sold-out"]
    tags += [("out", "sold out")] * row["sold_out"] + [("new", "changed")] * row["changed"]
    return "".join(f'<span class="tag {kind}">{escape(text)}</span>' for kind, text in tags)


def _price(row: dict[str, Any]) -> str:
    before = f"<s>₩{row['list_price']:,}</s> " if row["list_price"] != row["sale_price"] else ""
    return f"{before}₩{row['sale_price']:,}"


def _sizes(row: dict[str, Any]) -> str:
    sold = row["sold_out_sizes"]
    return " ".join(f"<s>{escape(size)}</s>" if size in sold else escape(size) for size in row["sizes"])


def _links(code: str, shown: dict[str, str]) -> str:
    page = shown["url"].removeprefix("https://")
    calls = (
        f'<a href="/{escape(address.format(number=shown["number"], page=page))}">{name}</a>'
        for name, address in _CALLS[code]
    )
    return f"<p><small>{SITES[code].name} {shown['number']}</small><br>{' '.join(calls)}</p>"


def _controls(row: dict[str, Any]) -> str:
    id = escape(row["id"])
    value, text = ("in", "Restock") if row["sold_out"] else ("out", "Sell out")
    return (
        f'<input type="number" min="1" max="{row["list_price"]}" value="{row["sale_price"]}" aria-label="price">'
        f'<button data-price="{id}">Set</button> <button data-stock="{id}" value="{value}">{text}</button>'
    )
