"""The crawler's settings that lead to a demo shop: its address in place of every host of both shops.

The contract that must not break: what is printed works as it stands, in `lookbook.toml` or in a shell.
"""

from __future__ import annotations

import json
import shlex

from studio.shop.sites import SITES


def as_toml(url: str) -> str:
    """For `lookbook.toml`."""
    lines: list[str] = []
    for site in SITES.values():
        lines += ["", f"[shops.{site.code}]", "delay = 0", f"[shops.{site.code}.hosts]"]
        lines += [f'"{host}" = "{url}"' for host in site.hosts]
    return "\n".join(lines[1:]) + "\n"


def as_environment(url: str) -> str:
    """For a shell: one `export` a line."""
    lines = []
    for site in SITES.values():
        prefix = f"export LOOKBOOK_SHOPS__{site.code.upper()}__"
        lines += [f"{prefix}DELAY=0", f"{prefix}HOSTS={shlex.quote(json.dumps(dict.fromkeys(site.hosts, url)))}"]
    return "\n".join(lines) + "\n"


def announcement(url: str) -> str:
    """What the command prints before it serves."""
    return (
        f"Lookbook demo shop, synthetic: {url}/\n\n# In lookbook.toml, or from {url}/_demo/lookbook.toml:\n"
        f"{as_toml(url)}\n# Or in a shell:\n{as_environment(url)}"
    )
