"""Names that mean a set or one value of a table or profile: ``volume.dip``, ``web_client.entries``, ``t.flows[…]``."""

from __future__ import annotations

from attrs import frozen

from flowrules.check.faults import did_you_mean
from flowrules.check.nouns import kind_noun, type_noun, type_plural
from flowrules.check.symbols import (
    CheckedProfile,
    CheckedSet,
    CheckedTable,
    Constant,
    FileScope,
    Position,
    Positions,
    Symbol,
)
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.structural import Structural
from flowrules.model.types import Type
from flowrules.syntax import tree


@frozen(eq=False, repr=False)
class SetReference(Structural):
    """A set by name: how the program says it, and what its positions hold."""

    expression: ex.SetExpression
    positions: Positions


@frozen(eq=False, repr=False)
class LookupTarget(Structural):
    """What ``table.column`` or ``profile.feature`` is before its keys are given."""

    owner: str
    column: str
    type: Type
    keys: Positions
    verdicts: tuple[str, ...] | None = None
    """The names that a looked-up verdict can have."""


def set_reference(
    ws: Workspace, scope: FileScope, name: tree.Name, previous: bool = False
) -> SetReference | Constant | None:
    """The set that a name means, or the constant; ``None``: faulty, and reported."""
    symbol, rest, reported = ws.find(scope, name)
    if symbol is None:
        if not reported:
            ws.unknown_name(name, ws.names(scope), "no set")
        return None
    checked = ws.refer(symbol, name.span)
    if checked is None:
        return None
    match checked:
        case Constant():
            if rest:
                _no_parts(ws, name, symbol)
                return None
            if previous:
                _not_previous(ws, name, symbol)
                return None
            return checked
        case CheckedSet():
            return _set(ws, name, symbol, checked, rest, previous)
        case CheckedTable():
            return _key_column(ws, name, symbol, checked, rest, previous)
        case CheckedProfile():
            return _hosts(ws, name, symbol, checked, rest, previous)
    hint = f"write sip of {symbol.name}" if symbol.kind == "filter" and not previous else None
    code = "FR227" if previous else "FR204"
    ws.faults.report(code, f"{name.text} is {kind_noun(symbol.kind)}, not a set", name.span, hint=hint)
    return None


def _set(
    ws: Workspace, name: tree.Name, symbol: Symbol, checked: CheckedSet, rest: tuple[str, ...], previous: bool
) -> SetReference | None:
    parts = tuple(p.type for p in checked.positions)
    if not rest:
        named = ex.SetNamed(parts=parts, span=name.span, name=symbol.qualified, previous=previous)
        return SetReference(named, checked.positions)
    names = [p.name for p in checked.positions]
    if len(rest) > 1 or rest[0] not in names:
        ws.faults.report(
            "FR201",
            f"the set {symbol.name} has no position {'.'.join(rest)}: it has {', '.join(names)}",
            name.span,
            hint=did_you_mean(rest[0], names),
        )
        return None
    index = names.index(rest[0])
    return SetReference(
        ex.KeyColumn(
            parts=(parts[index],),
            span=name.span,
            owner=symbol.qualified,
            index=index,
            of_table=False,
            previous=previous,
        ),
        (checked.positions[index],),
    )


def _key_column(
    ws: Workspace,
    name: tree.Name,
    symbol: Symbol,
    checked: CheckedTable,
    rest: tuple[str, ...],
    previous: bool,
) -> SetReference | None:
    names = [p.name for p in checked.keys]
    keys = ", ".join(f"{symbol.name}.{n}" for n in names)
    if not rest:
        ws.faults.report(
            "FR204",
            f"{symbol.name} is a table, not a set",
            name.span,
            hint=f"its keys are sets: {keys}" if names else "it has no keys",
        )
        return None
    if len(rest) > 1 or rest[0] not in names:
        if rest[0] in checked.columns:
            asked = ", ".join(names) or "…"
            ws.faults.report(
                "FR204",
                f"{symbol.name}.{rest[0]} is a measure of each row, not a set",
                name.span,
                hint=f"look one up: {symbol.name}.{rest[0]}[{asked}]"
                + (f"; its keys are sets: {keys}" if names else ""),
            )
        else:
            ws.faults.report(
                "FR201",
                f"the table {symbol.name} has no key {'.'.join(rest)}: it has {', '.join(names) or 'none'}",
                name.span,
                hint=did_you_mean(rest[0], names),
            )
        return None
    index = names.index(rest[0])
    position = checked.keys[index]
    column = ex.KeyColumn(
        parts=(position.type,),
        span=name.span,
        owner=symbol.qualified,
        index=index,
        of_table=True,
        previous=previous,
    )
    return SetReference(column, (position,))


