"""HTML that sellers wrote, as plain text without anybody's contact data.

The contract that must not break: no e-mail address and no phone number leaves this module, and no line of the legal
notice (seller, return address, customer service).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree  # type: ignore[import-untyped]
from parsel import Selector

from crawler.pages.documents import html
from crawler.pages.fields import storable

MAX_DETAIL = 20_000
_SKIPPED = frozenset({"script", "style", "noscript", "template", "iframe", "svg", "head", "object", "video"})
_BLOCKS = frozenset(
    {"address", "article", "blockquote", "br", "center", "dd", "div", "dl", "dt", "figcaption", "h1", "h2", "h3", "h4"}
    | {"h5", "h6", "hr", "li", "ol", "p", "section", "table", "tr", "ul"}
)
_EMAIL = re.compile(r"[\w.+-]{1,64}\s?[@＠]\s?[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_PHONE = re.compile(
    r"(?<![0-9A-Za-z.])(?:\+?82[-.\s]?)?\(?0[0-9]{1,3}\)?[-.\s]{0,2}[0-9]{3,4}[-.\s]{0,2}[0-9]{4}(?![0-9])"
    r"|(?<![0-9A-Za-z.])\+82[-.\s]?[0-9]{1,2}[-.\s]?[0-9]{3,4}[-.\s]?[0-9]{4}(?![0-9])"
    r"|(?<![0-9A-Za-z.])1[5689][0-9]{2}[-.][0-9]{4}(?![0-9])"
)
_NOTICE = re.compile(
    r"반품\s*(?:주소|지\b)|교환지|사업자|대표자|통신\s*판매|주소\s*[:：]|고객\s*센터|카카오톡|상호\s*[:：]|연락처|전화번호"
)


def masked(text: str) -> str:
    """The text with e-mail addresses and (Korean) phone numbers replaced by `[...]`."""
    return _PHONE.sub("[...]", _EMAIL.sub("[...]", text))


def without_contacts(text: str, limit: int = MAX_DETAIL) -> str | None:
    """Lines of text, cleaned, without lines of the legal notice, masked, at most `limit` characters; None if none."""
    if len(text) > 8 * limit:  # what is cut off must not leave half an address behind
        text = text[: 8 * limit].rsplit(None, 1)[0]
    lines = (" ".join(line.split()) for line in storable(text).splitlines())
    kept = [masked(line) for line in lines if line and not _NOTICE.search(line)]
    return "\n".join(kept)[:limit].strip() or None


def plain_text(markup: object, limit: int = MAX_DETAIL) -> str | None:
    """HTML as lines of text, one a block, without scripts and styles, and without contact data; None where none is."""
    if not isinstance(markup, str) or not markup.strip():
        return None
    return text_within(html(markup), limit)


def text_within(tree: Selector, limit: int = MAX_DETAIL) -> str | None:
    """`plain_text` of the elements at or below an HTML selector."""
    if not isinstance(tree.root, etree._Element):
        return None
    return without_contacts("".join(_pieces(tree.root)), limit)


def _pieces(root: etree._Element) -> Iterator[str]:
    """The texts below an element in order, with line breaks where a block begins or ends."""
    hidden = 0
    for event, node in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        name = node.tag if isinstance(node.tag, str) else ""
        if event == "start":
            hidden += name in _SKIPPED
            if not hidden:
                yield "\n" if name in _BLOCKS else ""
                yield _flowed(node.text)
            continue
        hidden -= event == "end" and name in _SKIPPED
        if not hidden:
            yield "\n" if name in _BLOCKS else " " if name in ("td", "th") else ""
            if node is not root:
                yield _flowed(node.tail)


def _flowed(text: str | None) -> str:
    return " ".join(f".{text}.".split())[1:-1] if text else ""
