"""What is said of every mistake, held in golden files beside the rulesets that make them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowrules.check.check import check
from flowrules.model.source_text import SourceText
from flowrules.syntax.diagnostics import Diagnostic

HERE = Path(__file__).parent / "messages"
CASES = sorted(p for p in HERE.glob("*.frules") if not p.name.startswith("sei_"))


def shown(d: Diagnostic, text: str) -> str:
    """A finding as the golden files hold it: its place, its text, what was written, and what to write."""
    if d.span is None:
        return f"{d.severity}[{d.code}] {d.message}\n"
    out = [f"{d.span.line}:{d.span.column}: {d.severity}[{d.code}] {d.message}"]
    out.append(f"    at   {' '.join(text[d.span.start : d.span.end].split())}")
    if d.hint:
        out.append(f"    hint {d.hint}")
    out += [f"    {span.line}:{span.column}: {message}" for span, message in d.related]
    return "\n".join(out) + "\n"


def find(name: str, path: str) -> SourceText | None:
    file = HERE / f"{name.replace('.', '_')}.frules"
    return SourceText(file.name, file.read_text(encoding="utf-8")) if file.exists() else None


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_messages(path: Path, golden: Callable[[Path, str], None]) -> None:
    text = path.read_text(encoding="utf-8")
    result = check(
        [SourceText(path.name, text)], find, mode="test", known_rulesets=lambda _: ["sei.lists", "sei.ports"]
    )
    golden(path.with_suffix(".txt"), "\n".join(shown(d, text) for d in result.diagnostics))


def test_there_are_many_mistakes() -> None:
    said = [line for p in HERE.glob("*.txt") for line in p.read_text(encoding="utf-8").splitlines()]
    messages = {line.partition(": ")[2] for line in said if "[FR" in line}
    assert len(messages) >= 300
