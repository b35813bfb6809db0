"""An engine refuses impossible settings, gives its threads and memory back, and never tries in vain for ever."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch

from finetune.hr_viton import Garments, SeededNoise, TryOn
from finetune.hr_viton.engine import Engine, EngineSettings
from finetune.hr_viton.engine.features import ConditionEngine, GarmentMaps, PersonMaps
from finetune.hr_viton.engine.strips import Scratch, Strip, Workers, strips
from finetune.hr_viton.noise import Noise
from tests.finetune.hr_viton import drawn

SIZE = (128, 64)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("batch", 0, "batch must be at least 1, not 0"),
        ("mode", "quick", "mode 'quick' is none of exact, fast"),
        ("memory", -1, "memory must not be negative: -1"),
        ("strip_bytes", -1, "strip_bytes must not be negative: -1"),
        ("threads", -2, "threads must not be negative: -2"),
    ],
)
def test_settings_that_cannot_be_are_refused(setting: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EngineSettings(**{setting: value})


def render(engine: Engine, count: int = 1) -> TryOn:
    return next(parts(engine, count))


def parts(engine: Engine, count: int) -> Iterator[TryOn]:
    person = engine.encode_person(drawn.person(0, SIZE))
    garments = engine.encode_garments(Garments.cat([drawn.garment(number, SIZE) for number in range(count)]))
    return engine.render_parts(person, garments, [str(number) for number in range(count)])


def strip_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("strip")}


def assert_end(threads: set[threading.Thread]) -> None:
    """Within the time that threads need to notice."""
    deadline = time.monotonic() + 10
    while strip_threads() & threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not strip_threads() & threads


def test_closed_and_dropped_engines_leave_no_threads() -> None:
    tryon, settings, before = drawn.tryon(), EngineSettings(threads=2, strip_bytes=4096), strip_threads()
    for _ in range(5):
        with Engine(tryon, settings) as engine:
            render(engine)
            assert len(strip_threads() - before) == 2
        assert not strip_threads() - before
    engine.close()
    with pytest.raises(RuntimeError, match="the engine is closed"):
        render(engine)
    for _ in range(5):
        engine = Engine(tryon, settings)
        render(engine)
    started = strip_threads() - before
    assert len(started) >= 2
    del engine
    gc.collect()
    assert_end(started)


class Ballast:
    """Something to outlive its use, or not."""


@pytest.fixture
def _no_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collections")
def test_a_failed_attempt_is_freed_before_the_batch_is_halved() -> None:
    halvings_at_death: list[int] = []

    def noise_of(keys: Sequence[str]) -> Noise:
        ballast = Ballast()
        if len(keys) > 2:
            weakref.finalize(ballast, lambda: halvings_at_death.append(engine.counts.halvings))
            raise MemoryError
        return SeededNoise(keys)

    engine = Engine(drawn.tryon(), EngineSettings(batch=5), noise_of=noise_of)
    assert [len(part) for part in parts(engine, 5)] == [2, 2, 1]
    assert (engine.batch, engine.counts.halvings, engine.counts.renders) == (2, 1, 5)
    assert halvings_at_death == [0]


@pytest.mark.usefixtures("_no_collections")
@pytest.mark.parametrize("grid", [False, True])
def test_what_the_caller_dropped_is_freed_before_the_next_is_made(grid: bool) -> None:
    given: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []

    def noise_of(keys: Sequence[str]) -> Noise:
        alive.append(sum(image() is not None for image in given))
        return SeededNoise(keys)

    engine = Engine(drawn.tryon(), EngineSettings(batch=1), noise_of=noise_of)
    if grid:
        garments = [(str(number), drawn.garment(number, SIZE)) for number in range(3)]
        for rendered in engine.render_grid({"p": drawn.person(0, SIZE)}, garments, "{}/{}".format):
            given.append(weakref.ref(rendered.tryon.image))
            del rendered
    else:
        for part in parts(engine, 3):
            given.append(weakref.ref(part.image))
            del part
    assert len(given) == 3
    assert max(alive) == 0


class Rationed(ConditionEngine):
    """Has no memory for more than `most` garments at once, nor for persons while `refusals` last."""

    most, refusals = 1 << 20, 0

    def encode_garments(self, picture: torch.Tensor) -> GarmentMaps:
        if len(picture) > self.most:
            raise MemoryError
        return super().encode_garments(picture)

    def encode_person(self, picture: torch.Tensor) -> PersonMaps:
        if self.refusals:
            self.refusals -= 1
            raise MemoryError("too much")
        return super().encode_person(picture)


def rationed(engine: Engine, *, most: int = 1 << 20, refusals: int = 0) -> Engine:
    engine._conditions.__class__ = Rationed
    vars(engine._conditions).update(most=most, refusals=refusals)
    return engine


def test_garments_that_do_not_fit_together_are_encoded_in_halves() -> None:
    engine = rationed(Engine(drawn.tryon(), EngineSettings(batch=8)), most=2)
    garments = Garments.cat([drawn.garment(number, SIZE) for number in range(5)])
    features = engine.encode_garments(garments)
    assert (len(features), engine.batch, engine.counts.halvings, engine.counts.garments) == (5, 2, 1, 5)
    wanted = Engine(drawn.tryon()).encode_garments(garments)
    assert torch.equal(features.picture, wanted.picture)
    for got, other in zip(features.maps.levels, wanted.maps.levels, strict=True):
        assert torch.allclose(got, other, atol=1e-5)


def test_a_grid_goes_on_with_the_batch_that_fits() -> None:
    engine = rationed(Engine(drawn.tryon(), EngineSettings(batch=8)), most=3, refusals=1)
    garments = [(str(number), drawn.garment(number, SIZE)) for number in range(7)]
    persons = {"p": drawn.person(0, SIZE), "q": drawn.person(1, SIZE)}
    rendered = list(engine.render_grid(persons, garments, "{}/{}".format))
    assert sorted((one.person, one.garment) for one in rendered) == [(p, g) for p in "pq" for g, _ in garments]
    assert (engine.counts.persons, engine.counts.garments, engine.counts.renders) == (2, 7, 14)
    assert engine.batch < 4


def test_a_person_that_does_not_fit_twice_raises() -> None:
    engine = rationed(Engine(drawn.tryon()), refusals=1)
    assert engine.encode_person(drawn.person(0, SIZE)).pictures.shape == (1, *SIZE, 6)
    with pytest.raises(MemoryError, match="too much"):
        rationed(Engine(drawn.tryon()), refusals=2).encode_person(drawn.person(0, SIZE))


def buffers() -> int:
    """Of all strips of all engines."""
    return sum(len(one._buffers) for one in gc.get_objects() if type(one) is Scratch)


def test_strip_buffers_are_given_back_when_memory_runs_out_and_at_the_end() -> None:
    held: list[tuple[int, int]] = []

    def noise_of(keys: Sequence[str]) -> Noise:
        held.append((len(keys), buffers()))
        if len(keys) == 2 and buffers():
            raise MemoryError
        return SeededNoise(keys)

    gc.collect()
    engine = Engine(drawn.tryon(), EngineSettings(batch=2), noise_of=noise_of)
    list(parts(engine, 2))
    assert [count > 0 for number, count in held if number == 2] == [False, True]
    assert [count > 0 for number, count in held if number == 1][:2] == [False, True]
    engine.close()
    assert buffers() == 0


@pytest.mark.parametrize("batch", [1, 4])
def test_one_garment_that_does_not_fit_raises(batch: int) -> None:
    attempts: list[int] = []

    def noise_of(keys: Sequence[str]) -> Noise:
        attempts.append(len(keys))
        raise MemoryError("too much")

    engine = Engine(drawn.tryon(), EngineSettings(batch=batch), noise_of=noise_of)
    with pytest.raises(MemoryError, match="too much"):
        render(engine, 4)
    assert attempts == {1: [1], 4: [4, 2, 1]}[batch]


@pytest.mark.usefixtures("_no_collections")
def test_an_error_of_a_strip_keeps_nothing_alive() -> None:
    workers = Workers(2, torch.device("cpu"), torch.float32)
    ballasts: list[weakref.ref[Ballast]] = []

    def fail(strip: Strip, scratch: Scratch) -> None:
        ballast = Ballast()
        ballasts.append(weakref.ref(ballast))
        raise MemoryError("too much")

    with pytest.raises(MemoryError, match="too much") as caught:
        workers.each(strips(1, 4, 1, 1), fail)
    del caught
    workers.close()
    assert len(ballasts) == 4
    assert not [ballast for ballast in ballasts if ballast() is not None]
