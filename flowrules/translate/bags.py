"""rwbag, rwbagtool and rwbagcat: a bag is a table of one key and one counter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve, frozen

from flowrules.model.address_text import AddressError, format_address, parse_address
from flowrules.model.fields import IPV4_MAPPED
from flowrules.translate.errors import TranslationError
from flowrules.translate.fields import (
    BYTES,
    RECORDS,
    KeyField,
    Maps,
    ValueField,
    key_field,
    map_key,
    matched,
    value_field,
)
from flowrules.translate.switches import Switches
from flowrules.translate.values import time_text

_ADDRESSES: Final = ("sip", "dip", "nhip")
_KEYS: Final = {
    **{f"{name}v{version}": name for name in _ADDRESSES for version in (4, 6)},
    **{n: n for n in (*_ADDRESSES, "sport", "dport", "protocol", "packets", "bytes", "flags", "stime", "duration")},
    **{n: n for n in ("etime", "sensor", "initialflags", "sessionflags", "attributes", "application")},
    "input": "in", "output": "out",
}  # fmt: skip
_COUNTERS: Final = {
    "records": "records", "flows": "records", "sum-packets": "packets", "packets": "packets",
    "sum-bytes": "bytes", "bytes": "bytes",
}  # fmt: skip
_HIGHEST: Final = {
    "sport": 65535, "dport": 65535, "application": 65535, "input": 4294967295, "output": 4294967295, "protocol": 255
}  # fmt: skip
_COUNTED: Final = ("packets", "bytes")


@frozen
class Bag:
    """A bag still to be declared: its source, key and counter, and the conditions on both.

    ``six``: whether its keys are IPv6 addresses whatever they hold; ``numbers``: its keys are the counters of
    another bag.
    """

    source: str
    key: KeyField
    counter: ValueField
    wheres: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    six: bool = False
    numbers: bool = False

    @property
    def addresses(self) -> bool:
        """Whether the keys are addresses."""
        return self.key.column in _ADDRESSES

    def declaration(self, name: str, ordered: bool = False) -> str:
        """The table that the bag is."""
        measure = self.counter.text
        if self.counter.column.startswith("sum_"):
            measure += f" as {self.counter.column}"
        where = f" where {' and '.join(self.wheres)}" if self.wheres else ""
        alias = "" if self.key.column == self.key.text else f" as {self.key.column}"
        keep = f" keep {' and '.join(self.keeps)}" if self.keeps else ""
        order = f" order by {self.key.column}" if ordered else ""
        text = f"table {name} = {measure} of {self.source}{where}"
        tail = f" per {self.key.text}{alias}{keep}{order}"
        return text + tail if len(text) + len(tail) <= 110 else f"{text}\n   {tail}"


def bag_files(switches: Switches, source: str, maps: Maps) -> list[tuple[Bag, str]]:
    """The bags that rwbag makes, and the paths that they go to."""
    found: list[tuple[Bag, str]] = []
    for name, value in switches.given:
        if name == "bag-file":
            parts = [p.strip() for p in value.split(",")]
            if len(parts) != 3:
                raise switches.refuse("bag-file", f"found {value!r}, expected KEY,COUNTER,PATH")
            found.append((_bag(switches, name, source, maps, parts[0], parts[1]), parts[2]))
        elif name not in ("pmap-file", "ipv6-policy"):
            # older versions had a switch for each pair: --sip-flows=PATH
            key, _, counter = name.rpartition("-")
            found.append((_bag(switches, name, source, maps, key, counter), value))
    if not found:
        raise TranslationError("rwbag", "", "no bag named", "add --bag-file=KEY,COUNTER,stdout")
    return found


def _bag(switches: Switches, switch: str, source: str, maps: Maps, key_name: str, counter_name: str) -> Bag:
    counter_word = matched(counter_name, _COUNTERS)
    if counter_word is None:
        raise switches.refuse(
            switch, f"counter {counter_name} cannot be said", "records, sum-packets or sum-bytes"
        )
    lower = key_name.lower()
    kind, colon, map_name = key_name.partition(":")
    if colon:
        sides = {"sip-pmap": "src-", "sport-pmap": "src-", "dip-pmap": "dst-", "dport-pmap": "dst-"}
        side = matched(kind, sides)
        if side is None or not map_name:
            raise switches.refuse(switch, f"key {key_name} cannot be said")
        wanted = "address" if kind.lower().startswith(("sip", "dip")) else "port"
        if map_name in maps and not maps[map_name][1].startswith(wanted):
            raise switches.refuse(switch, f"{map_name} is not asked by {wanted}")
        key = map_key(switches.tool, f"--{switch}", side + map_name, maps)
    else:
        name = matched(lower, _KEYS)
        if name is None:
            raise switches.refuse(switch, f"key {key_name} cannot be said")
        key = key_field(name)
    counter = value_field("rwbag", f"--{switch}", counter_word, {}).beside([key])
    keeps = () if counter == RECORDS else (f"{counter.text} > 0",)
    return Bag(source, key, counter, (), keeps, six=lower.endswith("v6"))


def limited(switches: Switches, bag: Bag, set_name: Callable[[str, str, str], str]) -> Bag:
    """The bag with the limits and covers of rwbagtool and rwbagcat applied."""
    switches.once("intersect", "complement-intersect", "pmap-file")
    for name, value in switches.given:
        match name:
            case "mincounter" | "maxcounter":
                if not value.isdigit():
                    raise switches.refuse(name, f"found {value!r}, expected a whole number")
                sign = ">=" if name == "mincounter" else "<="
                unit = "B" if bag.counter.text == BYTES.text else ""
                # a limit from below says more than that there is any
                keeps = tuple(
                    k for k in bag.keeps if not (sign == ">=" and int(value) and k.endswith(" > 0"))
                )
                bag = evolve(bag, keeps=(*keeps, f"{bag.counter.text} {sign} {value}{unit}"))
            case "minkey" | "maxkey":
                bag = evolve(bag, wheres=(*bag.wheres, _key_limit(switches, name, value, bag)))
            case "intersect" | "complement-intersect" | "mask-set":
                if not bag.addresses:
                    raise switches.refuse(name, f"{bag.key.title} is no address")
                word = "not in" if name == "complement-intersect" else "in"
                declared = set_name(switches.tool, f"--{name}", value)
                bag = evolve(bag, wheres=(*bag.wheres, f"{bag.key.text} {word} {declared}"))
    return bag


def inverted(bag: Bag, table: str) -> Bag:
    """The bag of the counters of a bag that is declared as ``table``: how many keys have each."""
    key = KeyField(bag.counter.title, bag.counter.column, bag.counter.column)
    counter = ValueField("Records", "rows", "rows")
    return Bag(table, key, counter, numbers=True)


def cover_text(switches: Switches, bag: Bag, table: str) -> str:
    """The set of a bag's keys, as text."""
    if not bag.addresses:
        raise switches.refuse("coverset", f"{bag.key.title} is no address")
    return f"{table}.{bag.key.column}"


