"""The few pieces of HTML that reports are made of: one file, pictures in it, no scripts.

The contract that must not break: what comes from data is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from PIL import Image

from vitonhd.arrays import Picture
from vitonhd.pictures import encode_jpeg

PICTURE_HEIGHT = 320
_QUALITY = 85
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #888; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 1.5rem 0 .4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; } th, td { padding: .3rem .8rem; border-bottom: 1px solid var(--line); }
th { text-align: left; font-weight: 600; } td { text-align: right; font-variant-numeric: tabular-nums; }
small, .soft { color: var(--soft); } td small { display: block; }
.better { color: #18794e; } .worse { color: #c62a2f; }
figure { margin: 0 0 1rem; } figcaption { margin-bottom: .3rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 2rem; }
.row { display: flex; gap: .5rem; overflow-x: auto; } .row div { flex: none; text-align: center; font-size: .8rem; }
.row img { height: 14rem; display: block; background: #8882; }
"""


def page(title: str, parts: Iterable[str]) -> bytes:
    """A whole page; the parts are HTML."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    body = "\n".join([f"<h1>{escape(title)}</h1>", *parts])
    return f'<!doctype html>\n<html lang="en">\n{head}\n<style>{_STYLE}</style>\n{body}\n</html>\n'.encode()


def table(head: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """The cells are HTML, the head and the rows' names are text."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = (f"<tr><th>{escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for name, cells in rows)
    return f'<div class="scroll"><table><tr>{top}</tr>{"".join(lines)}</table></div>'


def figure(caption: str, pictures: Iterable[tuple[str, Picture | None]]) -> str:
    """Named pictures side by side; one that nobody has is left out."""
    shown = "".join(
        f'<div><img alt="{escape(name)}" src="{_inlined(picture)}">{escape(name)}</div>'
        for name, picture in pictures
        if picture is not None
    )
    return f'<figure><figcaption>{escape(caption)}</figcaption><div class="row">{shown}</div></figure>'


def figures(shown: Iterable[str]) -> str:
    """Figures beside one another as the page is wide."""
    return f'<div class="figures">{"".join(shown)}</div>'


def listing(items: Iterable[tuple[str, str]]) -> str:
    """Names and what is said of them, both text."""
    return f"<ul>{''.join(f'<li>{escape(name)}: {escape(text)}</li>' for name, text in items)}</ul>"


def _inlined(picture: Picture) -> str:
    height, width = picture.shape[:2]
    if height > PICTURE_HEIGHT:
        size = (max(1, round(width * PICTURE_HEIGHT / height)), PICTURE_HEIGHT)
        picture = np.array(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
    return f"data:image/jpeg;base64,{base64.b64encode(encode_jpeg(picture, quality=_QUALITY)).decode()}"
