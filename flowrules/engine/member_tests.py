"""Membership of rows in the sets of a program: addresses by their set, others by codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.address_ids import AddressIds
from flowrules.engine.address_members import contains
from flowrules.engine.conditions import in_set
from flowrules.engine.dictionaries import NumberCodes, WordCodes
from flowrules.engine.results import Series, SetResult
from flowrules.engine.row_values import LabelCodes, Rows, Values, is_mapped
from flowrules.flows.table import widen
from flowrules.model.address_set import AddressSet
from flowrules.model.types import Type

Codes = NDArray[np.uint32]


@frozen(eq=False)
class AddressMembers:
    """A set of addresses."""

    addresses: AddressSet

    def contains(self, values: Sequence[Values], types: Sequence[Type], rows: Rows) -> NDArray[np.bool_]:
        """Which rows' addresses are members."""
        return contains(self.addresses, values[0].array)


@frozen(eq=False)
class FrameMembers:
    """A set of tuples (or of single values other than addresses), looked up by the codes of its columns.

    ``joins`` hold the pairs of codes met, column by column: a row is a member when every pair is found.
    """

    result: SetResult
    columns: Sequence[_Column]
    joins: Sequence[WordCodes]

    def contains(self, values: Sequence[Values], types: Sequence[Type], rows: Rows) -> NDArray[np.bool_]:
        """Which rows' values are members."""
        if any(v.denominators is not None or v.array.dtype.kind == "f" for v in values):
            series = [rows.around.series_of(v, t) for v, t in zip(values, types, strict=True)]
            return in_set(series, self.result)
        found: NDArray[np.bool_] = find_codes(self.columns, self.joins, values) != 0
        return found


@frozen(eq=False)
class NoMembers:
    """The empty set."""

    def contains(self, values: Sequence[Values], types: Sequence[Type], rows: Rows) -> NDArray[np.bool_]:
        """No row is a member."""
        return np.zeros(rows.rows, np.bool_)


MemberTest = AddressMembers | FrameMembers | NoMembers


@frozen(eq=False)
class _Column:
    """The codes of one column of a set; those of blocks are of their first address and their length."""

    numbers: NumberCodes
    ids: AddressIds | None = None
    blocks: bool = False

    def find(self, values: Values) -> Codes:
        """The code of each value, 0 where the set has none such."""
        if self.ids is None:
            return self.numbers.find(values.array)
        found = self.ids.find(values.array)
        if not self.blocks or values.block is None:
            return found
        v4, v6 = values.block
        length = np.full(len(found), v4 + 96, np.int64)
        if values.array.dtype.names:
            length = np.where(is_mapped(values.array), v4 + 96, v6)
        return self.numbers.find(found.astype(np.int64) << 8 | length)


def member_test(result: SetResult, labels: LabelCodes) -> MemberTest:
    """The test of membership in a set's result."""
    if result.addresses is not None:
        return AddressMembers(result.addresses)
    if result.frame is None or result.frame.rows == 0:
        return NoMembers()
    columns, joins, _ = code_columns(list(result.frame.columns.values()), labels)
    return FrameMembers(result, columns, joins)


class HostFinder:
    """Which host each row belongs to, by the values of its keys."""

    def __init__(self, hosts: Sequence[Series], labels: LabelCodes) -> None:
        self._columns, self._joins, codes = code_columns(hosts, labels)
        self._numbers = np.full(int(codes.max(initial=0)) + 1, -1, np.intp)
        self._numbers[codes] = np.arange(len(codes))
        self._numbers[0] = -1

    def find(self, values: Sequence[Values]) -> NDArray[np.intp]:
        """The number of each row's host, -1 where it is none of them."""
        numbers = self._numbers.take(find_codes(self._columns, self._joins, values))
        for value in values:
            if value.known is not None:
                numbers = np.where(value.known, numbers, -1)
        return numbers


def find_codes(columns: Sequence[_Column], joins: Sequence[WordCodes], values: Sequence[Values]) -> Codes:
    """The code of each row's tuple of values, 0 where it is none of those coded."""
    codes = columns[0].find(values[0])
    for column, value, join in zip(columns[1:], values[1:], joins, strict=True):
        codes = join.find(codes.astype(np.uint64) << np.uint64(32) | column.find(value))
    return codes


def code_columns(keys: Sequence[Series], labels: LabelCodes) -> tuple[list[_Column], list[WordCodes], Codes]:
    """Codes of tuples of values: how each column is coded, how columns are joined, and the code of each."""
    columns: list[_Column] = []
    joins: list[WordCodes] = []
    codes: Codes | None = None
    for series in keys:
        column, own = _column_of(series, labels)
        columns.append(column)
        if codes is None:
            codes = own
        else:
            join = WordCodes()
            codes = join.encode(codes.astype(np.uint64) << np.uint64(32) | own)
            joins.append(join)
    assert codes is not None
    return columns, joins, codes


def _column_of(series: Series, labels: LabelCodes) -> tuple[_Column, Codes]:
    numbers = NumberCodes()
    if series.type.name in ("address", "block"):
        ids = AddressIds()
        codes = ids.encode(widen(series.values))
        if series.prefix is None:
            return _Column(numbers, ids), codes
        return _Column(numbers, ids, True), numbers.encode(codes.astype(np.int64) << 8 | series.prefix)
    values: NDArray[Any] = series.values
    if values.dtype == object:
        values = np.fromiter((labels.code(v) for v in values.tolist()), np.int64, len(values))
    return _Column(numbers), numbers.encode(values.astype(np.int64))
