"""What one more day costs a run that remembers: thirty days of flows, then one more.

    python benchmarks/incremental.py [--days 30] [--rows 300000] [--rules 60] [--format silk|silk-zlib|store]
                                     [--threads 1] [--rounds 3] [--wide] [--folder DIR] [--seed 1]

Writes the days as flow files (or adds them to a column store day by day), ``--rows`` records each, with one
population of hosts.  The ruleset is the report's nine answers and ``--rules`` random rules, half of them by
home host; ``--wide`` adds groupings whose groups grow with the flows (by external host, by pair, different
peers).  Nothing in it looks at the order of time.

Then it runs over all days but the last without a state and with an empty one; over all days without a state,
and with the state of the days before, once in each round.  Every answer is compared with that of
a plain run before figures are printed.  Each run is a process of its own; its clock starts after the
rulesets are loaded, and ends when the report is made as text.  ``share`` is the run of one more day over the full run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FORMATS = ("silk", "silk-zlib", "store")
DAY = 86_400_000
FIRST = 1_767_571_200_000
PIECE = 1 << 19
HOSTS, FAR = 5000, 300_000
SERVICES = (443, 80, 53, 25, 22, 123, 993, 445, 3389, 110, 143, 587, 8080, 21, 23, 139, 161, 389, 636, 1935)
WIDE = """
table far = flows, sum(bytes) of type in (in, inweb) per sip order by sum(bytes) keep top 20
table peers = flows, distinct(dip), quantile(bytes, 50%) of type in (out, outweb) per sip keep top 20
table pairs = flows, sum(bytes), first, last of tcp per sip, dip keep top 20
"""

Measured = dict[str, Any]


# ---- flows ------------------------------------------------------------------------------------------


def day_of_flows(day: int, rows: int, seed: int) -> Iterator[Any]:
    """One day as chunks; the population is that of the seed."""
    import numpy as np

    from flowrules.flows.table import Chunk

    population = np.random.default_rng(seed)
    home = (10 << 24) + population.permutation(1 << 16)[:HOSTS].astype(np.uint32)
    far = population.integers(1 << 24, 224 << 24, FAR, dtype=np.uint32)
    flags = np.array([2, 16, 18, 19, 20, 22, 24, 26, 27, 30, 31], np.uint8)
    random = np.random.default_rng((seed, day))

    def skewed(among: Any, count: int) -> Any:
        return among[(len(among) * random.random(count) ** 3).astype(np.intp)]

    for start in range(0, rows, PIECE):
        count = min(PIECE, rows - start)
        outward, client = random.random(count) < 0.52, random.random(count) < 0.8
        protocol = random.choice(np.array([6, 17, 1], np.uint8), count, p=[0.72, 0.25, 0.03])
        service = skewed(np.array(SERVICES, np.uint16), count)
        rare = random.random(count) < 0.12
        service[rare] = random.integers(1, 1 << 16, int(rare.sum()), dtype=np.uint16)
        ephemeral = random.integers(32768, 61000, count, dtype=np.uint16)
        icmp, asks = protocol == 1, client == outward
        near, remote = skewed(home, count), skewed(far, count)
        web = (protocol == 6) & ((service == 80) | (service == 443) | (service == 8080))
        packets = np.minimum(np.exp(random.normal(1.6, 1.4, count)) + 1, 1e6).astype(np.uint32)
        times = DAY * np.array([start, start + count]) // rows
        columns = {
            "sip": np.where(outward, near, remote),
            "dip": np.where(outward, remote, near),
            "sport": np.where(icmp, 0, np.where(asks, ephemeral, service)).astype(np.uint16),
            "dport": np.where(icmp, 2048, np.where(asks, service, ephemeral)).astype(np.uint16),
            "protocol": protocol,
            "flags": np.where(protocol == 6, skewed(flags[::-1], count), 0).astype(np.uint8),
            "packets": packets,
            "bytes": packets * random.integers(40, 1400, count, dtype=np.uint32),
            "stime": FIRST + DAY * day + np.sort(random.integers(times[0], times[1], count)),
            "duration": np.where(packets == 1, 0, np.exp(random.normal(6, 2, count))).astype(np.int64),
            "type": (outward + np.where(web, 2, 0)).astype(np.uint8),
        }
        yield Chunk(columns, count)


def write_day(folder: Path, form: str, day: int, rows: int, seed: int) -> None:
    """Add one day to the flows in a folder."""
    from flowrules.flows.silk_write import write_silk

    if form != "store":
        zlib = form == "silk-zlib"
        path = folder / f"day-{day:04}.rw"
        write_silk(path, day_of_flows(day, rows, seed), False, "zlib" if zlib else "none")
        return
    from flowrules.flows.silk_conf import BUILT_IN
    from flowrules.flows.store import write_store
    from flowrules.flows.table import FlowSource

    fields = frozenset(next(iter(day_of_flows(day, 1, seed))).columns)
    source = FlowSource("made", "made", fields, lambda asked, size=0: day_of_flows(day, rows, seed))
    write_store(folder / "flows.store", [source], BUILT_IN)


def write_ruleset(path: Path, rules: int, wide: bool, seed: int) -> None:
    """The report's answers, random rules, and where asked groupings with very many groups."""
    from rules import make_rules

    text = (ROOT / "benchmarks/report_answers.frules").read_text()
    for number, rule in enumerate(make_rules("mixed", rules, seed)):
        per = f" per {rule.host} keep top 20" if number % 2 else ""
        text += f"table r{number} = flows, sum(bytes) of ({rule.frules()}){per}\n"
    path.write_text(text + (WIDE if wide else ""))


