"""Whatever augmentation does, the truth goes with the picture: joints, labels, left and right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.student.augmentation import augment, before_backdrop, behind_something
from preprocess.student.batches import Batch, Loader
from preprocess.student.draws import Draws
from preprocess.student.examples import IGNORED, Examples, find_sources, read_examples
from preprocess.student.geometry import View, draw_view, look, mirror_view, mirrored_labels, plain_view
from preprocess.student.jpeg import compress
from preprocess.student.light import blur, degrade, recolour, relight
from preprocess.student.truth import Teacher
from tests.preprocess.student_drawn import write_tree
from vitonhd.densepose import DENSEPOSE
from vitonhd.keypoints import BODY_25
from vitonhd.labels import CIHP

CPU = torch.device("cpu")
SIZE = (256, 192)
LIMBS = {f"{side}_{joint}": f"{side}-{limb}" for side in ("left", "right")
         for joint, limb in (("elbow", "arm"), ("wrist", "arm"), ("knee", "leg"))}  # fmt: skip
seeds = st.integers(0, 2**31)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    root = write_tree(tmp_path_factory.mktemp("tree"), train=4, test=0)
    return read_examples(find_sources(root, "train"), *SIZE, teacher=Teacher.STUDIO)


@pytest.fixture(scope="module")
def batch(examples: Examples) -> Batch:
    return limbs_marked(Loader(examples, 8, 0, CPU).batch(0))


def limbs_marked(batch: Batch) -> Batch:
    """Every joint of a limb inside a patch of that limb's label, whatever the clothes over it."""
    labels = batch.labels.clone()
    for one in range(len(labels)):
        for joint, label in LIMBS.items():
            x, y, score = batch.joints[one, BODY_25.index(joint)].tolist()
            if score:
                rows, columns = slice(round(y) - 5, round(y) + 6), slice(round(x) - 5, round(x) + 6)
                labels[one, 0, rows, columns] = CIHP.id(label)
    return replace(batch, labels=labels)


