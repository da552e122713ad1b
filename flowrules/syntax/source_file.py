"""Bytes to text: what a ruleset file must be before it can be parsed."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Final

from flowrules.model.source_text import SourceText, Span
from flowrules.syntax.diagnostics import Diagnostic, diagnostic

LARGEST: Final = 8 << 20
"""The most bytes that a ruleset file may have."""


def read_source(path: Path, shown: str | None = None) -> tuple[SourceText, tuple[Diagnostic, ...]]:
    """The text of a file, with what is wrong with it as text; ``shown`` is the name to show for it.

    A file that is too large is read only as far as needed to know.  Raises OSError as ``open`` does.
    """
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    size = len(data) if len(data) <= LARGEST else path.stat().st_size
    return decode(data, shown or str(path), size=size)


def decode(data: bytes, path: str, *, size: int | None = None) -> tuple[SourceText, tuple[Diagnostic, ...]]:
    """Bytes as text, and the errors in them: too large, UTF-16, not UTF-8.

    A byte order mark is dropped and counts for no offset.  ``size`` is the size of the whole where ``data``
    is only its beginning.  Where there are errors, the text is empty: there is nothing to parse.
    """
    size = len(data) if size is None else size
    if size > LARGEST or len(data) > LARGEST:
        return SourceText(path, ""), (_too_large(path, max(size, len(data))),)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return SourceText(path, ""), (
            diagnostic(
                "FR129",
                "the file is UTF-16, and rulesets are UTF-8",
                _point(path, "", 0),
                hint="save it as UTF-8 without changing anything else",
            ),
        )
    start = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    try:
        return SourceText(path, data[start:].decode("utf-8")), ()
    except UnicodeDecodeError as error:
        offset = start + error.start
        before = data[start:offset].decode("utf-8")
        return SourceText(path, ""), (
            diagnostic(
                "FR129",
                f"byte {data[offset]:#04x} at offset {offset} is not UTF-8",
                _point(path, before, len(before)),
                hint=_not_utf8_hint(data, offset),
            ),
        )


def too_large(text: str, path: str) -> Diagnostic | None:
    """The error for a text whose UTF-8 form is larger than a ruleset may be."""
    if len(text) <= LARGEST // 4:
        return None
    size = len(text.encode("utf-8", "surrogatepass"))
    return _too_large(path, size) if size > LARGEST else None


def _too_large(path: str, size: int) -> Diagnostic:
    return diagnostic(
        "FR128",
        f"the file has {size:,} bytes, and a ruleset has at most {LARGEST:,}",
        _point(path, "", 0),
        hint='put long lists into a set file and name it: param known : set = file "known.set"',
    )


def _not_utf8_hint(data: bytes, offset: int) -> str:
    if b"\0" in data[:4096]:
        return "this is perhaps no text: a ruleset is a .frules file, flows are given with --flows"
    if data[offset] >= 0xA0:
        return "the file is perhaps Latin-1: save it as UTF-8"
    return "save the file as UTF-8"


def _point(path: str, before: str, offset: int) -> Span:
    """A place of no width after the text ``before``."""
    return Span(SourceText(path, before), offset, offset)
