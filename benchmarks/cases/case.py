"""A case: one piece of work, and how each contender is asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from benchmarks.rules import Rule

Tables = Mapping[str, Any]
"""Answers by name: a table each (columns in order), whose rows may come in any order."""


@frozen(kw_only=True)
class Case:
    """What is asked.  A contender without a function here is left out of the case.

    ``polars`` and ``polars_hand`` get a lazy frame and return collected frames; ``sql`` gets a function that runs a query
    and returns an Arrow table; ``pandas`` gets a frame; ``silk`` gets its driver (``peers/silk.py``).  The names
    and the order of columns are those of the ruleset's tables: keys first, then measures.
    """

    name: str
    text: str
    ruleset: str
    columns: tuple[str, ...]
    """The columns that peers need in memory."""
    layout: str = "usual"
    settings: Callable[[Path], Mapping[str, str]] = field(default=lambda _: {})
    """Parameters of the ruleset, as text, with files in a folder if they need some."""
    polars: Callable[[Any], Tables] | None = None
    polars_hand: Callable[[Any], Tables] | None = None
    sql: Callable[[Callable[[str], Any]], Tables] | None = None
    pandas: Callable[[Any], Tables] | None = None
    silk: Callable[[Any], Tables] | None = None
    rules: tuple[Rule, ...] = ()
    """Rules of which each is asked for its flows and bytes, for tools that take one filter at a time."""
    weight: float = 1.0
    """The share of ``--rows`` that the case is asked of: what costs microseconds a row has fewer of them."""
