"""What the plain path, the exact and the fast engine make of the same pairs, beside each other, as one picture.

    python -m tests.finetune.hr_viton.side_by_side docs/pictures/hr-viton-modes.jpg --steps 20

Rows: formula weights, then weights after some training steps on synthetic studio pairs. Columns: the worn picture,
plain, exact, fast, and eight times the difference of fast from exact (grey is none). PSNR is printed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from finetune.hr_viton import HRVITON, SeededNoise, TryOn, TryOnSettings
from finetune.hr_viton.engine import Engine, EngineSettings, Mode
from finetune.hr_viton.losses import PerceptualLoss
from tests.finetune.hr_viton import drawn
from tests.finetune.hr_viton.studio_pairs import (
    SIZES,
    StudioBatch,
    make_tree,
    read_batch,
    train_conditions,
    train_images,
)

AMPLIFIED = 8


def rendered(tryon: HRVITON, batch: StudioBatch, mode: Mode, person: int) -> TryOn:
    engine = Engine(tryon, EngineSettings(mode=mode))
    features = engine.encode_person(batch.persons[person : person + 1])
    return engine.render(features, engine.encode_garments(batch.garments[person : person + 1]), [str(person)])


class PictureLoss(PerceptualLoss):
    """L1 of the pictures themselves: VGG would take most of the time, and its trained weights aren't here."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        return (made - real).abs().mean()


@torch.inference_mode()
def rows(tryon: HRVITON, batch: StudioBatch, what: str) -> list[Tensor]:
    made = []
    for number in range(len(batch.garments)):
        which = slice(number, number + 1)
        plain = tryon(batch.garments[which], batch.persons[which], noise=SeededNoise([str(number)]))
        exact, fast = (rendered(tryon, batch, mode, number) for mode in ("exact", "fast"))
        difference = fast.image - exact.image
        psnr = 10 * torch.log10(4 / difference.square().mean())
        labels = int((fast.parse != exact.parse).sum())
        largest = float((exact.image - plain.image).abs().max())
        print(f"{what}, pair {number}: fast {psnr:.1f} dB, {labels} labels apart; exact within {largest:.1e} of plain")
        columns = (batch.picture[which], plain.image, exact.image, fast.image, AMPLIFIED * difference)
        made.append(torch.cat([one[0] for one in columns], 2))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        batch = read_batch(make_tree(Path(folder), args.pairs))
    tryon = drawn.tryon(SIZES, settings=TryOnSettings(condition_size=SIZES.condition_size))
    made = rows(tryon, batch, "formula weights")[:1]
    train_conditions(tryon, batch, PictureLoss(), args.steps)
    train_images(tryon.eval(), batch, PictureLoss(), args.steps)
    made += rows(tryon.eval(), batch, f"after {args.steps} steps")
    pixels = ((torch.cat(made, 1).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()).save(args.picture, quality=85)


if __name__ == "__main__":
    main()
