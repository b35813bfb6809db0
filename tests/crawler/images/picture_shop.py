"""A shop of synthetic pictures: a real HTTP server with a script per path, and a catalogue that waits for them."""

from __future__ import annotations

import io
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from crawler.config import CrawlSettings, ImageSettings, Permission, ShopSettings
from crawler.images.download import ImageSummary, download_images
from db.blobs import BlobStore
from db.keys import url_key
from db.models import Image, Product, ProductImage, Shop
from db.session import make_engine

HOST = "image.shop.test"

Pixels = NDArray[np.uint8]


def photo(seed: int, width: int = 300, height: int = 400) -> Pixels:
    """A synthetic photo: soft shapes of several scales."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for cells in (3, 6, 12):
        shapes = rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        total += np.asarray(Pillow.fromarray(shapes).resize((width, height), Pillow.Resampling.BICUBIC), np.float32)
    return np.asarray(total / 3, np.uint8)


def encoded(pixels: Pixels, format: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, format, **({"quality": 90} if format in {"JPEG", "WEBP"} else {}) | options)
    return buffer.getvalue()


@dataclass
class Reply:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0.0
    declared: int | None = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what some tests are about."""


class ImageServer:
    """Serves `replies[path]`, a Reply or a function of how often the path was asked for before."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.replies: dict[str, Reply | Callable[[int], Reply]] = {}
        self.asked: Counter[str] = Counter()
        self.times: list[tuple[str, float]] = []
        self.headers: dict[str, dict[str, str]] = {}
        self.connections = 0
        self.open_now = 0
        self.open_most = 0
        self.lock = threading.Lock()
        self.delay = 0.0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                server.connections += 1
                super().setup()

            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self._http = _Server(("127.0.0.1", 0), Handler)
        if context is not None:
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        with self.lock:
            before = self.asked[handler.path]
            self.asked[handler.path] += 1
            self.times.append((handler.path, time.monotonic()))
            self.headers[handler.path] = dict(handler.headers.items())
            self.open_now += 1
            self.open_most = max(self.open_most, self.open_now)
        try:
            time.sleep(self.delay)
            found = self.replies.get(handler.path, Reply(b"no such picture", 404))
            self._send(handler, found if isinstance(found, Reply) else found(before))
        except OSError:
            handler.close_connection = True
        finally:
            with self.lock:
                self.open_now -= 1

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        length = len(reply.body) if reply.declared is None else reply.declared
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        step = 1 if reply.drip else max(1, len(reply.body))
        for at in range(0, len(reply.body), step):
            handler.wfile.write(reply.body[at : at + step])
            time.sleep(reply.drip)
        if length != len(reply.body):
            handler.close_connection = True

    def pictures(self, count: int, first_seed: int = 0) -> list[str]:
        """Add this many different pictures; returns their paths."""
        paths = [f"/{first_seed + number}.jpg" for number in range(count)]
        for number, path in enumerate(paths):
            self.replies[path] = Reply(encoded(photo(first_seed + number)))
        return paths

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@dataclass
class Catalogue:
    """A database and a blob store, filled by `want` and looked into by `states`."""

    engine: Engine
    blobs: BlobStore
    shops: dict[str, ShopSettings]
    crawl: CrawlSettings = field(default_factory=CrawlSettings)
    images: ImageSettings = field(
        default_factory=lambda: ImageSettings(processes=1, threads=4, backoff=0.05, timeout=5, attempts=3)
    )

    def want(self, *paths: str, host: str = HOST, scheme: str = "https") -> None:
        """Let a product show pictures at these paths of a host."""
        with Session(self.engine) as session, session.begin():
            number = f"P{session.query(Product).count() + 1}"
            product = Product(
                shop="musinsa",
                product_no=number,
                url=f"https://www.musinsa.com/products/{number}",
                name="synthetic",
                category_codes=[],
                category_path=[],
                garment_class="upper",
                sex=[],
                material={},
                colours=[],
                sizes=[],
                labels=[],
                sold_out=False,
                stock_state="on_sale",
                content_key="0" * 64,
            )
            session.add(product)
            session.flush()
            for position, path in enumerate(paths):
                url = path if "://" in path else f"{scheme}://{host}{path}"
                session.add(
                    ProductImage(
                        product_id=product.id,
                        shop="musinsa",
                        url=url,
                        url_key=url_key(url),
                        role="gallery",
                        position=position,
                    )
                )

    def download(self, **options: Any) -> ImageSummary:
        """Run the stage; settings can be replaced by keyword."""
        crawl = options.pop("crawl", self.crawl)
        images = options.pop("images", self.images)
        return download_images(self.engine, self.blobs, self.shops, crawl, images, **options)

    def rows(self) -> dict[str, ProductImage]:
        """Rows by path (by address where the host is another)."""
        with Session(self.engine) as session:
            return {row.url.removeprefix(f"https://{HOST}"): row for row in session.scalars(select(ProductImage))}

    def states(self) -> dict[str, str]:
        """What became of each path: `stored`, or `rejected spacer`."""
        return {path: f"{row.state} {row.reason or ''}".strip() for path, row in self.rows().items()}

    def contents(self) -> list[str]:
        with Session(self.engine) as session:
            return sorted(session.scalars(select(Image.sha256)))


def open_catalogue(database_url: str, folder: Path, target: str) -> Catalogue:
    """The catalogue of one shop, whose picture host is mapped to `target`; blobs lie in the folder."""
    engine = make_engine(database_url)
    with Session(engine) as session, session.begin():
        session.merge(Shop(code="musinsa", name="MUSINSA", url="https://www.musinsa.com"))
    shop = ShopSettings(permission=Permission(reference="test server"), hosts={HOST: target})
    return Catalogue(engine, BlobStore(str(folder / "blobs")), {"musinsa": shop})
