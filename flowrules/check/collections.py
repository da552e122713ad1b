"""What stands after ``in``: lists, named ports and networks, schedules, sets."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import frozen

from flowrules.check.builtin import BARE_LABELS
from flowrules.check.literals import literal_range, literal_value
from flowrules.check.nouns import kind_noun, type_noun, type_plural, types_text
from flowrules.check.references import SetReference, members_text, set_reference
from flowrules.check.symbols import CheckedProfile, CheckedSet, CheckedTable, Constant, Positions
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.address_set import AddressSet
from flowrules.model.address_wildcard import MOST_RANGES, Wildcard
from flowrules.model.fields import PROTOCOLS
from flowrules.model.schedule import Schedule
from flowrules.model.types import Type
from flowrules.syntax import tree

if TYPE_CHECKING:
    from flowrules.check.expressions import Expressions

PORT_LIKE: Final = (t.PORT, t.APPLICATION)
INTEGERS: Final = frozenset(
    (
        *(t.COUNT, t.BYTES, t.DURATION, t.TIME, t.WEEKDAY),
        *(t.PORT, t.PROTOCOL, t.ICMP_TYPE, t.ICMP_CODE, t.APPLICATION, t.INTERFACE, t.ASN),
    )
)
"""Types whose values are whole numbers."""

Ranges: TypeAlias = list[tuple[int, int]]
Found: TypeAlias = tuple[tuple[ex.Collection, ...], tuple[ex.Expression, ...]]


@frozen
class Unbound:
    """The collection is a parameter that is not bound: whether anything lies in it is unknown."""


def merged(ranges: Ranges) -> tuple[tuple[int, int], ...]:
    """Ranges of whole numbers, sorted and disjoint."""
    out: Ranges = []
    for low, high in sorted(ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return tuple(out)


def collection(
    place: Expressions, items: tuple[ex.Expression, ...], node: tree.Collection, about: str
) -> Found | Unbound | None:
    """The collections of which one must hold the items, and the items; ``None``: faulty, and reported.

    A literal item takes the type of the set that it is looked for in.
    """
    types = _types(items)
    match node:
        case tree.Name() if not _is_word(place, node, items):
            return _named(place, items, types, node, about)
        case tree.Call():
            reference = place_set_call(place, node)
            return None if reference is None else _in_set(place, items, types, reference, node, about)
        case tree.Literal() if node.kind == "string" and len(types) == 1 and types[0] == t.LABEL:
            listed: tuple[tree.Item, ...] = (node,)
        case tree.Literal() | tree.Name():
            listed = (node,)
        case tree.List():
            listed = node.items
    if len(types) > 1:
        rows = tuple_rows(place, listed, types, about)
        return None if rows is None else ((ex.Tuples(rows),), items)
    return _listed(place, items, types[0], listed, about)


def _types(items: tuple[ex.Expression, ...]) -> tuple[Type, ...]:
    if len(items) == 1 and items[0].type.name == "tuple":
        return items[0].type.parts
    return tuple(i.type for i in items)


def _is_word(place: Expressions, node: tree.Name, items: tuple[ex.Expression, ...]) -> bool:
    """Whether a single name is a value and not a collection: ``protocol in tcp``, ``type in in``."""
    if len(items) != 1 or len(node.parts) != 1 or place.ws.find(place.scope, node)[0] is not None:
        return False
    typed = items[0]
    named = isinstance(typed, ex.Field | ex.Column) and typed.name in BARE_LABELS
    return named or typed.type in (t.PROTOCOL, t.WEEKDAY) or place.verdicts(typed) is not None


# ---- names ---------------------------------------------------------------------------------------------


def _named(
    place: Expressions, items: tuple[ex.Expression, ...], types: tuple[Type, ...], node: tree.Name, about: str
) -> Found | Unbound | None:
    ws = place.ws
    symbol, _, reported = ws.find(place.scope, node)
    if symbol is None:
        if not reported:
            if node.parts[0] in place.local_names():
                ws.faults.report(
                    "FR215", f"{node.text} is one value, and in looks in many", node.span,
                    hint=f"write {about} = {node.text}",
                )  # fmt: skip
            else:
                ws.unknown_name(node, ws.names(place.scope), "no list or set")
        return None
    reference = set_reference(ws, place.scope, node)
    if reference is None:
        return None
    if isinstance(reference, SetReference):
        return _in_set(place, items, types, reference, node, about)
    return _in_constant(place, items, types, reference, node, about)


def _in_constant(
    place: Expressions,
    items: tuple[ex.Expression, ...],
    types: tuple[Type, ...],
    constant: Constant,
    node: tree.Name,
    about: str,
) -> Found | Unbound | None:
    value = constant.value
    wanted = _parts(constant.type)
    items = _fitted(place, items, wanted) if wanted is not None else items
    types = _types(items)
    if not _holds(constant.type, types):
        place.ws.faults.report(
            "FR215",
            f"{about} is {_noun(types)}, and {node.text} is {type_noun(constant.type)}",
            node.span,
            hint=_instead(constant.type, node.text),
        )
        return None
    if value is None:
        return Unbound()
    collection_: ex.Collection
    match value:
        case AddressSet():
            collection_ = ex.Blocks(value) if types[0] == t.BLOCK else ex.Addresses(value)
        case Schedule():
            collection_ = ex.InSchedule(value)
        case ex.Ranges() | ex.Tuples() | ex.Labels():
            collection_ = value
        case int():
            collection_ = (
                ex.Addresses(AddressSet.from_ranges([(value, value)]))
                if constant.type == t.ADDRESS
                else ex.Ranges(((value, value),))
            )
        case str():
            collection_ = ex.Labels(frozenset((value,)))
        case Fraction():
            collection_ = ex.Numbers(((value, value),))
        case _:
            raise TypeError(f"a constant of type {constant.type} holds {type(value).__name__}")
    return (collection_,), items


def _parts(type_: Type) -> tuple[Type, ...] | None:
    if type_.name == "set":
        return type_.parts
    element = {"ports": t.PORT, "nets": t.ADDRESS, "schedule": t.TIME, "times": t.TIME}.get(type_.name)
    return None if element is None else (element,)


def _holds(type_: Type, types: tuple[Type, ...]) -> bool:
    """Whether a constant of ``type_`` can hold values of ``types``."""
    if len(types) == 1 and types[0] == t.BLOCK:
        return type_ in (t.NETS, t.BLOCK) or type_ == t.set_of(t.ADDRESS) or type_ == t.set_of(t.BLOCK)
    if type_.name == "set":
        return type_.parts == types
    if len(types) != 1:
        return False
    return {
        "ports": types[0] in PORT_LIKE,
        "nets": types[0] == t.ADDRESS,
        "schedule": types[0] == t.TIME,
        "times": types[0] == t.TIME,
    }.get(type_.name, type_ == types[0])


def _instead(type_: Type, name: str) -> str | None:
    match type_.name:
        case "ports":
            return f"write sport in {name} or dport in {name}"
        case "nets":
            return f"write sip in {name} or dip in {name}"
        case "schedule" | "times":
            return f"write stime in {name}"
    return None


def _noun(types: tuple[Type, ...]) -> str:
    return type_noun(types[0]) if len(types) == 1 else type_noun(t.tuple_of(*types))


def _in_set(
    place: Expressions,
    items: tuple[ex.Expression, ...],
    types: tuple[Type, ...],
    reference: SetReference,
    node: tree.Node,
    about: str,
) -> Found | None:
    wanted = tuple(p.type for p in reference.positions)
    items = _fitted(place, items, wanted)
    if _types(items) != wanted and not (_types(items) == (t.BLOCK,) and wanted == (t.ADDRESS,)):
        members = members_text(reference.positions)
        place.ws.faults.report(
            "FR215",
            f"{about} is {_noun(types)}, and {place.ws.text(node.span)} holds {members}",
            node.span,
            hint=_other_positions(types, reference.positions, place.ws.text(node.span)),
        )
        return None
    return (ex.InSet(reference.expression),), items


def _other_positions(types: tuple[Type, ...], positions: Positions, text: str) -> str | None:
    if len(types) == 1 and len(positions) > 1:
        fitting = [p.name for p in positions if p.type == types[0]]
        if fitting:
            return f"write in {text}.{fitting[0]}"
    return f"write ({', '.join(p.name for p in positions)}) in {text}" if len(positions) > 1 else None


def _fitted(
    place: Expressions, items: tuple[ex.Expression, ...], wanted: tuple[Type, ...]
) -> tuple[ex.Expression, ...]:
    """Literal items as members of the set: 80 is a port where ports are wanted."""
    if len(items) != len(wanted):
        return items
    out: list[ex.Expression] = []
    for item, type_ in zip(items, wanted, strict=True):
        if isinstance(item, ex.Literal) and item.type == t.COUNT and type_ in INTEGERS:
            item = ex.Literal(type=type_, span=item.span, value=item.value)
        out.append(item)
    return tuple(out)


def place_set_call(place: Expressions, node: tree.Call) -> SetReference | None:
    """``previous(s)`` or ``blocks(s, 24, 64)`` after ``in``."""
    from flowrules.check.sets import set_call

    return set_call(place.ws, place.scope, node)


# ---- lists ---------------------------------------------------------------------------------------------


def _listed(
    place: Expressions,
    items: tuple[ex.Expression, ...],
    type_: Type,
    listed: tuple[tree.Item, ...],
    about: str,
) -> Found | Unbound | None:
    if type_ == t.LABEL:
        labels = _labels(place, items[0], listed)
        return None if labels is None else ((ex.Labels(frozenset(labels)),), items)
    if type_ in (t.ADDRESS, t.BLOCK):
        return _addresses(place, items, type_, listed, about)
    if type_ in INTEGERS or type_ in (t.NUMBER, t.PERCENT):
        found = number_ranges(place, items[0], type_, listed, about)
        if found is None or isinstance(found, Unbound):
            return found
        whole = [(low, high) for low, high in found if isinstance(low, int) and isinstance(high, int)]
        if type_ in INTEGERS and len(whole) == len(found):
            return (ex.Ranges(merged(whole)),), items
        return (ex.Numbers(tuple((Fraction(low), Fraction(high)) for low, high in sorted(found))),), items
    hint = "write flags has S" if type_ == t.FLAGS else None
    place.ws.faults.report("FR215", f"in does not test {type_plural(type_)}", listed[0].span, hint=hint)
    return None


def number_ranges(
    place: Expressions, typed: ex.Expression, type_: Type, listed: tuple[tree.Item, ...], about: str
) -> list[tuple[int | Fraction, int | Fraction]] | Unbound | None:
    """The ranges of whole or exact numbers that a list stands for."""
    out: list[tuple[int | Fraction, int | Fraction]] = []
    faulty = unbound = False
    for item in listed:
        match item:
            case tree.Literal() | tree.Range():
                pair = literal_range(place.ws, item, type_, about)
                faulty |= pair is None
                if pair is not None:
                    out.append(pair)
            case tree.Name():
                named = _named_numbers(place, typed, type_, item, about)
                faulty |= named is None
                unbound |= isinstance(named, Unbound)
                if isinstance(named, list):
                    out.extend(named)
            case tree.Tuple():
                faulty = True
                _tuple_in_list(place, item, type_, about)
    return None if faulty else Unbound() if unbound else out


def _named_numbers(
    place: Expressions, typed: ex.Expression, type_: Type, name: tree.Name, about: str
) -> list[tuple[int | Fraction, int | Fraction]] | Unbound | None:
    if len(name.parts) == 1:
        word = place.word(name, typed)
        if word is not None:
            value = word.value if isinstance(word, ex.Literal) else None
            return [(value, value)] if isinstance(value, int) else None
    symbol, rest, reported = place.ws.find(place.scope, name)
    if symbol is None:
        if name.text in PROTOCOLS:
            place.ws.faults.report(
                "FR215", f"{about} is {type_noun(type_)}, and {name.text} is a protocol", name.span
            )
        elif not reported:
            place.ws.unknown_name(name, place.ws.names(place.scope))
        return None
    checked = place.ws.refer(symbol, name.span)
    if checked is None:
        return None
    if isinstance(checked, Constant) and not rest and checked.type == t.TIMES == _list_of(type_):
        return Unbound() if checked.value is None else list(_ranges(checked))
    if isinstance(checked, Constant) and not rest:
        fits = _holds(checked.type, (type_,)) or (checked.type == t.COUNT and type_ in (t.NUMBER, *PORT_LIKE))
        if fits and checked.value is None:
            return Unbound()
        if fits and isinstance(checked.value, ex.Ranges):
            return list(_ranges(checked))
        if fits and isinstance(checked.value, int | Fraction):
            return [(checked.value, checked.value)]
    _no_member(place, name, checked, symbol.kind, type_, about)
    return None


def _list_of(type_: Type) -> Type:
    return t.TIMES if type_ == t.TIME else type_


def _ranges(constant: Constant) -> tuple[tuple[int, int], ...]:
    assert isinstance(constant.value, ex.Ranges)
    return constant.value.ranges


def _no_member(
    place: Expressions, name: tree.Name, checked: object, kind: str, type_: Type, about: str
) -> None:
    what = type_noun(checked.type) if isinstance(checked, Constant) else kind_noun(kind)
    hint = None
    if isinstance(checked, CheckedSet | CheckedTable | CheckedProfile):
        hint = f"a set stands alone: {about} in {name.text}"
    place.ws.faults.report(
        "FR215", f"{about} is {type_noun(type_)}, and {name.text} is {what}", name.span, hint=hint
    )


def _tuple_in_list(place: Expressions, item: tree.Tuple, type_: Type, about: str) -> None:
    place.ws.faults.report(
        "FR215",
        f"{about} is {type_noun(type_)}, and {place.ws.text(item.span)} is a tuple of {len(item.items)}",
        item.span,
        hint=f"write ({about}, protocol) in (…)" if type_ == t.PORT else None,
    )


def _labels(place: Expressions, typed: ex.Expression, listed: tuple[tree.Item, ...]) -> set[str] | None:
    out: set[str] = set()
    faulty = False
    for item in listed:
        if isinstance(item, tree.Literal | tree.Name):
            value = place.value_as(item, typed, place.ws.text(typed.span) or "it")
            if isinstance(value, ex.Literal) and isinstance(value.value, str):
                out.add(value.value)
                continue
            faulty = True
            if value is not None:
                place.ws.faults.report(
                    "FR215", f"{place.ws.text(item.span)} is no constant, and lists hold constants", item.span
                )
        else:
            faulty = True
            place.ws.faults.report(
                "FR215", f"labels are names, and {place.ws.text(item.span)} is a range or tuple", item.span
            )
    return None if faulty else out


def _addresses(
    place: Expressions,
    items: tuple[ex.Expression, ...],
    type_: Type,
    listed: tuple[tree.Item, ...],
    about: str,
) -> Found | Unbound | None:
    found = address_items(place, listed, type_, about)
    if found is None or isinstance(found, Unbound):
        return found
    members, wildcards = found
    out: list[ex.Collection] = []
    if members or not wildcards:
        out.append(ex.Blocks(members) if type_ == t.BLOCK else ex.Addresses(members))
    if wildcards:
        out.append(ex.Wildcards(tuple(wildcards)))
    return tuple(out), items


def address_items(
    place: Expressions, listed: tuple[tree.Item, ...], type_: Type, about: str
) -> tuple[AddressSet, list[Wildcard]] | Unbound | None:
    """The addresses that a list stands for, and patterns that are too wide to list."""
    ranges: Ranges = []
    wildcards: list[Wildcard] = []
    named = AddressSet.from_ranges(())
    faulty = unbound = False
    for item in listed:
        match item:
            case tree.Literal(kind="wild"):
                wildcard = Wildcard(_intervals(item), item.text)
                if wildcard.range_count > MOST_RANGES:
                    wildcards.append(wildcard)
                else:
                    ranges.extend(wildcard.ranges())
            case tree.Literal() | tree.Range():
                pair = literal_range(place.ws, item, type_, about)
                faulty |= pair is None
                if pair is not None:
                    ranges.append((int(pair[0]), int(pair[1])))
            case tree.Name():
                value = _named_addresses(place, item, type_, about)
                faulty |= value is None
                unbound |= isinstance(value, Unbound)
                if isinstance(value, AddressSet):
                    named = named | value
            case tree.Tuple():
                faulty = True
                _tuple_in_list(place, item, type_, about)
    if faulty:
        return None
    return Unbound() if unbound else (AddressSet.from_ranges(ranges) | named, wildcards)


def _intervals(item: tree.Literal) -> tuple[tuple[tuple[int, int], ...], ...]:
    assert isinstance(item.value, tuple)
    return item.value  # type: ignore[return-value]  # the tree says so for its kind


def _named_addresses(
    place: Expressions, name: tree.Name, type_: Type, about: str
) -> AddressSet | Unbound | None:
    symbol, rest, reported = place.ws.find(place.scope, name)
    if symbol is None:
        if not reported:
            place.ws.unknown_name(name, place.ws.names(place.scope), "no address or network")
        return None
    checked = place.ws.refer(symbol, name.span)
    if checked is None:
        return None
    if (
        isinstance(checked, Constant)
        and not rest
        and checked.type in (t.NETS, t.ADDRESS, t.BLOCK, t.set_of(t.ADDRESS))
    ):
        match checked.value:
            case None:
                return Unbound()
            case AddressSet() as value:
                return value
            case int() as address:
                return AddressSet.from_ranges([(address, address)])
            case (int() as first, int() as length):
                return AddressSet.from_ranges([(first, first + (1 << 128 - length) - 1)])
    _no_member(place, name, checked, symbol.kind, type_, about)
    return None


def tuple_rows(
    place: Expressions, listed: tuple[tree.Item, ...], types: tuple[Type, ...], about: str
) -> tuple[tuple[tuple[int, int], ...], ...] | None:
    """Listed tuples as rows of ranges, one range for each position."""
    rows: list[tuple[tuple[int, int], ...]] = []
    faulty = False
    for item in listed:
        if not isinstance(item, tree.Tuple) or len(item.items) != len(types):
            faulty = True
            place.ws.faults.report(
                "FR215",
                f"{about} is a tuple of {types_text(types)}, and {place.ws.text(item.span)} is not",
                item.span,
                hint=_tuple_hint(place.ws.text(item.span), types),
            )
            continue
        positions: list[Ranges] = []
        for part, type_ in zip(item.items, types, strict=True):
            ranges = part_ranges(place, part, type_)
            if ranges is None:
                faulty = True
                break
            positions.append(ranges)
        else:
            rows.extend(product(*positions))
    return None if faulty else tuple(rows)


def _tuple_hint(text: str, types: tuple[Type, ...]) -> str:
    if types == (t.PORT, t.PROTOCOL):
        return f"write ({text}, tcp)"
    return f"write ({', '.join(str(p) for p in types)})"


def part_ranges(place: Expressions, part: tree.Expression | tree.Item, type_: Type) -> Ranges | None:
    """One position of a listed tuple as ranges."""
    about = "this position"
    if not isinstance(part, tree.Literal | tree.Range | tree.Name):
        place.ws.faults.report("FR215", f"{about} is no constant", part.span)
        return None
    if type_ in (t.ADDRESS, t.BLOCK):
        found = address_items(place, (part,), type_, about)
        if found is None or isinstance(found, Unbound):
            return None if found is None else []
        return list(found[0].ranges())
    if type_ == t.LABEL:
        if isinstance(part, tree.Literal):
            literal_value(place.ws, part, t.PORT, about)
        place.ws.faults.report("FR215", "tuples with labels cannot be listed", part.span)
        return None
    numbers = number_ranges(place, ex.Literal(type=type_, value=None), type_, (part,), about)
    if numbers is None or isinstance(numbers, Unbound):
        return None if numbers is None else []
    return [(int(low), int(high)) for low, high in numbers]
