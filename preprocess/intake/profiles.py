"""Embedded colour profiles to sRGB.

The contract that must not break: a profile that is broken or of another colour space than the pixels is ignored, as
browsers do; it never costs the picture.
"""

from __future__ import annotations

import io

from PIL import Image, ImageCms

MAX_BYTES = 4 * 2**20
"""Of a profile; printers' CMYK profiles are the largest, with 0.5 to 3 MB."""

_INPUTS = {"RGB": "RGB ", "CMYK": "CMYK", "L": "GRAY"}
"""Pillow's mode -> the profile's colour space (ICC.1:2022, 7.2.6)."""


def to_srgb(picture: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """The picture with its colours in sRGB, transparency kept, and whether its profile had to be ignored.

    Pictures without a profile count as sRGB; CMYK without one goes by Pillow's plain formula.
    """
    if not profile:
        return picture, False
    if len(profile) > MAX_BYTES:
        return picture, True
    try:
        found = ImageCms.getOpenProfile(io.BytesIO(profile))
        space = found.profile.xcolor_space
        if space == "RGB " and _is_srgb(found):
            return picture, False
        return _converted(picture, found, space)
    except Exception:
        # LittleCMS reports by PyCMSError, Pillow's parsing of fields by whatever comes up.
        return picture, True


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Whether it calls itself sRGB: such pictures are left as they are, a conversion would only round."""
    return "srgb" in (profile.profile.profile_description or "").lower()


def _converted(picture: Image.Image, profile: ImageCms.ImageCmsProfile, space: str) -> tuple[Image.Image, bool]:
    alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    if picture.mode in ("P", "PA", "RGBA", "RGBX", "RGBa"):
        picture = picture.convert("RGB")
    elif picture.mode in ("LA", "La", "1"):
        picture = picture.convert("L")
    if _INPUTS.get(picture.mode) != space:
        return (picture if alpha is None else _with(picture, alpha)), True
    converted = ImageCms.profileToProfile(
        picture, profile, ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )  # fmt: skip
    assert converted is not None
    return (converted if alpha is None else _with(converted, alpha)), False


def _with(picture: Image.Image, alpha: Image.Image) -> Image.Image:
    joined = picture.convert("RGBA")
    joined.putalpha(alpha)
    return joined
