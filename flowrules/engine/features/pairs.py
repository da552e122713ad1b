"""Whether the other side of a flow was seen, and which of the two started first."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.features.sorting import dense_codes, sort_order, starts_of_runs
from flowrules.flows.table import widen
from flowrules.model.fields import ADDRESS

NOT_SEEN: Final = 0
PEER_FIRST: Final = 1
PEER_LATER: Final = -1
SAME_TIME: Final = 2
"""Both sides seen with one and the same start, as sources with whole seconds often have it: no order."""

Column = NDArray[Any]


def address_codes(*columns: Column) -> tuple[NDArray[np.uint64], ...]:
    """Address columns (``uint32``, ``ADDRESS`` or codes of any integer dtype, mixed forms allowed) as codes
    of one numbering in address order (uint64); columns of whole numbers stand as they are."""
    if not any(column.dtype == ADDRESS for column in columns):
        return tuple(column.astype(np.uint64) for column in columns)
    wide = np.concatenate([widen(column) for column in columns])
    codes = dense_codes(np.ascontiguousarray(wide["high"]), np.ascontiguousarray(wide["low"]))
    bounds = np.cumsum([len(column) for column in columns])[:-1]
    return tuple(part.astype(np.uint64) for part in np.split(codes, bounds))


def paired(
    sip: Column, dip: Column, sport: Column, dport: Column, protocol: Column, stime: NDArray[np.int64]
) -> NDArray[np.int8]:
    """What is known of each row's other side among all rows given: ``NOT_SEEN``, ``PEER_FIRST``,
    ``PEER_LATER`` or ``SAME_TIME`` (int8).

    The rows must hold both directions.  The other side of a row is any row with addresses and ports
    exchanged and the same protocol; the earliest starts of the two sides are compared, so that later
    records of a long connection tell the same as its first.  Addresses as ``address_codes`` takes them,
    codes below 2**48, the same numbering on both sides.
    """
    if len(stime) == 0:
        return np.zeros(0, np.int8)
    source_code, peer_code = address_codes(sip, dip)
    source = source_code << np.uint64(16) | sport.astype(np.uint64)
    peer = peer_code << np.uint64(16) | dport.astype(np.uint64)
    forward = source < peer
    low, high = np.minimum(source, peer), np.maximum(source, peer)
    order = sort_order(protocol, low, high)
    new = starts_of_runs(protocol.take(order), low.take(order), high.take(order))
    first = np.flatnonzero(new)
    run = np.cumsum(new) - 1

    never = np.iinfo(np.int64).max
    start, ahead = stime.take(order), forward.take(order)
    forward_first = np.minimum.reduceat(np.where(ahead, start, never), first)
    backward_first = np.minimum.reduceat(np.where(ahead, never, start), first)
    # for the forward rows; the backward ones see the opposite
    state = np.full(len(first), SAME_TIME, np.int8)
    state[backward_first < forward_first] = PEER_FIRST
    state[backward_first > forward_first] = PEER_LATER
    state[(forward_first == never) | (backward_first == never)] = NOT_SEEN
    opposite = np.array([NOT_SEEN, PEER_LATER, SAME_TIME, PEER_FIRST], np.int8)  # by state, -1 last
    of_row = state.take(run)
    out = np.empty(len(stime), np.int8)
    out[order] = np.where(ahead, of_row, opposite[of_row])
    return out
