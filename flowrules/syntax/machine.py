"""The grammar's tables at work: one pass over a text that reads its tokens and builds what its rules say.

What a token is depends on where it stands, so the state of the parser reads it: ``top`` is a keyword where the
grammar takes that keyword and a name elsewhere, ``S`` is flags after ``has``.  A word is read whole before
anything is made of it: ``expected`` is never ``expect`` with something after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple

from attrs import frozen

from flowrules.model.structural import Structural
from flowrules.syntax.marks import RESERVED
from flowrules.syntax.tables import Rule, Tables

END: Final = "$END"
"""The terminal after the last."""


class Token(NamedTuple):
    """A terminal and where it stood: ``start`` and ``end`` are offsets of the author's text.

    A tuple, since nothing immutable is made faster and there is one for every word and mark.
    """

    type: str
    text: str
    start: int
    end: int


class Stopped(Exception):
    """The text says nothing of what could stand at ``at``, the offset of a token or of the text's end."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


Build = Callable[[list[Any]], Any]
Match = Callable[[str, int], re.Match[str] | None]

# What most tokens are is plain at once: a word or number that no colon, dash, slash or point follows is no part
# of an address, a time or days.  Whatever else stands there is tried as each literal that the state takes.
_SCAN: Final = re.compile(
    r"""
    (?:[ \t\f\r\n]++|\#[^\r\n]*+)*+
    (?:
        ([A-Za-z_][A-Za-z0-9_]*+)(?![\w.:/-])
      | ([<>!]=|\.\.|[]=<>(){}[,|&^+*/@-]|:(?!:))
      | ((?!x\.x\.)[A-Za-z_][A-Za-z0-9_]*+(?:\.[A-Za-z_][A-Za-z0-9_]*+)++)(?![\w.:/-])
      | ([0-9]++)(?![\w.:/%-])
      | (\"\"\"[\s\S]*?\"\"\"|"(?!"")(?:\\[^\r\n]|[^"\\\r\n])*")
      | (\Z)
      | ()
    )
    """,
    re.VERBOSE,
).match
_WORD, _MARK, _DOTTED, _NUMBER, _STRING, _END, _ANYTHING = range(1, 8)

_WHOLE_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").match
_NAMES: Final = ("REF", "NAME")
_PLAIN_WORDS: Final = frozenset({"DAYS", "ZONE", "FLAGS"})
"""Literals that can be a plain word."""


@frozen(eq=False, repr=False)
class _Lexis(Structural):
    """What can stand in a state: words and marks by their text, and patterns in the order to try them.

    ``plain`` has the terminal of each group of ``_SCAN``, ``None`` where the group alone does not say it.
    """

    known: dict[str, str]
    plain: tuple[str | None, ...]
    patterns: tuple[tuple[str, Match], ...]

    def token(self, text: str, at: int) -> tuple[str, int, int]:
        """The next token from ``at`` on: its terminal, start and end; raises ``Stopped``."""
        match = _SCAN(text, at)
        assert match is not None
        kind = match.lastindex
        assert kind is not None
        start, end = match.span(kind)
        if kind <= _MARK:
            word = match[kind]
            terminal = self.known.get(word)
            if terminal is None and word not in RESERVED:
                terminal = self.plain[kind]
        else:
            terminal = self.plain[kind]
        if kind == _DOTTED and text[start : text.index(".", start)] in RESERVED:
            terminal = None
        if terminal is not None:
            return terminal, start, end
        return self._any(text, start)

    def _any(self, text: str, start: int) -> tuple[str, int, int]:
        """As the grammar has it: the first pattern that fits, or a word, whole, or a mark."""
        for terminal, fits in self.patterns:
            match = fits(text, start)
            if match is not None:
                end = match.end()
                if terminal in _NAMES:
                    terminal = self.known.get(match[0], terminal)
                return terminal, start, end
        word = _WHOLE_WORD(text, start)
        for end in (word.end(),) if word else (start + 2, start + 1):
            known = self.known.get(text[start:end])
            if known is not None:
                return known, start, end
        raise Stopped(_place(text, start))


