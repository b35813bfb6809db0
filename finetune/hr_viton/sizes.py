"""How large the networks are: the published size and the small one that is bundled.

The contract that must not break: a checkpoint fits exactly one size, and `PUBLISHED` is what the published files need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Upsampling = Literal["normal", "more", "most"]

LEVELS: dict[Upsampling, int] = {"normal": 5, "more": 6, "most": 7}
"""How often the image generator doubles its size."""


@dataclass(frozen=True)
class Sizes:
    """Widths of the four networks and the sizes of their pictures; every size is (height, width) in pixels."""

    condition_width: int = 96
    image_width: int = 64
    modulation_width: int = 128
    discriminator_width: int = 64
    upsampling: Upsampling = "most"
    size: tuple[int, int] = (1024, 768)
    """Of the try-on image; multiples of 32 (`normal`), 64 (`more`) or 128 (`most`), one side at least twice that."""
    condition_size: tuple[int, int] = (256, 192)
    """Of what the condition generator sees; multiples of 32, at least 64."""

    def __post_init__(self) -> None:
        first_size(LEVELS[self.upsampling], self.size)
        check_size("condition", self.condition_size, 32, least=64)


def check_size(what: str, size: tuple[int, int], multiple: int, *, least: int = 1) -> None:
    """Raises ValueError unless both sides are multiples of `multiple` and at least `least`."""
    if any(side % multiple or side < max(least, multiple) for side in size):
        wanted = f"multiples of {multiple}" + (f", at least {least}" if least > multiple else "")
        raise ValueError(f"the {what} is {size[0]}x{size[1]} (HxW); both sides must be {wanted}")


def first_size(levels: int, size: tuple[int, int]) -> tuple[int, int]:
    """Of the image generator's first maps, for pictures of `size`.

    Raises ValueError when `size` isn't a multiple of 2^levels, and when those maps would be of a single pixel.
    """
    check_size("try-on image", size, 1 << levels)
    first = size[0] >> levels, size[1] >> levels
    if first == (1, 1):
        raise ValueError(
            f"the try-on image is {size[0]}x{size[1]} (HxW); one side must be {2 << levels} or more, "
            "as the first maps would have one pixel, which has no variance"
        )
    return first


PUBLISHED = Sizes()
"""`mtviton.pth` and `gen.pth`: 47.4 and 100.5 million parameters."""

SMALL = Sizes(
    condition_width=16,
    image_width=8,
    modulation_width=32,
    discriminator_width=16,
    upsampling="more",
    size=(512, 384),
    condition_size=(256, 192),
)
"""The bundled networks: 1.3 and 2.2 million parameters, 512x384."""
