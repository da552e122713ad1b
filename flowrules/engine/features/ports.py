"""What a host's ephemeral ports say: their order, their parity, their range, and a style made of these."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from attrs import fields, frozen
from numpy.typing import NDArray

from flowrules.engine.features.connections import Beginnings, beginnings
from flowrules.engine.features.evidence import Measured, needed, number
from flowrules.engine.features.hosts import LARGEST, sample_hours
from flowrules.engine.features.port_style import (
    PortParity,
    PortRange,
    PortStyle,
    parity_label,
    port_style,
    style_labels,
)
from flowrules.engine.features.sequence import (
    NearSequences,
    PortSequence,
    PortSequences,
    port_sequences,
    same_destination,
)
from flowrules.engine.features.sorting import dense_codes, sort_together, starts_of_runs

MINIMUM_PORTS: Final = 40
"""How many distinct ports parity and range need."""
CELLS: Final = (1_024, 5_001, 32_768, 49_152, 61_000, 65_536)
"""Bounds of the cells of the port axis: where the known ranges of ephemeral ports begin and end."""
RANGES: Final = ((1_025, 5_000), (49_152, 65_535), (32_768, 60_999))
"""Known ranges of ephemeral ports, the narrowest first, both ends in."""
FITS: Final = 98
"""The percent of the distinct ports that a range must hold."""
BATCH: Final = 1 << 18
"""How many rows of hosts are looked at together, so that memory and cache hold them (a host's are never parted)."""
MIXED: Final = "mixed"

Integers = NDArray[Any]
Floats = NDArray[np.float64]


@frozen
class Sequential(Measured[float]):
    """``sequential(port)``: the port sequence clipped at 0, 0..1; ``sequence`` keeps the sign.

    ``counters`` is 1/S, a lower bound on the hosts behind the address.  ``sampled``: hours looked at of
    the hours seen, ``None`` where all connections were.
    """

    sequence: PortSequence
    counters: float | None
    connections: int
    sampled: tuple[int, int] | None


@frozen(eq=False)
class PortPopulation:
    """The distinct ports of many hosts in counts (int64): all of them (``ports``), the even ones, those
    from 1024 on (``high``), these by cell (``cells``, hosts x 5) and by known range (``ranges``, hosts x 3)."""

    ports: NDArray[np.int64]
    even: NDArray[np.int64]
    high: NDArray[np.int64]
    cells: NDArray[np.int64]
    ranges: NDArray[np.int64]

    def parity(self) -> Floats:
        """|2 share(even) - 1| of each host, 0..1; NaN below 40 ports."""
        with np.errstate(invalid="ignore", divide="ignore"):
            parity: Floats = np.abs(2 * self.even - self.ports) / self.ports
        parity[self.ports < MINIMUM_PORTS] = np.nan
        return parity

    def range_codes(self) -> NDArray[np.int8]:
        """The index into ``RANGES`` of the narrowest that fits; 3 mixed, -1 unknown (below 40 ports)."""
        code = np.full(len(self.ports), len(RANGES), np.int8)
        for index in reversed(range(len(RANGES))):
            code[100 * self.ranges[:, index] >= FITS * self.high] = index
        code[self.high < MINIMUM_PORTS] = -1
        return code

    def parity_of(self, host: int) -> PortParity:
        """Even or odd, of one host."""
        ports, even = int(self.ports[host]), int(self.even[host])
        why = needed((ports, MINIMUM_PORTS, "distinct ports"))
        parity = None if why else abs(2 * even - ports) / ports
        return PortParity(parity_label(parity, 2 * even > ports), why, parity, even, ports)

    def range_of(self, host: int) -> PortRange:
        """The range that fits, of one host."""
        high = int(self.high[host])
        code = int(self.range_codes()[host])
        shares = tuple((self.cells[host] / high).tolist()) if high else (0.0,) * (len(CELLS) - 1)
        label = None if code < 0 else RANGE_LABELS[code]
        return PortRange(label, needed((high, MINIMUM_PORTS, "distinct ports")), high, shares)


RANGE_LABELS: Final = (*(f"{low}-{high}" for low, high in RANGES), MIXED)


@frozen(eq=False)
class PortFeatures:
    """What the ports of many hosts say, one row a host.

    ``connections``, ``hours_taken`` and ``hours_seen`` are int64; the hours are 0 where a host was looked
    at whole, else its sequences rest on the hours taken (population and connections never do).
    """

    connections: NDArray[np.int64]
    sequence: PortSequences
    far: PortSequences
    near: NearSequences
    population: PortPopulation
    hours_taken: NDArray[np.int64]
    hours_seen: NDArray[np.int64]

    def sequential(self) -> Floats:
        """S of each host clipped to 0..1; NaN where unknown."""
        return np.clip(self.sequence.value, 0.0, 1.0)

    def parities(self) -> NDArray[np.object_]:
        """``even``, ``odd`` or ``mixed`` of each host; ``None`` where unknown."""
        parity = self.population.parity()
        mostly_even = 2 * self.population.even > self.population.ports
        out = np.empty(len(parity), np.object_)
        out[:] = [parity_label(number(p), bool(e)) for p, e in zip(parity, mostly_even, strict=True)]
        return out

    def ranges(self) -> NDArray[np.object_]:
        """The range that fits each host's ports, such as ``49152-65535``, or ``mixed``; ``None`` where unknown."""
        labels = np.array([*RANGE_LABELS, None], np.object_)
        return labels[self.population.range_codes()]

    def styles(self) -> NDArray[np.object_]:
        """The style of each host's ports; ``None`` where unknown."""
        mixed = self.population.range_codes() == len(RANGES)
        return style_labels(self.sequence, self.far, self.near, self.population.parity(), mixed)

    def sampled_of(self, host: int) -> tuple[int, int] | None:
        """The hours that were looked at and seen of one host; ``None`` where it was looked at whole."""
        seen = int(self.hours_seen[host])
        return (int(self.hours_taken[host]), seen) if seen else None

    def sequential_of(self, host: int) -> Sequential:
        """``sequential(port)`` of one host."""
        sequence = self.sequence.of(host)
        return sequential(sequence, int(self.connections[host]), self.sampled_of(host))

    def parity_of(self, host: int) -> PortParity:
        """``parity(port)`` of one host."""
        return self.population.parity_of(host)

    def range_of(self, host: int) -> PortRange:
        """``port_range(port)`` of one host."""
        return self.population.range_of(host)

    def style_of(self, host: int) -> PortStyle:
        """``port_style(port)`` of one host."""
        return port_style(
            self.sequence.of(host),
            self.far.of(host),
            self.near.of(host),
            self.parity_of(host),
            self.range_of(host),
            self.sampled_of(host),
        )


def port_features(
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    sport: Integers,
    dest: Integers,
    host: Integers | None = None,
    hosts: int = 1,
    *,
    own: Integers | None = None,
    addresses: Integers | None = None,
    largest: int = LARGEST,
) -> PortFeatures:
    """What the ports of ``hosts`` hosts say, from their client rows (``clients.client_rows``) in any order.

    ``start`` and ``end`` are int64 ms, ``sport`` the ephemeral port, ``dest`` any integer code of
    (dip, dport) such as ``connections.destination`` makes, ``host`` numbers 0 .. ``hosts`` - 1 (one host
    where ``None``), ``own`` a code of the row's own address where a number stands for several hosts,
    ``addresses`` the hosts' addresses in that order: they choose the hours of a host with more than
    ``largest`` connections.
    """
    columns = [start, end, sport, dest] if own is None else [start, end, sport, dest, own]
    return port_features_of(columns, host, hosts, addresses=addresses, largest=largest)


def port_features_of(
    columns: list[Integers],
    host: Integers | None,
    hosts: int,
    *,
    addresses: Integers | None = None,
    largest: int = LARGEST,
) -> PortFeatures:
    """As ``port_features``, of ``[start, end, sport, dest]`` (and ``own``).

    The list is emptied on the way, so that rows which nobody else holds go as soon as they are done with.
    """
    if host is None:
        host = np.zeros(len(columns[0]), np.uint16)
    host = host.astype(_narrow(hosts), copy=False)
    rows = np.bincount(host, minlength=hosts)
    if len(host) <= BATCH or len(np.flatnonzero(rows)) == 1:
        return _features(columns, host, hosts, addresses, largest)
    batches = _batches(rows)
    ends = np.cumsum(rows)
    order: NDArray[np.intp] = np.argsort(host, kind="stable")
    parts: list[list[Integers]] = [[] for _ in batches]
    while columns:
        column = columns.pop(0)
        for part, (low, high) in zip(parts, batches, strict=True):
            part.append(column.take(order[int(ends[low] - rows[low]) : int(ends[high - 1])]))
    del host, order, column  # the counts say whose rows follow
    found: list[PortFeatures] = []
    for part, (low, high) in zip(parts, batches, strict=True):
        numbers = np.repeat(np.arange(high - low, dtype=_narrow(high - low)), rows[low:high])
        theirs = None if addresses is None else addresses[low:high]
        found.append(_features(part, numbers, high - low, theirs, largest))
    return _joined(found)


def _batches(rows: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Hosts that are looked at together, from one number to before another, by how many rows each has."""
    ends = np.cumsum(rows)
    out: list[tuple[int, int]] = []
    low = 0
    while low < len(rows):
        high = max(int(np.searchsorted(ends, int(ends[low] - rows[low]) + BATCH, "right")), low + 1)
        out.append((low, high))
        low = high
    return out


def _features(
    columns: list[Integers], host: Integers, hosts: int, addresses: Integers | None, largest: int
) -> PortFeatures:
    """What the ports of a few hosts say, or of one with many rows; ``columns`` is emptied."""
    start, end, sport, dest = columns[:4]
    own = columns[4] if len(columns) > 4 else None
    columns.clear()
    # small codes of destinations leave room for the rest in one sorting key
    connections = beginnings(start, end, sport, dense_codes(_squeezed(dest)).astype(np.uint32), host, own)
    del start, end, sport, dest, host, own
    counts = np.bincount(connections.host, minlength=hosts)
    population = port_population(connections, hosts)
    sample = sample_hours(connections.host, connections.start, hosts, addresses, largest)
    if sample.index is not None:
        connections = connections.take(sample.index)
    far, near = same_destination(connections, hosts)
    sequence = port_sequences(connections, hosts)
    return PortFeatures(counts, sequence, far, near, population, sample.taken, sample.seen)


def _squeezed(dest: Integers) -> NDArray[np.uint64]:
    """Codes in the same order, with their lower 16 bits (a port) renumbered: few of them are ever met."""
    codes = dest.astype(np.uint64)
    low = codes.astype(np.uint16)
    met = np.zeros(1 << 16, np.bool_)
    met[low] = True
    number: NDArray[np.uint64] = np.cumsum(met, dtype=np.uint64) - met.astype(np.uint64)
    width = max(int(np.count_nonzero(met)) - 1, 0).bit_length()
    codes >>= np.uint64(16)
    codes <<= np.uint64(width)
    codes |= number.take(low)
    return codes


def _joined(parts: list[PortFeatures]) -> PortFeatures:
    """The features of hosts that were looked at in batches, one batch after the other."""

    def join(values: list[Any]) -> Any:
        if isinstance(values[0], np.ndarray):
            return np.concatenate(values)
        kind = type(values[0])
        return kind(*(join([getattr(value, name) for value in values]) for name in _columns_of(kind)))

    found: PortFeatures = join(parts)
    return found


def _columns_of(kind: type[Any]) -> list[str]:
    return [column.name for column in fields(kind)]


def _narrow(count: int) -> type[np.uint16 | np.uint32 | np.int64]:
    """A dtype that holds 0 .. ``count``."""
    return np.uint16 if count < 1 << 16 else np.uint32 if count < 1 << 32 else np.int64


def port_population(connections: Beginnings, hosts: int) -> PortPopulation:
    """The distinct source ports of each host 0 .. ``hosts`` - 1."""
    if hosts << 16 <= len(connections):
        return _population_of_presence(connections, hosts)
    host, port = sort_together(connections.host.astype(np.int64), connections.sport.astype(np.int64))
    first = starts_of_runs(host, port)
    host, port = host[first], port[first]
    cell = np.searchsorted(np.array(CELLS), port, "right") - 1  # -1 below 1024
    high = cell >= 0
    width = len(CELLS) - 1
    cells = np.bincount(host[high] * width + cell[high], minlength=hosts * width).reshape(hosts, width)
    ranges = np.zeros((hosts, len(RANGES)), np.int64)
    for index, (low, top) in enumerate(RANGES):
        ranges[:, index] = np.bincount(host[(port >= low) & (port <= top)], minlength=hosts)
    return PortPopulation(
        np.bincount(host, minlength=hosts),
        np.bincount(host[port % 2 == 0], minlength=hosts),
        cells.sum(axis=1),
        cells,
        ranges,
    )


def _population_of_presence(connections: Beginnings, hosts: int) -> PortPopulation:
    """As ``port_population``, for few hosts with many connections: from which of all ports each uses."""
    present = np.zeros((hosts, 1 << 16), np.bool_)
    for begin in range(0, len(connections), BATCH):
        part = slice(begin, begin + BATCH)
        present[connections.host[part], connections.sport[part]] = True
    cells = np.add.reduceat(present, CELLS[:-1], axis=1, dtype=np.int64)
    ranges = [present[:, low : top + 1].sum(axis=1, dtype=np.int64) for low, top in RANGES]
    return PortPopulation(
        present.sum(axis=1, dtype=np.int64),
        present[:, ::2].sum(axis=1, dtype=np.int64),
        cells.sum(axis=1),
        cells,
        np.stack(ranges, axis=1),
    )


def port_parity(sport: Integers) -> PortParity:
    """Even or odd: the parity of one host's source ports (duplicates count once)."""
    return _population_of(sport).parity_of(0)


def port_range(sport: Integers) -> PortRange:
    """The range that fits one host's source ports (duplicates count once)."""
    return _population_of(sport).range_of(0)


def sequential(
    sequence: PortSequence, connections: int, sampled: tuple[int, int] | None = None
) -> Sequential:
    """The measure ``sequential(port)`` of a host's port sequence."""
    value = None if sequence.value is None else min(max(sequence.value, 0.0), 1.0)
    return Sequential(value, sequence.why_unknown, sequence, sequence.counters, connections, sampled)


def _population_of(sport: Integers) -> PortPopulation:
    none = np.zeros(len(sport), np.int64)
    return port_population(Beginnings(none, none, sport, none), 1)
