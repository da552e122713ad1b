"""Worker processes beside one process with one thread, on the same flows and rules, answers compared first.

    python -m benchmarks.cluster FOLDER [--rows 60000000] [--rules 1000] [--workers 2] [--rounds 3] [--form silk]

The ruleset is the report's nine answers and random rules, half of them by home host.  Clocks start after the ruleset is
loaded, the flows are opened and the workers are up, and end when the report is made as text; answers
are compared as JSON.  The CPU time is that of this process (client and scheduler) and of all workers.  Pairs alternate, and the first
is not counted.  Last, a worker is killed in the middle of a run, whose answers are compared too.  The flows are made
below FOLDER where they are not there yet; a JSON with all figures is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cases.report import RULESET
from benchmarks.data import Data
from benchmarks.flows import Flows
from benchmarks.machine import machine
from benchmarks.measure import Disagreement
from benchmarks.rules import make_rules


def _ruleset(rules: int) -> str:
    text = RULESET.read_text()
    for number, rule in enumerate(make_rules("mixed", rules)):
        per = f" per {rule.host} keep top 20" if number % 2 else ""
        text += f"table r{number} = flows, sum(bytes) of ({rule.frules()}){per}\n"
    return text


def _answers(
    program: Any,
    path: Path,
    executor: Any,
    progress: Callable[[int], None] | None = None,
    workers: Any = None,
) -> tuple[dict[str, float], str]:
    """The seconds of one run from open flows to the report, and a digest of that; ``workers`` are those whose CPU time counts."""
    from flowrules.engine.run import run
    from flowrules.flows.sources import open_sources
    from flowrules.profile.build import build
    from flowrules.report.document import document
    from flowrules.report.json_report import json_report
    from flowrules.report.text_report import text_report

    sources = open_sources([path])
    wall, cpu = time.perf_counter(), _processor(workers)
    results = run(program, sources, conf=sources.conf, executor=executor, progress=progress)
    profile = build(program, results, None)
    text_report(document(profile, 20))
    taken = {"wall": time.perf_counter() - wall, "cpu": _processor(workers) - cpu}
    return taken, hashlib.blake2b(json_report(profile).encode(), digest_size=16).hexdigest()


def _processor(workers: Any) -> float:
    """The CPU seconds that this process has taken so far, and those of workers."""
    theirs = 0.0 if workers is None else sum(workers.client.run(time.process_time).values())
    return time.process_time() + theirs


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """The wall and CPU seconds of all rounds, and how many times as fast the workers were."""
    from flowrules.check.check import check
    from flowrules.cluster.connecting import cluster
    from flowrules.engine.stage import Threads
    from flowrules.model.source_text import SourceText

    path = Data(asked.folder, Flows(asked.rows)).path(asked.form)
    program = check([SourceText("answers", _ruleset(asked.rules))], mode="run").program
    assert program is not None
    seconds: dict[str, list[dict[str, float]]] = {"one thread": [], "workers": []}
    with cluster(workers=asked.workers) as workers:
        digests = set()
        for number in range(asked.rounds + 1):
            for name, executor, counted in (("one thread", Threads(1), None), ("workers", workers, workers)):
                taken, digest = _answers(program, path, executor, workers=counted)
                digests.add(digest)
                told = f"{taken['wall']:.2f} s, {taken['cpu']:.2f} s of CPU"
                print(f"round {number}, {name}: {told}", file=sys.stderr)
                if number:
                    seconds[name].append(taken)
        left = [min(workers.client.run(os.getpid).values())]

        def kill(done: int) -> None:
            if left and done > asked.rows // 2:
                os.kill(left.pop(), signal.SIGKILL)

        taken, digest = _answers(program, path, workers, kill)
        print(f"with a worker killed in the middle: {taken['wall']:.2f} s", file=sys.stderr)
        digests.add(digest)
    if len(digests) != 1:
        raise Disagreement("the workers and the thread found different answers")
    alone, shared = (
        {clock: median(each[clock] for each in seconds[name]) for clock in ("wall", "cpu")}
        for name in ("one thread", "workers")
    )
    return {
        "machine": machine(),
        "rows": asked.rows,
        "rules": asked.rules,
        "form": asked.form,
        "workers": asked.workers,
        "seconds": seconds,
        "with a worker killed": taken["wall"],
        "times as fast": round(alone["wall"] / shared["wall"], 2),
        "times the CPU time": round(shared["cpu"] / alone["cpu"], 2),
    }


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=60_000_000)
    parser.add_argument("--rules", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--form", choices=("silk", "store", "repository"), default="silk")
    print(json.dumps(measure(parser.parse_args()), indent=2))


if __name__ == "__main__":
    main()
