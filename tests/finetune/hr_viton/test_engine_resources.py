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
