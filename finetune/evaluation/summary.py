"""Scores of many cases to `metrics.json`: means with intervals, by setting and garment class.

The contract that must not break: every measure of the protocol is in it for every setting, with a value or with the
reason why it has none; infinite values are the text `inf`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from finetune.evaluation.distributions import fid, kid, kid_interval
from finetune.evaluation.intervals import estimate
from finetune.evaluation.networks import Networks
from finetune.evaluation.protocol import METRICS, PAIR_METRICS, Needs
from finetune.evaluation.scoring import FeatureRows, Scored, Scores

ALL = "all"
FID_NEEDS = 2048
"""Pictures under which FID is mostly its own bias."""
_UNKNOWN = {
    Needs.TRUTH: "no true picture is known",
    Needs.WORN_TRUTH: "no true picture with a worn mask is known",
    Needs.PACKSHOT: "nobody says where the garment is in the result",
}


def summarise(scores: Scores, networks: Networks, *, seed: int) -> dict[str, Any]:
    """By setting: `all` and each class, with what is not computed and why."""
    settings = dict.fromkeys(one.case.setting for one in scores.cases)
    return {setting: _setting(setting, scores, networks, seed) for setting in settings}


def by_class(scored: Sequence[Scored]) -> dict[str, list[Scored]]:
    """All of them, and where there are several classes those of each."""
    groups = {ALL: list(scored)}
    classes = sorted({str(one.case.test_set.garment_class) for one in scored})
    if len(classes) > 1:
        groups |= {name: [one for one in scored if one.case.test_set.garment_class == name] for name in classes}
    return groups


def rejections(scores: Scores) -> dict[str, int]:
    """How many cases each reason took."""
    reasons = (one.rejected.partition(":")[0] for one in scores.cases if one.rejected is not None)
    return dict(sorted(Counter(reasons).items()))


def as_number(value: float | None) -> float | str | None:
    """As JSON can hold it."""
    if value is None or math.isfinite(value):
        return value
    return str(value)


def _setting(setting: str, scores: Scores, networks: Networks, seed: int) -> dict[str, Any]:
    scored = [one for one in scores.scored() if one.case.setting == setting]
    rows = scores.features.get(setting, FeatureRows())
    groups: dict[str, dict[str, Any]] = {
        name: {
            "n": len(group),
            "garments": len({one.case.garment for one in group}),
            "metrics": {**_of_pairs(group, seed), **_of_set(rows, name, seed)},
        }
        for name, group in by_class(scored).items()
    }
    computed = {name for group in groups.values() for name in group["metrics"]}
    missing = {name: _reason(name, networks) for name in METRICS if name not in computed}
    planned = sum(one.case.setting == setting for one in scores.cases)
    return {"planned": planned, "scored": len(scored), "classes": groups, "not_computed": missing}


def _of_pairs(group: Sequence[Scored], seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for metric in PAIR_METRICS:
        having = [one for one in group if metric.name in one.scores]
        if not having:
            continue
        values = [one.scores[metric.name] for one in having]
        mean = estimate(values, [one.case.garment for one in having], seed=seed)
        found[metric.name] = {
            "mean": as_number(mean.mean), "low": as_number(mean.low), "high": as_number(mean.high), "n": mean.n,
            "garments": mean.garments,
        }  # fmt: skip
    return found


def _of_set(rows: FeatureRows, group: str, seed: int) -> dict[str, Any]:
    made = [(case, row) for case, row in rows.made if group in (ALL, case.test_set.garment_class)]
    true = [(case, row) for case, row in rows.true.values() if group in (ALL, case.test_set.garment_class)]
    if min(len(made), len(true)) < 2:
        return {}
    ours, theirs = np.stack([row for _, row in made]), np.stack([row for _, row in true])
    names = [case.garment for case, _ in made] + [case.person for case, _ in true]
    numbers = np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
    value = 1000 * kid(ours, theirs, seed=seed)
    margin = kid_interval(ours, theirs, numbers[: len(made)], numbers[len(made) :])
    low, high = (None, None) if margin is None else (value + 1000 * side for side in margin)
    counts: dict[str, Any] = {"n": len(made), "n_true": len(true)}
    note = {"note": f"of {len(made)} pictures: biased, compare with as many only"} if len(made) < FID_NEEDS else {}
    return {
        "fid": {"mean": fid(ours, theirs), "low": None, "high": None, **counts, **note},
        "kid_x1000": {"mean": value, "low": low, "high": high, **counts},
    }


def _reason(name: str, networks: Networks) -> str:
    metric = METRICS[name]
    if metric.weights is not None and metric.weights in networks.missing:
        return networks.missing[metric.weights]
    return "fewer than two pictures" if metric.needs is None else _UNKNOWN[metric.needs]


def versions(packages: Mapping[str, str]) -> dict[str, str]:
    """Installed versions by the name to be shown; what is not installed is left out."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for shown, package in packages.items():
        try:
            found[shown] = version(package)
        except PackageNotFoundError:
            continue
    return found
