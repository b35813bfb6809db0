import json
from pathlib import Path

import numpy as np
import pytest

from studio.dataset import FLOW_MISSING, Order, partner, read_flow, render, split_of, store_flow
from studio.garments import THICK, WAIST
from studio.items import Draw
from vitonhd.garment_classes import GarmentClass
from vitonhd.problems import missing
from vitonhd.tree import Tree

pytest.importorskip("anny", reason="the studio's dependency group is not installed")

SIZE = (96, 128)
LATER = {"agnostic-mask", "agnostic-v3.2", "image-parse-agnostic-v3.2", "openpose_img"}
"""Folders that follow from the truths by drawing rules that are not the studio's."""


def order(root: Path, pairs: int = 10) -> Order:
    return Order(root, (GarmentClass.UPPER,), pairs, 5, *SIZE)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("studio")
    assert render(order(root)).rendered == 10
    return root


def test_two_workers_give_the_same_bytes_as_one(rendered: Path, tmp_path: Path) -> None:
    render(order(tmp_path), workers=2)
    assert contents(tmp_path) == contents(rendered)


def test_the_tree_is_sound_but_for_what_is_drawn_later(rendered: Path) -> None:
    problems = missing(Tree(rendered / "upper", size=SIZE))
    assert {(problem.where.split("/")[-1], problem.reason) for problem in problems} == {
        (folder, "no-folder") for folder in LATER
    }


def test_unpaired_truths_are_those_of_the_pair_file(rendered: Path) -> None:
    pairs = Tree(rendered / "upper", size=SIZE).pairs("test_unpaired")
    names = {path.stem for path in (rendered / "upper/truth/test_unpaired").glob("*.jpg")}
    assert len(pairs) > 0
    assert names == {f"{pair.person}_{pair.cloth}" for pair in pairs}
    assert all(pair.person != pair.cloth for pair in pairs)


def test_a_tree_that_grows_keeps_its_unpaired_answers(rendered: Path, tmp_path: Path) -> None:
    render(order(tmp_path, pairs=5))
    assert render(order(tmp_path)).kept == 5
    assert contents(tmp_path) == contents(rendered)


def test_a_partner_is_an_earlier_test_item_of_the_same_kind() -> None:
    draws = [Draw(GarmentClass.LOWER, 1, index) for index in range(4, 100, 5)]
    partners = {draw: partner(draw) for draw in draws}
    assert sum(other is None for other in partners.values()) <= 2
    for draw, other in partners.items():
        assert other is None or (other.index < draw.index and split_of(other.index) == "test")
        assert other is None or other.feminine == draw.feminine


@pytest.mark.parametrize("garment_class", GarmentClass)
def test_a_partners_garment_is_worn_as_the_persons_own_is(garment_class: GarmentClass) -> None:
    answered = 0
    for index in range(4, 150, 5):
        draw = Draw(garment_class, 1, index)
        other = partner(draw)
        if other is None:
            continue
        worn, garment = draw.outfit(), other.garment()
        beside = [own for number, own in enumerate(worn.garments) if number != worn.target]
        skirts = [
            own for own in (garment, *beside) if own.skirt is not None and own.garment_class is GarmentClass.LOWER
        ]
        tops = [own for own in (garment, *beside) if own.garment_class is GarmentClass.UPPER]
        assert garment.garment_class is garment_class
        if worn.tucked:
            assert all(top.hem <= WAIST - 0.1 and top.family not in THICK for top in tops)
        elif beside:
            assert not skirts or tops[0].hem > WAIST - 0.1
        answered += 1
    assert answered >= 25


def test_what_is_there_is_kept_and_what_is_lost_comes_back_the_same(rendered: Path) -> None:
    before = contents(rendered)
    (rendered / "upper/truth/train/00002_00.json").unlink()
    (rendered / "upper/train/image/00002_00.jpg").unlink()
    result = render(order(rendered))
    assert (result.rendered, result.kept) == (1, 9)
    assert contents(rendered) == before


def test_a_folder_of_another_seed_is_refused(rendered: Path) -> None:
    with pytest.raises(ValueError, match="choose another folder"):
        render(Order(rendered, (GarmentClass.UPPER,), 2, 6, *SIZE))


def test_a_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    small = Order(tmp_path, (GarmentClass.UPPER,), 1, 5, *SIZE)
    render(small)
    record = tmp_path / "upper/truth/train/00000_00.json"
    record.write_text(json.dumps({**json.loads(record.read_bytes()), "version": 0}))
    with pytest.raises(ValueError, match="choose another folder"):
        render(small)


def test_asking_for_fewer_pairs_later_forgets_none(rendered: Path) -> None:
    before = contents(rendered)
    assert render(order(rendered, pairs=2)).rendered == 0
    assert contents(rendered) == before


def test_records_say_that_they_are_synthetic(rendered: Path) -> None:
    for path in (rendered / "upper/truth/train").glob("*.json"):
        assert json.loads(path.read_bytes())["synthetic"] is True


@pytest.mark.parametrize(("pairs", "seed", "width"), [(0, 1, 96), (1, -1, 96), (1, 1, 20), (1, 1, 5000)])
def test_impossible_orders_are_refused(tmp_path: Path, pairs: int, seed: int, width: int) -> None:
    with pytest.raises(ValueError, match=str({0: "pairs", -1: "seed"}.get(min(pairs, seed), "size"))):
        Order(tmp_path, (GarmentClass.UPPER,), pairs, seed, width, 128)


def test_stored_flow_comes_back_within_a_sixty_fourth_of_a_pixel() -> None:
    flow = np.random.default_rng(0).uniform(0, 1023, (20, 30, 2)).astype(np.float32)
    flow[3, 4] = np.nan
    stored = store_flow(flow)
    assert (stored[3, 4] == FLOW_MISSING).all()
    back = read_flow(stored)
    assert np.isnan(back[3, 4]).all()
    assert np.nanmax(np.abs(back - flow)) <= 1 / 64 + 1e-4
