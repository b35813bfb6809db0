"""Faults behave on the wire as they are named, and a plan says before the run what will fail."""

from __future__ import annotations

import gzip
import io
import json
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from studio.shop import musinsa_goods
from tests.replay import Fault, FaultPlan, ReplayServer, SyntheticShop
from tests.replay.client import PAGE, Client, exchange, picture_urls
from tests.replay.wire import BOMB_BYTES

SHOPS = {"musinsa": SyntheticShop("musinsa", 400), "ssf": SyntheticShop("ssf", 400)}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with ReplayServer(*SHOPS.values()) as server:
        yield Client(server)


# Faults on the wire


def raw(server: ReplayServer, url: str = PAGE) -> tuple[bytes, dict[str, str], bytes]:
    """Status line, headers and body as the bytes on the wire, until the server closes."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    data = exchange(server, f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
    head, _, body = data.partition(b"\r\n\r\n")
    status, *rows = head.split(b"\r\n")
    return status, dict(row.decode().split(": ", 1) for row in rows), body


@pytest.fixture(scope="module")
def proper(client: Client) -> bytes:
    return client.get(PAGE).data


def serve(kind: Fault, times: int | None = None, **more: Any) -> ReplayServer:
    return ReplayServer(*SHOPS.values(), faults=FaultPlan.always(kind, times=times, **more))


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (Fault.TOO_MANY, 429),
        (Fault.TOO_MANY_DATE, 429),
        (Fault.UNAVAILABLE, 503),
        (Fault.UNAVAILABLE_LATER, 503),
        (Fault.FORBIDDEN, 403),
    ],
)
def test_refusals_say_when_to_come_back(kind: Fault, status: int) -> None:
    with serve(kind, retry_after=7) as server:
        answer = Client(server).get(PAGE)
    assert answer.status == status
    later = answer.headers.get("Retry-After")
    if kind in (Fault.TOO_MANY, Fault.UNAVAILABLE_LATER):
        assert later == "7"
    elif kind is Fault.TOO_MANY_DATE:
        assert later
        assert 5 < parsedate_to_datetime(later).timestamp() - time.time() < 9
    else:
        assert later is None


def test_reset_is_a_reset() -> None:
    with serve(Fault.RESET) as server:
        with pytest.raises(ConnectionResetError):
            raw(server)
        assert [(each.status, each.fault) for each in server.log] == [(0, "reset")]


def test_truncated_wrong_length_and_chunked_cut_lose_the_second_half(proper: bytes) -> None:
    half = proper[: len(proper) // 2]
    with serve(Fault.TRUNCATED) as server:
        _, headers, body = raw(server)
        assert (int(headers["Content-Length"]), body) == (len(proper), half)
        with pytest.raises(urllib3.exceptions.ProtocolError):
            Client(server).get(PAGE)
    with serve(Fault.WRONG_LENGTH) as server:
        _, headers, body = raw(server)
        assert (int(headers["Content-Length"]), body) == (len(half), proper)
    with serve(Fault.CHUNKED_CUT) as server:
        _, headers, body = raw(server)
        assert headers["Transfer-Encoding"] == "chunked"
        assert body == f"{len(proper):x}\r\n".encode() + half
        with pytest.raises(urllib3.exceptions.ProtocolError):
            Client(server).get(PAGE)


def test_an_endless_body_goes_on_until_the_client_leaves() -> None:
    with serve(Fault.ENDLESS) as server:
        answer = Client(server).get(PAGE, preload_content=False)
        assert "Content-Length" not in answer.headers
        assert len(answer.read(32 * 2**20)) == 32 * 2**20
        answer.close()
        assert Client(server).get("https://www.musinsa.com/robots.txt").status == 200


@pytest.mark.parametrize(
    ("kind", "location"),
    [
        (Fault.REDIRECT_METADATA, "http://169.254.169.254/latest/meta-data"),
        (Fault.REDIRECT_LOOP, PAGE),
        (Fault.REDIRECT_LOCAL, "/stolen"),
    ],
)
def test_redirects_lead_where_no_crawl_may_go(kind: Fault, location: str) -> None:
    with serve(kind) as server:
        answer = Client(server).get(PAGE, redirect=False)
        assert answer.status == 302
        assert answer.headers["Location"] == (server.url + location if location == "/stolen" else location)


def test_faults_of_content(proper: bytes) -> None:
    picture = next(url for _, url in picture_urls(SHOPS["ssf"], range(20)))
    with serve(Fault.WRONG_CHARSET) as server:
        _, headers, body = raw(server)
        assert (headers["Content-Type"], body) == ("text/html; charset=euc-kr", proper)
    with serve(Fault.WRONG_TYPE) as server:
        assert raw(server)[1]["Content-Type"] == "image/png"
        assert raw(server, picture)[1]["Content-Type"].startswith("text/html")
    with serve(Fault.NOAI) as server:
        assert raw(server, picture)[1]["X-Robots-Tag"] == "noai, noimageai"
    with serve(Fault.EMPTY) as server:
        status, headers, body = raw(server)
        assert (status, headers["Content-Length"], body) == (b"HTTP/1.1 200 OK", "0", b"")


def test_a_gzip_bomb_is_small_on_the_wire_and_large_unpacked() -> None:
    with serve(Fault.GZIP_BOMB) as server:
        _, headers, body = raw(server)
    assert headers["Content-Encoding"] == "gzip"
    assert len(body) < 2**19
    unpacked = gzip.GzipFile(fileobj=io.BytesIO(body))
    assert sum(len(block) for block in iter(lambda: unpacked.read(2**22), b"")) == BOMB_BYTES


def test_slow_answers_are_whole_and_late(proper: bytes) -> None:
    for kind, least in ((Fault.SLOW, 0.3), (Fault.SLOW_BODY, 0.3)):
        with serve(kind, delay=0.3 if kind is Fault.SLOW else 0.01) as server:
            start = time.monotonic()
            assert Client(server).get(PAGE).data == proper
            assert time.monotonic() - start >= least


def test_a_fault_heals_after_its_times_for_each_address_alone(proper: bytes) -> None:
    with serve(Fault.UNAVAILABLE, times=2) as server:
        client = Client(server)
        assert [client.get(PAGE).status for _ in range(4)] == [503, 503, 200, 200]
        assert [client.get(PAGE + "&x=1").status for _ in range(3)] == [503, 503, 200]
        assert client.get(PAGE).data == proper
        assert [each.fault for each in server.log[:3]] == ["503", "503", None]


# Fault plans


def product_urls(count: int) -> list[str]:
    shop = SyntheticShop("musinsa", count)
    return [musinsa_goods.link(shop.number(index)) for index in range(count)]


def test_the_mix_is_six_percent_that_heal_and_one_percent_that_never_do() -> None:
    plan = FaultPlan.mix()
    urls = product_urls(20_000)
    targets = [(urlsplit(url).netloc, urlsplit(url).path) for url in urls]
    first = [plan.fault(host, path, 1) for host, path in targets]
    later = [plan.fault(host, path, 3) for host, path in targets]
    assert 0.06 < sum(kind is not None for kind in first) / len(urls) < 0.08
    assert 0.008 < sum(kind is not None for kind in later) / len(urls) < 0.012
    rejections = plan.expected_rejections(urls)
    assert rejections == {url: kind for url, kind in zip(urls, later, strict=True) if kind}
    assert set(rejections.values()) == {Fault.ENDLESS, Fault.REDIRECT_LOCAL, Fault.REDIRECT_METADATA}


def test_the_mix_spares_robots_and_never_loses_a_list() -> None:
    plan = FaultPlan.mix()
    assert not any(
        FaultPlan.always(Fault.RESET).fault(host, "/robots.txt", 1) for host in ("www.musinsa.com", "api.musinsa.com")
    )
    lists = [f"/category/{code:06d}/goods?gf=A" for code in range(5000)]
    assert any(plan.fault("www.musinsa.com", target, 1) for target in lists)
    assert not any(plan.fault("www.musinsa.com", target, 3) for target in lists)


@given(st.integers(0, 1000), st.sampled_from(list(Fault)), st.text(max_size=20), st.integers(1, 5))
def test_a_plan_is_deterministic_and_heals_monotonously(seed: int, kind: Fault, target: str, attempt: int) -> None:
    plan = FaultPlan(seed, {kind: 0.5}, times=3)
    fault = plan.fault("www.musinsa.com", "/" + target, attempt)
    assert fault == FaultPlan(seed, {kind: 0.5}, times=3).fault("www.musinsa.com", "/" + target, attempt)
    assert fault in (None, kind)
    assert attempt <= 3 or fault is None
    if fault:
        assert all(plan.fault("www.musinsa.com", "/" + target, earlier) is kind for earlier in range(1, attempt))


def test_a_plan_is_read_from_json_and_nonsense_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text(
        json.dumps({"seed": 3, "rates": {"reset": 1.0}, "times": 1, "also": [{"rates": {"403": 1.0}, "times": None}]})
    )
    plan = FaultPlan.read(path)
    assert [plan.fault("h", "/p", attempt) for attempt in (1, 2)] == [Fault.FORBIDDEN, Fault.FORBIDDEN]
    with pytest.raises(ValueError, match="'rest' is not a valid Fault"):
        FaultPlan(rates={"rest": 0.1})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match=r"add up to 1\.200"):
        FaultPlan(rates={Fault.RESET: 0.6, Fault.SLOW: 0.6})
