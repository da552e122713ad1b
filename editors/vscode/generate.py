"""Writes ``syntaxes/frules.tmLanguage.json`` from the grammar and the catalogues of flowrules."""

from __future__ import annotations

from pathlib import Path

from flowrules.editor.textmate import grammar_json

if __name__ == "__main__":
    target = Path(__file__).parent / "syntaxes" / "frules.tmLanguage.json"
    target.write_text(grammar_json(), encoding="utf-8", newline="\n")
    print(f"wrote {target}")
