"""Literals: exact values, and refusals where there is none."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.syntax import literals, tree
from flowrules.syntax.literals import LiteralError, decode
from tests.syntax.shorthand import one

V4 = 0xFFFF << 32


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "443", 443),
        ("number", "007", 7),
        ("number", "0.95", Fraction(95, 100)),
        ("number", "9223372036854775807", (1 << 63) - 1),
        ("count", "5k", 5000),
        ("count", "1.5k", 1500),
        ("count", "2M", 2_000_000),
        ("count", "1G", 10**9),
        ("size", "120B", 120),
        ("size", "10kB", 10_000),
        ("size", "10KB", 10_000),
        ("size", "1.5MB", 1_500_000),
        ("size", "1TB", 10**12),
        ("size", "4KiB", 4096),
        ("size", "0.5GiB", 1 << 29),
        ("size", "1TiB", 1 << 40),
        ("percent", "1%", Fraction(1, 100)),
        ("percent", "0.5%", Fraction(1, 200)),
        ("percent", "91.947804%", Fraction(91947804, 10**8)),
        ("duration", "250ms", 250),
        ("duration", "30s", 30_000),
        ("duration", "0.25s", 250),
        ("duration", "5min", 300_000),
        ("duration", "1.5h", 5_400_000),
        ("duration", "7d", 604_800_000),
        ("duration", "2w", 1_209_600_000),
        ("ipv4", "203.0.113.7", V4 + 0xCB007107),
        ("ipv6", "2001:db8::1", 0x20010DB8 << 96 | 1),
        ("ipv6", "::ffff:192.0.2.1", V4 + 0xC0000201),
        ("cidr", "10.0.0.0/8", (V4 + (10 << 24), 104)),
        ("cidr", "0.0.0.0/0", (V4, 96)),
        ("cidr", "2001:db8::/32", (0x20010DB8 << 96, 32)),
        ("wild", "10.2.3-9.x", (((10, 10),), ((2, 2),), ((3, 9),), ((0, 255),))),
        ("wild", "10.0.0.1-9", (((10, 10),), ((0, 0),), ((0, 0),), ((1, 9),))),
        ("wild", "2001:db8::x", (((0x2001, 0x2001),), ((0xDB8, 0xDB8),), *[((0, 0),)] * 5, ((0, 0xFFFF),))),
    ],
)
def test_value(kind: str, text: str, value: object) -> None:
    assert decode(kind, text) == value
    in_file = one(f"nets n = {text}").items[0]
    assert (in_file.kind, in_file.text, in_file.value) == (kind, text, value)


@pytest.mark.parametrize(
    ("text", "start", "unit", "length"),
    [
        ("2026-01-31", "2026-01-31T00:00:00+00:00", "day", 86_400_000),
        ("2026-01-31T10", "2026-01-31T10:00:00+00:00", "hour", 3_600_000),
        ("2026-01-31T10:00Z", "2026-01-31T10:00:00+00:00", "minute", 60_000),
        ("2026-01-31T10:00:30", "2026-01-31T10:00:30+00:00", "second", 1000),
        ("2026-01-31T10:30:15.250Z", "2026-01-31T10:30:15.250+00:00", "millisecond", 1),
        ("2026-01-31T10:30:15.250000", "2026-01-31T10:30:15.250+00:00", "millisecond", 1),
        ("2026-01-31T10:00-05:00", "2026-01-31T15:00:00+00:00", "minute", 60_000),
        ("2026-01-01T00:30+05:45", "2025-12-31T18:45:00+00:00", "minute", 60_000),
        ("2009/09/01", "2009-09-01T00:00:00+00:00", "day", 86_400_000),
        ("2009/09/01:13", "2009-09-01T13:00:00+00:00", "hour", 3_600_000),
        ("2009/09/02:12:30:15.5", "2009-09-02T12:30:15.500+00:00", "millisecond", 1),
        ("1969-12-31", "1969-12-31T00:00:00+00:00", "day", 86_400_000),
        ("2024-02-29", "2024-02-29T00:00:00+00:00", "day", 86_400_000),
    ],
)
def test_time(text: str, start: str, unit: str, length: int) -> None:
    first = round((datetime.fromisoformat(start) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    expected = tree.TimeValue(first, first + length - 1, unit)
    assert decode("time", text) == expected
    assert one(f"nets n = {text}").items[0].value == expected


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("number", "9223372036854775808", "FR115"),
        ("number", "1" * 5000, "FR115"),
        ("number", "0." + "1" * 5000, "FR115"),
        ("count", "1.2345k", "FR116"),
        ("count", "9999999999G", "FR115"),
        ("size", "0.1B", "FR116"),
        ("size", "9000000TiB", "FR115"),
        ("duration", "0.1ms", "FR116"),
        ("duration", "1.0001s", "FR116"),
        ("ipv4", "300.1.1.1", "FR117"),
        ("ipv4", "010.0.0.1", "FR117"),
        ("ipv6", "2001:db8::1::2", "FR117"),
        ("ipv6", "12345::", "FR117"),
        ("cidr", "10.0.0.1/8", "FR118"),
        ("cidr", "10.0.0.0/33", "FR119"),
        ("cidr", "2001:db8::/129", "FR119"),
        ("cidr", "2001:db8::1/64", "FR118"),
        ("cidr", "300.0.0.0/8", "FR117"),
        ("wild", "10.300.x.x", "FR117"),
        ("wild", "10.9-2.x.x", "FR117"),
        ("time", "2026-13-40", "FR122"),
        ("time", "2026-02-29", "FR122"),
        ("time", "0000-01-01", "FR122"),
        ("time", "2026-01-31T24:00", "FR122"),
        ("time", "2026-01-31T10:60", "FR122"),
        ("time", "2026-01-31T10:00:60", "FR122"),
        ("time", "2026-01-31T10:00+19:00", "FR122"),
        ("time", "2026-01-31T10:00:00.0001", "FR116"),
    ],
)
def test_refusal(kind: str, text: str, code: str) -> None:
    with pytest.raises(LiteralError) as caught:
        decode(kind, text)
    assert caught.value.code == code


@settings(max_examples=100)
@given(st.integers(1970 * 366, 2400 * 365), st.integers(0, 86_399_999))
def test_times_as_the_calendar_has_them(day: int, ms: int) -> None:
    when = datetime.fromtimestamp((day - 719_163) * 86400 + ms // 1000, UTC)
    text = f"{when:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"
    value = decode("time", text)
    assert isinstance(value, tree.TimeValue)
    assert value.start == round(when.timestamp()) * 1000 + ms % 1000
    assert value.start == value.end
    assert decode("time", f"{when:%Y/%m/%d:%H:%M:%S}.{ms % 1000:03}") == value


def test_flags() -> None:
    assert literals.decode_flags("ARSF") == "FSRA"
    assert literals.decode_flags("SS") == "S"
    assert literals.decode_flag_mask("S/SAFR") == ("S", "FSRA")
    assert literals.decode_flag_mask("/SA") == ("", "SA")
    for wrong in ("SA/S", "X/X", "S/SX"):
        with pytest.raises(LiteralError):
            literals.decode_flag_mask(wrong)


def test_days_run_over_the_end_of_the_week() -> None:
    assert literals.decode_days("mon-fri") == (0, 1, 2, 3, 4)
    assert literals.decode_days("sat-mon") == (5, 6, 0)
    assert literals.decode_days("wed") == (2,)
    assert literals.decode_days("mon-sun") == (0, 1, 2, 3, 4, 5, 6)
    assert literals.decode_days("tue-mon") == (1, 2, 3, 4, 5, 6, 0)


def test_clock() -> None:
    assert literals.decode_clock("08:30") == 510
    assert literals.decode_clock("24:00") == 1440
    for wrong in ("24:01", "25:00", "10:60"):
        with pytest.raises(LiteralError):
            literals.decode_clock(wrong)


@pytest.mark.parametrize(
    "ends", ["0-10kB", "40-1500", "10-5k", "0-30s", "1%-5%", "1.5-2.5", "::1-::9", "80-80"]
)
def test_ranges_of_one_family(ends: str) -> None:
    assert isinstance(one(f"ports p = {ends}").items[0], tree.Range)


def test_a_range_of_times_ends_with_its_unit() -> None:
    found = one("nets n = 2009/09/01 .. 2009/09/01").items[0]
    assert found.high.value.end - found.low.value.start == 86_399_999