def _address_ranges(low: int, high: int) -> list[str]:
    """A range of 128-bit numbers as ranges of addresses: below IPv4, IPv4 and above it."""
    four_end = IPV4_MAPPED + 0xFFFFFFFF
    found: list[str] = []
    for begin, end, version in (
        (IPV4_MAPPED, four_end, 4),
        (0, IPV4_MAPPED - 1, 6),
        (four_end + 1, (1 << 128) - 1, 6),
    ):
        first, last = max(low, begin), min(high, end)
        if first <= last:
            texts = [format_address(a, version if version == 6 else None) for a in (first, last)]
            found.append(texts[0] if first == last else "-".join(texts))
    return found


def _key_limit(switches: Switches, name: str, value: str, bag: Bag) -> str:
    key, low_end = bag.key, name == "minkey"
    if bag.addresses:
        try:
            number = int(value) + IPV4_MAPPED if value.isdigit() else parse_address(value)
        except AddressError as error:
            raise TranslationError(switches.tool, f"--{name}", str(error)) from None
        ends = (number, (1 << 128) - 1) if low_end else (0, number)
        return f"{key.text} in ({', '.join(_address_ranges(*ends))})"
    if not value.isdigit():
        raise switches.refuse(name, f"found {value!r}, expected a whole number")
    number = int(value)
    if key.of in ("stime", "etime"):
        if low_end:
            return f"{key.of} >= {time_text(number * 1000)}"
        return f"{key.of} < {time_text(number * 1000 + 1000)}"
    if key.of == "duration":
        return f"duration >= {number}s" if low_end else f"duration < {number + 1}s"
    if bag.numbers or key.column in _COUNTED:
        unit = "B" if key.column == "bytes" else ""
        return f"{key.text} {'>=' if low_end else '<='} {number}{unit}"
    if key.column not in _HIGHEST:
        raise switches.refuse(name, f"{key.title} is no number here")
    highest = _HIGHEST[key.column]
    if low_end and number > highest:
        raise switches.refuse(name, f"no {key.title} is above {highest}")
    low, high = (number, highest) if low_end else (0, min(number, highest))
    return f"{key.text} in ({low}-{high})"
