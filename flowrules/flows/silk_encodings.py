"""How SiLK packs times, counts and flags into words, undone for whole columns.

A ``Piece`` is a run of records of one layout; the functions here take one and return a column of it.
Bit-fields are as SiLK's packed formats lay them out; the names follow SiLK's own sources (bpp: bytes per
packet in 64ths, pef: packets, elapsed and flag, sbb: start and bytes per packet).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.model.fields import ADDRESS, EXPANDED, IPV4_MAPPED
from flowrules.model.structural import Shown

Array = NDArray[Any]

IPV6_BIT = 0x80
"""Bit of the on-disk tcp_state byte that says the record is IPv6."""

ATTRIBUTE_BITS = 0x79
"""Bits of the tcp_state byte that are attributes."""

_WEB_PORTS = np.array([80, 443, 8080, 0], np.uint16)


class Piece:
    """A run of records as a structured array, and what has been computed from it so far.

    ``hour`` is the start of the file's hour in ms since 1970 UTC, ``sensor`` and ``flowtype`` the ids
    that hold for the whole file.
    """

    __slots__ = ("_known", "flowtype", "hour", "records", "sensor")

    def __init__(self, records: Array, hour: int, sensor: int, flowtype: int) -> None:
        self.records = records
        self.hour = hour
        self.sensor = sensor
        self.flowtype = flowtype
        self._known: dict[object, Array] = {}

    def raw(self, name: str) -> Array:
        """A stored field as it is: strided, in the file's byte order."""
        return self.records[name]

    def word(self, name: str) -> Array:
        """A stored field as a contiguous native array, made once."""
        known = self._known.get(name)
        if known is None:
            raw = self.records[name]
            known = self._known[name] = raw.astype(raw.dtype.newbyteorder("="))
        return known

    def once(self, column: Column) -> Array:
        """A column computed from this piece, made once."""
        known = self._known.get(column)
        if known is None:
            known = self._known[column] = column(self)
        return known

    def forget(self) -> None:
        """Drop what was computed, once the columns are filled."""
        self._known.clear()


Column = Callable[[Piece], Array]


def stored(name: str) -> Column:
    """The column of a field that the record stores plainly."""
    return lambda piece: piece.raw(name)


def constant(value: int) -> Column:
    """A column that is the same in every record."""
    return lambda piece: np.asarray(value)


def bits(name: str, shift: int, width: int) -> Column:
    """The bit-field of ``width`` bits that starts ``shift`` bits above the least of word ``name``."""
    mask = np.uint32((1 << width) - 1)
    if shift == 0:
        return lambda piece: piece.word(name) & mask
    if shift + width == 32:
        return lambda piece: piece.word(name) >> np.uint32(shift)
    return lambda piece: (piece.word(name) >> np.uint32(shift)) & mask


def hour_sensor(piece: Piece) -> Array:
    """The sensor that the header names for every record of the file."""
    return np.asarray(piece.sensor, np.uint16)


def hour_flowtype(piece: Piece) -> Array:
    """The flowtype that the header names for every record of the file."""
    return np.asarray(piece.flowtype, np.uint8)


def milliseconds(seconds: str, ms: Column | None = None) -> Column:
    """Whole seconds, and the milliseconds that stand elsewhere, as ms."""

    def column(piece: Piece) -> Array:
        out = piece.raw(seconds).astype(np.int64)
        out *= 1000
        if ms is not None:
            out += ms(piece)
        return out

    return column


@frozen(eq=False, repr=False)
class Volume(Shown):
    """Packets and bytes as SiLK's lossy pair: a packet count with a scale bit, bytes per packet in 64ths."""

    count: Column
    scaled: Column
    per_packet: Column

    def packets(self, piece: Piece) -> Array:
        """The packet count: 64 times the stored one where the scale bit is set."""
        return piece.once(self._packets)

    def _packets(self, piece: Piece) -> Array:
        return self.count(piece).astype(np.uint64) << (self.scaled(piece).astype(np.uint64) * np.uint64(6))

    def bytes(self, piece: Piece) -> Array:
        """The byte count: packets times the ratio, rounded half up on 64ths."""
        packets = self.packets(piece)
        per_packet = self.per_packet(piece).astype(np.uint64)
        fraction = (per_packet & np.uint64(63)) * packets
        return (per_packet >> np.uint64(6)) * packets + ((fraction + np.uint64(32)) >> np.uint64(6))


