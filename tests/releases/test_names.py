"""Tags, splits and parameters."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releases.errors import BadParameters, ReleaseError
from releases.names import Tag, class_of, data_set
from releases.params import ReleaseParams, load_params
from releases.splits import hashed_split
from tests.conftest import ROOT
from vitonhd.garment_classes import GarmentClass

TAGS = st.builds(Tag, st.sampled_from(GarmentClass), st.dates(date(2000, 1, 1)), st.integers(0, 99_999))


@given(TAGS)
def test_a_tag_reads_back(tag: Tag) -> None:
    assert Tag.parse(str(tag)) == tag


@given(st.text(max_size=40))
def test_any_text_is_a_tag_or_an_error(text: str) -> None:
    try:
        assert str(Tag.parse(text)) == text
    except ReleaseError as error:
        assert "vitonhd-upper@v2026.11.20" in str(error)


@pytest.mark.parametrize("text", ["vitonhd-upper@v2026.02.30", "vitonhd-upper@v2026.11.20.0", "vitonhd-upper", "--all"])
def test_what_is_no_tag(text: str) -> None:
    with pytest.raises(ReleaseError):
        Tag.parse(text)


def test_further_tags_of_a_day_count_up() -> None:
    day = date(2026, 11, 20)
    known: list[Tag] = []
    for wanted in ("vitonhd-dress@v2026.11.20", "vitonhd-dress@v2026.11.20.1", "vitonhd-dress@v2026.11.20.2"):
        known.append(Tag.following(GarmentClass.DRESS, day, known))
        assert str(known[-1]) == wanted
    assert str(Tag.following(GarmentClass.UPPER, day, known)) == "vitonhd-upper@v2026.11.20"
    assert [class_of(data_set(one)) for one in GarmentClass] == list(GarmentClass)


def test_splits_are_the_same_in_every_year() -> None:
    found = [hashed_split("lookbook", f"musinsa {number}", 0.1) for number in range(10_000)]
    assert found.count("test") == pytest.approx(1000, abs=100)
    assert [number for number, split in enumerate(found[:40]) if split == "test"] == [6, 16]
    assert {hashed_split("lookbook", "any", share) for share in (0.0, 1.0)} == {"train", "test"}


def test_a_larger_share_keeps_what_was_test() -> None:
    for number in range(500):
        if hashed_split("lookbook", str(number), 0.1) == "test":
            assert hashed_split("lookbook", str(number), 0.2) == "test"


def test_the_projects_parameters_are_the_defaults() -> None:
    assert load_params(ROOT / "params.yaml") == ReleaseParams()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("release: {shard_item: 3}", "shard_item"),
        ("release: {test_share: 2}", "test_share"),
        ("release: [", "YAML"),
        ("- a list", "params.yaml"),
    ],
)
def test_bad_parameters_are_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(BadParameters, match=said) as caught:
        load_params(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(BadParameters, match="nowhere"):
        load_params(tmp_path / "nowhere.yaml")
