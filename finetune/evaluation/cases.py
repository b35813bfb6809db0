"""Which pairs are evaluated: the test pairs of one tree or of a folder of trees, and what is known of each.

The contract that must not break: paired is a person in its own garment, unpaired never is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finetune.evaluation.errors import EvaluationError
from finetune.hr_viton.conditions import Setting
from vitonhd.errors import FormatError
from vitonhd.garment_classes import RULES, GarmentClass
from vitonhd.pair_files import Pair
from vitonhd.pictures import decode_mask, decode_rgb, open_picture
from vitonhd.tree import PAIR_FILES, Tree

SPLIT = "test"
SETTINGS: tuple[Setting, ...] = ("paired", "unpaired")
_WORD = re.compile("[a-z]+")
_TRUTH = Path("truth") / "test_unpaired"
"""Of the studio's trees: what a person would look like in another's garment."""


@dataclass(frozen=True)
class TestSet:
    """One tree, whose garments are all of one class."""

    name: str
    tree: Tree
    garment_class: GarmentClass

    def pairs(self, setting: Setting) -> list[Pair]:
        """Its test pairs. Raises FormatError for a bad line, EvaluationError for a person in its own garment."""
        if setting == "paired":
            return [Pair(person, person) for person in dict.fromkeys(pair.person for pair in self.tree.pairs("test"))]
        if self.tree.pair_file("test_unpaired").is_file():
            pairs = self.tree.pairs("test_unpaired")
            if own := next((pair for pair in pairs if pair.person == pair.cloth), None):
                raise EvaluationError(f"{self.tree.pair_file('test_unpaired')}: {own.person} in its own garment")
            return pairs
        return [pair for pair in self.tree.pairs("test") if pair.person != pair.cloth]  # VITON-HD's one test file

    def cases(self, setting: Setting) -> list[Case]:
        return [Case(self, setting, pair) for pair in self.pairs(setting)]


@dataclass(frozen=True)
class Case:
    """A person, a garment, and so a try-on."""

    test_set: TestSet
    setting: Setting
    pair: Pair

    @property
    def stem(self) -> str:
        return f"{self.pair.person}_{self.pair.cloth}"

    @property
    def key(self) -> str:
        return f"{self.setting}/{self.test_set.name}/{self.stem}"

    @property
    def garment(self) -> str:
        """Which garment, over all sets."""
        return f"{self.test_set.name}/{self.pair.cloth}"

    @property
    def person(self) -> str:
        """Which person's photo, over all sets; also the garment that it shows."""
        return f"{self.test_set.name}/{self.pair.person}"


def find_sets(data: Path, garment_class: GarmentClass | None = None) -> list[TestSet]:
    """The tree at `data`, or the trees in it; of the class given, that their folder is named, or the studio recorded.

    Raises EvaluationError where there is no tree, FormatError for one whose first picture can't be read.
    """
    roots = [data] if _is_tree(data) else sorted(path for path in data.iterdir() if _is_tree(path))
    if not roots:
        raise EvaluationError(f"{data} is no VITON-HD tree with a test split and {PAIR_FILES['test']}, nor holds any")
    return [TestSet(root.name, _sized(root), garment_class or _class_of(root)) for root in roots]


def choose(sets: Sequence[TestSet], settings: Sequence[Setting], limit: int | None = None) -> list[Case]:
    """All cases, or of each set and setting at most `limit`, evenly spread. Raises as `TestSet.pairs`."""
    return [case for test_set in sets for setting in settings for case in _spread(test_set.cases(setting), limit)]


def true_picture_of(case: Case) -> tuple[bytes, bytes | None] | None:
    """The files of the perfect try-on and of its worn mask; None where nobody knows it. Raises FormatError, OSError."""
    tree, stem = case.test_set.tree, case.pair.person
    if case.setting == "paired":
        return tree.read_bytes(SPLIT, "image", stem), None
    picture = tree.root / _TRUTH / f"{case.stem}.jpg"
    if not picture.is_file():
        return None
    worn = picture.with_name(f"{case.stem}_worn.png")
    return picture.read_bytes(), worn.read_bytes() if worn.is_file() else None


def worn_of_person(case: Case) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where the person's own garment is, HxW: the worn mask where there is one, else from the parse."""
    tree, stem = case.test_set.tree, case.pair.person
    if tree.path(SPLIT, "worn_mask", stem).is_file():
        return decode_mask(tree.read_bytes(SPLIT, "worn_mask", stem), size=tree.size)
    parse = tree.read(SPLIT, stem, ["parse"]).parse
    assert parse is not None
    return RULES[case.test_set.garment_class].worn_mask(parse)


def photo_of(case: Case) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The person as photographed, HxWx3."""
    return decode_rgb(case.test_set.tree.read_bytes(SPLIT, "image", case.pair.person), size=case.test_set.tree.size)


def _is_tree(path: Path) -> bool:
    return (path / SPLIT).is_dir() and (path / PAIR_FILES["test"]).is_file()


def _sized(root: Path) -> Tree:
    tree = Tree(root)
    stem = next(iter(tree.stems(SPLIT)), None)
    if stem is None:
        raise FormatError("no-file", f"{tree.folder(SPLIT, 'image')} has no pictures")
    return Tree(root, size=open_picture(tree.read_bytes(SPLIT, "image", stem)).size)


def _class_of(root: Path) -> GarmentClass:
    words = (*_WORD.findall(root.name), *_recorded_class(root))
    found = next((word for word in words if word in set(GarmentClass)), None)
    if found is None:
        raise EvaluationError(f"{root}: of which garment class? Its folder does not say; state the class")
    return GarmentClass(found)


def _recorded_class(root: Path) -> Iterator[str]:
    for path in sorted((root / "truth" / SPLIT).glob("*.json"))[:1]:
        try:
            yield str(json.loads(path.read_bytes())["class"])
        except (OSError, ValueError, KeyError, TypeError):
            return


def _spread(cases: list[Case], limit: int | None) -> list[Case]:
    if limit is None or limit >= len(cases):
        return cases
    return [cases[place] for place in np.linspace(0, len(cases) - 1, limit).round().astype(int)]
