"""Every wanted pair of a grid of persons and garments.

The contract that must not break: a garment is encoded once, a person once while the encoded ones fit the engine's
memory; a result that a caller keeps keeps no other in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune.hr_viton.conditions import Garments, Persons
from finetune.hr_viton.engine.encoded import GarmentFeatures, PersonFeatures
from finetune.hr_viton.tryon import TryOn
from vitonhd.garment_classes import GarmentClass

if TYPE_CHECKING:
    from finetune.hr_viton.engine.engine import Engine


@dataclass(frozen=True)
class Rendered:
    """One try-on of a grid; the batch in `tryon` is of one."""

    person: str
    garment: str
    key: str
    tryon: TryOn


@dataclass(frozen=True)
class _Waiting:
    name: str
    garment: Garments
    wearers: frozenset[str]


class Grid:
    """One run of an engine over `persons`; `key` gives a pair's render key."""

    def __init__(
        self,
        engine: Engine,
        persons: Mapping[str, Persons],
        key: Callable[[str, str], str],
        garment_class: GarmentClass,
    ) -> None:
        self._engine, self._persons, self._key, self._class = engine, persons, key, garment_class
        self._encoded: dict[str, PersonFeatures] = {}

    def render(
        self, garments: Iterable[tuple[str, Garments]], wanted: Callable[[str, str], bool]
    ) -> Iterator[Rendered]:
        """Garments are read as they are needed, as many as the engine's batch is then."""
        waiting: list[_Waiting] = []
        for name, garment in garments:
            wearers = frozenset(person for person in self._persons if wanted(person, name))
            if wearers:
                waiting.append(_Waiting(name, garment, wearers))
            while len(waiting) >= self._engine.batch:
                yield from self._render_some(waiting)
        while waiting:
            yield from self._render_some(waiting)

    def _render_some(self, waiting: list[_Waiting]) -> Iterator[Rendered]:
        """Of the first garments that wait, as many as memory allows; they wait no longer."""
        taken, features = self._encode_some(waiting)
        del waiting[: len(taken)]
        for person in self._persons:
            numbers = [number for number, one in enumerate(taken) if person in one.wearers]
            if numbers:
                yield from self._render_on(person, [taken[number].name for number in numbers], features.chosen(numbers))

    def _encode_some(self, waiting: list[_Waiting]) -> tuple[list[_Waiting], GarmentFeatures]:
        while True:
            taken = waiting[: self._engine.batch]
            features = self._engine.encode_joined([one.garment for one in taken])
            if features is not None:
                return taken, features

    def _render_on(self, person: str, names: list[str], garments: GarmentFeatures) -> Iterator[Rendered]:
        keys = [self._key(person, name) for name in names]
        rest = zip(names, keys, strict=True)
        for part in self._engine.render_parts(self._person(person), garments, keys):
            for place in range(len(part)):
                name, key = next(rest)
                yield Rendered(person, name, key, part.alone(place))
            del part  # or it would take its memory from the next

    def _person(self, name: str) -> PersonFeatures:
        if name in self._encoded:
            return self._encoded[name]
        features = self._engine.encode_person(self._persons[name], self._class)
        kept = features.bytes + sum(one.bytes for one in self._encoded.values())
        if kept <= self._engine.settings.person_memory:
            self._encoded[name] = features
        return features
