"""Many garments on few persons: everything about a garment or a person is computed once.

The contract that must not break: a render depends on its garment, person, class, key and mode only; on the batch, the
order and what ran out of memory on the way not by more than rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Self, TypeVar

import torch
from torch import Tensor
from torch.profiler import record_function

from finetune.hr_viton.alignment import compose_garment
from finetune.hr_viton.conditions import Garments, Persons
from finetune.hr_viton.engine.alignment import Aligned, align
from finetune.hr_viton.engine.encoded import GarmentFeatures, PersonFeatures
from finetune.hr_viton.engine.features import ConditionEngine
from finetune.hr_viton.engine.grid import Grid, Rendered
from finetune.hr_viton.engine.images import ImageConditions, ImageEngine, NoiseOf
from finetune.hr_viton.engine.settings import Counts, EngineSettings, fast_dtype
from finetune.hr_viton.noise import SeededNoise
from finetune.hr_viton.rejection import realness
from finetune.hr_viton.tryon import HRVITON, TryOn, judged
from vitonhd.garment_classes import GarmentClass

T = TypeVar("T")
# PyTorch's allocator for CPUs says the first two, oneDNN the others; both raise RuntimeError.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "could not create a primitive", "could not create a memory")
ALIGNED_ROWS = 32
"""Of a picture, at a time: 13 channels and the garment of 32 x 768 pixels are 2 MB."""


class Engine:
    """HR-VITON in evaluation for many pairs; not for several threads at once.

    Weights are copied, in the engine's own form: what becomes of the networks later changes nothing here, and dropping
    them gives their memory back. Its threads end with `close`, at the end of a `with`, or when the engine is dropped.
    """

    def __init__(
        self, tryon: HRVITON, settings: EngineSettings | None = None, *, noise_of: NoiseOf = SeededNoise
    ) -> None:
        self.settings = settings or EngineSettings()
        self.counts = Counts()
        self.device = torch.device(self.settings.device)
        self.dtype = fast_dtype(self.device) if self.settings.mode == "fast" else torch.float32
        self.batch = self.settings.batch
        self._alignment = tryon.settings
        self._discriminator = None
        if tryon.discriminator is not None:
            self._discriminator = deepcopy(tryon.discriminator).eval().to(self.device)
        self._conditions = ConditionEngine(tryon.condition_generator, self.device)
        self._images = ImageEngine(
            tryon.image_generator,
            self.device,
            self.dtype,
            noise_of=noise_of,
            threads=(self.settings.threads or torch.get_num_threads()) if self.device.type == "cpu" else 1,
            memory=self.settings.stage_memory,
            strip_bytes=self.settings.strip_bytes if self.device.type == "cpu" else 1 << 62,
            compile=self.settings.compile,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads and give working memory back; a render after it raises RuntimeError."""
        self._images.close()

    def encode_garments(self, garments: Garments) -> GarmentFeatures:
        """What every render of these garments shares; `batch` of them at a time. Raises ValueError for none."""
        if not len(garments):
            raise ValueError("no garments")
        parts: list[GarmentFeatures] = []
        first = 0
        while first < len(garments):
            last = min(first + self.batch, len(garments))
            part = self.encode_joined([garments[first:last]])
            if part is not None:
                parts.append(part)
                first = last
        return GarmentFeatures.cat(parts)

    def encode_joined(self, garments: Sequence[Garments]) -> GarmentFeatures | None:
        """As `encode_garments`, of several batches at once; None when memory ran out, the batch being halved then."""
        return self._attempt(lambda: self._encode_joined(garments), sum(map(len, garments)))

    @torch.inference_mode()
    def _encode_joined(self, several: Sequence[Garments]) -> GarmentFeatures:
        garments = (several[0] if len(several) == 1 else Garments.cat(several)).to(self.device)
        with record_function("garment_encoder"):
            maps = self._conditions.encode_garments(garments.network_input(self._alignment.condition_size))
        features = GarmentFeatures(maps, torch.cat((garments.picture, garments.mask), 1))
        self.counts.garments += len(garments)
        return features

    def encode_person(self, person: Persons, garment_class: GarmentClass = GarmentClass.UPPER) -> PersonFeatures:
        """What every render on this person shares; tried again, with working memory free, when memory runs out.

        Raises ValueError for a batch of several.
        """
        if len(person) != 1:
            raise ValueError(f"one person at a time, not {len(person)}")
        features = self._attempt(lambda: self._encode_person(person, garment_class), max(2, self.batch))
        return features or self._encode_person(person, garment_class)

    @torch.inference_mode()
    def _encode_person(self, person: Persons, garment_class: GarmentClass) -> PersonFeatures:
        person = person.to(self.device)
        network_input = person.network_input(self._alignment.condition_size)
        with record_function("person_encoder"):
            maps = self._conditions.encode_person(network_input)
        pictures = torch.cat((person.agnostic, person.densepose), 1).permute(0, 2, 3, 1).to(self.dtype)
        features = PersonFeatures(maps, network_input, pictures.contiguous(), garment_class)
        self.counts.persons += 1
        return features

    def render(self, person: PersonFeatures, garments: GarmentFeatures, keys: Sequence[str]) -> TryOn:
        """Every garment on the person in one batch; `keys` seed the noise, one for each garment.

        Raises as `render_parts`.
        """
        parts = list(self.render_parts(person, garments, keys))
        return parts[0] if len(parts) == 1 else TryOn.cat(parts)

    def render_parts(self, person: PersonFeatures, garments: GarmentFeatures, keys: Sequence[str]) -> Iterator[TryOn]:
        """As `render`, in order, as many at a time as `batch` and memory allow.

        When memory runs out the batch is halved, and stays so. Raises what the allocation raised when one garment
        alone is too much, and ValueError when there are no garments, when keys and garments differ in number, or
        garments and person in size.
        """
        _check(person, garments, keys)
        first = 0
        while first < len(garments):
            last = min(first + self.batch, len(garments))
            part = self._render_some(person, garments, keys, slice(first, last))
            if part is None:
                continue
            self.counts.renders += last - first
            first = last
            yield part
            del part  # or it would take its memory from the next

    def render_grid(
        self,
        persons: Mapping[str, Persons],
        garments: Iterable[tuple[str, Garments]],
        key: Callable[[str, str], str],
        *,
        garment_class: GarmentClass = GarmentClass.UPPER,
        wanted: Callable[[str, str], bool] = lambda person, garment: True,
    ) -> Iterator[Rendered]:
        """Every wanted pair of (person, garment), garments being read as they are needed.

        Garments that nobody wants are not encoded, the others once, a batch at a time, and rendered on every person
        before the next batch. Persons are encoded on first use, and kept while they fit `memory`; those that don't are
        encoded again for each batch. `key` gives a pair's render key.
        """
        return Grid(self, persons, key, garment_class).render(garments, wanted)

    def _render_some(
        self, person: PersonFeatures, garments: GarmentFeatures, keys: Sequence[str], which: slice
    ) -> TryOn | None:
        part = garments.part(which.start, which.stop)
        return self._attempt(lambda: self._render(person, part, tuple(keys[which])), len(part))

    def _attempt(self, work: Callable[[], T], count: int) -> T | None:
        """What the work for `count` garments gives; None when memory ran out, and the batch is halved then.

        By then what the work held is free, as the error's traceback is gone. Raises what the work for one raises.
        """
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not _out_of_memory(error) or count == 1:
                raise
        self._halve(count)
        return None

    @torch.inference_mode()
    def _render(self, person: PersonFeatures, garments: GarmentFeatures, keys: tuple[str, ...]) -> TryOn:
        aligned, score = self._align(person, garments)
        image = self._images(ImageConditions(person.pictures, aligned.garment, aligned.slots, keys))
        accepted = judged(self._alignment.rejection, score)
        return TryOn(image, aligned.garment, aligned.mask, aligned.parse, aligned.slots, score, accepted)

    def _align(self, person: PersonFeatures, garments: GarmentFeatures) -> tuple[Aligned, Tensor | None]:
        """As many garments at a time as the condition generator has memory for; with the discriminator's scores."""
        settings, rows = self._alignment, ALIGNED_ROWS if self.device.type == "cpu" else garments.picture.shape[2]
        aligned, scores = Aligned.empty_like(garments.picture), []
        together = max(1, self.settings.stage_memory // self._conditions.bytes_of_garment(garments.maps))
        for first in range(0, len(garments), together):
            which = slice(first, min(first + together, len(garments)))
            part = garments.part(which.start, which.stop)
            with record_function("condition_generator"):
                joined = self._conditions.join(part.maps, person.maps)
            with record_function("alignment"):
                mask, garment_class = joined.warped[:, 3:], person.garment_class
                composed = compose_garment(joined.logits, mask, settings.composition, garment_class)
                target, workers = aligned.part(which), self._images.workers
                align(
                    target, composed, joined.flow, part.picture, garment_class,
                    occlusion=settings.occlusion, workers=workers, rows=rows,
                )  # fmt: skip
            if self._discriminator is not None:
                person_input = person.network_input.expand(len(part), -1, -1, -1)
                scores.append(realness(self._discriminator, part.maps.picture, person_input, composed))
        return aligned, torch.cat(scores) if scores else None

    def _halve(self, batch: int) -> None:
        self.batch = max(1, batch // 2)
        self.counts.halvings += 1
        self._images.workers.release()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _check(person: PersonFeatures, garments: GarmentFeatures, keys: Sequence[str]) -> None:
    if not len(garments):
        raise ValueError("no garments")
    if len(keys) != len(garments):
        raise ValueError(f"{len(keys)} render keys for {len(garments)} garments")
    of_garments, of_person = tuple(garments.picture.shape[2:]), tuple(person.pictures.shape[1:3])
    if of_garments != of_person:
        raise ValueError(f"garments of {of_garments} (height, width) and a person of {of_person}")


def _out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(said in str(error) for said in _NO_MEMORY)
