"""The reference pages are complete: fields, measures, words, keys of files and results, switches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from flowrules.check.attributes import _VALUES as ATTRIBUTE_VALUES
from flowrules.check.builtin import DIRECTIONS, EITHER_END, FIELDS, KEY_FUNCTIONS, SET_CALLS, SEVERITIES
from flowrules.check.parameters import LISTS, SCALARS
from flowrules.check.rulesets import METADATA
from flowrules.cli.report_output import FORMATS
from flowrules.engine.features.port_style import READINGS
from flowrules.engine.features.services import PROOFS
from flowrules.model.fields import PROTOCOLS, STORED
from flowrules.model.measures import MEASURES, SPREAD_SCHEMES
from flowrules.report.csv_report import COLUMNS
from flowrules.share.site_keys import KEYS
from flowrules.syntax.marks import RESERVED
from flowrules.translate.shell import TOOLS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def page(name: str) -> str:
    """The text of a page."""
    return (DOCS / name).read_text("utf-8")


def section(text: str, title: str) -> str:
    """A section of a page, up to the next heading of its level."""
    match = re.search(rf"^(#+) {re.escape(title)}\n", text, re.MULTILINE)
    assert match is not None, title
    rest = text[match.end() :]
    end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> Iterator[list[str]]:
    """The cells of the rows of all tables."""
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|--"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]


def words(text: str) -> set[str]:
    """What stands in backquotes, up to a parenthesis."""
    return {word.partition("(")[0] for word in re.findall(r"`([^`\n]+)`", text)}


def test_every_field_stands_in_the_reference_with_its_type() -> None:
    text = section(page("language.md"), "Fields")
    stored, _, derived = text.partition("Fields that are derived:")
    told = {
        name: (title, type_)
        for first, title, type_, _ in rows(stored)
        for name in re.findall(r"`(\w+)`", first)
    }
    assert told == {
        name: (told[name][0], str(FIELDS[name]))
        for name, field in STORED.items()
        if told[name][0] in (field.title, "")
    }
    types = {
        name: type_
        for first, kinds, *_ in rows(derived)
        for name, type_ in zip(re.findall(r"`(\w+)`", first), kinds.split(", ") * 2, strict=False)
    }
    ends = {word: str(FIELDS[fields[0]]) for word, fields in EITHER_END.items()}
    assert types == {name: str(t) for name, t in FIELDS.items() if name not in STORED} | ends
    assert {*DIRECTIONS, *PROTOCOLS} <= words(text)


def test_every_measure_stands_in_the_reference_with_its_minimum() -> None:
    text = section(page("language.md"), "Measures")
    told = {
        word.strip("`").partition("(")[0]: row
        for row in rows(text)
        for word in re.findall(r"`[^`]+`", row[0])
    }
    assert set(told) == set(MEASURES)
    for name, kind in MEASURES.items():
        if kind.minimum:
            assert told[name][2] == kind.minimum, name
        elif kind.counting:
            assert told[name][2].startswith(("0", "empty")), name
        else:
            assert told[name][2] == "unknown", name


def test_words_and_calls_of_the_language_stand_in_the_reference() -> None:
    text = page("language.md")
    reserved = re.search(r"\*\*Reserved words\*\* are never names:\n\n(.+\n.+)", text)
    assert reserved is not None
    assert words(reserved[1]) == RESERVED
    shown = words(text)
    assert {*KEY_FUNCTIONS, *SET_CALLS, "known", "count", "unit_share"} <= shown
    assert {*SCALARS, *LISTS, "set", "map", "table"} <= shown
    assert set(SEVERITIES) <= shown
    assert set(METADATA) <= shown
    assert {f"@{name}" for name in ATTRIBUTE_VALUES} <= {word.partition("(")[0] for word in shown}
    schemes = [row for row in rows(section(text, "Keys")) if row[0].strip("`") in SPREAD_SCHEMES]
    assert [(row[0].strip("`"), int(row[1])) for row in schemes] == [
        (s, i) for i, s in enumerate(SPREAD_SCHEMES)
    ]


def test_every_measure_of_behaviour_is_defined() -> None:
    text = page("features.md")
    table = words(section(text, "Measures of a host's behaviour").partition("## ")[0])
    assert {name for name, kind in MEASURES.items() if kind.minimum or name in ("answered", "peers")} <= table
    assert set(READINGS) <= words(section(text, "Port style"))
    assert set(PROOFS) <= words(section(text, "Services answered"))


def test_every_key_of_a_site_file_is_described() -> None:
    told = [row[0].strip("`") for row in rows(page("site-file.md")) if row[0].startswith("`")]
    assert told == list(KEYS)


def test_every_key_of_the_json_is_described() -> None:
    shown = words(page("output.md"))
    found = re.findall(
        r'^ *"(\w+)":', page("output.md").partition("--format json\n")[2].partition("```")[0], re.MULTILINE
    )
    assert len(found) > 40
    own = {"servers", "clients", "name_server", "asked", "regular", "period", "gaps"}  # of the example
    assert {key for key in found if key not in own} <= shown
    assert set(COLUMNS) <= shown
    assert {f"--format {name}" for name in FORMATS} <= shown | {"--format text"}


def test_every_tool_of_silk_that_is_translated_is_named() -> None:
    assert {tool for tool in TOOLS if tool not in page("silk.md")} == set()
