"""Tests of a filter at its boundaries, written from witness flows: what passes, and what just does not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Final

from attrs import frozen

from flowrules.check.check import EXAMPLES
from flowrules.engine.conditions import Scope, value
from flowrules.lint.evaluate import Undetermined, truth
from flowrules.lint.premises import Premises
from flowrules.lint.proofs import Prover
from flowrules.lint.witness import Witness, cell
from flowrules.model import expression as ex
from flowrules.model.expression_text import expression_text
from flowrules.model.program import FilterDeclaration, Program, TestDeclaration
from flowrules.model.types import ADDRESS, TRUTH
from flowrules.testing.running import results_of

COLUMNS: Final = (
    "type", "sip", "dip", "sport", "dport", "protocol", "flags", "initial_flags", "session_flags", "attributes",
    "packets", "bytes", "stime", "duration", "sensor", "application", "input", "output", "nhip",
)  # fmt: skip
"""The columns of a test's flows that a witness may need, in their order."""

_ALWAYS: Final = frozenset({"type", "sip", "dip", "protocol"})
_OPTIONAL: Final = frozenset(
    {"initial_flags", "session_flags", "attributes", "sensor", "application", "input", "output", "nhip"}
)
"""Columns that flows lack unless they are written."""

_PLAIN: Final[Mapping[str, str]] = {
    "sport": "0", "flags": "", "packets": "1", "bytes": "", "stime": "2026-01-05T12:00:00.000Z", "duration": "0",
}  # fmt: skip
"""What a column holds that need not be written."""

_STRANGERS: Final = {"sip": 0xFFFF_CB007163, "dip": 0xFFFF_C0000263}
"""Hosts that no set holds: 203.0.113.99 and 192.0.2.99."""

_OTHER_SIDE: Final = {">=": -1, ">": 0, "<=": 1, "<": 0}
_INSIDE: Final = {">=": 0, ">": 1, "<=": 0, "<": -1}


@frozen
class Row:
    """A flow of a generated test, and why it is there."""

    why: str
    cells: Mapping[str, str]


@frozen
class Generated:
    """Flows at the boundaries of a filter.

    ``passing`` pass it; ``failing`` each miss one of its conditions; ``support`` are flows that fill the sets
    that it asks; ``omitted`` says what no flow was found for.
    """

    filter: FilterDeclaration
    passing: Sequence[Row]
    failing: Sequence[Row]
    support: Sequence[Row]
    omitted: Sequence[str]


def boundary_flows(program: Program, declared: FilterDeclaration) -> Generated:
    """Witness flows for a filter: one for each alternative and bound, and one short of each condition."""
    return _Generator(program, declared).generate()


