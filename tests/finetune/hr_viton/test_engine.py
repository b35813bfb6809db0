"""The engine renders what the plain path renders, computes each thing once, and survives a lack of memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from finetune.hr_viton import HRVITON, SMALL, Garments, Rejection, SeededNoise, TryOn, TryOnSettings
from finetune.hr_viton.alignment import one_hot
from finetune.hr_viton.engine import Engine, EngineSettings, fast_dtype
from finetune.hr_viton.engine.images import ImageConditions, ImageEngine
from finetune.hr_viton.image_generator import ImageGenerator
from finetune.hr_viton.noise import Noise
from finetune.hr_viton.rejection import odds
from tests.conftest import ROOT
from tests.finetune.hr_viton import drawn, formula
from vitonhd.garment_classes import GarmentClass


def psnr(one: Tensor, other: Tensor) -> float:
    """Of pictures in -1..1, in dB."""
    return float(10 * torch.log10(4 / (one - other).square().mean()))


def apart(one: Tensor, other: Tensor) -> float:
    return float((one.float() - other.float()).abs().max())


def assert_equal(got: TryOn, wanted: TryOn, tolerance: float = 1e-4) -> None:
    assert (got.parse != wanted.parse).float().mean() < 1e-4
    for name in ("image", "warped_garment", "warped_mask"):
        assert apart(getattr(got, name), getattr(wanted, name)) < tolerance, name


@pytest.mark.parametrize("settings", [
    TryOnSettings(condition_size=drawn.TINY.condition_size),
    TryOnSettings(occlusion=False, composition="detach", condition_size=drawn.TINY.condition_size),
    TryOnSettings(composition="no_composition", condition_size=drawn.TINY.condition_size),
])  # fmt: skip
@pytest.mark.parametrize("garment_class", GarmentClass)
@torch.inference_mode()
def test_exact_engine_equals_the_plain_path(settings: TryOnSettings, garment_class: GarmentClass) -> None:
    tryon = drawn.tryon(settings=settings, discriminator=True)
    person, garment = drawn.person(1, drawn.TINY.size), drawn.garment(2, drawn.TINY.size)
    wanted = tryon(garment, person, garment_class, SeededNoise(["key"]))
    engine = Engine(tryon)
    got = engine.render(engine.encode_person(person, garment_class), engine.encode_garments(garment), ["key"])
    assert_equal(got, wanted)
    assert got.realness is not None and wanted.realness is not None
    assert apart(got.realness, wanted.realness) < 1e-5
    assert len(torch.unique(got.parse)) > 4, "the case is too easy"


def image_engine(
    network: ImageGenerator, dtype: torch.dtype, memory: int = 1 << 30, strip: int = 1 << 18
) -> ImageEngine:
    def noise_of(keys: Sequence[str]) -> Noise:
        return formula.noise

    return ImageEngine(
        network, torch.device("cpu"), dtype, noise_of=noise_of, threads=2, memory=memory, strip_bytes=strip
    )


def generator_conditions(batch: int, height: int, width: int, dtype: torch.dtype) -> ImageConditions:
    image = formula.image("gen_input", batch, 9, height, width).permute(0, 2, 3, 1).to(dtype)
    labels = formula.label_map(batch, height, width, 7, 0.05).to(torch.uint8)
    keys = tuple(str(number) for number in range(batch))
    return ImageConditions(image[..., :6].contiguous(), image[..., 6:].float().permute(0, 3, 1, 2), labels, keys)


@pytest.mark.parametrize("strip", [1, 5_000, 1 << 30])
@torch.inference_mode()
def test_strips_of_any_height_give_the_same_picture(strip: int) -> None:
    network = drawn.image_generator(drawn.TINY).eval()
    formula.fill(network, noise=0.1)
    conditions = generator_conditions(1, 128, 64, torch.float32)
    whole = image_engine(network, torch.float32, strip=1 << 30)(conditions)
    assert apart(image_engine(network, torch.float32, strip=strip)(conditions), whole) < 1e-5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@torch.inference_mode()
def test_half_precision_is_within_40_db(dtype: torch.dtype) -> None:
    network = drawn.image_generator(SMALL).eval()
    formula.fill(network, noise=0.1)
    exact = image_engine(network, torch.float32)(generator_conditions(1, 256, 192, torch.float32))
    half = image_engine(network, dtype)(generator_conditions(1, 256, 192, dtype))
    assert psnr(half, exact) > 40


@torch.inference_mode()
def test_fast_mode_is_within_40_db_and_agrees_on_labels() -> None:
    tryon = drawn.tryon()
    person, garment = drawn.person(0, drawn.TINY.size), drawn.garment(0, drawn.TINY.size)
    renders = []
    for mode in ("exact", "fast"):
        engine = Engine(tryon, EngineSettings(mode="fast" if mode == "fast" else "exact"))
        renders.append(engine.render(engine.encode_person(person), engine.encode_garments(garment), ["key"]))
    assert torch.equal(renders[0].parse, renders[1].parse)
    assert psnr(renders[0].image, renders[1].image) > 40


def test_fast_is_the_half_precision_that_the_processor_has_instructions_for() -> None:
    assert fast_dtype(torch.device("cuda")) is torch.float16
    described = Path("/proc/cpuinfo")
    if not described.is_file():
        pytest.skip("only Linux says what its processor can do")
    words = described.read_text().split()
    wanted = torch.bfloat16 if {"amx_bf16", "avx512_bf16"} & set(words) else torch.float32
    assert fast_dtype(torch.device("cpu")) is wanted
    assert Engine(drawn.tryon(), EngineSettings(mode="fast")).dtype is wanted
    assert Engine(drawn.tryon()).dtype is torch.float32


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on a CPU")
def test_compiled_modulation_renders_the_same() -> None:
    tryon, size = drawn.tryon(), drawn.TINY.size
    renders = []
    for compile in (False, True):
        engine = Engine(tryon, EngineSettings(compile=compile, threads=1))
        person, garment = engine.encode_person(drawn.person(0, size)), engine.encode_garments(drawn.garment(0, size))
        renders.append(engine.render(person, garment, ["key"]))
    assert_equal(renders[1], renders[0], 1e-5)


@torch.inference_mode()
def test_grid_encodes_each_person_and_garment_once_and_equals_one_by_one() -> None:
    tryon = drawn.tryon()
    size = (128, 64)
    persons = {f"p{number}": drawn.person(number, size) for number in range(6)}
    garments = [(f"g{number}", drawn.garment(number, size)) for number in range(24)]
    # A batch of 5 doesn't divide 24; memory is for 6 persons, and so little that later stages run picture by picture.
    engine = Engine(tryon, EngineSettings(batch=5, memory=9 << 20))
    rendered = list(engine.render_grid(persons, iter(garments), lambda person, garment: f"{person}+{garment}"))
    assert {(one.person, one.garment) for one in rendered} == {(p, g) for p in persons for g, _ in garments}
    assert (engine.counts.persons, engine.counts.garments, engine.counts.renders) == (6, 24, 144)
    single = Engine(tryon)
    for one in rendered[::41]:
        person, garment = single.encode_person(persons[one.person]), single.encode_garments(dict(garments)[one.garment])
        assert_equal(one.tryon, single.render(person, garment, [one.key]), 1e-5)


def test_persons_that_do_not_fit_the_memory_are_encoded_again() -> None:
    persons = {f"p{number}": drawn.person(number, (128, 64)) for number in range(3)}
    garments = [(f"g{number}", drawn.garment(number, (128, 64))) for number in range(4)]
    engine = Engine(drawn.tryon(), EngineSettings(batch=2, memory=0))
    assert len(list(engine.render_grid(persons, garments, "{}/{}".format))) == 12
    assert (engine.counts.persons, engine.counts.garments) == (6, 4)


def test_a_result_of_a_grid_keeps_no_other_in_memory() -> None:
    garments = [(f"g{number}", drawn.garment(number, (128, 64))) for number in range(3)]
    grid = Engine(drawn.tryon()).render_grid({"p": drawn.person(0, (128, 64))}, garments, "{}/{}".format)
    for one in grid:
        assert one.tryon.image.untyped_storage().nbytes() == one.tryon.image.nbytes
        assert one.tryon.parse.untyped_storage().nbytes() == one.tryon.parse.nbytes


def test_grid_renders_and_encodes_only_what_is_wanted() -> None:
    size = drawn.TINY.size
    persons = {f"p{number}": drawn.person(number, size) for number in range(3)}
    garments = [(f"g{number}", drawn.garment(number, size)) for number in range(6)]
    wanted = {("p0", "g1"), ("p2", "g1"), ("p0", "g2")}
    engine = Engine(drawn.tryon(), EngineSettings(batch=3))
    rendered = list(
        engine.render_grid(
            persons, garments, "{}/{}".format, wanted=lambda person, garment: (person, garment) in wanted
        )
    )
    assert {(one.person, one.garment) for one in rendered} == wanted
    assert (engine.counts.persons, engine.counts.garments) == (2, 2)


@torch.inference_mode()
def test_grid_for_lower_garments_gives_each_pair_its_own_picture() -> None:
    tryon, size = drawn.tryon(), drawn.TINY.size
    persons = {f"p{number}": drawn.person(number, size) for number in range(2)}
    garments = {f"g{number}": drawn.garment(number, size) for number in range(3)}
    skipped = ("p1", "g0")
    rendered = Engine(tryon, EngineSettings(batch=2)).render_grid(
        persons,
        garments.items(),
        "{}/{}".format,
        garment_class=GarmentClass.LOWER,
        wanted=lambda person, garment: (person, garment) != skipped,
    )
    seen = set()
    for one in rendered:
        noise = SeededNoise([f"{one.person}/{one.garment}"])
        assert_equal(one.tryon, tryon(garments[one.garment], persons[one.person], GarmentClass.LOWER, noise))
        seen.add((one.person, one.garment))
    assert seen == {(p, g) for p in persons for g in garments} - {skipped}


@torch.inference_mode()
def test_normal_upsampling_is_the_same_in_engine_and_plain_path() -> None:
    network = ImageGenerator(2, upsampling="normal", modulation_width=8).eval()
    formula.fill(network, noise=0.1)
    conditions = generator_conditions(2, 96, 64, torch.float32)
    picture = torch.cat((conditions.person.permute(0, 3, 1, 2), conditions.garment), 1)
    wanted = network(picture, one_hot(conditions.slots.long(), 7), formula.noise)
    assert apart(image_engine(network, torch.float32)(conditions), wanted) < 1e-4


@torch.inference_mode()
def test_rejection_answers_alike_in_engine_and_plain_path() -> None:
    settings = TryOnSettings(condition_size=drawn.TINY.condition_size)
    tryon, size = drawn.tryon(discriminator=True, settings=settings), drawn.TINY.size
    person, garments = drawn.person(0, size), Garments.cat([drawn.garment(number, size) for number in range(2)])
    scores = tryon(garments, person.expand(2), noise=SeededNoise("ab")).realness
    assert scores is not None
    # A threshold between the two scores' odds.
    tryon.settings = replace(settings, rejection=Rejection(1.0, float(odds(scores).mean())))
    plain = tryon(garments, person.expand(2), noise=SeededNoise("ab"))
    engine = Engine(tryon)
    assert tryon.discriminator is not None
    torch.nn.init.zeros_(next(tryon.discriminator.parameters()))  # the engine has weights of its own
    render = engine.render(engine.encode_person(person), engine.encode_garments(garments), ["a", "b"])
    assert plain.accepted is not None and render.accepted is not None
    assert sorted(plain.accepted.tolist()) == [False, True]
    assert torch.equal(plain.accepted, render.accepted)
    with pytest.raises(ValueError, match="rejection needs the condition discriminator"):
        HRVITON(tryon.condition_generator, tryon.image_generator, settings=tryon.settings)


@torch.inference_mode()
def test_batches_of_different_garments_equal_one_by_one() -> None:
    engine, size = Engine(drawn.tryon(), EngineSettings(batch=2)), drawn.TINY.size
    garments = [drawn.garment(number, size) for number in range(5)]
    person = engine.encode_person(drawn.person(0, size))
    together = engine.render(person, engine.encode_garments(Garments.cat(garments)), list("abcde"))
    alone = [
        engine.render(person, engine.encode_garments(one), [key]) for one, key in zip(garments, "abcde", strict=True)
    ]
    assert_equal(together, TryOn.cat(alone), 1e-5)
    assert min(apart(one.image, other.image) for one, other in pairwise(alone)) > 0.01, "the case is too easy"


def test_same_key_repeats_and_another_differs() -> None:
    engine = Engine(drawn.tryon())
    person = engine.encode_person(drawn.person(0, drawn.TINY.size))
    garment = engine.encode_garments(drawn.garment(0, drawn.TINY.size))
    first, again, other = (engine.render(person, garment, [key]).image for key in ("a", "a", "b"))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_bad_calls_are_refused() -> None:
    engine = Engine(drawn.tryon())
    person, garment = drawn.person(0, drawn.TINY.size), drawn.garment(0, drawn.TINY.size)
    with pytest.raises(ValueError, match="one person at a time, not 2"):
        engine.encode_person(person.expand(2))
    with pytest.raises(ValueError, match="2 render keys for 1 garments"):
        engine.render(engine.encode_person(person), engine.encode_garments(garment), ["a", "b"])
    with pytest.raises(ValueError, match="no garments"):
        engine.encode_garments(garment[:0])
    with pytest.raises(ValueError, match="no garments"):
        engine.render(engine.encode_person(person), engine.encode_garments(garment).part(0, 0), [])
    smaller = drawn.garment(0, (128, 64))
    with pytest.raises(ValueError, match=r"garments of \(128, 64\).* person of \(192, 128\)"):
        engine.render(engine.encode_person(person), engine.encode_garments(smaller), ["a"])
    with pytest.raises(ValueError, match=r"garments of \(128, 64\).* persons of \(192, 128\)"):
        drawn.tryon()(smaller, person)
    with pytest.raises(ValueError, match=r"100x64.*multiples of 64"):
        odd = (100, 64)
        features = engine.encode_garments(drawn.garment(0, odd))
        engine.render(engine.encode_person(drawn.person(0, odd)), features, ["a"])


SHORT_OF_MEMORY = """
import resource, sys, torch
torch.set_num_threads(1)
from finetune.hr_viton.engine import Engine, EngineSettings
from tests.finetune.hr_viton import drawn
size = (256, 192)
engine = Engine(drawn.tryon(), EngineSettings(batch=32, memory=1 << 40))
person = engine.encode_person(drawn.person(0, size))
one = drawn.garment(0, size)
garments = engine.encode_garments(one.expand(32))
keys = [str(number) for number in range(32)]
alone = engine.render(person, engine.encode_garments(one), ["7"])
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20), -1))
made = [one for part in engine.render_parts(person, garments, keys) for one in part.image[:, :, ::16, ::16].clone()]
assert len(made) == 32 and engine.counts.renders == 33, engine.counts
assert torch.allclose(made[7], alone.image[0, :, ::16, ::16], atol=1e-5)
print(engine.counts.halvings, engine.batch)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
def test_out_of_memory_halves_the_batch_and_goes_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHORT_OF_MEMORY], cwd=ROOT, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr[-2000:]
    halvings, batch = map(int, done.stdout.split())
    assert halvings >= 1
    assert batch == 32 >> halvings
