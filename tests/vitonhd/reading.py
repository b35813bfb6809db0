"""How third-party loaders open files: Pillow's modes and resizing, then arrays in the ranges that networks get."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def lines(path: Path) -> list[list[str]]:
    """A pair file as loaders read it: `line.strip().split()`; an empty line would break them."""
    return [line.strip().split() for line in path.read_text().splitlines()]


def normalised(path: Path, width: int, height: int, *, mode: str = "RGB") -> np.ndarray:
    """HxWx3 in -1..1, resized as torchvision does it with Pillow; the file must have the mode already."""
    picture = opened(path, mode).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture, np.float32) / 127.5 - 1


def threshold(path: Path, width: int, height: int, *, mode: str = "L") -> np.ndarray:
    """HxW of 0 and 1: nearest, set from 128."""
    picture = opened(path, mode).resize((width, height), Image.Resampling.NEAREST)
    return (np.asarray(picture.convert("L")) >= 128).astype(np.float32)


def ids(path: Path, width: int, height: int, *, modes: tuple[str, ...] = ("P", "L")) -> np.ndarray:
    """HxW label ids: nearest, the palette unread."""
    with Image.open(path) as picture:
        assert picture.mode in modes, (path, picture.mode)
        return np.asarray(picture.resize((width, height), Image.Resampling.NEAREST))


def opened(path: Path, mode: str) -> Image.Image:
    with Image.open(path) as picture:
        assert picture.mode == mode, (path, picture.mode)
        return picture.copy()


def one_hot(labels: np.ndarray, groups: list[list[int]]) -> np.ndarray:
    """NxHxW of 0 and 1 by groups of ids."""
    return np.stack([np.isin(labels, group) for group in groups]).astype(np.float32)
