"""What each pipeline would print, told apart by the tool that ends it."""

from __future__ import annotations

from attrs import field, frozen

from flowrules.translate.fields import KeyField, ValueField
from flowrules.translate.switches import Switches


@frozen
class Records:
    """rwfilter or rwcut: the records that pass a filter, as text."""

    filter: str
    fields: tuple[str, ...] | None
    switches: Switches
    maps: tuple[tuple[str, str, str], ...] = field(factory=tuple)
    """Prefix-map fields: SiLK's field name, the declared map, its kind."""


@frozen
class Statistics:
    """``rwfilter --print-statistics``: how many records were read, passed and failed."""

    table: str
    total: str
    volume: bool


@frozen
class SetText:
    """rwsetcat: a set as text."""

    set: str
    switches: Switches


@frozen
class Bins:
    """rwstats or rwuniq: rows of a table."""

    table: str
    keys: tuple[KeyField, ...]
    values: tuple[ValueField, ...]
    switches: Switches
    limit: str = ""
    """The words in parentheses of rwstats' OUTPUT line: ``1.0000%`` or ``threshold 40``."""


@frozen
class Count:
    """rwcount: a row for each bin."""

    table: str
    switches: Switches


@frozen
class BagText:
    """rwbagcat: keys and counters."""

    table: str
    key: KeyField
    switches: Switches


@frozen
class Overall:
    """``rwstats --overall-stats``: minimum, maximum, quartiles and intervals of bytes and packets."""

    tables: tuple[tuple[str, str], ...]
    """(protocol or empty, table)."""
    switches: Switches


Output = Records | Statistics | SetText | Bins | Count | BagText | Overall
