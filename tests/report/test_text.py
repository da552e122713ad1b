"""The text report: columns that fit the terminal, colours, and text that terminals do not obey."""

from __future__ import annotations

import re

import pytest

from flowrules.report.document import Grid, Heading, Note
from flowrules.report.text_report import text_report
from flowrules.report.wrapping import columns_of, padded, printable, wrapped

LONG = "answers on 7 service ports and carries most of the web bytes that the network received this week"
HOSTS = Grid(
    ("host", "verdict", "because", "flows"),
    [("203.0.113.33", "gateway", LONG, "1,234,567"), ("203.0.113.220", "proxy", "short", "9")],
    (False, False, False, True),
)
ANOMALIES = Grid(
    ("severity", "anomaly", "because"),
    [("error", "outage", "silent"), ("info", "quiet", "")],
    (False, False, False),
    more=3,
    severity=0,
)


def lines(*blocks: Heading | Note | Grid, color: bool = False, width: int | None = None) -> list[str]:
    return text_report(blocks, color, width).splitlines()


def test_without_a_width_a_row_is_a_line() -> None:
    assert lines(HOSTS) == [
        f"    host           verdict  {'because'.ljust(len(LONG))}      flows",
        f"    203.0.113.33   gateway  {LONG}  1,234,567",
        f"    203.0.113.220  proxy    {'short'.ljust(len(LONG))}          9",
    ]


def test_long_text_is_wrapped_in_its_column() -> None:
    shown = lines(HOSTS, width=80)
    assert all(len(line) <= 80 for line in shown)
    assert shown[1].startswith("    203.0.113.33   gateway  answers on 7")
    assert shown[1].endswith("1,234,567")
    assert shown[2].startswith(" " * 28) and not shown[2].startswith(" " * 29)
    text = " ".join(line[28:-11] if line.endswith("1,234,567") else line[28:] for line in shown[1:4])
    assert " ".join(text.split()) == LONG


def test_where_a_column_would_be_too_narrow_the_text_goes_below() -> None:
    shown = lines(HOSTS, width=60)
    assert shown[0].split() == ["host", "verdict", "flows"]
    assert shown[1].split() == ["203.0.113.33", "gateway", "1,234,567"]
    assert shown[2].startswith("        answers on 7 service ports")
    assert all(len(line) <= 60 for line in shown)
    assert "short" in shown[-1]


def test_names_and_numbers_are_never_cut() -> None:
    shown = "\n".join(lines(HOSTS, width=20))
    for word in ("203.0.113.220", "1,234,567", "gateway"):
        assert word in shown


def test_columns_without_anything_are_left_out() -> None:
    grid = Grid(("a", "b", "c"), [("1", "", "x"), ("2", "", "y")], (True, False, False))
    assert lines(grid) == ["    a  c", "    1  x", "    2  y"]


def test_severities_are_coloured_and_nothing_else_of_the_row() -> None:
    shown = lines(ANOMALIES, color=True)
    assert shown[1] == "    \x1b[1;31merror\x1b[0m     outage   silent"
    assert shown[2] == "    \x1b[2minfo\x1b[0m      quiet"
    assert shown[3] == "\x1b[2m    … 3 more (--limit 0 shows all)\x1b[0m"
    plain = lines(ANOMALIES)
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in shown] == plain


def test_notes_say_their_severity_in_words_too() -> None:
    assert lines(Note("no flows", "warning"), Note("a remark", "notice"), Note("plain")) == [
        "  warning: no flows", "  a remark", "  plain",
    ]  # fmt: skip
    long = f"{'x' * 20} {'y' * 30}"
    assert lines(Note(long, "error"), width=40) == [f"  error: {'x' * 20}", f"    {'y' * 30}"]


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    banner = "220 \x1b[2J\x07mail\nnext"
    shown = lines(Grid(("a",), [(banner,)], (False,)), Note(banner), Heading(2, banner))
    assert not any(c in line for line in shown for c in "\x1b\x07\n")
    assert printable(banner) == "220 \ufffd[2J\ufffdmail next"


@pytest.mark.parametrize("width", [80, 72])
def test_words_are_broken_before_a_row_is_wider_than_the_terminal(width: int) -> None:
    entries = Grid(
        ("protocol", "internal", "port", "external", "port", "name", "comment"),
        [
            ("6", "203.0.113.195", "25", "*", "*", "mx1.example.net", "receiving_server"),
            ("6", "203.0.113.231", "25", "*", "*", "mail.example.net", "sending_server"),
        ],
        (True, False, True, False, True, False, False),
    )
    shown = lines(entries, width=width)
    assert max(map(len, shown)) <= width
    assert "203.0.113.195" in shown[1], "the first text column stays whole"
    assert len(lines(entries, width=100)) == 3
    if width == 80:
        assert [line.split()[-1] for line in shown[1:3]] == ["receiving_", "server"]


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("one two three", None, ["one two three"]),
        ("one two three", 7, ["one two", "three"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("a abcdefghij b", 4, ["a", "abcd", "efgh", "ij b"]),
        ("receiving_server", 12, ["receiving_", "server"]),
        ("mx1.example.net", 11, ["mx1.", "example.net"]),
        ("a.very-long/path", 7, ["a.very-", "long/", "path"]),
        ("", 4, [""]),
        ("数据 流", 4, ["数据", "流"]),
        ("数据流", 3, ["数", "据", "流"]),
    ],
)
def test_wrapping(text: str, width: int | None, expected: list[str]) -> None:
    assert wrapped(text, width) == expected
    assert "".join(wrapped(text, width)).replace(" ", "") == text.replace(" ", "")


def test_the_first_line_may_have_a_width_of_its_own() -> None:
    assert wrapped("one two three four", 9, 13) == ["one two three", "four"]
    assert wrapped("one two three four", 13, 4) == ["one", "two three", "four"]


def test_wide_and_combining_characters_take_their_columns() -> None:
    assert [columns_of(t) for t in ("abc", "数据", "e\u0301")] == [3, 4, 1]
    assert padded("数", 4) == "数  "
    assert padded("7", 3, right=True) == "  7"
