"""What a host's robots.txt permits this crawler, after RFC 9309.

The contract that must not break: where the shop's wish can't be read (an error, no answer), nothing is permitted.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from protego import Protego

MAX_BYTES = 512 * 1024
_TOKEN = re.compile(r"[A-Za-z_-]+")
_GROUP = re.compile(
    r"^[ \t]*user[- ]?agent[ \t]*:[ \t]*([A-Za-z_-]+)(?:/[^\s#]*)?[ \t]*(?:#.*)?$", re.IGNORECASE | re.MULTILINE
)
_ALLOW_ALL = b""
_DISALLOW_ALL = b"User-agent: *\nDisallow: /\n"
_NO_AI = {"noai", "noimageai"}
# Directives with a value after a colon, which is otherwise what follows a crawler's name.
_VALUED = {"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"}
_NAMED = re.compile(r"\s*([A-Za-z0-9_-]+)\s*:\s*(.*)", re.DOTALL)


@dataclass(frozen=True)
class RobotsRules:
    """The rules of one host for one crawler; `agent` is the group that applies, `*` where it is not named."""

    agent: str
    sitemaps: tuple[str, ...]
    crawl_delay: float | None
    _parser: Protego

    @classmethod
    def parse(cls, body: bytes, user_agent: str) -> RobotsRules:
        """Rules from a file's bytes, of which RFC 9309 asks to read at least 500 KiB: we read 512.

        A group is ours when it names our product token, the first word of `user_agent`, in full; protego alone would
        also take a prefix of it.
        """
        text = _whole_lines(body).decode("utf-8-sig", errors="replace")
        # "\r" alone is a line end to RFC 9309; splitlines in protego would also cut at Unicode's line separators.
        text = re.sub(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", "\n", text)
        found = _TOKEN.match(user_agent)
        token = found.group().lower() if found else "*"
        names = {name.lower() for name in _GROUP.findall(text)}
        text = _GROUP.sub(r"User-agent: \1", text)
        parser = Protego.parse(text)
        agent = token if token in names else "*"
        delay = parser.crawl_delay(agent)
        usable = delay is not None and math.isfinite(delay) and delay >= 0
        return cls(agent, tuple(parser.sitemaps), delay if usable else None, parser)

    def allowed(self, url: str) -> bool:
        return self._parser.can_fetch(url, self.agent)


def rules_for_answer(status: int | None, body: bytes, user_agent: str) -> RobotsRules:
    """The rules that an answer to `GET /robots.txt` stands for; `status` None means that no answer came.

    2xx is parsed and 4xx means that there are no rules, but 401 and 403 (the shop refuses), 429 and 5xx (it can't
    answer now) and anything else permit nothing (RFC 9309 section 2.3.1, more careful with 401, 403 and 429).
    """
    if status is not None and 200 <= status < 300:
        return RobotsRules.parse(body, user_agent)
    no_rules = status is not None and 400 <= status < 500 and status not in {401, 403, 429}
    return RobotsRules.parse(_ALLOW_ALL if no_rules else _DISALLOW_ALL, user_agent)


def forbids_ai(headers: list[str], product_token: str) -> bool:
    """Whether X-Robots-Tag headers say `noai` or `noimageai` to everybody or to this crawler."""
    for header in headers:
        named = _NAMED.match(header)
        if named and named[1].lower() not in _VALUED:
            if named[1].lower() != product_token.lower():
                continue
            header = named[2]
        if _NO_AI & {directive.strip().lower() for directive in header.split(",")}:
            return True
    return False


def _whole_lines(body: bytes) -> bytes:
    """At most 512 KiB, without a last line that the limit cut: half a rule may mean something else."""
    if len(body) <= MAX_BYTES:
        return body
    return body[:MAX_BYTES].rpartition(b"\n")[0]
