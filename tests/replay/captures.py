"""Pages saved from real shops, served at the addresses that they were saved from. The folder is the caller's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from studio.shop.answers import Answer, Request, to_json

_CANONICAL = re.compile(
    r'<link[^>]+(?:href="(?P<a>https?://[^"]+)"[^>]*rel="canonical"|rel="canonical"[^>]*href="(?P<b>[^"]+)")'
)
_SSF_CATEGORY = re.compile(r'name="dspCtgryNo" value="(?P<code>SF[A-Z0-9]+)"')
_CALLS = {"actual_size": "/actual-size", "detail": ""}
_MAX_BYTES = 64 * 2**20


class Captures:
    """The answers of a folder's captures by host and target; files whose address can't be told are left out."""

    def __init__(self, folder: Path) -> None:
        self.answers: dict[tuple[str, str], Answer] = {}
        for path in sorted(folder.rglob("*")):
            if path.suffix not in (".html", ".htm", ".json") or path.is_symlink() or path.stat().st_size > _MAX_BYTES:
                continue
            url, answer = _capture(path)
            if url is not None:
                parts = urlsplit(url)
                self.answers[parts.netloc, parts.path + (f"?{parts.query}" if parts.query else "")] = answer

    @property
    def urls(self) -> list[str]:
        return [f"https://{host}{target}" for host, target in self.answers]

    def answer(self, request: Request) -> Answer | None:
        return self.answers.get((request.host, request.target))


def _capture(path: Path) -> tuple[str | None, Answer]:
    body = path.read_bytes()
    if path.suffix != ".json":
        return _page_address(body.decode("utf-8", "replace")), Answer(body)
    try:
        data = json.loads(body)
    except ValueError:
        return None, Answer(b"")
    if isinstance(data, dict) and isinstance(data.get("url"), str) and "body" in data:
        return data["url"], to_json(data["body"], int(data.get("status", 200)))
    call = re.match(r"(?P<call>actual_size|detail)_(?P<number>\d+)", path.name)
    if call is None or not isinstance(data, dict) or "data" not in data:
        return None, Answer(b"")
    answer: dict[str, Any] = {"meta": {"result": "SUCCESS"}, "error": None, **data}
    return f"https://goods-detail.musinsa.com/api2/goods/{call['number']}{_CALLS[call['call']]}", to_json(answer)


def _page_address(text: str) -> str | None:
    if canonical := _CANONICAL.search(text):
        return canonical["a"] or canonical["b"]
    category = _SSF_CATEGORY.search(text)
    return f"https://www.ssfshop.com/category/list?dspCtgryNo={category['code']}" if category else None
