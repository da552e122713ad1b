"""The report as Markdown: what it looks like, and text that must not become marks."""

from __future__ import annotations

import pytest

from flowrules.report.document import Grid, Heading, Note
from flowrules.report.markdown_report import escaped, markdown_report


def test_a_document() -> None:
    blocks = [
        Heading(1, "sei.web_clients 1.0.0: Web clients"),
        Note("31 hosts"),
        Note("no inbound flows", "warning"),
        Heading(2, "Table volume_in"),
        Grid(
            ("dip", "bytes", "empty"),
            [("203.0.113.33", "1,234", ""), ("*", "5", "")],
            (False, True, False),
            2,
        ),
        Heading(2, "Sets"),
    ]
    assert markdown_report(blocks) == (
        "# sei.web_clients 1.0.0: Web clients\n\n"
        "31 hosts  \n**warning:** no inbound flows\n\n"
        "## Table volume_in\n\n"
        "| dip | bytes |\n| --- | ---: |\n| 203.0.113.33 | 1,234 |\n| \\* | 5 |\n\n"
        "… 2 more\n\n"
        "## Sets\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", "a\\|b"),
        ("web_clients", "web_clients"),
        ("_private_", "\\_private\\_"),
        ("**bold** `code`", "\\*\\*bold\\*\\* \\`code\\`"),
        ("<script>&amp;", "\\<script\\>\\&amp;"),
        ("[link](http://x)", "\\[link\\](http://x)"),
        ("a\\", "a\\\\"),
        ("two\nlines", "two lines"),
        ("# heading", "\\# heading"),
        ("- item", "\\- item"),
        ("1. item", "1\\. item"),
        ("203.0.113.1", "203.0.113.1"),
        ("x\x1b[2J", "x\ufffd\\[2J"),
    ],
)
def test_text_is_shown_as_it_is(text: str, expected: str) -> None:
    assert escaped(text) == expected