@frozen(eq=False, repr=False)
class Times(Shown):
    """Start and elapsed time relative to the file's hour, both as columns of ms."""

    start: Column
    elapsed: Column

    def stime(self, piece: Piece) -> Array:
        """Start time, ms since 1970 UTC."""
        return self.start(piece).astype(np.int64) + np.int64(piece.hour)

    def duration(self, piece: Piece) -> Array:
        """Elapsed time, ms."""
        return self.elapsed(piece)


def _seconds(whole: Column, ms: Column | None = None) -> Column:
    def column(piece: Piece) -> Array:
        out = whole(piece) * np.uint32(1000)
        return out if ms is None else out + ms(piece)

    return column


@frozen(eq=False, repr=False)
class ProtocolFlags(Shown):
    """Protocol and flags that share bytes: a TCP bit decides what they mean.

    With the bit clear, ``first`` is the protocol and ``rest`` the flags (``None``: they were lost).
    With it set, the protocol is 6; where the attributes have EXPANDED ``first`` and ``rest`` are initial
    and session flags, elsewhere ``first`` holds all flags.  ``state`` ``None``: no attributes are kept.
    ``tcp`` ``None``: every record is TCP.
    """

    tcp: Column | None
    first: Column
    rest: Column | None = None
    session: Column | None = None
    """Session flags, where they are not ``rest``."""
    state: Column | None = None

    def is_tcp(self, piece: Piece) -> Array:
        """Where the record is TCP."""
        return np.asarray(True) if self.tcp is None else piece.once(self.tcp).astype(np.bool_)

    def is_expanded(self, piece: Piece) -> Array:
        """Where initial and session flags are kept apart."""
        if self.state is None:
            return np.asarray(False)
        return (self.state(piece) & np.uint8(EXPANDED)).astype(np.bool_) & self.is_tcp(piece)

    def protocol(self, piece: Piece) -> Array:
        """IP protocol."""
        return np.where(self.is_tcp(piece), np.uint32(6), self.first(piece))

    def _session(self, piece: Piece) -> Array:
        column = self.session or self.rest
        assert column is not None
        return column(piece)

    def flags(self, piece: Piece) -> Array:
        """All TCP flags together."""
        first = self.first(piece)
        if self.state is not None:
            first = np.where(self.is_expanded(piece), first | self._session(piece), first)
        rest = np.uint8(0) if self.rest is None else self.rest(piece)
        return np.where(self.is_tcp(piece), first, rest)

    def initial_flags(self, piece: Piece) -> Array:
        """Flags of the first packet."""
        return np.where(self.is_expanded(piece), self.first(piece), np.uint8(0))

    def session_flags(self, piece: Piece) -> Array:
        """Flags of the later packets."""
        return np.where(self.is_expanded(piece), self._session(piece), np.uint8(0))

    def attributes(self, piece: Piece) -> Array:
        """Attributes; EXPANDED stays only where it means something."""
        assert self.state is not None
        state = self.state(piece) & np.uint8(ATTRIBUTE_BITS)
        return np.where(self.is_tcp(piece), state, state & np.uint8(~EXPANDED & 0xFF))


@frozen(eq=False, repr=False)
class PlainFlags(Shown):
    """All three flag bytes stored plainly, which SiLK corrects on reading.

    EXPANDED is cleared, and initial and session flags are 0, where the record is not TCP or both
    are 0 anyway.
    """

    @staticmethod
    def wrong(piece: Piece) -> Array:
        """Where EXPANDED is set without meaning."""
        state, initial, session = (
            piece.word("state"),
            piece.word("initial_flags"),
            piece.word("session_flags"),
        )
        out: Array = (piece.word("protocol") != 6) | ((initial | session) == 0)
        out &= (state & np.uint8(EXPANDED)).astype(np.bool_)
        return out

    def _cleared(self, piece: Piece, name: str) -> Array:
        wrong = piece.once(PlainFlags.wrong)
        return np.where(wrong, np.uint8(0), piece.word(name)) if wrong.any() else piece.word(name)

    def initial_flags(self, piece: Piece) -> Array:
        """Flags of the first packet."""
        return self._cleared(piece, "initial_flags")

    def session_flags(self, piece: Piece) -> Array:
        """Flags of the later packets."""
        return self._cleared(piece, "session_flags")

    def attributes(self, piece: Piece) -> Array:
        """Attributes, corrected."""
        state: Array = piece.word("state") & np.uint8(ATTRIBUTE_BITS)
        state &= ~piece.once(PlainFlags.wrong).view(np.uint8) | np.uint8(~EXPANDED & 0xFF)
        return state


