"""Packshots against the gates, verdicts, and the choice of a product's best pictures."""

import pickle
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.gates.choice import Candidate, Fingerprint, best, near_duplicates
from preprocess.gates.limits import PACKSHOT, SHOTS, WORN, judge
from preprocess.gates.packshot import packshot_figures
from preprocess.gates.statistics import phash, statistics, thumbnail
from preprocess.gates.verdict import Rejected, Verdict
from tests.preprocess.posters import garment
from vitonhd.arrays import Mask, Picture
from vitonhd.errors import FormatError
from vitonhd.tree import Tree


def reasons(picture: Picture, mask: Mask, **more: object) -> list[str]:
    found = packshot_figures(picture, mask, statistics(picture), **more)  # type: ignore[arg-type]
    return [verdict.reason for verdict in found.verdicts()]


@pytest.mark.parametrize("pattern", ["plain", "dots", "stripes", "checks", "logo"])
def test_sound_packshots_pass_and_score(pattern: str) -> None:
    picture, mask = garment(pattern)
    found = packshot_figures(picture, mask, statistics(picture))
    assert found.verdicts() == () and 0.7 < found.score <= 1


def test_each_flaw_has_its_reason() -> None:
    picture, mask = garment("stripes")
    half = np.s_[:, :300]
    assert "garment-cut" in reasons(picture[half], mask[half])
    pair, both = (np.concatenate([plane, plane], axis=1) for plane in (picture, mask))
    assert reasons(pair, both) == ["several-garments"]
    assert reasons(picture, mask, skin=0.05) == ["person-in-packshot"]
    assert reasons(picture, mask, scale=3.0) == ["enlarged"]
    assert reasons(picture, mask, near_duplicate=True) == ["near-duplicate"]
    soft = np.asarray(cv2.GaussianBlur(picture, (0, 0), 6), np.uint8)
    assert reasons(soft, mask) == ["blurred"]
    room = np.random.default_rng(0).integers(0, 255, (20, 15, 3), np.uint8)
    room = np.asarray(cv2.resize(room, (600, 800)), np.uint8)
    room[mask] = picture[mask]
    assert reasons(room, mask) == ["busy-backdrop"]
    assert "garment-small" in reasons(picture, np.zeros_like(mask))


def test_the_better_packshot_scores_higher() -> None:
    picture, mask = garment("checks")
    base = packshot_figures(picture, mask, statistics(picture)).score
    grey = (picture * 0.7).astype(np.uint8)
    small = np.full_like(picture, 246)
    small_mask = np.zeros_like(mask)
    small[:400, :300], small_mask[:400, :300] = picture[::2, ::2], mask[::2, ::2]
    for worse, its_mask in ((grey, mask), (small, small_mask)):
        assert packshot_figures(worse, its_mask, statistics(worse)).score < base


def test_official_packshots_pass(samples: Path) -> None:
    tree = Tree(samples / "viton-hd")
    for stem in tree.stems("test", "cloth"):
        item = tree.read("test", stem, ["cloth", "cloth_mask"])
        assert item.cloth is not None and item.cloth_mask is not None
        assert reasons(item.cloth, item.cloth_mask) == []


def test_a_verdict_says_reason_figure_and_limit() -> None:
    (verdict,) = judge({"blurred": 0.9, "enlarged": 1.0}, WORN)
    assert (verdict.reason, verdict.figure, verdict.limit) == ("blurred", 0.9, WORN["blurred"].value)
    assert str(verdict) == "blurred: 0.9, limit 0.6"
    with pytest.raises(AttributeError):
        verdict.figure = 0.0  # type: ignore[misc]
    with pytest.raises(KeyError, match="no limit for sharpness"):
        judge({"sharpness": 1.0}, WORN)


def test_limits_can_be_set_by_whoever_calls() -> None:
    picture, mask = garment()
    strict = {**PACKSHOT, "garment-small": replace(PACKSHOT["garment-small"], value=0.9)}
    found = packshot_figures(picture, mask, statistics(picture))
    assert [verdict.reason for verdict in found.verdicts(strict)] == ["garment-small"]


def test_every_limit_has_its_reason() -> None:
    for table in (SHOTS, WORN, PACKSHOT):
        for name, limit in table.items():
            assert name == name.lower() and " " not in name and limit.why
            assert limit.holds(limit.value)


def test_a_rejection_is_recorded_like_any_bad_file() -> None:
    rejected = Rejected(Verdict("too-small", 120, 200, "120x400"))
    assert isinstance(rejected, FormatError)
    assert (rejected.reason, rejected.detail) == ("too-small", "120, limit 200 (120x400)")
    copy = pickle.loads(pickle.dumps(rejected))  # workers send it to their parent
    assert copy.verdict == rejected.verdict and copy.detail == rejected.detail


candidates = st.lists(
    st.builds(
        Candidate, st.uuids().map(lambda id: id.hex * 2), st.integers(0, 3), st.sampled_from((0.2, 0.5, 0.9)),
        st.sampled_from(((), (Verdict("blurred", 0.9, 0.6),))),
    ),
    max_size=6,
)  # fmt: skip


@given(candidates, st.randoms())
@settings(max_examples=60)
def test_the_choice_does_not_depend_on_the_order(found: list[Candidate], random: object) -> None:
    chosen = best(found)
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert best(shuffled) == chosen
    fit = [candidate for candidate in found if not candidate.verdicts]
    if chosen is None:
        assert not fit
    else:
        assert chosen in fit and chosen.score == max(candidate.score for candidate in fit)


def test_of_equal_scores_the_shops_first_is_taken() -> None:
    first, second = Candidate("f" * 64, 1, 0.8), Candidate("a" * 64, 2, 0.8)
    assert best([second, first]) == first
    assert best([replace(second, position=1), first]) == replace(second, position=1)
    assert best([]) is None


def test_repeated_pictures_point_at_the_first() -> None:
    shots = [garment("logo")[0], garment("checks")[0]]
    again = np.asarray(cv2.resize(shots[0], (300, 400), interpolation=cv2.INTER_AREA), np.uint8)
    prints = [Fingerprint(phash(picture), thumbnail(picture)) for picture in (*shots, again, shots[1])]
    assert near_duplicates(prints) == [None, None, 0, 1]


@given(st.integers(-(2**63), 2**63 - 1), st.sets(st.integers(0, 63), max_size=12))
@settings(max_examples=60)
def test_hashes_are_compared_by_bits_whatever_their_sign(value: int, flipped: set[int]) -> None:
    other = value & (2**64 - 1)
    for bit in flipped:
        other ^= 1 << bit
    signed = other - 2**64 if other >= 2**63 else other
    one, two = Fingerprint(value, bytes(192)), Fingerprint(signed, bytes(192))
    assert one.like(two) == two.like(one) == (len(flipped) <= 6)