def _hosts(
    ws: Workspace,
    name: tree.Name,
    symbol: Symbol,
    checked: CheckedProfile,
    rest: tuple[str, ...],
    previous: bool,
) -> SetReference | None:
    declaration = checked.declaration
    sets = [
        "hosts",
        "entries",
        *(v.short for v in declaration.verdicts),
        *(a.short for a in declaration.anomalies),
    ]
    if not rest:
        ws.faults.report(
            "FR204",
            f"{symbol.name} is a profile, not a set",
            name.span,
            hint=f"its hosts are sets: {symbol.name}.hosts, {symbol.name}.entries, or a verdict such as "
            f"{symbol.name}.{sets[2] if len(sets) > 2 else 'server'}",
        )
        return None
    if len(rest) > 1 or rest[0] not in sets:
        if rest[0] in checked.features or rest[0] == "verdict":
            ws.faults.report(
                "FR204",
                f"{symbol.name}.{rest[0]} is a value of each host, not a set",
                name.span,
                hint=f"look one up: {symbol.name}.{rest[0]}[host]",
            )
        else:
            ws.faults.report(
                "FR201",
                f"the profile {symbol.name} has no verdict or anomaly {'.'.join(rest)}",
                name.span,
                hint=did_you_mean(rest[0], sets),
            )
        return None
    parts = tuple(p.type for p in checked.positions)
    hosts = ex.HostsOf(
        parts=parts, span=name.span, profile=symbol.qualified, which=rest[0], previous=previous
    )
    return SetReference(hosts, checked.positions)


def lookup_target(
    ws: Workspace, scope: FileScope, name: tree.Name, previous: bool = False
) -> LookupTarget | None:
    """What ``table.column`` or ``profile.feature`` names; ``None``: faulty, and reported."""
    symbol, rest, reported = ws.find(scope, name)
    if symbol is None:
        if not reported:
            ws.unknown_name(name, ws.names(scope), "no table or profile")
        return None
    checked = ws.refer(symbol, name.span)
    if checked is None:
        return None
    if not isinstance(checked, CheckedTable | CheckedProfile):
        ws.faults.report(
            "FR226",
            f"{name.text} is {_what(symbol, checked)}: values are looked up in tables and profiles",
            name.span,
        )
        return None
    columns = dict(checked.columns if isinstance(checked, CheckedTable) else checked.features)
    if isinstance(checked, CheckedProfile):
        columns["verdict"] = t.LABEL
    if len(rest) != 1 or rest[0] not in columns:
        what = "table" if isinstance(checked, CheckedTable) else "profile"
        word = "column" if what == "table" else "feature"
        if not rest:
            message = f"{symbol.name} is a whole {what}: which {word}?"
        else:
            message = f"the {what} {symbol.name} has no {word} {'.'.join(rest)}"
        near = did_you_mean(rest[0], columns) if rest else None
        ws.faults.report("FR226", message, name.span, hint=near or f"it has {', '.join(columns) or 'none'}")
        return None
    keys = checked.keys if isinstance(checked, CheckedTable) else checked.positions
    verdicts = None
    if isinstance(checked, CheckedProfile) and rest[0] == "verdict":
        verdicts = (*(v.short for v in checked.declaration.verdicts), "unclassified")
    return LookupTarget(symbol.qualified, rest[0], columns[rest[0]], keys, verdicts)


def same_positions(found: Positions, wanted: Positions) -> bool:
    """Whether two groups of positions hold the same types, blocks of the same lengths."""
    return len(found) == len(wanted) and all(
        a.type == b.type and (a.mask is None or b.mask is None or a.mask == b.mask)
        for a, b in zip(found, wanted, strict=True)
    )


def positions_text(positions: Positions) -> str:
    """``address``, ``(address, port)``, ``block /24/64``: what positions hold, for messages."""
    texts = [
        f"/{p.mask[0]} block" if p.mask is not None else str(p.type).replace("_", " ") for p in positions
    ]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def members_text(positions: Positions) -> str:
    """What a set holds: ``addresses``, ``/24 blocks``, ``(address, port)``."""
    if len(positions) > 1:
        return positions_text(positions)
    mask = positions[0].mask
    return f"/{mask[0]} blocks" if mask is not None else type_plural(positions[0].type)


def unnamed(types: tuple[Type, ...]) -> Positions:
    """Positions of listed members, named after their types."""
    names: list[str] = []
    for type_ in types:
        name, n = type_.name, 2
        while name in names:
            name, n = f"{type_.name}{n}", n + 1
        names.append(name)
    return tuple(Position(n, type_) for n, type_ in zip(names, types, strict=True))


def _what(symbol: Symbol, checked: object) -> str:
    return type_noun(checked.type) if isinstance(checked, Constant) else kind_noun(symbol.kind)


def _no_parts(ws: Workspace, name: tree.Name, symbol: Symbol) -> None:
    ws.faults.report("FR201", f"{symbol.name} has no parts: {name.text} means nothing", name.span)


def _not_previous(ws: Workspace, name: tree.Name, symbol: Symbol) -> None:
    ws.faults.report(
        "FR227", f"{symbol.name} is bound, not computed: there is no earlier {symbol.name}", name.span
    )
