"""Checked expressions as text that a person would write, with parameters as they were bound."""

from __future__ import annotations

from functools import singledispatch

from flowrules.model import expression as ex
from flowrules.model.address_text import format_address
from flowrules.model.fields import ATTRIBUTES, TCP_FLAGS
from flowrules.model.types import Type
from flowrules.model.value_text import format_duration, literal_text

_LOOSER = {"or": 1, "and": 2, "not": 3}


def expression_text(expression: ex.Expression) -> str:
    """One line in the language's own words, such as ``services >= 5``."""
    return _text(expression)


@singledispatch
def _text(node: ex.Expression) -> str:
    raise TypeError(f"no text for {type(node).__name__}")


@_text.register
def _(node: ex.Literal) -> str:
    return literal_text(node.type, node.value)


@_text.register(ex.Field)
@_text.register(ex.Column)
@_text.register(ex.Feature)
def _(node: ex.Field | ex.Column | ex.Feature) -> str:
    return node.name


@_text.register
def _(node: ex.Direction) -> str:
    return node.name


@_text.register
def _(node: ex.Host) -> str:
    return "host"


@_text.register
def _(node: ex.Verdict) -> str:
    return "verdict"


@_text.register
def _(node: ex.FilterRef) -> str:
    short = node.name.rpartition(":")[2]
    return f"reverse of {short}" if node.reversed else short


@_text.register
def _(node: ex.Mask) -> str:
    return f"{_text(node.of)}/{node.v4}" + ("" if node.v6 == 64 else f"/{node.v6}")


@_text.register
def _(node: ex.Bin) -> str:
    return f"bin({_text(node.of)}, {format_duration(node.width)})"


@_text.register
def _(node: ex.Spread) -> str:
    return f"spread({format_duration(node.width)}, {node.scheme})"


@_text.register
def _(node: ex.KnownOr) -> str:
    return f"known_or({_text(node.of)}, {_text(node.other)})"


@_text.register
def _(node: ex.ShareLimit) -> str:
    return f"unit_share({literal_text(Type('percent'), node.percent)})"


@_text.register
def _(node: ex.Clock) -> str:
    return f"{node.part}({_text(node.of)})"


@_text.register
def _(node: ex.MapLookup) -> str:
    return f"{node.map.rpartition(':')[2]}({', '.join(map(_text, node.args))})"


@_text.register
def _(node: ex.Measure) -> str:
    text = f"{node.name}({', '.join(map(_text, node.args))})" if node.args else node.name
    if node.source is None:
        return text
    where = _text(node.source.predicate)
    plain = isinstance(node.source.predicate, ex.FilterRef | ex.Direction)
    return f"{text} of {where if plain else f'({where})'}"


@_text.register
def _(node: ex.Lookup) -> str:
    name = f"{node.owner.rpartition(':')[2]}"
    shown = f"previous({name}.{node.column})" if node.previous else f"{name}.{node.column}"
    return f"{shown}[{', '.join(map(_text, node.keys))}]" if node.keys else shown


@_text.register
def _(node: ex.CountOf) -> str:
    inner = node.table.rpartition(":")[2] if node.table else set_text(node.set)
    return f"count({inner})"


@_text.register
def _(node: ex.Finding) -> str:
    short = node.name.rpartition(":")[2]
    return short if node.type.name == "truth" else f"count({short})"


@_text.register
def _(node: ex.EntryCell) -> str:
    keys = ", ".join(map(_text, node.keys))
    return f"{node.profile.rpartition(':')[2]}.{node.column}[{keys}]"


@_text.register
def _(node: ex.Shown) -> str:
    return _text(node.of)


@_text.register
def _(node: ex.PreviousKnown) -> str:
    return f"known(previous({node.owner.rpartition(':')[2]}))"


@_text.register
def _(node: ex.Arithmetic) -> str:
    def side(part: ex.Expression) -> str:
        text = _text(part)
        tight = node.op in "*/" and isinstance(part, ex.Arithmetic) and part.op in "+-"
        return f"({text})" if tight else text

    return f"{side(node.left)} {node.op} {side(node.right)}"


def _grouped(node: ex.Expression, word: str) -> str:
    inner = {ex.Or: "or", ex.And: "and"}.get(type(node))
    text = _text(node)
    return f"({text})" if inner is not None and inner != word else text


@_text.register
def _(node: ex.Not) -> str:
    if isinstance(node.of, ex.In):
        return _membership(node.of, "not in")
    return f"not {_grouped(node.of, 'not')}"