# ---- runs -------------------------------------------------------------------------------------------


def measure(ruleset: Path, flows: Path, state: str, threads: int, skip: str) -> Measured:
    """One run in this process: seconds of CPU and wall after loading, peak memory and a hash of the answers."""
    from flowrules.check.check import check
    from flowrules.engine import run as engine
    from flowrules.engine.state.folder import State
    from flowrules.flows.sources import FlowSources, open_sources
    from flowrules.model.source_text import SourceText
    from flowrules.profile import build as profile
    from flowrules.report import document, json_report, text_report

    program = check([SourceText(str(ruleset), ruleset.read_text())], mode="run").program
    assert program is not None
    cpu, wall = time.process_time(), time.perf_counter()
    sources = open_sources([flows])
    if skip:
        kept = tuple(s for s in sources if not s.path.endswith(skip))
        sources = FlowSources(kept, sources.conf, sources._skips)
    kept_state = State.open(Path(state)) if state else None
    results = engine.run(program, sources, conf=sources.conf, threads=threads, state=kept_state)
    found = profile.build(program, results, None)
    text_report.text_report(document.document(found, 20))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    text = json.dumps(json_report.to_json(found), sort_keys=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "cpu": cpu, "wall": wall, "peak": peak, "records": results.flows.records,
        "answers": hashlib.sha256(text.encode()).hexdigest(),
    }  # fmt: skip


def child(*arguments: str) -> str:
    """Run this file in a process of its own; what it prints."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return done.stdout


def size_of(folder: Path) -> float:
    """The megabytes of all files in a folder."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=30, help="days before the one that is added")
    parser.add_argument("--rows", type=int, default=300_000, help="flows a day")
    parser.add_argument("--rules", type=int, default=60)
    parser.add_argument("--format", choices=FORMATS, default="silk")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wide", action="store_true", help="add groupings with very many groups")
    parser.add_argument("--folder", type=Path, help="where flows and states are kept, to be used again")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if min(given.days, given.rows, given.rules, given.threads, given.rounds) < 1:
        parser.error("all numbers are at least 1")
    return given


def main() -> int:
    """Write flows, run, compare, and print a table; 1 where an answer differs."""
    sys.path.insert(0, str(ROOT))
    given = arguments()
    if given.measure:
        ruleset, flows, state, skip = given.measure
        print(json.dumps(measure(Path(ruleset), Path(flows), state, given.threads, skip)))
        return 0
    if given.write:
        folder, day = given.write
        write_day(Path(folder), given.format, int(day), given.rows, given.seed)
        return 0
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
        return contest(given.folder, given)
    with TemporaryDirectory() as folder:
        return contest(Path(folder), given)


def contest(folder: Path, given: argparse.Namespace) -> int:
    """Measure in a folder; 1 where an answer differs."""
    name = f"{given.format}-{given.rows}-{given.seed}"
    flows, state = folder / f"flows-{name}", folder / "state"
    flows.mkdir(exist_ok=True)
    written = ["--format", given.format, "--rows", str(given.rows), "--seed", str(given.seed), "--write"]

    def add_days(until: int) -> None:
        mark = folder / f"written-{name}"
        before = int(mark.read_text()) if mark.exists() else 0
        for day in range(before, until):
            child(*written, str(flows), str(day))
            mark.write_text(str(day + 1))

    ruleset = folder / "answers.frules"
    write_ruleset(ruleset, given.rules, given.wide, given.seed)

    def run(state: Path | None, skip: str = "") -> Measured:
        held = "" if state is None else str(state)
        measured: Measured = json.loads(
            child("--threads", str(given.threads), "--measure", str(ruleset), str(flows), held, skip)
        )
        return measured

    last = f"day-{given.days:04}.rw"
    skip = last if given.format != "store" else ""
    add_days(given.days if given.format == "store" else given.days + 1)
    shutil.rmtree(state, ignore_errors=True)
    found: dict[str, list[Measured]] = {}
    found["days before, no state"] = [run(None, skip)]
    found["days before, empty state"] = [run(state, skip)]
    found["days before, again"] = [run(state, skip)]
    agreed = len({m["answers"] for one in found.values() for m in one}) == 1
    kept = size_of(state)
    add_days(given.days + 1)
    full = [run(None) for _ in range(given.rounds)]
    more = []
    for _ in range(given.rounds):
        copy = folder / "state of this round"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(state, copy)
        more.append(run(copy))
        found["nothing new"] = [run(copy)]
        shutil.rmtree(copy)
    found |= {"all days, no state": full, "one day more": more}
    after = [m["answers"] for m in (*full, *more, *found["nothing new"])]
    agreed &= len(set(after)) == 1
    if not agreed:
        print("the answers differ")
        return 1
    print(f"{given.days} + 1 days of {given.rows:,} flows, {given.format}, {given.rules} rules, ", end="")
    print(f"{given.threads} thread(s), {given.rounds} rounds, state {kept:,.0f} MB; answers equal")
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    print(f"{'':26} {'wall s':>9} {'CPU s':>9} {'peak MB':>9}")
    for what, measured in found.items():
        wall, cpu = (statistics.median(m[k] for m in measured) for k in ("wall", "cpu"))
        print(f"{what:26} {wall:9.3f} {cpu:9.3f} {max(m['peak'] for m in measured):9.0f}")
    for clock in ("wall", "cpu"):
        share = statistics.median(m[clock] for m in more) / statistics.median(m[clock] for m in full)
        first = found["days before, empty state"][0][clock] / found["days before, no state"][0][clock]
        print(f"{clock}: one day more costs {share:.1%} of the full run; the first run {first:.2f} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
