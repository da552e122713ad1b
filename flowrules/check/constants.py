"""Named ports, networks, schedules and maps."""

from __future__ import annotations

from datetime import UTC, datetime

from flowrules.check.faults import did_you_mean
from flowrules.check.flows import FlowExpressions
from flowrules.check.listed import Unbound, address_items, merged, number_ranges, part_ranges
from flowrules.check.map_tables import KINDS, MapConflict, MapRange, map_table
from flowrules.check.symbols import CheckedMap, Constant, FileScope, Symbol
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import schedule as sc
from flowrules.model import types as t
from flowrules.model.address_set import AddressSet
from flowrules.model.address_wildcard import MOST_RANGES
from flowrules.model.types import Type
from flowrules.syntax import tree

KEY_TYPES = {"address": t.ADDRESS, "port": t.PORT, "protocol": t.PROTOCOL}
_DAY = 86_400_000


def check_ports(ws: Workspace, symbol: Symbol) -> Constant | None:
    """A ``ports`` declaration."""
    node = symbol.node
    assert isinstance(node, tree.Ports)
    found = port_ranges(ws, symbol.scope, node.items, node.exceptions)
    return None if found is None else Constant(t.PORTS, _bound(found), symbol.name, symbol)


def port_ranges(
    ws: Workspace, scope: FileScope, items: tuple[tree.Item, ...], exceptions: tuple[tree.Item, ...] = ()
) -> ex.Ranges | Unbound | None:
    """Listed ports without the exceptions."""
    place = FlowExpressions(ws, scope)
    typed = ex.Literal(type=t.PORT, value=None)
    listed = number_ranges(place, typed, t.PORT, items, "each item")
    without = number_ranges(place, typed, t.PORT, exceptions, "each item")
    if listed is None or without is None:
        return None
    if isinstance(listed, Unbound) or isinstance(without, Unbound):
        return Unbound()
    kept = merged([(int(low), int(high)) for low, high in listed])
    for low, high in without:
        kept = tuple(
            piece
            for first, last in kept
            for piece in ((first, min(last, int(low) - 1)), (max(first, int(high) + 1), last))
            if piece[0] <= piece[1]
        )
    return ex.Ranges(merged(list(kept)))


def check_nets(ws: Workspace, symbol: Symbol) -> Constant | None:
    """A ``nets`` declaration."""
    node = symbol.node
    assert isinstance(node, tree.Nets)
    found = net_addresses(ws, symbol.scope, node.items, node.exceptions)
    return None if found is None else Constant(t.NETS, _bound(found), symbol.name, symbol)


def net_addresses(
    ws: Workspace, scope: FileScope, items: tuple[tree.Item, ...], exceptions: tuple[tree.Item, ...] = ()
) -> AddressSet | Unbound | None:
    """Listed networks without the exceptions."""
    place = FlowExpressions(ws, scope)
    parts: list[AddressSet] = []
    for listed in (items, exceptions):
        found = address_items(place, listed, t.ADDRESS, "each item")
        if found is None or isinstance(found, Unbound):
            return found
        addresses, wildcards = found
        for wildcard in wildcards:
            ws.faults.report(
                "FR239",
                f"{wildcard.text} stands for {wildcard.range_count} separate ranges, and a list holds at most {MOST_RANGES}",
                next(
                    (i.span for i in listed if isinstance(i, tree.Literal) and i.text == wildcard.text), None
                ),
                hint="compare the field with it in a filter",
            )
        if wildcards:
            return None
        parts.append(addresses)
    return parts[0] - parts[1]


def _bound(found: object) -> object | None:
    return None if isinstance(found, Unbound) else found


def check_schedule(ws: Workspace, symbol: Symbol) -> Constant | None:
    """A ``schedule`` declaration."""
    node = symbol.node
    assert isinstance(node, tree.Schedule)
    schedule = hours(ws, node.hours)
    return None if schedule is None else Constant(t.SCHEDULE, schedule, symbol.name, symbol)


