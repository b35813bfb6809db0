"""What a release costs: snapshot, build, rebuild after a change of 1 %, validation, DVC, checkout; time and memory.

    python benchmarks/release.py [--sizes 1000 10000 100000] [--validate 10000] [--checkout 10000]
    python benchmarks/release.py --checkout-ways [--items 500]   # extraction against hard links, real picture sizes

Every step is the real command in a project of its own under git and DVC, measured from outside: seconds, CPU seconds
and the peak memory of its largest process. Everything is synthetic: items are drawn people of 192x256 pixels from a
pool of 200, so blobs are read from the page cache; at 100,000 items that is the simulation. DVC's remote is a folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from db import schema
from db.blobs import BlobStore, sha256_hex
from db.keys import url_key
from db.models import Artifact, Choice, Image, Product, ProductImage, Shop, utcnow
from db.session import make_engine, make_sessions
from db.upsert import upsert
from tests.vitonhd.drawn_people import SIZE, drawn_item
from vitonhd.folders import REQUIRED
from vitonhd.item import encode_part

ROOT = Path(__file__).parents[1]
POOL = 200
VERSION = "1-benchmark-00000000"
GIT_IDENTITY = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
COPIED = ("dvc.yaml", "params.yaml", ".dvcignore", ".dvc/config", ".dvc/.gitignore", "datasets/.gitignore")


@dataclass(frozen=True)
class Cost:
    """Of one command with its children: wall and CPU seconds, and the peak MB of its largest process."""

    seconds: float
    cpu: float
    peak_mb: float
    said: dict[str, Any]


class Bench:
    """A project folder, its catalogue and blobs in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.project = folder, folder / "project"
        for name in COPIED:
            (self.project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.project / name)
        params = self.project / "params.yaml"
        params.write_text(params.read_text().replace("768", str(SIZE[0])).replace("1024", str(SIZE[1])))
        for command in ("git init -q", "git add .", "git commit -qm start"):
            self.run(*command.split())
        self.database = f"sqlite:///{folder / 'catalogue.db'}"
        self.engine = make_engine(self.database)
        schema.upgrade(self.engine)
        self.blobs = BlobStore(str(folder / "blobs"))
        self.pool = [self._pooled(seed) for seed in range(POOL)]

    def _pooled(self, seed: int) -> dict[str, str]:
        item = drawn_item("any", seed=seed)
        return {
            folder.name: self.blobs.put(encode_part(folder, content))
            for folder, content in item.parts()
            if folder.required
        }

    def run(self, *command: str, folder: Path | None = None) -> Cost:
        database = getattr(self, "database", "")
        environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1",
            "LOOKBOOK_DATABASE_URL": database, "LOOKBOOK_BLOBS_URL": str(self.folder / "blobs"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            **dict.fromkeys(GIT_IDENTITY, "bench@example.com"),
        }  # fmt: skip
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder or self.project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout is not None
        said = process.stdout.read().decode().strip().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        if os.waitstatus_to_exitcode(status) not in (0, 1):
            raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
        summary = json.loads(said[-1]) if said and said[-1].startswith("{") else {}
        return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, summary)

    def lookbook(self, *arguments: str) -> Cost:
        return self.run(sys.executable, "-m", "lookbook", "release", *arguments)

    def dvc(self, *arguments: str, folder: Path | None = None) -> Cost:
        return self.run(sys.executable, "-m", "dvc", *arguments, folder=folder)

    def fill(self, numbers: range, *, turn: int = 0) -> None:
        """Products with preprocessed pictures; another `turn` gives them other worn photos."""
        rows = [self._rows(number, turn) for number in numbers]
        with make_sessions(self.engine).begin() as session:
            shop = {"code": "musinsa", "name": "MUSINSA", "url": "https://www.musinsa.com", "created_at": utcnow()}
            upsert(session, Shop, [shop], key=["code"])
            upsert(session, Product, (row["product"] for row in rows), key=["id"])
            upsert(session, Image, _each(rows, "images"), key=["sha256"])
            upsert(session, ProductImage, _each(rows, "shown"), key=["product_id", "url_key"])
            upsert(session, Artifact, _each(rows, "artifacts"), key=["key"])
            upsert(session, Choice, (row["choice"] for row in rows), key=["product_id", "version"], update=["worn_key"])

    def _rows(self, number: int, turn: int) -> dict[str, Any]:
        now = utcnow()
        lists = ("category_codes", "category_path", "listed_in", "sex", "colours", "sizes", "labels", "details")
        product = {
            **{name: [] for name in lists}, "id": number + 1, "shop": "musinsa", "product_no": str(number),
            "url": f"https://www.musinsa.com/products/{number}", "name": f"합성 {number}", "garment_class": "upper",
            "material": {}, "measurements": {}, "sold_out": False, "stock_state": "on_sale", "state": "current",
            "content_key": "0" * 64, "first_seen_at": now, "seen_at": now, "fetched_at": now,
        }  # fmt: skip
        images, shown, artifacts, keys = [], [], [], []
        for kind, seed in (("worn", number + turn * POOL * 7 + turn), ("flat", number)):
            sha256 = sha256_hex(f"{kind} {number} {turn if kind == 'worn' else 0}".encode())
            files = self.pool[seed % POOL]
            url = f"https://image.msscdn.net/{sha256}.jpg"
            images.append(
                {
                    "sha256": sha256, "size": 1, "format": "JPEG", "width": SIZE[0], "height": SIZE[1], "phash": number,
                    "thumbnail": bytes(192), "stored_at": now,
                }
            )  # fmt: skip
            shown.append(
                {
                    "product_id": number + 1, "shop": "musinsa", "url": url, "url_key": url_key(url), "role": "gallery",
                    "position": 0, "state": "stored", "attempts": 1, "sha256": sha256,
                }
            )  # fmt: skip
            keys.append(sha256_hex(f"{sha256} {VERSION}".encode()))
            chosen = {folder.name: files[folder.name] for folder in REQUIRED if folder.garment == (kind == "flat")}
            artifacts.append(
                {
                    "key": keys[-1], "sha256": sha256, "garment_class": "upper", "stage": "conditions",
                    "version": VERSION, "state": "done", "shot_kind": kind, "score": 0.8, "files": chosen, "facts": {},
                    "attempts": 1, "seconds": 0.1, "made_at": now,
                }
            )  # fmt: skip
        choice = {
            "product_id": number + 1, "version": VERSION, "garment_class": "upper", "state": "ready",
            "worn_key": keys[0], "packshot_key": keys[1], "facts": {}, "made_at": now,
        }  # fmt: skip
        return {"product": product, "images": images, "shown": shown, "artifacts": artifacts, "choice": choice}


