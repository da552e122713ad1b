"""Tokens: kinds by where a word stands, comments and blank lines kept."""

from __future__ import annotations

from flowrules.model.source_text import SourceText
from flowrules.syntax.tokens import tokens


def kinds(text: str) -> list[tuple[str, str]]:
    return [(t.kind, t.text) for t in tokens(SourceText("x", text))]


def test_words_are_what_they_are_where_they_stand() -> None:
    assert kinds("filter S = flags has S and top = 5k") == [
        ("keyword", "filter"),
        ("name", "S"),
        ("mark", "="),
        ("name", "flags"),
        ("keyword", "has"),
        ("flags", "S"),
        ("keyword", "and"),
        ("name", "top"),
        ("mark", "="),
        ("count", "5k"),
    ]


def test_literals_have_their_kinds() -> None:
    text = 'nets a = 10.0.0.0/8, ::1, 10.x.x.x, 1.2.3.4, 2026-01-01, 5%, 5s, 5B, 5, "x"'
    assert [kind for kind, _ in kinds(text)[3::2]] == (
        ["cidr", "ipv6", "wild", "ipv4", "time", "percent", "duration", "size", "number", "string"]
    )


def test_comments_and_blank_lines_are_kept() -> None:
    assert kinds("\n# one\n\n\nfilter a = # two\n    tcp\n\n# end") == [
        ("blank_line", ""),
        ("comment", "# one"),
        ("blank_line", ""),
        ("blank_line", ""),
        ("keyword", "filter"),
        ("name", "a"),
        ("mark", "="),
        ("comment", "# two"),
        ("name", "tcp"),
        ("blank_line", ""),
        ("comment", "# end"),
    ]


def test_what_cannot_be_parsed_is_unknown_and_ends_with_its_declaration() -> None:
    found = kinds("filter a = tcp ~ x\nfilter b = tcp")
    assert ("unknown", "~") in found
    assert found[-4:] == [("keyword", "filter"), ("name", "b"), ("mark", "="), ("name", "tcp")]
