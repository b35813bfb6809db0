"""`python -m tests.preprocess.more_skirts RENDERED OUT`: studio trees, and their people in skirts twice more, as links.

The contract that must not break: nothing is copied or drawn anew. One person in eight wears a skirt; without more of
them the student calls a top and a skirt a dress.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from vitonhd.labels import CIHP
from vitonhd.pictures import decode_labels

SKIRT = CIHP.id("skirt")
TIMES = 2
_PIXELS = 200


def link_skirts(rendered: Path, out: Path) -> int:
    """Link every tree of `rendered` into `out`, and the training items that show a skirt again; how many there are."""
    out.mkdir(parents=True)
    found = 0
    for tree in sorted(one for one in rendered.iterdir() if one.is_dir()):
        (out / tree.name).symlink_to(tree.resolve())
        for parse in sorted((tree / "train" / "image-parse-v3").iterdir()):
            if np.count_nonzero(decode_labels(parse.read_bytes()) == SKIRT) > _PIXELS:
                found += 1
                for time in range(TIMES):
                    _link(tree, out / f"skirts-{tree.name}-{time + 1}", parse.stem)
    return found


def _link(tree: Path, again: Path, stem: str) -> None:
    for folder in [*(tree / "train").iterdir(), tree / "truth" / "train"]:
        for file in folder.glob(f"{stem}*"):
            target = again / file.relative_to(tree)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(file.resolve())


if __name__ == "__main__":
    print(link_skirts(Path(sys.argv[1]), Path(sys.argv[2])))
