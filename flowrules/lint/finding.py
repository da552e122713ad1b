"""One finding of the linter: a diagnostic with its declaration, its witness and what would mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from flowrules.model.source_text import Span
from flowrules.syntax.diagnostics import Diagnostic, Fix

if TYPE_CHECKING:
    from flowrules.lint.witness import Witness

SEVERITIES = ("info", "notice", "warning", "error")
"""From the mildest to the worst."""


@frozen
class Mend:
    """Edits that put a finding right; ``safe`` ones leave the meaning of the rules as it is."""

    edits: tuple[Fix, ...]
    safe: bool
    what: str
    """What it does, for a person: ``remove tcp``."""


@frozen
class Finding:
    """What a rule found.

    ``declaration`` is the qualified name of the declaration at fault (the ruleset's name where it is the whole
    file), ``text`` what was written there, on one line: a baseline knows findings by these, never by line.
    """

    diagnostic: Diagnostic
    declaration: str = ""
    text: str = ""
    witness: Witness | None = None
    mend: Mend | None = None

    @property
    def code(self) -> str:
        """The rule's code."""
        return self.diagnostic.code

    @property
    def span(self) -> Span | None:
        """The place."""
        return self.diagnostic.span

    @property
    def severity(self) -> str:
        """How bad it is."""
        return self.diagnostic.severity
