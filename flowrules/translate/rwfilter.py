"""rwfilter's partitioning switches as predicates of the language (rwfilter(1))."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define, field

from flowrules.flows.silk_conf import SilkConf
from flowrules.translate.errors import TranslationError
from flowrules.translate.switches import Switches
from flowrules.translate.values import (
    duration_range,
    flag_masks,
    membership,
    number_list,
    numeric_range,
    time_text,
    time_window,
    wildcard_items,
)

_WORDS: Final = {
    "1": "icmp",
    "6": "tcp",
    "17": "udp",
    "47": "gre",
    "50": "esp",
    "51": "ah",
    "58": "icmp6",
    "132": "sctp",
}
_LISTS: Final = {
    "sport": ("sport", 65535),
    "dport": ("dport", 65535),
    "aport": ("aport", 65535),
    "application": ("application", 65535),
    "input-index": ("input", 4294967295),
    "output-index": ("output", 4294967295),
    "icmp-type": ("icmp_type", 255),
    "icmp-code": ("icmp_code", 255),
}
_RANGES: Final = {
    "packets": ("packets", ""),
    "bytes": ("bytes", "B"),
    "bytes-per-packet": ("bytes_per_packet", ""),
}
_FLAGS: Final = {"flags-all": "flags", "flags-initial": "initial_flags", "flags-session": "session_flags"}
_ADDRESSES: Final = {
    "scidr": "sip", "dcidr": "dip", "any-cidr": "aip", "nhcidr": "nhip",
    "saddress": "sip", "daddress": "dip", "any-address": "aip", "next-hop-id": "nhip",
    "sipset": "sip", "dipset": "dip", "anyset": "aip", "nhipset": "nhip",
}  # fmt: skip
_OUTPUTS: Final = frozenset(
    (
        "pass-destination",
        "fail-destination",
        "all-destination",
        "print-statistics",
        "print-volume-statistics",
        "dry-run",
    )
)


@define
class FilterContext:
    """What a predicate may need besides the switches: names of sets and maps, the site's configuration."""

    conf: SilkConf
    set_name: Callable[[str, str, str], str]
    """(tool, switch, path) to the declared name of a set file."""
    map_name: Callable[[str, str, str, str], tuple[str, str]]
    """(tool, switch, name, path) to the declared name of a prefix map and its kind."""
    maps: dict[str, tuple[str, str]] = field(factory=dict)
    """Prefix maps of this command: SiLK's map name to the declared name and kind."""


def predicates(switches: Switches, context: FilterContext) -> list[str]:
    """The conditions of one rwfilter, all of which must hold, as text of the language."""
    for value in switches.all("pmap-file"):
        load_map(switches, value, context)
    found: list[str] = []
    classes = switches.get("class")
    types = switches.get("type")
    for name, value in switches.given:
        if name in _OUTPUTS or name in ("pmap-file", "class", "type"):
            continue
        found.append(_predicate(switches, name, value, context))
    if classes is not None or types is not None:
        condition = _types(switches, classes, types, context.conf)
        if condition:
            found.insert(0, condition)
    return [f for f in found if f]


def load_map(switches: Switches, value: str, context: FilterContext) -> None:
    """Declare the prefix map of a ``--pmap-file=NAME:PATH`` switch."""
    name, colon, path = value.partition(":")
    if not colon:
        name, path = "", value
    declared, kind = context.map_name(switches.tool, "--pmap-file", name, path)
    context.maps[name or declared] = (declared, kind)


def _predicate(switches: Switches, name: str, value: str, context: FilterContext) -> str:
    tool, shown = switches.tool, f"--{name}"
    if name == "protocol":
        return _protocols(number_list(tool, shown, value, 255))
    if name in _LISTS:
        field_name, highest = _LISTS[name]
        return membership(field_name, number_list(tool, shown, value, highest))
    if name == "any-index":
        items = number_list(tool, shown, value, 4294967295)
        return f"({membership('input', items)} or {membership('output', items)})"
    if name in _RANGES:
        field_name, unit = _RANGES[name]
        return numeric_range(tool, shown, field_name, value, unit)
    if name == "duration":
        return duration_range(tool, shown, value)
    if name in ("stime", "etime"):
        return _window(name, *time_window(tool, shown, value))
    if name == "active-time":
        first, last = time_window(tool, shown, value)
        early = "" if last is None else f"stime <= {time_text(last)}"
        late = "" if first is None else f"etime >= {time_text(first)}"
        return " and ".join(p for p in (early, late) if p)
    if name in _FLAGS:
        return f"{_FLAGS[name]} matches {flag_masks(tool, shown, value, 'FSRPAUEC')}"
    if name == "attributes":
        return f"attributes matches {flag_masks(tool, shown, value, 'FSTC')}"
    if name == "tcp-flags":
        letters = value.upper()
        if not letters or set(letters) - set("FSRPAUEC"):
            raise TranslationError(tool, shown, f"found {value!r}, expected flag letters of FSRPAUEC")
        return f"not flags lacks {letters}"
    if name.endswith("-flag"):
        if value not in ("0", "1"):
            raise TranslationError(tool, shown, f"found {value!r}, expected 0 or 1")
        letter = name[0].upper()
        return f"flags {'has' if value == '1' else 'lacks'} {letter}"
    if name == "ip-version":
        return membership("ip_version", [v.strip() for v in value.split(",")])
    if name == "flowtypes":
        return _flowtypes(switches, value, context.conf)
    if name == "sensors":
        return membership("sensor", _sensors(switches, value, context.conf))
    if name.startswith("pmap-"):
        return _map_labels(switches, name, value, context)
    bare = name.removeprefix("not-")
    if bare in _ADDRESSES:
        return _addresses(switches, name, bare, value, context)
    raise switches.refuse(name, "this switch cannot be said")


