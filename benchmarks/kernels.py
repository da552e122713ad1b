"""The kernels in numpy and compiled, one by one, on made columns that stay in the cache.

    python benchmarks/kernels.py [--rows 131072] [--rounds 15]

Times are CPU nanoseconds a row, medians of rounds that alternate between the two; results are compared first (those of ``tally``
are compared in the tests alone).
Needs ``pip install 'flowrules[compiled]'``.  Prints what loading and compiling take, too, each in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent

Work = Callable[[Any], Any]


def works(rows: int) -> Iterator[tuple[str, Work]]:
    """What is measured: a name, and a function of kernels that returns what is compared."""
    draw = np.random.default_rng(1)
    ports = (65536 * draw.random((2, rows)) ** 2).astype(np.uint16)
    bytes_ = draw.integers(0, 32, (3, rows)).astype(np.uint8)
    tables = [draw.integers(0, 40, size).astype(np.uint32) for size in (256, 256, 256, 65536, 65536)]
    values = draw.integers(40, 1 << 20, rows).astype(np.uint32)
    wide = values.astype(np.uint64)
    yield "cells: five columns", lambda k: k.cells(tables, [*bytes_, *ports])
    for size in (8, 1000):
        groups = (size * draw.random(rows) ** 2).astype(np.uint32)
        yield f"order: {size} groups", lambda k, g=groups, s=size: k.order(g, s)
        table = (draw.permutation(size) * (draw.random(size) < 0.5)).astype(np.uint32)
        yield f"live: half of {size}", lambda k, t=table, g=groups: k.live(t, g)
    for size in (200, 50_000):
        places = (size * draw.random(rows) ** 2).astype(np.intp)
        counts, sums = np.zeros(size, np.int64), np.zeros(size, np.uint64)

        def count(k: Any, counts: Any = counts, places: Any = places) -> Any:
            counts[:] = 0
            k.count(counts, places)
            return counts.copy()

        def add(k: Any, sums: Any = sums, places: Any = places) -> Any:
            sums[:] = 0
            k.add(sums, places, values)
            return sums.copy()

        def keep(k: Any, sums: Any = sums, places: Any = places, wide: Any = wide) -> Any:
            sums[:] = 0
            k.keep(sums, places, wide, False)
            return sums.copy()

        yield f"count: {size:,} groups", count
        yield f"add: {size:,} groups", add
        yield f"keep: {size:,} groups", keep
    for size in (200, 50_000, 3_000_000):
        taken = (size * draw.random(rows) ** 2).astype(np.intp)
        held = np.zeros(size, np.uint64)

        def tally(k: Any, held: Any = held, taken: Any = taken) -> Any:
            k.tally(held, taken, values, np.uint64(1 << 40))
            return None

        yield f"tally: {size:,} places", tally
    directory = np.zeros(1 << 16, np.uint32)
    directory[:8] = np.arange(8)
    pages = np.arange(1, (8 << 16) + 1, dtype=np.uint32)
    for name, spread in (("5,000", 5000), ("500,000", 8 << 16)):
        hosts_met = (spread * draw.random(rows) ** 2).astype(np.uint32)
        yield f"ids: {name} addresses", lambda k, a=hosts_met: k.ids(directory, pages, a)
    from flowrules.engine.dictionaries import WordCodes
    from flowrules.model.address_set import AddressSet

    listed = AddressSet.from_addresses(draw.integers(0, 1 << 24, 100_000).astype(np.uint32)).ipv4_index
    sought_addresses = draw.integers(0, 1 << 24, rows).astype(np.uint32)
    yield "members: of 100,000", lambda k: k.members(listed, sought_addresses)

    for width in (1, 2):
        codes = WordCodes(width)
        words = [draw.integers(0, 1 << 63, 20_000, dtype=np.uint64) for _ in range(width)]
        codes.encode(*words)
        asked = (20_000 * draw.random(rows) ** 2).astype(np.intp)
        state, sought = codes._state, [w.take(asked) for w in words]
        yield (
            f"find: {width} word{'s' * (width > 1)}",
            lambda k, s=state, w=sought: k.find(s.slots, s.shift, s.words, w),
        )
    wanted = draw.random((85, 1000)) < 0.13
    numbers = draw.poisson(0.2, (1000, 6000))
    yield "sum_rows: 1,000 by 6,000 (ms)", lambda k: k.sum_rows(wanted, numbers)


def measured(work: Work, tiers: list[Any], rounds: int) -> list[float]:
    """CPU seconds of each, medians."""
    found = [work(tier) for tier in tiers]
    if not same(found[0], found[1]):
        raise SystemExit("the results differ")
    times: list[list[float]] = [[] for _ in tiers]
    for _ in range(rounds):
        for tier, own in zip(tiers, times, strict=True):
            start = time.thread_time()
            work(tier)
            own.append(time.thread_time() - start)
    return [statistics.median(own) for own in times]


def same(one: Any, other: Any) -> bool:
    """Whether two results are equal."""
    if isinstance(one, tuple):
        return all(map(same, one, other))
    return bool(np.array_equal(one, other))


def loading(cache: str) -> float:
    """CPU seconds that compiled kernels take to load, beyond numpy's, in a process of its own."""
    code = (
        "import time, flowrules.engine.run; t = time.process_time()\n"
        "from flowrules.engine.kernels.choice import choose; c = choose('compiled')\n"
        "assert c.note is None, c.note\n"
        "print(time.process_time() - t)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    """Print a line for each kernel."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1 << 17)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from flowrules.engine.kernels import NumpyKernels
    from flowrules.engine.kernels.choice import choose

    chosen = choose("compiled")
    if chosen.note is not None:
        raise SystemExit(chosen.note)
    print("| kernel | numpy | compiled | times |\n|---|---|---|---|")
    for name, work in works(given.rows):
        plain, compiled = measured(work, [NumpyKernels(), chosen.kernels], given.rounds)
        scale = 1e3 if name.endswith("(ms)") else 1e9 / given.rows
        print(f"| {name} | {plain * scale:.2f} | {compiled * scale:.2f} | {plain / compiled:.1f} |")
    with TemporaryDirectory() as cache:
        first, again = loading(cache), statistics.median(loading(cache) for _ in range(3))
    print(f"\nthe first time on a machine {first:.2f} s to compile and load, {again:.2f} s from then on")


if __name__ == "__main__":
    main()
