"""What parameters and lists hold, and how much of it: for hovering and for hints beside names."""

from __future__ import annotations

from itertools import islice
from typing import Final

from flowrules.check.check import CheckResult
from flowrules.check.symbols import CheckedMap, Constant, Symbol
from flowrules.model.address_set import AddressSet
from flowrules.model.expression import Ranges, Tuples
from flowrules.model.schedule import Schedule
from flowrules.model.types import Type
from flowrules.model.value_text import format_block, format_time, literal_text

_FEW: Final = 8


def value_text(result: CheckResult, symbol: Symbol, most: int = _FEW) -> str | None:
    """A constant's value on one line, at most ``most`` members of it; ``None`` where it is not bound."""
    checked = result.known.get(symbol)
    if not isinstance(checked, Constant) or checked.value is None:
        return None
    return _text(checked.type, checked.value, most)


def size_text(result: CheckResult, symbol: Symbol) -> str | None:
    """How much a list holds: ``7 ports``, ``65,536 addresses in 1 block``."""
    checked = result.known.get(symbol)
    if isinstance(checked, CheckedMap):
        return None
    if not isinstance(checked, Constant) or checked.value is None:
        return None
    value = checked.value
    if isinstance(value, AddressSet):
        blocks = _counted(sum(1 for _ in islice(value.cidrs(), 1001)), "block")
        blocks = "more than 1,000 blocks" if blocks.startswith("1,001") else blocks
        return f"{_counted(value.count, 'address', 'addresses')} in {blocks}"
    ranges = _ranges(value)
    if ranges is None or checked.type.name not in ("ports", "port"):
        return None
    return _counted(sum(high - low + 1 for low, high in ranges), "port")


def _text(type_: Type, value: object, most: int) -> str:
    if isinstance(value, AddressSet):
        found = [format_block(first, prefix) for first, prefix in islice(value.cidrs(), most + 1)]
        return "{" + _few([f.removesuffix("/32").removesuffix("/128") for f in found], most) + "}"
    if isinstance(value, Schedule):
        return str(value)
    ranges = _ranges(value)
    if ranges is not None:
        one = format_time if type_.name == "times" else str
        return _few([one(a) if a == b else f"{one(a)}-{one(b)}" for a, b in ranges[: most + 1]], most)
    if isinstance(value, Tuples):
        return _counted(len(value.rows), "tuple")
    return literal_text(type_, value)


def _ranges(value: object) -> list[tuple[int, int]] | None:
    """Ranges of whole numbers, where a value is made of them."""
    pairs = getattr(value, "ranges", None) if isinstance(value, Ranges) else value
    if not isinstance(pairs, tuple | list) or not pairs:
        return None
    found = [tuple(p) for p in pairs if isinstance(p, tuple | list) and len(p) == 2]
    if len(found) != len(pairs) or not all(isinstance(n, int) for p in found for n in p):
        return None
    return [(low, high) for low, high in found]


def _few(texts: list[str], most: int) -> str:
    return ", ".join(texts[:most]) + (", …" if len(texts) > most else "")


def _counted(n: int, one: str, many: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"
