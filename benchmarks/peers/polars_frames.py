"""Polars: frames in memory, in the usual order of rows or in that of the store's columns, and Parquet."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from attrs import define

from benchmarks.cases.case import Case
from benchmarks.peers.contender import NO_QUERY, Contender, not_installed


@define
class CollectAll(Contender):
    """Lazy queries over a frame in memory, run with ``collect_all``."""

    frame: Any = None

    forms = ("parquet",)

    @classmethod
    def lacks(cls, case: Case) -> str:
        return not_installed("polars") or ("" if cls._query(case) else f"polars {NO_QUERY}")

    @classmethod
    def prepare(cls, threads: int) -> None:
        os.environ["POLARS_MAX_THREADS"] = str(threads)

    @classmethod
    def _query(cls, case: Case) -> Callable[[Any], Any] | None:
        return case.polars

    def load(self) -> None:
        import polars as pl

        place = self.data.path(self.forms[0])
        self.frame = pl.read_parquet(place, columns=list(self.case.columns)).rechunk().lazy()

    def answer(self) -> Any:
        query = self._query(self.case)
        assert query is not None
        return query(self.frame)


@define
class ByHand(CollectAll):
    """The same with a plan made by hand."""

    @classmethod
    def _query(cls, case: Case) -> Callable[[Any], Any] | None:
        return case.polars_hand


@define
class Clustered(CollectAll):
    """``collect_all`` over rows in the order of the store: by blocks, type and protocol."""

    forms = ("clustered",)


@define
class Parquet(CollectAll):
    """``collect_all`` over a scan of the Parquet file: nothing is loaded before."""

    def load(self) -> None:
        import polars as pl

        self.frame = pl.scan_parquet(self.data.path("parquet"))
