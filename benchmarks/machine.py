"""The machine and the versions that figures belong to, and how fast it reads memory."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import versions

_ROOM = 1 << 28


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, load when asked, and versions of Python and packages."""
    from flowrules import __version__

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {"flowrules": __version__, **versions()},
    }


def said(found: dict[str, Any]) -> str:
    """The same in a sentence."""
    names = {"flowrules": "flowrules", "polars": "Polars", "duckdb": "DuckDB", "silk": "SiLK"}
    packages = ", ".join(f"{names.get(n, n)} {v}" for n, v in found["versions"].items())
    return (
        f"{found['processor']}, {found['cores']} cores, {found['memory'] / 1e9:.0f} GB, {found['system']}, "
        f"Python {found['python']}, {packages}; load {found['load']} before the first case"
    )


def read_bandwidth(rounds: int = 7) -> float:
    """Bytes a second that one thread reads from memory: the best of several sums over 256 MB."""
    room = np.ones(_ROOM // 8, np.uint64)
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        np.bitwise_or.reduce(room)
        best = min(best, time.perf_counter() - start)
    return _ROOM / best


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
