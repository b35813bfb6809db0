"""Fetch + verify + make 768x1024: the picture downloader beside img2dataset, on the same server in the same run.

    python benchmarks/crawl_images.py                 # 2,000 pictures, three programs, about five minutes
    python benchmarks/crawl_images.py --count 600 --only fast,exact

Our figures are those of `download_images` itself: a database, a blob for every original and every rendition, each
fsynced. img2dataset gets an environment of its own under the cache folder, made on first use.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import getpass
import http.server
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil
import simplejpeg

ROOT = Path(__file__).resolve().parents[1]
HOST = "image.benchmark.test"
IMG2DATASET = "img2dataset==1.47.0"
WIDTH, HEIGHT = 768, 1024
NGINX_CONF = """
user {user}; worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; keepalive_requests 100000; types {{ image/jpeg jpg; }}
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@dataclass
class Result:
    """One program's figures; `memory_mb` is the largest proportional set size (PSS) of its whole process tree."""

    program: str
    images: int
    seconds: float
    cpu_seconds: float
    memory_mb: float

    @property
    def per_second(self) -> float:
        return self.images / self.seconds

    @property
    def per_cpu_second(self) -> float:
        return self.images / self.cpu_seconds


def synthetic_photo(seed: int) -> bytes:
    """A JPEG of about 1500x2000 and 400 KB: soft shapes, texture and sensor noise."""
    import cv2

    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    width, height = int(rng.integers(1440, 1561)), int(rng.integers(1940, 2061))
    total = np.zeros((height, width, 3), np.float32)
    for cells, weight in ((8, 0.5), (40, 0.3), (160, 0.16), (300, 0.04)):
        shapes = rng.integers(0, 256, (cells * 4 // 3, cells, 3), dtype=np.uint8).astype(np.float32)
        total += weight * cv2.resize(shapes, (width, height), interpolation=cv2.INTER_CUBIC)
    noise = rng.normal(0, 2, (height, width, 1)).astype(np.float32)
    pixels = np.clip(total + noise, 0, 255).astype(np.uint8)
    return bytes(simplejpeg.encode_jpeg(pixels, quality=88, colorsubsampling="420"))


def _make(folder: Path, seed: int) -> int:
    path = folder / f"{seed:05d}.jpg"
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.write_bytes(synthetic_photo(seed))
        partial.replace(path)
    return path.stat().st_size


def make_pictures(folder: Path, count: int) -> int:
    """Generate what is missing; returns the sum of the sizes in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:
        return sum(pool.map(functools.partial(_make, folder), range(count), chunksize=16))


@contextlib.contextmanager
def serve(pictures: Path, port: int) -> Iterator[str]:
    """Serve the folder; yields the name of the server that does."""
    nginx = shutil.which("nginx")
    if nginx is None:
        handler = functools.partial(_QuietHandler, directory=str(pictures))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "Python's http.server (nginx is not installed; it takes part of the same cores)"
        server.shutdown()
        return
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder) / "nginx.conf"
        conf.write_text(NGINX_CONF.format(user=getpass.getuser(), folder=folder, port=port, root=pictures))
        Path(folder).chmod(0o755)
        process = subprocess.Popen([nginx, "-c", str(conf), "-e", f"{folder}/error.log"])
        time.sleep(1)
        if process.poll() is not None:
            raise SystemExit(f"nginx ended at once: {(Path(folder) / 'error.log').read_text()[-500:]}")
        try:
            yield "nginx, one worker"
        finally:
            process.terminate()
            process.wait()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass


def measured(program: str, images: int, command: list[str], environment: dict[str, str]) -> Result:
    """Run a command to its end, sampling the memory of its process tree every 0.2 s."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=ROOT)
        peak = 0
        while process.poll() is None:
            peak = max(peak, _tree_pss(process.pid))
            time.sleep(0.2)
        seconds = time.monotonic() - started
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"{program} failed:\n{output.read()[-3000:].decode(errors='replace')}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Result(program, images, seconds, cpu, peak / 2**20)


def _tree_pss(pid: int) -> int:
    total = 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
    return total


def run_ours(base: str, count: int, folder: Path, *, exact: bool) -> Result:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    prepare_catalogue(folder, count)
    command = [sys.executable, __file__, "--stage", str(folder), base, "exact" if exact else "fast"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = measured(f"lookbook, {'area' if exact else 'fast'} filter", count, command, environment)
    summary = json.loads((folder / "summary.json").read_text())
    if summary["stored"] != count:
        raise SystemExit(f"only {summary['stored']} of {count} pictures were stored: {summary}")
    shutil.rmtree(folder)
    return result


def prepare_catalogue(folder: Path, count: int) -> None:
    """A database with one product that waits for all the pictures."""
    from sqlalchemy.orm import Session

    from db.keys import url_key
    from db.models import Base, ProductImage, Shop
    from db.session import make_engine

    engine = make_engine(f"sqlite:///{folder / 'catalogue.sqlite'}")
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(Shop(code="musinsa", name="benchmark", url=f"https://{HOST}"))
        session.flush()
        session.add(_product())
        session.flush()
        for number in range(count):
            url = f"https://{HOST}/{number:05d}.jpg"
            row = {"url": url, "url_key": url_key(url), "role": "gallery", "position": number}
            session.add(ProductImage(product_id=1, shop="musinsa", **row))
    engine.dispose()


def _product() -> Any:
    from db.models import Product

    empty: dict[str, list[str]] = {
        name: [] for name in ("category_codes", "category_path", "sex", "colours", "sizes", "labels")
    }
    return Product(
        id=1,
        shop="musinsa",
        product_no="1",
        url=f"https://{HOST}/",
        name="synthetic",
        garment_class="upper",
        material={},
        sold_out=False,
        stock_state="on_sale",
        content_key="0" * 64,
        **empty,
    )


def stage(folder: Path, base: str, way: str) -> None:
    """What is measured of ours: the stage function, in a process of its own."""
    from crawler.config import CrawlSettings, ImageSettings, Permission, ShopSettings
    from crawler.images.download import download_images
    from db.blobs import BlobStore
    from db.session import make_engine

    shop = ShopSettings(permission=Permission(reference="benchmark"), hosts={HOST: base})
    summary = download_images(
        make_engine(f"sqlite:///{folder / 'catalogue.sqlite'}"),
        BlobStore(str(folder / "blobs")),
        {"musinsa": shop},
        CrawlSettings(),
        ImageSettings(fit=(WIDTH, HEIGHT), fit_exact=way == "exact"),
    )
    (folder / "summary.json").write_text(summary.model_dump_json())


def run_img2dataset(base: str, count: int, folder: Path, environment_folder: Path) -> Result:
    python = environment_folder / "bin" / "python"
    if not (environment_folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment_folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", IMG2DATASET, "setuptools<81"]
        subprocess.run(install, check=True)
        subprocess.run([str(python), "-m", "compileall", "-q", str(environment_folder / "lib")], check=False)
        (environment_folder / "ready").touch()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    addresses = folder / "addresses.txt"
    addresses.write_text("".join(f"{base}/{number:05d}.jpg\n" for number in range(count)))
    options = {
        "url_list": addresses,
        "input_format": "txt",
        "output_folder": folder / "out",
        "output_format": "files",
        "processes_count": 2,
        "thread_count": 16,
        "image_size": WIDTH,
        "resize_mode": "keep_ratio",
        "resize_only_if_bigger": True,
        "encode_quality": 95,
        "encode_format": "jpg",
        "number_sample_per_shard": max(1, count // 8),
        "enable_wandb": False,
    }
    command = [
        str(environment_folder / "bin" / "img2dataset"),
        *(f"--{name}={value}" for name, value in options.items()),
    ]
    result = measured("img2dataset", count, command, {**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"})
    made = sum(1 for _ in (folder / "out").rglob("*.jpg"))
    if made != count:
        raise SystemExit(f"img2dataset wrote only {made} of {count} pictures")
    shutil.rmtree(folder)
    return result


def fast_against_exact(pictures: Path, count: int) -> dict[str, float]:
    """PSNR in dB of the fast rendition against the area-filtered one, before JPEG encoding."""
    from crawler.images.decode import fit

    values = []
    for number in range(count):
        data = (pictures / f"{number:05d}.jpg").read_bytes()
        apart = fit(data, WIDTH, HEIGHT).astype(np.float64) - fit(data, WIDTH, HEIGHT, exact=True)
        values.append(float(10 * np.log10(255**2 / np.mean(apart**2))))
    return {"pictures": count, "least": round(min(values), 2), "mean": round(float(np.mean(values)), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--only", default="fast,exact,img2dataset", help="which programs, in this order")
    parser.add_argument("--port", type=int, default=8_765)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "lookbook-benchmark")
    parser.add_argument("--stage", nargs=3, metavar=("FOLDER", "BASE", "WAY"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.stage:
        stage(Path(args.stage[0]), args.stage[1], args.stage[2])
        return
    pictures, scratch = args.cache / "pictures", args.cache / "scratch"
    size = make_pictures(pictures, args.count)
    base = f"http://127.0.0.1:{args.port}"
    results = []
    with serve(pictures, urlsplit(base).port or 0) as server:
        print(
            f"{args.count} pictures, {size / args.count / 1000:.0f} KB on average, served by {server}", file=sys.stderr
        )
        for name in args.only.split(","):
            if name == "img2dataset":
                results.append(run_img2dataset(base, args.count, scratch, args.cache / "img2dataset"))
            else:
                results.append(run_ours(base, args.count, scratch, exact=name == "exact"))
            report(results[-1:], header=len(results) == 1)
    psnr = fast_against_exact(pictures, min(50, args.count))
    print(f"fast against area filter: PSNR {psnr['least']} dB at least, {psnr['mean']} dB on average")
    figures: list[dict[str, Any]] = [
        {**asdict(result), "per_second": result.per_second, "per_cpu_second": result.per_cpu_second}
        for result in results
    ]
    print(json.dumps({"server": server, "bytes": size, "psnr_db": psnr, "results": figures}))


def report(results: list[Result], *, header: bool) -> None:
    if header:
        print("| program | images/s | images per CPU second | peak memory (PSS) |\n|---|---|---|---|")
    for result in results:
        print(
            f"| {result.program} | {result.per_second:.1f} | {result.per_cpu_second:.1f} | {result.memory_mb:.0f} MB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
