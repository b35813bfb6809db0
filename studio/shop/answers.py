"""What a shop's server is asked and what it answers, as values that know no socket.

The contract that must not break: a request is told apart by its Host, and answers carry whole bodies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """A request: `target` is path and query as sent, always in origin form; header names are in lower case."""

    method: str
    host: str
    target: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of(
        cls, method: str, host: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Request:
        """A request from its target; an absolute one, as proxies send it, names the host. Host in lower case."""
        if target.startswith(("http://", "https://")):
            absolute = urlsplit(target)
            host = absolute.netloc
            target = (absolute.path or "/") + (f"?{absolute.query}" if absolute.query else "")
        target = target if target.startswith("/") else "/"
        name, _, port = host.lower().partition(":")
        parts = urlsplit("//host" + target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(
            method, name if port in ("80", "443") else host.lower(), target, parts.path, query, headers or {}, body
        )


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


def plain(text: str, status: int = 200) -> Answer:
    return Answer(text.encode(), "text/plain; charset=utf-8", status)


def to_json(value: object, status: int = 200) -> Answer:
    # No charset, as the shops' own calls answer.
    return Answer(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), "application/json", status)


NOT_FOUND = html("<!DOCTYPE html><html><body>not found</body></html>", 404)
