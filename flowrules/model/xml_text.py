"""Text as XML 1.0 can hold it."""

from __future__ import annotations

import re
from typing import Final
from xml.sax.saxutils import escape, quoteattr

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot hold; U+FFFD stands for each."""


def xml_text(text: str) -> str:
    """Text as the content of an element."""
    return escape(_FORBIDDEN.sub("\ufffd", text))


def xml_attribute(text: str) -> str:
    """Text as a quoted attribute, on one line."""
    return quoteattr(_FORBIDDEN.sub("\ufffd", text).replace("\n", " "))
