"""rwbag, rwbagtool and rwbagcat."""

from __future__ import annotations

import ipaddress
import math

from tests.translate.model.bins import Given, field_text, maps_of, names_of, raw, time_text, versioned
from tests.translate.model.records import MAPPED, Map, Ranges, Row, address_text, holds, joined, set_of
from tests.translate.model.sets import structure

_KEYS = {"input": "in", "output": "out"}


class Bag:
    """Keys as numbers with their counters; ``six``: the keys are IPv6 addresses."""

    def __init__(self, key: str, counters: dict[int, int], maps: dict[str, Map], six: bool = False) -> None:
        self.key = key
        self.counters = counters
        self.maps = maps
        self.addresses = key in ("sip", "dip", "nhip")
        self.six = six or (self.addresses and any(k >> 32 != 0xFFFF for k in counters))


def of_rows(given: Given, rows: list[Row]) -> Bag:
    text = dict(given)["bag-file"]
    key_text, counter, _ = text.split(",")
    maps = maps_of(given)
    if ":" in key_text:
        side = "src-" if key_text.startswith("s") else "dst-"
        key = side + key_text.partition(":")[2]
    else:
        key = key_text.lower()
        key = key[:-2] if key[-2:] in ("v4", "v6") else key
        key = _KEYS.get(key, key)
    column = {"flows": "", "records": "", "sum-packets": "packets", "packets": "packets"}.get(
        counter, "bytes"
    )
    counters: dict[int, int] = {}
    for row in versioned(given, rows):
        value = raw(key, row, (row.stime, row.duration, row.etime), maps, 1000)
        counters[value] = counters.get(value, 0) + (getattr(row, column) if column else 1)
    return Bag(key, counters, maps, key_text.lower().endswith("v6"))


def _number(text: str, bag: Bag) -> int:
    if bag.addresses:
        if text.isdigit():
            return int(text) + MAPPED
        address = ipaddress.ip_address(text)
        return int(address) + (MAPPED if address.version == 4 else 0)
    return int(text) * (1000 if bag.key in ("stime", "etime", "duration") else 1)


def limit(given: Given, bag: Bag) -> Bag:
    counters = dict(bag.counters)
    for name, value in given:
        if name == "mincounter":
            counters = {k: c for k, c in counters.items() if c >= int(value)}
        elif name == "maxcounter":
            counters = {k: c for k, c in counters.items() if c <= int(value)}
        elif name == "minkey":
            counters = {k: c for k, c in counters.items() if k >= _number(value, bag)}
        elif name == "maxkey":
            counters = {k: c for k, c in counters.items() if k <= _number(value, bag)}
        elif name in ("intersect", "mask-set"):
            counters = {k: c for k, c in counters.items() if holds(set_of(value), k)}
        elif name == "complement-intersect":
            counters = {k: c for k, c in counters.items() if not holds(set_of(value), k)}
    return Bag(bag.key, counters, bag.maps, bag.six)


def invert(bag: Bag) -> Bag:
    counters: dict[int, int] = {}
    for counter in (min(c, (1 << 32) - 1) for c in bag.counters.values()):
        counters[counter] = counters.get(counter, 0) + 1
    return Bag("counter", counters, {})


def cover(bag: Bag) -> Ranges:
    return joined([(k, k) for k in bag.counters])


def _key_text(bag: Bag, key: int, given: Given) -> str:
    values = dict(given)
    style = "decimal" if "integer-keys" in values else values.get("key-format", "canonical")
    if bag.key in ("stime", "etime", "duration"):
        if bag.key == "duration" or style in ("decimal", "epoch"):
            return str(key // 1000)
        return time_text(key, "default", False)
    if style == "decimal":
        return str(key - (MAPPED if bag.addresses and not bag.six else 0))
    if bag.addresses:
        return address_text(key, bag.six)
    if bag.key[:4] in ("src-", "dst-") and "pmap-file" not in values:
        return str(key)
    return field_text(bag.key, key, bag.maps)


def cat(given: Given, bag: Bag) -> list[str]:
    bag = limit(given, bag)
    values = dict(given)
    lines: list[str] = []
    if "bin-ips" in values:
        lines += _binned(values["bin-ips"], list(bag.counters.values()))
    elif "network-structure" in values:
        text = values["network-structure"]
        spec = f"v6:{text}" if bag.six and ":" not in text else text
        lines += structure([(k, k, bag.counters[k]) for k in sorted(bag.counters)], spec)
    elif "sort-counters" in values or "print-statistics" not in values:
        keys = sorted(bag.counters)
        if "sort-counters" in values:
            sign = 1 if values["sort-counters"] == "increasing" else -1
            keys.sort(key=lambda k: (sign * bag.counters[k], k if bag.addresses else -k))
        lines += [f"{_key_text(bag, k, given)}|{bag.counters[k]}" for k in keys]
    if "print-statistics" in values:
        lines += _statistics(bag, given)
    return lines


def _binned(kind: str, counters: list[int]) -> list[str]:
    bins: dict[str, int] = {}
    for counter in sorted(min(c, (1 << 32) - 1) for c in counters):
        if kind == "binary":
            low = int(math.log2(counter))
            label = f"2^{low:02d} to 2^{low + 1:02d}-1"
        elif kind == "decimal" and counter >= 100:
            place = math.floor((math.log10(counter) - 1) * 100)
            low, high = math.ceil(10 ** (place / 100 + 1)), math.floor(10 ** ((place + 1) / 100 + 1))
            label = str((low + high) // 2)
        else:
            label = str(counter)
        bins[label] = bins.get(label, 0) + 1
    return [f"{label}|{number}" for label, number in bins.items()]


def _statistics(bag: Bag, given: Given) -> list[str]:
    lines = ["", "Statistics"]
    values = dict(given)
    if not bag.counters:
        limited = any(n in values for n in ("mincounter", "maxcounter", "minkey", "maxkey", "mask-set"))
        return [*lines, "  No entries in bag" + (" within limits." if limited else ".")]
    counters = [float(c) for c in bag.counters.values()]
    n = len(counters)
    total, squares, cubes = sum(counters), sum(c * c for c in counters), sum(c**3 for c in counters)
    mean = total / n
    spread = squares - 2 * mean * total + n * mean**2
    variance = spread / (n - 1) if n > 1 else math.nan
    deviation = math.sqrt(variance) if variance >= 0 else math.nan

    def four(top: float, bottom: float) -> str:
        value = top / bottom if bottom else math.nan
        return "-nan" if math.isnan(value) else f"{value:.4g}"

    rows = [
        ("number of keys", str(n)),
        ("sum of counters", str(sum(bag.counters.values()))),
        ("minimum key", _key_text(bag, min(bag.counters), given)),
        ("maximum key", _key_text(bag, max(bag.counters), given)),
        ("minimum counter", str(min(bag.counters.values()))),
        ("maximum counter", str(max(bag.counters.values()))),
        ("mean", f"{mean:.4g}"),
        ("variance", four(spread, n - 1)),
        ("standard deviation", "-nan" if math.isnan(deviation) else f"{deviation:.4g}"),
        (
            "skew",
            four(cubes - 3 * mean * squares + 3 * mean**2 * total - n * mean**3, n * variance * deviation),
        ),
        ("kurtosis", four(spread**2, n * variance**2)),
        ("nodes allocated", f"{n} ({n * 24} bytes)" if bag.six else "0 (0 bytes)"),
        ("counter density", "100.00%" if bag.six else "inf%"),
    ]
    return lines + [f"{name:>18}:  {text}" for name, text in rows]


__all__ = ["Bag", "cat", "cover", "invert", "limit", "names_of", "of_rows"]
