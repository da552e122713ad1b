"""The words of the language by what they are, all taken from the grammar and the catalogues."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

from attrs import frozen

from flowrules.check import builtin
from flowrules.check.parameters import LISTS, SCALARS
from flowrules.check.rulesets import METADATA as RULESET_LINES
from flowrules.model.fields import PROTOCOLS
from flowrules.model.measures import MEASURES
from flowrules.syntax import words

FIELDS: Final = (*builtin.FIELDS, *builtin.EITHER_END)
"""Fields of a flow, stored and derived, and the words for either end."""

FILTERS: Final = (*builtin.DIRECTIONS, *PROTOCOLS)
"""Predefined filters: directions and protocols."""

TYPES: Final = (*SCALARS, *LISTS, "set", "map", "table")
"""Types of parameters."""

SEVERITIES: Final = builtin.SEVERITIES

METADATA: Final = RULESET_LINES
"""Lines that a ``ruleset`` block may have."""

COLUMNS: Final = ("internal", "external", "protocol", "name", "comment")
"""Columns of an entry."""

ATTRIBUTES: Final = ("private", "deprecated", "replaces", "tags", "review")
"""What may stand after ``@``."""


@frozen
class Words:
    """Words in the groups that a colouring tells apart; no word is in two of them."""

    declaring: tuple[str, ...]
    operators: tuple[str, ...]
    clauses: tuple[str, ...]
    measures: tuple[str, ...]
    functions: tuple[str, ...]
    fields: tuple[str, ...]
    filters: tuple[str, ...]


@cache
def grouped() -> Words:
    """The words in groups, each sorted."""
    taken: set[str] = set()

    def group(found: Iterable[str]) -> tuple[str, ...]:
        new = sorted(set(found) - taken)
        taken.update(new)
        return tuple(new)

    # `flows` and `previous` are measure and function far more often than words of a test.
    return Words(
        declaring=group(words.DECLARING),
        operators=group(words.OPERATORS),
        measures=group(MEASURES),
        functions=group(builtin.FUNCTIONS),
        clauses=group(words.keywords()),
        fields=group(FIELDS),
        filters=group(FILTERS),
    )
