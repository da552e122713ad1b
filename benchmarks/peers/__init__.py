"""The contenders: flowrules, and the peers that are there."""

from __future__ import annotations

from benchmarks.peers.contender import Contender

__all__ = ["CONTENDERS", "Contender", "find", "versions"]

CONTENDERS = {
    "flowrules": ("benchmarks.peers.engine", "Store"),
    "flowrules-compiled": ("benchmarks.peers.engine", "Compiled"),
    "flowrules-silk": ("benchmarks.peers.engine", "SilkFile"),
    "polars": ("benchmarks.peers.polars_frames", "CollectAll"),
    "polars-hand": ("benchmarks.peers.polars_frames", "ByHand"),
    "polars-clustered": ("benchmarks.peers.polars_frames", "Clustered"),
    "polars-parquet": ("benchmarks.peers.polars_frames", "Parquet"),
    "duckdb": ("benchmarks.peers.duckdb_sql", "InMemory"),
    "duckdb-parquet": ("benchmarks.peers.duckdb_sql", "Parquet"),
    "pandas": ("benchmarks.peers.pandas_frames", "Pandas"),
    "silk": ("benchmarks.peers.silk", "Repository"),
    "silk-file": ("benchmarks.peers.silk", "OneFile"),
    "nfdump": ("benchmarks.peers.nfdump", "Nfdump"),
}
"""Contenders by name: the module and class of each, imported only in the process that runs it."""


def find(name: str) -> type[Contender]:
    """The class of a contender."""
    from importlib import import_module

    module, own = CONTENDERS[name]
    found: type[Contender] = getattr(import_module(module), own)
    return found


def versions() -> dict[str, str]:
    """The versions of what is compared, and of what it stands on; without those that are not installed."""
    from importlib.metadata import PackageNotFoundError, version

    from benchmarks.peers import nfdump, silk

    out = {}
    for name in ("numpy", "polars", "duckdb", "pandas", "pyarrow"):
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            continue
    out |= {name: found for name, found in (("silk", silk.version()), ("nfdump", nfdump.version())) if found}
    return out
