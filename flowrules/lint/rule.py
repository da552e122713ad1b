"""What a lint rule is: one code, one class, one page of documentation made from its docstring.

The docstring's first line says what is reported.  Then follow the sections ``Why``, ``Bad``, ``Good`` and
``Fix``, each a word at the left margin with its text indented below it; several examples are separated by a line ``---``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from flowrules.lint.finding import Finding, Mend
from flowrules.lint.linted import Linted
from flowrules.lint.witness import Witness
from flowrules.model.source_text import Span
from flowrules.syntax.diagnostics import Diagnostic, Fix


class Rule(ABC):
    """One lint rule.  Subclass it, give it a code of your own, and name it as an entry point ``flowrules.lint``.

    ``code`` of a user's rule begins with two or more letters of his own and ends with digits (``ACME001``).
    """

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[str] = "warning"
    off_by_default: ClassVar[bool] = False

    @abstractmethod
    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every place where the rule is broken, in the files linted."""

    def finding(
        self,
        linted: Linted,
        message: str,
        span: Span | None,
        *,
        hint: str | None = None,
        related: Iterable[tuple[Span | None, str]] = (),
        witness: Witness | None = None,
        edits: Iterable[Fix] = (),
        safe: bool = False,
        mend: str = "",
        declaration: str | None = None,
    ) -> Finding:
        """A finding of this rule.

        ``edits`` put it right; ``safe`` says that they leave the meaning of the rules as it is.
        """
        changes = tuple(edits)
        diagnostic = Diagnostic(
            code=self.code,
            name=self.name,
            severity=self.severity,
            message=message,
            span=span,
            hint=hint,
            related=tuple((s, text) for s, text in related if s is not None),
            fix=changes[0] if len(changes) == 1 else None,
        )
        return Finding(
            diagnostic,
            declaration if declaration is not None else linted.declaration_at(span),
            linted.text(span),
            witness,
            Mend(changes, safe, mend or "put it right") if changes else None,
        )
