"""Folders of try-ons against data sets: scores, what is not computed, rejections, comparison, the page."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from finetune.evaluation import EvaluationError, Networks, Results, Weights, choose, compare, find_sets
from finetune.evaluation.cases import Case, photo_of, true_picture_of
from finetune.evaluation.distributions import fid, kid
from finetune.evaluation.evaluation import EvaluationOrder, evaluate
from finetune.evaluation.intervals import differences, estimate
from finetune.evaluation.protocol import METRICS, PROTOCOL
from finetune.evaluation.scoring import score_cases
from finetune.evaluation.stage import StageOrder, evaluate_stage
from tests.finetune.evaluation_set import SIZE, dressed, worn_mask, write_set
from vitonhd.arrays import Picture
from vitonhd.atomic import write_atomic
from vitonhd.pictures import decode_rgb, encode_jpeg, encode_png

NO_WEIGHTS = {name: f"no {name}" for name in Weights}
MakeTryOn = Callable[[Case], Picture]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_set(tmp_path / "data")
    return tmp_path / "data"


def numbers(case: Case) -> tuple[int, int]:
    return int(case.pair.person[:5]), int(case.pair.cloth[:5])


def truth(case: Case) -> Picture:
    files = true_picture_of(case)
    assert files is not None
    return decode_rgb(files[0])


def shifted(case: Case) -> Picture:
    return dressed(*numbers(case), case.test_set.garment_class, shifted=4)


def write_results(data: Path, root: Path, make: MakeTryOn) -> None:
    results = Results(root)
    for case in choose(find_sets(data), ("paired", "unpaired")):
        results.write(case, make(case), worn_mask(numbers(case)[0], case.test_set.garment_class))


def evaluated(data: Path, out: Path, make: MakeTryOn, **settings: Any) -> dict[str, Any]:
    write_results(data, out / "made", make)
    return evaluate_stage(StageOrder(data, out, results=out / "made", **settings), NO_WEIGHTS)


def strictly(path: Path) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(path.read_bytes(), parse_constant=refuse)


def means(metrics: dict[str, Any], setting: str, group: str = "all") -> dict[str, Any]:
    return {name: entry["mean"] for name, entry in metrics["settings"][setting]["classes"][group]["metrics"].items()}


def test_perfect_try_ons_have_perfect_scores(data: Path, tmp_path: Path) -> None:
    evaluated(data, tmp_path / "out", truth)
    metrics = strictly(tmp_path / "out" / "metrics.json")
    assert (metrics["protocol"], metrics["planned"], metrics["scored"], metrics["rejected"]) == (PROTOCOL, 16, 16, {})
    assert (metrics["size"], metrics["files"]) == (list(SIZE), {"png": 16})
    assert [(one["name"], one["class"]) for one in metrics["data"]["sets"]] == [("lower", "lower"), ("upper", "upper")]
    assert {"torch", "numpy", "pillow", "opencv"} <= set(metrics["versions"])
    for setting in ("paired", "unpaired"):
        for group in ("all", "lower", "upper"):
            found = means(metrics, setting, group)
            assert found["ssim"] == found["ssim_grey"] == found["garment_ssim"] == 1
            assert found["psnr"] == found["garment_psnr"] == "inf"
            assert found["garment_colour"] < 12, "JPEG's chroma makes stripes of few pixels greyer"


def test_every_measure_has_a_value_or_a_reason(data: Path, tmp_path: Path) -> None:
    metrics = evaluated(data, tmp_path / "out", truth)
    for content in metrics["settings"].values():
        computed = set(content["classes"]["all"]["metrics"])
        assert computed | set(content["not_computed"]) == set(METRICS)
        assert not computed & set(content["not_computed"])
        assert content["not_computed"]["lpips"] == "no lpips-alex"
        assert content["not_computed"]["kid_x1000"] == "no inception-fid"


@pytest.mark.parametrize("setting", ["paired", "unpaired"])
def test_a_shifted_garment_is_seen_inside_the_garment(data: Path, tmp_path: Path, setting: str) -> None:
    right = means(
        evaluated(data, tmp_path / "right", lambda case: dressed(*numbers(case), case.test_set.garment_class)), setting
    )
    wrong = means(evaluated(data, tmp_path / "wrong", shifted), setting)
    assert right["garment_ssim"] > 0.85, "JPEG costs the rest"
    assert wrong["garment_ssim"] < 0.5 < wrong["ssim"], "the background hides it"
    assert wrong["garment_psnr"] < right["garment_psnr"] - 5
    assert wrong["garment_colour"] == pytest.approx(right["garment_colour"], abs=3), "its colours are right"


def test_the_wrong_garment_has_the_wrong_colours(data: Path, tmp_path: Path) -> None:
    found = evaluated(data, tmp_path / "out", photo_of)
    assert means(found, "paired")["ssim"] == 1
    assert means(found, "unpaired")["garment_colour"] > 2 * means(found, "paired")["garment_colour"]
    assert means(found, "unpaired")["garment_ssim"] < 0.5


def test_smaller_try_ons_are_compared_at_their_size(data: Path, tmp_path: Path) -> None:
    from finetune.evaluation.results import reduced

    half = (SIZE[0] // 2, SIZE[1] // 2)
    write_results(data, tmp_path / "made", lambda case: reduced(truth(case), half))
    for path in (tmp_path / "made").rglob("*_worn.png"):
        path.unlink()  # of the full size
    metrics = evaluate_stage(StageOrder(data, tmp_path / "out", results=tmp_path / "made"), NO_WEIGHTS)
    assert metrics["size"] == list(half)
    assert means(metrics, "paired")["ssim"] == 1


def test_what_cannot_be_scored_is_counted_with_its_reason(data: Path, tmp_path: Path) -> None:
    write_results(data, tmp_path / "made", truth)
    folder = tmp_path / "made" / "unpaired" / "upper"
    paths = sorted(path for path in folder.glob("*.png") if not path.stem.endswith("_worn"))
    paths[0].unlink()
    paths[1].write_bytes(paths[1].read_bytes()[:200])
    paths[2].write_bytes(encode_png(np.zeros((64, 64, 3), np.uint8)))
    (data / "lower" / "test" / "image" / "00001_00.jpg").unlink()
    metrics = evaluate_stage(StageOrder(data, tmp_path / "out", results=tmp_path / "made"), NO_WEIGHTS)
    assert metrics["rejected"] == {"no-file": 2, "no-result": 1, "unreadable-picture": 1, "wrong-size": 1}
    assert (metrics["planned"], metrics["scored"]) == (16, 11)
    lines = [json.loads(line) for line in (tmp_path / "out" / "scores.jsonl").read_text().splitlines()]
    assert len(lines) == 16
    assert all(("scores" in line) != ("rejected" in line) for line in lines)


def test_try_ons_of_another_shape_are_refused(data: Path, tmp_path: Path) -> None:
    write_results(data, tmp_path / "made", lambda case: truth(case)[:128])
    with pytest.raises(EvaluationError, match="none of 16 try-ons can be scored: other-shape"):
        evaluate_stage(StageOrder(data, tmp_path / "out", results=tmp_path / "made"), NO_WEIGHTS)


def test_unpaired_without_truth_names_what_is_not_known(tmp_path: Path) -> None:
    write_set(tmp_path / "data", truth=False)
    write_results(tmp_path / "data", tmp_path / "made", photo_of)
    order = StageOrder(tmp_path / "data", tmp_path / "out", results=tmp_path / "made")
    unpaired = evaluate_stage(order, NO_WEIGHTS)["settings"]["unpaired"]
    assert set(unpaired["classes"]["all"]["metrics"]) == {"garment_colour"}
    assert unpaired["not_computed"]["ssim"] == "no true picture is known"
    for path in (tmp_path / "made").rglob("*_worn.png"):
        path.unlink()
    unpaired = evaluate_stage(order, NO_WEIGHTS)["settings"]["unpaired"]
    assert unpaired["classes"]["all"]["metrics"] == {}
    assert unpaired["not_computed"]["garment_colour"] == "nobody says where the garment is in the result"


def test_others_folders_are_read(data: Path, tmp_path: Path) -> None:
    """One tree, no folder for the setting, named by the person alone, JPEG."""
    (test_set,) = find_sets(data / "upper")
    for case in test_set.cases("unpaired"):
        write_atomic(tmp_path / "made" / f"{case.pair.person}.jpg", encode_jpeg(truth(case), quality=95))
    order = StageOrder(data / "upper", tmp_path / "out", results=tmp_path / "made")
    with pytest.raises(EvaluationError, match="state the setting"):
        evaluate_stage(order, NO_WEIGHTS)
    metrics = evaluate_stage(
        StageOrder(data / "upper", tmp_path / "out", results=tmp_path / "made", setting="unpaired"), NO_WEIGHTS
    )
    assert (metrics["scored"], metrics["files"]) == (4, {"jpg": 4})
    assert means(metrics, "unpaired")["ssim"] > 0.9


def test_unpaired_is_never_a_persons_own_garment(data: Path) -> None:
    path = data / "upper" / "test_pairs_unpaired.txt"
    path.write_text("00001_00.jpg 00001_00.jpg\n")
    with pytest.raises(EvaluationError, match="00001_00 in its own garment"):
        choose(find_sets(data), ("unpaired",))
    path.unlink()
    (data / "upper" / "test_pairs.txt").write_text("00001_00.jpg 00002_00.jpg\n")  # as VITON-HD has it
    (one,) = choose(find_sets(data / "upper"), ("unpaired",))
    (own,) = choose(find_sets(data / "upper"), ("paired",))
    assert (one.pair, own.pair) == (("00001_00", "00002_00"), ("00001_00", "00001_00"))


def test_data_that_can_not_be_evaluated_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no VITON-HD tree"):
        find_sets(tmp_path / "data" / "upper" / "test")
    (data / "upper").rename(data / "tops")
    with pytest.raises(EvaluationError, match="of which garment class"):
        find_sets(data)
    with pytest.raises(EvaluationError, match="either a checkpoint or a folder"):
        StageOrder(data, tmp_path / "out")


class BrightnessNetwork(nn.Module):
    """Stands in for Inception: means over a 4x4 grid of each channel."""

    def forward(self, pictures: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(pictures / 255, 4).flatten(1)


def test_fid_and_kid_are_of_try_ons_and_photos_of_test_persons(data: Path, tmp_path: Path) -> None:
    """With a stand-in for Inception: the arithmetic, and which pictures are in it."""
    write_results(data, tmp_path / "made", shifted)
    networks = Networks(inception=BrightnessNetwork(), missing={Weights.LPIPS: "no", Weights.EMBEDDING: "no"})
    cases = choose(find_sets(data), ("unpaired",))
    results = Results(tmp_path / "made", one_set=False)
    metrics = evaluate(EvaluationOrder(cases, results, networks, {}, "data"), tmp_path / "out")
    for group in ("all", "upper"):
        chosen = [case for case in cases if group in ("all", case.test_set.garment_class)]
        made = np.stack([networks.features(shifted(case)) for case in chosen])
        true = np.stack([networks.features(photo_of(case)) for case in chosen])
        entries = metrics["settings"]["unpaired"]["classes"][group]["metrics"]
        assert entries["fid"]["mean"] == pytest.approx(fid(made, true), abs=1e-4)
        assert entries["kid_x1000"]["mean"] == pytest.approx(1000 * kid(made, true), abs=1e-4)
        assert entries["kid_x1000"]["low"] < entries["kid_x1000"]["mean"] < entries["kid_x1000"]["high"]
        assert (entries["fid"]["n"], entries["fid"]["n_true"]) == (len(chosen), len(chosen))
        assert "biased" in entries["fid"]["note"]


def test_memory_does_not_grow_with_the_number_of_pairs(data: Path, tmp_path: Path) -> None:
    write_results(data, tmp_path / "made", truth)
    cases, results = choose(find_sets(data), ("unpaired",)), Results(tmp_path / "made", one_set=False)

    def peak(times: int) -> int:
        tracemalloc.start()
        score_cases(cases * times, results, SIZE, Networks(), workers=1)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)
    assert peak(6) < peak(1) * 1.3


def test_a_comparison_tells_better_from_chance(data: Path, tmp_path: Path) -> None:
    evaluated(data, tmp_path / "before", shifted)
    evaluated(data, tmp_path / "after", lambda case: dressed(*numbers(case), case.test_set.garment_class))
    content = compare(tmp_path / "before", tmp_path / "after", tmp_path / "out")
    assert content == strictly(tmp_path / "out" / "comparison.json")
    assert content["pairs"] == 16
    for setting in ("paired", "unpaired"):
        row = content["settings"][setting]["all"]["garment_ssim"]
        assert row["verdict"] == "better"
        assert row["low"] <= row["difference"] <= row["high"]
        assert row["difference"] == pytest.approx(row["second"] - row["first"])
    back = compare(tmp_path / "after", tmp_path / "before", tmp_path / "out")
    assert back["settings"]["paired"]["upper"]["garment_psnr"]["verdict"] == "worse"
    same = compare(tmp_path / "after", tmp_path / "after", tmp_path / "out")
    assert {row["verdict"] for row in same["settings"]["paired"]["all"].values()} == {"equal"}


def test_only_alike_evaluations_are_compared(data: Path, tmp_path: Path) -> None:
    evaluated(data, tmp_path / "one", truth)
    evaluated(data, tmp_path / "other", truth)
    path = tmp_path / "other" / "metrics.json"
    path.write_text(path.read_text().replace(PROTOCOL, "another"))
    with pytest.raises(EvaluationError, match="differ in protocol"):
        compare(tmp_path / "one", tmp_path / "other", tmp_path / "out")
    path.unlink()
    with pytest.raises(EvaluationError, match="no whole evaluation"):
        compare(tmp_path / "one", tmp_path / "other", tmp_path / "out")


def test_intervals_are_over_garments() -> None:
    """100 pairs of 5 garments say as much as 5 pairs, not as 100."""
    chance = np.random.default_rng(0)
    garments = [str(number) for number in range(5)]
    levels = chance.normal(0, 1, 5)
    few, many = estimate(list(levels), garments), estimate(list(np.repeat(levels, 20)), sorted(garments * 20))
    assert (many.low, many.high) == pytest.approx((few.low, few.high))
    alone = estimate(list(np.repeat(levels, 20)), [str(number) for number in range(100)])
    assert alone.high is not None and alone.low is not None and many.high is not None and many.low is not None
    assert alone.high - alone.low < (many.high - many.low) / 2
    assert few == estimate(list(levels), garments), "the seed decides"


def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    chance = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        found = estimate(list(chance.normal(3, 1, 40)), [str(number) for number in range(40)], draws=400)
        assert found.low is not None and found.high is not None
        held += found.low <= 3 <= found.high
    assert 176 <= held <= 199


def test_intervals_of_infinite_values_and_of_one_garment() -> None:
    one = estimate([1.0, 2.0], ["a", "a"])
    assert (one.mean, one.low, one.high, one.garments) == (1.5, None, None, 1)
    endless = estimate([math.inf, 20.0, 30.0], ["a", "b", "c"])
    assert (endless.mean, endless.high) == (math.inf, math.inf)
    assert endless.low == 20
    assert differences([math.inf, 1.0, 2.0], [math.inf, math.inf, 1.0]) == [0, math.inf, -1]


def test_the_page_shows_best_median_and_worst(data: Path, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    from crawler.spiders.browser import find_chromium

    if find_chromium() is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    good = {"00000", "00001"}
    evaluated(
        data,
        tmp_path / "out",
        lambda case: truth(case) if case.pair.person[:5] in good else shifted(case),
        name="<b>set</b>",
    )
    compare(tmp_path / "out", tmp_path / "out", tmp_path / "out")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"file://{tmp_path / 'out' / 'report.html'}")
        captions = page.locator("figcaption").all_inner_texts()
        widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
        text = page.inner_text("body")
        page.goto(f"file://{tmp_path / 'out' / 'comparison.html'}")
        compared = page.inner_text("body")
        browser.close()
    assert len(captions) == 16
    assert captions[0].startswith("best: 0000") and captions[0].endswith("1.0000")
    assert captions[3].startswith("worst")
    assert len(widths) == 8 * 3 + 8 * 4 and min(widths) > 0
    assert "data <b>set</b>" in text and "Not computed" in text and "no inception-fid" in text
    assert "SSIM in the garment" in compared and "equal" in compared


def test_networks_score_what_they_should(tmp_path: Path, data: Path) -> None:
    """LPIPS and the embedding, with random weights: 0 and 1 for the same, worse for a shifted garment."""
    from finetune.evaluation.published import LPIPS

    torch.manual_seed(0)
    lpips = LPIPS().eval()
    for weight in lpips.weights.parameters():
        weight.data.uniform_(0, 1)
    networks = Networks(lpips=lpips, embedding=BrightnessNetwork(), missing={Weights.INCEPTION: "no"})
    case = find_sets(data / "upper")[0].cases("unpaired")[0]
    scores = {}
    for name, make in (("truth", truth), ("shifted", shifted)):
        results = Results(tmp_path / name)
        results.write(case, make(case), worn_mask(0, case.test_set.garment_class))
        (one,) = score_cases([case], results, SIZE, networks).cases
        scores[name] = one.scores
    assert {"lpips", "lpips_128", "garment_lpips", "garment_likeness"} <= set(scores["truth"])
    assert scores["truth"]["lpips"] == scores["truth"]["lpips_128"] == scores["truth"]["garment_lpips"] == 0
    assert scores["shifted"]["garment_lpips"] > scores["shifted"]["lpips"] > 0
    assert -1 <= scores["shifted"]["garment_likeness"] <= 1