def _protocols(items: list[str]) -> str:
    if len(items) == 1 and items[0] in _WORDS:
        return _WORDS[items[0]]
    return membership("protocol", items)


def _window(name: str, first: int | None, last: int | None) -> str:
    if first is None:
        assert last is not None
        return f"{name} <= {time_text(last)}"
    if last is None:
        return f"{name} >= {time_text(first)}"
    if first == last:
        return f"{name} = {time_text(first)}"
    return f"{name} >= {time_text(first)} and {name} <= {time_text(last)}"


def _addresses(switches: Switches, name: str, bare: str, value: str, context: FilterContext) -> str:
    negated = "not " if name.startswith("not-") else ""
    shown = f"--{name}"
    field_name = _ADDRESSES[bare]
    if bare.endswith("set"):
        return f"{field_name} {negated}in {context.set_name(switches.tool, shown, value)}"
    if bare.endswith("cidr"):
        items = [v.strip() for v in value.split(",") if v.strip()]
    else:
        items = wildcard_items(switches.tool, shown, value)
    if not items:
        raise TranslationError(switches.tool, shown, "no address given")
    return f"{field_name} {negated}in ({', '.join(items)})"


def _types(switches: Switches, classes: str | None, types: str | None, conf: SilkConf) -> str:
    """``--class`` and ``--type``: the types meant, or nothing where every type is."""
    known = list(conf.classes) if classes in (None, "all") and classes != "" else (classes or "").split(",")
    if classes not in (None, "all"):
        for name in known:
            if name not in conf.classes:
                raise TranslationError(switches.tool, "--class", f"unknown class {name}")
    if types is None:
        names = [t for c in known for t in conf.classes[c].default_types]
    elif types.strip() == "all":
        if classes in (None, "all"):
            return ""
        names = [f.type_name for f in conf.flowtypes.values() if f.class_name in known]
    else:
        names = [t.strip() for t in types.split(",")]
        for name in names:
            if not conf.flowtype_ids(name):
                raise TranslationError(switches.tool, "--type", f"unknown type {name}")
    condition = membership("type", sorted(set(names), key=names.index))
    if classes not in (None, "all"):
        return f"{membership('class', known)} and {condition}"
    return condition


def _flowtypes(switches: Switches, value: str, conf: SilkConf) -> str:
    pairs: list[str] = []
    types: list[str] = []
    for part in value.split(","):
        class_name, slash, type_name = part.strip().partition("/")
        if not slash:
            raise TranslationError(switches.tool, "--flowtypes", f"found {part!r}, expected CLASS/TYPE")
        if class_name == "all" and type_name == "all":
            return ""
        if type_name == "all":
            pairs.append(membership("class", [class_name]))
            continue
        known = conf.flowtype_ids(type_name, None if class_name == "all" else class_name)
        if not known:
            raise TranslationError(switches.tool, "--flowtypes", f"unknown flowtype {part}")
        if len(known) == len(conf.flowtype_ids(type_name)):
            types.append(type_name)
        else:
            pairs.append(f"class = {class_name} and {membership('type', [type_name])}")
    if types:
        pairs.insert(0, membership("type", types))
    return pairs[0] if len(pairs) == 1 else "(" + " or ".join(pairs) + ")"


def _sensors(switches: Switches, value: str, conf: SilkConf) -> list[str]:
    """Sensor names, ids and ranges of ids as names."""
    names: list[str] = []
    for part in value.split(","):
        word = part.strip()
        low, dash, high = word.partition("-")
        if low.isdigit() and (not dash or high.isdigit()):
            ids = range(int(low), int(high or low) + 1)
            found = [conf.sensors[i].name for i in ids if i in conf.sensors]
            if not found:
                raise TranslationError(switches.tool, "--sensors", f"no sensor has an id of {word}")
            names += found
        elif conf.sensor_id(word) is not None:
            names.append(word)
        elif word in conf.groups or word.removeprefix("@") in conf.groups:
            names += conf.groups[word.removeprefix("@")]
        else:
            raise TranslationError(
                switches.tool,
                "--sensors",
                f"unknown sensor {word}",
                "give the site's silk.conf with --silk-config",
            )
    return [n if n.isidentifier() else f'"{n}"' for n in names]


def _map_labels(switches: Switches, name: str, value: str, context: FilterContext) -> str:
    _, side, map_name = name.split("-", 2)
    if map_name not in context.maps:
        raise TranslationError(switches.tool, f"--{name}", f"no --pmap-file names a map {map_name}")
    declared, kind = context.maps[map_name]
    labels = ", ".join(f'"{v.strip()}"' for v in value.split(","))
    calls = {
        "src": [map_call(declared, kind, "s")],
        "dst": [map_call(declared, kind, "d")],
        "any": [map_call(declared, kind, "s"), map_call(declared, kind, "d")],
    }[side]
    parts = [f"{c} in ({labels})" for c in calls]
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"


def map_call(declared: str, kind: str, side: str) -> str:
    """A map asked for the source (``s``) or the destination (``d``) of a flow."""
    return f"{declared}({side}ip)" if kind == "address" else f"{declared}({side}port, protocol)"