def label_at(batch: Batch, one: int, joint: str) -> str | None:
    """The parse label under a joint; None for a joint that is missing or hidden behind something."""
    x, y, score = batch.joints[one, BODY_25.index(joint)].tolist()
    if score < 0.6:
        return None
    row, column = (min(int(place) // 2, size - 1) for place, size in zip((y, x), batch.labels.shape[2:], strict=True))
    return CIHP.labels[int(batch.labels[one, 0, row, column])]


@settings(max_examples=8)
@given(seed=seeds)
def test_joints_stay_on_their_limbs_and_sides(batch: Batch, seed: int) -> None:
    varied = augment(batch, Draws(seed, 0, len(batch.worn), CPU), (192, 160))
    found = [
        (label_at(varied, one, joint), limb)
        for one in range(len(varied.worn)) for joint, limb in LIMBS.items() if label_at(varied, one, joint) is not None
    ]  # fmt: skip
    assert all(said == limb for said, limb in found), found


def test_most_joints_survive(batch: Batch) -> None:
    varied = [augment(batch, Draws(seed, 0, len(batch.worn), CPU), (192, 160)) for seed in range(8)]
    kept = sum(int((one.joints[..., 2] > 0).sum()) for one in varied)
    assert 0.5 < kept / (8 * int((batch.joints[..., 2] > 0).sum())) < 1


@settings(max_examples=6)
@given(seed=seeds)
def test_pictures_stay_pictures_and_labels_labels(batch: Batch, seed: int) -> None:
    varied = augment(batch, Draws(seed, 3, len(batch.worn), CPU), (192, 160))
    assert varied.pictures.shape == (8, 3, 192, 160)
    assert varied.labels.shape == (8, 4, 96, 80)
    assert torch.isfinite(varied.pictures).all()
    assert varied.pictures.min() >= 0 and varied.pictures.max() <= 1
    parse, densepose = varied.labels[:, 0], varied.labels[:, 1]
    assert set(parse.unique().tolist()) <= {*range(20), IGNORED}
    assert set(densepose.unique().tolist()) <= {*range(25), IGNORED}
    assert not (varied.joints[~varied.worn]).any()


def test_mirrored_batch_is_the_mirrored_items(batch: Batch) -> None:
    mirrored = look(batch, mirror_view(torch.ones(8, dtype=torch.bool), SIZE), SIZE)
    # Labels come at half the size, cells between pixels: compare where a cell's four pixels agree.
    true_parse = CIHP.flip(batch.labels[0, 0].byte().numpy())
    true_densepose = DENSEPOSE.flip(batch.labels[0, 1].byte().numpy())
    for said, true in ((mirrored.labels[0, 0], true_parse), (mirrored.labels[0, 1], true_densepose)):
        blocks = true.reshape(128, 2, 96, 2).swapaxes(1, 2).reshape(128, 96, 4)
        agreed = (blocks == blocks[..., :1]).all(-1)
        assert agreed.mean() > 0.9
        assert np.array_equal(said.byte().numpy()[agreed], blocks[..., 0][agreed])
    points = batch.joints[0].double().numpy()
    assert np.allclose(mirrored.joints[0].numpy(), BODY_25.flip(points, 192), atol=1e-3)
    assert torch.allclose(mirrored.pictures[0], batch.pictures[0].flip(2), atol=1e-5)


@settings(max_examples=6)
@given(seed=seeds)
def test_mirrored_twice_is_the_same(batch: Batch, seed: int) -> None:
    chosen = Draws(seed, 0, 8, CPU).chance(0.5)
    once = look(batch, mirror_view(chosen, SIZE), SIZE)
    joints = look(replace(once, labels=batch.labels), mirror_view(chosen, SIZE), SIZE)
    assert torch.allclose(joints.pictures, batch.pictures, atol=1e-4)
    assert torch.allclose(joints.joints, batch.joints, atol=1e-3)
    assert torch.equal(mirrored_labels(mirrored_labels(batch.labels)), batch.labels)


def test_left_is_the_persons_left_after_a_mirror(batch: Batch) -> None:
    mirrored = look(batch, mirror_view(torch.ones(8, dtype=torch.bool), SIZE), SIZE)

    def middle_of(seen: Batch, label: str) -> float:
        return float((seen.labels[0, 0] == CIHP.id(label)).nonzero()[:, 1].float().mean()) / seen.labels.shape[3]

    for seen in (batch, mirrored):
        assert middle_of(seen, "left-arm") > 0.5 > middle_of(seen, "right-arm")
        left, right = BODY_25.index("left_wrist"), BODY_25.index("right_wrist")
        assert seen.joints[0, left, 0] > 96 > seen.joints[0, right, 0]


def test_plain_view_keeps_places(batch: Batch) -> None:
    plain = look(batch, plain_view(8, SIZE, (128, 96), CPU), (128, 96))
    there = batch.joints[..., 2] > 0
    expected = (batch.joints[..., :2][there] + 0.5) / 2 - 0.5
    assert torch.allclose(plain.joints[..., :2][there], expected, atol=1e-3)


@settings(max_examples=6)
@given(seed=seeds)
def test_views_move_pictures_as_they_move_joints(seed: int) -> None:
    """A white dot at the joint is at the moved joint."""
    dots = torch.zeros(1, 3, 96, 64)
    joints = torch.zeros(1, 25, 3)
    joints[0, 0] = torch.tensor([30.0, 50.0, 1.0])
    dots[0, :, 49:52, 29:32] = 1
    batch = Batch(dots, dots[:, :1], torch.zeros(1, 4, 96, 64), joints, torch.tensor([True]), torch.tensor([True]))
    view: View = draw_view(Draws(seed, 0, 1, CPU), batch.worn, (96, 64), (192, 128))
    seen = look(batch, view, (192, 128))
    x, y, score = seen.joints[0, 0].tolist()
    if score and 4 < x < 123 and 4 < y < 187:
        rows, columns = torch.meshgrid(torch.arange(192.0), torch.arange(128.0), indexing="ij")
        weight = seen.pictures[0, 0]
        assert abs(float((weight * columns).sum() / weight.sum()) - x) < 0.6
        assert abs(float((weight * rows).sum() / weight.sum()) - y) < 0.6


def test_backdrop_leaves_the_person_alone(batch: Batch) -> None:
    changed = before_backdrop(batch, Draws(1, 1, 8, CPU))
    inside = batch.cutout.expand(-1, 3, -1, -1) == 1
    assert torch.allclose(changed.pictures[inside], batch.pictures[inside])
    assert not torch.allclose(changed.pictures, batch.pictures)
    assert changed.labels is batch.labels


def test_what_is_covered_is_nothing(batch: Batch) -> None:
    halved = look(batch, plain_view(8, SIZE, SIZE, CPU), SIZE)
    for seed in range(20):
        covered = behind_something(halved, Draws(seed, 0, 8, CPU))
        hidden = (covered.joints[..., 2] < halved.joints[..., 2]).nonzero()
        for one, joint in hidden.tolist():
            x, y = covered.joints[one, joint, :2].round().long().tolist()
            assert covered.cutout[one, 0, y, x] == 0
        if len(hidden):
            return
    pytest.fail("in 20 batches nothing hid a joint")


def test_same_seed_and_step_give_the_same_batch(batch: Batch) -> None:
    one, same, other = (augment(batch, Draws(5, step, 8, CPU), (96, 64)) for step in (7, 7, 8))
    assert torch.equal(one.pictures, same.pictures) and torch.equal(one.joints, same.joints)
    assert not torch.equal(one.pictures, other.pictures)


def test_light_changes_colours_only(batch: Batch) -> None:
    draws = Draws(2, 0, 8, CPU)
    for change in (relight, degrade):
        changed = change(draws, batch.pictures)
        assert changed.shape == batch.pictures.shape and not torch.equal(changed, batch.pictures)
        assert changed.min() >= 0 and changed.max() <= 1
    assert torch.equal(recolour(draws, batch.pictures, torch.full((8, 128, 96), 255.0)), batch.pictures)


def test_jpeg_is_worse_the_lower_its_quality(batch: Batch) -> None:
    errors = [
        float((compress(batch.pictures, torch.full((8,), quality)) - batch.pictures).abs().mean())
        for quality in (100.0, 75.0, 25.0)
    ]
    assert errors == sorted(errors)
    flat = torch.full((1, 3, 32, 32), 0.5)
    assert torch.allclose(compress(flat, torch.tensor([75.0])), flat, atol=2 / 255)


def test_blur_keeps_brightness() -> None:
    dot = torch.zeros(2, 3, 33, 33)
    dot[..., 16, 16] = 1
    soft = blur(dot, torch.tensor([0.1, 1.5]))
    assert torch.allclose(soft.sum((1, 2, 3)), torch.tensor([3.0, 3.0]), atol=1e-4)
    assert soft[0, 0, 16, 16] > 0.99 and soft[1, 0, 16, 16] < 0.2
