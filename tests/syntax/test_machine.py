"""The machine reads the tokens that lark's own lexer reads, but for words, which it reads whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from lark import Lark, Transformer

from flowrules.model.resources import grammar_text
from flowrules.model.source_text import SourceText
from flowrules.syntax import cut, grammar, marks
from flowrules.syntax.machine import Machine, Stopped
from flowrules.syntax.parser import can_follow, parse, tokens_of
from flowrules.syntax.places import Places
from flowrules.syntax.tables import OPTIONS, START_RULES

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.frules"))


@pytest.fixture(scope="module")
def lark() -> Lark:
    nothing: Transformer[object, object] = Transformer(visit_tokens=False)
    return Lark(grammar_text(), start=list(START_RULES), transformer=nothing, **OPTIONS)


def test_tokens_are_those_that_lark_reads(lark: Lark) -> None:
    for path in EXAMPLES:
        places = Places(SourceText(path.name, path.read_text()))
        marked = marks.mark(places)
        for piece in cut.cut_file(marked.marks, marked.broken, places).pieces:
            text = marked.text[piece.start : piece.end]
            theirs = [
                (t.type, str(t), t.start_pos) for t in lark.parse_interactive(text, start="item").iter_parse()
            ]
            assert [(t.type, t.text, t.start) for t in tokens_of(text)] == theirs


@pytest.mark.parametrize(
    "text",
    [
        "nets a = ::1, fe80::1, ::ffff:192.0.2.1, x.x.x.x, 10.1.x.x, 2001:db8::/32, a:b:c:d:1:2:3:4-f",
        "filter f = sip/24 = 10.0.0.0/24 and flags matches (S/SA,/R) and sensor in (x.y, S1)",
        "filter f = stime in (2026-01-05T10:00:00.5Z .. 2026-01-06) and bytes>=1.5kB and duration<2min",
        "schedule s = mon-fri, sun 08:00-18:00, sat 24:00-01:00 UTC except (2026-12-25)",
        "schedule s = tue 08:00-18:00 America/Argentina/Buenos_Aires",
        "table t = flows as fill, sum(bytes) of all per top as cover fill keep top 3 order by fill desc",
        'tune sei.web@^1.2.3 { param a = 1 because "x" until 2026-01-01 }',
        'filter f = a.b.c["x"] != 5% # and so on\n and not(sip,dip)in s',
    ],
)
def test_what_looks_like_something_else_is_read_as_lark_reads_it(text: str, lark: Lark) -> None:
    theirs = [(t.type, str(t), t.start_pos) for t in lark.parse_interactive(text, start="item").iter_parse()]
    assert [(t.type, t.text, t.start) for t in tokens_of(text)] == theirs
    lark.parse(text, start="item")  # all of it


@pytest.mark.parametrize(
    "text",
    [
        "filterweb = tcp",
        "filter a = tcp andflags has S",
        "filter a = dport in80",
        "set c = sip ofa",
        "check c = 1 inb",
        'check c = 1 because1"a"',
        "table t = flows of a keep top 10 byflows",
        "import sei.ports asp",
    ],
)
def test_a_keyword_ends_where_its_word_ends(text: str, lark: Lark) -> None:
    (found,) = parse(SourceText("x", text)).diagnostics
    assert "is one word" in found.message
    assert found.hint is not None and found.hint.startswith("write ")
    words = [t.text for t in tokens_of(text)]
    assert all(text.split().count(word) for word in words if word.isalnum()), words


def test_a_test_may_name_what_begins_like_expect() -> None:
    text = 'test "t" {{\n{}\n}}'
    good = text.format("expect expected = 1")
    assert not parse(SourceText("x", good)).diagnostics
    (found,) = parse(SourceText("x", text.format("expected = 1"))).diagnostics
    assert found.hint == "write expect ed"


def test_what_can_follow() -> None:
    assert can_follow("filter") == {"NAME"}
    assert can_follow("filter a") == {"STRING", "EQUAL"}
    assert {"$END", "AND", "OR", "HAS", "IN"} <= (can_follow("filter a = flags") or frozenset())
    assert can_follow("filter a = a b") is None
    assert can_follow("filter a = ~") is None


@pytest.mark.parametrize(("text", "at"), [("a b", 2), ("a ~", 2), ("(a = 1", 6), ("", 0), ("a # x\n ~ b", 7)])
def test_a_text_stops_at_what_it_cannot_hold(text: str, at: int) -> None:
    machine = Machine(grammar.load(), TreeBuilderOfNothing())
    with pytest.raises(Stopped) as stopped:
        machine.parse(text, "cond")
    assert stopped.value.at == at


class TreeBuilderOfNothing:
    def __getattr__(self, rule: str) -> object:
        return lambda children: children