def _each(rows: list[dict[str, Any]], name: str) -> Iterator[dict[str, Any]]:
    return (one for row in rows for one in row[name])


def measure(size: int, options: argparse.Namespace) -> dict[str, Any]:
    """All steps at one size."""
    with tempfile.TemporaryDirectory(prefix="benchmark-release-", dir=options.folder) as folder:
        bench = Bench(Path(folder))
        for start in range(0, size, 5000):
            bench.fill(range(start, min(start + 5000, size)))
        costs: dict[str, Cost] = {}
        costs["snapshot"] = bench.lookbook("snapshot", "upper")
        costs["build"] = bench.lookbook("build", "upper")
        if size <= options.validate:
            costs["validate"] = bench.lookbook("validate", "upper")
        costs["dvc add"] = bench.dvc("commit", "--force", "build@upper")
        bench.run("git", "add", ".")
        bench.run("git", "commit", "-qm", "first")
        costs["dvc push"] = bench.dvc("push", "build@upper")
        if size <= options.checkout:
            costs["checkout"] = bench.lookbook("checkout", "vitonhd-upper", str(Path(folder) / "tree"))
            shutil.rmtree(Path(folder) / "tree")
        for start in range(0, size, 5000):  # 1 %, spread over all shards
            for number in range(start, min(start + 5000, size), 100):
                bench.fill(range(number, number + 1), turn=1)
        costs["snapshot after 1 %"] = bench.lookbook("snapshot", "upper")
        costs["build after 1 %"] = bench.lookbook("build", "upper")
        costs["dvc add after 1 %"] = bench.dvc("commit", "--force", "build@upper")
        costs["dvc push after 1 %"] = bench.dvc("push", "build@upper")
        bench.run("git", "commit", "-qam", "second")
        clone = Path(folder) / "clone"
        bench.run("git", "clone", "-q", str(bench.project), str(clone), folder=Path(folder))
        remote = str(bench.project / "var" / "dvc-remote")
        bench.dvc("remote", "modify", "--local", "local", "url", remote, folder=clone)
        costs["dvc pull"] = bench.dvc("pull", "build@upper", folder=clone)
        bytes_there = sum(path.stat().st_size for path in (clone / "datasets/vitonhd-upper/release").rglob("*.tar"))
        return {"items": size, "GB": bytes_there / 1e9, "costs": costs}


