"""The direction of flows: by SiLK's types, or by whose network the addresses are in.

Which of the two is decided once for all sources, before the scan.  ``auto`` takes the types where the
sources have them, and the site's internal nets where they do not; the nets too where all records of
all sources bear one and the same type (as converted captures do) and nets are bound.  To see that, only the
type column is read, and only until a second type turns up.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.address_members import contains
from flowrules.engine.row_values import (
    EXTERNAL,
    INBOUND,
    INTERNAL,
    NO_DIRECTION,
    OUTBOUND,
    Known,
    Rows,
)
from flowrules.flows.table import FlowSource

if TYPE_CHECKING:
    from flowrules.engine.state.folder import State
    from flowrules.flows.silk_conf import SilkConf
    from flowrules.model.address_set import AddressSet

TYPES: Final = "types"
NETS: Final = "nets"
NONE: Final = "none"

_NAMES: Final = ("inbound", "outbound", "internal", "external", "blocked")
_BITS: Final = {name: np.uint8(1 << place) for place, name in enumerate(_NAMES)}


class DirectionRule:
    """Says the direction of each row; ``by`` is ``types``, ``nets`` or ``none`` (no flow has a direction)."""

    def __init__(self, by: str, conf: SilkConf, internal: AddressSet | None) -> None:
        self.by = by
        self.by_types = by == TYPES
        self._internal = internal
        self._bits = np.zeros(256, np.uint8)
        for name, bit in _BITS.items():
            for number in conf.direction_ids(name):
                if number < 256:
                    self._bits[number] |= bit
        codes = {"inbound": INBOUND, "outbound": OUTBOUND, "internal": INTERNAL, "external": EXTERNAL}
        self._codes = np.full(256, NO_DIRECTION, np.uint8)
        for name, code in codes.items():
            self._codes[self._bits & _BITS[name] != 0] = code

    @property
    def internal(self) -> AddressSet | None:
        """The addresses that are the site's own, ``None`` where nobody says."""
        return self._internal

    def test(self, name: str, rows: Rows) -> Known:
        """Which rows have the direction of this name, by their types."""
        words = rows.held.get("direction bits")
        if words is None:
            words = self._bits.take(rows.column("type"))
            rows.held["direction bits"] = words
        tested: Known = words & _BITS[name] != 0
        return tested

    def blocked(self, rows: Rows) -> Known:
        """Which rows bear one of SiLK's null types; none where the source has no types."""
        if not rows.has("type"):
            return np.zeros(rows.rows, np.bool_)
        return self.test("blocked", rows)

    def of(self, rows: Rows) -> NDArray[np.uint8]:
        """The direction code of each row."""
        if self.by == TYPES:
            return self._codes.take(rows.column("type"))
        if self.by == NONE or self._internal is None:
            return np.zeros(rows.rows, np.uint8)
        from_us = contains(self._internal, rows.column("sip")).view(np.uint8)
        to_us = contains(self._internal, rows.column("dip")).view(np.uint8)
        return _BY_SIDES.take(from_us << 1 | to_us)

    def codes_of_types(self) -> NDArray[np.uint8]:
        """The direction code of each stored type."""
        return self._codes


_BY_SIDES: Final = np.array([EXTERNAL, INBOUND, OUTBOUND, INTERNAL], np.uint8)
"""By twice "the source is ours" plus "the destination is ours"."""


def decide(
    wanted: str,
    sources: Sequence[FlowSource],
    nets_bound: bool,
    assumed: Collection[str] = (),
    state: State | None = None,
    conf: SilkConf | None = None,
) -> str:
    """How directions are told: ``types``, ``nets`` or ``none``.

    ``wanted`` is the site's ``direction``: ``auto``, ``types`` or ``nets``; ``assumed`` are the fields that the
    site assumes where a source lacks them.  Reads the type column of ``sources`` only for ``auto`` with
    nets bound, and not of files whose types the ``state`` holds (told apart under ``conf``).
    """
    typed = "type" in assumed or (len(sources) > 0 and all("type" in s.fields for s in sources))
    if wanted == TYPES:
        return TYPES if typed else NONE
    if wanted == NETS:
        return NETS if nets_bound else NONE
    if not typed:
        return NETS if nets_bound else NONE
    if not nets_bound:
        return TYPES
    if state is not None and conf is not None:
        from flowrules.engine.state.kept_scan import types_within

        met = {t for types in types_within(state, sources, conf).values() for t in types}
        return NETS if len(met) <= 1 else TYPES
    if _one_type(sources):
        return NETS
    return TYPES


def _one_type(sources: Sequence[FlowSource]) -> bool:
    """Whether all records of all sources bear one and the same type."""
    held: Any = None
    for source in (s for s in sources if "type" in s.fields):
        for chunk in source.chunks(frozenset({"type"})):
            types = chunk["type"]
            if not len(types):
                continue
            if held is None:
                held = types[0]
            if bool((types != held).any()):
                return False
    return True
