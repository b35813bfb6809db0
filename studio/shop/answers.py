"""What a shop's server is asked and what it answers, as values that know no socket.

The contract that must not break: a request is told apart by its Host, and answers carry whole bodies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

_AUTHORITY = re.compile(r"([a-z0-9._-]*|\[[0-9a-f:.]+\])(?::\d{0,5})?")


def host_name(authority: str) -> str:
    """The name in a Host header, in lower case: without the port and without a trailing dot. Raises ValueError."""
    found = _AUTHORITY.fullmatch(authority.lower())
    if found is None:
        raise ValueError(f"{authority!r} is not a host")
    return found[1].rstrip(".")


@dataclass(frozen=True, slots=True)
class Request:
    """A request: `target` is path and query as sent, always in origin form; header names are in lower case.

    `host` is the name alone, by which requests are told apart; `authority` is what was asked for, with its port.
    """

    method: str
    host: str
    target: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    authority: str = ""

    @classmethod
    def of(
        cls, method: str, host: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Request:
        """A request from its target; an absolute one, as proxies send it, names the host.

        Raises ValueError for a host or a target that is none, also for a Host header that is not used.
        """
        name = host_name(host)
        if target.lower().startswith(("http://", "https://")):
            absolute = urlsplit(target)
            host, name = absolute.netloc, host_name(absolute.netloc)
            target = (absolute.path or "/") + (f"?{absolute.query}" if absolute.query else "")
        target = target if target.startswith("/") else "/"
        parts = urlsplit("//host" + target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method, name, target, parts.path, query, headers or {}, body, host.lower())


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
