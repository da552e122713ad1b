"""Completion: what the grammar accepts at a place, and the names that can stand there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from flowrules.check.builtin import FUNCTIONS
from flowrules.check.check import CheckResult
from flowrules.check.rulesets import METADATA
from flowrules.check.symbols import FileScope, Symbol
from flowrules.editor.vocabulary import ATTRIBUTES, COLUMNS, FIELDS, FILTERS, SEVERITIES, TYPES
from flowrules.lsp.names import Target, members
from flowrules.lsp.project import Project
from flowrules.lsp.words import KEYWORDS, call_shape, word_detail
from flowrules.model.measures import MEASURES
from flowrules.model.source_text import SourceText
from flowrules.syntax import cut, marks, tree
from flowrules.syntax.cut import DECLARATIONS, PROFILE_ITEMS
from flowrules.syntax.parser import can_follow
from flowrules.syntax.places import Places
from flowrules.syntax.words import keywords

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_DOTTED: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\.\Z")


@frozen
class Offer:
    """One thing to complete: ``kind`` is that of a name, or ``keyword type severity attribute metadata``."""

    text: str
    kind: str
    detail: str = ""
    snippet: str | None = None


def complete(project: Project, path: str, offset: int) -> list[Offer]:
    """What can stand at an offset, the likeliest kinds first."""
    source = project.source(path)
    if source is None:
        return []
    text = source.text[:offset]
    word = _WORD.search(text)
    start = word.start() if word else offset
    before = source.text[:start]
    known = project.scope(path)
    inside = _inside(before)
    if inside in ("comment", "string"):
        return []
    dotted = _DOTTED.search(before)
    return list(_unique(_offers(project, path, before, known, dotted, inside == "hole")))


def _unique(offers: Iterable[Offer]) -> Iterator[Offer]:
    seen: set[str] = set()
    for offer in offers:
        if offer.text not in seen:
            seen.add(offer.text)
            yield offer


def _offers(
    project: Project,
    path: str,
    before: str,
    known: tuple[CheckResult, FileScope] | None,
    dotted: re.Match[str] | None,
    hole: bool,
) -> Iterator[Offer]:
    imported = re.search(r"\bimport\s+([A-Za-z_][\w.]*)\s*\(([^)]*)\Z", before)
    if imported is not None:
        yield from _of_module(project, path, imported[1])
        return
    if re.search(r"(?:^|\n)[ \t]*import\s+[\w.]*\Z", before):
        prefix = f"{dotted[1]}." if dotted else ""
        for name in project.names(path):
            if name.startswith(prefix):
                yield Offer(name.removeprefix(prefix), "module", "ruleset")
        return
    if dotted is not None:
        yield from _members(known, dotted[1])
        return
    if before.endswith("@"):
        for name in ATTRIBUTES:
            yield Offer(name, "attribute", "attribute")
        return
    if hole:
        yield from _names(known, before)
        return
    yield from _by_grammar(path, before, known)


def _inside(before: str) -> str | None:
    """Whether a place is in a comment, a string, or the braces of a string (``hole``)."""
    state = None
    pattern = re.compile(r'"""|"|#[^\n]*|\\.|\n|\{|\}', re.DOTALL)
    quote = ""
    for match in pattern.finditer(before):
        found = match[0]
        if quote:
            if found == quote:
                quote, state = "", None
            elif found == "{":
                state = "hole"
            elif found == "}":
                state = "string"
            elif found == "\n" and quote == '"':
                quote, state = "", None
        elif found in ('"', '"""'):
            quote, state = found, "string"
        elif found.startswith("#") and match.end() == len(before):
            return "comment"
    return state if quote else None


# ---- by the grammar -----------------------------------------------------------------------------------


def _by_grammar(path: str, before: str, known: tuple[CheckResult, FileScope] | None) -> Iterator[Offer]:
    places = Places(SourceText(path, before))
    marked = marks.mark(places)
    pieces = cut.cut_file(marked.marks, marked.broken, places).pieces
    block = _open_block(pieces[-1].marks) if pieces else None
    if not pieces or not before.strip():
        yield from _declaring(DECLARATIONS)
        return
    piece = pieces[-1]
    accepted = can_follow(marked.text[piece.start :])
    if accepted is None:
        yield from _everything(known, before)
        return
    begins_line = not before.rpartition("\n")[2].strip()
    if "$END" in accepted and begins_line:
        yield from _declaring(DECLARATIONS)
    by_terminal = {word.upper(): word for word in keywords()}
    words = sorted(by_terminal[name] for name in accepted if name in by_terminal)
    colon = before.rstrip().endswith(":")
    if colon and piece.word == "param" and block is None:
        for name in TYPES:
            yield Offer(name, "type", "type of a parameter")
        return
    if colon and "NAME" in accepted:
        for name in SEVERITIES:
            yield Offer(name, "severity", "severity")
        return
    if "NAME" in accepted and "REF" not in accepted:
        yield from _new_names(piece.word, block)
    if "REF" in accepted:
        yield from _names(known, before)
    for word in words:
        if block == "profile" and word in PROFILE_ITEMS:
            yield from _declaring([word])
        elif not (word in DECLARATIONS and "REF" in accepted and block != "test"):
            yield Offer(word, "keyword", KEYWORDS.get(word, ""))


def _open_block(found: Iterable[marks.Mark]) -> str | None:
    """The word of the innermost block that is still open."""
    stack: list[str] = []
    word = ""
    for mark in found:
        if mark.kind == "word" and mark.text in ("profile", "entry", "test", "tune", "ruleset", "map"):
            word = mark.text
        elif mark.text == "{":
            stack.append(word)
            word = ""
        elif mark.text == "}" and stack:
            stack.pop()
    return next((block for block in reversed(stack) if block), None)


