"""Dense numbers for values: every value one code, whatever the order, the size and the thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrules.engine import address_ids
from flowrules.engine.address_ids import AddressIds
from flowrules.engine.dictionaries import NumberCodes, WordCodes
from flowrules.engine.groups import GroupNumbers
from flowrules.engine.key_codes import NumberCoder
from flowrules.flows.table import widen
from flowrules.model import expression as ex
from flowrules.model.fields import ADDRESS
from flowrules.model.types import TIME

RANDOM = np.random.default_rng(7)
KINDS = {
    "ports": lambda k: RANDOM.integers(0, 65536, 900).astype(np.uint16),
    "flags": lambda k: RANDOM.integers(0, 256, 900).astype(np.uint8),
    "small": lambda k: RANDOM.integers(0, 5000, 900),
    "growing window": lambda k: RANDOM.integers(0, 1000 * 4**k, 900),
    "hours": lambda k: (RANDOM.integers(0, 1 << 40, 900) + 1_265_000_000_000) // 3_600_000,
    "below the window": lambda k: RANDOM.integers(10**6 - 10**5 * k - 9, 10**6, 900),
    "far": lambda k: RANDOM.integers(0, 1 << 62, 900),
    "near and far": lambda k: np.r_[RANDOM.integers(0, 99, 900), RANDOM.integers(1 << 40, 1 << 41, 90)],
    "negative": lambda k: RANDOM.integers(-500, 500, 900),
    "highest": lambda k: np.uint64(2**64 - 1) - RANDOM.integers(0, 50, 900).astype(np.uint64),
}


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_get_one_code_each_and_come_back(kind: str) -> None:
    held = NumberCodes()
    for k in range(8):
        values = KINDS[kind](k)
        codes = held.encode(values)
        dtype = np.uint64 if values.dtype == np.uint64 else np.int64
        assert codes.min() > 0
        assert (held.values(dtype)[codes] == values).all()
        assert (held.find(values) == codes).all()
    values = held.values()[1:]
    assert len(np.unique(values)) == len(values)


@pytest.mark.parametrize("base", [0, 1 << 40])
def test_new_numbers_of_a_window_get_one_code_each(base: int) -> None:
    held = NumberCodes()
    held.encode(np.arange(base, base + 1000, 10, dtype=np.int64))
    asked = base + np.array([5, 7, 5, 990, 7, 5, 993, 0], np.int64)
    codes = held.encode(asked)
    assert len(held) == 104
    assert held.values().take(codes).tolist() == asked.tolist()
    assert held.encode(asked).tolist() == codes.tolist()


def test_what_was_not_encoded_is_not_found() -> None:
    held = NumberCodes()
    held.encode(np.array([5, 1 << 50]))
    assert held.find(np.array([5, 6, 1 << 50, 1 << 51])).tolist() == [1, 0, 2, 0]
    words = WordCodes(2)
    words.encode(np.array([1, 0], np.uint64), np.array([2, 0], np.uint64))
    seen = words.find(np.array([1, 2, 0], np.uint64), np.array([2, 1, 0], np.uint64))
    assert (seen > 0).tolist() == [True, False, True]


def test_a_value_of_zero_is_a_value() -> None:
    assert WordCodes().encode(np.zeros(3, np.uint64)).tolist() == [1, 1, 1]
    assert NumberCodes().encode(np.zeros(3, np.int64)).tolist() == [1, 1, 1]


@pytest.mark.parametrize("most_pages", [0, 2, 128])
def test_addresses_of_both_versions_share_one_numbering(
    most_pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address_ids, "MOST_PAGES", most_pages)
    ids = AddressIds()
    for k in range(6):
        narrow = RANDOM.integers(0, 1 << (12 + 4 * k), 700).astype(np.uint32)
        codes = ids.encode(narrow)
        assert (ids.addresses()[codes] == widen(narrow)).all()
        wide = np.zeros(700, ADDRESS)
        wide["high"] = RANDOM.integers(0, 3, 700)
        wide["low"] = RANDOM.integers(0, 500, 700) + (0xFFFF << 32)
        codes = ids.encode(wide)
        assert (ids.addresses()[codes] == wide).all()
        assert (ids.find(widen(narrow)) == ids.find(narrow)).all()
    held = ids.addresses()[1:]
    assert len(np.unique(held)) == len(held)


def test_group_numbers_stay_when_columns_grow() -> None:
    groups = GroupNumbers((32, 17, 9, 32))
    seen: dict[tuple[int, ...], int] = {}
    for k in range(12):
        columns = [
            RANDOM.integers(0, 1 << min(1 + bits * k // 11, bits), 400).astype(np.uint32)
            for bits in (30, 16, 8, 20)
        ]
        numbers = groups.encode(columns)
        for row, number in zip(
            zip(*(c.tolist() for c in columns), strict=True), numbers.tolist(), strict=True
        ):
            assert seen.setdefault(row, number) == number
    assert len(set(seen.values())) == len(seen)
    held = groups.columns()
    for row, number in seen.items():
        assert tuple(int(c[number]) for c in held) == row


def test_threads_agree_on_codes() -> None:
    ids, numbers = AddressIds(), NumberCodes()
    groups = GroupNumbers((32, 32))
    batches = [RANDOM.integers(0, 40_000, 5000) * 70_001 % (1 << 32) for _ in range(40)]

    def work(batch: np.ndarray) -> list[np.ndarray]:
        a = ids.encode(batch.astype(np.uint32))
        n = numbers.encode(batch)
        return [a, n, groups.encode((a, n))]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, batches))
    held = groups.columns()
    for batch, (a, n, g) in zip(batches, found, strict=True):
        assert (ids.addresses()["low"][a] == batch.astype(np.uint64) + np.uint64(0xFFFF << 32)).all()
        assert (numbers.values()[n] == batch).all()
        assert (held[0][g] == a).all()
        assert (held[1][g] == n).all()


def test_a_window_is_not_opened_over_codes_that_another_thread_has_given() -> None:
    codes = NumberCodes()
    ports = np.array([5, 80], np.uint16)
    given = codes.encode(ports).tolist()
    codes.reserve(1 << 16)
    assert codes.encode(ports).tolist() == given
    assert len(codes) == 3


@given(
    times=st.lists(st.integers(-(10**6), 10**6).map(lambda t: t // 7), max_size=30),
    width=st.sampled_from([1, 1000, 50_000, 10**6]),
)
def test_times_get_the_codes_of_their_bins(times: list[int], width: int) -> None:
    stime = ex.Field(type=TIME, name="stime")
    coder = NumberCoder(ex.Bin(type=TIME, of=stime, width=width), 32)
    for most in (len(times), len(times) // 2):
        some = np.array(times[:most], np.int64)
        codes = coder._codes_of_bins(some, width)
        assert coder.decode(codes).values.tolist() == [t // width * width for t in times[:most]]
        assert (codes > 0).all()


def test_combinations_are_direct_while_they_fit_a_window() -> None:
    numbers = GroupNumbers((32, 32))
    for greatest, direct in ((0, True), (31, True), (1 << 20, False)):
        numbers.encode([np.array([1, greatest], np.uint32)] * 2)
        assert numbers.direct is direct
    assert not GroupNumbers((32, 32, 32)).direct
