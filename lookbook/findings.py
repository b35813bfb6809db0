"""What a validation found, for a person: a table on stderr, one row for each code with its first places."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitonhd.validation.findings import Finding
    from vitonhd.validation.report import Report

PLACES = 3
"""Places that the table names for each code; the findings file has them all."""
LINE = 140
"""Characters of a line where stderr is no terminal."""


def print_findings(report: Report, title: str) -> None:
    """The table, or one line for a sound data set."""
    from rich.console import Console
    from rich.table import Table

    console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else LINE)
    items = ", ".join(f"{count} {split}" for split, count in report.items.items()) or "no items"
    if report.sound:
        console.print(f"{title}: sound ({items})", markup=False)
        return
    table = Table(title=f"{title}: {report.codes.total()} findings ({items})", title_justify="left")
    for heading in ("code", "count", "where", "figure", "limit", "detail"):
        table.add_column(heading, justify="right" if heading in ("count", "figure", "limit") else "left")
    for code, count in report.codes.most_common():
        for number, finding in enumerate(report.first[code][:PLACES]):
            table.add_row(*_cells(finding, str(count) if number == 0 else ""), end_section=number == PLACES - 1)
    console.print(table)


def _cells(finding: Finding, count: str) -> tuple[str, ...]:
    from rich.markup import escape

    figures = ("" if figure is None else f"{figure:.4g}" for figure in (finding.figure, finding.limit))
    code = finding.code if count else ""
    return (code, count, escape(finding.where), *figures, escape(finding.detail))
