"""Small changes of rules that a test should notice: another bound, a test less, the other end of a flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from attrs import evolve, field, frozen

from flowrules.model import expression as ex
from flowrules.model.expression_text import expression_text, set_text
from flowrules.model.program import Program, TextTemplate, VerdictDeclaration
from flowrules.model.source_text import Span
from flowrules.model.types import TRUTH, Type
from flowrules.testing.replacing import KINDS, parts, with_changed

_OTHER_END: Final = {
    "sip": "dip",
    "dip": "sip",
    "sport": "dport",
    "dport": "sport",
    "inside": "outside",
    "outside": "inside",
    "inside_port": "outside_port",
    "outside_port": "inside_port",
}
_OTHER_WAY: Final = {"inbound": "outbound", "outbound": "inbound"}
_OTHER_BOUND: Final = {">=": ">", ">": ">=", "<=": "<", "<": "<="}
_OTHER_SET: Final = {"|": "&", "&": "|", "-": "|", "^": "|"}
_LISTED: Final = frozenset({"port", "protocol", "application", "icmp_type"})
_MOST_LISTED: Final = 8
_SMALL: Final = 20
_HOUR: Final = 3_600_000

Change = Callable[[Any], Any]


@frozen(eq=False)
class Mutant:
    """One change of one declaration: ``before`` became ``after`` at ``span``.

    ``kind``: ``threshold conjunct alternative port label ends direction negated keep drop order set``.
    """

    kind: str
    name: str
    before: str
    after: str
    span: Span
    change: Change = field(repr=False)

    def of(self, program: Program) -> Program | None:
        """A program with the change; ``None`` where it does not hold the place."""
        return with_changed(program, self.name, self.change)


def mutants_of(program: Program, rulesets: frozenset[str]) -> Iterator[Mutant]:
    """Every mutant of the declarations of some rulesets, in the order of the text."""
    found: list[Mutant] = []
    for kind in KINDS:
        for name, declared in getattr(program, kind).items():
            if declared.ruleset in rulesets:
                found += _of_tree(name, declared, declared.span)
    order = {name: place for place, name in enumerate(program.rulesets)}
    yield from sorted(found, key=lambda m: (order[m.name.partition(":")[0]], m.span.start))


def _of_tree(name: str, node: Any, place: Span | None) -> Iterator[Mutant]:
    """The mutants of a tree: each change for each node that stands in the text, once."""
    seen: set[tuple[object, ...]] = set()
    for part in _walk(node):
        span = _span(part) or place
        if span is None:
            continue
        for kind, before, after, change in _changes(part):
            key = (kind, before, after, span.path, span.start, span.end)
            if key not in seen:
                seen.add(key)
                yield Mutant(kind, name, before, after, span, _only_at(part, change))


def _walk(value: Any) -> Iterator[Any]:
    """Every part of a declaration, outer ones first."""
    yield value
    for part in parts(value):
        if not isinstance(part, TextTemplate):  # what is said changes nothing
            yield from _walk(part)


def _span(part: Any) -> Span | None:
    if isinstance(part, ex.Key):
        return part.of.span
    span = getattr(part, "span", None)
    return span if isinstance(span, Span) else None


def _only_at(part: Any, change: Change) -> Change:
    """The change for the node that stands at the place of ``part`` (in any program), and for no other."""
    kind, span = type(part), _span(part)

    def at(node: Any) -> Any:
        if type(node) is not kind:
            return node
        here = _span(node)
        same = node == part if span is None else here is not None and _where(here) == _where(span)
        return change(node) if same else node

    return at


def _where(span: Span) -> tuple[str, int, int]:
    return span.path, span.start, span.end


Found = tuple[str, str, str, Change]
"""Kind, before, after, and the change itself."""


def _changes(part: Any) -> Iterator[Found]:
    match part:
        case ex.And(items=items) | ex.Or(items=items) if len(items) > 1:
            kind = "conjunct" if isinstance(part, ex.And) else "alternative"
            for place, item in enumerate(items):
                yield kind, expression_text(item), "nothing", _without(place)
        case ex.NOf(n=n, items=items):
            for other in (n - 1, n + 1):
                if 1 <= other <= len(items):
                    yield "threshold", f"{n} of", f"{other} of", _with(n=other)
        case ex.Compare():
            yield from _of_comparison(part)
        case ex.In():
            yield from _of_membership(part)
        case ex.FlagTest() | ex.Known():
            yield _negation(part)
        case ex.FilterRef(name=name) if name in _OTHER_WAY:
            yield "direction", name, _OTHER_WAY[name], _with(name=_OTHER_WAY[name])
        case ex.Direction(name=name) if name in _OTHER_WAY:
            yield "direction", name, _OTHER_WAY[name], _with(name=_OTHER_WAY[name])
        case ex.Measure(args=args) if args and isinstance(args[0], ex.Field) and args[0].name in _OTHER_END:
            swapped = evolve(part, args=(_swapped(args[0]), *args[1:]))
            yield "ends", expression_text(part), expression_text(swapped), _with(args=swapped.args)
        case ex.Key(of=of):
            if isinstance(of, ex.Mask | ex.Field) and _swapped(of) != of:
                yield "ends", f"per {expression_text(of)}", f"per {expression_text(_swapped(of))}", _swap_key
        case ex.KeepRank(n=n, bottom=bottom):
            word = "bottom" if bottom else "top"
            yield "keep", f"keep {word} {n}", f"keep {word} {n + 1}", _with(n=n + 1)
        case ex.SetAlgebra(op=op):
            combined = evolve(part, op=_OTHER_SET[op])
            yield "set", set_text(part), set_text(combined), _with(op=_OTHER_SET[op])
        case VerdictDeclaration(drop=drop, short=short):
            words = (f"{short} drop", short)
            yield "drop", *(words if drop else words[::-1]), _with(drop=not drop)
        case _:
            yield from _of_steps(part)


def _of_steps(part: Any) -> Iterator[Found]:
    """Keeps of tables and sets left out one by one; verdicts tried in another order."""
    keeps = getattr(part, "keeps", ())
    for place, step in enumerate(keeps):
        shown = expression_text(step.condition) if isinstance(step, ex.Keep) else "its rank"
        yield "keep", f"keep {shown}", "nothing", _without(place, "keeps")
    verdicts = getattr(part, "verdicts", ())
    for place, (one, other) in enumerate(pairwise(verdicts)):
        if one.condition is not None and other.condition is not None:
            swapped = f"{other.short} before {one.short}"
            yield "order", f"{one.short} before {other.short}", swapped, _exchanged(place)


def _of_comparison(node: ex.Compare) -> Iterator[Found]:
    side = next((s for s in ("right", "left") if _is_bound(getattr(node, s))), None)
    if node.op not in _OTHER_BOUND:
        if side is not None:
            kind = "port" if node.right.type.name in _LISTED else "threshold"
            yield _moved(kind, node, side, 1)
        yield _negation(node)
    elif side is None:
        op = _OTHER_BOUND[node.op]
        yield _as("threshold", node, evolve(node, op=op), _with(op=op))
    else:
        literal = getattr(node, side)
        assert isinstance(literal, ex.Literal) and isinstance(literal.value, int | Fraction)
        step = _step(literal.type, literal.value)
        yield _moved("threshold", node, side, step)
        if literal.value >= step:
            yield _moved("threshold", node, side, -step)
    yield from _of_ends(node)


def _is_bound(node: ex.Expression) -> bool:
    """Whether this is a number that can be moved."""
    return (
        isinstance(node, ex.Literal)
        and isinstance(node.value, int | Fraction)
        and not isinstance(node.value, bool)
        and node.type.name not in ("address", "flags", "attributes")
    )


def _moved(kind: str, node: ex.Compare, side: str, by: int | Fraction) -> Found:
    def change(found: ex.Compare) -> ex.Compare:
        literal = getattr(found, side)
        if not isinstance(literal, ex.Literal) or not isinstance(literal.value, int | Fraction):
            return found
        bound = evolve(literal, value=literal.value + by)
        return evolve(found, right=bound) if side == "right" else evolve(found, left=bound)

    return kind, expression_text(node), expression_text(change(node)), change


def _step(type_: Type, value: int | Fraction) -> int | Fraction:
    """How far a bound is moved: by one where that is much, else by a tenth."""
    if type_.name == "time":
        return _HOUR
    if isinstance(value, int):
        return 1 if value <= _SMALL else max(value // 10, 1)
    return value / 10 if value else Fraction(1, 100)


def _of_membership(node: ex.In) -> Iterator[Found]:
    yield _negation(node)
    match node.collection:
        case ex.Ranges(ranges=ranges) if node.items[0].type.name in _LISTED:
            for place in range(min(len(ranges), _MOST_LISTED)):
                changed = ex.Ranges(_fewer(ranges, place))
                yield _as("port", node, evolve(node, collection=changed), _fewer_listed(place))
        case ex.Labels(labels=labels) if len(labels) > 1:
            for label in sorted(labels)[:_MOST_LISTED]:
                changed_labels = ex.Labels(labels - {label})
                yield _as("label", node, evolve(node, collection=changed_labels), _without_label(label))
    yield from _of_ends(node)


def _fewer(ranges: tuple[tuple[int, int], ...], place: int) -> tuple[tuple[int, int], ...]:
    """One range less, or the next number where there is only one."""
    if len(ranges) == 1:
        low, high = ranges[0]
        by = 1 if high < 255 or 255 < high < 65535 else -1
        return ((low + by, high + by),)
    return ranges[:place] + ranges[place + 1 :]


def _fewer_listed(place: int) -> Change:
    def change(node: ex.In) -> ex.In:
        assert isinstance(node.collection, ex.Ranges)
        if place >= len(node.collection.ranges):
            return node
        return evolve(node, collection=ex.Ranges(_fewer(node.collection.ranges, place)))

    return change


def _without_label(label: str) -> Change:
    def change(node: ex.In) -> ex.In:
        assert isinstance(node.collection, ex.Labels)
        return evolve(node, collection=ex.Labels(node.collection.labels - {label}))

    return change


def _of_ends(node: ex.Compare | ex.In) -> Iterator[Found]:
    swapped = _swapped(node)
    if swapped != node:
        yield _as("ends", node, swapped, _swapped)


def _swapped(node: ex.Expression) -> ex.Expression:
    """The expression about the other end of the flow."""
    from flowrules.plan.rewriting import rebuild

    if isinstance(node, ex.Field):
        return evolve(node, name=_OTHER_END.get(node.name, node.name))
    return node if isinstance(node, ex.Measure) else rebuild(node, _swapped)


def _swap_key(key: ex.Key) -> ex.Key:
    return evolve(key, of=_swapped(key.of))


def _negation(node: ex.Expression) -> Found:
    return _as("negated", node, ex.Not(type=TRUTH, of=node), lambda n: ex.Not(type=TRUTH, of=n, span=n.span))


def _as(kind: str, node: ex.Expression, after: ex.Expression, change: Change) -> Found:
    return kind, expression_text(node), expression_text(after), change


def _with(**values: Any) -> Change:
    return lambda node: evolve(node, **values)


def _without(place: int, name: str = "items") -> Change:
    def change(node: Any) -> Any:
        items = getattr(node, name)
        rest = items[:place] + items[place + 1 :]
        return rest[0] if name == "items" and len(rest) == 1 else evolve(node, **{name: rest})

    return change


def _exchanged(place: int) -> Change:
    def change(profile: Any) -> Any:
        verdicts = list(profile.verdicts)
        verdicts[place : place + 2] = reversed(verdicts[place : place + 2])
        return evolve(profile, verdicts=tuple(verdicts))

    return change
