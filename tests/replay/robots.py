"""robots.txt of the replayed shops: by a policy's name, by host, or a text of the test's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from studio.shop.answers import Answer
from studio.shop.robots import AGENT, ALLOW, WITHOUT, missing, rules

_REFUSED = """\
User-agent: Applebot
User-agent: Yeti
Allow: /

User-agent: Googlebot
Allow: /
Disallow: /mypage/

User-agent: *
Disallow: /
"""
_TEXTS = {
    "allow": ALLOW,
    "deny": "User-agent: *\nDisallow: /\n",
    "delay": f"User-agent: {AGENT}\nCrawl-delay: 1\nAllow: /\n",
    "named-deny": f"User-agent: {AGENT}\nDisallow: /\n\nUser-agent: *\nAllow: /\n",
}
POLICIES = (*_TEXTS, "real", "missing", "error", "forbidden")

Robots = str | Mapping[str, str]


def check(robots: Robots) -> None:
    """Raises ValueError for a policy that is neither known nor a robots.txt of the test's own (which has a colon)."""
    for policy in [robots] if isinstance(robots, str) else robots.values():
        if policy not in POLICIES and ":" not in policy:
            raise ValueError(
                f"no robots policy {policy!r}; there are {', '.join(POLICIES)}, or the text of a robots.txt"
            )


def read(name: str) -> str:
    """A policy from the command line: its name, or a file with the text."""
    return name if name in POLICIES else Path(name).read_text("utf-8")


def answer(robots: Robots, host: str) -> Answer:
    """The host's answer to /robots.txt. A host that a mapping does not name allows our agent.

    Policies: `allow` our agent alone, `deny` all, `named-deny` our agent alone, `delay` (Crawl-delay 1), `real` (as the
    shops do: named robots only), `missing` (404), `error` (503), `forbidden` (403).
    """
    policy = robots if isinstance(robots, str) else robots.get(host, "allow")
    if policy == "real":
        policy = "missing" if host in WITHOUT else _REFUSED
    failures = {"missing": 404, "error": 503, "forbidden": 403}
    if policy in failures:
        return missing(failures[policy])
    return rules(host, _TEXTS.get(policy, policy))