def hours(ws: Workspace, node: tree.Hours) -> sc.Schedule | None:
    """A schedule as written, in the site's zone where it names none."""
    slots: list[sc.Slot] = []
    faulty = False
    for slot in node.slots:
        try:
            slots.append(sc.Slot(slot.days, slot.start, slot.end))
        except ValueError as error:
            faulty = True
            ws.faults.report(
                "FR239", str(error).partition(":")[0], slot.span, hint="write 00:00-24:00 for whole days"
            )
    dates = []
    for item in node.exceptions:
        low, high = (item.low, item.high) if isinstance(item, tree.Range) else (item, item)
        if not _is_day(low) or not _is_day(high):
            faulty = True
            ws.faults.report(
                "FR239",
                f"a schedule leaves out days, and {ws.text(item.span)} is none",
                item.span,
                hint="write a date such as 2026-12-25",
            )
            continue
        assert isinstance(low, tree.Literal) and isinstance(low.value, tree.TimeValue)
        assert isinstance(high, tree.Literal) and isinstance(high.value, tree.TimeValue)
        for day in range(low.value.start, high.value.start + 1, _DAY):
            dates.append(datetime.fromtimestamp(day // 1000, UTC).date())
    zone = node.zone.text if node.zone is not None else None
    try:
        schedule = sc.Schedule(tuple(slots), zone, frozenset(dates)) if not faulty else None
    except ValueError as error:
        ws.faults.report(
            "FR239", str(error).partition(":")[0], node.zone.span if node.zone is not None else node.span,
            hint="zones have IANA names, such as Europe/Berlin",
        )  # fmt: skip
        return None
    if schedule is None:
        return None
    return schedule.in_zone(ws.bindings.zone) if ws.bindings.zone else schedule


def _is_day(item: tree.Item) -> bool:
    return (
        isinstance(item, tree.Literal) and isinstance(item.value, tree.TimeValue) and item.value.unit == "day"
    )


# ---- maps ----------------------------------------------------------------------------------------------


def check_map(ws: Workspace, symbol: Symbol) -> CheckedMap | None:
    """A ``map`` declaration."""
    node = symbol.node
    assert isinstance(node, tree.Map)
    types = map_keys(ws, node.keys)
    if types is None:
        return None
    place = FlowExpressions(ws, symbol.scope)
    ranges: list[MapRange] = []
    items: list[tree.Item] = []
    faulty = False
    for entry in node.entries:
        for item in entry.items:
            found = _entry_ranges(place, item, types)
            faulty |= found is None
            for first, last in found or ():
                ranges.append(MapRange(first, last, str(entry.label.value), len(items)))
            items.append(item)
    if faulty:
        return None
    kind = ", ".join(i.text for i in node.keys)
    try:
        ws.maps[symbol.qualified] = map_table(symbol.qualified, kind, ranges)
    except MapConflict as conflict:
        _conflict(ws, conflict, items)
        return None
    return CheckedMap(symbol.qualified, types, t.LABEL)


def map_keys(ws: Workspace, keys: tuple[tree.Identifier, ...]) -> tuple[Type, ...] | None:
    """The types of a map's keys, where a map can have them."""
    names = tuple(k.text for k in keys)
    if names in KINDS:
        return tuple(KEY_TYPES[n] for n in names)
    unknown = next((k for k in keys if k.text not in KEY_TYPES), None)
    ws.faults.report(
        "FR239",
        f"a map has no key {unknown.text}"
        if unknown is not None
        else f"no map has the keys {', '.join(names)}",
        unknown.span if unknown is not None else keys[0].span,
        hint=(did_you_mean(unknown.text, KEY_TYPES) if unknown is not None else None)
        or "maps are of address, of port, or of port, protocol",
    )
    return None


def _entry_ranges(
    place: FlowExpressions, item: tree.Item, types: tuple[Type, ...]
) -> list[tuple[int, int]] | None:
    if len(types) == 2:
        if not isinstance(item, tree.Tuple) or len(item.items) != 2:
            place.ws.faults.report(
                "FR239", f"this map is of port and protocol, and {place.ws.text(item.span)} is not", item.span,
                hint="write (53, udp)",
            )  # fmt: skip
            return None
        ports = part_ranges(place, item.items[0], t.PORT)
        protocols = part_ranges(place, item.items[1], t.PROTOCOL)
        if ports is None or protocols is None:
            return None
        return [
            (number << 16 | low, number << 16 | high)
            for first, last in protocols
            for number in range(first, last + 1)
            for low, high in ports
        ]
    if isinstance(item, tree.Tuple):
        place.ws.faults.report(
            "FR239", f"this map is of {types[0]}, and {place.ws.text(item.span)} is a tuple", item.span
        )
        return None
    return part_ranges(place, item, types[0])


def _conflict(ws: Workspace, conflict: MapConflict, items: list[tree.Item]) -> None:
    one, other = items[conflict.one.item], items[conflict.other.item]
    first, second = (one, other) if one.span.start <= other.span.start else (other, one)
    labels = {conflict.one.item: conflict.one.label, conflict.other.item: conflict.other.label}
    whole = (conflict.one.first, conflict.one.last) == (conflict.other.first, conflict.other.last)
    what = "has" if whole else "overlaps another, and has"
    ws.faults.report(
        "FR239",
        f'{ws.text(second.span)} {what} two labels: "{labels[conflict.one.item]}" and "{labels[conflict.other.item]}"',
        second.span,
        hint="keep one of them" if whole else "a narrower range may lie within a wider one, not across it",
        related=[(first.span, "the other")],
    )
