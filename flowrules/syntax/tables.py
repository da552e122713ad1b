"""The LALR tables of the grammar as plain data, made once by lark and kept between runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import astuple, frozen

from flowrules.model.structural import Structural

START_RULES: Final = (
    "item",
    "profile_item",
    "test_item",
    "tune_line",
    "map_entry",
    "value",
    "cond",
    "hole",
)
"""What can be parsed by itself: an item of a file or of a block, a value, a condition, braces of a text."""

OPTIONS: Final[Mapping[str, Any]] = {
    "parser": "lalr",
    "lexer": "contextual",
    "keep_all_tokens": True,
    "maybe_placeholders": True,
}
"""How lark reads the grammar: every token is kept, and ``None`` stands for what is optional and absent."""


@frozen(eq=False, repr=False)
class Terminal(Structural):
    """A terminal: the ``text`` of a word or mark that the grammar quotes, or else a ``pattern``."""

    name: str
    text: str | None
    pattern: str


@frozen(eq=False, repr=False)
class Rule(Structural):
    """One alternative of a rule of the grammar: ``size`` symbols make an ``origin``.

    ``build`` is the name of what is built, ``None`` where the children are spliced into the rule above;
    ``single`` says that one child alone stands for itself.  ``children`` are, for each symbol, whether it is
    spliced in, and how many absent ones stand before it; ``absent`` are those after the last.
    """

    origin: str
    size: int
    build: str | None
    single: bool
    children: Sequence[tuple[bool, int]]
    absent: int


@frozen(eq=False, repr=False)
class Tables(Structural):
    """What a parser does in each state.

    ``terminals`` stand in the order in which they are tried.  ``states`` say by the name of a terminal or
    a rule what follows: a state, or where negative ``~n`` to reduce by rule ``n``.  ``starts`` are the first
    and the last state of each rule that can be parsed by itself.
    """

    terminals: tuple[Terminal, ...]
    rules: tuple[Rule, ...]
    states: Sequence[dict[str, int]]
    starts: Mapping[str, tuple[int, int]]


def make(grammar: str) -> Tables:
    """The tables of a grammar in lark's notation; takes a second or so."""
    from lark import Lark
    from lark.lexer import PatternStr

    parser: Any = Lark(grammar, start=list(START_RULES), **OPTIONS)
    table = parser.parser.parser._parse_table
    numbers = {rule: n for n, rule in enumerate(parser.rules)}
    states = [
        {
            symbol: target if type(target) is int else ~numbers[target]
            for symbol, (_, target) in table.states[state].items()
        }
        for state in range(len(table.states))
    ]
    ordered = sorted(
        (t for t in parser.terminals if t.name not in parser.ignore_tokens),
        key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name),
    )
    return Tables(
        terminals=tuple(
            Terminal(
                t.name, t.pattern.value if isinstance(t.pattern, PatternStr) else None, t.pattern.to_regexp()
            )
            for t in ordered
        ),
        rules=tuple(_rule(rule) for rule in parser.rules),
        states=tuple(states),
        starts={name: (table.start_states[name], table.end_states[name]) for name in table.start_states},
    )


def _rule(rule: Any) -> Rule:
    spliced = [not symbol.is_term and symbol.name.startswith("_") for symbol in rule.expansion]
    # where the alternative leaves something out, lark marks its place among the symbols that are there
    gaps = [0]
    for absent in rule.options.empty_indices or (False,) * len(spliced):
        if absent:
            gaps[-1] += 1
        else:
            gaps.append(0)
    name = str(rule.origin.name)
    return Rule(
        origin=name,
        size=len(spliced),
        build=None if name.startswith("_") else str(rule.alias or rule.options.template_source or name),
        single=bool(rule.options.expand1 and not rule.alias),
        children=tuple(zip(spliced, gaps, strict=False)),
        absent=gaps[-1],
    )


def to_plain(tables: Tables) -> list[Any]:
    """The tables as JSON can say them."""
    return list(astuple(tables))


def from_plain(plain: Sequence[Any]) -> Tables:
    """The tables of ``to_plain``.  Raises LookupError, TypeError or ValueError for anything else."""
    terminals, rules, states, starts = plain
    return Tables(
        terminals=tuple(Terminal(*terminal) for terminal in terminals),
        rules=tuple(Rule(*rule) for rule in rules),
        states=tuple(states),
        starts=starts,
    )
