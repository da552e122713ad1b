"""Tests that the keys of groups decide: they can be taken after grouping, once a set is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowrules.model import expression as ex
from flowrules.model.types import ADDRESS
from flowrules.plan.rewriting import rebuild


def over_keys(node: ex.Expression, keys: Sequence[ex.Expression]) -> ex.Expression | None:
    """A test of a flow as a test of its group, keys read from the columns ``0``, ``1``, …; ``None``: the keys
    do not decide it."""
    try:
        return _over_keys(node, {k: place for place, k in enumerate(keys)})
    except _Undecided:
        return None


class _Undecided(Exception):
    pass


def _over_keys(node: ex.Expression, keys: Mapping[ex.Expression, int]) -> ex.Expression:
    place = keys.get(node)
    if place is not None:
        return ex.Column(type=node.type, name=str(place))
    flow: tuple[Any, ...] = (
        ex.Field,
        ex.Direction,
        ex.FlagTest,
        ex.Mask,
        ex.Bin,
        ex.Clock,
        ex.Spread,
        ex.FilterRef,
    )
    if isinstance(node, flow):
        raise _Undecided
    return rebuild(node, lambda child: _over_keys(child, keys))


def is_address(key: ex.Expression) -> bool:
    """Whether a key is a host: an address field."""
    return isinstance(key, ex.Field) and key.type == ADDRESS


def is_inside(key: ex.Expression, direction: str | None) -> bool:
    """Whether a key's hosts are known to be the site's own, in flows of a direction."""
    if not isinstance(key, ex.Field):
        return False
    return key.name == "inside" or (key.name, direction) in (("sip", "outbound"), ("dip", "inbound"))


FEW_VALUES = 64
"""A port counts as a key of few values where a list of at most so many restricts it."""


def few_values(key: ex.Expression, conjuncts: Sequence[ex.Expression]) -> bool:
    """Whether a key beside others multiplies groups by little."""
    if not isinstance(key, ex.Field):
        return False
    if key.name in ("protocol", "type", "class", "ip_version", "sensor"):
        return True
    for conjunct in conjuncts:
        match conjunct:
            case ex.Compare(op="=", left=left, right=ex.Literal()) if left == key:
                return True
            case ex.In(items=(item,), collection=ex.Ranges(ranges=ranges)) if item == key:
                if sum(high - low + 1 for low, high in ranges) <= FEW_VALUES:
                    return True
    return False


def keys_beside(
    conjunct: ex.Expression,
    keys: tuple[ex.Expression, ...],
    direction: str | None,
    conjuncts: Sequence[ex.Expression],
) -> tuple[ex.Expression, ...] | None:
    """The keys that must stand beside ``keys`` so that they decide a test; ``None``: they cannot.

    Only keys of which there are few: a host known to be inside, where no other host is a key, the
    protocol and the like, ports that the predicate restricts to a list.
    """
    if over_keys(conjunct, keys) is not None:
        return ()
    fields = tuple(dict.fromkeys(n for n in conjunct.walk() if isinstance(n, ex.Field) and n not in keys))
    hosts = [k for k in (*keys, *fields) if is_address(k)]
    for field in fields:
        if is_address(field):
            if len(hosts) > 1 or not is_inside(field, direction):
                return None
        elif not few_values(field, conjuncts):
            return None
    return fields if over_keys(conjunct, (*keys, *fields)) is not None else None


def explodes(keys: Sequence[ex.Expression], deferred: Sequence[ex.Expression]) -> bool:
    """Whether groups without the deferred tests may be as many as pairs of hosts."""
    if not deferred:
        return False
    tested = {n for c in deferred for n in c.walk()}
    return any(is_address(k) and k not in tested for k in keys)
