"""Findings as they are shown: lines, carets, related places, JSON."""

from __future__ import annotations

import pytest

from flowrules.model.source_text import SourceText, Span
from flowrules.syntax.diagnostics import RulesetErrors, concise, diagnostic, render, to_json
from flowrules.syntax.places import Places


def shown(text: str, start: int, end: int, width: int = 100, color: bool = False) -> list[str]:
    source = SourceText("a.frules", text)
    d = diagnostic("FR101", "something is wrong", Places(source).span(start, end), hint="do this")
    return render([d], {source.path: source}, color=color, width=width).split("\n")


def test_a_finding() -> None:
    assert shown("filter a = x y\n", 13, 14) == [
        "error[FR101]: something is wrong",
        " --> a.frules:1:14",
        "  |",
        "1 | filter a = x y",
        "  |              ^",
        "  = hint: do this",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("\t\ta = bad", "bad"),
        ("日本 = bad", "bad"),
        ("a = 日本", "日本"),
        ("é\u0301\u200b bad", "bad"),
        ("😀 bad", "bad"),
    ],
)
def test_carets_stand_below_what_is_meant(text: str, what: str) -> None:
    start = text.index(what)
    _, _, _, line, carets, *_ = shown(text, start, start + len(what))
    columns = sum(2 if c in "日本😀" else 0 if c in "\u0301\u200b" else 1 for c in line[: line.index(what)])
    wide = sum(2 if c in "日本" else 1 for c in what)
    assert carets == "  |" + " " * (columns - 3) + "^" * wide


def test_a_place_of_no_width_has_one_caret() -> None:
    assert shown("filter a =", 10, 10)[4] == "  |           ^".replace("           ^", " " * 11 + "^")


def test_a_place_over_several_lines_is_marked_on_its_first() -> None:
    lines = shown("filter a = (\n  tcp\n)\n", 11, 19)
    assert lines[3:5] == ["1 | filter a = (", "  |            ^ …"]


def test_a_long_line_is_cut_around_the_place() -> None:
    text = "x" * 300 + " bad " + "y" * 300
    _, _, _, line, carets, *_ = shown(text, 301, 304, width=60)
    assert len(line) <= 60
    assert line[carets.index("^") :].startswith("bad")
    assert line.startswith("1 | …")
    assert line.endswith("…")


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    assert "\x1b" not in "".join(shown("a \x1b[31m b", 0, 1))
    source = SourceText("a\x1b.frules", "x")
    d = diagnostic("FR101", "found \x1b[31m", Places(source).span(0, 1), hint="\x07")
    assert not {"\x1b", "\x07"} & set(render([d], {source.path: source}))


def test_color_changes_nothing_else() -> None:
    import re

    plain, colored = shown("filter a = x y", 13, 14), shown("filter a = x y", 13, 14, color=True)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in colored] == plain
    assert plain != colored


def test_related_places() -> None:
    source, other = SourceText("a.frules", "one\ntwo\n"), SourceText("b.frules", "three\n")
    d = diagnostic(
        "FR131",
        "twice",
        Places(source).span(4, 7),
        related=[(Places(source).span(0, 3), "here"), (Places(other).span(0, 5), "and there")],
    )
    assert render([d], {s.path: s for s in (source, other)}) == (
        "error[FR131]: twice\n --> a.frules:2:1\n  |\n2 | two\n  | ^^^\n1 | one\n  | --- here\n"
        " ::: b.frules:1:1\n1 | three\n  | ----- and there\n"
    )


def test_a_text_that_is_not_there_is_shown_by_place() -> None:
    d = diagnostic("FR101", "wrong", Span(SourceText("gone.frules", "a\nb\ncde"), 5, 6))
    assert render([d], {}) == "error[FR101]: wrong\n --> gone.frules:3:2\n"
    assert render([diagnostic("FR101", "wrong", None)], {}) == "error[FR101]: wrong\n"
    assert render([], {}) == ""


def test_json() -> None:
    source = SourceText("a.frules", "filter a = x y\n")
    places = Places(source)
    d = diagnostic(
        "FR101", "wrong", places.span(13, 14), hint="h", related=[(places.span(0, 6), "r")], fix="z"
    )
    place = {"path": "a.frules", "line": 1, "column": 14, "end_line": 1, "end_column": 15}
    assert to_json(d) == {
        "code": "FR101",
        "name": "unexpected-text",
        "severity": "error",
        **place,
        "message": "wrong",
        "related": [
            {"path": "a.frules", "line": 1, "column": 1, "end_line": 1, "end_column": 7, "message": "r"}
        ],
        "hint": "h",
        "fix": {**place, "text": "z"},
    }


def test_errors_are_one_exception() -> None:
    source = SourceText("a.frules", "x")
    d = diagnostic("FR101", "wrong", Places(source).span(0, 1))
    error = RulesetErrors([d], {source.path: source})
    assert concise(d) == "a.frules:1:1: error[FR101] wrong"
    assert str(error) == concise(d)
    assert error.diagnostics == (d,)
    assert d.is_error


def test_a_code_must_be_registered() -> None:
    with pytest.raises(KeyError):
        diagnostic("FR999", "wrong", None)
