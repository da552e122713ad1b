"""What was found as tables: for the terminal, as JSON, and between the markers of a page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any

from benchmarks.machine import said
from benchmarks.measure import Figures
from benchmarks.studies import Found

MARK = re.compile(r"(<!-- measured: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
NOT_RUN = "*Not measured yet.*"
SHARES = ("bandwidth",)
"""Studies whose facts are shares of one."""
HEAD = ("case", "", "flows", "wall s", "CPU s", "× flowrules", "loaded s", "peak MB")


def lines_of(found: Found) -> list[tuple[str, ...]]:
    """A study's figures, a row each."""
    own = {f.case: f for f in reversed(found.figures) if f.entrant.startswith("flowrules")}
    return [_line(figures, own.get(figures.case)) for figures in found.figures]


def _line(found: Figures, own: Figures | None) -> tuple[str, ...]:
    times = ""
    a_variant = found.entrant.startswith("flowrules") and "," in found.entrant
    if own is not None and found is not own and not a_variant and found.rows == own.rows:
        clock = "cpu" if found.threads == own.threads == 1 else "wall"
        times = f"{found.median(clock) / own.median(clock):.2f}"
    few = "" if len(found.rounds) > 1 else " ¹"
    loaded = f"{found.loaded('wall'):.2f}" if found.load else ""
    return (
        found.case,
        found.entrant,
        f"{found.rows / 1e6:g} M",
        f"{found.median('wall'):.3f}{few}",
        "" if isnan(found.median("cpu")) else f"{found.median('cpu'):.3f}",
        times,
        loaded,
        f"{found.peak / 1e6:.0f}" if found.peak else "",
    )


def facts_of(found: Found) -> list[str]:
    """A study's facts, a sentence each."""
    out = []
    for name, value in found.facts.items():
        if name == "read":
            out.append(f"one thread reads {value / 1e9:.1f} GB/s")
        elif found.study in SHARES:
            out.append(f"{name}: {value:.1%} of that")
        elif isinstance(value, float):
            out.append(f"{name}: {value:.3g} times")
        else:
            out.append(f"{name}: {value}")
    return out


def as_text(found: Found) -> str:
    """For a terminal."""
    table = [HEAD, *lines_of(found)]
    widths = [max(len(row[n]) for row in table) for n in range(len(HEAD))]
    lines = [found.text]
    for row in table:
        cells = [
            c.ljust(w) if n < 2 else c.rjust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join([*lines, *("  " + fact for fact in facts_of(found))])


def as_markdown(found: Found) -> str:
    """For a page."""
    lines = ["| " + " | ".join(HEAD) + " |", "|---|---|" + "--:|" * (len(HEAD) - 2)]
    last = ""
    for row in lines_of(found):
        shown = (row[0] if row[0] != last else "", *row[1:])
        last = row[0]
        lines.append("| " + " | ".join(shown) + " |")
    facts = facts_of(found)
    if facts:
        lines += ["", "; ".join(facts) + "."]
    if any("¹" in line for line in lines):
        lines += ["", "¹ one round, or the first answer alone: it takes long."]
    return "\n".join(lines)


def as_json(
    machine: Mapping[str, Any], settings: Mapping[str, Any], found: Sequence[Found]
) -> dict[str, Any]:
    """Everything, with every round."""
    studies = [
        {"study": f.study, "text": f.text, "facts": dict(f.facts), "figures": [g.plain() for g in f.figures]}
        for f in found
    ]
    return {"machine": dict(machine), "settings": dict(settings), "studies": studies}


def write_page(page: Path, machine: dict[str, Any], how: str, found: Sequence[Found]) -> list[str]:
    """Put tables between the page's markers, and the machine between those named ``machine``.

    Returns the studies for which the page has no markers.  What stands between markers of studies that were not
    run stays.
    """
    parts = {f.study: as_markdown(f) for f in found} | {"machine": f"{said(machine)}. {how}"}
    text = page.read_text("utf-8")
    missing = [f.study for f in found if f.study not in {m.group(2) for m in MARK.finditer(text)}]

    def between(match: re.Match[str]) -> str:
        own = parts.get(match.group(2))
        return match.group(0) if own is None else f"{match.group(1)}{own}\n{match.group(3)}"

    page.write_text(MARK.sub(between, text), "utf-8")
    return missing
