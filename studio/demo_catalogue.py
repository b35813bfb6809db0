"""The committed demo catalogue as records: `studio/demo/catalogue.json` and the pictures beside it.

The contract that must not break: everything in it is synthetic, and every file that it names is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from pydantic import TypeAdapter, ValidationError

from vitonhd.garment_classes import GarmentClass

DEMO = Path(__file__).parent / "demo"
SIZE = (768, 1024)
Shot = Literal["packshot", "worn", "detail", "text"]
Flaw = Literal["sold-out", "set", "skort", "no-packshot", "duplicate", "broken-picture", "text-picture"]
FLAWS: tuple[Flaw, ...] = get_args(Flaw)


@dataclass(frozen=True)
class DemoPicture:
    """One picture of a product; its gallery holds packshots and worn photos, the rest belongs to its description."""

    file: str
    """Relative to the catalogue's folder, e.g. `pictures/upper-01/worn-w1.jpg`."""
    shot: Shot
    person: str | None = None
    """Who wears it: an id of `DemoCatalogue.people`."""

    @property
    def in_gallery(self) -> bool:
        return self.shot in ("packshot", "worn")


@dataclass(frozen=True)
class DemoProduct:
    """One product. Money is in KRW before and after the discount, lengths in cm."""

    id: str
    """`upper-01`; for a flawed extra product `extra-set`."""
    name: str
    """Korean, without the colour."""
    name_en: str
    brand: str
    brand_en: str
    garment_class: GarmentClass | None
    """None for what is no single garment: a set."""
    family: str
    """One of the studio's families: tee, jeans, midi-dress."""
    pattern: str
    colour: str
    colour_en: str
    audience: Literal["women", "men"]
    list_price: int
    sale_price: int
    material: str
    """Fibres with their shares, as a label has them: `면 95%, 폴리우레탄 5%`."""
    measurements: dict[str, dict[str, float]]
    """Size name -> measure as the shops call it (총장) -> cm."""
    pictures: tuple[DemoPicture, ...]
    sold_out_sizes: tuple[str, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    same_as: str | None = None
    """The product whose pictures a duplicate shows."""

    @property
    def gallery(self) -> tuple[DemoPicture, ...]:
        return tuple(picture for picture in self.pictures if picture.in_gallery)

    @property
    def details(self) -> tuple[DemoPicture, ...]:
        return tuple(picture for picture in self.pictures if not picture.in_gallery)

    @property
    def sold_out(self) -> bool:
        return "sold-out" in self.flaws


@dataclass(frozen=True)
class DemoModel:
    """A reference model: a full-body photo with its truth in the tree `models/`, split `test`."""

    id: str
    feminine: bool
    stem: str


@dataclass(frozen=True)
class DemoCatalogue:
    """All products, 12 of each class and the flawed extra ones, and the people who wear them."""

    seed: int
    version: int
    """`studio.dataset.VERSION` of what rendered it."""
    products: tuple[DemoProduct, ...]
    models: tuple[DemoModel, ...]
    root: Path = DEMO
    synthetic: Literal[True] = True

    def product(self, id: str) -> DemoProduct:
        """Raises KeyError for an unknown id."""
        for product in self.products:
            if product.id == id:
                return product
        raise KeyError(id)

    def path(self, picture: DemoPicture) -> Path:
        return self.root / picture.file

    def pictures(self) -> Iterator[tuple[DemoProduct, DemoPicture]]:
        """Every picture of every product, duplicates' too."""
        for product in self.products:
            for picture in product.pictures:
                yield product, picture


def load(root: Path = DEMO) -> DemoCatalogue:
    """The catalogue in a folder. Raises FileNotFoundError where there is none, ValueError where it is none."""
    file = root / "catalogue.json"
    try:
        found: DemoCatalogue = _ADAPTER.validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{file}: {where}: {first['msg']}" if where else f"{file}: {first['msg']}") from None
    return replace(found, root=root)


def dump(catalogue: DemoCatalogue) -> bytes:
    """The catalogue as the bytes of `catalogue.json`, which name no folder of this machine."""
    rows = _ADAPTER.dump_python(catalogue, mode="json", exclude={"root"}, exclude_defaults=True)
    return (json.dumps({"synthetic": True, **rows}, ensure_ascii=False, indent=1) + "\n").encode()


_ADAPTER = TypeAdapter(DemoCatalogue)
