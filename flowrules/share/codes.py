"""The codes of what can be wrong in a site file (FR61x)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from flowrules.syntax.codes import Code

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
)

SITE_CODES: Final[Mapping[str, Code]] = MappingProxyType({code.code: code for code in SITE_FILE})
"""The codes by number."""
