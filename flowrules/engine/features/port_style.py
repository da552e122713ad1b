"""How an address allocates its ephemeral ports, as one label: the first row of the table that holds.

The order and the limits were fitted on simulated and real clients and NATs; the label is evidence for a
verdict, never the verdict.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.features.evidence import Measured
from flowrules.engine.features.sequence import NearSequence, NearSequences, PortSequence, PortSequences

ONE_COUNTER: Final = "one counter"
SEVERAL_COUNTERS: Final = "several counters"
EVEN_PORTS: Final = "even ports"
ONE_DESTINATION: Final = "sequential, one destination"
PER_DESTINATION: Final = "per destination"
MANY_COUNTERS: Final = "many counters"
WIDE: Final = "spread over a wide range"
SPREAD: Final = "spread"

READINGS: Final = {
    ONE_COUNTER: (
        "one Windows-like host or proxy, or a NAT that allocates in sequence",
        "high that it is one counter; two hosts cannot be told from one",
    ),
    SEVERAL_COUNTERS: ("several sequential hosts behind one address", "high for 3 to 10; 2 is a guess"),
    EVEN_PORTS: ("Linux 5.18 or newer, one host or many", "high; says nothing about how many hosts"),
    ONE_DESTINATION: ("a counter or older Linux, seen with one destination", "none"),
    PER_DESTINATION: ("one older Linux host", "good"),
    MANY_COUNTERS: (
        "many hosts behind one address, ports kept",
        "good at low load; fades where flows are missing",
    ),
    WIDE: ("a NAT with random ports or port blocks", "good for TCP"),
    SPREAD: ("macOS, BSD, a proxy with random ports, or a NAT with flows missing", "none"),
}
"""For each style what it is read as, and with what confidence."""

SEQUENTIAL: Final = 0.75
"""S from which ports count as one counter: two hosts behind a NAT reach it in about one of five cases."""
ANY_SEQUENCE: Final = 0.1
SURE_LOOKS: Final = 20
EVEN: Final = 0.9
EXCLUDES_COUNTER: Final = 0.5
INSIDE_DESTINATIONS: Final = 0.5
NEIGHBOURS: Final = 0.2


@frozen
class PortParity(Measured[str]):
    """``parity(port)``: ``even``, ``odd`` or ``mixed``.

    ``parity`` is |2 share(even) - 1| of the distinct ports, 0..1; from 0.9 on the ports have one parity.
    ``even`` counts the even ones among ``ports``.
    """

    parity: float | None
    even: int
    ports: int


@frozen
class PortRange(Measured[str]):
    """``port_range(port)``: the narrowest known range that holds 98 % of the ports, or ``mixed``.

    A fit, not a proof: a counter seen for an hour sits inside any range.  ``ports`` counts the distinct
    ports from 1024 on, ``cells`` are their shares in 1024-5000, -32767, -49151, -60999 and -65535.
    """

    ports: int
    cells: tuple[float, ...]


@frozen
class PortStyle(Measured[str]):
    """``port_style(port)``: a key of ``READINGS``, and all that it rests on.

    ``counters`` is the effective number of counters where the style is about several.
    """

    reading: str
    confidence: str
    counters: float | None
    sequence: PortSequence
    far: PortSequence
    near: NearSequence
    parity: PortParity
    range: PortRange
    sampled: tuple[int, int] | None


def parity_label(parity: float | None, mostly_even: bool) -> str | None:
    """The label of a parity 0..1: ``even`` or ``odd`` from 0.9 on, else ``mixed``; ``None`` for ``None``."""
    if parity is None:
        return None
    if parity < EVEN:
        return "mixed"
    return "even" if mostly_even else "odd"


def style_labels(
    sequence: PortSequences,
    far: PortSequences,
    near: NearSequences,
    parity: NDArray[np.float64],
    mixed_range: NDArray[np.bool_],
) -> NDArray[np.object_]:
    """The style of many hosts (object array of str; ``None`` unknown).

    ``parity`` is NaN where unknown, ``mixed_range`` whether no known range fits.
    """
    s, se = sequence.value, sequence.se
    unknown_s = np.isnan(s)
    with np.errstate(invalid="ignore"):
        some = (s >= ANY_SEQUENCE) & (s > 3 * se)
        sure = (sequence.looks >= SURE_LOOKS) & (s + 2 * se < SEQUENTIAL)
        rows: list[tuple[str | None, NDArray[np.bool_]]] = [
            (ONE_COUNTER, s >= SEQUENTIAL),
            (SEVERAL_COUNTERS, some & sure),
            (None, some),
            (EVEN_PORTS, parity >= EVEN),
            (ONE_DESTINATION, unknown_s & (far.value >= SEQUENTIAL)),
            (
                None,
                unknown_s
                | np.isnan(parity)
                | (sequence.looks < SURE_LOOKS)
                | (s + 2 * se >= EXCLUDES_COUNTER),
            ),
            (PER_DESTINATION, far.value >= INSIDE_DESTINATIONS),
            (MANY_COUNTERS, near.value >= NEIGHBOURS),
            (WIDE, mixed_range),
        ]
    choice = np.full(len(s), len(rows), np.int8)
    for index in reversed(range(len(rows))):
        choice[rows[index][1]] = index
    return np.array([*(label for label, _ in rows), SPREAD], np.object_)[choice]


def port_style(
    sequence: PortSequence,
    far: PortSequence,
    near: NearSequence,
    parity: PortParity,
    range: PortRange,
    sampled: tuple[int, int] | None = None,
) -> PortStyle:
    """The style of one host's ports, with why it is unknown where it is."""
    label, why = _style(sequence, far, near, parity, range)
    reading, confidence = READINGS[label] if label else ("", "")
    counters = sequence.counters if label == SEVERAL_COUNTERS else None
    return PortStyle(label, why, reading, confidence, counters, sequence, far, near, parity, range, sampled)


def _style(
    sequence: PortSequence, far: PortSequence, near: NearSequence, parity: PortParity, range: PortRange
) -> tuple[str | None, str]:
    s, se, looks = sequence.value, sequence.se or 0.0, sequence.looks
    if s is not None:
        if s >= SEQUENTIAL:
            return ONE_COUNTER, ""
        if s >= ANY_SEQUENCE and s > 3 * se:
            if looks < SURE_LOOKS:
                return None, f"{looks} looks, {SURE_LOOKS} needed to speak of several counters"
            if s + 2 * se >= SEQUENTIAL:
                return None, f"sequence {s:.2f} ± {2 * se:.2f} may still be one counter ({SEQUENTIAL})"
            return SEVERAL_COUNTERS, ""
    if parity.parity is not None and parity.parity >= EVEN:
        return EVEN_PORTS, ""
    if s is None:
        if far.value is not None and far.value >= SEQUENTIAL:
            return ONE_DESTINATION, ""
        return None, sequence.why_unknown
    if parity.parity is None:
        return None, parity.why_unknown
    if looks < SURE_LOOKS:
        return None, f"{looks} looks, {SURE_LOOKS} needed to exclude a counter"
    if s + 2 * se >= EXCLUDES_COUNTER:
        return None, f"sequence {s:.2f} ± {2 * se:.2f}, below {EXCLUDES_COUNTER} needed to exclude a counter"
    if far.value is not None and far.value >= INSIDE_DESTINATIONS:
        return PER_DESTINATION, ""
    if near.value is not None and near.value >= NEIGHBOURS:
        return MANY_COUNTERS, ""
    return (WIDE if range.value == "mixed" else SPREAD), ""
