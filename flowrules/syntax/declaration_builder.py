"""Nodes of declarations, blocks and the lines in them; see ``builder`` for how the methods are called."""

# ruff: noqa: D102  (one method for each rule of the grammar, named after it)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from flowrules.syntax import literals, tree
from flowrules.syntax.builder import Children, Part, Tokens, TreeBuilder, nodes
from flowrules.syntax.diagnostics import diagnostic
from flowrules.syntax.literals import LiteralError
from flowrules.syntax.machine import Token


def _value(part: Part | None, otherwise: Any = None) -> Any:
    return otherwise if part is None else part.value


class DeclarationBuilder(TreeBuilder):
    """Builds everything that the grammar says."""

    # ---- identity and names ---------------------------------------------------------------------------

    def ruleset(self, c: Children) -> tree.Ruleset:
        span = self._span(c)
        return tree.Ruleset(self._name(c[1]), nodes(c), text=self.places.description(span.start), span=span)

    def metadata(self, c: Children) -> tree.Metadata:
        return tree.Metadata(self._identifier(c[0]), nodes(c), span=self._span(c))

    def metavalue(self, c: Tokens) -> tree.Literal | tree.Name:
        kind = c[0].type
        if kind == "NAME":
            return self._name(c[0])
        return self._string(c[0]) if kind == "STRING" else self.plain(c)

    def import_(self, c: Children) -> tree.Import:
        alias = self._optional_identifier(c[4])
        return tree.Import(self._name(c[1]), _value(c[2]), alias, span=self._span(c))

    def imported(self, c: Children) -> Part:
        return self._part(nodes(c), c)

    def imported_name(self, c: Children) -> tree.ImportedName:
        return tree.ImportedName(self._identifier(c[0]), self._optional_identifier(c[2]), span=self._span(c))

    def attribute(self, c: Children) -> tree.Attribute:
        return tree.Attribute(self._identifier(c[1]), _value(c[3], ()), span=self._span(c))

    def declaration(self, c: Children) -> tree.Node:
        declared, span = c[-1], self._span(c)
        text = self.places.description(span.start)
        if len(c) == 1 and not text:
            return declared  # type: ignore[no-any-return]
        return attrs.evolve(declared, span=span, text=text, attributes=tuple(c[:-1]))  # type: ignore[no-any-return]

    def profile_item(self, c: Children) -> tree.Node:
        if isinstance(c[-1], tree.Hosts):
            for attribute in c[:-1]:
                message = "`hosts` takes no attributes"
                self.diagnostics.append(diagnostic("FR132", message, attribute.span))
            return c[-1]
        return self.declaration(c)

    # ---- parameters and constants ---------------------------------------------------------------------

    def param(self, c: Children) -> tree.Param:
        low, high = _value(c[7], (None, None))
        return tree.Param(
            name=self._identifier(c[1]),
            title=self._title(c[2]),
            type=c[4],
            value=c[6],
            low=low,
            high=high,
            span=self._span(c),
        )

    def bounds(self, c: Children) -> Part:
        return self._part((c[1], c[3]), c)

    def type(self, c: Children) -> tree.TypeName:
        return tree.TypeName(c[0].text, nodes(c), span=self._span(c))

    def type_word(self, c: Tokens) -> Token:
        return c[0]

    def type_argument(self, c: Children) -> tree.TypeArgument:
        first, second = self._identifier(c[0]), self._optional_identifier(c[2])
        if second is None:
            return tree.TypeArgument(first, span=self._span(c))
        return tree.TypeArgument(second, first, span=self._span(c))

    def ports(self, c: Children) -> tree.Ports:
        return tree.Ports(
            name=self._identifier(c[1]),
            title=self._title(c[2]),
            items=c[4].value,
            exceptions=_value(c[5], ()),
            span=self._span(c),
        )

    def nets(self, c: Children) -> tree.Nets:
        return tree.Nets(
            name=self._identifier(c[1]),
            title=self._title(c[2]),
            items=c[4].value,
            exceptions=_value(c[5], ()),
            span=self._span(c),
        )

    def except_(self, c: Children) -> Part:
        return self._part(c[1].items, c)

    def schedule(self, c: Children) -> tree.Schedule:
        return tree.Schedule(
            name=self._identifier(c[1]), title=self._title(c[2]), hours=c[4], span=self._span(c)
        )

    def hours(self, c: Children) -> tree.Hours:
        zone = self._optional_identifier(c[-2])
        slots = tuple(child for child in c if isinstance(child, tree.Slot))
        return tree.Hours(slots, zone, _value(c[-1], ()), span=self._span(c))

    def slot(self, c: Tokens) -> tree.Slot:
        days = [day for token in c if token.type == "DAYS" for day in literals.decode_days(token.text)]
        first, last = (token for token in c if token.type == "CLOCK")
        span = self._span((first, last))
        start = self._decode(literals.decode_clock, first.text, span=self._at(first), otherwise=0)
        end = self._decode(literals.decode_clock, last.text, span=self._at(last), otherwise=1440)
        if start == end:
            self._report(
                LiteralError(
                    "FR123", f"the hours {first.text}-{last.text} are none", "the whole day is 00:00-24:00"
                ),
                span,
            )
        elif start == 1440:
            self._report(
                LiteralError(
                    "FR123", "hours cannot start at 24:00", f"write 00:00-{last.text} for the day after"
                ),
                span,
            )
        return tree.Slot(tuple(sorted(set(days))), start, end, span=self._span(c))

    def map_(self, c: Children) -> tree.Map:
        opening = next(n for n, child in enumerate(c) if type(child) is Token and child.type == "LBRACE")
        keys = tuple(self._identifier(token) for token in c[4:opening:2])
        return tree.Map(
            name=self._identifier(c[1]),
            title=self._title(c[2]),
            keys=keys,
            entries=nodes(c[opening:]),
            span=self._span(c),
        )

    def map_entry(self, c: Children) -> tree.MapEntry:
        return tree.MapEntry(self._string(c[0]), c[2].value, span=self._span(c))

    # ---- filters, sets, tables ------------------------------------------------------------------------

    def filter_(self, c: Children) -> tree.Filter:
        return tree.Filter(
            name=self._identifier(c[1]), title=self._title(c[2]), predicate=c[4], span=self._span(c)
        )

    def set_(self, c: Children) -> tree.SetDeclaration:
        return tree.SetDeclaration(
            name=self._identifier(c[1]),
            title=self._title(c[2]),
            set=c[4],
            exceptions=_value(c[5], ()),
            keeps=tuple(c[6:]),
            span=self._span(c),
        )

    def table(self, c: Children) -> tree.Table:
        of = next(n for n, child in enumerate(c) if type(child) is Token and child.type == "OF")
        return tree.Table(
            name=self._identifier(c[1]),
            title=self._title(c[2]),
            optional=c[3] is not None,
            columns=nodes(c[5:of]),
            source=self._source(c[of + 1], c[of + 2]),
            keys=_value(c[of + 3], ()),
            fill=c[of + 4] is not None,
            keeps=nodes(c[of + 5 : -1]),
            order=_value(c[-1], ()),
            span=self._span(c),
        )

    # ---- profiles -------------------------------------------------------------------------------------

    def profile(self, c: Children) -> tree.Profile:
        return tree.Profile(
            name=self._identifier(c[1]), title=self._title(c[2]), items=nodes(c), span=self._span(c)
        )

    def hosts(self, c: Children) -> tree.Hosts:
        return tree.Hosts(c[1], span=self._span(c))

    def feature(self, c: Children) -> tree.Feature:
        return tree.Feature(
            name=self._identifier(c[1]),
            title=self._title(c[2]),
            optional=c[3] is not None,
            measure=c[5],
            source=self._source(c[7], c[8]),
            keys=c[9].value,
            span=self._span(c),
        )

    def derived_feature(self, c: Children) -> tree.Feature:
        return tree.Feature(
            name=self._identifier(c[1]),
            title=self._title(c[2]),
            optional=c[3] is not None,
            condition=c[5],
            span=self._span(c),
        )

    def verdict(self, c: Children) -> tree.Verdict:
        return tree.Verdict(
            name=self._identifier(c[1]),
            title=self._title(c[2]),
            drop=c[3] is not None,
            condition=None if type(c[4]) is Token else c[4].value,
            because=_value(c[5]),
            span=self._span(c),
        )

    def when(self, c: Children) -> Part:
        return self._part(c[1], c)

    def because(self, c: Children) -> Part:
        return self._part(c[1], c)

    def within(self, c: Children) -> Part:
        return self._part(c[1], c)

    def anomaly(self, c: Children) -> tree.Anomaly:
        return tree.Anomaly(
            name=self._identifier(c[1]),
            title=self._title(c[2]),
            severity=self._identifier(c[4]),
            within=_value(c[5]),
            condition=_value(c[6]),
            because=_value(c[7]),
            span=self._span(c),
        )

    def entry(self, c: Children) -> tree.Entry:
        source, keys = _value(c[1], (None, ()))
        return tree.Entry(
            source=source, keys=keys, condition=_value(c[2]), columns=nodes(c[3:]), span=self._span(c)
        )

    def entry_source(self, c: Children) -> Part:
        return self._part((self._source(c[1], c[2]), c[3].value), c)

    def entry_column(self, c: Children) -> tree.EntryColumn:
        return tree.EntryColumn(self._identifier(c[0]), c[1], c[3], span=self._span(c))

    def cell_of(self, c: Children) -> tree.CellOf:
        return tree.CellOf(c[0], self._source(c[2], c[3]), c[4].value, span=self._span(c))

    def check(self, c: Children) -> tree.Check:
        return tree.Check(
            name=self._identifier(c[1]),
            title=self._title(c[2]),
            severity=self._optional_identifier(c[4]),
            condition=c[6],
            because=_value(c[7]),
            span=self._span(c),
        )

    # ---- tests ----------------------------------------------------------------------------------------

    def test(self, c: Children) -> tree.Test:
        return tree.Test(self._string(c[1]), nodes(c), span=self._span(c))

    def given_param(self, c: Children) -> tree.GivenParam:
        return tree.GivenParam(c[1], c[3], span=self._span(c))

    def given_flows(self, c: Children) -> tree.GivenFlows:
        return tree.GivenFlows(self._string(c[1]), span=self._span(c))

    def given_flows_file(self, c: Children) -> tree.GivenFlowsFile:
        return tree.GivenFlowsFile(c[1], span=self._span(c))

    def given_previous(self, c: Children) -> tree.GivenPrevious:
        return tree.GivenPrevious(c[1], c[3], span=self._span(c))

    def expect(self, c: Children) -> tree.Expect:
        return tree.Expect(c[1], span=self._span(c))

    # ---- the site's overlay ---------------------------------------------------------------------------

    def tune(self, c: Children) -> tree.Tune:
        version = None if c[2] is None else c[2].text[1:]
        return tree.Tune(self._name(c[1]), version, nodes(c), span=self._span(c))

    def reason(self, c: Children) -> Part:
        because = None if c[1] is None else self._string(c[1])
        until = None if c[3] is None else self.plain([c[3]])
        there = [child for child in c if child is not None]
        # a line without a reason ends where its last word does
        return self._part((because, until), there) if there else Part((None, None), -1, -1)

    def _tuned(
        self, make: Callable[..., tree.TuneLine], c: Children, of: tree.Name, **values: Any
    ) -> tree.TuneLine:
        because, until = c[-1].value
        written = c if c[-1].end >= 0 else c[:-1]
        return make(of=of, because=because, until=until, span=self._span(written), **values)

    def tune_param(self, c: Children) -> tree.TuneLine:
        return self._tuned(tree.TuneParam, c, c[1], value=c[3])

    def tune_set(self, c: Children) -> tree.TuneLine:
        return self._tuned(tree.TuneSet, c, c[1], exceptions=c[2].value)

    def tune_filter(self, c: Children) -> tree.TuneLine:
        return self._tuned(tree.TuneFilter, c, c[1], exception=c[3])

    def tune_severity(self, c: Children) -> tree.TuneLine:
        return self._tuned(tree.TuneSeverity, c, c[1], severity=self._identifier(c[3]))

    def tune_kind(self, c: Tokens) -> Token:
        return c[0]

    def tune_disable(self, c: Children) -> tree.TuneLine:
        return self._tuned(tree.TuneDisable, c, c[2], kind=None if c[1] is None else c[1].text)
