"""One fault, one finding, and the rest of the file as if nothing were."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrules.model.source_text import SourceText
from flowrules.syntax.parser import ParseResult, parse


def result(text: str) -> ParseResult:
    return parse(SourceText("test.frules", text))


def found(text: str) -> list[tuple[str, int, int]]:
    return [(d.code, d.span.line, d.span.column) for d in result(text).diagnostics if d.span]


def names(text: str) -> list[str]:
    return [d.name.text for d in result(text).file.declarations]


def test_every_declaration_reports_its_own_fault() -> None:
    text = "filter a = tcp and\nfilter b = udp\nset c = sip outbound\nports d = 80,\ntable e = flows of b per sip"
    assert found(text) == [("FR101", 1, 19), ("FR110", 3, 13), ("FR101", 4, 13)]
    assert names(text) == ["b", "e"]
    assert result(text).broken == {"a", "c", "d"}


def test_several_faults_in_one_declaration() -> None:
    text = "filter a = tcp && dport == 80 and sip = 300.1.1.1 and duration > 5m and flags matches SA/S"
    assert [code for code, _, _ in found(text)] == ["FR107", "FR107", "FR117", "FR114", "FR124"]


def test_every_line_of_a_block_reports_its_own_fault() -> None:
    text = """profile p {
    hosts a
    feature x = flows b per sip
    feature y = sum(bytes) of b per sip
    verdict v when x >
    verdict w when y > 5m
    entry of b per sip { internal host : 80- external any }
}
filter f = tcp
"""
    assert [code for code, _, _ in found(text)] == ["FR110", "FR101", "FR114", "FR113"]
    assert names(text) == ["f"]
    assert result(text).broken >= {"p", "x", "v", "w"}


@pytest.mark.parametrize("opening", ["(tcp or udp", "tcp and dport in (80, 443", "a.b[c", "count({10.0.0.1"])
def test_an_unclosed_bracket_ends_with_its_declaration(opening: str) -> None:
    text = f"filter a = {opening}\nfilter b = tcp\n"
    assert [code for code, _, _ in found(text)] == ["FR103"]
    assert names(text) == ["b"]


def test_an_unclosed_block_ends_where_the_next_declaration_begins() -> None:
    text = 'profile p {\n    hosts a\n    verdict v otherwise\n\nfilter b = tcp\ntest "t" {\n    param x = 1\n}\n'
    assert found(text) == [("FR103", 1, 11)]
    assert names(text) == ["b"]


def test_lines_of_blocks_are_no_declarations_even_unindented() -> None:
    text = 'test "t" {\nparam x = 1\nexpect x = 1\n}\ntune a {\nset s except {10.0.0.1}\nfilter f except (tcp)\n}\n'
    assert found(text) == []


def test_reserved_words_in_types_and_after_dots_begin_nothing() -> None:
    text = "param a : set\nparam b : ports\nfilter c = x.filter and y.set\nparam d : map(address)\n"
    assert found(text) == []
    assert names(text) == ["a", "b", "c", "d"]


def test_several_declarations_on_a_line() -> None:
    text = 'ruleset r { version "1" } import a (b) filter c = tcp set d = sip of c table e = flows of c'
    assert found(text) == []
    assert names(text) == ["c", "d", "e"]


def test_an_unfinished_declaration_is_blamed_on_itself() -> None:
    assert found("filter a =\nfilter b = tcp") == [("FR101", 1, 11)]
    assert found("set a = sip of\ntable b = flows of all") == [("FR101", 1, 15)]


def test_text_that_swallows_declarations_was_never_closed() -> None:
    text = 'test "t" {\n    flows """\n    sip\n    expect a = b\n}\nfilter f = tcp\ntest "u" {\n    flows """\n    sip\n    """\n}\n'
    assert found(text) == [("FR102", 2, 11)]
    assert names(text) == ["f"]


def test_comments_and_strings_hide_brackets_and_words() -> None:
    text = 'filter a = tcp # (unclosed { filter x =\ncheck c = a because "filter b = ( {{" \n'
    assert [code for code, _, _ in found(text)] == ["FR126"]


def test_findings_come_in_the_order_of_the_text() -> None:
    text = "filter a = tcp;\nfilter b = (tcp\nfilter c = udp and\n// x\n"
    lines = [line for _, line, _ in found(text)]
    assert lines == sorted(lines) == [1, 2, 3, 4]


def test_positions_are_those_of_the_author_after_a_mend() -> None:
    text = "filter a = --dport 80,443 and tcp && udp || icmp == 5m"
    assert found(text) == [
        ("FR108", 1, 12),
        ("FR107", 1, 35),
        ("FR107", 1, 42),
        ("FR107", 1, 50),
        ("FR114", 1, 53),
    ]


def test_the_tree_of_a_clean_file_has_nothing_broken() -> None:
    assert result("filter a = tcp\n").broken == frozenset()
    assert result("").file.items == ()
    assert result("\n# only a comment").diagnostics == ()


def test_no_more_findings_than_anyone_reads() -> None:
    assert len(result("filter a = tcp and\n" * 3000).diagnostics) <= 600


@pytest.mark.parametrize("deep", [10_000, 201])
def test_nesting_too_deep_is_a_finding(deep: int) -> None:
    assert [c for c, _, _ in found(f"filter a = {'(' * deep}tcp{')' * deep}\nfilter b = udp")] == ["FR127"]
    assert [c for c, _, _ in found(f"filter a = {'not ' * (deep + 30)}tcp")] == ["FR127"]
    assert [c for c, _, _ in found(f"check a = {'x + ' * (deep + 30)}x > 1")] == ["FR127"]
    assert [c for c, _, _ in found(f"set a = {'x | ' * (deep + 30)}x")] == ["FR127"]
    assert [c for c, _, _ in found(f"check a = {'f(' * deep}x{')' * deep} > 1")] == ["FR127"]


def test_nesting_that_is_deep_enough_for_anyone() -> None:
    assert found(f"filter a = {'(' * 190}tcp{')' * 190}") == []
    assert found(f"filter a = {' or '.join(['tcp'] * 5000)}") == []


def test_parse_is_the_same_from_several_threads(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    texts = [
        f"filter f{n} = tcp and dport in ({n}, {n + 1}) and (udp or\n" if n % 2 else f"filter f{n} = tcp"
        for n in range(40)
    ]
    alone = [result(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(result, texts)) == alone


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("param web : ports import x", "Param Import"),
        ("param a : set table b = flows of all", "Param Table"),
        ("param p : map(address) check x = 1", "Param Check"),
        ('param w : ports test "x" {}', "Param Test"),
        ("ports p = in import x", "Ports Import"),
        ("nets any = :: filter f = tcp", "Nets Filter"),
        ("check a = 1 = verdict check b = verdict import x", "Check Check Import"),
        ("table t = flows of all per sip keep flows = verdict check z = 1", "Table Check"),
        ("check a = verdict @review set b = a", "Check SetDeclaration"),
    ],
)
def test_declarations_may_stand_on_one_line(text: str, kinds: str) -> None:
    result = parse(SourceText("x", text))
    assert not result.diagnostics
    assert " ".join(type(item).__name__ for item in result.file.items) == kinds
