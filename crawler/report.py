"""The report of a crawl run: counts, rejections by reason and timings, as text and as one self-contained HTML page."""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawler.crawl import CrawlSummary, summarise
from db import queries
from db.blobs import BlobStore
from db.errors import BlobMissing
from db.models import CrawlRun, FrontierPage, Product, ProductImage

logger = logging.getLogger(__name__)

SHOWN = 60
_THUMBNAIL = (180, 240)


@dataclass(frozen=True, slots=True)
class Timing:
    """Pages of one kind that came over the wire: how many, seconds at the median and 90th percentile, bytes in all."""

    kind: str
    pages: int
    median: float
    p90: float
    size: int


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything that a person wants to know of a run; sums over states equal what the run wanted."""

    run: CrawlRun
    summary: CrawlSummary
    rejections: tuple[tuple[str, str, str, int], ...]
    timings: tuple[Timing, ...]
    pictures: tuple[tuple[str, str | None, int], ...]
    classes: tuple[tuple[str, int], ...]


def run_report(session: Session, run: CrawlRun) -> RunReport:
    counts = queries.frontier_counts(session, run.id)
    classes = select(Product.garment_class, func.count()).filter_by(run_id=run.id).group_by(Product.garment_class)
    return RunReport(
        run=run,
        summary=summarise(session, run, counts),
        rejections=tuple((k, s, r, n) for k, s, r, n in counts if r and s not in ("done", "waiting")),
        timings=tuple(_timings(session, run.id)),
        pictures=tuple(queries.image_counts(session, run.shop)),
        classes=tuple(sorted((name, number) for name, number in session.execute(classes))),
    )


def _timings(session: Session, run_id: int) -> Sequence[Timing]:
    """Percentiles by rank within the database's order: no list of a million seconds in memory."""
    fetched = (FrontierPage.run_id == run_id, FrontierPage.seconds.is_not(None))
    totals = select(FrontierPage.kind, func.count(), func.sum(FrontierPage.size)).where(*fetched)
    found = []
    for kind, pages, size in session.execute(totals.group_by(FrontierPage.kind).order_by(FrontierPage.kind)).all():
        ordered = select(FrontierPage.seconds).where(*fetched, FrontierPage.kind == kind).order_by(FrontierPage.seconds)
        median, p90 = (session.scalar(ordered.offset(int(pages * rank)).limit(1)) or 0.0 for rank in (0.5, 0.9))
        found.append(Timing(kind, pages, round(median, 3), round(p90, 3), int(size or 0)))
    return found


def permissions_of(run: CrawlRun) -> str:
    """The permissions that the run relied on, in order, or that there were none."""
    return ", then ".join(entry["reference"] for entry in run.permissions) or "none (robots.txt obeyed)"


def as_text(report: RunReport) -> str:
    """The report for a terminal."""
    run, summary = report.run, report.summary
    lines = [
        f"run {run.id} of {run.shop}: {run.state}" + (f" ({run.reason})" if run.reason else ""),
        f"  started {run.started_at:%Y-%m-%d %H:%M:%S} UTC, {summary.seconds} s, asked for {run.arguments}",
        f"  permission: {permissions_of(run)}",
        "",
        f"{'pages':<14}{'state':<12}{'number':>8}",
    ]
    for kind, states in summary.pages.items():
        lines += [f"{kind:<14}{state:<12}{number:>8}" for state, number in states.items()]
    if report.rejections:
        lines += ["", f"{'reason':<28}{'pages':<14}{'state':<12}{'number':>8}"]
        lines += [f"{reason:<28}{kind:<14}{state:<12}{number:>8}" for kind, state, reason, number in report.rejections]
    if report.timings:
        lines += ["", f"{'timing':<14}{'fetched':>8}{'median s':>10}{'p90 s':>10}{'MB':>9}"]
        lines += [
            f"{row.kind:<14}{row.pages:>8}{row.median:>10.3f}{row.p90:>10.3f}{row.size / 1e6:>9.2f}"
            for row in report.timings
        ]
    lines += ["", f"{'class':<14}{'products':>8}"] + [f"{name:<14}{number:>8}" for name, number in report.classes]
    lines += ["", f"{'pictures':<14}{'reason':<28}{'addresses':>10}"]
    lines += [f"{state:<14}{reason or '':<28}{number:>10}" for state, reason, number in report.pictures]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Card:
    product: Product
    thumbnail: str | None


def as_html(report: RunReport, session: Session, blobs: BlobStore) -> str:
    """The report as one HTML page with the newest products' main pictures; everything from the shop is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("crawler"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("report.html.j2").render(
        report=report, permission=permissions_of(report.run), cards=_cards(session, report.run.id, blobs)
    )


def _cards(session: Session, run_id: int, blobs: BlobStore) -> list[_Card]:
    query = select(Product).filter_by(run_id=run_id).order_by(Product.id.desc()).limit(SHOWN)
    products = session.scalars(query).all()
    images = queries.images_of(session, [product.id for product in products])
    return [_Card(product, _thumbnail(images[product.id], blobs)) for product in products]


def _thumbnail(images: Sequence[ProductImage], blobs: BlobStore) -> str | None:
    stored = next((image for image in images if image.sha256), None)
    if stored is None or stored.sha256 is None:
        return None
    # Only this part needs the decoders; a report in text must not wait for them.
    import cv2

    from crawler.images.decode import fit

    try:
        picture: Any = fit(blobs.get(stored.sha256), *_THUMBNAIL)
    except BlobMissing as error:
        logger.warning("%s", error)
        return None
    _, encoded = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode()
