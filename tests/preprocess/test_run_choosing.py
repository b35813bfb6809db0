"""The choice of a product from its pictures' artifacts: the best of each side, or the commonest reason with figures."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.keys import content_key
from db.models import Artifact
from preprocess.run.choosing import choice_row


def artifact(key: str, kind: str | None, score: float = 0.5, **columns: Any) -> Artifact:
    """A `done` artifact unless `reason` says why not; no two look alike unless told."""
    state = "rejected" if "reason" in columns else "done"
    looks = {"phash": int(content_key(key)[:15], 16), "thumbnail": bytes(192)}
    return Artifact(key=key, sha256=key * 2, shot_kind=kind, score=score, state=state, **{**looks, **columns})


def chosen(*artifacts: Artifact) -> dict[str, Any]:
    return choice_row(1, "version", "upper", artifacts)


def test_the_best_of_each_side() -> None:
    row = chosen(
        artifact("a", "flat", 0.7), artifact("b", "worn", 0.4), artifact("c", "worn", 0.9), artifact("d", "flat", 0.9),
        artifact("e", "detail", reason="detail-shot"),
    )  # fmt: skip
    assert (row["state"], row["worn_key"], row["packshot_key"], row["reason"]) == ("ready", "c", "d", None)


def test_of_equal_scores_the_first_on_the_page() -> None:
    assert chosen(artifact("z", "worn"), artifact("b", "worn"), artifact("f", "flat"))["worn_key"] == "z"


def test_of_pictures_that_are_alike_the_best_stays() -> None:
    looks = {"phash": 77, "thumbnail": bytes(192)}
    row = chosen(artifact("a", "worn", 0.3, **looks), artifact("b", "worn", 0.6, **looks), artifact("f", "flat"))
    assert row["worn_key"] == "b"
    assert row["facts"]["worn"] == {"fit": 2, "near_duplicates": 1, "rejected": {}}


@pytest.mark.parametrize(
    ("artifacts", "reason", "figure", "limit"),
    [
        ([], "no-pictures", None, None),
        ([artifact("a", "flat")], "no-worn", None, None),
        ([artifact("a", "worn")], "no-packshot", None, None),
        ([artifact("a", "detail", reason="detail-shot"), artifact("b", None, reason="empty")], "no-worn", None, None),
        (
            [artifact("a", "worn", reason="blurred", figure=0.9, limit=0.6), artifact("f", "flat"),
             artifact("b", "worn", reason="turned", figure=0.3, limit=0.6),
             artifact("c", "worn", reason="turned", figure=0.1, limit=0.6)],
            "worn-turned", 0.3, 0.6,
        ),
        (
            [artifact("w", "worn"), artifact("f", "flat", reason="garment-cut", figure=0.4, limit=0.05)],
            "packshot-garment-cut", 0.4, 0.05,
        ),
    ],
)  # fmt: skip
def test_a_product_without_a_choice_has_a_reason(
    artifacts: list[Artifact], reason: str, figure: float | None, limit: float | None
) -> None:
    row = chosen(*artifacts)
    assert (row["state"], row["reason"], row["figure"], row["limit"]) == ("rejected", reason, figure, limit)


KINDS = st.sampled_from(["worn", "flat", "detail", "text", None])


@given(st.lists(st.tuples(KINDS, st.sampled_from([0.1, 0.5, 0.5, 0.9]), st.booleans()), max_size=8))
def test_ready_means_two_done_pictures_of_the_right_kind(drawn: list[tuple[str | None, float, bool]]) -> None:
    artifacts = [
        artifact(f"k{place}", kind, score, **({} if done and kind in ("worn", "flat") else {"reason": "blurred"}))
        for place, (kind, score, done) in enumerate(drawn)
    ]
    row = chosen(*artifacts)
    found = {one.key: one for one in artifacts}
    for side, kind in (("worn_key", "worn"), ("packshot_key", "flat")):
        fit = [one for one in artifacts if one.state == "done" and one.shot_kind == kind]
        assert (row[side] is None) == (not fit)
        if fit:
            assert found[row[side]] in fit and found[row[side]].score == max(one.score or 0 for one in fit)
    assert (row["state"] == "ready") == (None not in (row["worn_key"], row["packshot_key"])) == (row["reason"] is None)
