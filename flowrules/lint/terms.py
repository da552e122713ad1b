"""The variables that values are in proofs, and what each can be at the place where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from flowrules.lint.domains import ANY_LABEL, Domain, Labels, Variable, hosts, labels, whole_numbers
from flowrules.lint.facts import among, variable
from flowrules.lint.formulas import Formula, NotDecided, either, every, holds, states
from flowrules.lint.universes import measure_universe, universe_of_type
from flowrules.model import expression as ex
from flowrules.model.fields import IPV4_MAPPED
from flowrules.model.program import TableDeclaration

if TYPE_CHECKING:
    from flowrules.lint.premises import Place, Premises

INSIDE: Final = {
    "inside": ("sip", "dip"), "outside": ("dip", "sip"),
    "inside_port": ("sport", "dport"), "outside_port": ("dport", "sport"),
}  # fmt: skip
"""Fields of the home and the far end: the field of outbound flows, and of inbound ones."""

RATIOS: Final = {
    "bytes_per_packet": "packets",
    "bytes_per_second": "duration",
    "packets_per_second": "duration",
}
"""Fields that are quotients, with what they are divided by."""

IN_ICMP: Final = ("icmp_type", "icmp_code")
"""Fields that are known in ICMP alone."""

MOST_RANGES: Final = 4096
"""A map with more ranges than this is not written out."""

_TRUTH: Final = labels(("true", "false"))


class Terms:
    """The values at one place."""

    def __init__(self, premises: Premises, place: Place) -> None:
        self.premises = premises
        self.place = place
        self._variables: dict[ex.Expression, Variable] = {}

    def variable(self, node: ex.Expression) -> Variable:
        """The variable that stands for a value."""
        if isinstance(node, ex.Field) and self.place.table is None:
            return variable(node.name)
        if isinstance(node, ex.Measure) and node.source is None and self.place.table is not None:
            node = self._as_column(node, self.place.table)
        held = self._variables.get(node)
        if held is None:
            opaque = not isinstance(node, ex.Feature | ex.Measure)
            needs, counted = self._needs(node)
            held = Variable(node, self.universe(node), opaque, needs, counted)
            if not self.premises._open:
                self._variables[node] = held
        return held

    def _as_column(self, node: ex.Measure, table: TableDeclaration) -> ex.Expression:
        """A measure of a table's row, as the column that holds it: the same variable by both names."""
        name = next((c.name for c in table.columns if c.measure == node), None)
        return node if name is None else ex.Column(type=node.type, name=name)

    def _needs(self, node: ex.Expression) -> tuple[str | None, bool]:
        """The direction that a measure needs flows of, and whether it is known wherever there are some."""
        measure, source, optional = None, None, False
        if isinstance(node, ex.Measure):
            measure, source = node, node.source if node.source is not None else self.place.source
        elif isinstance(node, ex.Feature):
            declaration = self.place.features.get(node.name)
            if declaration is not None:
                measure, source = declaration.measure, declaration.source
                optional = declaration.optional
        if measure is None or source is None or source.direction is None or source.table is not None:
            return None, False
        counted = measure.name in ("flows", "sum", "distinct") and not optional
        return source.direction, counted

    def universe(self, node: ex.Expression) -> Domain:
        """What a value can be."""
        project = self.premises.project
        match node:
            case ex.Field():
                return variable(node.name).universe
            case ex.Measure():
                source = node.source if node.source is not None else self.place.source
                grouped = self.place.grouped and node.source is None
                return self.measured(node, source, grouped)
            case ex.Feature(name=name):
                return self._feature(node, name)
            case ex.Column(name=name) if self.place.table is not None:
                return self._column(node, name, self.place.table)
            case ex.Verdict():
                return Domain(self.verdict_names())
            case ex.Clock(part=part, of=of):
                return Domain(whole_numbers(0, 23 if part == "hour" else 6), self.may_be_unknown(of))
            case ex.CountOf():
                return Domain(whole_numbers(0, 1 << 130))
            case ex.MapLookup(map=name):
                return Domain(self._map_labels(name), True)
        assert project is not None
        return Domain(universe_of_type(node.type), True)

    def measured(self, node: ex.Measure, source: ex.Source | None, grouped: bool) -> Domain:
        """What a measure can be over a source."""
        premises = self.premises
        universe = measure_universe(node, source, grouped, premises.project)
        if node.name == "fraction" and source is not None:
            return _fraction(premises, node.args[0], source, universe)
        return universe

    def _feature(self, node: ex.Expression, name: str) -> Domain:
        declaration = self.place.features.get(name)
        if declaration is None:
            return Domain(universe_of_type(node.type), True)
        if declaration.measure is not None:
            domain = self.measured(declaration.measure, declaration.source, False)
            return Domain(domain.values, domain.unknown or declaration.optional)
        if isinstance(declaration.condition, ex.Measure | ex.CountOf | ex.MapLookup | ex.Feature):
            key = ("universe", name, id(self.place.features))
            if key not in self.premises._open:
                self.premises._open.add(key)
                try:
                    domain = self.universe(declaration.condition)
                finally:
                    self.premises._open.discard(key)
                return Domain(domain.values, True)
        return Domain(universe_of_type(node.type), True)

    def _column(self, node: ex.Expression, name: str, table: TableDeclaration) -> Domain:
        for column in table.columns:
            if column.name == name:
                grouped = bool(table.keys) and table.fill is None
                return self.measured(column.measure, column.measure.source or table.source, grouped)
        for key in table.keys:
            if key.name == name:
                values = self.premises.project(key.of, table.source)
                if values is not None:
                    return Domain(values, True)
                if isinstance(key.of, ex.Field):
                    return Domain(self.premises.claims().universe(key.of).values, True)
        return Domain(universe_of_type(node.type), True)

    def _map_labels(self, name: str) -> Labels:
        program = self.premises.program
        table = program.maps.get(name)
        if table is None or name in program.parameters or ":" not in name:
            return ANY_LABEL
        return labels(table.labels)

    def verdict_names(self) -> Labels:
        """The verdicts that a host can have here."""
        if not self.place.verdicts:
            return ANY_LABEL
        return labels((*(v.short.rpartition(".")[2] for v in self.place.verdicts), "unclassified"))

    def may_be_unknown(self, node: ex.Expression) -> bool:
        """Whether a value is unknown for some flow, group or host."""
        if isinstance(node, ex.Field):
            return node.name in (*INSIDE, *RATIOS, "icmp_type", "icmp_code", "gap")
        return not isinstance(node, ex.Literal) or node.value is None

    def map_hosts(self, item: ex.Expression, select: Callable[[Any], Any]) -> Any:
        """The addresses whose label in a map of the rules is one that ``select`` picks; ``None``: not known."""
        if not isinstance(item, ex.MapLookup) or len(item.args) != 1:
            return None
        program = self.premises.program
        table = program.maps.get(item.map)
        if table is None or item.map in program.parameters or ":" not in item.map or table.kind != "address":
            return None
        if len(table.index) > MOST_RANGES:
            return None
        universe = labels(table.labels)
        chosen = select(universe)
        starts, ends = _numbers(table.starts), _numbers(table.ends)
        return hosts(
            (a, b)
            for a, b, i in zip(starts, ends, table.index.tolist(), strict=True)
            if table.labels[i] in chosen
        )


