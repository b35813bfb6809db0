"""Many garments on few persons: everything about a garment or a person is computed once.

The contract that must not break: a render depends on its garment, person, class, key and mode only; never on the
batch, the order or what ran out of memory on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, get_args

import torch
from torch import Tensor
from torch.profiler import record_function

from finetune.hr_viton.alignment import compose_garment
from finetune.hr_viton.conditions import Garments, Persons
from finetune.hr_viton.engine.alignment import align
from finetune.hr_viton.engine.features import ConditionEngine, GarmentMaps, PersonMaps
from finetune.hr_viton.engine.images import ImageConditions, ImageEngine, NoiseOf
from finetune.hr_viton.noise import SeededNoise
from finetune.hr_viton.rejection import realness
from finetune.hr_viton.tryon import HRVITON, TryOn
from vitonhd.garment_classes import GarmentClass

Mode = Literal["exact", "fast"]
# PyTorch's allocator for CPUs says the first two, oneDNN the others; both raise RuntimeError.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "could not create a primitive", "could not create a memory")
ALIGNED_ROWS = 32
"""Of a picture, at a time: 13 channels and the garment of 32 x 768 pixels are 2 MB."""


@dataclass(frozen=True)
class EngineSettings:
    """How an engine works; none of it changes what `exact` renders. Raises ValueError for what can't be."""

    mode: Mode = "exact"
    """`exact` is float32; `fast` runs the image generator in the half precision that the device is fast in."""
    device: str = "cpu"
    batch: int = 8
    """Garments at a time; halved, and kept so, when memory runs out."""
    memory: int = 256 << 20
    """Bytes of maps that a stage of the image generator may make at once; a single picture's may be more.

    Batching pays in the small first stages alone, so more makes nothing faster on a CPU."""
    threads: int = 0
    """Strips at a time on a CPU; 0 takes as many as PyTorch has threads."""
    strip_bytes: int = 4 << 20
    """Of a strip; about the size of a core's cache on a CPU. A GPU takes whole pictures."""
    compile: bool = False
    """Let `torch.compile` fuse each modulation into one kernel; for GPUs, costs a minute at the first render."""

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ValueError(f"mode {self.mode!r} is none of {', '.join(get_args(Mode))}")
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1, not {self.batch}")
        for name in ("memory", "threads", "strip_bytes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative: {getattr(self, name)}")


@dataclass(frozen=True)
class GarmentFeatures:
    """N encoded garments."""

    maps: GarmentMaps
    picture: Tensor
    """Nx4xHxW."""

    def __len__(self) -> int:
        return len(self.picture)

    def part(self, first: int, last: int) -> GarmentFeatures:
        return GarmentFeatures(self.maps.part(slice(first, last)), self.picture[first:last])

    def chosen(self, numbers: list[int]) -> GarmentFeatures:
        """Some of them; the same object when it is all."""
        if len(numbers) == len(self):
            return self
        index = torch.tensor(numbers, device=self.picture.device)
        return GarmentFeatures(self.maps.part(index), self.picture[index])


@dataclass(frozen=True)
class PersonFeatures:
    """One encoded person, whose conditions are for garments of one class."""

    maps: PersonMaps
    network_input: Tensor
    """1x16xhxw."""
    pictures: Tensor
    """1xHxWx6 in the engine's precision: agnostic picture and DensePose."""
    garment_class: GarmentClass


@dataclass(frozen=True)
class Rendered:
    """One try-on of a grid; the batch in `tryon` is of one."""

    person: str
    garment: str
    key: str
    tryon: TryOn


@dataclass
class Counts:
    """What an engine did."""

    persons: int = 0
    garments: int = 0
    renders: int = 0
    halvings: int = 0


def fast_dtype(device: torch.device) -> torch.dtype:
    """The half precision in which the device convolves fastest; float32 where none is faster.

    float16 on a GPU, bfloat16 on a CPU with instructions for it (with AMX 5 to 9 times float32's rate, and float16
    there half of it).
    """
    if device.type != "cpu":
        return torch.float16
    capabilities = torch.cpu.get_capabilities()
    return torch.bfloat16 if capabilities.get("amx_bf16") or capabilities.get("avx512_bf16") else torch.float32


