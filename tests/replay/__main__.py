"""`python -m tests.replay`: a synthetic shop as a process; prints its address as one JSON line, serves until killed."""

from __future__ import annotations

import argparse
import contextlib
import json
from pathlib import Path

from tests.replay import robots
from tests.replay.catalogue import SyntheticShop
from tests.replay.faults import FaultPlan
from tests.replay.server import ReplayServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description=__doc__)
    parser.add_argument("--shop", choices=("musinsa", "ssf"), action="append", help="may be repeated; default: both")
    parser.add_argument("--products", type=int, default=2000)
    parser.add_argument("--pictures", type=int, default=4, help="gallery pictures of a product, at most (0 to 6)")
    parser.add_argument("--hostile", type=float, default=0.0, help="share of products with a hostile picture")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--day", type=int, default=0, help="a later state of the catalogue")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", help="`mix`, or a JSON file with FaultPlan's fields")
    parser.add_argument("--robots", default="allow", help=f"{', '.join(robots.POLICIES)}, or a file")
    parser.add_argument("--captures", type=Path, help="a folder of saved pages to serve at their own addresses")
    parser.add_argument("--log", type=Path, help="a file to which every request is appended as a JSON line")
    options = parser.parse_args()
    shops = [
        SyntheticShop(shop, options.products, options.seed, options.pictures, hostile=options.hostile, day=options.day)
        for shop in dict.fromkeys(options.shop or ("musinsa", "ssf"))
    ]
    faults = FaultPlan.mix(options.seed) if options.faults == "mix" else None
    if options.faults and faults is None:
        faults = FaultPlan.read(Path(options.faults))
    server = ReplayServer(
        *shops,
        faults=faults,
        robots=robots.read(options.robots),
        captures=options.captures,
        port=options.port,
        log_file=options.log,
    )
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever(lambda: print(json.dumps({"url": server.url, "hosts": server.hosts}), flush=True))


if __name__ == "__main__":
    main()
