"""Every SiLK record layout that SiLK 3.19 reads: format and version to fields, offsets and meaning.

Offsets are bytes from the start of the record.  IPv4 addresses and numbers are in the file's byte order,
16-byte addresses in network order.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from flowrules.flows import silk_encodings as enc
from flowrules.flows.silk_encodings import Column, PlainFlags, ProtocolFlags, Volume, stored
from flowrules.flows.silk_layout import (
    Layout,
    flags_of,
    make_layout,
    places_of,
    ports_of,
    times_of,
    volume_of,
)

_PLAIN = PlainFlags()
_PLAIN_FLAGS: dict[str, Column] = {
    "initial_flags": _PLAIN.initial_flags,
    "session_flags": _PLAIN.session_flags,
    "attributes": _PLAIN.attributes,
}
_UNCORRECTED_FLAGS: dict[str, Column] = {
    "attributes": lambda piece: piece.word("state") & np.uint8(enc.ATTRIBUTE_BITS)
}

_STATE: Column = stored("state")
_REST: Column = stored("rest")

_FTV_PLACES = places_of("w0 u4 0, w1 u4 4, w2 u4 8")
_FTV = times_of(enc.FTV_TIMES) | volume_of(enc.FTV_VOLUME)
_FTV_BASIC = _FTV | flags_of(ProtocolFlags(enc.FTV_TCP, enc.FTV_FLAGS))
_FTV_EXPANDED = _FTV | flags_of(ProtocolFlags(enc.FTV_TCP, enc.FTV_FLAGS, _REST, None, _STATE))
_FTV_WEB = _FTV | ports_of(enc.FTV_WEB)

_TBPF = times_of(enc.TBPF_TIMES) | volume_of(enc.TBPF_VOLUME)
_TBPF_BASIC = _TBPF | flags_of(ProtocolFlags(enc.TBPF_TCP, enc.TBPF_FLAGS))
_TBPF_EXPANDED = _TBPF | flags_of(ProtocolFlags(enc.TBPF_TCP, enc.TBPF_FLAGS, _REST, None, _STATE))
_TBPF_WEB = _TBPF | ports_of(enc.TBPF_WEB)

_SBB = times_of(enc.SBB_TIMES) | volume_of(enc.SBB_VOLUME)

_TFP_PLACES = places_of("w u4 0, first u1 4, state u1 5")
_TFP_PROTOCOL = ProtocolFlags(enc.TFP_TCP, stored("first"), None, enc.TFP_SESSION, _STATE)
_TFP = times_of(enc.TFP_TIMES) | flags_of(_TFP_PROTOCOL)


def _rwgeneric(version: int) -> Layout | None:
    if version == 5:
        return make_layout(52, _HEAD_V5 | places_of("sip u4 40, dip u4 44, nhip u4 48"), _HEAD_COLUMNS)
    if version in (3, 4):
        ms = "start_ms u2 48, elapsed_ms u2 50, application u2 52"
        times: dict[str, Column] = {
            "stime": enc.milliseconds("start", stored("start_ms")),
            "duration": enc.milliseconds("elapsed", stored("elapsed_ms")),
        }
        return make_layout(56, _GENERIC_V2 | places_of(ms), times, _PLAIN_FLAGS)
    if version == 2:
        return make_layout(48, _GENERIC_V2, _WHOLE_SECONDS, _PLAIN_FLAGS)
    if version in (0, 1):
        places = places_of(
            "sip u4 0, dip u4 4, sport u2 8, dport u2 10, protocol u1 12, flags u1 13, input u1 14, output u1 15,"
            "nhip u4 16, start u4 20, packets u4 24, bytes u4 28, elapsed u4 32, sensor u1 36"
        )
        return make_layout(37 if version == 1 else 40, places, _WHOLE_SECONDS)
    return None


_WHOLE_SECONDS: dict[str, Column] = {
    "stime": enc.milliseconds("start"),
    "duration": enc.milliseconds("elapsed"),
}

_GENERIC_V2 = places_of(
    "sip u4 0, dip u4 4, sport u2 8, dport u2 10, nhip u4 12, input u2 16, output u2 18, start u4 20, elapsed u4 24,"
    "packets u4 28, bytes u4 32, protocol u1 36, type u1 37, sensor u2 38, flags u1 40, initial_flags u1 41,"
    "session_flags u1 42, state u1 43"
)

_HEAD = places_of(
    "start i8 0, elapsed u4 8, sport u2 12, dport u2 14, protocol u1 16, type u1 17, sensor u2 18, flags u1 20,"
    "initial_flags u1 21, session_flags u1 22, state u1 23, application u2 24"
)
_HEAD_V5 = _HEAD | places_of("input u2 28, output u2 30, packets u4 32, bytes u4 36")
_MS_TIMES: dict[str, Column] = {"stime": stored("start"), "duration": stored("elapsed")}
_HEAD_COLUMNS = _MS_TIMES | _PLAIN_FLAGS


def _rwipv6(version: int) -> Layout | None:
    if version == 1:
        places = _HEAD | places_of("packets u4 28, bytes u4 32, sip ip16 36, dip ip16 52")
        return make_layout(68, places, _HEAD_COLUMNS)
    if version == 2:
        places = _TFP_PLACES | places_of(
            "application u2 6, sport u2 8, dport u2 10, elapsed u4 12, packets u4 16, bytes u4 20,"
            "sip ip16 24, dip ip16 40"
        )
        return make_layout(56, places, _TFP, hourly=True)
    return None


def _rwipv6routing(version: int) -> Layout | None:
    if version in (1, 2):
        places = _HEAD_V5 | places_of("sip ip16 40, dip ip16 56, nhip ip16 72")
        forced: dict[str, Column] = {"application": enc.constant(0)} if version == 2 else {}
        return make_layout(88, places, _HEAD_COLUMNS, forced)
    if version == 3:
        places = _HEAD | places_of(
            "input u4 28, packets u8 32, bytes u8 40, sip ip16 48, dip ip16 64, nhip ip16 80, output u4 96"
        )
        # SiLK 3.19 reads these wider fields into its record, which has 16 and 32 bits for them
        clamped: dict[str, Column] = {
            "input": lambda piece: np.minimum(piece.word("input"), np.uint32(0xFFFF)),
            "output": lambda piece: np.minimum(piece.word("output"), np.uint32(0xFFFF)),
            "packets": lambda piece: np.minimum(piece.word("packets"), np.uint64(0xFFFFFFFF)),
            "bytes": lambda piece: np.minimum(piece.word("bytes"), np.uint64(0xFFFFFFFF)),
        }
        return make_layout(100, places, _MS_TIMES, _UNCORRECTED_FLAGS, clamped)
    return None


_SPLIT_V1 = places_of(
    "sip u4 0, dip u4 4, sport u2 8, dport u2 10, pef u4 12, sbb u4 16, protocol u1 20, flags u1 21"
)
_SPLIT_V3 = places_of("sip u4 0, dip u4 4, sport u2 8, dport u2 10, w0 u4 12, w1 u4 16, w2 u4 20")


def _rwsplit(version: int) -> Layout | None:
    if version == 5:
        places = _FTV_PLACES | places_of("sport u2 12, dport u2 14, sip u4 16, dip u4 20")
        return make_layout(24, places, _FTV_BASIC, hourly=True)
    if version in (3, 4):
        return make_layout(24, _SPLIT_V3, _TBPF_BASIC, hourly=True)
    if version in (1, 2):
        return make_layout(22, _SPLIT_V1, _SBB, hourly=True)
    return None


def _rwnotrouted(version: int) -> Layout | None:
    if version == 5:
        places = _FTV_PLACES | places_of("sport u2 12, dport u2 14, sip u4 16, dip u4 20, input u2 24")
        return make_layout(26, places, _FTV_BASIC, hourly=True)
    if version in (3, 4):
        return make_layout(26, _SPLIT_V3 | places_of("input u2 24"), _TBPF_BASIC, hourly=True)
    if version in (1, 2):
        return make_layout(23, _SPLIT_V1 | places_of("input u1 22"), _SBB, hourly=True)
    return None


def _rwrouted(version: int) -> Layout | None:
    if version == 5:
        places = _FTV_PLACES | places_of(
            "sport u2 12, dport u2 14, input u2 16, output u2 18, sip u4 20, dip u4 24, nhip u4 28"
        )
        return make_layout(32, places, _FTV_BASIC, hourly=True)
    if version in (3, 4):
        places = _SPLIT_V3 | places_of("nhip u4 24, input u2 28, output u2 30")
        return make_layout(32, places, _TBPF_BASIC, hourly=True)
    if version in (1, 2):
        places = places_of(
            "sip u4 0, dip u4 4, nhip u4 8, sport u2 12, dport u2 14, pef u4 16, sbb u4 20, protocol u1 24,"
            "flags u1 25, input u1 26, output u1 27"
        )
        return make_layout(28, places, _SBB, hourly=True)
    return None


_TCP: Column = enc.constant(6)


def _rwwww(version: int) -> Layout | None:
    if version == 5:
        places = _FTV_PLACES | places_of("sip u4 12, dip u4 16, client u2 20")
        return make_layout(22, places, _FTV_WEB, {"protocol": _TCP, "flags": enc.FTV_FLAGS}, hourly=True)
    if version in (3, 4):
        return make_layout(22, _WWW_V3, _TBPF_WEB, {"protocol": _TCP, "flags": enc.TBPF_FLAGS}, hourly=True)
    if version in (1, 2):
        places = places_of(
            "sip u4 0, dip u4 4, pef u4 8, sbb u4 12, client u2 16, web_flags u1 18, web_code u1 19"
        )
        flags: dict[str, Column] = {
            "protocol": _TCP,
            "flags": lambda piece: piece.word("web_flags") & np.uint8(0x3F),
        }
        return make_layout(20, places, _SBB, ports_of(enc.SBB_WEB), flags, hourly=True)
    return None


_WWW_V3 = places_of("sip u4 0, dip u4 4, w0 u4 8, w1 u4 12, w2 u4 16, client u2 20")

_AUG_V5 = _TFP_PLACES | places_of(
    "application u2 6, sport u2 8, dport u2 10, elapsed u4 12, packets u4 16, bytes u4 20, sip u4 24, dip u4 28"
)
_AUG_V4 = _FTV_PLACES | places_of(
    "state u1 12, rest u1 13, application u2 14, sport u2 16, dport u2 18, sip u4 20, dip u4 24"
)
_AUG_V1 = _SPLIT_V3 | places_of("application u2 24, state u1 26, rest u1 27")


def _rwaugmented(version: int) -> Layout | None:
    if version == 5:
        return make_layout(32, _AUG_V5, _TFP, hourly=True)
    if version == 4:
        return make_layout(28, _AUG_V4, _FTV_EXPANDED, hourly=True)
    if version in (1, 2, 3):
        return make_layout(28, _AUG_V1, _TBPF_EXPANDED, hourly=True)
    return None


def _rwaugrouting(version: int) -> Layout | None:
    if version == 5:
        return make_layout(
            40, _AUG_V5 | places_of("nhip u4 32, input u2 36, output u2 38"), _TFP, hourly=True
        )
    if version == 4:
        places = _AUG_V4 | places_of("input u2 20, output u2 22, sip u4 24, dip u4 28, nhip u4 32")
        return make_layout(36, places, _FTV_EXPANDED, hourly=True)
    if version in (1, 2, 3):
        places = _AUG_V1 | places_of("nhip u4 28, input u2 32, output u2 34")
        return make_layout(36, places, _TBPF_EXPANDED, hourly=True)
    return None


def _rwaugsnmpout(version: int) -> Layout | None:
    if version == 5:
        return make_layout(34, _AUG_V5 | places_of("output u2 32"), _TFP, hourly=True)
    if version == 4:
        return make_layout(30, _AUG_V4 | places_of("output u2 28"), _FTV_EXPANDED, hourly=True)
    if version in (1, 2, 3):
        return make_layout(30, _AUG_V1 | places_of("output u2 28"), _TBPF_EXPANDED, hourly=True)
    return None


def _rwaugweb(version: int) -> Layout | None:
    if version == 5:
        places = _TFP_PLACES | places_of(
            "application u2 6, coded u4 8, packets u4 12, bytes u4 16, sip u4 20, dip u4 24, client u2 28"
        )
        flags = ProtocolFlags(None, stored("first"), None, enc.TFP_SESSION, _STATE)
        return make_layout(
            30, places, times_of(enc.TFP_WEB_TIMES), ports_of(enc.TFP_WEB), flags_of(flags), hourly=True
        )
    if version == 4:
        places = _FTV_PLACES | places_of(
            "state u1 12, rest u1 13, application u2 14, sip u4 16, dip u4 20, client u2 24"
        )
        flags = ProtocolFlags(None, enc.FTV_FLAGS, _REST, None, _STATE)
        return make_layout(26, places, _FTV_WEB, flags_of(flags), hourly=True)
    if version in (1, 2, 3):
        places = _WWW_V3 | places_of("application u2 22, state u1 24, rest u1 25")
        flags = ProtocolFlags(None, enc.TBPF_FLAGS, _REST, None, _STATE)
        return make_layout(26, places, _TBPF_WEB, flags_of(flags), hourly=True)
    return None


def _rwfilter(version: int) -> Layout | None:
    head = "sip u4 0, dip u4 4, sport u2 8, dport u2 10"
    later = (
        head
        + ", nhip u4 12, input u2 16, output u2 18, start u4 20, elapsed u4 24, counts u4 28, ratio u4 32"
    )
    if version in (4, 5):
        places = places_of(
            later + ", sensor u2 36, type u1 38, first u1 39, application u2 40, state u1 42, rest u1 43"
        )
        times: dict[str, Column] = {
            "stime": enc.milliseconds("start", enc.bits("counts", 0, 10)),
            "duration": enc.milliseconds("elapsed", enc.bits("ratio", 0, 10)),
        }
        flags = ProtocolFlags(enc.bits("counts", 10, 1), stored("first"), _REST, None, _STATE)
        return make_layout(44, places, times, volume_of(_FILTER_VOLUME), flags_of(flags))
    if version == 3:
        places = places_of(later + ", sensor u2 36, protocol u1 38, flags u1 39")
        return make_layout(
            40, places, _WHOLE_SECONDS, volume_of(_FILTER_VOLUME), {"type": enc.bits("counts", 0, 8)}
        )
    if version in (1, 2):
        places = places_of(
            head + ", protocol u1 12, flags u1 13, input u1 14, output u1 15, nhip u4 16, start u4 20,"
            "pef u4 24, ratio u4 28"
        )
        volume = Volume(enc.bits("pef", 12, 20), enc.bits("pef", 0, 1), enc.bits("ratio", 12, 20))
        columns: dict[str, Column] = {
            "stime": enc.milliseconds("start"),
            "duration": enc.SBB_TIMES.elapsed,
            "sensor": enc.bits("ratio", 0, 8) if version == 2 else enc.bits("ratio", 6, 6),
        }
        return make_layout(32, places, columns, volume_of(volume))
    return None


_FILTER_VOLUME = Volume(enc.bits("counts", 12, 20), enc.bits("counts", 11, 1), enc.bits("ratio", 12, 20))


def _flowcap_columns(big_endian: bool) -> dict[str, Column]:
    """Columns of FLOWCAP from version 3 on; packets follow the file's byte order, the ms bytes do not."""
    ms = enc.three_byte_number("ms", True)

    def expanded(when: str, otherwise: Column) -> Column:
        return lambda piece: np.where(piece.raw("state") & np.uint8(1), piece.raw(when), otherwise(piece))

    return {
        "packets": enc.three_byte_number("count", big_endian),
        "stime": enc.milliseconds("start", lambda piece: ms(piece) >> np.uint32(14)),
        "duration": enc.milliseconds("elapsed", lambda piece: (ms(piece) >> np.uint32(4)) & np.uint32(0x3FF)),
        "flags": lambda piece: np.where(
            piece.raw("state") & np.uint8(1), piece.raw("a") | piece.raw("b"), piece.raw("a")
        ),
        "initial_flags": expanded("b", enc.constant(0)),
        "session_flags": expanded("a", enc.constant(0)),
        "attributes": lambda piece: piece.raw("state") & np.uint8(enc.ATTRIBUTE_BITS),
    }


