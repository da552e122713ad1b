"""The codes of rulesets that are not found (FR50x) and of what the site says (FR61x)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from flowrules.model.source_text import Span
from flowrules.syntax.codes import Code
from flowrules.syntax.diagnostics import Diagnostic

SEARCH: Final = (
    Code(
        "FR501",
        "ruleset-not-found",
        "error",
        "a file, folder or ruleset that is named on the command line and is not there",
        "Rulesets are files, folders of .frules files, or names found on the search path.",
    ),
    Code(
        "FR502",
        "ruleset-twice",
        "error",
        "two files that give one ruleset name different texts",
        "Which of them ran would depend on the order of the search path.",
    ),
    Code(
        "FR503",
        "unreadable-ruleset",
        "error",
        "a ruleset file, or a folder of them, that cannot be read",
        "The message has the operating system's reason.",
    ),
    Code(
        "FR504",
        "search-path",
        "error",
        "an entry of $FLOWRULES_PATH that is no folder",
        "Rulesets that should be found there would be missed, or found elsewhere.",
    ),
)
"""Codes of the search for rulesets."""

SITE_FILE: Final = (
    Code(
        "FR611",
        "site-syntax",
        "error",
        "a site file that is no YAML, or uses anchors and aliases",
        "Nothing after the place can be trusted; aliases can make a small file endless.",
    ),
    Code(
        "FR612",
        "site-key",
        "error",
        "a key or a field that does not exist",
        "A slip in a key would silently leave the default in force.",
    ),
    Code(
        "FR613",
        "site-type",
        "error",
        "a list, a mapping, a text or nothing where another of these is expected",
        "The message says what the key takes.",
    ),
    Code(
        "FR614",
        "site-value",
        "error",
        "a value that cannot be: an address, a zone, a direction, a sampling rate",
        "The message says what was found and what is expected.",
    ),
    Code(
        "FR615",
        "site-duplicate",
        "error",
        "a key, an address or a binding that stands twice",
        "Which of the two counts would depend on their order.",
    ),
    Code(
        "FR616",
        "site-file",
        "error",
        "a file that the site names and that is not there",
        "Relative paths start at the folder of the site file.",
    ),
    Code(
        "FR617",
        "site-text",
        "error",
        "a site file that cannot be read, is too large, or is no UTF-8 text",
        "A site file is a short YAML text; long lists of addresses go into files that it names.",
    ),
    Code(
        "FR618",
        "setting",
        "error",
        "a --set that is no name=value",
        "The name is a parameter's, with its ruleset before it where several have one of that name.",
    ),
)
"""Codes of what the site, and the command line in its place, say."""

SHARE_CODES: Final[Mapping[str, Code]] = MappingProxyType({c.code: c for c in (*SEARCH, *SITE_FILE)})
"""All codes of this room by number."""


def found(code: str, message: str, span: Span | None = None, hint: str = "") -> Diagnostic:
    """A finding of one of these codes."""
    known = SHARE_CODES[code]
    return Diagnostic(code, known.name, known.severity, message, span, hint or None)