def checkout_ways(items: int, folder: str | None) -> None:
    """Writing an item's files from a shard (read, hashed, written) against hard links to blobs (not read at all)."""
    from releases.build import build
    from releases.checkout import checkout
    from releases.params import ReleaseParams
    from releases.places import Place
    from releases.rows import Entry, Facts
    from releases.snapshots import read_snapshot, write_snapshot
    from vitonhd.garment_classes import GarmentClass
    from vitonhd.names import item_id
    from vitonhd.tree import Tree

    sizes = {"jpg": 90_000, "png": 25_000, "json": 5_000}
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="benchmark-checkout-", dir=folder) as made:
        root = Path(made)
        blobs = BlobStore(str(root / "blobs"))
        rows = [
            Entry(item_id(n), "train", Facts(), {f.part: blobs.put(random.bytes(sizes[f.suffix])) for f in REQUIRED})
            for n in range(items)
        ]
        write_snapshot(root / "snapshot.parquet", GarmentClass.UPPER, rows)
        build(root / "snapshot.parquet", root / "release", blobs.url, ReleaseParams())
        for turn in range(3):
            started = time.perf_counter()
            checkout(Place(str(root / "release")), root / "extracted")
            extracted = time.perf_counter() - started
            started = time.perf_counter()
            tree = Tree(root / "linked")
            for part in REQUIRED:
                tree.folder("train", part.part).mkdir(parents=True)
            for row in read_snapshot(root / "snapshot.parquet"):
                assert isinstance(row, Entry)
                for part_name, sha256 in row.parts.items():
                    os.link(blobs.path(sha256), tree.path("train", part_name, row.id))
            linked = time.perf_counter() - started
            print(f"turn {turn}: extraction {extracted:.2f} s, links {linked:.2f} s for {items} items", flush=True)
            shutil.rmtree(root / "extracted")
            shutil.rmtree(root / "linked")


def table(measured: list[dict[str, Any]]) -> str:
    steps = list(dict.fromkeys(step for one in measured for step in one["costs"]))
    head = " | ".join(f"{one['items']:,} items, {one['GB']:.2f} GB" for one in measured)
    lines = [f"| s (CPU s), peak MB | {head} |", "|---|" + "---:|" * len(measured)]
    for step in steps:
        cells = []
        for one in measured:
            cost = one["costs"].get(step)
            cells.append("-" if cost is None else f"{cost.seconds:.1f} ({cost.cpu:.1f}), {cost.peak_mb:.0f}")
        lines.append(f"| {step} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--validate", type=int, default=10_000, help="validate up to this size")
    parser.add_argument("--checkout", type=int, default=10_000, help="check out up to this size")
    parser.add_argument("--checkout-ways", action="store_true")
    parser.add_argument("--items", type=int, default=500, help="of --checkout-ways")
    parser.add_argument("--folder", help="where to work; it needs about 12 GB at 100,000 items")
    options = parser.parse_args()
    if options.checkout_ways:
        checkout_ways(options.items, options.folder)
        return
    measured = []
    for size in sorted(options.sizes):
        measured.append(measure(size, options))
        print(table(measured), flush=True)


if __name__ == "__main__":
    main()