@frozen(eq=False, repr=False)
class WebPorts(Shown):
    """Ports of the web formats: a 2-bit code for the server's, the client's in full, and which side serves."""

    server_is_source: Column
    code: Column

    def _server(self, piece: Piece) -> Array:
        ports: Array = _WEB_PORTS.take(self.code(piece))
        return ports

    def sport(self, piece: Piece) -> Array:
        """Source port."""
        serves = piece.once(self.server_is_source).astype(np.bool_)
        return np.where(serves, self._server(piece), piece.raw("client"))

    def dport(self, piece: Piece) -> Array:
        """Destination port."""
        serves = piece.once(self.server_is_source).astype(np.bool_)
        return np.where(serves, piece.raw("client"), self._server(piece))


def three_byte_number(name: str, big_endian: bool) -> Column:
    """A 24-bit number stored as three bytes."""
    weights = (16, 8, 0) if big_endian else (0, 8, 16)

    def column(piece: Piece) -> Array:
        parts = piece.raw(name)
        out: Array = parts[:, 0].astype(np.uint32) << np.uint32(weights[0])
        for at in (1, 2):
            out |= parts[:, at].astype(np.uint32) << np.uint32(weights[at])
        return out

    return column


def ip_versions(piece: Piece) -> Array:
    """4 or 6 by record, in layouts that hold both."""
    return np.where(piece.word("state") & np.uint8(IPV6_BIT), np.uint8(6), np.uint8(4))


def wide_addresses(piece: Piece, name: str) -> Array:
    """A 16-byte address field as ``ADDRESS``; of IPv4 records only the last four bytes count."""
    out = np.empty(len(piece.records), ADDRESS)
    is_v6 = (piece.word("state") & np.uint8(IPV6_BIT)).astype(np.bool_)
    mapped = piece.raw(name + "_v4").astype(np.uint64) + np.uint64(IPV4_MAPPED)
    out["high"] = np.where(is_v6, piece.raw(name + "_high"), np.uint64(0))
    out["low"] = np.where(is_v6, piece.raw(name + "_low"), mapped)
    return out


FTV_TIMES = Times(bits("w0", 10, 22), bits("w1", 0, 22))
FTV_VOLUME = Volume(
    count=bits("w2", 0, 20),
    scaled=bits("w2", 23, 1),
    per_packet=lambda piece: (
        ((piece.word("w0") & np.uint32(0x3FF)) << np.uint32(10)) | (piece.word("w1") >> np.uint32(22))
    ),
)
FTV_TCP = bits("w2", 22, 1)
FTV_FLAGS = bits("w2", 24, 8)
FTV_WEB = WebPorts(server_is_source=bits("w2", 22, 1), code=bits("w2", 20, 2))

TBPF_TIMES = Times(
    _seconds(bits("w0", 0, 12), bits("w2", 22, 10)), _seconds(bits("w1", 0, 12), bits("w2", 12, 10))
)
TBPF_VOLUME = Volume(count=bits("w0", 12, 20), scaled=bits("w2", 11, 1), per_packet=bits("w1", 12, 20))
TBPF_TCP = bits("w2", 10, 1)
TBPF_FLAGS = bits("w2", 0, 8)
TBPF_WEB = WebPorts(server_is_source=bits("w2", 10, 1), code=bits("w2", 8, 2))

SBB_TIMES = Times(_seconds(bits("sbb", 20, 12)), _seconds(bits("pef", 1, 11)))
SBB_VOLUME = Volume(count=bits("pef", 12, 20), scaled=bits("pef", 0, 1), per_packet=bits("sbb", 0, 20))
SBB_WEB = WebPorts(
    server_is_source=lambda piece: piece.word("web_flags") >> np.uint8(7),
    code=lambda piece: piece.word("web_code") >> np.uint8(6),
)

TFP_TIMES = Times(bits("w", 0, 22), stored("elapsed"))
TFP_WEB_TIMES = Times(bits("w", 0, 22), bits("coded", 0, 30))
TFP_TCP = bits("w", 23, 1)
TFP_SESSION = bits("w", 24, 8)
TFP_WEB = WebPorts(server_is_source=bits("w", 22, 1), code=bits("coded", 30, 2))
