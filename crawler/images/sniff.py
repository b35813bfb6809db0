"""What bytes really are, from their first bytes: an address's extension and the Content-Type header both lie."""

from __future__ import annotations

from crawler.errors import Rejected

FORMATS = ("jpeg", "png", "webp", "gif", "avif")
_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)
_AVIF_BRANDS = {b"avif", b"avis"}
_OTHER_PICTURES = (b"BM", b"II*\x00", b"MM\x00*", b"\xff\x0a", b"\x00\x00\x00\x0cJXL ", b"\x00\x00\x01\x00", b"8BPS")
_HEAD = 1024


def picture_format(data: bytes) -> str:
    """One of FORMATS, or Rejected: `empty`, `not-an-image[-html|-xml|-json]`, `svg`, `unsupported-format`."""
    if not data:
        raise Rejected("empty", "the answer has no bytes")
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        if _brands(data) & _AVIF_BRANDS:
            return "avif"
        raise Rejected("unsupported-format", f"ISO media file of brand {data[8:12]!r}")
    if data.startswith(_OTHER_PICTURES):
        raise Rejected("unsupported-format", f"starts with {data[:8]!r}")
    raise Rejected(*_not_a_picture(data[:_HEAD]))


def _brands(data: bytes) -> set[bytes]:
    """Major and compatible brands of an ISO base media file's `ftyp` box."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}


def _not_a_picture(head: bytes) -> tuple[str, str]:
    text = head.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip().lower()
    shown = repr(head[:40])
    if b"<svg" in text and text.startswith(b"<"):
        return "svg", shown
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")) or b"<html" in text:
        return "not-an-image-html", shown
    if text.startswith(b"<"):
        return "not-an-image-xml", shown
    if text.startswith((b"{", b"[")):
        return "not-an-image-json", shown
    return "not-an-image", shown
