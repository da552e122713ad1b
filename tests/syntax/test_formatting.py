"""The one layout: golden files, what it must never change, and what it refuses."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

from flowrules.model.resources import shipped_rulesets
from flowrules.model.source_text import SourceText
from flowrules.syntax import tree
from flowrules.syntax.diagnostics import RulesetErrors
from flowrules.syntax.formatting import formatter
from flowrules.syntax.formatting.documents import WIDTH
from flowrules.syntax.formatting.formatter import LayoutFault, format_source
from flowrules.syntax.parser import parse
from flowrules.syntax.tokens import tokens
from tests.strategies.programs import program_text, programs

HERE = Path(__file__).parent
LAYOUTS = sorted((HERE / "layouts").glob("*.frules"))
EXAMPLES = sorted((HERE / "examples").glob("*.frules"))


def laid_out(text: str) -> str:
    return format_source(SourceText("x.frules", text))


def comments(text: str) -> Counter[str]:
    return Counter(t.text.rstrip() for t in tokens(SourceText("x", text)) if t.kind == "comment")


def same(one: tree.Node, other: tree.Node) -> bool:
    """Equal but for the spelling of IPv6, of protocols and of line ends."""
    return bool(formatter.meaning(one) == formatter.meaning(other))


@pytest.mark.parametrize("path", LAYOUTS, ids=lambda path: path.stem)
def test_layout(path: Path, golden: Callable[[Path, str], None]) -> None:
    golden(path.with_suffix(".txt"), laid_out(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_keep_to_the_width(path: Path) -> None:
    text = laid_out(path.read_text(encoding="utf-8"))
    for line in text.splitlines():
        code = line.partition("  #")[0]
        assert len(code) <= WIDTH or '"' in code or "|" in code or code.startswith("#"), line


@pytest.mark.parametrize("name", shipped_rulesets())
def test_shipped_rulesets_are_laid_out(name: str) -> None:
    text = shipped_rulesets()[name].read_text(encoding="utf-8")
    assert laid_out(text) == text


# ---- properties ---------------------------------------------------------------------------------------


def check(text: str) -> None:
    source = SourceText("x.frules", text)
    before = parse(source)
    assert not before.diagnostics
    result = format_source(source)
    assert format_source(SourceText("x.frules", result)) == result
    after = parse(SourceText("x.frules", result))
    assert not after.diagnostics
    assert same(before.file, after.file)
    assert comments(text) == comments(result)
    plain = result.replace("\r\n", "\n").replace("\r", "\n")  # lines end as the author's do
    assert plain.rstrip("\n") + "\n" == (plain or "\n")


@given(programs())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_programs(text: str) -> None:
    check(text)


@given(programs(messy=False))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_spacing_makes_no_difference(text: str) -> None:
    """Whatever the line breaks and spaces between tokens, the result is one."""
    found = [t for t in tokens(SourceText("x", text)) if t.kind != "blank_line"]
    for between in (" ", "\n  "):
        other = "".join(t.text if t.kind == "version" else between + t.text for t in found)
        assert laid_out(other).split() == laid_out(text).split()


PROGRAMS = int(os.environ.get("FLOWRULES_PROGRAMS", "1000"))
"""How many random programs are laid out; 10,000 take about ten minutes."""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_many_random_programs(part: int) -> None:
    for seed in range(20_000 + part, 20_000 + PROGRAMS, 10):
        check(program_text(Random(seed)))


def test_the_programs_reach_every_node_of_the_tree() -> None:
    known = {
        node
        for node in vars(tree).values()
        if isinstance(node, type) and issubclass(node, tree.Node) and not node.__subclasses__()
    }
    seen: set[type] = set()
    for seed in range(150):
        seen |= {type(node) for node in parse(SourceText("x", program_text(Random(seed)))).file.walk()}
    assert {node.__name__ for node in known - seen} == set()


# ---- single cases -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("\n\n  \n", ""),
        ("# only\n\n\n\n# comments", "# only\n\n# comments\n"),
        ("filter a=tcp filter b=udp", "filter a = tcp\nfilter b = udp\n"),
        ("filter a=tcp\r\nfilter bc=udp\r\n", "filter a  = tcp\r\nfilter bc = udp\r\n"),
        ("filter a=tcp\rfilter bc=udp", "filter a  = tcp\rfilter bc = udp\r"),
        ("filter a = tcp\n\nfilter long_name = udp", "filter a = tcp\n\nfilter long_name = udp\n"),
        ("filter a = tcp\nset long_name = sip of a", "filter a = tcp\nset long_name = sip of a\n"),
        ("filter f = protocol = 6", "filter f = protocol = tcp\n"),
        ("filter f = sip = 2001:DB8::A", "filter f = sip = 2001:db8::a\n"),
        ("set s = { 10.0.0.1 , }", "set s = {10.0.0.1}\n"),
        ("set s = {\n10.0.0.1, # a\n}", "set s = {\n    10.0.0.1,  # a\n}\n"),
        ("check c = x < a-b", "check c = x < a - b\n"),
        ("ports p = 20 - 22", "ports p = 20-22\n"),
        ("check c = a / 2 < b", "check c = a / 2 < b\n"),
        ("table t = flows of all per sip / 24 / 64", "table t = flows of all per sip/24/64\n"),
    ],
)
def test_small_text(text: str, expected: str) -> None:
    assert laid_out(text) == expected


def test_a_description_stays_one_and_becomes_none() -> None:
    text = "filter a = tcp ## no description\nfilter b = udp\n\n## not this\n\nfilter c = udp\n## this\n@private\nfilter d = icmp\n"
    result = laid_out(text)
    assert [d.text for d in parse(SourceText("x", result)).file.declarations] == ["", "", "", "this"]


def test_faults_are_reported_and_nothing_is_laid_out() -> None:
    with pytest.raises(RulesetErrors) as caught:
        laid_out("filter a = tcp and\nfilter b =")
    assert len(caught.value.diagnostics) == 2


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda text: text.replace("tcp", "udp"), "change what it says"),
        (lambda text: text.replace("# c\n", "\n"), "lose a comment"),
        (lambda text: text + "# more\n", "does not settle"),
        (lambda text: text.replace("and", "or"), "change what it says"),
    ],
)
def test_a_wrong_layout_is_refused(
    monkeypatch: pytest.MonkeyPatch, spoil: Callable[[str], str], what: str
) -> None:
    original = formatter.layout
    monkeypatch.setattr(formatter, "layout", lambda found: spoil(original(found)))
    with pytest.raises(LayoutFault, match=what):
        laid_out("filter   a = tcp and udp # c\n")


def test_meaning_tells_apart_what_differs() -> None:
    def file(text: str) -> tree.File:
        return parse(SourceText("x", text)).file

    assert same(file("filter a = protocol in (6, 17)"), file("filter a = protocol in (tcp, udp)"))
    assert not same(file("filter a = protocol in (6, 17)"), file("filter a = protocol in (tcp, icmp)"))
    assert not same(file("filter a = dport = 6"), file("filter a = dport = tcp"))
    assert not same(file('filter a = sensor = "A:B"'), file('filter a = sensor = "a:b"'))
    assert all(
        a.eq is not False or a.name.endswith("span") or a.name == "parenthesised"
        for a in attrs.fields(tree.SetOperation)
    )


def test_a_very_long_list_is_laid_out_in_one_go() -> None:
    text = "set s = {" + ", ".join(f"10.{n >> 8}.{n & 255}.1" for n in range(20_000)) + "}"
    assert laid_out(text).count("\n") > 2_000
