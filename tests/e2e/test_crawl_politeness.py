"""What a crawl may and may not do: robots.txt, permissions, Crawl-delay, Retry-After, refusals."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Lookbook
from tests.e2e.crawl_drill import settings_for
from tests.e2e.shops import MUSINSA, SSF, one_category, pages_asked_for, state_of
from tests.replay import Fault, FaultPlan, ReplayServer


@pytest.mark.parametrize("server", [{"robots": "real"}], indirect=True)
@pytest.mark.parametrize("shop", ["musinsa", "ssf"])
def test_without_permission_the_shops_own_robots_end_the_crawl(
    shop: str, lookbook: Lookbook, server: ReplayServer
) -> None:
    ran = lookbook("crawl", "run", shop, **settings_for(server, shop))
    assert ran.code == 77
    assert "permission" in ran.stderr
    assert ran.summary["state"] == "refused"
    assert pages_asked_for(server) == []
    assert server.requests()


def test_musinsas_robots_as_it_was_served_ends_the_crawl(lookbook: Lookbook, samples: Path) -> None:
    captured = json.loads((samples / "shops" / "musinsa" / "robots_2026-05.json").read_text())["robots_txt"]
    with ReplayServer(MUSINSA, SSF, robots=captured) as server:
        for shop in ("musinsa", "ssf"):
            assert lookbook("crawl", "run", shop, **settings_for(server, shop)).code == 77
        assert {request.path for request in server.requests()} == {"/robots.txt"}


@pytest.mark.parametrize("server", [{"robots": "real"}], indirect=True)
def test_a_permission_is_relied_on_and_recorded(lookbook: Lookbook, server: ReplayServer) -> None:
    settings = settings_for(server, "musinsa")
    refused = lookbook("crawl", "run", "musinsa", "--limit", "2", **settings)
    allowed = lookbook(
        *("crawl", "run", "musinsa", "--limit", "2"),
        **settings,
        shops__musinsa__permission='{"reference": "agreement of 2026-01-02", "expires": "2099-12-31"}',
    )
    assert (refused.code, allowed.code) == (77, 0), allowed.stderr
    assert refused.summary["run"] == allowed.summary["run"]
    report = lookbook("crawl", "report", **settings)
    assert "permission: agreement of 2026-01-02" in report.stdout
    without = lookbook("crawl", "run", "musinsa", "--products", "2000045", **settings)
    assert without.code == 77
    assert "permission: none" in lookbook("crawl", "report", **settings).stdout


@pytest.mark.parametrize("server", [{"robots": "real"}], indirect=True)
@pytest.mark.parametrize(
    "permission",
    [
        {"reference": "ended", "expires": "2020-01-01"},
        {"reference": "for another host", "hosts": ["m.musinsa.com"]},
    ],
)
def test_a_permission_that_does_not_hold_changes_nothing(
    permission: dict[str, Any], lookbook: Lookbook, server: ReplayServer
) -> None:
    settings = settings_for(server, "musinsa") | {"SHOPS__MUSINSA__PERMISSION": json.dumps(permission)}
    assert lookbook("crawl", "run", "musinsa", **settings).code == 77
    assert pages_asked_for(server) == []


@pytest.mark.parametrize(
    ("server", "code", "words"),
    [({"robots": "error"}, 75, "can't be read (HTTP 503)"), ({"robots": "forbidden"}, 77, "does not allow")],
    indirect=["server"],
)
def test_robots_that_cannot_be_read_forbid_everything(
    lookbook: Lookbook, server: ReplayServer, code: int, words: str
) -> None:
    ran = lookbook("crawl", "run", "musinsa", **settings_for(server, "musinsa"))
    assert ran.code == code
    assert words in ran.stderr
    assert pages_asked_for(server) == []


@pytest.mark.parametrize("server", [{"robots": {"goods-detail.musinsa.com": "deny"}}], indirect=True)
def test_a_host_that_forbids_its_details_is_left_alone(lookbook: Lookbook, server: ReplayServer) -> None:
    ran = lookbook("crawl", "run", "musinsa", "--limit", "4", **settings_for(server, "musinsa"))
    assert ran.code == 0, ran.stderr
    assert ran.summary["pages"]["size_table"] == {"skipped": 4}
    assert not [page for page in pages_asked_for(server) if page.startswith("goods-detail")]


@pytest.mark.parametrize("server", [{"robots": "delay"}], indirect=True)
def test_crawl_delay_spaces_the_requests_of_a_host(lookbook: Lookbook, server: ReplayServer) -> None:
    ran = lookbook("crawl", "run", "ssf", "--limit", "3", **settings_for(server, "ssf"))
    assert ran.code == 0, ran.stderr
    times = [request.time for request in server.requests("www.ssfshop.com")]
    assert len(times) >= 5
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.9


@pytest.mark.parametrize("kind", [Fault.FORBIDDEN, Fault.TOO_MANY])
def test_a_shop_that_refuses_again_and_again_ends_the_crawl_resumably(kind: Fault, lookbook: Lookbook) -> None:
    settings_of_refusal = {"CRAWL__REFUSALS": "3"}
    arguments = ("crawl", "run", "musinsa", "--category", one_category(MUSINSA))
    plan = FaultPlan.always(kind, r"www\.musinsa\.com/products/")
    with ReplayServer(MUSINSA, faults=plan) as refusing:
        refused = lookbook(*arguments, **{**settings_for(refusing, "musinsa"), **settings_of_refusal})
        asked = [page for page in pages_asked_for(refusing) if "/products/" in page]
    assert refused.code == 77
    assert "3 times in a row" in refused.stderr
    assert len(asked) < 20
    with ReplayServer(MUSINSA) as willing:
        resumed = lookbook(*arguments, **settings_for(willing, "musinsa"))
        lists = [page for page in pages_asked_for(willing) if "/category/" in page]
    assert resumed.code == 0, resumed.stderr
    assert resumed.summary["run"] == refused.summary["run"]
    assert lists == []
    assert set(state_of(lookbook)["products"]) == set(MUSINSA.expected([one_category(MUSINSA)]).products)


def test_retry_after_is_waited_for(lookbook: Lookbook) -> None:
    plan = FaultPlan.always(Fault.UNAVAILABLE_LATER, r"www\.ssfshop\.com/category/", times=1, retry_after=3)
    with ReplayServer(SSF, faults=plan) as server:
        ran = lookbook("crawl", "run", "ssf", "--category", one_category(SSF), **settings_for(server, "ssf"))
        lists = [request.time for request in server.requests() if request.path.startswith("/category/")]
    assert ran.code == 0, ran.stderr
    assert lists[1] - lists[0] > 2.5


def test_a_very_long_retry_after_ends_the_crawl_for_now(lookbook: Lookbook) -> None:
    plan = FaultPlan.always(Fault.UNAVAILABLE_LATER, r"www\.ssfshop\.com/category/", retry_after=7200)
    with ReplayServer(SSF, faults=plan) as server:
        ran = lookbook("crawl", "run", "ssf", "--category", one_category(SSF), **settings_for(server, "ssf"))
    assert ran.code == 75
    assert "7200 s" in ran.stderr
