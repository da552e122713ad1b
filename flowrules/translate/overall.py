"""``rwstats --overall-stats`` and ``--detail-proto-stats``: minima, maxima, quartiles and intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final

from flowrules.engine.results import Frame, Results, Scalar
from flowrules.translate.fields import Naming
from flowrules.translate.outputs import Overall
from flowrules.translate.switches import Switches
from flowrules.translate.values import number_list

_HIGHEST: Final = 4294967295
_TCP: Final = {
    "bytes": (40, 60, 100, 150, 256, 1000, 10000, 100000, 1000000, _HIGHEST),
    "packets": (3, 4, 10, 20, 50, 100, 500, 1000, 10000, _HIGHEST),
    "bytes_per_packet": (40, 44, 60, 100, 200, 400, 600, 800, 1500, _HIGHEST),
}
_OTHERS: Final = {
    "bytes": (20, 40, 80, 130, 256, 1000, 10000, 100000, 1000000, _HIGHEST),
    "packets": (3, 4, 10, 20, 50, 100, 500, 1000, 10000, _HIGHEST),
    "bytes_per_packet": (20, 24, 40, 100, 200, 400, 600, 800, 1500, _HIGHEST),
}
_TITLES: Final = {"bytes": "BYTES", "packets": "PACKETS", "bytes_per_packet": "BYTES/PACKET"}


def intervals(protocol: str) -> Mapping[str, tuple[int, ...]]:
    """The interval limits for one protocol, or for all together (as for TCP)."""
    return _TCP if protocol in ("", "6") else _OTHERS


def overall(switches: Switches, source: str, name: Naming) -> tuple[list[str], Overall]:
    """A table of minima, maxima and shares under the interval limits, for all flows and for each protocol."""
    protocols: list[str] = []
    if switches.has("detail-proto-stats"):
        for item in number_list(
            "rwstats", "--detail-proto-stats", switches.get("detail-proto-stats") or "", 255
        ):
            low, _, high = item.partition("-")
            protocols += [str(n) for n in range(int(low), int(high or low) + 1)]
    declarations: list[str] = []
    tables: list[tuple[str, str]] = []
    for protocol in ["", *sorted(set(protocols), key=int)]:
        table = name(f"protocol_{protocol}" if protocol else "overall")
        where = f" where protocol = {protocol}" if protocol else ""
        columns = ",\n    ".join(_columns(intervals(protocol)))
        declarations.append(f"table {table} = {columns}\n    of {source}{where}")
        tables.append((protocol, table))
    return declarations, Overall(tuple(tables), switches)


def _columns(limits: Mapping[str, tuple[int, ...]]) -> list[str]:
    columns = ["flows"]
    for field, ends in limits.items():
        columns += [f"min({field})", f"max({field})"]
        unit = "" if field == "packets" else "B"
        for place, limit in enumerate(ends[:-1]):
            # rwstats divides bytes by packets in whole numbers: up to 60 means below 61
            test = f"< {limit + 1}{unit}" if field == "bytes_per_packet" else f"<= {limit}{unit}"
            columns.append(f"fraction({field} {test}) as {field}_{place}")
    return columns


def overall_lines(output: Overall, results: Results, ruleset: str, delimiter: str) -> Iterator[str]:
    """What rwstats prints of them."""
    frames = [(p, results.tables[f"{ruleset}:{t}"].frame) for p, t in output.tables]
    counts = {p: int(exact(f["flows"].scalar(0))) for p, f in frames}
    total = counts[""]
    alone = any(p and counts[p] == total for p in counts) and total > 0
    titles = not output.switches.has("no-titles")
    for protocol, frame in frames:
        flows = counts[protocol]
        if protocol:
            if not total:
                return
            yield ""
            yield f"FLOW STATISTICS--PROTOCOL {protocol}:  {flows}/{total} records"
        elif alone:
            continue
        else:
            yield f"FLOW STATISTICS--ALL PROTOCOLS:  {flows} records"
        if flows:
            share = "%_of_proto" if protocol else "%_of_input"
            for field, ends in intervals(protocol).items():
                yield from _field_lines(frame, field, ends, flows, delimiter, share if titles else "")


def _field_lines(
    frame: Frame, field: str, limits: Sequence[int], flows: int, delimiter: str, share_title: str
) -> Iterator[str]:
    low, high = (int(exact(frame[f"{m}_{field}"].scalar(0))) for m in ("min", "max"))
    yield f"*{_TITLES[field]} min {min(low, 2147483647)}; max {high}"
    below = [int(exact(frame[f"{field}_{place}"].scalar(0)) * flows) for place in range(len(limits) - 1)]
    below.append(flows)
    # whole quarters of the count, and the upper one is three times the lower
    quarter = flows >> 2
    lower, middle, upper = (_quartile(at, below, limits) for at in (quarter, flows >> 1, 3 * quarter))
    shown = [_five(v) for v in (lower, middle, upper, upper - lower)]
    yield "  quartiles LQ {} Med {} UQ {} UQ-LQ {}".format(*shown)
    if share_title:
        yield delimiter.join(("interval_max", "count<=max", share_title, "cumul_%"))
    running = 0.0
    for place, limit in enumerate(limits):
        count = below[place] - (below[place - 1] if place else 0)
        share = 100.0 * count / flows
        running += share
        yield delimiter.join((str(limit), str(count), f"{share:.6f}", f"{running:.6f}"))


def _quartile(target: int, below: Sequence[int], limits: Sequence[int]) -> float:
    """The value at a rank, interpolated within its interval; not a number where the interval is empty."""
    place = next(i for i, count in enumerate(below) if target <= count)
    start, counted = (limits[place - 1], below[place - 1]) if place else (0, 0)
    inside = below[place] - counted
    if not inside:
        return math.nan
    return start + (target - counted) / inside * (limits[place] - start)


def _five(value: float) -> str:
    return "-nan" if math.isnan(value) else f"{value:.5f}"


def exact(value: Scalar) -> Fraction:
    """A number of a result, 0 where it is unknown."""
    return Fraction(value) if isinstance(value, int | float | Fraction) else Fraction(0)
