"""Names that stand where their kind of thing cannot, and calls of what cannot be called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flowrules.check.builtin import FUNCTIONS
from flowrules.check.faults import nearest
from flowrules.check.nouns import example_field, kind_noun, type_noun
from flowrules.check.references import set_reference
from flowrules.check.symbols import (
    CheckedFilter,
    CheckedMap,
    CheckedProfile,
    CheckedSet,
    CheckedTable,
    Constant,
    Symbol,
)
from flowrules.model.types import Type
from flowrules.syntax import tree

if TYPE_CHECKING:
    from flowrules.check.expressions import Expressions


def not_a_value(
    place: Expressions, node: tree.Name, symbol: Symbol, checked: object, rest: tuple[str, ...]
) -> None:
    """Report a name that is something, but no value, and say how it is used."""
    name = node.text
    hint: str | None = None
    if isinstance(checked, CheckedTable | CheckedProfile) and rest:
        columns = checked.columns if isinstance(checked, CheckedTable) else checked.features
        keys = checked.keys if isinstance(checked, CheckedTable) else checked.positions
        if rest[0] in columns or rest[0] == "verdict":
            asked = place.key_names(keys)
            place.ws.faults.report(
                "FR226",
                f"{name} has one value for each row",
                node.span,
                hint=f"say which: {name}[{asked}]",
            )
            return
        if set_reference(place.ws, place.scope, node) is None:
            return
        what = "a set"
    elif isinstance(checked, Constant):
        what = type_noun(checked.type)
    else:
        what = kind_noun(symbol.kind)
    match checked:
        case Constant(type=Type(name="ports")):
            hint = f"write dport in {name}"
        case Constant(type=Type(name="schedule" | "times")):
            hint = f"write stime in {name}"
        case Constant() | CheckedSet():
            hint = place.set_hint(name)
        case CheckedMap():
            hint = f"call it: {name}({', '.join(example_field(k) for k in checked.keys)})"
        case CheckedFilter():
            hint = f"measure it: flows of {name}"
    place.ws.faults.report("FR204", f"{name} is {what}, not a value", node.span, hint=hint)


def unknown_function(place: Expressions, node: tree.Call, also: Iterable[str] = ()) -> None:
    """Report a call of something that cannot be called."""
    name = node.function.text
    maps = [n for n, s in place.scope.symbols.items() if s.kind in ("map", "param")]
    called = {
        "median": "quantile(x, 50%)",
        "percentile": "quantile(x, 95%)",
        "average": "mean(x)",
        "avg": "mean(x)",
    }
    near = called.get(name) or nearest(name, [*also, *FUNCTIONS, *maps, *place.scope.imported])
    place.ws.faults.report(
        "FR201",
        f"there is no measure, function or map called {name}",
        node.function.span,
        hint=f"did you mean {near}?" if near else None,
    )
