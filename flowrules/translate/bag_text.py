"""What rwbagcat prints of a bag: keys and counters, bins of counters, network structures, statistics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from flowrules.engine.results import Frame, Scalar, SetResult, TableResult
from flowrules.flows.network_structure import parse_structure, structure_lines
from flowrules.model.address_text import AddressError, format_address
from flowrules.model.fields import IPV4_MAPPED
from flowrules.translate.cells import Surface, delimiter_of, key_cell, key_rank, time_cell
from flowrules.translate.outputs import BagText
from flowrules.translate.set_text import layout_of
from flowrules.translate.switches import Switches

_HIGHEST_COUNTER: Final = (1 << 32) - 1
_NODE_BYTES: Final = 24


def bag_lines(
    output: BagText, table: TableResult, members: SetResult | None, surface: Surface
) -> Iterator[str]:
    """The bag's text; ``members`` are its keys before limits where that matters."""
    switches = output.switches
    frame = table.frame
    pairs = [
        (frame[output.key.column].scalar(r), _whole(frame[table.measures[0]].scalar(r)))
        for r in range(frame.rows)
    ]
    if output.numbers:
        pairs = _capped(pairs)
    six = _six(output, frame, members)
    asked = [n for n in ("network-structure", "bin-ips", "sort-counters") if switches.has(n)]
    if "bin-ips" in asked and len(asked) > 1:
        raise switches.refuse(
            "bin-ips", f"it cannot stand beside --{next(n for n in asked if n != 'bin-ips')}"
        )
    if switches.has("bin-ips"):
        yield from _binned(switches, [c for _, c in pairs])
    elif switches.has("network-structure"):
        yield from _structure(output, pairs, six)
    elif asked or not switches.has("print-statistics"):
        yield from _pairs(output, pairs, six, surface)
    if switches.has("print-statistics"):
        if switches.get("print-statistics") not in ("", "-", "stdout", "stderr"):
            raise switches.refuse("print-statistics", "it is printed, and written to no file")
        yield from _statistics(output, pairs, six, surface)


def _capped(pairs: Sequence[tuple[Scalar, int]]) -> list[tuple[Scalar, int]]:
    """Keys that were counters: all above 32 bits are the highest key."""
    found: dict[Scalar, int] = {}
    for key, counter in pairs:
        place = min(_whole(key), _HIGHEST_COUNTER)
        found[place] = found.get(place, 0) + counter
    return list(found.items())


def _whole(value: Scalar) -> int:
    return value if isinstance(value, int) else 0


def _six(output: BagText, frame: Frame, members: SetResult | None) -> bool:
    """Whether the bag is one of IPv6 addresses: of an IPv6 key, or as soon as one address is."""
    if output.key.column not in ("sip", "dip", "nhip"):
        return False
    if output.six:
        return True
    if members is not None and members.addresses is not None:
        return members.addresses.has_ipv6
    column = frame[output.key.column]
    return any(_whole(column.scalar(r)) >> 32 != IPV4_MAPPED >> 32 for r in range(frame.rows))


def _pairs(
    output: BagText, pairs: Sequence[tuple[Scalar, int]], six: bool, surface: Surface
) -> Iterator[str]:
    switches, key = output.switches, output.key
    delimiter = delimiter_of(switches)
    ordered = sorted(pairs, key=lambda p: key_rank(key, p[0], surface))
    wanted = switches.get("sort-counters")
    if wanted is not None:
        if wanted not in ("", "decreasing", "increasing"):
            raise switches.refuse("sort-counters", f"found {wanted!r}, expected increasing or decreasing")
        if key.column not in ("sip", "dip", "nhip"):
            # equal counters: addresses go up, numbers go down
            ordered.reverse()
        ordered.sort(key=lambda p: p[1] if wanted == "increasing" else -p[1])
    for value, counter in ordered:
        yield f"{_key_text(output, value, six, surface)}{delimiter}{counter}"


