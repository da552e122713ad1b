"""Tests inside rulesets: their parameters, flows, earlier results, and what they expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, cast

import attrs

from flowrules.check.attributes import check_attributes, todo_reason
from flowrules.check.bindings import Binding, Bindings
from flowrules.check.builtin import FIELDS, SET_CALLS
from flowrules.check.conditions import Names
from flowrules.check.constants import net_addresses
from flowrules.check.expectations import Expected
from flowrules.check.faults import Faults, did_you_mean
from flowrules.check.flows import FlowExpressions
from flowrules.check.listed import Unbound
from flowrules.check.references import SetReference, members_text, same_positions, set_reference
from flowrules.check.sets import beside, constant_set, list_members, set_call, set_expression
from flowrules.check.symbols import Constant, FileScope, Positions, Symbol
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import program as pr
from flowrules.model.address_set import AddressSet
from flowrules.model.fields import STORED
from flowrules.model.source_text import Span
from flowrules.syntax import tree

COLUMNS: Final = frozenset((*STORED, "etime", "repeat", "icmp_type", "icmp_code")) - {"record_number"}
"""Columns that the flows of a test can have."""

Recheck = Callable[[Bindings, Symbol, Faults], Workspace]
"""Check what a test needs again with other bindings."""

Assemble = Callable[[Workspace, Symbol], pr.Program]
"""The program of a file, and of what a symbol needs beside."""


def check_test(
    scope: FileScope,
    node: tree.Test,
    faults: Faults,
    sources: Workspace,
    recheck: Recheck,
    assemble: Assemble,
) -> pr.TestDeclaration | None:
    """One test; ``None`` where it is faulty (reported to ``faults``), or where tests are not to be run."""
    return _Test(scope, node, faults, sources, recheck, assemble).check()


class _Test:
    def __init__(
        self,
        scope: FileScope,
        node: tree.Test,
        faults: Faults,
        rules: Workspace,
        recheck: Recheck,
        assemble: Assemble,
    ) -> None:
        self.scope = scope
        self.node = node
        self.faults = faults
        self.rules = rules
        self.recheck = recheck
        self.assemble = assemble
        self.todo = todo_reason(node.attributes)

    def check(self) -> pr.TestDeclaration | None:
        before = len(self.faults.found)
        check_attributes(self.faults, self.node.attributes, of_test=True)
        given, internal = self._parameters()
        flows, flows_span, flows_file = self._flows()
        expects = [i for i in self.node.items if isinstance(i, tree.Expect)]
        if not expects and self.todo is None:
            self.faults.report(
                "FR238",
                "the test expects nothing",
                self.node.name.span,
                hint="say what must come out: expect clients = {…}",
            )
        bindings = attrs.evolve(
            self.rules.bindings, parameters={}, given=given, maps={}, names={}, internal=internal,
            direction="auto", sampling=1, assume={},
        )  # fmt: skip
        found = Faults()
        symbol = Symbol(
            "check", f"test {self.node.name.value}", cast(tree.Declaration, self.node), self.scope
        )
        ws = self.recheck(bindings, symbol, found)
        with ws.within(symbol):
            previous = self._previous(ws)
            expectations = tuple(self._expectation(ws, e) for e in expects)
        self._report_unbound(ws, symbol)
        for d in found.found:
            inside = d.span is not None and self._holds(d.span)
            if inside:
                self.faults.report(d.code, d.message, d.span, d.hint, d.related, d.severity)
        if self.rules.mode != "test" or any(d.is_error for d in self.faults.found[before:]):
            return None
        return pr.TestDeclaration(
            name=str(self.node.name.value),
            ruleset=self.scope.ruleset,
            program=self.assemble(ws, symbol),
            flows=flows,
            flows_span=flows_span,
            expectations=expectations,
            internal=internal,
            previous=previous,
            span=self.node.span,
            flows_file=flows_file,
            needs=frozenset(s.qualified for s in ws.needed_by([symbol]) if s is not symbol),
            todo=self.todo,
        )

    def _holds(self, span: Span) -> bool:
        own = self.node.span
        return span.path == own.path and own.start <= span.start and span.end <= own.end

    # ---- what is given ---------------------------------------------------------------------------

    def _parameters(self) -> tuple[dict[str, Binding], AddressSet | None]:
        given: dict[str, Binding] = {}
        internal: AddressSet | None = None
        seen: dict[str, Span] = {}
        for item in self.node.items:
            if not isinstance(item, tree.GivenParam):
                continue
            name = item.name.text
            whose = self._whose(item.name)
            if whose is None:
                continue
            if whose in seen:
                self.faults.report(
                    "FR238",
                    f"the parameter {name} is given twice",
                    item.name.span,
                    related=[(seen[whose], "the first")],
                )
                continue
            seen[whose] = item.name.span
            if name == "internal" and not self._is_parameter(name):
                internal = self._internal(item)
                continue
            source = self.rules.sources[item.value.span.path].text
            text = source[item.value.span.start : item.value.span.end]
            folder = beside(self.scope.path, ".")
            given[whose] = Binding(text, "test", "", folder, item.value.span, item.name.span)
        return given, internal

    def _whose(self, node: tree.Name) -> str | None:
        """The parameter that a name means here: this ruleset's, else the one of what it imports; after a dot,
        that of an alias, else of the ruleset that is called so.  ``None``: the import was faulty.

        Other rulesets of the run may have parameters of that name; a test does not see them.
        """
        name = node.text
        if len(node.parts) > 1:
            alias, *rest = node.parts
            if alias not in self.scope.modules:
                return name
            module = self.scope.modules[alias]
            return None if module is None else ".".join((module.ruleset, *rest))
        if self._is_parameter(name):
            return f"{self.scope.ruleset}.{name}"
        seen = [self.scope]
        for scope in seen:
            seen += [module for module, _ in scope.requires if module not in seen]
        owners = [s for s in seen if name in s.symbols and s.symbols[name].kind == "param"]
        return f"{owners[0].ruleset}.{name}" if len(owners) == 1 else name

    def _is_parameter(self, name: str) -> bool:
        symbol = self.scope.symbols.get(name)
        return symbol is not None and symbol.kind == "param"

    def _internal(self, item: tree.GivenParam) -> AddressSet | None:
        value = item.value
        items: tuple[tree.Item, ...]
        match value:
            case tree.List(items=listed) | tree.SetLiteral(items=listed):
                items = listed
            case tree.Literal() | tree.Range() | tree.Name():
                items = (value,)
            case _:
                self.faults.report(
                    "FR238",
                    "internal is a list of networks",
                    value.span,
                    hint="write param internal = 10.0.0.0/8",
                )
                return None
        faults, self.rules.faults = self.rules.faults, self.faults
        try:
            found = net_addresses(self.rules, self.scope, items)
        finally:
            self.rules.faults = faults
        return None if isinstance(found, Unbound) else found

    def _flows(self) -> tuple[str, Span | None, str | None]:
        given = [i for i in self.node.items if isinstance(i, tree.GivenFlows | tree.GivenFlowsFile)]
        if not given:
            if self.todo is not None:
                return "", None, None
            self.faults.report(
                "FR238",
                "the test gives no flows",
                self.node.name.span,
                hint='give a table: flows """sip | dip | …"""',
            )
            return "", None, None
        for other in given[1:]:
            self.faults.report(
                "FR238", "a test gives its flows once", other.span, related=[(given[0].span, "the first")]
            )
        first = given[0]
        if isinstance(first, tree.GivenFlowsFile):
            return "", first.span, beside(self.scope.path, str(first.file.path.value))
        text = str(first.table.value)
        self._check_table(first.table, text)
        return text, first.table.span, None

    def _check_table(self, node: tree.Literal, text: str) -> None:
        """The titles of the flows' columns, and that every row has a cell for each."""
        lines = [(i, line) for i, line in enumerate(text.split("\n")) if line.strip()]
        lines = [(i, line) for i, line in lines if not line.lstrip().startswith("#")]
        if not lines:
            self.faults.report(
                "FR238",
                "the flows have no line of titles",
                node.span,
                hint="write the fields' names with | between",
            )
            return
        titles = [c.strip() for c in lines[0][1].split("|")]
        if titles and not titles[-1]:
            titles.pop()
        for title in titles:
            if title not in COLUMNS:
                known = sorted(COLUMNS)
                self.faults.report(
                    "FR238", f"flows have no column {title or 'without a name'}", self._line(node, text, lines[0][0], title),
                    hint=did_you_mean(title, known) or ("it is derived, not given" if title in FIELDS else None),
                )  # fmt: skip
            elif titles.count(title) > 1:
                self.faults.report(
                    "FR238", f"the column {title} stands twice", self._line(node, text, lines[0][0], title)
                )
        for number, line in lines[1:]:
            cells = line.split("|")
            if len(cells) == len(titles) + 1 and not cells[-1].strip():
                cells.pop()
            if len(cells) != len(titles):
                self.faults.report(
                    "FR238", f"the row has {len(cells)} cells, and there are {len(titles)} columns",
                    self._line(node, text, number, line.strip()),
                )  # fmt: skip

    def _line(self, node: tree.Literal, text: str, number: int, piece: str) -> Span:
        """The place of a piece of a line of the table, where the literal holds the text as it stands."""
        span = node.span
        body = span.source.text[span.start : span.end]
        quotes = 3 if body.startswith('"""') else 1
        lines = body[quotes:].replace("\r\n", "\n").split("\n")
        if number >= len(lines) or not piece or "\r" in body:
            return span
        column = max(lines[number].find(piece), 0)
        start = span.start + quotes + sum(len(line) + 1 for line in lines[:number]) + column
        return Span(span.source, start, start + len(piece))

    def _previous(self, ws: Workspace) -> Mapping[str, ex.SetExpression]:
        previous: dict[str, ex.SetExpression] = {}
        for item in self.node.items:
            if not isinstance(item, tree.GivenPrevious):
                continue
            found = set_reference(ws, self.scope, item.of, previous=True)
            if not isinstance(found, SetReference):
                continue
            listed = list_members(
                FlowExpressions(ws, self.scope), item.set.items, found.positions, item.set.span
            )
            if listed is not None:
                previous[_previous_key(found.expression, item.of)] = listed.expression
        return previous

    # ---- what is expected ------------------------------------------------------------------------

    def _expectation(self, ws: Workspace, node: tree.Expect) -> pr.Expectation:
        text = ws.text(node.condition.span)
        condition, negated = node.condition, False
        while isinstance(condition, tree.Not):
            condition, negated = condition.of, not negated
        expected = Expected(ws, self.scope, Names(what="the network"))
        if isinstance(condition, tree.Compare) and self._compares_sets(expected, condition):
            left, right = self._sets(ws, condition)
            if condition.operator == "!=":
                negated = not negated
            return pr.Expectation(set_left=left, set_right=right, negated=negated, text=text, span=node.span)
        return pr.Expectation(condition=expected.condition(node.condition), text=text, span=node.span)

    def _compares_sets(self, expected: Expected, node: tree.Compare) -> bool:
        sides = (node.left, node.right)
        return any(not expected.of_one_row(side) and self._is_set(expected.ws, side) for side in sides)

    def _is_set(self, ws: Workspace, node: tree.Expression) -> bool:
        if isinstance(node, tree.SetLiteral):
            return True
        if isinstance(node, tree.Call):
            return node.function.text in SET_CALLS
        if not isinstance(node, tree.Name):
            return False
        symbol, rest, _ = ws.find(self.scope, node)
        if symbol is None:
            return False
        if symbol.kind == "param":
            assert isinstance(symbol.node, tree.Param)
            return symbol.node.type.name in ("set", "nets")
        return symbol.kind in ("set", "nets", "ports") or (symbol.kind in ("table", "profile") and bool(rest))

    def _sets(
        self, ws: Workspace, node: tree.Compare
    ) -> tuple[ex.SetExpression | None, ex.SetExpression | None]:
        if node.operator not in ("=", "!="):
            ws.faults.report(
                "FR213", f"sets are compared with =, not with {node.operator}", node.operator_span,
                hint="write = or !=, or compare count(…)",
            )  # fmt: skip
            return None, None
        flipped = isinstance(node.left, tree.SetLiteral)
        first_node, second_node = (node.right, node.left) if flipped else (node.left, node.right)
        first = self._set(ws, first_node, None)
        if first is None:
            return None, None
        second = self._set(ws, second_node, first.positions)
        if second is None:
            return None, None
        if not same_positions(first.positions, second.positions):
            ws.faults.report(
                "FR232",
                f"{ws.text(first_node.span)} holds {members_text(first.positions)}, and {ws.text(second_node.span)} "
                f"{members_text(second.positions)}",
                second_node.span,
            )
            return None, None
        left, right = (second, first) if flipped else (first, second)
        return left.expression, right.expression

    def _set(self, ws: Workspace, node: tree.Expression, wanted: Positions | None) -> SetReference | None:
        match node:
            case tree.Name():
                found = set_reference(ws, self.scope, node)
                return constant_set(ws, node, found) if isinstance(found, Constant) else found
            case tree.Call():
                return set_call(ws, self.scope, node)
            case tree.SetLiteral():
                return set_expression(ws, self.scope, node, wanted)
        ws.faults.report(
            "FR232",
            f"{ws.text(node.span)} is no set",
            node.span,
            hint="compare a set with listed members: s = {…}",
        )
        return None

    def _report_unbound(self, ws: Workspace, symbol: Symbol) -> None:
        """A parameter of the test's own ruleset that it needs and does not give; those of others are unknown."""
        needed = ws.needed_by([symbol])
        for unbound in ws.unbound:
            if unbound in needed and unbound.scope is self.scope:
                self.faults.report(
                    "FR601",
                    f"the test needs the parameter {unbound.name}, which has no default",
                    self.node.name.span,
                    hint=f"give it: param {unbound.name} = …",
                    related=[(unbound.node.name.span, "declared here")],
                )
                return


def _previous_key(expression: ex.SetExpression, name: tree.Name) -> str:
    match expression:
        case ex.SetNamed(name=qualified):
            return qualified
        case ex.HostsOf(profile=profile, which=which):
            return f"{profile}.{which}"
        case ex.KeyColumn(owner=owner):
            return f"{owner}.{name.parts[-1]}"
    raise TypeError(f"earlier results do not hold {type(expression).__name__}")
