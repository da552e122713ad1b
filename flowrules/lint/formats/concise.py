"""One line for each finding: ``path:line:column: severity[code] message``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrules.lint.formats.text import summary
from flowrules.syntax.diagnostics import concise

if TYPE_CHECKING:
    from flowrules.lint.run import LintResult


def write(result: LintResult) -> str:
    """The findings, then one line that counts them."""
    return "".join(f"{concise(f.diagnostic)}\n" for f in result.findings) + summary(result)