def _key_text(output: BagText, value: Scalar, six: bool, surface: Surface) -> str:
    """A key by its type, or as a number (``--key-format=decimal``)."""
    switches, key = output.switches, output.key
    wanted = switches.get("key-format", "canonical" if not switches.has("integer-keys") else "decimal")
    words = {w.strip() for w in (wanted or "canonical").split(",")}
    if words - {"canonical", "decimal", "timestamp", "epoch", "iso-time", "utc"}:
        raise switches.refuse("key-format", f"found {wanted!r}, expected canonical, decimal or epoch")
    if "decimal" in words or ("epoch" in words and key.of in ("stime", "etime")):
        return str(_number(output, value, six, surface))
    if key.of:
        number = _whole(value)
        if key.of == "duration":
            return str(number // 1000)
        return time_cell(number, "iso" if "iso-time" in words else "default", False)
    if key.map and not switches.has("pmap-file"):
        return str(key_rank(key, value, surface))
    if six and isinstance(value, int):
        return format_address(value, 6)
    return key_cell(key, value, surface)


def _number(output: BagText, value: Scalar, six: bool, surface: Surface) -> int:
    key = output.key
    if key.of:
        return _whole(value) // 1000
    if key.column in ("sip", "dip", "nhip"):
        return _whole(value) if six else _whole(value) - IPV4_MAPPED
    return key_rank(key, value, surface)


def _structure(output: BagText, pairs: Sequence[tuple[Scalar, int]], six: bool) -> Iterator[str]:
    switches = output.switches
    if output.key.column not in ("sip", "dip", "nhip"):
        raise switches.refuse("network-structure", f"{output.key.title} is no address")
    text = switches.get("network-structure") or ""
    if ":" not in text and six:
        text = f"v6:{text}"
    try:
        structure = parse_structure(text)
    except AddressError as error:
        raise switches.refuse("network-structure", str(error)) from None
    found = sorted((_whole(k), c) for k, c in pairs)
    if structure.version == 4:
        found = [(a, c) for a, c in found if a >> 32 == IPV4_MAPPED >> 32]
    yield from structure_lines(
        [(a, a) for a, _ in found], structure, [c for _, c in found], layout_of(switches)
    )


def _binned(switches: Switches, counters: Sequence[int]) -> Iterator[str]:
    """How many keys have each counter, or counters of each magnitude (``--bin-ips``)."""
    kind = switches.get("bin-ips") or "linear"
    if kind not in ("linear", "binary", "decimal"):
        raise switches.refuse("bin-ips", f"found {kind!r}, expected linear, binary or decimal")
    delimiter = delimiter_of(switches)
    bins: dict[int, int] = {}
    for counter in counters:
        capped = min(counter, _HIGHEST_COUNTER)
        place = capped if kind == "linear" else _binary(capped) if kind == "binary" else _decimal(capped)
        bins[place] = bins.get(place, 0) + 1
    for place in sorted(bins):
        label = (
            _binary_label(place)
            if kind == "binary"
            else _decimal_label(place)
            if kind == "decimal"
            else place
        )
        yield f"{label}{delimiter}{bins[place]}"


def _binary(counter: int) -> int:
    return counter.bit_length() - 1


def _binary_label(place: int) -> str:
    return f"2^{place:02d} to 2^{place + 1:02d}-1"


def _decimal(counter: int) -> int:
    """Numbers below 100 themselves, above a hundredth of the logarithm's steps."""
    return counter if counter < 100 else math.floor((math.log10(counter) - 1.0) * 100.0)


def _decimal_label(place: int) -> str:
    if place < 100:
        return str(place)
    low, high = math.ceil(10.0 ** (place / 100.0 + 1.0)), math.floor(10.0 ** ((place + 1) / 100.0 + 1.0))
    return str((low + high) // 2)


def _statistics(
    output: BagText, pairs: Sequence[tuple[Scalar, int]], six: bool, surface: Surface
) -> Iterator[str]:
    yield ""
    yield "Statistics"
    if not pairs:
        limits = ("mincounter", "maxcounter", "minkey", "maxkey", "mask-set")
        yield "  No entries in bag" + (" within limits." if any(map(output.switches.has, limits)) else ".")
        return
    ordered = sorted((key_rank(output.key, k, surface), k) for k, _ in pairs)
    counters = [c for _, c in pairs]
    shown = [_key_text(output, k, six, surface) for k in (ordered[0][1], ordered[-1][1])]
    lines = {
        "number of keys": str(len(pairs)),
        "sum of counters": str(sum(counters)),
        "minimum key": shown[0],
        "maximum key": shown[1],
        "minimum counter": str(min(counters)),
        "maximum counter": str(max(counters)),
        **{name: _four(value) for name, value in _moments(counters).items()},
        # a bag of numbers is kept in no nodes, one of IPv6 addresses in one for each key
        "nodes allocated": f"{len(pairs)} ({len(pairs) * _NODE_BYTES} bytes)" if six else "0 (0 bytes)",
        "counter density": "100.00%" if six else "inf%",
    }
    for name, text in lines.items():
        yield f"{name:>18}:  {text}"


def _moments(counters: Sequence[int]) -> dict[str, float]:
    """Mean, variance, deviation, skew and kurtosis as the tool works them out, in doubles."""
    n = float(len(counters))
    total, squares, cubes = (sum(float(c) ** power for c in counters) for power in (1, 2, 3))
    mean = total / n
    spread = squares - 2.0 * mean * total + n * mean * mean
    variance = _by(spread, n - 1.0)
    deviation = math.sqrt(variance) if variance >= 0 else math.nan
    third = cubes - 3.0 * mean * squares + 3.0 * mean * mean * total - n * mean * mean * mean
    return {
        "mean": mean,
        "variance": variance,
        "standard deviation": deviation,
        "skew": _by(third, n * variance * deviation),
        "kurtosis": _by(spread * spread, n * variance * variance),
    }


def _by(value: float, divisor: float) -> float:
    if divisor:
        return value / divisor
    return math.nan if value == 0 or math.isnan(value) else math.copysign(math.inf, value)


def _four(value: float) -> str:
    return "-nan" if math.isnan(value) else f"{value:.4g}"
