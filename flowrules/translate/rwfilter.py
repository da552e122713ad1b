"""rwfilter's partitioning switches as predicates of the language (rwfilter(1))."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define, field

from flowrules.flows.silk_conf import SilkConf
from flowrules.translate.errors import TranslationError
from flowrules.translate.switches import Switches
from flowrules.translate.values import (
    address_items,
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
    "input-index": ("input", 65535),
    "output-index": ("output", 65535),
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
_UNSURE: Final = {
    "icmp-type": "icmp_type", "icmp-code": "icmp_code", "sensors": "sensor", "flowtypes": "type",
    "bytes-per-packet": "bytes_per_packet",
}  # fmt: skip
"""Switches about what a record may not have, as the field that is unknown then."""
_OUTPUTS: Final = frozenset(
    (
        "pass-destination",
        "fail-destination",
        "all-destination",
        "print-statistics",
        "print-volume-statistics",
        "max-pass-records",
        "max-fail-records",
    )
)
_REPEATABLE: Final = (
    *("flags-all", "flags-initial", "flags-session", "pmap-file"),
    *("pass-destination", "fail-destination", "all-destination"),
)
_FLAG_BITS: Final = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")


@define
class FilterContext:
    """What a predicate may need besides the switches: names of sets and maps, the site's configuration."""

    conf: SilkConf
    set_name: Callable[[str, str, str], str]
    """(tool, switch, path) to the declared name of a set file."""
    map_name: Callable[[str, str, str, str], tuple[str, str]]
    """(tool, switch, name, path) to the declared name of a prefix map and its kind."""
    own_name: Callable[[str], str] = lambda path: ""
    """Path of a prefix map to the name within it, empty where it has none."""
    maps: dict[str, tuple[str, str]] = field(factory=dict)
    """Prefix maps of this command: SiLK's map name to the declared name and kind."""


def predicates(switches: Switches, context: FilterContext) -> list[str]:
    """The conditions of one rwfilter, all of which must hold, as text of the language.

    Where the records that fail are asked for too, what may be unknown says that it is known.
    """
    _refuse_contradictions(switches)
    found: list[str] = []
    for name, value in switches.given:
        if name in _OUTPUTS or name in ("pmap-file", "class", "type"):
            continue
        # all switches about one kind of flags are one list of masks, of which any may match
        if name in _FLAGS or name.endswith("-flag"):
            field_name = _FLAGS.get(name, "flags")
            condition = _flags(switches, field_name)
            if condition not in found:
                found.append(condition)
            continue
        condition = _predicate(switches, name, value, context)
        unsure = _UNSURE.get(name) if switches.has("fail-destination") else None
        found.append(f"known({unsure}) and {condition}" if unsure and condition else condition)
    classes, types = switches.get("class"), switches.get("type")
    if classes is not None or types is not None:
        condition = _types(switches, classes, types, context.conf)
        both = condition and switches.has("fail-destination")
        found.insert(0, f"known(type) and {condition}" if both else condition)
    return [f for f in found if f]


def _refuse_contradictions(switches: Switches) -> None:
    switches.once(*_REPEATABLE)
    for name, _ in switches.given:
        if name.startswith("not-") and switches.has(name[4:]):
            raise switches.refuse(name, f"only one of --{name} and --{name[4:]} is allowed")
    if switches.has("flowtypes") and (switches.has("class") or switches.has("type")):
        raise switches.refuse("flowtypes", "it cannot stand beside --class and --type")
    icmp = next((n for n in ("icmp-type", "icmp-code") if switches.has(n)), None)
    protocols = switches.get("protocol")
    if icmp and protocols is not None:
        ranges = (i.partition("-") for i in number_list("rwfilter", "--protocol", protocols, 255))
        if not any(int(low) <= p <= int(high or low) for low, _, high in ranges for p in (1, 58)):
            raise switches.refuse(icmp, "--protocol includes neither 1 nor 58")


def _flags(switches: Switches, field_name: str) -> str:
    """Every switch about one field of flags: any of the masks; ``--ack-flag`` and its like are one mask."""
    masks: list[str] = []
    place: int | None = None
    high = mask = ""
    for name, value in switches.given:
        if _FLAGS.get(name) == field_name:
            masks += flag_masks(switches.tool, f"--{name}", value, "FSRPAUEC")
        elif field_name == "flags" and name.endswith("-flag"):
            if value not in ("0", "1"):
                raise switches.refuse(name, f"found {value!r}, expected 0 or 1")
            place = len(masks) if place is None else place
            letter = name[0].upper()
            high, mask = high + (letter if value == "1" else ""), mask + letter
    if place is not None:
        if not masks and high in ("", mask):
            return f"flags {'has' if high else 'lacks'} {mask}"
        masks.insert(place, f"{high}/{mask}")
    return f"{field_name} matches {masks[0] if len(masks) == 1 else '(' + ', '.join(masks) + ')'}"


