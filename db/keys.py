"""Stable keys derived from content: what work, address or record this is, independent of any database id."""

from __future__ import annotations

import hashlib
import json


def url_key(url: str) -> int:
    """A non-negative 63-bit key of an address: the unique column where a URL itself is too long to index."""
    return int.from_bytes(hashlib.sha256(url.encode()).digest()[:8], "big") >> 1


def content_key(value: object) -> str:
    """SHA-256 (hex) of a JSON-able value in canonical form: equal values have equal keys, whatever their key order."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