_SNIPPETS: Final = {
    "param": "param ${1:name} : ${2:count} = ${3:4}",
    "ports": "ports ${1:name} = ${2:80, 443}",
    "nets": "nets ${1:name} = ${2:192.0.2.0/24}",
    "schedule": "schedule ${1:name} = ${2:mon-fri 08:00-18:00}",
    "map": 'map ${1:name} : ${2:port} {\n    "${3:label}" = ${4:22}\n}',
    "filter": "filter ${1:name} = ${2:outbound and tcp}",
    "set": "set ${1:name} = ${2:sip} of ${3:filter}",
    "table": "table ${1:name} = ${2:flows} of ${3:filter} per ${4:sip}",
    "profile": 'profile ${1:name} "${2:Title}" {\n    hosts ${3:set}\n\n    $0\n}',
    "feature": "feature ${1:name} = ${2:flows} of ${3:filter} per ${4:sip}",
    "verdict": 'verdict ${1:name} "${2:Title}"\n    when ${3:condition}',
    "anomaly": 'anomaly ${1:name} : ${2:warning} when ${3:condition} because "${4:why}"',
    "entry": "entry of ${1:filter} per ${2:sip, protocol} {\n    internal host : any\n    external any : values(dport)\n}",
    "check": "check ${1:name} : ${2:warning} = ${3:condition}",
    "test": 'test "${1:what it shows}" {\n    flows """\n    $2\n    """\n    expect ${3:condition}\n}',
    "import": "import ${1:ruleset} (${2:name})",
}  # fmt: skip


def _declaring(words: Iterable[str]) -> Iterator[Offer]:
    for word in sorted(words):
        yield Offer(word, "keyword", KEYWORDS.get(word, ""), _SNIPPETS.get(word))


def _new_names(word: str | None, block: str | None) -> Iterator[Offer]:
    """What may stand where the grammar wants a new name: usually the author's own."""
    if block == "ruleset":
        for name in METADATA:
            yield Offer(name, "metadata", "line of a ruleset")
    elif block == "entry":
        for name in COLUMNS:
            yield Offer(name, "column", "column of an entry")
    elif word == "map" and block is None:
        for name in ("address", "port", "protocol"):
            yield Offer(name, "type", "key of a map")


# ---- names --------------------------------------------------------------------------------------------


def _everything(known: tuple[CheckResult, FileScope] | None, before: str) -> Iterator[Offer]:
    yield from _names(known, before)
    for word in sorted(keywords()):
        yield Offer(word, "keyword", KEYWORDS.get(word, ""))


def _names(known: tuple[CheckResult, FileScope] | None, before: str) -> Iterator[Offer]:
    if known is not None:
        result, scope = known
        for target in _local(result, scope, len(before)):
            yield Offer(target.name, target.kind, f"{target.kind} of this profile")
        for name, symbol in (*scope.symbols.items(), *scope.imported.items()):
            if symbol is None:
                yield Offer(name, "value", "has a fault where it is declared")
            elif symbol.kind not in ("check", "anomaly"):
                yield Offer(name, symbol.kind, _detail(symbol))
        for name in scope.modules:
            yield Offer(name, "module", "ruleset")
    for words, kind in ((FIELDS, "field"), (FILTERS, "filter")):
        for word in words:
            yield Offer(word, kind, word_detail(word))
    called = (
        *((w, "measure") for w in MEASURES),
        *((w, "function") for w in sorted(FUNCTIONS - set(MEASURES))),
    )
    for word, kind in called:
        yield Offer(word, kind, word_detail(word), f"{word}($1)" if call_shape(word) else None)
    yield Offer("host", "value", "the host that is judged")


def _local(result: CheckResult, scope: FileScope, offset: int) -> Iterator[Target]:
    """Features, verdicts and anomalies of the profile that an offset stands in."""
    for symbol in scope.symbols.values():
        node = symbol.node
        if isinstance(node, tree.Profile) and node.span.start <= offset <= node.span.end:
            for target in members(result, symbol).values():
                if target.kind in ("feature", "verdict", "anomaly"):
                    yield target


def _members(known: tuple[CheckResult, FileScope] | None, dotted: str) -> Iterator[Offer]:
    """What can stand after a name and a dot."""
    if known is None:
        return
    result, scope = known
    head, *rest = dotted.split(".")
    module = scope.modules.get(head)
    symbol: Symbol | None
    if module is not None:
        if not rest:
            for name, of in module.symbols.items():
                if not of.private:
                    yield Offer(name, of.kind, _detail(of))
            return
        symbol = module.symbols.get(rest[0])
        rest = rest[1:]
    else:
        symbol = scope.symbols.get(head) or scope.imported.get(head)
    if symbol is None or rest:
        return
    for target in members(result, symbol).values():
        yield Offer(target.name, target.kind, f"{target.kind} of {symbol.name}")
    if isinstance(symbol.node, tree.Profile):
        yield Offer("verdict", "column", f"the verdict of a host of {symbol.name}")


def _of_module(project: Project, path: str, name: str) -> Iterator[Offer]:
    """What can be imported of a ruleset."""
    source = project.find_ruleset(name, path)
    known = project.scope(source.path) if source is not None else None
    if known is None:
        return
    for symbol in known[1].symbols.values():
        if not symbol.private and symbol.kind not in ("anomaly", "check"):
            yield Offer(symbol.name, symbol.kind, _detail(symbol))


def _detail(symbol: Symbol) -> str:
    title = symbol.node.title
    said = str(title.value) if title is not None else symbol.node.text.partition("\n")[0]
    return f"{symbol.kind} of {symbol.scope.ruleset}" + (f": {said}" if said else "")