def load_map(switches: Switches, value: str, context: FilterContext) -> None:
    """Declare the prefix map of a ``--pmap-file=NAME:PATH`` switch."""
    name, colon, path = value.partition(":")
    if not colon:
        path = value
        name = context.own_name(path)
        if not name:
            raise switches.refuse(
                "pmap-file", f"{path} has no name of its own", "write --pmap-file=NAME:PATH"
            )
    if name in context.maps:
        raise switches.refuse("pmap-file", f"two maps are called {name}")
    context.maps[name] = context.map_name(switches.tool, "--pmap-file", name, path)


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
        return f"stime <= {time_text(last)} and etime >= {time_text(first)}"
    if name == "attributes":
        masks = flag_masks(tool, shown, value, "FSTC")
        return f"attributes matches {masks[0] if len(masks) == 1 else '(' + ', '.join(masks) + ')'}"
    if name == "tcp-flags":
        letters = value.upper()
        if not letters or set(letters) - set("FSRPAUEC"):
            raise TranslationError(tool, shown, f"found {value!r}, expected flag letters of FSRPAUEC")
        return f"not flags lacks {letters}"
    if name == "ip-version":
        versions = [v.strip() for v in value.split(",")]
        if set(versions) - {"4", "6"}:
            raise TranslationError(tool, shown, f"found {value!r}, expected 4, 6 or 4,6")
        return "" if set(versions) == {"4", "6"} else membership("ip_version", versions[:1])
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


def _window(name: str, first: int, last: int) -> str:
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
        items = address_items(switches.tool, shown, value)
    else:
        items = wildcard_items(switches.tool, shown, value)
    return f"{field_name} {negated}in ({', '.join(items)})"


def _types(switches: Switches, classes: str | None, types: str | None, conf: SilkConf) -> str:
    """``--class`` and ``--type``: the types meant, or nothing where every type is.

    Without ``--type`` the types that a class has by default; without ``--class`` the default class.
    """
    name = classes or conf.default_class or next(iter(conf.classes), "all")
    if name not in conf.classes:
        raise TranslationError(
            switches.tool, "--class", f"unknown class {name}", f"the site has {', '.join(conf.classes)}"
        )
    own = {f.type_name: f.id for f in conf.flowtypes.values() if f.class_name == name}
    if types is None:
        names = list(conf.classes[name].default_types)
    else:
        names = []
        for word in (t.strip() for t in types.split(",")):
            if word == "all":
                names += own
            elif word in own:
                names.append(word)
            else:
                raise TranslationError(
                    switches.tool, "--type", f"unknown type {word}", f"class {name} has {', '.join(own)}"
                )
    names = sorted(set(names), key=names.index)
    alone = len(conf.classes) == 1
    if alone and set(names) == set(own):
        return ""
    condition = membership("type", names)
    return condition if alone else f"class = {name} and {condition}"


def _flowtypes(switches: Switches, value: str, conf: SilkConf) -> str:
    """``--flowtypes=CLASS/TYPE,…``, either of which may be ``all``."""
    chosen: list[int] = []
    for part in (p.strip() for p in value.split(",")):
        class_name, slash, type_name = part.partition("/")
        if not slash:
            raise TranslationError(switches.tool, "--flowtypes", f"found {part!r}, expected CLASS/TYPE")
        found = [
            f.id
            for f in conf.flowtypes.values()
            if class_name in ("all", f.class_name) and type_name in ("all", f.type_name)
        ]
        if not found:
            raise TranslationError(switches.tool, "--flowtypes", f"unknown flowtype {part}")
        chosen += [i for i in found if i not in chosen]
    if len(chosen) == len(conf.flowtypes):
        return ""
    if len(conf.classes) == 1:
        return membership("type", [conf.flowtypes[i].type_name for i in chosen])
    by_class: dict[str, list[str]] = {}
    for i in chosen:
        by_class.setdefault(conf.flowtypes[i].class_name, []).append(conf.flowtypes[i].type_name)
    parts = [f"class = {c} and {membership('type', names)}" for c, names in by_class.items()]
    return parts[0] if len(parts) == 1 else "(" + " or ".join(parts) + ")"


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
    if switches.has("fail-destination"):
        parts = [f"known({c}) and {p}" for c, p in zip(calls, parts, strict=True)]
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"


def map_call(declared: str, kind: str, side: str) -> str:
    """A map asked for the source (``s``) or the destination (``d``) of a flow."""
    return f"{declared}({side}ip)" if kind == "address" else f"{declared}({side}port, protocol)"