class Engine:
    """HR-VITON in evaluation for many pairs; not for several threads at once.

    The networks' weights are copied in the engine's own form: drop the networks to have their memory back. Its threads
    end with `close`, at the end of a `with`, or when the engine is dropped.
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
        self._discriminator = None if tryon.discriminator is None else tryon.discriminator.eval().to(self.device)
        self._conditions = ConditionEngine(tryon.condition_generator, self.device)
        self._images = ImageEngine(
            tryon.image_generator,
            self.device,
            self.dtype,
            noise_of=noise_of,
            threads=(self.settings.threads or torch.get_num_threads()) if self.device.type == "cpu" else 1,
            memory=self.settings.memory,
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

    @torch.inference_mode()
    def encode_garments(self, garments: Garments) -> GarmentFeatures:
        """What every render of these garments shares. Raises ValueError for none."""
        if not len(garments):
            raise ValueError("no garments")
        garments = garments.to(self.device)
        with record_function("garment_encoder"):
            maps = self._conditions.encode_garments(garments.network_input(self._alignment.condition_size))
        self.counts.garments += len(garments)
        return GarmentFeatures(maps, torch.cat((garments.picture, garments.mask), 1))

    @torch.inference_mode()
    def encode_person(self, person: Persons, garment_class: GarmentClass = GarmentClass.UPPER) -> PersonFeatures:
        """What every render on this person shares. Raises ValueError for a batch of several."""
        if len(person) != 1:
            raise ValueError(f"one person at a time, not {len(person)}")
        person = person.to(self.device)
        network_input = person.network_input(self._alignment.condition_size)
        with record_function("person_encoder"):
            maps = self._conditions.encode_person(network_input)
        pictures = torch.cat((person.agnostic, person.densepose), 1).permute(0, 2, 3, 1).to(self.dtype)
        self.counts.persons += 1
        return PersonFeatures(maps, network_input, pictures.contiguous(), garment_class)

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
            part = self._render_if_it_fits(person, garments.part(first, last), tuple(keys[first:last]))
            if part is None:
                self._halve(last - first)
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

        Persons are encoded on first use and kept; garments are encoded once, a batch at a time, and rendered on every
        person before the next batch. `key` gives a pair's render key.
        """
        encoded: dict[str, PersonFeatures] = {}
        for names, batch in _batches(garments, self.batch):
            features: GarmentFeatures | None = None
            for person, conditions in persons.items():
                chosen = [number for number, name in enumerate(names) if wanted(person, name)]
                if not chosen:
                    continue
                if features is None:
                    features = self.encode_garments(batch)
                if person not in encoded:
                    encoded[person] = self.encode_person(conditions, garment_class)
                keys = [key(person, names[number]) for number in chosen]
                rest = zip(chosen, keys, strict=True)
                for part in self.render_parts(encoded[person], features.chosen(chosen), keys):
                    for place in range(len(part)):
                        number, render_key = next(rest)
                        yield Rendered(person, names[number], render_key, part[place : place + 1])
                    del part  # or it would take its memory from the next

    def _render_if_it_fits(
        self, person: PersonFeatures, garments: GarmentFeatures, keys: tuple[str, ...]
    ) -> TryOn | None:
        """None for several that memory ran out on; by then what they held is free, as the error's traceback is gone."""
        try:
            return self._render(person, garments, keys)
        except (RuntimeError, MemoryError) as error:
            if not _out_of_memory(error) or len(garments) == 1:
                raise
        return None

    @torch.inference_mode()
    def _render(self, person: PersonFeatures, garments: GarmentFeatures, keys: tuple[str, ...]) -> TryOn:
        settings, garment_class = self._alignment, person.garment_class
        with record_function("condition_generator"):
            joined = self._conditions.join(garments.maps, person.maps)
        with record_function("alignment"):
            composed = compose_garment(joined.logits, joined.warped[:, 3:], settings.composition, garment_class)
            aligned = align(
                composed,
                joined.flow,
                garments.picture,
                garment_class,
                occlusion=settings.occlusion,
                workers=self._images.workers,
                rows=ALIGNED_ROWS if self.device.type == "cpu" else garments.picture.shape[2],
            )
        warped = aligned.garment.permute(0, 2, 3, 1).to(self.dtype).contiguous()
        image = self._images(ImageConditions(person.pictures, warped, aligned.slots, keys))
        score = None
        if self._discriminator is not None:
            person_input = person.network_input.expand(len(keys), -1, -1, -1)
            score = realness(self._discriminator, garments.maps.picture, person_input, composed)
        return TryOn(image, aligned.garment, aligned.mask, aligned.parse, aligned.slots, score)

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


def _batches(garments: Iterable[tuple[str, Garments]], size: int) -> Iterator[tuple[list[str], Garments]]:
    names: list[str] = []
    batch: list[Garments] = []
    for name, garment in garments:
        names.append(name)
        batch.append(garment)
        if len(names) == size:
            yield names, Garments.cat(batch)
            names, batch = [], []
    if names:
        yield names, Garments.cat(batch)
