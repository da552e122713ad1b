"""The site file: what only the site knows, so that shared rulesets need not say it.

YAML with the keys of ``site_keys.KEYS``.  Every fault is told with its line and column, all in one go.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import Factory, field, frozen

from flowrules.model.address_set import AddressSet
from flowrules.model.source_text import Span
from flowrules.model.structural import Structural
from flowrules.share.codes import found
from flowrules.syntax.diagnostics import RulesetErrors

DIRECTIONS: Final = ("auto", "types", "nets")
"""How inbound and outbound are told: by SiLK's types, by ``internal``, or by whichever there is."""

LIMIT: Final = 1 << 20
"""The largest site file, in bytes: YAML is slow to read, and addresses belong in set files."""

MOST_SAMPLING: Final = 1 << 32


class SiteError(RulesetErrors):
    """A site file that cannot be used; ``diagnostics`` are all its faults, in the order of the text."""


@frozen(eq=False, repr=False)
class SiteValue(Structural):
    """A value as the site wrote it, in the language's literal syntax, and where it stands.

    ``text`` of a quoted value is what the quotes hold (``quoted`` says so); of a YAML list its items with
    commas between, lists inside it in parentheses; of ``{…}`` the text as it stands.
    """

    text: str
    span: Span = field(eq=False, repr=False)
    key: Span = field(eq=False, repr=False)
    """Where its name stands."""
    quoted: bool = False


@frozen(eq=False, repr=False)
class SiteFile(Structural):
    """A file that the site names: its path (resolved beside the site file) and where it is named."""

    path: Path
    span: Span = field(eq=False, repr=False)
    key: Span = field(eq=False, repr=False)
    """Where its name stands."""


@frozen(eq=False, repr=False)
class Site(Structural):
    """What a site file says; without arguments: what holds where there is none.

    ``params`` has the values for the parameters of one ruleset by its name, and under ``None`` those for
    every ruleset that has such a parameter.  ``schedules``, ``sets`` and ``maps`` bind parameters of that
    type in the same way; their names may have the ruleset's before them (``sei.email.office``).
    ``names`` has names of addresses (128-bit numbers), ``assume`` what to take where a source lacks a field
    (a number, or the name of a type or sensor).
    """

    path: str = ""
    internal: AddressSet | None = None
    direction: str = "auto"
    zone: str = "UTC"
    sampling: int = 1
    schedules: Mapping[str, SiteValue] = Factory(dict)
    params: Mapping[str | None, Mapping[str, SiteValue]] = Factory(dict)
    sets: Mapping[str, SiteFile] = Factory(dict)
    maps: Mapping[str, SiteFile] = Factory(dict)
    names: Mapping[int, str] = Factory(dict)
    assume: Mapping[str, int | str] = Factory(dict)


def load_site(path: Path) -> Site:
    """Read the site file at ``path``.  Raises ``SiteError`` with everything that is wrong with it."""
    return parse_site(_read(path), str(path))


def _read(path: Path) -> str:
    """The text of the file, without a byte order mark; never more than ``LIMIT`` bytes are read."""
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise _no_text(path, what[:1].lower() + what[1:], "") from error
    if len(data) > LIMIT:
        hint = "long lists of addresses go into files that 'sets' names"
        raise _no_text(path, f"a site file has at most {LIMIT:,} bytes, and this has more", hint)
    text = data.decode("utf-8-sig", "replace")
    if "\ufffd" in text or "\0" in text:
        bad = _first_bad(data)
        if bad is not None:
            what = f"found byte 0x{data[bad]:02x} at offset {bad}, expected UTF-8 text"
            raise _no_text(path, what, "a site file is YAML, saved as UTF-8")
    return text


def _first_bad(data: bytes) -> int | None:
    """The offset of the first byte that is no UTF-8 text, or is NUL."""
    nul = data.find(b"\0")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start if nul < 0 else min(nul, error.start)
    return nul if nul >= 0 else None


def _no_text(path: Path, message: str, hint: str) -> SiteError:
    return SiteError([found("FR617", f"{path}: {message}", None, hint)], {})


def parse_site(text: str, path: str = "site.yaml") -> Site:
    """The site that ``text`` describes; files that it names lie beside ``path``.  Raises ``SiteError``."""
    # what reads YAML takes long to load, and most runs have no site file
    from flowrules.share.site_keys import site_of

    return site_of(text, path)