def _flowcap(version: int, big_endian: bool) -> Layout | None:
    head = "sip u4 0, dip u4 4, bytes u4 8, start u4 12, elapsed u2 16, sport u2 18, dport u2 20"
    if version in (5, 6):
        places = places_of(
            head
            + ", application u2 22, input u2 24, output u2 26, count 3u1 28, protocol u1 31, a u1 32, b u1 33,"
            "state u1 34, ms 3u1 35"
        )
        forced: dict[str, Column] = {"application": enc.constant(0)} if version == 6 else {}
        return make_layout(38, places, _flowcap_columns(big_endian), forced, sensor_in_header=True)
    if version in (3, 4):
        places = places_of(
            head
            + ", application u2 22, input u1 24, output u1 25, count 3u1 26, protocol u1 29, a u1 30, b u1 31,"
            "state u1 32, ms 3u1 33"
        )
        if version == 4:
            places |= places_of("nhip u4 36")
        return make_layout(
            36 if version == 3 else 40, places, _flowcap_columns(big_endian), sensor_in_header=True
        )
    if version == 2:
        places = places_of(head + ", input u1 22, output u1 23, count 3u1 24, protocol u1 27, flags u1 28")
        packets = {"packets": enc.three_byte_number("count", big_endian)}
        return make_layout(30, places, _WHOLE_SECONDS, packets, sensor_in_header=True)
    return None


_BY_FORMAT: Final = {
    0x0B: _rwipv6,
    0x0C: _rwipv6routing,
    0x0D: _rwaugsnmpout,
    0x0E: _rwaugrouting,
    0x10: _rwrouted,
    0x11: _rwnotrouted,
    0x12: _rwsplit,
    0x13: _rwfilter,
    0x14: _rwaugmented,
    0x15: _rwaugweb,
    0x16: _rwgeneric,
    0x1F: _rwwww,
}

FLOW_FORMATS: Final = frozenset(_BY_FORMAT) | {0x1C}
"""Ids of the formats whose files hold flow records."""


@cache
def layout_of(format: int, version: int, byte_order: str) -> Layout | None:
    """The layout of a format and record version, ``None`` where there is no such version."""
    if format == 0x1C:
        return _flowcap(version, byte_order == ">")
    make = _BY_FORMAT.get(format)
    return None if make is None else make(version)
