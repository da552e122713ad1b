"""Sets of addresses and of tuples: union, difference, intersection, and members from rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import numpy as np

from flowrules.engine import exact
from flowrules.engine.errors import LimitExceeded
from flowrules.engine.joins import Index, match_rows, order_by
from flowrules.engine.results import Array, Frame, Series, SetResult
from flowrules.model import expression as ex
from flowrules.model.address_set import AddressSet
from flowrules.model.types import ADDRESS, Type

LISTED_LIMIT = 1_000_000
"""How many members are ever listed one by one, so that a rule cannot fill the memory."""


def set_from_keys(parts: tuple[Type, ...], names: Sequence[str], keys: Sequence[Series]) -> SetResult:
    """The different members among rows of key columns; rows with an unknown part are left out."""
    known = np.ones(len(keys[0]), np.bool_)
    for key in keys:
        known &= key.mask()
    index = np.flatnonzero(known)
    if parts == (ADDRESS,):
        return SetResult(parts, AddressSet.from_addresses(keys[0].values.take(index)))
    taken = [_without_unknown(k.take(index)) for k in keys]
    order = order_by([(k, False) for k in taken], len(index))
    taken = [k.take(order) for k in taken]
    new = np.ones(len(order), np.bool_)
    if len(order) > 1:
        rest = [k.take(np.arange(1, len(order))) for k in taken]
        before = [k.take(np.arange(len(order) - 1)) for k in taken]
        same = np.ones(len(order) - 1, np.bool_)
        for a, b in zip(rest, before, strict=True):
            same &= exact.compare("=", a, b)[0]
        new[1:] = ~same
    index = np.flatnonzero(new)
    columns = {n: k.take(index) for n, k in zip(names, taken, strict=True)}
    return SetResult(parts, frame=Frame(columns, len(index), tuple(names)))


def _without_unknown(series: Series) -> Series:
    return Series(series.type, series.values, None, series.denominators, series.prefix)


def members(found: SetResult) -> list[Series]:
    """The member columns of a set, one for each position; addresses are listed one by one."""
    if found.addresses is not None:
        return [Series(found.parts[0], _listed_addresses(found.addresses))]
    return list(found.frame.columns.values()) if found.frame is not None else []


def _listed_addresses(addresses: AddressSet) -> Array:
    if addresses.count > LISTED_LIMIT:
        raise LimitExceeded(
            f"a set of {addresses.count:,} addresses would be listed one by one, and at most {LISTED_LIMIT:,} are",
            "take an address set that is smaller, or the addresses that flows have: sip of …",
        )
    from flowrules.flows.table import widen

    return np.concatenate([widen(np.zeros(0, np.uint32)), *map(widen, addresses.address_chunks())])


def combine(op: str, left: SetResult, right: SetResult) -> SetResult:
    """``left | right``, ``-``, ``&`` or ``^``; both have equal types position by position."""
    if left.addresses is not None and right.addresses is not None:
        a, b = left.addresses, right.addresses
        match op:
            case "|":
                return SetResult(left.parts, a | b)
            case "-":
                return SetResult(left.parts, a - b)
            case "&":
                return SetResult(left.parts, a & b)
            case _:
                return SetResult(left.parts, a ^ b)
    mine, other = members(left), members(right)
    names = (
        tuple(left.frame.columns) if left.frame is not None else tuple(str(i) for i in range(len(left.parts)))
    )
    here = _present(mine, other)
    match op:
        case "&":
            kept = [k.take(np.flatnonzero(here)) for k in mine]
        case "-":
            kept = [k.take(np.flatnonzero(~here)) for k in mine]
        case _:
            there = np.flatnonzero(~_present(other, mine))
            base = np.arange(len(here)) if op == "|" else np.flatnonzero(~here)
            kept = [_joined(a, base, b, there) for a, b in zip(mine, other, strict=True)]
    return set_from_keys(left.parts, names, kept)


def _present(rows: Sequence[Series], among: Sequence[Series]) -> np.typing.NDArray[np.bool_]:
    if not rows or not len(rows[0]) or not among or not len(among[0]):
        return np.zeros(len(rows[0]) if rows else 0, np.bool_)
    found: np.typing.NDArray[np.bool_] = match_rows(rows, among) >= 0
    return found


def _joined(a: Series, index: Index, b: Series, other: Index) -> Series:
    from flowrules.flows.table import widen

    x, y = a.values.take(index), b.values.take(other)
    if a.type.name in ("address", "block"):
        x, y = widen(x), widen(y)
    prefix = None
    if a.prefix is not None and b.prefix is not None:
        prefix = np.concatenate([a.prefix.take(index), b.prefix.take(other)])
    return Series(a.type, np.concatenate([x, y]), prefix=prefix)


def listed(literal: ex.SetLiteral, names: Sequence[str] | None = None) -> SetResult:
    """The members that a set literal lists; ranges in tuples are written out.

    Raises ``LimitExceeded`` past ``LISTED_LIMIT`` members.
    """
    if literal.addresses is not None:
        return SetResult(literal.parts, literal.addresses)
    names = names if names is not None else tuple(str(i) for i in range(len(literal.parts)))
    if literal.labels:
        values = np.empty(len(literal.labels), object)
        values[:] = literal.labels
        return set_from_keys(literal.parts, names, [Series(literal.parts[0], values)])
    size = sum(prod(high - low + 1 for low, high in row) for row in literal.rows)
    if size > LISTED_LIMIT:
        raise LimitExceeded(
            f"the ranges that are listed stand for {size:,} members, and at most {LISTED_LIMIT:,} are listed",
            "test the ranges in a filter: (sip, dport) in (…)",
        )
    expanded = [t for row in literal.rows for t in product(*(range(low, high + 1) for low, high in row))]
    keys = [_column(part, [t[i] for t in expanded]) for i, part in enumerate(literal.parts)]
    return set_from_keys(literal.parts, names, keys)


def _column(part: Type, values: list[int]) -> Series:
    if part.name in ("address", "block"):
        return exact.addresses(part, values)
    return Series(part, np.array(values, np.int64))


def blocks_of(found: SetResult, v4: int, v6: int, part: Type) -> SetResult:
    """The blocks of /v4 (IPv4) and /v6 (IPv6) that the addresses of a set lie in.

    Raises ``LimitExceeded`` past ``LISTED_LIMIT`` blocks.
    """
    if found.addresses is None:
        return found
    refuse_many_blocks(found.addresses, v4, v6)
    lengths = found.addresses.blocks(v4, v6)
    first = [lowest for lowest, _ in lengths]
    return set_from_keys((part,), ("block",), [masked(exact.addresses(part, first), v4, v6)])


def masked(series: Series, v4: int, v6: int) -> Series:
    """Addresses as the blocks that they lie in: the first address and the length of the 128."""
    from flowrules.flows.table import widen
    from flowrules.model.fields import IPV4_MAPPED

    wide = widen(series.values).copy()
    four = (wide["high"] == 0) & (wide["low"] >> np.uint64(32) == np.uint64(IPV4_MAPPED >> 32))
    for rows, bits in ((four, 96 + v4), (~four, v6)):
        mask = ((1 << bits) - 1) << (128 - bits)
        wide["high"][rows] &= np.uint64(mask >> 64)
        wide["low"][rows] &= np.uint64(mask & 0xFFFF_FFFF_FFFF_FFFF)
    prefix = np.where(four, 96 + v4, v6).astype(np.uint8)
    return Series(series.type, wide, series.known, prefix=prefix)


def refuse_many_blocks(addresses: AddressSet, v4: int, v6: int) -> None:
    """Raise ``LimitExceeded`` where a set lies in more than ``LISTED_LIMIT`` blocks."""
    blocks = sum(addresses.block_counts(v4, v6))
    if blocks > LISTED_LIMIT:
        raise LimitExceeded(
            f"the set lies in {blocks:,} blocks of /{v4} and /{v6}, and at most {LISTED_LIMIT:,} are listed",
            "take shorter prefixes, or a smaller set",
        )
