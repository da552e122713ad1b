"""How parts of predicates are called in messages, and where they are shown."""

from __future__ import annotations

from flowrules.lint.linted import Linted
from flowrules.lint.proofs import Conflict, Part
from flowrules.model import expression as ex
from flowrules.model.expression_text import expression_text
from flowrules.model.source_text import Span

_LONGEST = 60


def text_of(linted: Linted, node: ex.Expression, reversed_: bool = False) -> str:
    """A predicate as its author wrote it; as the reverse reads where only its reverse is asked for."""
    written = "" if reversed_ else linted.text(node.span)
    denied = isinstance(node, ex.Not) and not written.startswith("not") and " not in " not in written
    if not written or denied:
        try:
            written = expression_text(node)
        except (TypeError, UnboundLocalError):
            written = linted.text(node.span)
    return written if len(written) <= _LONGEST else written[: _LONGEST - 1] + "…"


def part_text(linted: Linted, part: Part) -> str:
    """A conjunct as its author wrote it."""
    return text_of(linted, part.node, any(isinstance(v, ex.FilterRef) and v.reversed for v in part.via))


def part_place(part: Part) -> Span | None:
    """Where a conjunct stands in the predicate that is judged: itself, or the filter through which it came."""
    return part.via[0].span if part.via else part.node.span


def name_of_filter(node: ex.Expression) -> str:
    """A named filter as the author calls it."""
    return expression_text(node)


def conflict_places(
    linted: Linted, conflict: Conflict, given: tuple[ex.Expression, ...] = ()
) -> tuple[Part, list[tuple[Span | None, str]]]:
    """The part of a conflict to point at (the one written last, and not ``given`` elsewhere), and notes on the others
    and on where they come from."""
    parts = sorted(conflict.parts, key=lambda p: s.start if (s := part_place(p)) is not None else 0)
    last = next((p for p in reversed(parts) if p.node not in given), parts[-1])
    related: list[tuple[Span | None, str]] = []
    for part in parts:
        text = part_text(linted, part)
        if part is not last:
            related.append((part_place(part), f"asks for {text}"))
        if part.via:
            related.append((part.node.span, f"{name_of_filter(part.via[-1])} asks for {text} here"))
    return last, related


def joined(words: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def conflict_message(linted: Linted, conflict: Conflict, what: str = "no flow can match") -> str:
    """What excludes what, and why."""
    texts = [part_text(linted, p) for p in conflict.parts]
    if conflict.facts:
        why = "; ".join(conflict.facts)
        if len(texts) == 1:
            return f"{what}: {why}, and this asks for {texts[0]}"
        return f"{what}: {why}"
    if len(texts) == 1:
        return f"{what}: nothing fulfils {texts[0]}"
    icmp = _icmp_fields(conflict)
    if icmp:
        return f"{what}: {joined(icmp)} exist{'s' if len(icmp) == 1 else ''} in ICMP alone"
    distinct = list(dict.fromkeys(texts))
    if len(distinct) == 1:
        return f"{what}: {distinct[0]} excludes itself"
    return f"{what}: {joined(distinct)} exclude each other"


def _icmp_fields(conflict: Conflict) -> list[str]:
    """The fields of ICMP that some of the parts speak of, where the others ask for a protocol."""
    asked = [
        any(isinstance(n, ex.Field) and n.name == "protocol" for n in p.node.walk()) for p in conflict.parts
    ]
    if not any(asked):
        return []
    found = [
        {n.name for n in p.node.walk() if isinstance(n, ex.Field) and n.name in ("icmp_type", "icmp_code")}
        for p in conflict.parts
    ]
    return [] if all(found) else sorted(set().union(*found))
