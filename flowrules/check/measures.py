"""Measures of a group: which there are, what they take, and what comes out."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from flowrules.check.builtin import DIRECTIONS, FIELDS
from flowrules.check.constant_arguments import duration_constant, scalar_constant, schedule_constant
from flowrules.check.faults import nearest
from flowrules.check.flows import FlowExpressions
from flowrules.check.host_ends import fits_keys
from flowrules.check.keys import KEY_TYPES
from flowrules.check.literals import constant_in_range
from flowrules.check.misuses import unknown_function
from flowrules.check.nouns import kind_noun, type_noun
from flowrules.check.stand_ins import poison
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.fields import PROTOCOLS
from flowrules.model.measures import GAP, MEASURES, MeasureKind
from flowrules.model.schedule import Schedule
from flowrules.model.types import Type
from flowrules.syntax import tree

SUMMABLE: Final = (t.COUNT, t.BYTES, t.DURATION, t.NUMBER)
_EXAMPLES: Final = {
    "key": "dip",
    "summable": "bytes",
    "averaged": "bytes",
    "ordered": "duration",
    "predicate": "dport = 443",
    "measure": "bytes",
    "share": "95%",
    "width": "1h",
    "port": "sport",
    "stime": "stime",
    "schedule": "office",
}


def measure(place: FlowExpressions, node: tree.Name | tree.Call) -> ex.Measure | None:
    """A measure over the flows or rows of ``place``; ``None`` where it is faulty (reported)."""
    if isinstance(node, tree.Name):
        return _bare(place, node)
    name = node.function.text
    kind = MEASURES.get(name)
    if kind is None:
        _no_measure(place, node)
        return None
    if not kind.args:
        place.wrong_arguments(node, f"{name} takes no arguments", f"write {name}")
        return None
    if not _fits_source(place, kind, node.function):
        return None
    if len(node.args) != len(kind.args):
        n = len(kind.args)
        place.wrong_arguments(
            node,
            f"{name} takes {'one argument' if n == 1 else f'{n} arguments'}, not {len(node.args)}",
            f"write {_example(kind)}",
        )
        return None
    args: list[ex.Expression] = []
    for arg, wanted in zip(node.args, kind.args, strict=True):
        found = _argument(place, kind, wanted, arg)
        if found is not None:
            args.append(found)
    if len(args) < len(kind.args):
        return None
    found = ex.Measure(type=_result(kind, args[0]), span=node.span, name=name, args=tuple(args))
    return found if fits_keys(place, found, node) else None


def _bare(place: FlowExpressions, node: tree.Name) -> ex.Measure | None:
    word = node.parts[0]
    kind = MEASURES.get(word) if len(node.parts) == 1 else None
    column = word in place.local_names() and word not in DIRECTIONS and word not in PROTOCOLS
    if kind is not None and not (column and place.table is not None):
        if kind.args:
            place.ws.faults.report("FR220", f"{word} of what?", node.span, hint=f"write {_example(kind)}")
            return None
        if not _fits_source(place, kind, node):
            return None
        found = ex.Measure(type=_result(kind, None), span=node.span, name=word)
        return found if fits_keys(place, found, node) else None
    if len(node.parts) == 1 and (column or word == GAP):
        what = "a column" if place.table is not None else "a field"
        type_ = t.DURATION if word == GAP else place.operand(node).type
        hint = (
            f"write sum({word}), mean({word}) or max({word})"
            if type_ in SUMMABLE
            else f"write distinct({word})"
        )
        if word == GAP:
            hint = "write mean(gap) or deviation(gap)"
        elif word == "flows":
            hint += "; rows counts the rows"
        place.ws.faults.report(
            "FR221", f"{word} is {what} of each {'row' if place.table is not None else 'flow'}: which measure of it?",
            node.span, hint=hint,
        )  # fmt: skip
        return None
    if len(node.parts) == 1 and place.table is None and (word in DIRECTIONS or word in PROTOCOLS):
        place.ws.faults.report(
            "FR221", f"{word} is a filter, not a measure", node.span, hint=f"write flows of {word}"
        )
        return None
    symbol, _, reported = place.ws.find(place.scope, node)
    if symbol is None:
        if not reported:
            near = nearest(word, [*MEASURES, *place.local_names()])
            if near in FIELDS:
                near = f"sum({near})" if FIELDS[near] in SUMMABLE else f"distinct({near})"
            place.ws.faults.report(
                "FR201", f"there is no measure called {node.text}", node.span,
                hint=f"did you mean {near}?" if near else None,
            )  # fmt: skip
        return None
    place.ws.faults.report(
        "FR221", f"{node.text} is {kind_noun(symbol.kind)}, not a measure", node.span,
        hint=f"write flows of {node.text}" if symbol.kind == "filter" else "write a measure such as flows or sum(bytes)",
    )  # fmt: skip
    return None


def _no_measure(place: FlowExpressions, node: tree.Call) -> None:
    name = node.function.text
    known = place.ws.find(place.scope, node.function)[0] is not None
    if known or name in ("bin", "hour", "weekday", "spread", "country", "asn", "name"):
        place.ws.faults.report(
            "FR221", f"{place.ws.text(node.span)} is a key, not a measure", node.span,
            hint=f"write per {place.ws.text(node.span)}, or distinct({place.ws.text(node.span)})",
        )  # fmt: skip
        return
    unknown_function(place, node, MEASURES)


def _fits_source(place: FlowExpressions, kind: MeasureKind, node: tree.Name) -> bool:
    rows = place.table is not None
    if kind.over == "both" or (kind.over == "rows") == rows:
        return True
    if rows:
        hint = (
            "write rows to count rows"
            if kind.name == "flows"
            else "measure it where the table takes its flows"
        )
        message = f"{kind.name} is measured of flows, and this is about {place.what.removeprefix('one row of ')}'s rows"
    else:
        message, hint = "rows counts the rows of a table, and the source here is flows", "write flows"
    place.ws.faults.report("FR225", message, node.span, hint=hint)
    return False


def _argument(
    place: FlowExpressions, kind: MeasureKind, wanted: str, arg: tree.Expression
) -> ex.Expression | None:
    match wanted:
        case "predicate":
            return place.condition(arg)
        case "measure":
            return _shared_measure(place, kind, arg)
        case "share":
            share = scalar_constant(place, arg, t.PERCENT, f"the share of {kind.name}")
            if not isinstance(share, Fraction) or not constant_in_range(
                place.ws, arg, share, Fraction(1), "a share of the flows"
            ):
                return None
            return ex.Literal(type=t.PERCENT, span=arg.span, value=share)
        case "width":
            width = duration_constant(place, arg, f"the width of {kind.name}")
            return None if width is None else ex.Literal(type=t.DURATION, span=arg.span, value=width)
        case "schedule":
            schedule = schedule_constant(place, arg)
            if schedule is None:
                return None
            hours = schedule if isinstance(schedule, Schedule) else None
            return ex.Literal(type=t.SCHEDULE, span=arg.span, value=hours)
    if isinstance(arg, tree.Name) and arg.parts == (GAP,) and place.table is None:
        if wanted in ("averaged", "ordered") and kind.name != "span":
            return ex.Field(type=t.DURATION, span=arg.span, name=GAP)
        place.ws.faults.report(
            "FR220",
            f"{kind.name} of gaps is not measured",
            arg.span,
            hint="write mean(gap) or deviation(gap)",
        )
        return None
    value = place.argument(arg)
    if value.type == t.POISON:
        return None
    if isinstance(value, ex.Literal | ex.Lookup):
        place.ws.faults.report(
            "FR220", f"{kind.name} of a constant measures nothing", arg.span, hint=f"write {_example(kind)}"
        )
        return None
    if not _fits(wanted, value):
        place.ws.faults.report(
            "FR220",
            f"{_cannot(kind, wanted)}, and {place.ws.text(arg.span)} is {type_noun(value.type)}",
            arg.span,
            hint=_instead(kind, wanted, place.ws.text(arg.span), value.type),
        )
        return None
    return value


def _fits(wanted: str, value: ex.Expression) -> bool:
    type_ = value.type
    match wanted:
        case "key":
            return type_.name in KEY_TYPES
        case "summable":
            return type_ in SUMMABLE
        case "averaged":
            return type_ in (*SUMMABLE, t.PERCENT)
        case "ordered":
            return type_.name in t.ORDERED
        case "port":
            return isinstance(value, ex.Field) and type_ == t.PORT
        case "stime":
            return isinstance(value, ex.Field) and value.name == "stime"
    return False


def _cannot(kind: MeasureKind, wanted: str) -> str:
    match wanted:
        case "summable" | "averaged":
            return f"{kind.name} adds up counts, sizes, durations and numbers"
        case "ordered":
            return f"{kind.name} needs values with an order"
        case "port":
            return f"{kind.name} is measured of a port"
        case "stime":
            return f"{kind.name} is measured of stime"
    return f"{kind.name} is measured of fields"


def _instead(kind: MeasureKind, wanted: str, text: str, type_: Type) -> str:
    if wanted in ("summable", "averaged", "ordered") and type_.name in KEY_TYPES:
        return f"write distinct({text}) to count its values"
    return f"write {_example(kind)}"


def _example(kind: MeasureKind) -> str:
    return f"{kind.name}({', '.join(_EXAMPLES[a] for a in kind.args)})"


def _shared_measure(place: FlowExpressions, kind: MeasureKind, arg: tree.Expression) -> ex.Expression | None:
    if isinstance(arg, tree.Name) and len(arg.parts) == 1 and arg.parts[0] in place.local_names():
        of = place.operand(arg)
        if of.type in SUMMABLE:
            return ex.Measure(type=of.type, span=arg.span, name="sum", args=(of,))
    if isinstance(arg, tree.Name | tree.Call):
        word = arg.text if isinstance(arg, tree.Name) else arg.function.text
        inner = MEASURES.get(word)
        if inner is not None and inner.shared:
            return measure(place, arg)
    text = place.ws.text(arg.span)
    place.ws.faults.report(
        "FR220", f"{kind.name} is taken of flows, bytes, packets or distinct(x), not of {text}", arg.span,
        hint=f"write {kind.name}(bytes) or {kind.name}(flows)",
    )  # fmt: skip
    return None


def _result(kind: MeasureKind, first: ex.Expression | None) -> Type:
    of = first.type if first is not None else t.COUNT
    match kind.result:
        case "same" | "group":
            return of
        case "mean":
            return t.NUMBER if of == t.COUNT else of
        case "list":
            return t.list_of(of)
    return Type(kind.result)


def bare_share(place: FlowExpressions, node: tree.Name, first: ex.Measure | None) -> ex.Expression:
    """``share`` of a table: of its first measure."""
    if first is not None and MEASURES[first.name].shared:
        return ex.Measure(type=t.PERCENT, span=node.span, name="share", args=(first,))
    if first is None:
        place.ws.faults.report(
            "FR221", "share of what?", node.span, hint="write share(flows), share(bytes) or share(packets)"
        )
    else:
        place.ws.faults.report(
            "FR221",
            f"the first measure, {first.name}, has no shares: they do not add up",
            node.span,
            hint="put flows or sum(bytes) first, or write share(flows)",
        )
    return poison(node.span)
