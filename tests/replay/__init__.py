"""Synthetic MUSINSA and SSF shops of any size at the shops' own paths, with faults on demand.

    shop = SyntheticShop("musinsa", products=2000)
    with ReplayServer(shop, faults=FaultPlan.mix()) as server:
        ...  # crawl with the host map `server.hosts`
    expected = shop.expected(["001", "003"])      # .products, .gone, .rejected
    plan.expected_rejections(urls)                # which addresses a plan never lets through
    server.log                                    # every request: host, path, status, fault
    server.show(shop.change(1))                   # the next day: prices, stock, new and removed products

`python -m tests.replay --shop musinsa --products 2000` serves in a process of its own. All data is synthetic.
"""

from studio.shop.tables import SELLER_CONTACTS
from tests.replay.catalogue import Expected, ExpectedProduct, SyntheticShop
from tests.replay.faults import Fault, FaultPlan
from tests.replay.server import ReplayServer, Served

__all__ = [
    "SELLER_CONTACTS",
    "Expected",
    "ExpectedProduct",
    "Fault",
    "FaultPlan",
    "ReplayServer",
    "Served",
    "SyntheticShop",
]
