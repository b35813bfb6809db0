"""The differences of two releases as one HTML page with pictures; it needs no other file.

The contract that must not break: names from shops are text, never markup; a withdrawn item is named, not shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from releases.differences import Difference, Kind
from releases.release import Release
from releases.rows import ReleaseItem
from releases.thumbnails import as_data_url, thumbnail

SHOWN = 60
"""Items with pictures of each kind; the rest is counted."""
_PARTS = ("cloth", "image", "agnostic", "parse")
_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; color: #222 }
table { border-collapse: collapse } td, th { padding: .2rem .8rem; text-align: left } td.n { text-align: right }
.item { display: flex; gap: 1rem; align-items: center; border-top: 1px solid #ddd; padding: .6rem 0 }
.item > div { white-space: nowrap } .item > div.what { white-space: normal; flex: none }
.item div.what { width: 18rem } .item small { color: #666 } img { height: 128px; margin-right: 2px }
"""


def diff_page(
    old: tuple[str, Release], new: tuple[str, Release], found: Iterable[Difference]
) -> tuple[str, dict[str, int]]:
    """The page and the number of differences of each kind; `old` and `new` are names with their releases."""
    shown: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    counts = dict.fromkeys(Kind, 0)
    for difference in found:
        counts[difference.kind] += 1
        if len(shown[difference.kind]) < SHOWN:
            shown[difference.kind].append(_item(difference, old[1], new[1]))
    title = f"{old[0]} to {new[0]}"
    rows = "".join(f"<tr><td>{kind}</td><td class=n>{counts[kind]:,}</td></tr>" for kind in Kind)
    sections = "".join(_section(kind, counts[kind], shown[kind]) for kind in Kind if counts[kind])
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1><table>{rows}</table>{sections or '<p>Both hold the same items.'}</html>\n"
    )
    return page, {str(kind): number for kind, number in counts.items()}


def _section(kind: Kind, count: int, items: list[str]) -> str:
    more = f"<p>and {count - len(items):,} more" if count > len(items) else ""
    return f"<h2>{kind}: {count:,}</h2>{''.join(items)}{more}"


def _item(difference: Difference, old: Release, new: Release) -> str:
    item = difference.item
    facts = item.facts
    link = escape(facts.url, quote=True) if facts.url.startswith(("https://", "http://")) else ""
    name = escape(facts.name or facts.product_no)
    what = (
        f"<div class=what><b>{item.id}</b> <small>{item.split}</small><br>"
        + (f'<a href="{link}" rel=noreferrer>{name}</a>' if link else name)
        + f"<br><small>{escape(facts.shop)} {escape(facts.product_no)}</small>"
        + (f"<br>{escape(', '.join(difference.what))}" if difference.what else "")
        + "</div>"
    )
    pictures = [_strip(new, difference.new)]
    if difference.kind is not Kind.RESTATED and not difference.withdrawn:
        pictures.insert(0, _strip(old, difference.old))
    return f"<div class=item>{what}{' → '.join(strip for strip in pictures if strip)}</div>"


def _strip(release: Release, item: ReleaseItem | None) -> str:
    if item is None:
        return ""
    images = (f'<img alt="{part}" src="{as_data_url(thumbnail(release, item, part))}">' for part in _PARTS)
    return f"<div>{''.join(images)}</div>"
