"""rwfilter: whether a record passes."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime

from tests.translate.model.records import CONF, MAPPED, Map, Ranges, Row, holds, map_of, set_of

Given = list[tuple[str, str]]
Test = Callable[[Row], bool]
Made = dict[str, Ranges]
FLAG_LETTERS = {c: 1 << i for i, c in enumerate("FSRPAUEC")}
ATTRIBUTE_LETTERS = {"F": 0x08, "S": 0x10, "T": 0x20, "C": 0x40}


def integers(text: str, top: int) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        if "-" in part:
            low, high = part.split("-")
            found.append((int(low), int(high) if high else top))
        else:
            found.append((int(part), int(part)))
    return found


def within(pairs: list[tuple[int, int]], value: int) -> bool:
    return any(low <= value <= high for low, high in pairs)


def instant(text: str) -> tuple[int, int]:
    """First and last ms of what a time leaves open."""
    if re.fullmatch(r"\d{8,}(\.\d+)?", text):
        seconds, _, part = text.partition(".")
        base = int(seconds) * 1000
        return (base + int((part + "00")[:3]),) * 2 if part else (base, base + 999)  # type: ignore[return-value]
    numbers = [int(n) for n in re.split(r"[/:T.]", text)]
    if len(numbers) == 7:
        fraction = int((text.rpartition(".")[2] + "00")[:3])
        base = int(datetime(*numbers[:6], tzinfo=UTC).timestamp()) * 1000 + fraction  # type: ignore[misc]
        return base, base
    first = datetime(*[*numbers, 0, 0, 0][:6], tzinfo=UTC)  # type: ignore[misc]
    span = {3: 86400, 4: 3600, 5: 60, 6: 1}[len(numbers)]
    base = int(first.timestamp()) * 1000
    return base, base + span * 1000 - 1


def window(text: str) -> tuple[int, int]:
    start, dash, end = text.partition("-")
    first = instant(start)[0]
    return (first, instant(end)[1]) if dash and end else (first, first)


def blocks(text: str) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        net = ipaddress.ip_network(part, strict=False)
        base = MAPPED if net.version == 4 else 0
        found.append((int(net.network_address) + base, int(net.broadcast_address) + base))
    return found


def _part(text: str, base: int, top: int) -> set[int]:
    found: set[int] = set()
    for piece in text.split(","):
        if piece in ("x", "X"):
            return set(range(top + 1))
        low, dash, high = piece.partition("-")
        found |= set(range(int(low, base), int(high or low, base) + 1)) if dash else {int(low, base)}
    return found


def wildcard(text: str) -> Test | Callable[[int], bool]:
    """A test of a 128-bit address."""
    if "/" in text or not re.search(r"[x,\-]", text):
        pairs = blocks(text)
        return lambda value: within(pairs, value)
    if ":" in text:
        head, double, tail = text.partition("::")
        before = [p for p in head.split(":") if p]
        after = [p for p in tail.split(":") if p]
        middle = ["0"] * (8 - len(before) - len(after)) if double else []
        parts = [_part(p, 16, 0xFFFF) for p in before + middle + after]
        return lambda value: all(value >> 16 * (7 - i) & 0xFFFF in p for i, p in enumerate(parts))
    four = [_part(p, 10, 255) for p in text.split(".")]
    return lambda value: (
        value >> 32 == 0xFFFF and all(value >> 8 * (3 - i) & 255 in p for i, p in enumerate(four))
    )


def masks(text: str, bits: dict[str, int]) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        high, mask = part.split("/")
        found.append((sum(bits[c] for c in set(high)), sum(bits[c] for c in set(mask))))
    return found


def _sensors(text: str) -> set[int]:
    names = {name: number for number, name in CONF["sensors"].items()}  # type: ignore[attr-defined]
    found: set[int] = set()
    for part in text.split(","):
        if part in names:
            found.add(names[part])
        else:
            low, _, high = part.partition("-")
            found |= set(range(int(low), int(high or low) + 1))
    return found


_SIDES: dict[str, Callable[[Row], tuple[int, ...]]] = {
    "s": lambda r: (r.sip,),
    "d": lambda r: (r.dip,),
    "any": lambda r: (r.sip, r.dip),
    "nh": lambda r: (r.nhip,),
}
_ADDRESS = {
    "scidr": "s", "dcidr": "d", "any-cidr": "any", "nhcidr": "nh", "saddress": "s", "daddress": "d",
    "any-address": "any", "next-hop-id": "nh", "sipset": "s", "dipset": "d", "anyset": "any", "nhipset": "nh",
}  # fmt: skip


def _address_test(name: str, value: str, made: Made) -> Test:
    bare = name.removeprefix("not-")
    sides = _SIDES[_ADDRESS[bare]]
    if bare.endswith("set"):
        ranges = tuple(made[value]) if value in made else set_of(value)
        inside: Callable[[int], bool] = lambda a: holds(ranges, a)  # noqa: E731
    elif bare.endswith("cidr"):
        pairs = blocks(value)
        inside = lambda a: within(pairs, a)  # noqa: E731
    else:
        inside = wildcard(value)  # type: ignore[assignment]
    if name.startswith("not-"):
        return lambda r: not any(inside(a) for a in sides(r))
    return lambda r: any(inside(a) for a in sides(r))


def _decimal(text: str, scale: float) -> tuple[float, float]:
    low, dash, high = text.partition("-")
    if scale != 1:
        first = int(float(low) * scale)
        return first, first if not dash else int(float(high) * scale) if high else float("inf")
    return float(low), float(low) if not dash else float(high) if high else float("inf")


def tests_of(given: Given, made: Made) -> list[Test]:
    """The tests of a command's switches; outputs are none."""
    found: list[Test] = []
    any_of: dict[str, list[tuple[int, int]]] = {}
    single: list[tuple[str, str]] = []
    values = dict(given)
    maps: dict[str, Map] = {}
    for name, value in given:
        if name == "pmap-file":
            own, _, path = value.partition(":")
            maps[own] = map_of(path)
    for name, value in given:
        if name in ("flags-all", "flags-initial", "flags-session"):
            any_of.setdefault(name, []).extend(masks(value, FLAG_LETTERS))
        elif name.endswith("-flag"):
            single.append((name[0].upper(), value))
        elif name in ("class", "type", "pmap-file") or name.endswith(
            ("-destination", "statistics", "-records")
        ):
            continue
        else:
            found.append(_test(name, value, maps, made))
    if single:
        high = sum(FLAG_LETTERS[c] for c, v in single if v == "1")
        any_of.setdefault("flags-all", []).append((high, sum(FLAG_LETTERS[c] for c, _ in single)))
    columns = {"flags-all": "flags", "flags-initial": "initial_flags", "flags-session": "session_flags"}
    for name, pairs in any_of.items():
        found.append(
            lambda r, c=columns[name], p=pairs: any(getattr(r, c) & m == h for h, m in p)  # type: ignore[misc]
        )
    if "type" in values or "class" in values:
        words = values["type"].split(",") if "type" in values else list(CONF["defaults"])
        names = CONF["types"]
        chosen = set(range(len(names))) if "all" in words else {list(names).index(w) for w in words}
        if "all" not in words:
            found.append(lambda r: r.type in chosen)
    return found


