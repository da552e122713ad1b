"""flowrules: from a store, or from a SiLK file as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import define

from benchmarks.cases.case import Case
from benchmarks.peers.contender import Answers, Contender, not_installed
from flowrules.model.fields import ADDRESS, IPV4_MAPPED


@define
class Store(Contender):
    """From the column store, whose files are mapped; planning is counted, parsing and checking the ruleset is loading."""

    rules: Any = None
    sources: Any = None

    forms = ("store",)

    @classmethod
    def lacks(cls, case: Case) -> str:
        return ""

    def load(self) -> None:
        import flowrules

        place = self.scratch / "case.frules"
        place.write_text(self.case.ruleset)
        self.rules = flowrules.load(place, set=dict(self.case.settings(self.scratch)))
        self.sources = self._open()

    def _open(self) -> Any:
        import flowrules

        return list(flowrules.open_store(self.data.path("store")).sources())

    def answer(self) -> Any:
        return self.rules.run(self.sources, threads=self.threads)

    def normal(self, found: Any) -> Answers:
        wide = self.case.layout == "wide"
        results = found.profile.results
        out: dict[str, Any] = {}
        for name, members in results.sets.items():
            if members.addresses is not None:
                out[name.rpartition(":")[2]] = [_members(members.addresses)]
        for name, table in results.tables.items():
            columns: list[Any] = []
            for series in table.frame.columns.values():
                columns += _columns(series, wide)
            out[name.rpartition(":")[2]] = columns
        for name, profile in results.profiles.items():
            out[name.rpartition(":")[2]] = [profile.verdict]
        return out


@define
class Compiled(Store):
    """As ``Store``, with compiled kernels."""

    @classmethod
    def lacks(cls, case: Case) -> str:
        return not_installed("numba")

    def answer(self) -> Any:
        return self.rules.run(self.sources, threads=self.threads, kernels="compiled")


@define
class SilkFile(Store):
    """From a SiLK file, nothing converted before."""

    forms = ("silk",)

    def _open(self) -> Any:
        from flowrules.flows.sources import open_sources

        return list(open_sources([str(self.data.path("silk"))]))


def _members(addresses: Any) -> Any:
    return np.array([a - IPV4_MAPPED for a in addresses.addresses()], np.uint64)


def _columns(series: Any, wide: bool) -> list[Any]:
    values = series.values
    if series.type.name == "address":
        if not values.dtype.names:
            return (
                [np.zeros_like(values), values.astype(np.uint64) + np.uint64(IPV4_MAPPED)]
                if wide
                else [values]
            )
        if wide:
            return [values["high"], values["low"]]
        assert values.dtype == ADDRESS
        return [values["low"] - np.uint64(IPV4_MAPPED)]
    if series.known is not None:
        values = np.where(series.known, values, 0)
    return [values]
