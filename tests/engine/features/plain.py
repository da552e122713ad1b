"""The port features as the definitions say them, row by row: slow, plain, and the measure of the kernels."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from math import sqrt
from typing import NamedTuple


class Event(NamedTuple):
    start: int
    sport: int
    dest: int


class Sequence(NamedTuple):
    value: float | None
    above: float | None
    below: float | None
    pairs: int
    looks: int
    se: float | None


def connections(rows: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """(start, end, sport, dest) rows, merged into connections with their latest end, sorted by start."""
    open_by_key: dict[tuple[int, int], list[int]] = {}
    out: list[tuple[list[int], tuple[int, int]]] = []
    for start, end, sport, dest in sorted(rows):
        end = max(start, end)
        current = open_by_key.get((sport, dest))
        if current is not None and start <= current[1] + 120_000:
            current[1] = max(current[1], end)
        else:
            current = open_by_key[sport, dest] = [start, end]
            out.append((current, (sport, dest)))
    return sorted((span[0], span[1], *key) for span, key in out)


def port_sequence(events: list[Event], *, same_destination: bool = False) -> Sequence:
    """Section 2.1; with ``same_destination`` (2.2, far) inside each destination, and with it."""
    if same_destination:
        parts = defaultdict(list)
        for event in events:
            parts[event.dest].append(event)
        lists = list(parts.values())
    else:
        lists = [events]
    aboves: list[float] = []
    belows: list[float] = []
    looks = 0
    for part in lists:
        looked = set()
        for event, group in _references(part):
            others = [one for one in group if same_destination or one.dest != event.dest]
            if not others:
                continue
            looked.add(group[0].start)
            rises = [event.sport - one.sport for one in others]
            aboves.append(sum(1 <= rise <= 1024 for rise in rises) / len(others))
            belows.append(sum(1 <= -rise <= 1024 for rise in rises) / len(others))
        looks += len(looked)
    pairs = len(aboves)
    if not pairs:
        return Sequence(None, None, None, 0, 0, None)
    above, below = sum(aboves) / pairs, sum(belows) / pairs
    value = above - below
    se = sqrt(max(above + below - value * value, 1 / (looks + 1)) / looks)
    return Sequence(value if pairs >= 20 and looks >= 10 else None, above, below, pairs, looks, se)


def _references(events: list[Event]) -> list[tuple[Event, list[Event]]]:
    ordered = sorted(events, key=lambda event: (event.start, event.sport, event.dest))
    times = sorted({event.start for event in ordered})
    out = []
    for position, event in enumerate(ordered):
        earlier = [time for time in times if time <= event.start - 30_000]
        candidates = earlier[-1:]
        if position >= 64:
            candidates.append(ordered[position - 64].start)
        before = [time for time in times if time < event.start]
        if not candidates or not before:
            continue
        reference = min(max(candidates), before[-1])
        if event.start - reference <= 3_600_000:
            out.append((event, [one for one in ordered if one.start == reference]))
    return out


def near(events: list[Event]) -> tuple[float | None, int]:
    """Section 2.2, near: value and pairs."""
    ordered = sorted(events, key=lambda event: (event.dest, event.start, event.sport))
    rises = [
        b.sport - a.sport for a, b in pairwise(ordered) if a.dest == b.dest and 0 < b.start - a.start <= 5_000
    ]
    if len(rises) < 20:
        return None, len(rises)
    up = sum(1 <= rise <= 64 for rise in rises)
    down = sum(1 <= -rise <= 64 for rise in rises)
    return (up - down) / len(rises), len(rises)


def peak(spans: list[tuple[int, int]]) -> int:
    """The most [start, end) open at once, each 1 ms long at least."""
    spans = [(start, max(end, start + 1)) for start, end in spans]
    return max((sum(a <= start < b for a, b in spans) for start, _ in spans), default=0)