def _test(name: str, value: str, maps: dict[str, Map], made: Made) -> Test:
    lists = {"protocol": 255, "sport": 65535, "dport": 65535, "application": 65535}
    if name in lists:
        pairs = integers(value, lists[name])
        return lambda r: within(pairs, getattr(r, name))
    match name:
        case "aport":
            pairs = integers(value, 65535)
            return lambda r: within(pairs, r.sport) or within(pairs, r.dport)
        case "icmp-type":
            pairs = integers(value, 255)
            return lambda r: r.icmp and within(pairs, r.dport >> 8)
        case "icmp-code":
            pairs = integers(value, 255)
            return lambda r: r.icmp and within(pairs, r.dport & 255)
        case "input-index" | "output-index" | "any-index":
            pairs = integers(value, 65535 if name != "any-index" else (1 << 32) - 1)
            tests = {
                "input-index": lambda r: within(pairs, r.input),
                "output-index": lambda r: within(pairs, r.output),
                "any-index": lambda r: within(pairs, r.input) or within(pairs, r.output),
            }
            return tests[name]
        case "bytes" | "packets":
            low, high = _decimal(value, 1)
            return lambda r: low <= getattr(r, name) <= high
        case "bytes-per-packet":
            low, high = _decimal(value, 1)
            return lambda r: low <= r.bytes / r.packets <= high
        case "duration":
            low, high = _decimal(value, 1000)
            return lambda r: low <= r.duration <= high
        case "stime" | "etime":
            first, last = window(value)
            return lambda r: first <= getattr(r, name) <= last
        case "active-time":
            first, last = window(value)
            return lambda r: r.stime <= last and r.etime >= first
        case "tcp-flags":
            any_bits = sum(FLAG_LETTERS[c] for c in set(value))
            return lambda r: bool(r.flags & any_bits)
        case "attributes":
            wanted = masks(value, ATTRIBUTE_LETTERS)
            return lambda r: any(r.attributes & m == h for h, m in wanted)
        case "ip-version":
            versions = {int(v) for v in value.split(",")}
            return lambda r: r.ip_version in versions
        case "flowtypes":
            words = [w.split("/")[1] for w in value.split(",")]
            names = list(CONF["types"])
            chosen = set(range(len(names))) if "all" in words else {names.index(w) for w in words}
            return lambda r: r.type in chosen
        case "sensors":
            ids = _sensors(value)
            return lambda r: r.sensor in ids
    if name.startswith("pmap-"):
        _, side, own = name.split("-", 2)
        table, labels = maps[own], set(value.split(","))
        sides = {"src": "s", "dst": "d", "any": "sd"}[side]
        return lambda r: any(table.label(table.place(r, s)) in labels for s in sides)
    return _address_test(name, value, made)


def passing(given: Given, rows: list[Row], made: Made) -> tuple[list[Row], list[Row]]:
    """The records that pass, and those that fail; ``made`` are the sets of files made before."""
    tests = tests_of(given, made)
    passed: list[Row] = []
    failed: list[Row] = []
    for row in rows:
        (passed if all(t(row) for t in tests) else failed).append(row)
    return passed, failed


def statistics(total: list[Row], passed: list[Row], files: int, volume: bool) -> list[str]:
    """What --print-statistics and --print-volume-statistics say."""
    if not volume:
        text = f"Files {files:5}.  Read {len(total):10}.  Pass {len(passed):10}. Fail  {len(total) - len(passed):10}."
        return [text]
    failed = set(range(len(total)))
    sums = []
    for rows in (total, passed):
        sums.append((len(rows), sum(r.packets for r in rows), sum(r.bytes for r in rows)))
    assert failed is not None
    sums.append(tuple(a - b for a, b in zip(sums[0], sums[1], strict=True)))  # type: ignore[arg-type]
    lines = [f"{'':5}|{'Recs':>18}|{'Packets':>18}|{'Bytes':>20}|{'Files':>10}|"]
    for word, (records, packets, size), shown in zip(
        ("Total", "Pass", "Fail"), sums, (str(files), "", ""), strict=True
    ):
        lines.append(f"{word:>5}|{records:18}|{packets:18}|{size:20}|{shown:>10}|")
    return lines
