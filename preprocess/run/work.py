"""What there is to do, and its identity: one piece of work is a picture (or a piece of a tall sheet) for a class.

The contract that must not break: a key is of everything that the result depends on, so equal keys mean equal results,
on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from db.keys import content_key
from db.queries import Gallery, GalleryPicture
from preprocess.chain.assess import VERSION
from preprocess.gates.limits import PACKSHOT, SHOTS, WORN
from preprocess.intake.framing import SIZE

STAGE = "conditions"
ATTEMPTS = 3
"""How often a picture is tried whose failure was not its own fault: a killed worker, no memory, a lost blob."""


@dataclass(frozen=True)
class Work:
    """One artifact to make."""

    key: str
    sha256: str
    rows: tuple[int, int] | None
    """[top, bottom) of a tall sheet's piece; None for a whole picture."""
    garment_class: str
    pixels: int
    """Of the picture as stored, by the catalogue: what decoding it may cost."""
    attempts: int = 0
    """Tries before this one."""


@dataclass(frozen=True)
class Recipe:
    """How artifacts are made; `eyes` is `Eyes.identity`."""

    backend: str
    eyes: str
    size: tuple[int, int] = SIZE
    digest: str = field(init=False)
    """SHA-256 of the parameters."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", content_key(self.parameters))

    @property
    def version(self) -> str:
        """Short and readable: stage version, backend, the beginning of the parameters' hash."""
        return f"{VERSION}-{self.backend}-{self.digest[:12]}"

    @property
    def parameters(self) -> dict[str, object]:
        """All that results depend on besides picture and class; a limit that changes makes a new version."""
        tables = {"shots": SHOTS, "worn": WORN, "packshot": PACKSHOT}
        limits = {name: {key: limit.value for key, limit in table.items()} for name, table in tables.items()}
        return {
            "stage": STAGE, "stage_version": VERSION, "eyes": self.eyes, "size": list(self.size),
            "limits": limits,
        }  # fmt: skip

    def key(self, sha256: str, rows: tuple[int, int] | None, garment_class: str) -> str:
        """The artifact's key."""
        return content_key([sha256, rows, garment_class, self.digest])

    def work(self, gallery: Gallery) -> Iterator[Work]:
        """What a product's pictures come to, in page order, a tall sheet piece by piece."""
        for picture in gallery.pictures:
            for rows in pieces(picture):
                key = self.key(picture.sha256, rows, gallery.garment_class)
                yield Work(key, picture.sha256, rows, gallery.garment_class, picture.width * picture.height)


def pieces(picture: GalleryPicture) -> list[tuple[int, int] | None]:
    """[top, bottom) of each piece of a tall sheet; a picture that is none, or has no usable piece, is one whole."""
    return [(int(top), int(bottom)) for top, bottom in picture.segments or ()] or [None]