class _Generator:
    def __init__(self, program: Program, declared: FilterDeclaration) -> None:
        self.program = program
        self.declared = declared
        self.prover = Prover(Premises(program))
        self.support: list[Row] = []
        self.omitted: list[str] = []

    def generate(self) -> Generated:
        parts = [part.node for part in self.prover.parts(self.declared.predicate)]
        asked = [p for p in parts if _asks_set(p)]
        tests = [p for p in parts if not _asks_set(p)]
        passing: dict[tuple[tuple[str, str], ...], Row] = {}
        for why, conditions in self._inside(tests):
            witness = self.prover.witness(conditions)
            if witness is None:
                self.omitted.append(f"a flow that passes: {why}")
            elif self._supported(witness, asked):
                row = _row(why, witness)
                passing.setdefault(_identity(row), row)
        failing: dict[tuple[tuple[str, str], ...], Row] = {}
        for why, passes, fails in self._outside(tests):
            witness = self.prover.witness(passes, fails) or self._of_another_protocol(passes, fails)
            if witness is None:
                self.omitted.append(f"a flow that does not pass: {why}")
            elif self._supported(witness, asked):
                row = _row(why, witness)
                if _identity(row) not in passing:
                    failing.setdefault(_identity(row), row)
        for row in self._strangers(tests, asked):
            failing.setdefault(_identity(row), row)
        support = {_identity(r): r for r in self.support if _identity(r) not in passing}
        return Generated(
            self.declared,
            list(passing.values()),
            list(failing.values()),
            list(support.values()),
            list(dict.fromkeys(self.omitted)),
        )

    # ---- what to look for

    def _inside(self, tests: Sequence[ex.Expression]) -> Iterator[tuple[str, list[ex.Expression]]]:
        """The plainest flow, one for each alternative, one at each bound."""
        yield "all conditions hold", list(tests)
        for test in tests:
            if isinstance(test, ex.Or):
                for item in test.items:
                    yield expression_text(item), [*tests, item]
            if isinstance(test, ex.In) and isinstance(test.collection, ex.Ranges):
                for low, high in test.collection.ranges[:12]:
                    for edge in sorted({low, high}):
                        at = _equal(test.items[0], edge)
                        yield expression_text(at), [*tests, at]
            bound = _bound(test, _INSIDE)
            if bound is not None:
                yield expression_text(bound), [*tests, bound]

    def _outside(
        self, tests: Sequence[ex.Expression]
    ) -> Iterator[tuple[str, list[ex.Expression], list[ex.Expression]]]:
        """For each condition a flow that misses it alone, as closely as can be."""
        for place, test in enumerate(tests):
            others = [t for n, t in enumerate(tests) if n != place]
            beside = _bound(test, _OTHER_SIDE) or _beside(test)
            if beside is not None:
                yield expression_text(beside), [*others, beside], [test]
            else:
                yield f"not: {expression_text(test)}", others, [test]

    def _of_another_protocol(
        self, passes: Sequence[ex.Expression], fails: Sequence[ex.Expression]
    ) -> Witness | None:
        """A flow that no wire carries, such as UDP with flags: only the filter's protocol keeps it out."""
        plain = self.prover.witness([*passes, *fails])
        if plain is None:
            return None
        for protocol in (17, 6):
            values = {**plain.values, "protocol": protocol}
            with suppress(Undetermined):
                if all(truth(p, values, self.program) is True for p in passes) and all(
                    truth(f, values, self.program) is not True for f in fails
                ):
                    return Witness(values, plain.asked)
        return None

    # ---- sets that are asked

    def _strangers(self, tests: Sequence[ex.Expression], asked: Sequence[ex.Expression]) -> Iterator[Row]:
        """For each set that is asked a flow of a host that is no member."""
        for test in asked:
            assert isinstance(test, ex.In)
            ends = [i.name for i in test.items if isinstance(i, ex.Field) and i.name in _STRANGERS]
            plain = self.prover.witness(list(tests)) if ends else None
            if plain is not None:
                values = {**plain.values, ends[0]: _STRANGERS[ends[0]]}
                with suppress(Undetermined):
                    if all(truth(t, values, self.program) is True for t in tests):
                        yield _row(f"not: {expression_text(test)}", Witness(values, plain.asked))

    def _supported(self, witness: Witness, asked: Sequence[ex.Expression]) -> bool:
        """Whether flows were found that make the witness a member of the sets asked for; they are kept."""
        for test in asked:
            assert isinstance(test, ex.In) and isinstance(test.collection, ex.InSet)
            if not self._fill(test.items, test.collection.set, witness):
                self.omitted.append(f"flows that fill the set of: {expression_text(test)}")
                return False
        return True

    def _fill(self, items: Sequence[ex.Expression], members: ex.SetExpression, witness: Witness) -> bool:
        match members:
            case ex.SetNamed(name=name, previous=False) if name in self.program.sets:
                return self._fill(items, self.program.sets[name].set, witness)
            case ex.SetAlgebra(op="&", left=left, right=right):
                return self._fill(items, left, witness) and self._fill(items, right, witness)
            case ex.SetAlgebra(op="|", left=left, right=right):
                return self._fill(items, left, witness) or self._fill(items, right, witness)
            case ex.SetAlgebra(op="-", left=left):
                return self._fill(items, left, witness)
            case ex.Members(keys=keys, source=source, keeps=()) if source.table is None:
                equal = [
                    _equal(key.of, witness.values[item.name])
                    for key, item in zip(keys, items, strict=True)
                    if isinstance(item, ex.Field) and isinstance(key.of, ex.Field)
                ]
                if len(equal) < len(items):
                    return False
                found = self.prover.witness([source.predicate, *equal])
                if found is None:
                    return False
                why = f"makes it a member: {', '.join(map(expression_text, equal))}"
                self.support.append(_row(why, found))
                return True
        return False


def _asks_set(node: ex.Expression) -> bool:
    return isinstance(node, ex.In) and isinstance(node.collection, ex.InSet)


def _equal(of: ex.Expression, value: object) -> ex.Compare:
    assert isinstance(value, int | Fraction)
    type_ = ADDRESS if of.type == ADDRESS else of.type
    return ex.Compare(type=TRUTH, op="=", left=of, right=ex.Literal(type=type_, value=value))


def _bound(test: ex.Expression, shift: Mapping[str, int]) -> ex.Compare | None:
    """The value at the bound of a comparison by size, or beside it; ``None`` for other tests."""
    if not isinstance(test, ex.Compare) or test.op not in shift or not isinstance(test.right, ex.Literal):
        return None
    value = test.right.value
    if not isinstance(value, int) or isinstance(value, bool) or not isinstance(test.left, ex.Field):
        return None
    value += shift[test.op]
    return None if value < 0 else _equal(test.left, value)


