"""Edits: what they make of a text, that a second run has nothing to do, and that safe ones keep the meaning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from flowrules.check.check import check
from flowrules.lint.fixes import apply_fixes
from flowrules.lint.formulas import NotDecided
from flowrules.model.source_text import SourceText
from tests.lint.building import lint_text
from tests.lint.flows import passes, real_flows
from tests.lint.test_corpus import BAD, linted, name_of


def is_sound(texts: Mapping[str, str]) -> bool:
    return check([SourceText("a.frules", texts["a.frules"])], _finder).program is not None


def fixed(text: str, unsafe: bool = False) -> str:
    for _ in range(5):
        result = lint_text(text)
        texts = {"a.frules": text}
        out = apply_fixes(result.findings, texts, unsafe, is_sound)
        if not out.texts:
            break
        text = out.texts["a.frules"]
    return text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("filter f = tcp and packets >= 4 and packets >= 10", "filter f = tcp and packets >= 10"),
        ("filter f = tcp and packets >= 10 and packets >= 4", "filter f = tcp and packets >= 10"),
        ("filter f = packets >= 4 and tcp and packets >= 10", "filter f = tcp and packets >= 10"),
        ("filter f = tcp and (dport in (80, 443) or dport = 443)", "filter f = tcp and (dport in (80, 443))"),
        ("filter f = udp or tcp and packets >= 4", "filter f = udp or (tcp and packets >= 4)"),
        (
            "filter f = tcp\n    and packets >= 4\n    and packets >= 10",
            "filter f = tcp\n    and packets >= 10",
        ),
        ("ports web = 80, 443, 80", "ports web = 80, 443"),
        ("ports web = 80,\n    443,\n    80", "ports web = 80,\n    443"),
        (
            "ports web = 80, 443\nfilter f = tcp and dport in (80, 443)",
            "ports web = 80, 443\nfilter f = tcp and dport in web",
        ),
        ("ports dns = 53\nfilter f = udp and dport = 53", "ports dns = 53\nfilter f = udp and dport in dns"),
        (
            "set a = sip of outbound\nset b = dip of inbound\nset c = sip of internal\nset d = a | b - c",
            "set a = sip of outbound\nset b = dip of inbound\nset c = sip of internal\nset d = (a | b) - c",
        ),
        ("# flowrules: ignore[FR301] gone\nfilter f = tcp", "filter f = tcp"),
        ("filter f = tcp   # flowrules: ignore[FR301] gone", "filter f = tcp"),
    ],
)
def test_what_a_safe_fix_makes(before: str, after: str) -> None:
    assert fixed(before + "\n") == after + "\n"


def test_nothing_is_removed_with_a_comment_in_it() -> None:
    text = "filter f = tcp   # a handshake\n    and packets >= 4\n    and packets >= 10\n"
    assert fixed(text) == text


def test_unsafe_fixes_wait_to_be_asked_for() -> None:
    text = "nets lab = 10.20.0.0/16\nfilter f = outbound and dip in lab\n"
    assert fixed(text) == text
    assert fixed(text, unsafe=True) == text.replace("dip in", "sip in")


def test_edits_that_would_break_a_ruleset_are_left_out() -> None:
    text = "filter f = tcp and packets >= 4 and packets >= 10\nports web = 80, 443, 80\n"
    result = lint_text(text)
    out = apply_fixes(result.findings, {"a.frules": text}, False, lambda t: "packets >= 4" in t["a.frules"])
    assert out.texts["a.frules"] == "filter f = tcp and packets >= 4 and packets >= 10\nports web = 80, 443\n"
    assert [f.code for f in out.mended] == ["FR315"]


def test_line_ends_stay_as_they_were() -> None:
    assert (
        fixed("ports web = 80, 443, 80\r\nfilter f = tcp\r\n") == "ports web = 80, 443\r\nfilter f = tcp\r\n"
    )


SAFE = [p for p in BAD if any(f.mend is not None and f.mend.safe for f in linted(p).findings)]


@pytest.mark.parametrize("path", SAFE, ids=name_of)
def test_a_safe_fix_puts_the_fault_right_and_keeps_what_every_filter_matches(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    after = fixed(text)
    assert after != text
    code = path.parent.name.upper()
    assert code not in {f.code for f in lint_text(after).findings}
    one, other = (check([SourceText("a.frules", t)], _finder).program for t in (text, after))
    assert one is not None
    assert other is not None
    flows = real_flows()
    for name, declared in one.filters.items():
        if not name.startswith("a:") or name not in other.filters or _needs_sets(declared.predicate):
            continue
        assert (
            passes(declared.predicate, one, flows) == passes(other.filters[name].predicate, other, flows)
        ).all()


def _finder(name: str, path: str) -> SourceText | None:
    from flowrules.share.search import Search

    return Search().find_ruleset(name)


def _needs_sets(node: object) -> bool:
    from flowrules.model import expression as ex

    assert isinstance(node, ex.Expression)
    return any(isinstance(n, ex.In) and isinstance(n.collection, ex.InSet) for n in node.walk())


def test_the_search_gives_up_aloud() -> None:
    from flowrules.lint.formulas import states

    with pytest.raises(NotDecided):
        list(states([], steps=0))
