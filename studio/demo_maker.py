"""The demo catalogue's pictures: packshots, worn photos of several people, details, and the reference models.

The contract that must not break: the same code makes the same bytes with any number of workers; pictures of two
versions of the studio are not mixed; `catalogue.json` is written last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from studio.backdrop import sample_studio
from studio.camera import frame
from studio.dataset import VERSION, Progress, store_arrays
from studio.demo_catalogue import SIZE, DemoCatalogue, DemoModel, DemoPicture, DemoProduct, dump, load
from studio.demo_range import SEED, RangeItem, demo_range
from studio.garments import Garment, sample_garment
from studio.items import Sitting
from studio.packshot import PACKSHOT_STUDIO, Packshot, packshot
from studio.patterns import Colour
from studio.person import Outfit, Person, dress_up, sample_person
from studio.render import photograph
from vitonhd.arrays import Picture
from vitonhd.atomic import write_atomic
from vitonhd.densepose import DENSEPOSE
from vitonhd.garment_classes import GarmentClass
from vitonhd.item import Item
from vitonhd.names import item_id
from vitonhd.openpose_json import Person as Pose
from vitonhd.openpose_json import PoseFile
from vitonhd.pictures import encode_jpeg
from vitonhd.tree import Tree
from vitonhd.workers import each

PEOPLE = ("w1", "w2", "w3", "m1", "m2", "m3")
QUALITY = 85
WORN = 2
"""Worn photos of a product, each of another person."""
_POSES = ("arms-down", "step", "turned", "arms-bent", "hand-on-hip")
_ZOOM = 2.6
_DETAIL_PLACE = 0.38
"""A detail's centre below the garment's upper edge, as a share of what the picture shows."""
_CALM: tuple[Colour, ...] = ((0.93, 0.92, 0.89), (0.12, 0.12, 0.14), (0.55, 0.55, 0.57), (0.16, 0.2, 0.32))
"""What is worn with a product is plain and of such a colour, so that one sees which garment is sold."""


@dataclass(frozen=True)
class Made:
    """How many products and reference models were rendered, and how many were there already."""

    rendered: int
    kept: int


def make(root: Path, *, workers: int = 1, on_progress: Progress | None = None) -> Made:
    """Render into a folder what is not there, then write `catalogue.json`. Delete a picture to have it made again.

    Raises ValueError where the folder holds another version's catalogue.
    """
    if (root / "catalogue.json").exists() and (found := load(root).version) != VERSION:
        raise ValueError(f"{root} was rendered by version {found} of the studio, this is {VERSION}: take a new folder")
    items = [_with_pictures(item) for item in demo_range()]
    models = [DemoModel(id, id.startswith("w"), item_id(number)) for number, id in enumerate(PEOPLE)]
    jobs: list[RangeItem | DemoModel] = [
        *(item for item in items if not all((root / picture.file).exists() for picture in item.product.pictures)),
        *(model for model in models if not _truth(root, model).exists()),
    ]
    total = len(items) + len(models)
    kept = total - len(jobs)
    for done, _ in enumerate(each(partial(_make_one, root), jobs, workers), kept + 1):
        if on_progress is not None:
            on_progress(done, total)
    catalogue = DemoCatalogue(SEED, VERSION, tuple(item.product for item in items), tuple(models), root)
    write_atomic(root / "catalogue.json", dump(catalogue))
    return Made(len(jobs), kept)


def demo_person(id: str) -> Person:
    """One of PEOPLE, standing with the arms down."""
    rng = np.random.default_rng([SEED, 100, PEOPLE.index(id)])
    return sample_person(rng, feminine=id.startswith("w"), pose="arms-down")


def _make_one(root: Path, job: RangeItem | DemoModel) -> None:
    if isinstance(job, DemoModel):
        _make_model(root, job)
    else:
        _make_product(root, job)


# Products


def _with_pictures(item: RangeItem) -> RangeItem:
    """The product with its list of pictures; a duplicate has the same ones as its original."""
    product = item.product
    shown = product.same_as or product.id
    folder = f"pictures/{shown}"
    place = int(shown[-2:]) if shown[-1].isdigit() else 0
    people = [id for id in PEOPLE if id.startswith("w") == item.feminine]
    wearers = [people[(place + number) % len(people)] for number in range(WORN)]
    packshots = [] if "no-packshot" in product.flaws else [f"packshot-{n}" for n in range(1, len(item.garments) + 1)]
    if len(packshots) < 2 and "no-packshot" not in product.flaws:
        packshots = ["packshot"]
    pictures = [DemoPicture(f"{folder}/{name}.jpg", "packshot") for name in packshots]
    pictures += [DemoPicture(f"{folder}/worn-{id}.jpg", "worn", id) for id in wearers]
    if packshots:
        pictures.append(DemoPicture(f"{folder}/detail.jpg", "detail"))
    if "text-picture" in product.flaws:
        pictures.append(DemoPicture(f"{folder}/text.jpg", "text"))
    return replace(item, product=replace(product, pictures=tuple(pictures)))


def _make_product(root: Path, item: RangeItem) -> None:
    if item.product.same_as is not None:
        return
    shots = [packshot(garment, *SIZE) for garment in item.garments]
    packs = iter(shots)
    for number, picture in enumerate(item.product.pictures):
        if picture.shot == "packshot":
            shown = next(packs).image
        elif picture.shot == "worn":
            shown = _worn(item, str(picture.person), number)
        else:
            shown = _detail(shots[0]) if picture.shot == "detail" else size_chart(item.product)
        write_atomic(root / picture.file, encode_jpeg(shown, quality=QUALITY))


def _worn(item: RangeItem, id: str, number: int) -> Picture:
    rng = np.random.default_rng([SEED, 200, *item.product.id.encode(), number])
    person = demo_person(id).posed(str(rng.choice(_POSES)), rng)
    target = item.garments[0]
    outfit = _calm(dress_up(target, item.feminine, rng), rng) if len(item.garments) == 1 else Outfit(item.garments, 0)
    shown_as = GarmentClass.DRESS if item.product.garment_class is None else target.garment_class
    camera = frame(shown_as, person, *SIZE, rng)
    return Sitting(person, outfit, camera, sample_studio(rng)).photo()


def _calm(outfit: Outfit, rng: np.random.Generator) -> Outfit:
    """The outfit with everything but the target in a plain calm colour."""
    colour = _CALM[int(rng.integers(len(_CALM)))]
    garments = [
        garment if number == outfit.target else _plain(garment, colour)
        for number, garment in enumerate(outfit.garments)
    ]
    return replace(outfit, garments=tuple(garments))


def _plain(garment: Garment, colour: Colour) -> Garment:
    return replace(garment, pattern=replace(garment.pattern, kind="plain", colours=(colour, colour, colour)))


def _detail(shot: Packshot) -> Picture:
    """The packshot from near: the neck of a top or a dress, the waistband of a bottom."""
    camera = shot.camera
    first_row = int(np.argmax(shot.mask.any(axis=1)))
    top = camera.z + camera.span * (0.5 - first_row / camera.height)
    span = camera.span / _ZOOM
    return photograph(shot.scene, replace(camera, z=top - _DETAIL_PLACE * span, span=span), PACKSHOT_STUDIO)


def size_chart(product: DemoProduct) -> Picture:
    """A picture of text, as descriptions are full of: the size table in Latin letters; uint8 HxWx3."""
    width, height = SIZE
    image = Image.new("RGB", SIZE, (250, 250, 248))
    draw = ImageDraw.Draw(image)
    large, small = ImageFont.load_default(44), ImageFont.load_default(26)
    draw.text((60, 80), "SIZE GUIDE", (30, 30, 34), large)
    draw.text((60, 150), f"{product.brand_en}  {product.name_en}", (90, 90, 96), small)
    letters = ("A", "B", "C", "D", "E")
    for row, (size, values) in enumerate(product.measurements.items()):
        y = 300 + 90 * row
        draw.line((60, y - 24, width - 60, y - 24), (190, 190, 190), 2)
        draw.text((60, y), size, (30, 30, 34), small)
        for column, (letter, value) in enumerate(zip(letters, values.values(), strict=False)):
            x = 200 + 110 * column
            draw.text((x, 240), letter, (90, 90, 96), small)
            draw.text((x, y), f"{value:.1f}", (30, 30, 34), small)
    draw.text((60, height - 200), "All measures in cm. Synthetic product of a demo shop.", (90, 90, 96), small)
    return np.asarray(image)


# Reference models


def _truth(root: Path, model: DemoModel) -> Path:
    return root / "models" / "truth" / "test" / f"{model.stem}.npz"


def _make_model(root: Path, model: DemoModel) -> None:
    """A full-body photo in a plain top and trousers, as an item of a VITON-HD tree, and what only a renderer knows."""
    rng = np.random.default_rng([SEED, 300, PEOPLE.index(model.id)])
    person = demo_person(model.id)
    top = sample_garment(GarmentClass.UPPER, rng, feminine=model.feminine, family="tee")
    bottom = sample_garment(GarmentClass.LOWER, rng, feminine=model.feminine, family="slacks")
    outfit = Outfit((_plain(bottom, _CALM[3]), _plain(top, _CALM[0])), 1)
    camera = frame(GarmentClass.DRESS, person, *SIZE, rng)
    seated = Sitting(person, outfit, camera, sample_studio(rng))
    pack = packshot(outfit.garments[outfit.target], *SIZE)
    truth = seated.truth(pack)
    item = Item(
        model.stem, image=seated.photo(), cloth=pack.image, cloth_mask=pack.mask, parse=truth.parse,
        densepose=DENSEPOSE.paint(truth.densepose), pose=PoseFile.of(Pose.of(truth.pose)), worn_mask=truth.worn,
    )  # fmt: skip
    Tree(root / "models", size=SIZE).write("test", item)
    write_atomic(_truth(root, model), store_arrays(truth))
