"""What is measured, study by study: which contenders answer which cases over how many flows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attrs import Factory, field, frozen

from benchmarks.cases import all_cases, find_case
from benchmarks.data import Data
from benchmarks.flows import Flows
from benchmarks.measure import Entrant, Figures, Say, contest, one_shots
from benchmarks.peers import CONTENDERS

USUAL = ("flowrules", "polars", "polars-hand", "polars-clustered", "duckdb", "pandas", "silk", "nfdump")
MANY = tuple(name for name in USUAL if name != "pandas")  # which takes a minute for 200 rules
SHORT = ("flowrules", "polars", "polars-hand", "duckdb")
ONE_SHOT = ("flowrules-silk", "polars-parquet", "duckdb-parquet", "silk-file")
TIERS = ("flowrules", "flowrules-compiled")
TIERED = ("report", "counts", "hosts", "mixed", "external", "pairs", "distinct")
HARD = (
    "cidrs", "thresholds", "mixed", "wide", "set", "external", "pairs", "distinct", "distinct-ports", "quantile",
    "hourly", "ports", "sequence", "stages", "shuffled",
)  # fmt: skip
BYTES = {
    "sip": 4, "dip": 4, "sport": 2, "dport": 2, "protocol": 1, "packets": 4, "bytes": 4, "flags": 1, "type": 1,
}  # fmt: skip
"""How wide the store's columns are."""


@frozen
class Setting:
    """How everything is measured."""

    folder: Path
    rows: int
    rules: int = 200
    rounds: int = 3
    threads: int = 1
    patience: float = 20.0
    """Seconds after which an entrant is not asked another time."""
    without: Sequence[str] = ()
    say: Say = field(default=print)
    part: float = 1.0
    """The share of ``rows`` that hard cases are asked of."""
    rows_studied: Sequence[int] = ()
    days: int = 30
    day_rows: int = 2_000_000
    cluster_rows: int = 60_000_000
    cluster_rules: int = 1000

    def data(self, rows: int, layout: str = "usual") -> Data:
        """Flows of so many rows."""
        return Data(self.folder, Flows(max(rows, 1), layout))

    def entrants(self, names: Sequence[str], data: Data, threads: int = 0) -> list[Entrant]:
        """Contenders over the same flows."""
        return [Entrant(n, data, threads or self.threads) for n in names if n not in self.without]


@frozen
class Found:
    """What a study found: figures of entrants, and facts of its own."""

    study: str
    text: str
    figures: Sequence[Figures]
    facts: Mapping[str, Any] = Factory(dict)


Study = Callable[[Setting], Found]


def _contests(study: str, text: str, cases: Sequence[str], names: Sequence[str], part: bool) -> Study:
    def run(s: Setting) -> Found:
        figures: list[Figures] = []
        for name in cases:
            many = f"{name}-{s.rules}"
            counted = many if many in all_cases(s.rules) else name
            case = find_case(counted)
            rows = int(s.rows * case.weight * (s.part if part else 1))
            data = s.data(rows, case.layout)
            figures += contest(counted, s.entrants(names, data), s.rounds, s.patience, s.say)
        return Found(study, text, figures)

    return run


def of_cases(names: Sequence[str]) -> Study:
    """Some cases beside all contenders."""
    return _contests("cases", "cases", names, USUAL, False)


def growth(s: Setting) -> Found:
    """More and more rules over the same flows."""
    figures: list[Figures] = []
    data = s.data(s.rows)
    for count in (1, 10, 50, s.rules):
        figures += contest(
            f"counts-{count}", s.entrants(("flowrules", "polars"), data), s.rounds, s.patience, s.say
        )
    own = {f.case: f for f in figures if f.entrant == "flowrules"}
    few, many = own["counts-10"], own[f"counts-{s.rules}"]
    return Found("growth", "more rules over the same flows", figures, _ratios(many, few, "times"))


def thousand(s: Setting) -> Found:
    """A thousand rules."""
    data = s.data(int(s.rows * s.part))
    figures = contest("mixed-1000", s.entrants(SHORT[:3], data), s.rounds, s.patience, s.say)
    return Found("thousand", "a thousand rules", figures)


