"""The figures behind the limits of docs/preprocess.md: statistics and shot kinds by kind of picture, gates on truth.

lookbook studio render --pairs 8 --class mix --seed 77 --size 384x512 --out STUDIO
python -m tests.preprocess.intake_figures STUDIO [SAMPLES]

Packshots, details and text come from the demo catalogue; worn photos with parse and pose from STUDIO; SAMPLES is a
folder of real photos (`viton-hd`, `photos/garments`, `photos/models`).
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from preprocess.gates.packshot import packshot_figures
from preprocess.gates.statistics import PictureStatistics, statistics
from preprocess.gates.worn import worn_figures
from preprocess.shots import evidence, shot_kind
from studio.demo_catalogue import load
from vitonhd.arrays import Picture
from vitonhd.errors import FormatError
from vitonhd.garment_classes import GarmentClass
from vitonhd.item import Item
from vitonhd.pictures import decode_rgb
from vitonhd.tree import Tree

FIGURES = ("border_uniformity", "content", "cut", "text", "blur")


def summary(name: str, found: list[PictureStatistics]) -> None:
    kinds = Counter(shot_kind(evidence(one)).kind.value for one in found)
    columns = []
    for figure in FIGURES:
        low, middle, high = np.percentile([getattr(one, figure) for one in found], [0, 50, 100])
        columns.append(f"{low:.2f} {middle:.2f} {high:.2f}")
    print(f"| {name} | {len(found)} | {' | '.join(columns)} | {dict(kinds)} |")


def pictures(paths: Iterable[Path]) -> Iterator[Picture]:
    for path in sorted(paths):
        try:
            yield decode_rgb(path.read_bytes())
        except FormatError as error:
            print(f"{path.name}: {error}")


def demo() -> None:
    catalogue = load()
    for shot in ("packshot", "detail", "text", "worn"):
        files = {catalogue.path(picture) for _, picture in catalogue.pictures() if picture.shot == shot}
        summary(f"demo {shot}", [statistics(one) for one in pictures(path for path in files if path.exists())])


def gates(name: str, tree: Tree, kind: GarmentClass) -> None:
    """Shot kinds, verdicts and scores of a tree with truth."""
    kinds, reasons, scores = Counter[str](), Counter[str](), list[float]()
    for item in items(tree):
        assert item.image is not None and item.parse is not None and item.pose is not None
        assert item.cloth is not None and item.cloth_mask is not None
        pose, shown = item.pose.person.body, statistics(item.cloth)
        worn = worn_figures(item.image, item.parse, pose, kind)
        pack = packshot_figures(item.cloth, item.cloth_mask, shown)
        kinds[f"photo {shot_kind(evidence(statistics(item.image), item.parse, pose)).kind}"] += 1
        kinds[f"cloth {shot_kind(evidence(shown, garment=item.cloth_mask)).kind}"] += 1
        reasons.update(verdict.reason for verdict in (*worn.verdicts(), *pack.verdicts()))
        scores.append(worn.score)
    print(name, kind, dict(kinds), "rejections", dict(reasons), f"worn scores {min(scores)}..{max(scores)}")


def items(tree: Tree) -> Iterator[Item]:
    for split in tree.splits():
        for stem in tree.stems(split, "pose"):
            yield tree.read(split, stem, ("image", "parse", "pose", "cloth", "cloth_mask"))


def blurred(paths: list[Path]) -> None:
    for sigma in (1, 2, 4):
        soft = [statistics(np.asarray(cv2.GaussianBlur(one, (0, 0), sigma), np.uint8)).blur for one in pictures(paths)]
        print(f"blurred by {sigma} pixels: {min(soft):.2f} {np.median(soft):.2f} {max(soft):.2f}")


def main(studio: str, samples: str | None = None) -> None:
    cv2.setNumThreads(1)
    demo()
    for kind in GarmentClass:
        tree = Tree(Path(studio) / kind, size=(384, 512))
        summary(f"studio photo {kind}", [statistics(item.image) for item in items(tree) if item.image is not None])
        summary(f"studio packshot {kind}", [statistics(item.cloth) for item in items(tree) if item.cloth is not None])
        gates("studio", tree, kind)
    if samples is None:
        return
    root = Path(samples)
    real = {
        "real packshot": [*root.glob("viton-hd/*/cloth/*"), *root.glob("photos/garments/*")],
        "real photo": [*root.glob("viton-hd/*/image/*"), *root.glob("photos/models/*")],
    }
    for name, paths in real.items():
        begin = time.process_time()
        found = [statistics(one) for one in pictures(paths)]
        milliseconds = 1000 * (time.process_time() - begin) / len(found)
        summary(name, found)
        print(f"{milliseconds:.0f} ms of CPU to decode and look at one")
        blurred(paths)
    gates("official", Tree(root / "viton-hd"), GarmentClass.UPPER)


if __name__ == "__main__":
    main(*sys.argv[1:])
