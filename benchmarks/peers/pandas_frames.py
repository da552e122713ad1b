"""pandas: a frame in memory."""

from __future__ import annotations

from typing import Any

from attrs import define

from benchmarks.cases.case import Case
from benchmarks.peers.contender import NO_QUERY, Contender, not_installed


@define
class Pandas(Contender):
    """A frame in memory; it has one thread."""

    frame: Any = None

    forms = ("parquet",)

    @classmethod
    def lacks(cls, case: Case) -> str:
        missing = not_installed("pandas") or not_installed("pyarrow")
        return missing or ("" if case.pandas else f"pandas {NO_QUERY}")

    def load(self) -> None:
        import pandas as pd

        self.frame = pd.read_parquet(self.data.path("parquet"), columns=list(self.case.columns))

    def answer(self) -> Any:
        assert self.case.pandas is not None
        return self.case.pandas(self.frame)
