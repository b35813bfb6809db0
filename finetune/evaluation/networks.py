"""The networks that some measures need, as far as their weights are there.

The contract that must not break: what can't be computed is named with its reason; nothing stands in for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from finetune.evaluation.garment_likeness import embedding_input
from finetune.evaluation.protocol import Weights
from finetune.evaluation.results import Known
from vitonhd.arrays import Picture

if TYPE_CHECKING:
    from finetune.evaluation.published import LPIPS

Found = Mapping[Weights, Sequence[Path] | str]
"""For each entry of the weights registry its files, or why it has none."""
_SMALL = 128


@dataclass(frozen=True)
class Networks:
    """Each is None where `missing` says why."""

    lpips: LPIPS | None = None
    inception: nn.Module | None = None
    """Nx3x299x299 in 0..255 to NxD."""
    embedding: nn.Module | None = None
    """Nx3x224x224, normalised, to NxD."""
    missing: Mapping[Weights, str] = field(default_factory=dict)
    device: str = "cpu"

    @torch.inference_mode()
    def scores(self, known: Known) -> dict[str, float]:
        """The measures of one case that need a network."""
        scores: dict[str, float] = {}
        if self.lpips is not None and known.truth is not None:
            made, truth = (self._tensor(picture) for picture in (known.made, known.truth))
            value, found = self.lpips.both(made, truth)
            scores["lpips"] = float(value)
            small = (self._tensor(_reduced_128(picture)) for picture in (known.made, known.truth))
            scores["lpips_128"] = float(self.lpips(*small))
            if known.truth_worn is not None and known.truth_worn.any():
                scores["garment_lpips"] = float(found[0, 0][torch.from_numpy(known.truth_worn).to(self.device)].mean())
        if self.embedding is not None and known.worn is not None:
            inputs = embedding_input(known.made, known.worn), embedding_input(known.cloth, known.cloth_mask)
            if inputs[0] is not None and inputs[1] is not None:
                one, other = self.embedding(torch.cat((inputs[0], inputs[1])).to(self.device))
                scores["garment_likeness"] = float(nn.functional.cosine_similarity(one, other, dim=0))
        return scores

    @torch.inference_mode()
    def features(self, picture: Picture) -> npt.NDArray[np.float32] | None:
        """What FID and KID compare, D values; None without Inception."""
        if self.inception is None:
            return None
        from finetune.evaluation.published import inception_input

        found: Tensor = self.inception(inception_input(picture).to(self.device))
        return found[0].float().cpu().numpy()

    def _tensor(self, picture: Picture) -> Tensor:
        return (torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1).to(self.device)


def load_networks(found: Found, device: str = "cpu") -> Networks:
    """The networks whose files were found. Raises EvaluationError for files that are not theirs."""
    here = {name: files for name, files in found.items() if not isinstance(files, str)}
    missing = {name: str(found.get(name, "not asked for")) for name in Weights if name not in here}
    if not here:
        return Networks(missing=missing, device=device)
    from finetune.evaluation import published

    lpips = published.LPIPS.load(*here[Weights.LPIPS]) if Weights.LPIPS in here else None
    inception = published.Inception.load(*here[Weights.INCEPTION]) if Weights.INCEPTION in here else None
    embedding = published.load_embedding(*here[Weights.EMBEDDING]) if Weights.EMBEDDING in here else None
    for network in (lpips, inception, embedding):
        if network is not None:
            network.to(device)
    return Networks(lpips, inception, embedding, missing, device)


def _reduced_128(picture: Picture) -> Picture:
    return np.array(Image.fromarray(picture).resize((_SMALL, _SMALL), Image.Resampling.BILINEAR))
