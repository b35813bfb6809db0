"""Which addresses a crawl may contact: the policy alone, with no sockets, for every client that fetches.

The contract that must not break: an address is contacted only after `check_url` accepted it (each redirect again) and
`check_ip` accepted the IP that is really connected to. Where URL parsers disagree, the address is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import idna

from crawler.errors import AddressRefused

MAX_URL = 2_048
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\Z")
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
# C0 and C1 controls, DEL, and the line separators that some clients cut at. Browsers read a backslash as a slash.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\\\\]")
_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_MAPPED_V4 = IPv6Network("::ffff:0:0/96")
_6TO4 = IPv6Network("2002::/16")


class Address(NamedTuple):
    """An http(s) address in parts: `host` is lower-case ASCII without brackets, `target` the path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


class AddressGuard:
    """What may be contacted: allowed hosts, and the host map that sends a shop's host to an address of the operator.

    An allowed host is an exact name, `*.suffix` (its subdomains, not itself) or `*` (any public host with a dot in its
    name). The keys of the host map are allowed as well. Immutable; pickles.
    """

    __slots__ = ("_any", "_exact", "_map", "_suffixes", "_target_hosts")

    def __init__(self, allowed_hosts: Iterable[str], host_map: Mapping[str, str]) -> None:
        allowed = tuple(allowed_hosts)
        self._any = "*" in allowed
        self._suffixes = tuple("." + normal_host(host[2:]) for host in allowed if host.startswith("*."))
        self._map = {normal_host(host): target.rstrip("/") for host, target in host_map.items()}
        names = (normal_host(host) for host in allowed if not host.startswith("*"))
        self._exact = frozenset(names) | frozenset(self._map)
        self._target_hosts = frozenset(parse_address(target).host for target in self._map.values())

    def check_url(self, url: str) -> None:
        """Raise AddressRefused unless the URL may be asked for."""
        address = parse_address(url)
        if address.host in self._map:
            return
        literal = _literal_ip(address.host)
        if literal is not None:
            reason = "host-not-allowed" if _is_public(literal) else "private-address"
            raise AddressRefused(reason, f"{_shown(url)} names an IP address; only host names are contacted")
        if not self._allows(address.host):
            raise AddressRefused("host-not-allowed", f"{address.host} is not among the shop's hosts")
        if address.port not in _PORTS.values():
            raise AddressRefused("port-refused", f"{address.host}:{address.port}: only ports 80 and 443 are contacted")

    def check_ip(self, ip: str | IPv4Address | IPv6Address, host: str) -> None:
        """Raise AddressRefused unless `ip`, to which `host` resolved, is public or a host-map target's own."""
        if normal_host(host) in self._target_hosts:
            return
        try:
            public = _is_public(ip_address(ip))
        except ValueError:
            raise AddressRefused("bad-url", f"{ip!r} is not an IP address") from None
        if not public:
            raise AddressRefused("private-address", f"{host} resolves to {ip}, which is not a public address")

    def mapped(self, url: str) -> str | None:
        """The address to connect to in place of `url` where its host is mapped: path and query kept, no fragment."""
        address = parse_address(url)
        target = self._map.get(address.host)
        return None if target is None else target + address.target

    def _allows(self, host: str) -> bool:
        if host in self._exact:
            return True
        # A host that is only some map's target may resolve to a private address, so a wildcard must not reach it.
        if host in self._target_hosts:
            return False
        return host.endswith(self._suffixes) or (self._any and "." in host)


def parse_address(url: str) -> Address:
    """Split an http(s) URL as every client would, or raise AddressRefused where clients could differ."""
    if not 0 < len(url) <= MAX_URL:
        raise AddressRefused("bad-url", f"{len(url)} characters, where 1 to {MAX_URL} are accepted")
    if _FORBIDDEN.search(url) or url != url.strip():
        raise AddressRefused("bad-url", f"{_shown(url)} has control characters, backslashes or outer white space")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused("bad-url", f"{_shown(url)}: {error}") from None
    if parts.scheme not in _PORTS:
        raise AddressRefused("scheme-refused", f"{_shown(url)}: only http and https are fetched")
    if "@" in parts.netloc:
        raise AddressRefused("credentials-in-url", f"a URL at {parts.hostname} carries a user name or password")
    if not parts.hostname:
        raise AddressRefused("bad-url", f"{_shown(url)} has no host")
    host = normal_host(parts.hostname)
    if port is None:
        port = _PORTS[parts.scheme]
    return Address(parts.scheme, host, port, _target(parts))


def normal_host(host: str) -> str:
    """The host as compared: lower-case, IDNA (UTS 46) ASCII, no trailing dot, IPv6 compressed without brackets."""
    if ":" in host:
        try:
            return IPv6Address(host.strip("[]")).compressed
        except ValueError:
            raise AddressRefused("bad-url", f"{_shown(host)} is not an IPv6 address") from None
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True, transitional=False).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise AddressRefused("bad-url", f"{_shown(host)} is not a host name") from None
    host = host.lower().removesuffix(".")
    if len(host) > 253 or not _HOST.match(host):
        raise AddressRefused("bad-url", f"{_shown(host)} is not a host name")
    return host


def _target(parts: SplitResult) -> str:
    """Path and query, dot segments resolved so that a path can't climb out of a host-map target's prefix."""
    kept: list[str] = []
    segments = parts.path.split("/")[1:] or [""]
    for segment in segments:
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(segment)
    if segments[-1].lower().replace("%2e", ".") in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept) + (f"?{parts.query}" if parts.query else "")


def _literal_ip(host: str) -> IPv4Address | IPv6Address | None:
    """The IP that a host spells, in any form which `inet_aton` or a browser accepts; None for a name."""
    if ":" in host:
        return IPv6Address(host)
    labels = host.split(".")
    # WHATWG's rule: a host whose last label is a number is an IPv4 address, or an error.
    if not _NUMBER.match(labels[-1]):
        return None
    try:
        numbers = [_number(label) for label in labels]
    except ValueError:
        numbers = []
    *high, low = numbers or [1 << 32]
    if len(numbers) > 4 or any(number > 255 for number in high) or low >= 256 ** (4 - len(high)):
        raise AddressRefused("bad-url", f"{_shown(host)} ends in a number but is not an IPv4 address")
    return IPv4Address(sum(number << (24 - 8 * place) for place, number in enumerate(high)) + low)


def _number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8) if len(label) > 1 and label.startswith("0") else int(label)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address):
        if ip in _NAT64 or ip in _MAPPED_V4:
            return _is_public(IPv4Address(int(ip) & 0xFFFF_FFFF))
        if ip in _6TO4:
            return _is_public(IPv4Address(int(ip) >> 80 & 0xFFFF_FFFF))
        # Teredo (2001::/32) is inside 2001::/23, which is not global.
        return ip in _GLOBAL_V6 and ip.is_global
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 100 else text[:100] + "...")
