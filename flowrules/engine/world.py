"""What has been found so far, as conditions, sets and texts may ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from attrs import define, field, frozen

from flowrules.engine import exact, set_algebra
from flowrules.engine.conditions import TRUE, UNKNOWN, Scope, truth
from flowrules.engine.findings import found_rows
from flowrules.engine.results import Frame, ProfileResult, Scalar, Series, SetResult, TableResult
from flowrules.engine.verdicts import hosts_with, verdict_series
from flowrules.model import expression as ex
from flowrules.model.map_table import MapTable
from flowrules.model.program import Program
from flowrules.model.structural import Shown
from flowrules.model.types import BLOCK


@frozen(eq=False, repr=False)
class Earlier(Shown):
    """Earlier results given to a run: sets by name, tables and profiles as frames with their keys.

    A profile's frame has its verdict in the column ``verdict``; a verdict's, an anomaly's and the
    entries' hosts are sets under ``profile.NAME``.
    """

    sets: Mapping[str, SetResult] = field(factory=dict)
    frames: Mapping[str, Frame] = field(factory=dict)


@define(eq=False)
class Found:
    """The growing results of a run; also the ``World`` of its conditions.

    ``sets``, ``tables``, ``profiles`` and ``totals`` are filled in dependency order by the run.
    """

    program: Program
    sets: dict[str, SetResult] = field(factory=dict)
    tables: dict[str, TableResult] = field(factory=dict)
    profiles: dict[str, ProfileResult] = field(factory=dict)
    totals: dict[ex.Measure, Scalar] = field(factory=dict)
    earlier: Earlier | None = None
    cells: Callable[[str, str, tuple[Scalar, ...]], str | None] | None = None
    """Cells of entries by profile, column and host, for tests: entries are made after the run."""
    _frames: dict[str, Frame] = field(factory=dict)

    def rows_of(self, owner: str, previous: bool) -> Frame | None:
        """The kept rows of a table, of a bound table, or a profile's hosts with their verdicts."""
        if previous:
            return None if self.earlier is None else self.earlier.frames.get(owner)
        if owner in self.tables:
            return self.tables[owner].frame
        if owner in self._frames:
            return self._frames[owner]
        if owner in self.profiles:
            declared, result = self.program.profiles[owner], self.profiles[owner]
            frame = result.frame
            columns = {**frame.columns, "verdict": verdict_series(declared, result)}
            self._frames[owner] = Frame(columns, frame.rows, frame.keys)
            return self._frames[owner]
        if owner in self.program.bound_tables:
            self._frames[owner] = _bound_frame(self.program, owner)
            return self._frames[owner]
        return None

    def set_of(self, expression: ex.SetExpression) -> SetResult | None:
        """The members of a set expression over what was found; ``None`` without earlier results."""
        match expression:
            case ex.SetNamed():
                if expression.previous:
                    return None if self.earlier is None else self.earlier.sets.get(expression.name)
                return self.sets[expression.name]
            case ex.SetLiteral():
                return set_algebra.listed(expression)
            case ex.KeyColumn():
                return self._key_column(expression)
            case ex.HostsOf():
                return self._hosts(expression)
            case ex.SetBlocks():
                inner = self.set_of(expression.of)
                return None if inner is None else _blocks(expression, inner)
            case ex.SetAlgebra():
                left, right = self.set_of(expression.left), self.set_of(expression.right)
                return (
                    None if left is None or right is None else set_algebra.combine(expression.op, left, right)
                )
            case _:
                return self.sets[members_name(expression)]

    def _key_column(self, expression: ex.KeyColumn) -> SetResult | None:
        if expression.of_table:
            frame = self.rows_of(expression.owner, expression.previous)
            if frame is None:
                return None
            name = frame.keys[expression.index]
            return set_algebra.set_from_keys(expression.parts, (name,), [frame[name]])
        found = self.set_of(ex.SetNamed(name=expression.owner, parts=(), previous=expression.previous))
        if found is None:
            return None
        key = set_algebra.members(found)[expression.index]
        name = tuple(found.frame.columns)[expression.index] if found.frame is not None else "0"
        return set_algebra.set_from_keys(expression.parts, (name,), [key])

    def _hosts(self, expression: ex.HostsOf) -> SetResult | None:
        if expression.previous:
            name = f"{expression.profile}.{expression.which}"
            return None if self.earlier is None else self.earlier.sets.get(name)
        declared, result = self.program.profiles[expression.profile], self.profiles[expression.profile]
        index = hosts_with(declared, result, expression.which)
        keys = result.frame.keys
        return set_algebra.set_from_keys(expression.parts, keys, [result.frame[k].take(index) for k in keys])

    def map_of(self, name: str) -> MapTable:
        """A map by its qualified name."""
        return self.program.maps[name]

    def has_previous(self, owner: str, column: str | None) -> bool:
        """Whether earlier results hold a set, table, column or profile."""
        if self.earlier is None:
            return False
        frame = self.earlier.frames.get(owner)
        if column is None:
            return frame is not None or owner in self.earlier.sets
        return (frame is not None and column in frame.columns) or f"{owner}.{column}" in self.earlier.sets

    def entry_cell(self, profile: str, column: str, keys: tuple[Scalar, ...]) -> str | None:
        """A cell of the entry of a host as text; ``None``: it has none, or entries are not worked out here."""
        return None if self.cells is None else self.cells(profile, column, keys)

    def finding(self, name: str) -> int | None:
        """Whether a check holds (1 or 0), or in how many rows an anomaly was found; ``None``: unknown."""
        check = self.program.checks.get(name)
        if check is not None:
            code = int(truth(check.condition, Scope(1, self))[0])
            return None if code == UNKNOWN else int(code == TRUE)
        return len(found_rows(self.program.anomalies[name], self)[1])

    def total(self, measure: ex.Measure) -> Scalar:
        """A measure with a source of its own, over that source as one group."""
        return self.totals.get(measure)