def oneshot(s: Setting) -> Found:
    """New processes: from the start of the interpreter to the answers."""
    data = s.data(s.rows // 4)
    figures = one_shots("report", s.entrants(ONE_SHOT, data), s.rounds, s.say)
    return Found(
        "oneshot", "one shot: a process from its start to the answers, nothing converted before", figures
    )


def rows(s: Setting) -> Found:
    """More and more flows: time and memory."""
    figures: list[Figures] = []
    for count in s.rows_studied or (s.rows // 4, s.rows):
        for name in ("report", f"mixed-{s.rules}", "distinct"):
            data = s.data(count)
            figures += contest(name, s.entrants(("flowrules",), data), s.rounds, s.patience, s.say)
    facts = {}
    for name in dict.fromkeys(f.case for f in figures):
        own = [f for f in figures if f.case == name]
        facts[name] = _per_row(own[-1]) / _per_row(own[0])
    return Found("rows", "more flows", figures, facts)


def _per_row(found: Figures) -> float:
    return found.median("cpu") / found.rows


def threads(s: Setting) -> Found:
    """Two threads against one."""
    figures: list[Figures] = []
    for name in ("report", f"mixed-{s.rules}", f"hosts-{s.rules}"):
        data = s.data(s.rows)
        entrants = [
            Entrant(c, data, t, f"{c}, {t} thread{'s' if t > 1 else ''}")
            for c in ("flowrules", "polars")
            for t in (1, 2)
            if c not in s.without
        ]
        figures += contest(name, entrants, s.rounds, s.patience, s.say)
    facts = {}
    for name in dict.fromkeys(f.case for f in figures):
        own = [f for f in figures if f.case == name and f.entrant.startswith("flowrules")]
        facts[name] = own[0].median("wall") / own[1].median("wall")
    return Found("threads", "two threads against one", figures, facts)


def bandwidth(s: Setting) -> Found:
    """How much of what one thread can read from memory is read of the columns that the rules name."""
    from benchmarks.machine import read_bandwidth

    most = read_bandwidth()
    figures: list[Figures] = []
    facts = {"read": most}
    for name in ("report", f"counts-{s.rules}"):
        data = s.data(s.rows)
        found = contest(name, s.entrants(("flowrules",), data, 1), s.rounds, s.patience, s.say)
        figures += found
        width = sum(BYTES[c] for c in find_case(name).columns)
        for one in found:
            facts[name] = width * one.rows / one.median("wall") / most
    return Found("bandwidth", "share of one thread's read bandwidth on the touched columns", figures, facts)


def incremental(s: Setting) -> Found:
    """One more day of flows, with a state."""
    from benchmarks.incremental import one_more_day

    figures, facts = one_more_day(s.folder, s.days, s.day_rows, 1, s.threads, s.say)
    return Found("incremental", "one more day, in a run that remembers", figures, facts)


def cluster(s: Setting) -> Found:
    """Two worker processes of a cluster beside one thread, and with a worker killed."""
    text = "two worker processes of a cluster on this machine, beside one process with one thread"
    if find_spec("distributed") is None:
        s.say("  cluster: dask.distributed is not installed")
        return Found("cluster", text, [])
    asked = [str(s.folder), "--rows", str(s.cluster_rows), "--rules", str(s.cluster_rules), "--rounds", "1"]
    command = [sys.executable, "-m", "benchmarks.cluster", *asked]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    figures = []
    for name, threads in (("one thread", 1), ("workers", told["workers"])):
        times = told["seconds"][name]
        case = f"report and {told['rules']} rules"
        figures.append(Figures(case, f"flowrules, {name}", told["rows"], threads, {}, times[0], times))
    facts = {"workers, as fast": told["times as fast"], "CPU time of all": told["times the CPU time"]}
    return Found("cluster", text, figures, facts)


def _ratios(above: Figures, below: Figures, name: str) -> dict[str, float]:
    return {f"{name}, {clock}": above.median(clock) / below.median(clock) for clock in ("wall", "cpu")}


STUDIES: Mapping[str, Study] = {
    "report": _contests("report", "the report's nine answers", ["report"], USUAL, False),
    "rules": _contests("rules", "many rules", ["counts", "hosts"], MANY, False),
    "growth": growth,
    "hard": _contests("hard", "the hard cases", HARD, SHORT, True),
    "thousand": thousand,
    "oneshot": oneshot,
    "kernels": _contests("kernels", "numpy's kernels and compiled ones", TIERED, TIERS, False),
    "bandwidth": bandwidth,
    "threads": threads,
    "rows": rows,
    "incremental": incremental,
    "cluster": cluster,
}
"""Studies by name, in the order in which they run."""

assert set(USUAL) | set(ONE_SHOT) | set(TIERS) == set(CONTENDERS)
