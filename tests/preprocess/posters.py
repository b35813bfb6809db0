"""Synthetic pictures for the statistics: pages of text, size tables, patterns that look like text, garments."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vitonhd.arrays import Mask, Picture

WORDS = (
    "Soft",
    "cotton",
    "jersey",
    "tee",
    "with",
    "regular",
    "fit.",
    "Wash",
    "cold,",
    "do",
    "not",
    "tumble",
    "dry",
    "175",
)


def page(size: int, lines: int, *, ink: int = 30, paper: int = 250, seed: int = 0) -> Picture:
    """A paragraph, 600x800; `size` is of the letters, in pixels."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (600, 800), (paper,) * 3)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    for number in range(lines):
        words = " ".join(rng.choice(WORDS, 1 + 700 // (size * 4)))
        while draw.textlength(words, font) > 500:
            words = words.rsplit(" ", 1)[0]
        draw.text((50, 40 + number * size * 1.7), words, (ink,) * 3, font)
    return np.array(image)


def table(rows: int = 5, *, ruled: bool = True) -> Picture:
    """A size table, 860x700."""
    image = Image.new("RGB", (860, 700), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(22)
    for row in range(rows + 1):
        cells = ("size", "length", "shoulder", "chest", "sleeve") if row == 0 else (f"{40 + 7 * row}.5",) * 5
        for column, cell in enumerate(cells):
            draw.text((40 + 165 * column, 60 + 90 * row), cell, "black", font)
        if ruled:
            draw.line((20, 115 + 90 * row, 840, 115 + 90 * row), (170, 170, 170), 2)
    return np.array(image)


def garment(pattern: str = "plain", *, colour: tuple[int, int, int] = (60, 90, 160)) -> tuple[Picture, Mask]:
    """A top on near-white, 600x800, and its mask; patterns: plain, dots, stripes, checks, logo."""
    shape = Image.new("L", (600, 800))
    outline = [(180, 180), (250, 150), (350, 150), (420, 180), (520, 330), (450, 370), (410, 310), (420, 640),
               (180, 640), (190, 310), (150, 370), (80, 330)]  # fmt: skip
    ImageDraw.Draw(shape).polygon(outline, 255)
    cloth = Image.new("RGB", shape.size, colour)
    draw = ImageDraw.Draw(cloth)
    for y in range(0, 800, 26):
        if pattern in ("stripes", "checks"):
            draw.rectangle((0, y, 600, y + 8), (230, 230, 220))
        if pattern == "checks":
            draw.rectangle((y, 0, y + 8, 800), (230, 120, 90))
        if pattern == "dots":
            for x in range(0, 600, 26):
                draw.ellipse((x, y, x + 11, y + 11), (235, 235, 225))
    if pattern == "logo":
        draw.text((225, 260), "LOOKBOOK", "white", ImageFont.load_default(34))
    photo = Image.new("RGB", shape.size, (246, 246, 246))
    photo.paste(cloth, mask=shape)
    return np.array(photo), np.array(shape) > 0
