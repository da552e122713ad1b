"""What each pipeline would print, told apart by the tool that ends it."""

from __future__ import annotations

from attrs import frozen

from flowrules.translate.cut import Cell
from flowrules.translate.fields import KeyField, ValueField
from flowrules.translate.switches import Switches


@frozen
class Records:
    """rwfilter or rwcut: the records that pass a filter, as text; ``most`` of them at most."""

    filter: str
    fields: tuple[Cell, ...] | None
    """The columns; ``None``: all of a record."""
    switches: Switches
    most: int | None = None


@frozen
class Statistics:
    """``rwfilter --print-statistics``: how many records were read, passed and failed."""

    table: str
    total: str
    volume: bool


@frozen
class SetText:
    """rwsetcat: a set as text; ``heading`` is its file's name where that is printed."""

    set: str
    switches: Switches
    heading: str | None = None


@frozen
class Bins:
    """rwstats or rwuniq: rows of a table."""

    table: str
    keys: tuple[KeyField, ...]
    values: tuple[ValueField, ...]
    switches: Switches
    limit: str = ""
    """What bounds the rows of rwstats: ``count``, ``threshold`` or ``percentage``."""
    milliseconds: bool = False
    """Whether times are printed with them."""


@frozen
class Count:
    """rwcount: a row for each bin of ``width`` ms, from ``start`` to ``end`` (first ms, ms after) where given."""

    table: str
    switches: Switches
    width: int
    start: int | None = None
    end: int | None = None


@frozen
class BagText:
    """rwbagcat: keys and counters."""

    table: str
    key: KeyField
    switches: Switches
    six: bool = False
    """Whether the keys are IPv6 addresses whatever they hold."""
    members: str | None = None
    """The set of the keys before limits, of which one decides that; without it the table's."""
    numbers: bool = False
    """Whether the keys are counters of another bag, which are keys of 32 bits."""


@frozen
class Overall:
    """``rwstats --overall-stats``: minimum, maximum, quartiles and intervals of bytes and packets."""

    tables: tuple[tuple[str, str], ...]
    """(protocol or empty, table)."""
    switches: Switches


Output = Records | Statistics | SetText | Bins | Count | BagText | Overall