def _fraction(premises: Premises, predicate: ex.Expression, source: ex.Source, universe: Domain) -> Domain:
    """A fraction is 0 where no flow of the source can match, and 1 where every one does."""
    claims = premises.claims(premises.place_of(source))
    given = claims.true(source.predicate)
    try:
        some = next(states([given, claims.true(predicate)]), None) is not None
        others = next(states([given, claims.not_true(predicate)]), None) is not None
    except NotDecided:
        return universe
    if some and others:
        return universe
    at = Fraction(1 if some else 0)
    return Domain(universe.values.between(at, at), universe.unknown)


def is_icmp() -> Formula:
    """That a flow is one of ICMP, so that its type and code are known."""
    return either((among("protocol", 1), every((among("protocol", 58), among("ip_version", 6)))))


def opaque(key: Any, want: bool) -> Formula:
    """Something that may be true, false or unknown, for all that is known of it."""
    at = Variable(("truth", key), Domain(_TRUTH, True), opaque=True)
    return holds(at, Domain(Labels(frozenset(("true" if want else "false",)), False, _TRUTH.universe)))


def _numbers(values: Any) -> Iterable[int]:
    if values.dtype.names:
        highs, lows = values["high"].tolist(), values["low"].tolist()
        return [h << 64 | lo for h, lo in zip(highs, lows, strict=True)]
    return [IPV4_MAPPED + int(v) for v in values.tolist()]