class Machine:
    """Reads texts; ``builder`` has a method for each rule that the tables name, called with its children.

    Methods may call it again for a text within the text.
    """

    def __init__(self, tables: Tables, builder: object) -> None:
        self._tables = tables
        self._patterns = tuple(
            (t.name, re.compile(t.pattern).match) for t in tables.terminals if t.text is None
        )
        self._words = {t.name: t.text for t in tables.terminals if t.text is not None}
        self._lexes: list[_Lexis | None] = [None] * len(tables.states)
        self._ways: dict[tuple[int, int, str], int] = {}
        self._rules = tuple((rule.size, rule.origin, _build(rule, builder)) for rule in tables.rules)

    def parse(self, text: str, start: str, base: int = 0, origin: Callable[[int], int] | None = None) -> Any:
        """What the builder makes of a text that is one ``start``; raises ``Stopped``.

        Its tokens have offsets of the author's text: ``base`` is that of this text in it, and ``origin`` leads
        back where it was mended.
        """
        states, rules, lexes, ways = self._tables.states, self._rules, self._lexes, self._ways
        state, last = self._tables.starts[start]
        stack = [state]
        values: list[Any] = []
        at, new = 0, tuple.__new__
        while True:
            terminal, begin, at = (lexes[state] or self._lexis(state)).token(text, at)
            while True:
                try:
                    action = states[state][terminal]
                except KeyError:
                    raise Stopped(_place(text, begin)) from None
                if action >= 0:
                    break
                size, rule, build = rules[~action]
                if build is None:
                    way = stack[-2], state, terminal
                    state = stack[-1] = ways.get(way) or self._way(*way)
                else:
                    below = len(values) - size
                    children = values[below:]
                    del values[below:], stack[below + 1 :]
                    values.append(build(children))
                    state = states[stack[-1]][rule]
                    stack.append(state)
                if state == last and terminal == END:
                    return values[-1]
            state = action
            stack.append(state)
            first, end = (begin, at) if origin is None else (origin(begin), origin(at))
            values.append(new(Token, (terminal, text[begin:at], base + first, base + end)))

    def _way(self, below: int, state: int, terminal: str) -> int:
        """The state after all the rules, one after the other, that leave the value of ``state`` as it is."""
        states, way = self._tables.states, (below, state, terminal)
        while (action := states[state].get(terminal, 0)) < 0 and self._rules[~action][2] is None:
            state = states[below][self._rules[~action][1]]
        self._ways[way] = state
        return state

    def tokens(self, text: str, start: str) -> Iterator[Token]:
        """The tokens of a text, as far as it can be one ``start``, and the first that cannot."""
        with suppress(Stopped):
            for token, _ in self._walk(text, start):
                if token is not None:
                    yield token

    def accepts(self, text: str, start: str) -> frozenset[str]:
        """The terminals that could follow a text; raises ``Stopped`` where it is no beginning of a ``start``."""
        *_, (_, stack) = self._walk(text, start)  # the states are one list all the way
        following = (name for name in self._tables.states[stack[-1]] if name.isupper())
        return frozenset(name for name in following if self._take([*stack], name, start))

    def _walk(self, text: str, start: str) -> Iterator[tuple[Token | None, list[int]]]:
        """Each token, with the states that it finds; before the first there is none."""
        stack = [self._tables.starts[start][0]]
        at = 0
        yield None, stack
        while True:
            state = stack[-1]
            lexis = self._lexes[state] or self._lexis(state)
            try:
                terminal, begin, at = lexis.token(text, at)
            except Stopped as stop:
                if not text[stop.at :].strip():
                    return  # the end, where something else was wanted
                raise
            if terminal == END:
                return
            yield Token(terminal, text[begin:at], begin, at), stack
            if not self._take(stack, terminal, start):
                raise Stopped(_place(text, begin))

    def _take(self, stack: list[int], terminal: str, start: str) -> bool:
        """Whether a terminal can follow; the stack is then as it is after it."""
        states, last = self._tables.states, self._tables.starts[start][1]
        while True:
            action = states[stack[-1]].get(terminal)
            if action is None:
                return False
            if action >= 0:
                stack.append(action)
                return True
            size, rule, _ = self._rules[~action]
            del stack[len(stack) - size :]
            stack.append(states[stack[-1]][rule])
            if stack[-1] == last and terminal == END:
                return True

    def _lexis(self, state: int) -> _Lexis:
        taken = self._tables.states[state]
        patterns = tuple((name, fits) for name, fits in self._patterns if name in taken)
        name = next((name for name, _ in patterns if name in _NAMES), None)
        plain: dict[int, str | None] = {
            _WORD: None if any(name in _PLAIN_WORDS for name, _ in patterns) else name,
            _DOTTED: name if name == "REF" else None,
            _NUMBER: "NUMBER" if "NUMBER" in taken else None,
            _STRING: "STRING" if "STRING" in taken else None,
            _END: END if END in taken else None,
        }
        lexis = _Lexis(
            known={text: name for name, text in self._words.items() if name in taken},
            plain=tuple(plain.get(kind) for kind in range(_ANYTHING + 1)),
            patterns=patterns,
        )
        self._lexes[state] = lexis
        return lexis


def _place(text: str, at: int) -> int:
    """Where to say that a text ends too early: after its last word."""
    return at if at < len(text) else len(text.rstrip())


def _build(rule: Rule, builder: object) -> Build | None:
    """What makes the value of a rule from those of its symbols; ``None`` where its only one stands for it."""
    as_written = not rule.absent and not any(spliced or gap for spliced, gap in rule.children)
    if as_written and rule.single and rule.size == 1:
        return None
    make: Build = _spliced if rule.build is None else getattr(builder, rule.build)
    if as_written:
        return make
    if not any(spliced for spliced, _ in rule.children):
        # the symbols, and `None` where one is absent: it is the last, put there for this
        places = tuple(_places(rule))
        return lambda values: make([*map([*values, None].__getitem__, places)])
    children, absent, single = rule.children, rule.absent, rule.single

    def build(values: list[Any]) -> Any:
        out: list[Any] = []
        for (spliced, gap), value in zip(children, values, strict=True):
            if gap:
                out += [None] * gap
            if not spliced:
                out.append(value)
            elif out:
                out += value
            else:
                out = value  # a list that grows by one at its end is not copied each time
        if absent:
            out += [None] * absent
        return out[0] if single and len(out) == 1 else make(out)

    return build


def _places(rule: Rule) -> Iterator[int]:
    """Where in the values of a rule's symbols each child is; -1 for one that is absent."""
    for n, (_, gap) in enumerate(rule.children):
        yield from [-1] * gap
        yield n
    yield from [-1] * rule.absent


def _spliced(children: list[Any]) -> list[Any]:
    return children