def _beside(test: ex.Expression) -> ex.Compare | None:
    """A value just outside a list of numbers; ``None`` for other tests."""
    if not isinstance(test, ex.In) or not isinstance(test.collection, ex.Ranges) or len(test.items) > 1:
        return None
    ranges = test.collection.ranges
    starts = {low for low, _ in ranges}
    after = next((high + 1 for _, high in ranges if high + 1 not in starts and high < 255), None)
    return None if after is None or not isinstance(test.items[0], ex.Field) else _equal(test.items[0], after)


def _row(why: str, witness: Witness) -> Row:
    asked = _ALWAYS | set(witness.asked)
    return Row(why, {n: cell(n, witness.values[n]) for n in COLUMNS if n in asked and n in witness.values})


def _identity(row: Row) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(row.cells.items()))


# ---- as text --------------------------------------------------------------------------------------------


def test_text(
    title: str, rows: Sequence[Row], parameters: Mapping[str, str], expectations: Sequence[str]
) -> str:
    """A test in the language, its flows one below the other with the reason above each."""
    names = [n for n in COLUMNS if any(_said(n, row) for row in rows)]
    lines = [list(names), *([row.cells.get(n, "") for n in names] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]

    def shown(line: Sequence[str]) -> str:
        cells = " | ".join(text.ljust(w) for text, w in zip(line, widths, strict=True))
        return f"    {cells}".rstrip()

    out = [f'test "{_quoted(title)}" {{']
    out += [f"    param {name} = {value}" for name, value in parameters.items()]
    out += ['    flows """', shown(lines[0])]
    for row, line in zip(rows, lines[1:], strict=True):
        out += [f"    # {row.why}", shown(line)]
    out += ['    """', *(f"    expect {e}" for e in expectations), "}"]
    return "\n".join(out) + "\n"


test_text.__test__ = False  # type: ignore[attr-defined]


def _said(name: str, row: Row) -> bool:
    text = row.cells.get(name, "")
    if name in _OPTIONAL and name in row.cells:
        return True
    if name == "bytes" and text:
        packets = row.cells.get("packets", "1")
        return text != str(40 * int(packets)) if packets.isdigit() else True
    return bool(text) and (name in _ALWAYS or text != _PLAIN.get(name, ""))


def _quoted(title: str) -> str:
    return title.replace("\\", "\\\\").replace('"', '\\"').replace("{", "\\{")


def written_tests(
    program: Program,
    declared: FilterDeclaration,
    check: Callable[[str], Sequence[TestDeclaration]],
    taken: Collection[str] = (),
) -> tuple[str, Sequence[str]]:
    """Two tests of a filter to put into its file, and what no flow was found for.

    ``check`` checks tests as if they stood in that file.  Each is run first: one whose flows do not do
    what they are there for is left out.  ``taken`` are names of tests that there are.
    """
    parameters = {
        p.short: EXAMPLES.get(p.type.name, "…")
        for p in program.parameters.values()
        if p.ruleset == declared.ruleset and p.origin == "default" and p.value is None
    }
    plain = Row("", {"sip": "203.0.113.33", "dip": "192.0.2.10"})
    bound = _as_tested(declared, [plain], parameters, check).program
    found = boundary_flows(bound, bound.filters[declared.name])
    omitted = list(found.omitted)
    texts: list[str] = []
    if not found.passing:
        return "", omitted
    beside = _passing(declared, found.support, parameters, check) if found.support else 0
    for title, rows, wanted in (
        (f"{declared.short}: what passes", found.passing, len(found.passing)),
        (f"{declared.short}: what just does not pass", found.failing, 0),
    ):
        if not rows:
            continue
        flows = [*rows, *found.support]
        count = _passing(declared, flows, parameters, check)
        if count != beside + wanted:
            omitted.append(
                f"the test that shows {title.partition(': ')[2]}: {count - beside} of its flows pass"
            )
            continue
        while title in taken:
            title += " again"
        texts.append(test_text(title, flows, parameters, [f"flows of {declared.short} = {count}"]))
    return "\n".join(texts), omitted


def _passing(
    declared: FilterDeclaration,
    rows: Sequence[Row],
    parameters: Mapping[str, str],
    check: Callable[[str], Sequence[TestDeclaration]],
) -> int:
    """How many of some flows pass a filter, as the engine has it."""
    test = _as_tested(declared, rows, parameters, check)
    (expectation,) = test.expectations
    assert isinstance(expectation.condition, ex.Compare)
    count = value(expectation.condition.left, Scope(1, results_of(test).world)).scalar(0)
    return count if isinstance(count, int) else 0


def _as_tested(
    declared: FilterDeclaration,
    rows: Sequence[Row],
    parameters: Mapping[str, str],
    check: Callable[[str], Sequence[TestDeclaration]],
) -> TestDeclaration:
    """A test of some flows with the parameters bound, which counts those that pass."""
    (test,) = check(test_text("how many pass", rows, parameters, [f"flows of {declared.short} >= 0"]))
    return test
