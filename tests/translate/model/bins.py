"""rwuniq, rwstats and rwcount."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction

from tests.translate.model.filtering import instant, integers
from tests.translate.model.records import (
    CONF,
    Map,
    Row,
    address_text,
    attributes_text,
    flags_text,
    map_of,
)

Given = list[tuple[str, str]]
TITLES = {
    "sip": "sIP", "dip": "dIP", "sport": "sPort", "dport": "dPort", "protocol": "protocol", "packets": "packets",
    "bytes": "bytes", "flags": "flags", "stime": "sTime", "duration": "duration", "etime": "eTime",
    "sensor": "sensor", "in": "in", "out": "out", "nhip": "nhIP", "class": "class", "type": "type", "itype": "iType",
    "icode": "iCode", "initialflags": "initialFlags", "sessionflags": "sessionFlags", "attributes": "attributes",
    "application": "application",
}  # fmt: skip
NUMBERS = {
    "1": "sip", "2": "dip", "3": "sport", "4": "dport", "5": "protocol", "6": "packets", "7": "bytes", "8": "flags",
    "9": "stime", "10": "duration", "11": "etime", "12": "sensor", "13": "in", "14": "out", "15": "nhip",
    "20": "class", "21": "type", "26": "initialflags", "27": "sessionflags", "28": "attributes", "29": "application",
}  # fmt: skip
Times = tuple[int, int, int]
"""Start, duration and end of a record, as binned."""


def names_of(text: str) -> list[str]:
    return [NUMBERS.get(w, w if w[:4] in ("src-", "dst-") else w.lower()) for w in text.split(",")]


def maps_of(given: Given) -> dict[str, Map]:
    return {v.partition(":")[0]: map_of(v.partition(":")[2]) for n, v in given if n == "pmap-file"}


def versioned(given: Given, rows: list[Row]) -> list[Row]:
    """The records that --ipv6-policy leaves."""
    policy = dict(given).get("ipv6-policy", "mix")
    if policy == "ignore":
        return [r for r in rows if r.ip_version == 4]
    if policy == "only":
        return [r for r in rows if r.ip_version == 6]
    if policy == "asv4":
        return [
            r for r in rows if r.ip_version == 4 or all(a >> 32 == 0xFFFF for a in (r.sip, r.dip, r.nhip))
        ]
    return rows


def raw(name: str, row: Row, times: Times, maps: dict[str, Map], step: int) -> int:
    """A field as a number; times in whole units of ``step`` ms."""
    match name:
        case "stime":
            return times[0] // step * step
        case "duration":
            return times[1] // step * step
        case "etime":
            return times[2] // step * step
        case "in":
            return row.input
        case "out":
            return row.output
        case "class" | "type":
            return row.type
        case "itype":
            return row.dport >> 8 if row.icmp else 0
        case "icode":
            return row.dport & 255 if row.icmp else 0
        case "initialflags":
            return row.initial_flags
        case "sessionflags":
            return row.session_flags
        case "attributes":
            return row.attributes & 0x78
        case _ if name[:4] in ("src-", "dst-"):
            return maps[name[4:]].place(row, name[0])
        case _:
            return int(getattr(row, name))


def time_text(ms: int, style: str, with_ms: bool) -> str:
    seconds, rest = divmod(ms, 1000)
    part = f".{rest:03d}" if with_ms else ""
    if style == "epoch":
        return f"{seconds}{part}"
    moment = datetime.fromtimestamp(seconds, UTC)
    pattern = "%Y-%m-%d %H:%M:%S" if style == "iso" else "%Y/%m/%dT%H:%M:%S"
    return moment.strftime(pattern) + part


class Binning:
    """The keys of a command, and its records' times as binned."""

    def __init__(self, given: Given) -> None:
        values = dict(given)
        self.names = names_of(values["fields"])
        self.maps = maps_of(given)
        self.style = values.get("timestamp-format", "default")
        self.step = 1000
        self.width = 0
        if "bin-time" in values and {"stime", "etime"} & set(self.names):
            self.width = round(float(values["bin-time"] or "60") * 1000)
            if self.width % 1000:
                self.step = 1
        self.with_ms = self.step == 1

    def times(self, row: Row) -> Times:
        start, end, span = row.stime, row.etime, row.duration
        if self.width and "stime" in self.names:
            start = start // self.width * self.width
        if self.width and "etime" in self.names:
            end = end // self.width * self.width
        if self.width and {"stime", "etime", "duration"} <= set(self.names):
            span = end - start
        return start, span, end

    def key(self, row: Row, times: Times) -> tuple[int, ...]:
        found = [raw(n, row, times, self.maps, self.step) for n in self.names]
        if not self.width and {"stime", "etime", "duration"} <= set(self.names):
            # the last of the three that is named follows from the two before it
            last = [n for n in self.names if n in ("stime", "etime", "duration")][-1]
            get = dict(zip(self.names, found, strict=True))
            follows = {
                "stime": lambda: get["etime"] - get["duration"],
                "etime": lambda: get["stime"] + get["duration"],
                "duration": lambda: get["etime"] - get["stime"],
            }
            found[self.names.index(last)] = follows[last]()
        return tuple(found)

    def texts(self, key: tuple[int, ...]) -> list[str]:
        return [self._text(n, key) for n in self.names]

    def _text(self, name: str, key: tuple[int, ...]) -> str:
        get = dict(zip(self.names, key, strict=True))
        value = get[name]
        if name in ("stime", "etime"):
            return time_text(value, self.style, self.with_ms)
        if name == "duration":
            return f"{value // 1000}.{value % 1000:03d}" if self.with_ms else str(value // 1000)
        if name in ("itype", "icode"):
            if "protocol" in get:
                six = any(get[n] >> 32 != 0xFFFF for n in ("sip", "dip", "nhip") if n in get)
                if not (get["protocol"] == 1 or (get["protocol"] == 58 and six)):
                    return ""
            if "dport" in get:
                return str(get["dport"] >> 8 if name == "itype" else get["dport"] & 255)
            return str(value)
        return field_text(name, value, self.maps)


def field_text(name: str, value: int, maps: dict[str, Map]) -> str:
    if name in ("sip", "dip", "nhip"):
        return address_text(value)
    if name in ("flags", "initialflags", "sessionflags"):
        return flags_text(value)
    if name == "attributes":
        return attributes_text(value)
    if name == "sensor":
        return CONF["sensors"].get(value, "?")  # type: ignore[attr-defined,no-any-return]
    if name == "class":
        return "all" if value < 11 else "?"
    if name == "type":
        return list(CONF["types"])[value] if value < 11 else str(value)
    if name[:4] in ("src-", "dst-"):
        return maps[name[4:]].label(value)
    return str(value)


def _value(name: str) -> tuple[str, str]:
    """An aggregate's canonical name and title."""
    lower = name.lower()
    plain = {
        "records": "Records", "flows": "Records", "packets": "Packets", "bytes": "Bytes",
        "stime-earliest": "sTime-Earliest", "etime-latest": "eTime-Latest",
    }  # fmt: skip
    if lower in plain:
        return ("records" if lower == "flows" else lower), plain[lower]
    if lower.endswith("-distinct"):
        lower = f"distinct:{lower[:3]}"
        name = lower
    field = name.partition(":")[2]
    field = field if field[:4] in ("src-", "dst-") else NUMBERS.get(field, field.lower())
    return f"distinct:{field}", f"{TITLES.get(field, field)}-Distinct"


def aggregate(name: str, rows: list[tuple[Row, Times]], binning: Binning) -> int:
    match name:
        case "records":
            return len(rows)
        case "packets":
            return sum(r.packets for r, _ in rows)
        case "bytes":
            return sum(r.bytes for r, _ in rows)
        case "stime-earliest":
            return min(t[0] for _, t in rows)
        case "etime-latest":
            return max(t[2] for _, t in rows)
    field = name.partition(":")[2]
    return len({raw(field, r, t, binning.maps, binning.step) for r, t in rows})


def grouped(given: Given, rows: list[Row]) -> tuple[Binning, dict[tuple[int, ...], list[tuple[Row, Times]]]]:
    binning = Binning(given)
    groups: dict[tuple[int, ...], list[tuple[Row, Times]]] = {}
    for row in rows:
        times = binning.times(row)
        groups.setdefault(binning.key(row, times), []).append((row, times))
    return binning, groups


def uniq(given: Given, rows: list[Row]) -> list[str]:
    rows = versioned(given, rows)
    values: list[tuple[str, str]] = []
    limits: list[tuple[str, int, int | None]] = []

    def add(name: str) -> str:
        found = _value(name)
        if found not in values:
            values.append(found)
        return found[0]

    for word in (v for n, text in given if n == "values" for v in text.split(",")):
        add(word)
    for name, text in given:
        if name == "all-counts":
            for word in ("bytes", "packets", "records", "stime-earliest", "etime-latest"):
                add(word)
        elif name in ("flows", "bytes", "packets", "sip-distinct", "dip-distinct", "threshold"):
            what, limit = (name, text) if name != "threshold" else text.split("=")
            canonical = add(what)
            if limit:
                low, dash, high = limit.partition("-")
                limits.append((canonical, max(int(low), 1), int(high) if dash and high else None))
        elif name in ("stime", "etime"):
            add({"stime": "stime-earliest", "etime": "etime-latest"}[name])
    if not values:
        add("records")
    binning, groups = grouped(given, rows)
    lines = []
    if "no-titles" not in dict(given):
        lines.append("|".join([*(TITLES.get(n, n) for n in binning.names), *(t for _, t in values)]))
    for key in sorted(groups):
        found = {name: aggregate(name, groups[key], binning) for name, _ in values}
        if all(found[n] >= low and (high is None or found[n] <= high) for n, low, high in limits):
            cells = [
                time_text(found[n], binning.style, binning.with_ms) if n in ("stime-earliest", "etime-latest")
                else str(found[n])
                for n, _ in values
            ]  # fmt: skip
            lines.append("|".join([*binning.texts(key), *cells]))
    return lines


_LAST = (1 << 32) - 1
_ENDS = {
    "bytes": [40, 60, 100, 150, 256, 1000, 10000, 100000, 1000000, _LAST],
    "packets": [3, 4, 10, 20, 50, 100, 500, 1000, 10000, _LAST],
    "bpp": [40, 44, 60, 100, 200, 400, 600, 800, 1500, _LAST],
}
_OTHER_ENDS = {
    "bytes": [20, 40, 80, 130, 256, 1000, 10000, 100000, 1000000, _LAST],
    "packets": [3, 4, 10, 20, 50, 100, 500, 1000, 10000, _LAST],
    "bpp": [20, 24, 40, 100, 200, 400, 600, 800, 1500, _LAST],
}


def overall(given: Given, rows: list[Row]) -> list[str]:
    """--overall-stats and --detail-proto-stats."""
    text = dict(given).get("detail-proto-stats")
    wanted = sorted({p for a, b in integers(text, 255) for p in range(a, b + 1)}) if text else []
    lines: list[str] = []
    if not rows:
        return ["FLOW STATISTICS--ALL PROTOCOLS:  0 records"]
    parts = {p: [r for r in rows if r.protocol == p] for p in wanted}
    if not any(len(part) == len(rows) for part in parts.values()):
        lines.append(f"FLOW STATISTICS--ALL PROTOCOLS:  {len(rows)} records")
        lines += _intervals(rows, _ENDS, "%_of_input")
    for protocol, part in parts.items():
        lines += ["", f"FLOW STATISTICS--PROTOCOL {protocol}:  {len(part)}/{len(rows)} records"]
        lines += _intervals(part, _ENDS if protocol == 6 else _OTHER_ENDS, "%_of_proto") if part else []
    return lines


def _intervals(rows: list[Row], ends: dict[str, list[int]], share_title: str) -> list[str]:
    lines = []
    for name, title in (("bytes", "BYTES"), ("packets", "PACKETS"), ("bpp", "BYTES/PACKET")):
        exact = [r.bytes / r.packets if name == "bpp" else getattr(r, name) for r in rows]
        numbers = [int(v) for v in exact]
        counts = [0] * 10
        for value in numbers:
            counts[next(i for i, end in enumerate(ends[name]) if value <= end)] += 1
        lines.append(f"*{title} min {min(numbers)}; max {max(numbers)}")
        quarter = len(rows) >> 2
        marks = []
        for target in (quarter, len(rows) >> 1, 3 * quarter):
            seen = 0
            for i, count in enumerate(counts):
                if seen + count >= target:
                    low = ends[name][i - 1] if i else 0
                    marks.append(
                        low + (target - seen) / count * (ends[name][i] - low) if count else float("nan")
                    )
                    break
                seen += count
        shown = ["-nan" if v != v else f"{v:.5f}" for v in (*marks, marks[2] - marks[0])]
        lines.append("  quartiles LQ {} Med {} UQ {} UQ-LQ {}".format(*shown))
        lines.append(f"interval_max|count<=max|{share_title}|cumul_%")
        running = 0.0
        for end, count in zip(ends[name], counts, strict=True):
            running += 100.0 * count / len(rows)
            lines.append(f"{end}|{count}|{100.0 * count / len(rows):.6f}|{running:.6f}")
    return lines


def stats(given: Given, rows: list[Row]) -> list[str]:
    switches = dict(given)
    if "overall-stats" in switches or "detail-proto-stats" in switches:
        return overall(given, rows)
    rows = versioned(given, rows)
    values = [_value(w) for n, text in given if n == "values" for w in text.split(",")]
    values += [_value(n) for n, _ in given if n in ("flows", "bytes", "packets")]
    values = values or [_value("records")]
    binning, groups = grouped(given, rows)
    first, title = values[0]
    everything = [(r, binning.times(r)) for r in rows]
    total = aggregate(first, everything, binning) if rows else 0
    bottom = "bottom" in switches
    sums = {k: [aggregate(n, g, binning) for n, _ in values] for k, g in groups.items()}
    sign = 1 if bottom else -1
    order = sorted(sums, key=lambda k: (sign * sums[k][0], [*binning.texts(k), *map(str, sums[k])]))
    word, side = ("Bottom", "below") if bottom else ("Top", "above")
    if "count" in switches:
        number = int(switches["count"])
        if number == 0:
            number = len(groups)
        kept = order[:number]
        if number < len(order) and sums[order[number - 1]][0] == sums[order[number]][0]:
            return ["tie"]
        said = f"{word} {number} Bin{'' if number == 1 else 's'} by {title}"
    else:
        if "threshold" in switches:
            limit = int(switches["threshold"])
            shown, none = f"(threshold {limit})", f"{limit} {title}"
        else:
            percent = float(switches["percentage"])
            limit = int(percent * total / 100.0)
            shown, none = f"({percent:.4f}% == {limit})", f"{percent:.4f}% ({limit} {title})"
        kept = [k for k in order if (sums[k][0] <= limit if bottom else sums[k][0] >= limit)]
        said = (
            f"{word} {len(kept)} bins by {title} {shown}" if kept else f"No bins {side} threshold of {none}"
        )
    lines: list[str] = []
    percents = "no-percents" not in switches
    if "no-titles" not in switches:
        plural = "" if len(rows) == 1 else "s"
        bins = f"{len(groups)} Bin{'' if len(groups) == 1 else 's'}"
        head = f"INPUT: {len(rows)} Record{plural} for {bins}"
        lines += [head + (f" and {total} Total {title}" if total else ""), f"OUTPUT: {said}"]
        if said.startswith("No"):
            return lines
        columns = [*(TITLES.get(n, n) for n in binning.names), *(t for _, t in values)]
        lines.append("|".join(columns + ([f"%{title}", "cumul_%"] if percents else [])))
    running = 0.0
    for key in kept:
        share = 100.0 * sums[key][0] / total
        running += share
        cells = [*binning.texts(key), *map(str, sums[key])]
        if percents:
            cells += [f"{share:.6f}", f"{running:.4f}" if first.startswith("distinct") else f"{running:.6f}"]
        lines.append("|".join(cells))
    return lines


def count(given: Given, rows: list[Row]) -> list[str]:
    switches = dict(given)
    lines = [] if "no-titles" in switches else ["Date|Records|Bytes|Packets"]
    width = int(float(switches.get("bin-size", "30")) * 1000)
    scheme = int(switches.get("load-scheme", "4"))
    start = instant(switches["start-time"])[0] if "start-time" in switches else None
    end: int | None = None
    if "end-time" in switches:
        base = start if start is not None else 0
        last = instant(switches["end-time"])[1]
        end = base - (base - last - 1) // width * width
    if not rows:
        return lines
    bins: dict[int, list[Fraction]] = {}
    base = start or 0

    def add(place: int, records: Fraction, volume: Fraction, row: Row) -> None:
        at = base + place * width
        if (start is not None and at < start) or (end is not None and at >= end):
            return
        cells = bins.setdefault(at, [Fraction(0)] * 3)
        for i, value in enumerate((records, row.bytes * volume, row.packets * volume)):
            cells[i] += value

    one = Fraction(1)
    for row in rows:
        first, last = (row.stime - base) // width, (row.etime - base) // width
        touched = last - first + 1
        places: list[tuple[int, Fraction, Fraction]]
        # bins outside the window count, and nothing is put there
        seen = range(
            max(first, 0) if start is not None else first,
            (last if end is None else min(last, (end - base) // width - 1)) + 1,
        )
        if scheme == 0:
            places = [(p, one / touched, one / touched) for p in seen]
        elif scheme == 1:
            places = [(first, one, one)]
        elif scheme == 2:
            places = [(last, one, one)]
        elif scheme == 3:
            places = [((row.stime + row.duration // 2 - base) // width, one, one)]
        elif scheme == 4:
            places = []
            for p in seen:
                low, high = max(row.stime, base + p * width), min(row.etime, base + (p + 1) * width - 1)
                part = Fraction(high - low + 1, row.duration + 1)
                places.append((p, part, part))
        elif scheme == 5:
            places = [(p, one, one) for p in seen]
        else:
            places = [(p, one, one if touched == 1 else Fraction(0)) for p in seen]
        for place, records, volume in places:
            add(place, records, volume, row)
    held = [at for at, cells in bins.items() if cells[1]]
    low = start if start is not None else min(held, default=None)
    high = end - width if end is not None else max(held, default=None)
    if low is None and high is None:
        return lines
    low = high if low is None else low
    high = low if high is None else high
    assert low is not None and high is not None
    style = "epoch" if "epoch-slots" in switches else switches.get("timestamp-format", "default")
    text: Callable[[int], str] = lambda at: time_text(at, style, bool(width % 1000 or at % 1000))  # noqa: E731
    if "bin-slots" in switches:
        assert start is not None
        text = lambda at: str((at - start) // width)  # noqa: E731
    for at in range(low, high + 1, width):
        cells = bins.get(at, [Fraction(0)] * 3)
        if "skip-zeroes" in switches and not cells[0]:
            continue
        lines.append("|".join([text(at), *(f"{float(c):.2f}" for c in cells)]))
    return lines
