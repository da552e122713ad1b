"""Edits that take a conjunct or an alternative out of a condition's text."""

from __future__ import annotations

import re

from flowrules.lint.linted import Linted
from flowrules.model import expression as ex
from flowrules.syntax.diagnostics import Fix


def without(linted: Linted, parent: ex.And | ex.Or, index: int) -> tuple[Fix, ...]:
    """The edit that removes one item and the word that joins it; none where the text is not that plain."""
    spans = [item.span for item in parent.items]
    if any(s is None for s in spans) or len(spans) < 2:
        return ()
    places = [s for s in spans if s is not None]
    one = places[index]
    path = one.path
    if any(p.path != path for p in places):
        return ()
    word = "and" if isinstance(parent, ex.And) else "or"
    text = linted.source(path)
    if index > 0:
        start, end = places[index - 1].end, one.end
        joint = text[start : one.start]
    else:
        start, end = one.start, places[1].start
        joint = text[one.end : end]
    if not re.fullmatch(rf"\s+{word}\s+", joint) or "#" in text[start:end]:
        return ()
    return (Fix(linted.span(path, start, end), ""),)
