"""Lists of constants: numbers, addresses, labels and tuples as ranges, with the named ones in them."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import frozen

from flowrules.check.literals import literal_range, literal_value
from flowrules.check.nouns import kind_noun, type_noun, types_text
from flowrules.check.symbols import CheckedProfile, CheckedSet, CheckedTable, Constant
from flowrules.check.words import bare_word
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.address_set import AddressSet
from flowrules.model.address_wildcard import MOST_RANGES, Wildcard
from flowrules.model.fields import PROTOCOLS
from flowrules.model.structural import Structural
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


@frozen(eq=False, repr=False)
class Unbound(Structural):
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


def holds(type_: Type, types: tuple[Type, ...]) -> bool:
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
        "block": types[0] == t.ADDRESS,
        "schedule": types[0] == t.TIME,
        "times": types[0] == t.TIME,
    }.get(type_.name, type_ == types[0])


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
        word = bare_word(place, name, typed)
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
        fits = holds(checked.type, (type_,)) or (checked.type == t.COUNT and type_ in (t.NUMBER, *PORT_LIKE))
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
    of_set = isinstance(checked, Constant) and checked.type.name == "set" and checked.type.parts == (type_,)
    if of_set or isinstance(checked, CheckedSet | CheckedTable | CheckedProfile):
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


def label_items(place: Expressions, typed: ex.Expression, listed: tuple[tree.Item, ...]) -> set[str] | None:
    """The labels that a list holds, as values of ``typed``."""
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
        return Unbound() if checked.value is None else addresses_of(checked.value)
    _no_member(place, name, checked, symbol.kind, type_, about)
    return None


def addresses_of(value: object) -> AddressSet | None:
    """The addresses that a constant (networks, an address, a block) stands for; ``None``: for none."""
    match value:
        case AddressSet():
            return value
        case int() as address:
            return AddressSet.from_ranges([(address, address)])
        case (int() as first, int() as length):
            return AddressSet.from_ranges([(first, first + (1 << 128 - length) - 1)])
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
