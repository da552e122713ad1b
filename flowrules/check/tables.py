"""Tables and filters: what is asked, of which flows, per which keys."""

from __future__ import annotations

from flowrules.check.attributes import declared
from flowrules.check.builtin import VALUE_WORDS, WORDS
from flowrules.check.directions import one_sided, proved_direction
from flowrules.check.flows import FlowExpressions
from flowrules.check.keeps import group_conditions, keep_steps, order_steps
from flowrules.check.keys import CheckedKey, grouping_key
from flowrules.check.measures import measure
from flowrules.check.sources import source
from flowrules.check.symbols import CheckedFilter, CheckedTable, Symbol
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import program as pr
from flowrules.model import types as t
from flowrules.model.source_text import Span
from flowrules.syntax import tree


def check_filter(ws: Workspace, symbol: Symbol) -> CheckedFilter:
    """A ``filter`` declaration."""
    node = symbol.node
    assert isinstance(node, tree.Filter)
    predicate = FlowExpressions(ws, symbol.scope).condition(node.predicate)
    declaration = pr.FilterDeclaration(
        **declared(ws, symbol), predicate=predicate, direction=proved_direction(ws, predicate)
    )
    return CheckedFilter(declaration, one_sided(ws, predicate))


def check_table(ws: Workspace, symbol: Symbol) -> CheckedTable | None:
    """A ``table`` declaration."""
    node = symbol.node
    assert isinstance(node, tree.Table)
    found = source(ws, symbol.scope, node.source)
    if found is None:
        return None
    place = FlowExpressions(ws, symbol.scope, found.table)
    keys = table_keys(place, node.keys, found.source.direction)
    place.grouped((k.key for k in keys or ()), found.source.direction)
    columns = _columns(place, node.columns, keys or ())
    if keys is None or columns is None:
        return None
    first = next(iter(columns.values()))
    positions = tuple(k.position for k in keys)
    conditions = group_conditions(ws, symbol.scope, place, positions, columns, first)
    keeps = keep_steps(ws, symbol.scope, node.keeps, place, positions, columns, first)
    order = order_steps(conditions, node.order)
    fill = _fill(ws, node, keys)
    if keeps is None or order is None:
        return None
    declaration = pr.TableDeclaration(
        **declared(ws, symbol),
        columns=tuple(pr.TableColumn(n, m) for n, m in columns.items()),
        source=found.source,
        keys=tuple(k.key for k in keys),
        keeps=keeps,
        order=order,
        fill=fill,
        optional=node.optional,
    )
    return CheckedTable(symbol.qualified, positions, {n: m.type for n, m in columns.items()}, declaration)


def table_keys(
    place: FlowExpressions, nodes: tuple[tree.Key, ...], direction: str | None
) -> tuple[CheckedKey, ...] | None:
    """The keys of a table, each with a name of its own; ``None`` where one is faulty (reported)."""
    keys: list[CheckedKey] = []
    seen: dict[str, Span] = {}
    faulty = False
    for node in nodes:
        key = grouping_key(place, node, direction)
        if key is None:
            faulty = True
            continue
        faulty |= not _new_name(place, key.key.name, node.name, node.span, seen)
        keys.append(key)
    return None if faulty else tuple(keys)


def _columns(
    place: FlowExpressions, nodes: tuple[tree.Column, ...], keys: tuple[CheckedKey, ...]
) -> dict[str, ex.Measure] | None:
    columns: dict[str, ex.Measure] = {}
    seen = {k.key.name: k.key.of.span for k in keys}
    places: dict[str, Span] = {n: s for n, s in seen.items() if s is not None}
    faulty = False
    for node in nodes:
        if isinstance(node.measure, tree.Name) and node.measure.parts == ("share",):
            place.ws.faults.report(
                "FR221", "share of what? Every table shows the share of its first measure", node.measure.span,
                hint="write share(flows) or share(bytes)",
            )  # fmt: skip
            faulty = True
            continue
        found = measure(place, node.measure)
        if found is None:
            faulty = True
            continue
        name = node.name.text if node.name is not None else column_name(found, node.measure)
        faulty |= not _new_name(place, name, node.name, node.span, places, column_name(found, node.measure))
        columns[name] = found
    return None if faulty else columns


def _new_name(
    place: FlowExpressions,
    name: str,
    written: tree.Identifier | None,
    span: Span,
    seen: dict[str, Span],
    default: str | None = None,
) -> bool:
    """Whether a column's name is free; a name of the language may only be the column's own default."""
    if written is not None and name in WORDS | VALUE_WORDS and name != default:
        if default is None and name in seen:
            pass
        else:
            place.ws.faults.report(
                "FR203",
                f"{name} is a name of the language",
                written.span,
                hint=f"write another, such as {name}_seen",
            )
            return False
    if name in seen:
        place.ws.faults.report(
            "FR230", f"two columns are called {name}", written.span if written is not None else span,
            hint="give one a name of its own with as", related=[(seen[name], "the other")],
        )  # fmt: skip
        return False
    seen[name] = span
    return True


def column_name(found: ex.Measure, node: tree.Name | tree.Call) -> str:
    """The default name of a column: ``bytes`` of ``sum(bytes)``, ``max_duration`` of ``max(duration)``."""
    if isinstance(node, tree.Name):
        return node.text
    inner = [_argument_name(a) for a in node.args if not isinstance(a, tree.Literal)]
    if found.name == "sum" and inner:
        return inner[0]
    return "_".join([found.name, *inner])


def _argument_name(node: tree.Expression) -> str:
    match node:
        case tree.Name():
            return node.parts[-1]
        case tree.Masked():
            return node.of.parts[-1]
        case tree.Call():
            parts = [_argument_name(a) for a in node.args if not isinstance(a, tree.Literal)]
            return (
                parts[0]
                if node.function.text == "bin" and parts
                else "_".join([node.function.parts[-1], *parts])
            )
        case tree.Compare() | tree.In() | tree.FlagTest():
            left = node.of if isinstance(node, tree.FlagTest) else node.left
            return _argument_name(left)
    return "flows"


def _fill(ws: Workspace, node: tree.Table, keys: tuple[CheckedKey, ...]) -> str | None:
    if not node.fill:
        return None
    bins = [k for k in keys if isinstance(k.key.of, ex.Bin | ex.Spread) and k.key.of.type == t.TIME]
    if len(bins) == 1:
        return bins[0].key.name
    ws.faults.report(
        "FR231",
        "fill adds the bins without flows, and the table has no key of bins"
        if not bins
        else f"fill needs one key of bins, and the table has {len(bins)}",
        node.name.span,
        hint="write per …, bin(stime, 1h) fill",
    )
    return None
