"""The address policy: nothing that is not the shop's, and no private network by any spelling."""

from __future__ import annotations

import ipaddress
import pickle
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.addresses import MAX_URL, AddressGuard, normal_host, parse_address
from crawler.errors import AddressRefused

GUARD = AddressGuard(["www.shop.test", "*.cdn.test"], {"mapped.test": "http://127.0.0.1:8001/prefix/"})
ANY = AddressGuard(["*"], {"mapped.test": "http://stage.internal.test:8001"})


def refusal(guard: AddressGuard, url: str) -> str | None:
    try:
        guard.check_url(url)
    except AddressRefused as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    "url",
    [
        "https://www.shop.test/a/b.jpg?w=1#part",
        "http://www.shop.test:80/",
        "HTTPS://WWW.SHOP.TEST./",
        "https://www.shop.test:443",
        "https://a.b.cdn.test/",
        "https://mapped.test:9999/any/port",
        "https://www.shop.test/cmd/LB_750x1000/src/https://img.shop.test/a.jpg",
        "https://www.shop.test/한글 이름.jpg",
    ],
)
def test_the_shops_own_addresses_pass(url: str) -> None:
    assert refusal(GUARD, url) is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "bad-url"),
        ("https://www.shop.test/" + "a" * MAX_URL, "bad-url"),
        ("file:///etc/passwd", "scheme-refused"),
        ("ftp://www.shop.test/", "scheme-refused"),
        ("//www.shop.test/", "scheme-refused"),
        ("javascript:alert(1)", "scheme-refused"),
        ("http:///etc/passwd", "bad-url"),
        ("http:www.shop.test", "bad-url"),
        ("http://www.shop.test:0/", "port-refused"),
        ("http://www.shop.test:22/", "port-refused"),
        ("http://www.shop.test:99999/", "bad-url"),
        ("http://www.shop.test:8o/", "bad-url"),
        ("http://user:secret@www.shop.test/", "credentials-in-url"),
        ("http://www.shop.test@evil.test/", "credentials-in-url"),
        ("http://@www.shop.test/", "credentials-in-url"),
        ("http://evil.test\\@www.shop.test/", "bad-url"),
        ("http://www.shop.test\\.evil.test/", "bad-url"),
        ("http://www.shop.test\t.evil.test/", "bad-url"),
        ("http://www.shop.test/\r\nHost: evil.test", "bad-url"),
        ("http://www.shop.test/\x00", "bad-url"),
        (" http://www.shop.test/", "bad-url"),
        ("http://www.shop.test%2eevil.test/", "bad-url"),
        ("http://evil.test/", "host-not-allowed"),
        ("http://www.shop.test.evil.test/", "host-not-allowed"),
        ("http://evilcdn.test/", "host-not-allowed"),
        ("http://cdn.test/", "host-not-allowed"),
        ("http://[::1/", "bad-url"),
        ("http://[::1]:80:80/", "bad-url"),
    ],
)
def test_everything_else_is_refused_with_its_reason(url: str, reason: str) -> None:
    assert refusal(GUARD, url) == reason


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0", "0x",
        "127.0.0.1.", "１２７.０.０.１", "127。0。0。1", "[::1]", "[::]",
        "[::ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]",
        "[64:ff9b::7f00:1]", "[fe80::1]", "[fd00::1]", "169.254.169.254", "[2002:7f00:1::]", "10.0.0.1", "100.64.0.1",
    ],
)  # fmt: skip
def test_no_spelling_of_a_private_address_passes_even_where_any_host_does(host: str) -> None:
    assert refusal(ANY, f"http://{host}/") == "private-address"


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("8.8.8.8", "host-not-allowed"),
        ("localhost", "host-not-allowed"),
        ("stage.internal.test", "host-not-allowed"),
        ("1.2.3.4.5", "bad-url"),
        ("www.test.256", "bad-url"),
        ("99999999999", "bad-url"),
    ],
)
def test_any_host_means_public_names_only(host: str, reason: str) -> None:
    assert refusal(ANY, f"http://{host}/") == reason


