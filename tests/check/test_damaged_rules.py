"""Rulesets with words missing, doubled or exchanged are reported, never a crash, and every place is in the text."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from flowrules.check.check import check
from flowrules.model.source_text import SourceText

MESSAGES = Path(__file__).parent / "messages"
TEXTS = {p.stem: p.read_text(encoding="utf-8") for p in sorted(MESSAGES.glob("*.frules"))}
WORD = re.compile(r'"""[\s\S]*?"""|"[^"\n]*"|[A-Za-z_][\w.]*|\d[\w./%:-]*|\s+|.')
WORDS = sorted({w for text in TEXTS.values() for w in WORD.findall(text) if not w.isspace()})


def damaged(text: str, dice: random.Random) -> str:
    words = WORD.findall(text)
    for _ in range(dice.choice((1, 1, 2, 5))):
        at = dice.randrange(len(words))
        change = dice.choice(("drop", "exchange", "insert"))
        if change == "drop":
            words[at] = ""
        else:
            words[at] = f" {dice.choice(WORDS)} " + (words[at] if change == "insert" else "")
    return "".join(words)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_rules_never_crash_the_check(seed: int) -> None:
    dice = random.Random(seed)
    name = dice.choice(sorted(TEXTS))
    text = damaged(TEXTS[name], dice)

    def find(ruleset: str, path: str) -> SourceText | None:
        stem = ruleset.replace(".", "_")
        return SourceText(f"{stem}.frules", TEXTS[stem]) if stem in TEXTS else None

    found = check([SourceText("damaged.frules", text)], find, mode=dice.choice(("check", "run", "test")))
    for d in found.diagnostics:
        assert "\n" not in d.message
        assert (
            d.span is None or d.span.path != "damaged.frules" or 0 <= d.span.start <= d.span.end <= len(text)
        )
    assert (found.program is None) == any(d.is_error for d in found.diagnostics)
