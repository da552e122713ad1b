"""A fuzzing target: whatever bytes a ruleset file holds, there is an answer, and no exception.

With atheris: ``python -m tests.fuzz.rulesets CORPUS_FOLDER``, where the folder may begin as a copy of ``rulesets``.
"""

from __future__ import annotations

import sys

from flowrules.check.check import check
from flowrules.model.source_text import SourceText
from flowrules.syntax.diagnostics import RulesetErrors, render, to_json
from flowrules.syntax.formatting.formatter import format_source
from flowrules.syntax.parser import parse
from flowrules.syntax.source_file import decode
from flowrules.syntax.tokens import tokens


def one_input(data: bytes) -> None:
    """Reads, checks, shows and lays out one file; raises where one of them does what it must not."""
    source, faults = decode(data, "fuzzed.frules")
    if faults:
        render(faults, {source.path: source})
        return
    one_text(source.text)


def one_text(text: str) -> None:
    """The same of a text."""
    source = SourceText("fuzzed.frules", text)
    result = check([source])
    render(result.diagnostics, result.sources)
    for found in result.diagnostics:
        to_json(found)
        if found.span is not None:
            assert 0 <= found.span.start <= found.span.end <= len(text)
    at = 0
    whole = not parse(source).diagnostics
    for token in tokens(source):
        assert at <= token.span.start
        assert not whole or not text[at : token.span.start].strip(" \t\f\r\n"), "text between two tokens"
        assert text[token.span.start : token.span.end] == token.text
        at = token.span.end
    try:
        format_source(source)
    except RulesetErrors:
        assert not whole, "a text without a fault is laid out"


def main() -> None:
    """Runs under atheris until something fails."""
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
