"""Which examples a step learns from: shares, epochs, processes and resuming."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.errors import FinetuneError
from finetune.sampling import Mix, Sampler
from vitonhd.garment_classes import GarmentClass

UPPER, LOWER, DRESS = GarmentClass
SHARES = st.fixed_dictionaries({one: st.integers(0, 5) for one in GarmentClass}).filter(lambda one: any(one.values()))


@given(SHARES, st.integers(1, 200))
def test_classes_keep_their_shares_everywhere(shares: dict[GarmentClass, int], places: int) -> None:
    mix = Mix(shares)
    found = Counter(mix.at(place)[0] for place in range(places))
    for one, share in shares.items():
        assert abs(found[one] - places * share / sum(shares.values())) < 2


@given(SHARES, st.integers(0, 500))
def test_a_place_counts_those_of_its_class_before_it(shares: dict[GarmentClass, int], place: int) -> None:
    mix = Mix(shares)
    garment_class, before = mix.at(place)
    assert before == sum(mix.at(earlier)[0] == garment_class for earlier in range(place))


def sampler(**options: int) -> Sampler:
    values = {"batch": 6, "seed": 3, "steps": 40, **options}
    return Sampler({UPPER: 7, LOWER: 5}, {UPPER: 2, LOWER: 1}, **values)


def test_every_example_comes_once_before_one_comes_again() -> None:
    picks = [pick for batch in sampler() for pick in batch]
    for garment_class, count in ((UPPER, 7), (LOWER, 5)):
        of_class = sorted((pick.place, pick.index) for pick in picks if pick.garment_class is garment_class)
        order = [index for _, index in of_class]
        for start in range(0, len(order) - count, count):
            assert sorted(order[start : start + count]) == list(range(count))


def test_a_run_that_resumes_sees_what_it_would_have_seen() -> None:
    assert list(sampler())[17:] == list(sampler(first_step=17))


def test_two_processes_share_one_batch() -> None:
    whole, one, other = (list(sampler(rank=rank, world=world)) for rank, world in ((0, 1), (0, 2), (1, 2)))
    for batch, left, right in zip(whole, one, other, strict=True):
        assert sorted(batch, key=lambda pick: pick.place) == sorted(left + right, key=lambda pick: pick.place)


def test_what_cannot_be_sampled_is_said() -> None:
    with pytest.raises(FinetuneError, match="multiple of 4"):
        sampler(world=4)
    with pytest.raises(FinetuneError, match="dress"):
        Sampler({UPPER: 7}, {UPPER: 1, DRESS: 1}, batch=2, seed=0, steps=1)
