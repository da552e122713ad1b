"""Findings as text and as the formats that CI systems read: one module for each, with ``write(result) -> str``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flowrules.lint.run import LintResult

FORMATS: Final = ("text", "concise", "json", "sarif", "github", "gitlab", "junit")


def write(form: str, result: LintResult, color: bool = False) -> str:
    """A result in one of ``FORMATS``; ``color`` is for text alone."""
    module = import_module(f"flowrules.lint.formats.{form}")
    text: str = module.write(result, color) if form == "text" else module.write(result)
    return text