def _blocks(expression: ex.SetBlocks, inner: SetResult) -> SetResult:
    if expression.form == "blocks" or inner.addresses is None:
        return set_algebra.blocks_of(inner, expression.v4, expression.v6, BLOCK)
    if expression.form == "block_starts":
        set_algebra.refuse_many_blocks(inner.addresses, expression.v4, expression.v6)
    shaped = inner.addresses.mask if expression.form == "block_starts" else inner.addresses.fill
    return SetResult(expression.parts, shaped(expression.v4, expression.v6))


def members_name(expression: ex.SetExpression) -> str:
    """The name under which ``Found.sets`` holds the members of an unnamed ``key of source``."""
    from flowrules.model.expression_text import set_text

    span = expression.span
    where = f"{span.path}:{span.start}" if span is not None else str(id(expression))
    return f"{where} {set_text(expression)}"


def _bound_frame(program: Program, owner: str) -> Frame:
    """A ``table(...)`` parameter as a frame: its keys (named by position), then its columns, typed by the
    declaration."""
    rows = program.bound_tables[owner]
    if not rows:
        return Frame({}, 0, ())
    types = program.parameters[owner].type.parts
    keys = list(rows)
    width = len(keys[0])
    names = (*(str(place) for place in range(width)), *next(iter(rows.values())))
    columns: dict[str, Series] = {}
    for place, (name, type_) in enumerate(zip(names, types, strict=True)):
        values = [k[place] if place < width else rows[k].get(name) for k in keys]
        columns[name] = column_of(type_, values)
    return Frame(columns, len(keys), names[:width])


def column_of(type_: object, values: list[object]) -> Series:
    """Python values of one type (``None``: unknown) as a column."""
    from flowrules.model.types import Type

    assert isinstance(type_, Type)
    known = np.array([v is not None for v in values], np.bool_)
    shown = None if known.all() else known
    if type_.name == "address":
        numbers = [v if isinstance(v, int) else 0 for v in values]
        return Series(type_, exact.addresses(type_, numbers).values, shown)
    if type_.name == "block":
        pairs = [v if isinstance(v, tuple) else (0, 0) for v in values]
        first = exact.addresses(type_, [int(str(p[0])) for p in pairs])
        return Series(type_, first.values, shown, prefix=np.array([p[1] for p in pairs], np.uint8))
    if all(isinstance(v, bool | None) for v in values) and type_.name == "truth":
        return Series(type_, np.array([bool(v) for v in values], np.bool_), shown)
    if all(isinstance(v, int | None) for v in values):
        return Series(type_, np.array([0 if v is None else v for v in values], np.int64), shown)
    if all(isinstance(v, int | float | None) for v in values):
        return Series(
            type_, np.array([0.0 if v is None else float(str(v)) for v in values], np.float64), shown
        )
    objects = np.empty(len(values), object)
    for row, value in enumerate(values):
        objects[row] = value
    return Series(type_, objects, shown)
