"""What the replay server is asked and what a shop answers, before any fault is put on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """A request line and its Host; `target` is path and query as sent, always in origin form."""

    method: str
    host: str
    target: str
    path: str
    query: dict[str, str]

    @classmethod
    def of(cls, method: str, host: str, target: str) -> Request:
        parts = urlsplit("//host" + target)
        return cls(method, host, target, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)))


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer, without the headers that the server adds (length, connection)."""

    body: bytes
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def html(text: str, status: int = 200) -> Answer:
    return Answer(text.encode(), status=status)


def xml(text: str) -> Answer:
    return Answer(text.encode(), "application/xml")


def to_json(value: object, status: int = 200) -> Answer:
    # No charset, as the shops' own calls answer.
    return Answer(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), "application/json", status)


NOT_FOUND = html("<!DOCTYPE html><html><body>not found</body></html>", 404)
