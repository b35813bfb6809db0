"""The report page of one evaluation: tables of means, and of each class the best, median and worst try-ons.

The contract that must not break: the pictures shown follow from the scores alone, nobody picks them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from finetune.evaluation import html
from finetune.evaluation.protocol import METRICS, RANKED_BY, Metric
from finetune.evaluation.results import Known, Results, read_known
from finetune.evaluation.scoring import Scored, Scores
from finetune.evaluation.summary import ALL, by_class
from vitonhd.atomic import write_atomic
from vitonhd.errors import FormatError

SHOWN = 3
"""Best, median and worst try-ons of each class, each."""


def write_page(path: Path, metrics: Mapping[str, Any], scores: Scores, results: Results, size: tuple[int, int]) -> None:
    """Write the page; `size` is (width, height) of the try-ons."""
    parts = [_about(metrics)]
    for setting, content in metrics["settings"].items():
        parts.append(f"<h2>{escape(setting.capitalize())}</h2>")
        parts.append(_means(content["classes"]))
        if content["not_computed"]:
            parts.append("<h3>Not computed</h3>" + html.listing(_by_reason(content["not_computed"])))
        scored = [one for one in scores.scored() if one.case.setting == setting]
        parts += _pictures(scored, results, size)
    write_atomic(path, html.page("Evaluation of try-ons", parts))


def value_cell(entry: Mapping[str, Any] | None, metric: Metric) -> str:
    """A mean and its interval, HTML."""
    if entry is None:
        return '<span class="soft">not computed</span>'
    text = number(entry["mean"], metric.digits)
    if entry["low"] is None:
        return text
    return f"{text}<small>{number(entry['low'], metric.digits)} to {number(entry['high'], metric.digits)}</small>"


def number(value: float | str, digits: int) -> str:
    """As text; infinite values are texts already."""
    return value if isinstance(value, str) else f"{value:.{digits}f}"


def arrow(metric: Metric) -> str:
    """The measure's title, and which way is better."""
    return f"{metric.title} {'↑' if metric.higher_is_better else '↓'}"


def _about(metrics: Mapping[str, Any]) -> str:
    subject = ", ".join(f"{name} {value}" for name, value in metrics["subject"].items())
    width, height = metrics["size"]
    lines = [
        f"Made by {subject or 'unknown'}; data {metrics['data']['name']}; try-ons of {width}x{height}.",
        f"Scored {metrics['scored']} of {metrics['planned']} pairs"
        + "".join(f"; {count} {reason}" for reason, count in metrics["rejected"].items())
        + f". Protocol {metrics['protocol']}, {metrics['made']}.",
        "Under each mean its 95 % interval, by drawing garments again.",
    ]
    return "".join(f'<p class="soft">{escape(line)}</p>' for line in lines)


def _means(classes: Mapping[str, Any]) -> str:
    head = ["", *(f"{name} ({group['n']} pairs, {group['garments']} garments)" for name, group in classes.items())]
    rows = (
        (arrow(metric), [value_cell(group["metrics"].get(name), metric) for group in classes.values()])
        for name, metric in METRICS.items()
        if any(name in group["metrics"] for group in classes.values())
    )
    return html.table(head, rows)


def _by_reason(missing: Mapping[str, str]) -> list[tuple[str, str]]:
    """The titles of the measures that share a reason, and that."""
    reasons = dict.fromkeys(missing.values())
    return [(", ".join(METRICS[name].title for name in missing if missing[name] == one), one) for one in reasons]


def _pictures(scored: Sequence[Scored], results: Results, size: tuple[int, int]) -> Iterator[str]:
    groups = by_class(scored)
    if len(groups) > 1:
        del groups[ALL]
    for name, group in groups.items():
        ranked_by = next((metric for metric in RANKED_BY if any(metric in one.scores for one in group)), None)
        if ranked_by is None:
            continue
        metric = METRICS[ranked_by]
        yield f"<h3>{escape(name if len(groups) > 1 else 'Pictures')}, in the order of {escape(metric.title)}</h3>"
        order = sorted(
            (one for one in group if ranked_by in one.scores), key=lambda one: (one.scores[ranked_by], one.case.key)
        )
        if metric.higher_is_better:
            order.reverse()
        yield html.figures(
            _shown(one, f"{place}: {one.case.stem}, {one.scores[ranked_by]:.{metric.digits}f}", results, size)
            for place, one in _chosen(order)
        )


def _chosen(order: Sequence[Scored]) -> Iterator[tuple[str, Scored]]:
    """Each once, in order."""
    places = {
        **dict.fromkeys(range(max(0, len(order) // 2 - SHOWN // 2), len(order))[:SHOWN], "median"),
        **{len(order) - 1 - number: "worst" for number in range(min(SHOWN, len(order)))},
        **dict.fromkeys(range(min(SHOWN, len(order))), "best"),
    }
    for number in sorted(places):
        yield places[number], order[number]


def _shown(one: Scored, caption: str, results: Results, size: tuple[int, int]) -> str:
    try:
        known: Known = read_known(one.case, results, size)
    except FormatError as error:
        return html.figure(f"{caption}; {error}", [])
    paired = one.case.setting == "paired"
    pictures = [
        ("garment", known.cloth), ("person", known.person), ("result", known.made),
        ("truth", None if paired else known.truth),
    ]  # fmt: skip
    if paired:
        pictures[1] = ("person, the truth", known.person)
    return html.figure(caption, pictures)
