"""What one more day costs a run that remembers: some days of flows, then one more.

The ruleset is the report's nine answers and random rules, half of them by home host; nothing in it looks at the order of
time.  It runs over all days but the last without a state and with an empty one; then over all days without a
state, and with the state of the days before.  Every run is a process of its own, whose clock starts after the
ruleset is loaded and ends when the report is made as text; every answer is compared with that of a plain run.

    python -m benchmarks.incremental RULESET FLOWS STATE THREADS LEFT-OUT
"""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.cases.report import RULESET
from benchmarks.data import Data
from benchmarks.flows import Flows
from benchmarks.measure import Disagreement, Figures, Say
from benchmarks.memory import PeakMemory
from benchmarks.rules import make_rules

RULES = 200


def one_more_day(
    folder: Path, days: int, rows: int, rounds: int, threads: int, say: Say
) -> tuple[list[Figures], dict[str, Any]]:
    """Figures of the runs, and the share that one more day costs; raises ``Disagreement``."""
    flows = _days(folder, days + 1, rows)
    place = folder / f"incremental-{days}-{rows}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    ruleset, state = place / "answers.frules", place / "state"
    ruleset.write_text(_ruleset())
    last = f"day-{days:04}.rw"

    def run(what: str, kept: Path | None, left_out: str = "") -> tuple[dict[str, float], str, int]:
        command = [sys.executable, "-m", "benchmarks.incremental"]
        arguments = [str(ruleset), str(flows), str(kept or ""), str(threads), left_out]
        process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
        with PeakMemory(process.pid) as memory:
            told, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"the run over {what} ended with {process.returncode} (its message is above)")
        found = json.loads(told)
        say(f"  incremental: {what}: {found['wall']:.2f} s")
        return {k: found[k] for k in ("wall", "cpu")}, found["answers"], memory.peak

    before = [run("the days before, no state", None, last), run("the days before, empty state", state, last)]
    whole, more = [], []
    for _ in range(rounds):
        whole.append(run("all days, no state", None))
        copy = place / "state of this round"
        shutil.copytree(state, copy)
        more.append(run("one day more", copy))
        shutil.rmtree(copy)
    size = sum(p.stat().st_size for p in state.rglob("*") if p.is_file())
    shutil.rmtree(place)
    for same in (before, [*whole, *more]):
        if len({answers for _, answers, _ in same}) > 1:
            raise Disagreement("incremental: a run with a state and one without answer differently")
    figures = []
    for name, runs, of_days in (
        ("flowrules, days before, no state", before[:1], days),
        ("flowrules, days before, empty state", before[1:], days),
        ("flowrules, all days, no state", whole, days + 1),
        ("flowrules, one day more", more, days + 1),
    ):
        times = [figure for figure, _, _ in runs]
        one = Figures(f"{days} + 1 days", name, of_days * rows, threads, {}, times[0], times)
        one.peak = max(peak for _, _, peak in runs)
        figures.append(one)
    share = figures[3].median("cpu") / figures[2].median("cpu")
    return figures, {"one day more, of the full run": f"{share:.1%}", "state": f"{size / 1e6:.0f} MB"}


def _days(folder: Path, days: int, rows: int) -> Path:
    """A folder with a SiLK file for each day."""
    place = folder / f"days-{rows}"
    place.mkdir(parents=True, exist_ok=True)
    for day in range(days):
        file = place / f"day-{day:04}.rw"
        if not file.exists():
            data = Data(folder, Flows(rows, begin=day))
            data.path("silk").rename(file)
            data.forget()
    for file in sorted(place.iterdir())[days:]:
        file.unlink()
    return place


def _ruleset() -> str:
    text = RULESET.read_text()
    for number, rule in enumerate(make_rules("mixed", RULES)):
        per = f" per {rule.host} keep top 20" if number % 2 else ""
        text += f"table r{number} = flows, sum(bytes) of ({rule.frules()}){per}\n"
    return text


def main() -> None:
    """One run: its figures and a hash of its answers, as JSON."""
    ruleset, flows, folder, threads, left_out = sys.argv[1:]
    from flowrules.check.check import check
    from flowrules.engine.run import run
    from flowrules.engine.state.folder import State
    from flowrules.flows.sources import open_sources
    from flowrules.model.source_text import SourceText
    from flowrules.profile.build import build
    from flowrules.report.document import document
    from flowrules.report.json_report import to_json
    from flowrules.report.text_report import text_report

    program = check([SourceText(ruleset, Path(ruleset).read_text())], mode="run").program
    assert program is not None
    files = [str(p) for p in sorted(Path(flows).iterdir()) if p.name != left_out]
    wall, cpu = time.perf_counter(), _processor()
    sources = open_sources(files)
    state = State.open(Path(folder)) if folder else None
    results = run(program, sources, conf=sources.conf, threads=int(threads), state=state)
    profile = build(program, results, None)
    text_report(document(profile, 20))
    wall, cpu = time.perf_counter() - wall, _processor() - cpu
    answers = hashlib.sha256(json.dumps(to_json(profile)).encode()).hexdigest()
    print(json.dumps({"wall": wall, "cpu": cpu, "answers": answers}))


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