@_text.register
def _(node: ex.And) -> str:
    return " and ".join(_grouped(e, "and") for e in node.items)


@_text.register
def _(node: ex.Or) -> str:
    return " or ".join(_grouped(e, "or") for e in node.items)


@_text.register
def _(node: ex.NOf) -> str:
    return f"{node.n} of ({', '.join(map(_text, node.items))})"


@_text.register
def _(node: ex.Compare) -> str:
    return f"{_text(node.left)} {node.op} {_text(node.right)}"


@_text.register
def _(node: ex.Known) -> str:
    return f"known({_text(node.of)})"


@_text.register
def _(node: ex.In) -> str:
    return _membership(node, "in")


@_text.register
def _(node: ex.FlagTest) -> str:
    letters = ATTRIBUTES if node.name == "attributes" else TCP_FLAGS

    def word(bits: int) -> str:
        return "".join(k for k, bit in letters.items() if bits & bit)

    if len(node.pairs) == 1:
        high, mask = node.pairs[0]
        if high == mask:
            return f"{node.name} has {word(mask)}"
        if high == 0:
            return f"{node.name} lacks {word(mask)}"
    masks = [f"{word(h)}/{word(m)}" for h, m in node.pairs]
    return f"{node.name} matches {masks[0] if len(masks) == 1 else '(' + ', '.join(masks) + ')'}"


def _membership(node: ex.In, word: str) -> str:
    items = _text(node.items[0]) if len(node.items) == 1 else f"({', '.join(map(_text, node.items))})"
    return f"{items} {word} {collection_text(node.collection, node.items[0].type)}"


def collection_text(collection: ex.Collection, type_: Type) -> str:
    """A collection as it is written after ``in``; long ones are cut."""
    match collection:
        case ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges):
            shown = [_range(type_, low, high) for low, high in ranges[:20]]
        case ex.Labels(labels=labels):
            shown = [label if label.isidentifier() else f'"{label}"' for label in sorted(labels)[:20]]
            ranges = tuple((0, 0) for _ in labels)
        case ex.Addresses(set=members) | ex.Blocks(set=members):
            shown = [str(c) for c in _few_blocks(members)]
            ranges = ()
        case ex.Wildcards(wildcards=wildcards):
            shown = [w.text for w in wildcards[:20]]
            ranges = tuple((0, 0) for _ in wildcards)
        case ex.Tuples(rows=rows):
            shown = [
                "(" + ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in row) + ")" for row in rows[:20]
            ]
            ranges = tuple((0, 0) for _ in rows)
        case ex.InSchedule(schedule=schedule):
            return str(schedule)
        case ex.InSet(set=inner):
            return set_text(inner)
    more = ", …" if len(ranges) > 20 else ""
    return f"({', '.join(shown)}{more})"


def _range(type_: Type, low: object, high: object) -> str:
    first = literal_text(type_, low)
    return first if low == high else f"{first}-{literal_text(type_, high)}"


def _few_blocks(members: object) -> list[str]:
    out: list[str] = []
    for low, high in members.ranges():  # type: ignore[attr-defined]
        if len(out) == 8:
            return [*out, "…"]
        out.append(format_address(low) if low == high else f"{format_address(low)}-{format_address(high)}")
    return out


def set_text(expression: ex.SetExpression | None) -> str:
    """A set expression in the language's words."""
    match expression:
        case ex.SetNamed():
            short = expression.name.rpartition(":")[2]
            return f"previous({short})" if expression.previous else short
        case ex.KeyColumn():
            return f"{expression.owner.rpartition(':')[2]}[{expression.index}]"
        case ex.HostsOf():
            return f"{expression.profile.rpartition(':')[2]}.{expression.which}"
        case ex.SetBlocks():
            return f"{expression.form}({set_text(expression.of)}, {expression.v4}, {expression.v6})"
        case ex.SetAlgebra():
            return f"{set_text(expression.left)} {expression.op} {set_text(expression.right)}"
        case ex.Members():
            keys = ", ".join(_text(k.of) for k in expression.keys)
            shown = keys if len(expression.keys) == 1 else f"({keys})"
            return f"{shown} of ({_text(expression.source.predicate)})"
        case ex.SetLiteral(addresses=members) if members is not None:
            return "{" + ", ".join(_few_blocks(members)) + "}"
        case ex.SetLiteral():
            return f"{{{len(expression.rows) + len(expression.labels)} members}}"
        case _:
            return "{}"