def test_any_host_lets_a_sellers_host_pass() -> None:
    assert refusal(ANY, "https://seller.example.co.kr/detail.jpg") is None


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::", "::1", "::ffff:10.0.0.1",
        "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::", "2001:0:a00:1::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "ff02::1", "2001:db8::1", "fec0::1", "::8.8.8.8", "5f00::1",
    ],
)  # fmt: skip
def test_a_name_that_resolves_to_a_private_address_is_refused(ip: str) -> None:
    with pytest.raises(AddressRefused) as caught:
        GUARD.check_ip(ip, "www.shop.test")
    assert caught.value.reason == "private-address"


@pytest.mark.parametrize("ip", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_pass(ip: str) -> None:
    GUARD.check_ip(ip, "www.shop.test")


def test_only_a_host_maps_target_may_be_private() -> None:
    GUARD.check_ip("127.0.0.1", "127.0.0.1")
    ANY.check_ip("10.0.0.5", "STAGE.internal.test.")
    with pytest.raises(AddressRefused):
        GUARD.check_ip("127.0.0.1", "mapped.test")


def test_an_exact_host_that_is_also_a_target_may_be_asked_for() -> None:
    guard = AddressGuard(["stage.test"], {"shop.test": "http://stage.test:8080"})
    assert refusal(guard, "http://stage.test/") is None


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://mapped.test", "http://127.0.0.1:8001/prefix/"),
        ("https://MAPPED.test:444/a//b?c=/../d#e", "http://127.0.0.1:8001/prefix/a//b?c=/../d"),
        ("https://mapped.test/../../admin", "http://127.0.0.1:8001/prefix/admin"),
        ("https://mapped.test/a/%2e%2E/%2e./admin", "http://127.0.0.1:8001/prefix/admin"),
        ("https://mapped.test/a/..", "http://127.0.0.1:8001/prefix/"),
        ("https://www.shop.test/", None),
    ],
)
def test_the_host_map_keeps_path_and_query_below_its_prefix(url: str, target: str | None) -> None:
    assert GUARD.mapped(url) == target


def test_a_guard_travels_to_other_processes_and_cannot_be_extended() -> None:
    copy = pickle.loads(pickle.dumps(GUARD))
    assert refusal(copy, "https://mapped.test/") is None
    assert refusal(copy, "https://evil.test/") == "host-not-allowed"
    with pytest.raises(AttributeError):
        GUARD.extra = 1  # type: ignore[attr-defined]


def test_hosts_compare_as_international_names_do() -> None:
    guard = AddressGuard(["bücher.test"], {})
    assert refusal(guard, "https://xn--bcher-kva.test/") is None
    assert refusal(guard, "https://BÜCHER。test/") is None


@given(st.integers(0, 2**32 - 1), st.sampled_from(["dotted", "decimal", "hex", "octal", "parts", "mapped", "nat64"]))
@example(0x7F000001, "parts")
def test_an_ipv4_address_is_judged_the_same_in_every_form(number: int, form: str) -> None:
    ip = ipaddress.IPv4Address(number)
    first, rest = number >> 24, number & 0xFFFFFF
    host = {
        "dotted": str(ip),
        "decimal": str(number),
        "hex": hex(number),
        "octal": f"0{number:o}",
        "parts": f"{first:#x}.{rest}",
        "mapped": f"[::ffff:{ip}]",
        "nat64": f"[64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}]",
    }[form]
    public = ip.is_global and not ip.is_multicast and not ip.is_reserved
    assert refusal(ANY, f"http://{host}/") == ("host-not-allowed" if public else "private-address")


@given(st.text(alphabet=st.sampled_from("htps:/\\@#?[]%.。．0x7f1aW\t\n\r -_\x00é１"), max_size=40))
def test_what_passes_is_one_host_to_every_reader(text: str) -> None:
    url = "http://" + text
    if refusal(ANY, url) is None:
        address = parse_address(url)
        assert address.host == normal_host(urlsplit(url).hostname or "")
        assert "." in address.host and address.host.isascii()
        again = f"{address.origin}{address.target}"
        assert refusal(ANY, again) is None and parse_address(again) == address


@given(st.text(max_size=60))
def test_any_text_is_judged_without_a_crash(text: str) -> None:
    for url in (text, f"http://{text}", f"https://www.shop.test/{text}"):
        assert refusal(ANY, url) is None or refusal(ANY, url)
