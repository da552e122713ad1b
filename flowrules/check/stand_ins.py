"""What stands for values that could not be had: faulty ones, and those that are not bound."""

from __future__ import annotations

from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.source_text import Span


def poison(span: Span | None) -> ex.Literal:
    """What stands for a faulty value: nothing more is reported about it."""
    return ex.Literal(type=t.POISON, span=span, value=None)


def unknown_truth(span: Span | None) -> ex.Literal:
    """A condition that is unknown, since what it needs is not bound."""
    return ex.Literal(type=t.TRUTH, span=span, value=None)
