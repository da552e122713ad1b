"""A site file's YAML as text with places, and the faults found in it.

The nodes are taken as composed, before YAML gives values types: ``no`` stays ``no``, ``010`` stays ``010``
and ``08:00`` is no number of seconds.  What a value means is for those to say who know its type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from typing import Final

from attrs import define, field
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from flowrules.model.source_text import SourceText, Span
from flowrules.share.codes import found
from flowrules.share.site import SiteError, SiteValue
from flowrules.syntax.diagnostics import Diagnostic

DEEPEST: Final = 100
"""How deep lists and mappings may be nested."""

_BRACKET: Final = re.compile(r"[\[\]{}]")
_DEEP: Final = f"lists and mappings are nested more than {DEEPEST} deep"
_PLAIN: Final = (None, "")
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})

_WORDS: Final = (
    ("'<stream end>'", "the end of the file"),
    ("'<block mapping start>'", "a line with another indentation"),
    ("'<block sequence start>'", "a list with another indentation"),
    ("'<scalar>'", "text"),
    ("<block end>", "the end of the indented lines"),
    ("a flow sequence", "the list in […]"),
    ("a flow mapping", "the mapping in {…}"),
    ("a flow node", "a value"),
    ("a block mapping", "the mapping"),
    ("a block collection", "the list"),
    ("a simple key", "a key"),
    ("a quoted scalar", "the text in quotes"),
)
"""The parser's words, and a person's."""

_HINTS: Final = (
    ("mapping values are not allowed", "put quotes around a text that holds ': '"),
    ("'\\t'", "indent with spaces"),
    ("cannot start any token", "put quotes around the text"),
    ("could not find expected ':'", "write 'key: value'"),
    ("undefined alias", "put quotes around a text that begins with '*'"),
    ("another document", "a site file holds one document"),
)


@define
class SiteText:
    """The text of a site file while it is read, and the faults found so far."""

    source: SourceText
    faults: list[Diagnostic] = field(factory=list)

    @property
    def path(self) -> str:
        """The name to show for the file."""
        return self.source.path

    @property
    def text(self) -> str:
        """What the file says."""
        return self.source.text

    def fault(self, code: str, message: str, span: Span, hint: str = "") -> None:
        """Note what is wrong at ``span``."""
        self.faults.append(found(code, message, span, hint))

    def error(self) -> SiteError:
        """The faults as what is raised."""
        faults = sorted(self.faults, key=lambda fault: (fault.span.start if fault.span else 0, fault.code))
        return SiteError(faults, {self.path: self.source})

    def compose(self) -> Node | None:
        """The document's node; ``None`` where the file holds none, or none that can be read."""
        if self._is_deep():
            return None
        try:
            node: Node | None = YAML(typ="rt", pure=True).compose(StringIO(self.text))
        except RecursionError:
            self.fault("FR611", _DEEP, self._at(0))
        except ReaderError as error:
            what = f"found the character U+{ord(self.text[error.position]):04X}, which YAML does not allow"
            self.fault("FR611", what, self._at(error.position))
        except MarkedYAMLError as error:
            self._syntax(error)
        except YAMLError as error:
            self.fault("FR611", " ".join(str(error).split()), self._at(0))
        else:
            return node
        return None

    def _is_deep(self) -> bool:
        """Whether brackets are nested deeper than ``DEEPEST``: the parser would need minutes to refuse them.

        Brackets in quotes count too: no site file has that many that do not close.
        """
        depth = 0
        for match in _BRACKET.finditer(self.text):
            depth += 1 if match[0] in "[{" else -1
            if depth > DEEPEST:
                self.fault("FR611", _DEEP, self._at(match.start()))
                return True
        return False

    def _syntax(self, error: MarkedYAMLError) -> None:
        message = str(error.problem)
        if error.context and error.context_mark is not None:
            message += f" {error.context} of line {error.context_mark.line + 1}"
        for word, own in _WORDS:
            message = message.replace(word, own)
        hint = next((text for sign, text in _HINTS if sign in message), "")
        mark = error.problem_mark or error.context_mark
        self.fault("FR611", message, self._at(mark.index), hint)

    # ------------------------------------------------------------ nodes

    def span(self, node: Node) -> Span:
        """Where ``node`` stands."""
        start, end = node.start_mark, node.end_mark
        return Span(self.source, start.index, end.index)

    def _at(self, offset: int) -> Span:
        """The place ``offset`` characters into the text."""
        return Span(self.source, offset, offset)

    def entries(self, node: Node, span: Span, what: str) -> Iterator[tuple[str, Span, Node]]:
        """Key, place of the key and value of each entry of a mapping; anything else is a fault.

        ``span`` is where to point when there is nothing, ``what`` says what the mapping is.
        """
        if is_null(node):
            return
        if not isinstance(node, MappingNode):
            self.fault("FR613", f"found {kind(node)}, expected {what}", self._place(node, span))
            return
        seen: dict[str, int] = {}
        for key, value in node.value:
            at = self.span(key)
            if not isinstance(key, ScalarNode):
                self.fault("FR613", f"found {kind(key)} as a key, expected a name", at)
                continue
            if key.value in seen:
                first = seen[key.value]
                self.fault(
                    "FR615", f"'{key.value}' stands twice, first in line {first}", at, "keep one of them"
                )
                continue
            seen[key.value] = at.line
            if not self._shares(value, at):
                yield key.value, at, value

    def items(self, node: Node) -> Iterator[Node]:
        """The items of a list, or the one value that stands in its place."""
        if isinstance(node, SequenceNode):
            yield from (n for n in node.value if not self._shares(n, self.span(n)))
        elif not is_null(node):
            yield node

    def scalar(self, node: Node, span: Span, what: str) -> str | None:
        """The text of a single value; ``None``, and a fault, where there is none.  ``what`` was expected."""
        if is_null(node):
            self.fault("FR613", f"found nothing, expected {what}", span)
            return None
        if not isinstance(node, ScalarNode):
            self.fault("FR613", f"found {kind(node)}, expected {what}", self.span(node))
            return None
        return str(node.value)

    def value(self, node: Node, key: Span) -> SiteValue | None:
        """A value in the language's literal syntax; ``None``, and a fault, where there is none."""
        if is_set_literal(node):
            text = self.text[node.start_mark.index : node.end_mark.index]
            return SiteValue(text, self.span(node), key)
        if isinstance(node, SequenceNode):
            texts = [self._item(item) for item in self.items(node)]
            return SiteValue(", ".join(texts), self.span(node), key)
        if self.scalar(node, key, "a value") is None or not isinstance(node, ScalarNode):
            return None
        return SiteValue(node.value, self.span(node), key, node.style not in _PLAIN)

    def _item(self, node: Node) -> str:
        if isinstance(node, SequenceNode):
            return f"({', '.join(self._item(item) for item in self.items(node))})"
        return self.scalar(node, self.span(node), "a value") or ""

    def _shares(self, node: Node, span: Span) -> bool:
        """Whether ``node`` has an anchor: small texts could stand for endless values by them."""
        if node.anchor is None:
            return False
        self.fault("FR611", "found an anchor or alias", span, "write the value out where it is needed")
        return True

    def _place(self, node: Node, span: Span) -> Span:
        return span if is_null(node) else self.span(node)


def is_null(node: Node) -> bool:
    """Whether nothing stands there: an empty place, ``~`` or ``null``, without quotes."""
    return isinstance(node, ScalarNode) and node.style in _PLAIN and node.value in _NULL


def is_set_literal(node: Node) -> bool:
    """Whether YAML took the language's ``{a, b}`` for a mapping: one in braces, of keys without values."""
    return isinstance(node, MappingNode) and bool(node.flow_style) and all(is_null(v) for _, v in node.value)


def kind(node: Node) -> str:
    """What a node is, for messages."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    return "nothing" if is_null(node) else f"'{node.value}'"
