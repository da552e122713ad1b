"""A contest: contenders at one case, each in a process of its own, asked in turn; answers are compared before times count."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from attrs import Factory, asdict, define, frozen

from benchmarks.cases import Case, find_case
from benchmarks.data import Data
from benchmarks.memory import PeakMemory
from benchmarks.peers import find

Say = Callable[[str], None]


class Disagreement(Exception):
    """Contenders answered differently: nothing is to be measured before that is mended."""


@frozen
class Entrant:
    """A contender with what it is given."""

    contender: str
    data: Data
    threads: int = 1
    label: str = ""

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.label or self.contender


@define
class Figures:
    """What was measured of one entrant at one case: wall and CPU in seconds, memory in bytes."""

    case: str
    entrant: str
    rows: int
    threads: int
    load: dict[str, float] = Factory(dict)
    first: dict[str, float] = Factory(dict)
    """The first answer, which brings files into memory and code into the cache."""
    rounds: list[dict[str, float]] = Factory(list)
    peak: int = 0
    """The most anonymous resident memory while loading and answering."""
    idle: int = 0
    """The same before anything is asked, with the interpreter and what it imports."""

    def median(self, what: str) -> float:
        """The median of the rounds; of the first answer where it took so long that there were none."""
        return statistics.median(r[what] for r in self.rounds or [self.first])

    def loaded(self, what: str) -> float:
        """Loading and the first answer together."""
        return self.load.get(what, 0.0) + self.first[what]

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "wall": self.median("wall"), "cpu": self.median("cpu")}


class Process:
    """The process of one entrant."""

    def __init__(self, case: Case, entrant: Entrant, once: bool = False) -> None:
        self.entrant = entrant
        asked = {
            "contender": entrant.contender,
            "case": case.name,
            "folder": str(entrant.data.folder),
            "flows": asdict(entrant.data.flows),
            "threads": entrant.threads,
        }
        command = [sys.executable, "-m", "benchmarks.worker", json.dumps(asked)]
        self._process = subprocess.Popen(
            [*command, "--once"] if once else command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # numpy's linear algebra, which nobody uses here, would have a thread for each core, and these spin at first
            env={**os.environ, "OPENBLAS_NUM_THREADS": str(entrant.threads)},
        )
        self.digests: dict[str, str] = {}
        self.peak = 0

    def ask(self, what: str) -> dict[str, float]:
        """``load`` or ``answer``: its figures."""
        assert self._process.stdin is not None
        with PeakMemory(self._process.pid) as memory:
            if what:
                self._process.stdin.write(f"{what}\n")
                self._process.stdin.flush()
            figures: dict[str, float] = json.loads(self._line())
        self.peak = max(self.peak, memory.peak)
        if what != "load":
            found = json.loads(self._line())
            if self.digests and found != self.digests:
                raise Disagreement(f"{self.entrant.name} answered differently the second time")
            self.digests = found
        return figures

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.entrant.name} ended without an answer (its message is above)")
        return line

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()


def taking_part(case: Case, entrants: Sequence[Entrant], say: Say) -> list[Entrant]:
    """The entrants that can answer; of the others it is said why not."""
    out = []
    for entrant in entrants:
        why = find(entrant.contender).lacks(case)
        if why:
            say(f"  {case.name}: without {entrant.name}: {why}")
        else:
            out.append(entrant)
    return out


def contest(name: str, entrants: Sequence[Entrant], rounds: int, patience: float, say: Say) -> list[Figures]:
    """Ask all entrants in turn, ``rounds`` times; one that has taken ``patience`` seconds is not asked again.

    Raises ``Disagreement`` where answers differ.
    """
    case = find_case(name)
    entrants = taking_part(case, entrants, say)
    for entrant in entrants:
        for form in find(entrant.contender).forms:
            entrant.data.path(form)
    figures = [Figures(case.name, e.name, e.data.flows.rows, e.threads) for e in entrants]
    processes: list[Process] = []
    try:
        for entrant, found in zip(entrants, figures, strict=True):
            process = Process(case, entrant)
            processes.append(process)
            found.load = process.ask("load")
            found.first = process.ask("answer")
            say(f"  {case.name}: {entrant.name}: first answer after {found.loaded('wall'):.2f} s")
        compare(case.name, [(p.entrant.name, p.digests) for p in processes])
        for _ in range(rounds):
            for process, found in zip(processes, figures, strict=True):
                if sum(r["wall"] for r in [found.first, *found.rounds]) < patience:
                    found.rounds.append(process.ask("answer"))
        for process, found in zip(processes, figures, strict=True):
            found.peak = process.peak
    finally:
        for process in processes:
            process.close()
    return figures


def one_shots(name: str, entrants: Sequence[Entrant], rounds: int, say: Say) -> list[Figures]:
    """Ask all entrants in turn, each time in a new process: from its start, imports and all, to the answers."""
    case = find_case(name)
    entrants = taking_part(case, entrants, say)
    for entrant in entrants:
        for form in find(entrant.contender).forms:
            entrant.data.path(form)
    figures = [Figures(case.name, e.name, e.data.flows.rows, e.threads) for e in entrants]
    answered: dict[str, dict[str, str]] = {}
    for number in range(rounds + 1):
        for entrant, found in zip(entrants, figures, strict=True):
            start = time.perf_counter()
            process = Process(case, entrant, once=True)
            try:
                one = process.ask("")
                one["wall"] = time.perf_counter() - start
            finally:
                process.close()
            answered[entrant.name] = process.digests
            found.peak = max(found.peak, process.peak)
            if number:
                found.rounds.append(one)
            else:
                found.first = one
        if not number:
            compare(case.name, list(answered.items()))
    return figures


def compare(case: str, answers: Sequence[tuple[str, dict[str, str]]]) -> None:
    """Raise ``Disagreement`` where an answer of one entrant is not that of the first; each must have all of them."""
    if not answers:
        return
    first, wanted = answers[0]
    for name, found in answers[1:]:
        different = sorted(k for k in {*wanted, *found} if wanted.get(k) != found.get(k))
        if different:
            shown = ", ".join(different[:5]) + (" …" if len(different) > 5 else "")
            raise Disagreement(f"{case}: {name} and {first} answer differently: {shown}")
