"""Conjuncts and alternatives that change nothing, found by walking a condition with what holds around each part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from attrs import frozen

from flowrules.lint.formulas import Formula, every, negate, variables
from flowrules.lint.linted import Linted
from flowrules.lint.premises import Place
from flowrules.lint.proofs import Prover
from flowrules.lint.statements import Statement
from flowrules.model import expression as ex

Around: TypeAlias = tuple[ex.Expression, Formula]
"""A condition that must hold too, and the formula of it."""


@frozen(eq=False)
class Superfluous:
    """A part that changes nothing: ``kind`` is ``impossible``, ``alternative`` or ``conjunct``.

    ``because`` are the parts beside it that make it so (empty where it is so by itself or by what is around).
    """

    kind: str
    node: ex.Expression
    parent: ex.And | ex.Or
    index: int
    because: tuple[ex.Expression, ...]
    statement: Statement
    around: tuple[ex.Expression, ...] = ()
    """What is asked beside the parent, on the way from the whole condition to it."""


def superfluous(linted: Linted) -> Iterator[Superfluous]:
    """Every part of every condition of the files that changes nothing."""
    seen: set[tuple[str, int, int, int]] = set()
    for statement in linted.statements:
        if linted.names_broken(statement):
            continue
        walker = _Walker(linted.prover, statement)
        if not _is_joined(statement.node) or linted.prover.unsatisfiable(statement.node, statement.place):
            continue
        for found in walker.walk(statement.node, (), True):
            span = found.node.span
            key = (
                (span.path, span.start, span.end, found.parent.span.start if found.parent.span else 0)
                if span
                else None
            )
            if key is None or key in seen:
                continue
            seen.add(key)
            yield found


def _is_joined(node: ex.Expression) -> bool:
    return any(isinstance(n, ex.And | ex.Or) for n in node.walk())


class _Walker:
    def __init__(self, prover: Prover, statement: Statement) -> None:
        self.prover = prover
        self.statement = statement
        self.place: Place = statement.place
        self.claims = prover.claims(self.place)

    def walk(self, node: ex.Expression, around: tuple[Around, ...], positive: bool) -> Iterator[Superfluous]:
        match node:
            case ex.And(items=items):
                yield from self._conjuncts(node, items, around, positive)
                claims = [self.claims.true(i) for i in items]
                for index, item in enumerate(items):
                    rest = tuple(p for i, p in enumerate(zip(items, claims, strict=True)) if i != index)
                    yield from self.walk(item, (*around, *rest) if positive else (), positive)
            case ex.Or(items=items):
                yield from self._alternatives(node, items, around, positive)
                for item in items:
                    yield from self.walk(item, around, positive)
            case ex.Not(of=of):
                yield from self.walk(of, (), False)

    def _conjuncts(
        self, node: ex.And, items: tuple[ex.Expression, ...], around: tuple[Around, ...], positive: bool
    ) -> Iterator[Superfluous]:
        true = [self.claims.true(i) for i in items]
        names = [variables(c) for c in true]
        kept = list(range(len(items)))
        for index in reversed(range(len(items))):
            others = [k for k in kept if k != index]
            related = [k for k in others if names[k] & names[index]]
            if not related or (isinstance(items[index], ex.FilterRef | ex.Direction) and not names[index]):
                if not names[index] and _plain(items[index]):
                    kept.remove(index)
                    yield Superfluous("conjunct", items[index], node, index, (), self.statement)
                continue
            denied = negate(true[index])
            if not self._impossible([true[k] for k in others] + [denied]):
                continue
            if not positive and not self._never_unknown_alone(items, index, others):
                continue
            because = next(
                ((items[k],) for k in related if self._impossible([true[k], denied])),
                tuple(items[k] for k in related),
            )
            kept.remove(index)
            yield Superfluous("conjunct", items[index], node, index, because, self.statement)

    def _never_unknown_alone(self, items: tuple[ex.Expression, ...], index: int, others: list[int]) -> bool:
        """Under a not: where this conjunct is false, the others are false too, so that unknown stays unknown."""
        rest = every(self.claims.true(items[k]) for k in others)
        unknown_or_true = [negate(self.claims.false(items[k])) for k in others]
        return bool(
            self._impossible([self.claims.false(items[index]), *unknown_or_true])
            and self._impossible([rest, negate(self.claims.true(items[index]))])
        )

    def _alternatives(
        self, node: ex.Or, items: tuple[ex.Expression, ...], around: tuple[Around, ...], positive: bool
    ) -> Iterator[Superfluous]:
        true = [self.claims.true(i) for i in items]
        names = [variables(c) for c in true]
        kept = list(range(len(items)))
        for index in reversed(range(len(items))):
            if len(kept) > 1 and self.prover.impossible([*(c for _, c in around), true[index]]):
                kept.remove(index)
                beside = tuple(n for n, _ in around)
                yield Superfluous("impossible", items[index], node, index, (), self.statement, beside)
                continue
            others = [k for k in kept if k != index and names[k] & names[index]]
            if not others:
                continue
            denied = [negate(true[k]) for k in others]
            if not self._impossible([true[index], *denied]):
                continue
            if not positive and not self._impossible(
                [negate(self.claims.false(items[index])), *(self.claims.false(items[k]) for k in others)]
            ):
                continue
            because = next(
                ((items[k],) for k in others if self._impossible([true[index], negate(true[k])])),
                tuple(items[k] for k in others),
            )
            kept.remove(index)
            yield Superfluous("alternative", items[index], node, index, because, self.statement)

    def _impossible(self, formulas: list[Formula]) -> bool | None:
        return self.prover.impossible(formulas, wire=False)


def _plain(node: ex.Expression) -> bool:
    return isinstance(node, ex.Compare | ex.In | ex.FlagTest)
