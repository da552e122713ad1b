"""Many random rules over synthetic flows: flowrules beside Polars and DuckDB, in one run.

    python benchmarks/rules.py [--rows 5000000] [--rules 1,10,50,200] [--cases counts,mixed,hosts]
                               [--rounds 3] [--threads 1] [--seed 1] [--without NAME]

``counts``: rules over type, protocol, ports and flags, each answered by its flows and bytes.  ``mixed``: the
same, with thresholds and CIDRs in about half of the rules.  ``hosts``: flows and bytes by home host.

Each contender has a process of its own for each case and number of rules.  It loads the flows into memory
and answers once to warm up (not counted), then answers when it is asked; rounds alternate between
contenders.  Answers are compared before times are printed.  Figures are medians; peak memory is the whole
process, with the flows that it holds.  Reading and checking the ruleset is not counted, planning it is.
``--text`` prints the ruleset of the (first) case and number of rules, and ends.
Needs ``pip install 'flowrules[bench]'``; a contender that is not installed is left out, and said so.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CASES = ("counts", "mixed", "hosts")
TYPES = ("in", "out", "inweb", "outweb")
COLUMNS = {
    "stime": "i8", "duration": "i8", "sip": "u4", "dip": "u4", "sport": "u2", "dport": "u2", "protocol": "u1",
    "packets": "u4", "bytes": "u4", "flags": "u1", "type": "u1",
}  # fmt: skip
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32}
SERVICES = (
    443, 80, 53, 25, 22, 123, 993, 445, 3389, 110, 143, 587, 8080, 21, 23, 139, 161, 389, 636, 465, 995, 1433,
    1723, 1935, 3306, 5060, 5222, 5432, 6379, 8000, 8443, 8888, 9090, 9200, 11211, 27017, 554, 1755, 873, 2049,
)  # fmt: skip
BLOCK = 1 << 20

Measured = dict[str, Any]


# ---- flows ------------------------------------------------------------------------------------------


def write_flows(folder: Path, rows: int, seed: int) -> None:
    """Synthetic flows as .npy files, in the order of time; few hosts, ports and types make most of them."""
    import numpy as np

    out = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.dtype(dtype), (rows,))
        for name, dtype in COLUMNS.items()
    }
    random = np.random.default_rng(seed)
    home = (10 << 24) + random.permutation(1 << 16)[:5000].astype(np.uint32)
    far = random.integers(1 << 24, 224 << 24, 300_000, dtype=np.uint32)
    other = np.array(
        [2, 16, 18, 19, 20, 22, 24, 26, 27, 30, 31], np.uint8
    )  # S, A, SA, FSA, RA, SRA, PA, SPA, FSPA, ...
    span = 86_400_000
    for start in range(0, rows, BLOCK):
        count = min(BLOCK, rows - start)
        at = slice(start, start + count)

        def skewed(among: Any, count: int = count) -> Any:
            return among[(len(among) * random.random(count) ** 3).astype(np.intp)]

        outward = random.random(count) < 0.52
        protocol = random.choice(np.array([6, 17, 1], np.uint8), count, p=[0.72, 0.25, 0.03])
        service = skewed(np.array(SERVICES, np.uint16))
        rare = random.random(count) < 0.12
        service[rare] = random.integers(1, 1 << 16, int(rare.sum()), dtype=np.uint16)
        ephemeral = random.integers(32768, 61000, count, dtype=np.uint16)
        client = random.random(count) < 0.8
        icmp = protocol == 1
        near, remote = skewed(home), skewed(far)
        out["sip"][at] = np.where(outward, near, remote)
        out["dip"][at] = np.where(outward, remote, near)
        asks = client == outward
        out["sport"][at] = np.where(icmp, 0, np.where(asks, ephemeral, service))
        out["dport"][at] = np.where(icmp, 2048, np.where(asks, service, ephemeral))
        web = (protocol == 6) & ((service == 80) | (service == 443) | (service == 8080))
        out["type"][at] = outward.astype(np.uint8) + np.where(web, np.uint8(2), np.uint8(0))
        out["protocol"][at] = protocol
        out["flags"][at] = np.where(protocol == 6, skewed(other[::-1]), 0)
        packets = np.minimum(np.exp(random.normal(1.6, 1.4, count)) + 1, 1e6).astype(np.uint32)
        out["packets"][at] = packets
        out["bytes"][at] = packets * random.integers(40, 1400, count, dtype=np.uint32)
        first, last = span * start // rows, span * (start + count) // rows
        out["stime"][at] = 1_767_571_200_000 + np.sort(random.integers(first, last + 1, count))
        out["duration"][at] = np.where(packets == 1, 0, np.exp(random.normal(6, 2, count)).astype(np.int64))


def load(folder: Path) -> dict[str, Any]:
    """The flows as numpy arrays in memory."""
    import numpy as np

    return {name: np.load(folder / f"{name}.npy") for name in COLUMNS}


# ---- rules ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Test:
    """One test of a field: ``ranges`` of numbers, of which the value lies in one, or a mask of flags."""

    field: str
    ranges: tuple[tuple[int, int], ...] = ()
    high: int = 0
    mask: int = 0
    negated: bool = False

    def frules(self) -> str:
        """The test in the language."""
        if self.field == "flags":
            text = f"flags matches {_letters(self.high)}/{_letters(self.mask)}" if self.high else (
                f"flags lacks {_letters(self.mask)}"
            )  # fmt: skip
        elif self.field == "type":
            text = f"type in ({', '.join(TYPES[low] for low, _ in self.ranges)})"
        elif self.field in ("sip", "dip"):
            nets = (ip_network((low, 32 - (high - low).bit_length())) for low, high in self.ranges)
            text = f"{self.field} in ({', '.join(map(str, nets))})"
        elif self.field in ("packets", "bytes", "duration"):
            ((low, high),) = self.ranges
            unit = {"bytes": "B", "duration": "ms"}.get(self.field, "")
            text = f"{self.field} >= {low}{unit}" if low else f"{self.field} <= {high}{unit}"
        else:
            listed = (str(low) if low == high else f"{low}-{high}" for low, high in self.ranges)
            text = f"{self.field} in ({', '.join(listed)})"
        return f"not {text}" if self.negated else text

    def polars(self) -> Any:
        """The test as an expression of Polars."""
        import polars as pl

        column = pl.col(self.field)
        if self.field == "flags":
            test = (column & self.mask) == self.high
        elif self.field in ("packets", "bytes", "duration"):
            ((low, high),) = self.ranges
            test = column >= low if low else column <= high
        else:
            single = [low for low, high in self.ranges if low == high]
            test = column.is_in(single) if len(single) > 1 else column == single[0] if single else None
            for low, high in self.ranges:
                if low != high:
                    within = (column >= low) & (column <= high)
                    test = within if test is None else test | within
        return ~test if self.negated else test

    def sql(self) -> str:
        """The test in SQL."""
        if self.field == "flags":
            text = f"flags & {self.mask} = {self.high}"
        elif self.field in ("packets", "bytes", "duration"):
            ((low, high),) = self.ranges
            text = f"{self.field} >= {low}" if low else f"{self.field} <= {high}"
        else:
            single = [str(low) for low, high in self.ranges if low == high]
            parts = [f"{self.field} in ({', '.join(single)})"] if single else []
            parts += [f"{self.field} between {low} and {high}" for low, high in self.ranges if low != high]
            text = f"({' or '.join(parts)})"
        return f"not ({text})" if self.negated else text


def _letters(flags: int) -> str:
    return "".join(letter for letter, bit in FLAGS.items() if flags & bit)


@dataclass(frozen=True)
class Rule:
    """Tests that must all pass, and pairs of tests of which one must."""

    tests: tuple[Test, ...]
    either: tuple[Test, Test] | None
    host: str
    """The field of the home host: ``sip`` of flows out, ``dip`` of flows in."""

    def frules(self) -> str:
        """The predicate in the language."""
        parts = [t.frules() for t in self.tests]
        if self.either is not None:
            parts.append(f"({' or '.join(t.frules() for t in self.either)})")
        return " and ".join(parts)

    def polars(self) -> Any:
        """The predicate as an expression of Polars."""
        parts = [t.polars() for t in self.tests]
        if self.either is not None:
            parts.append(self.either[0].polars() | self.either[1].polars())
        whole = parts[0]
        for part in parts[1:]:
            whole = whole & part
        return whole

    def sql(self) -> str:
        """The predicate in SQL."""
        parts = [t.sql() for t in self.tests]
        if self.either is not None:
            parts.append(f"({self.either[0].sql()} or {self.either[1].sql()})")
        return " and ".join(parts)


def make_rules(case: str, count: int, seed: int) -> list[Rule]:
    """Random rules; fewer rules of a seed are the first of more."""
    random = Random(seed)
    rules = []
    for _ in range(count):
        outward = random.random() < 0.5
        tests = [_some_types(random, outward)]
        protocol = random.choices((6, 17, 1, None), (5, 3, 1, 2))[0]
        if protocol is not None:
            tests.append(Test("protocol", ((protocol, protocol),)))
        either = None
        if protocol != 1 and random.random() < 0.85:
            if random.random() < 0.25:
                ports = _some_ports(random)
                either = (Test("sport", ports), Test("dport", ports))
            else:
                field = random.choice(("sport", "dport"))
                tests.append(Test(field, _some_ports(random), negated=random.random() < 0.1))
        if protocol in (6, None) and random.random() < 0.4:
            high, mask = random.choice(((2, 18), (18, 18), (0, 16), (16, 20), (1, 1), (0, 4), (24, 24)))
            tests.append(Test("flags", high=high, mask=mask))
        # drawn for every case, so that the cases have the same rules otherwise
        threshold, cidr = random.random() < 0.4, random.random() < 0.25
        field, value = random.choice(("packets", "bytes", "duration")), random.uniform(0.5, 4)
        prefix, base = random.randint(8, 18), random.randint(1 << 24, 223 << 24)
        if case == "mixed" and threshold:
            bound = int({"packets": 1, "bytes": 100, "duration": 20}[field] * 10 ** (value / 1.5))
            tests.append(Test(field, ((0, bound),) if random.random() < 0.3 else ((bound, 1 << 63),)))
        if case == "mixed" and cidr:
            low = base >> 32 - prefix << 32 - prefix
            tests.append(Test("dip" if outward else "sip", ((low, low + (1 << 32 - prefix) - 1),)))
        rules.append(Rule(tuple(tests), either, "sip" if outward else "dip"))
    return rules


def _some_types(random: Random, outward: bool) -> Test:
    own = (1, 3) if outward else (0, 2)
    chosen = own if random.random() < 0.6 else (random.choice(own),)
    return Test("type", tuple((t, t) for t in chosen))


def _some_ports(random: Random) -> tuple[tuple[int, int], ...]:
    if random.random() < 0.15:
        low = random.choice((0, 1024, 5000, 32768, 49152))
        return ((low, random.choice((1023, 9999, 49151, 65535)) if low == 0 else 65535),)
    listed = sorted(random.sample(SERVICES, random.choice((1, 1, 2, 3, 5, 8))))
    return tuple((p, p) for p in listed)


def ruleset(case: str, rules: Sequence[Rule]) -> str:
    """The rules as the text of a ruleset: a table for each."""
    lines = ['ruleset benchmark.rules { version "1.0.0" title "Random rules" }', ""]
    for number, rule in enumerate(rules):
        per = f" per {rule.host}" if case == "hosts" else ""
        lines.append(f"table r{number} = flows, sum(bytes) of ({rule.frules()}){per}")
    return "\n".join(lines) + "\n"


# ---- contenders -------------------------------------------------------------------------------------

Answer = Callable[[], list[Any]]
"""Answers all rules; what it returns is brought into one form by the contender's ``rows``, uncounted."""
Rows = Callable[[Any], list[tuple[int, ...]]]


def flowrules_contender(folder: Path, case: str, rules: Sequence[Rule], threads: int) -> tuple[Answer, Rows]:
    """flowrules over arrays in memory."""
    from flowrules.check.check import check
    from flowrules.engine.run import run
    from flowrules.flows.table import Chunk, FlowSource
    from flowrules.model.source_text import SourceText

    arrays = load(folder)
    count = len(arrays["sip"])

    def read(fields: frozenset[str] | None, size: int) -> Any:
        whole = Chunk({n: a for n, a in arrays.items() if fields is None or n in fields}, count)
        for start in range(0, count, size):
            yield whole.slice(start, min(start + size, count))

    source = FlowSource("memory", "arrays", frozenset(arrays), read)
    program = check([SourceText("rules.frules", ruleset(case, rules))], mode="run").program
    assert program is not None

    def answer() -> list[Any]:
        tables = run(program, [source], threads=threads).tables
        return [tables[f"benchmark.rules:r{number}"].frame for number in range(len(rules))]

    def rows(frame: Any) -> list[tuple[int, ...]]:
        columns = [[_plain(c.scalar(r)) for r in range(frame.rows)] for c in frame.columns.values()]
        return list(zip(*columns, strict=True))

    return answer, rows


def _plain(value: Any) -> int:
    number = 0 if value is None else int(value)
    return number - (0xFFFF << 32) if number >> 32 == 0xFFFF else number


def polars_contender(folder: Path, case: str, rules: Sequence[Rule], threads: int) -> tuple[Answer, Rows]:
    """Polars: a lazy query for each rule, one ``collect_all``."""
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl

    frame = pl.DataFrame(load(folder)).lazy()
    wanted = (pl.len().alias("flows"), pl.col("bytes").cast(pl.UInt64).sum().alias("volume"))

    def answer() -> list[Any]:
        passed = [frame.filter(rule.polars()) for rule in rules]
        if case == "hosts":
            queries = [p.group_by(r.host).agg(wanted) for p, r in zip(passed, rules, strict=True)]
        else:
            queries = [p.select(wanted) for p in passed]
        return list(pl.collect_all(queries))

    return answer, lambda found: found.rows()


def duckdb_contender(folder: Path, case: str, rules: Sequence[Rule], threads: int) -> tuple[Answer, Rows]:
    """DuckDB: up to ten counts in one query (many take it much longer so); else a query for each rule."""
    import duckdb
    import pyarrow as pa

    connection = duckdb.connect()
    connection.execute(f"set threads to {threads}")
    table = pa.table(load(folder))
    connection.register("arrow", table)
    connection.execute("create table f as select * from arrow")
    connection.unregister("arrow")
    del table

    def answer() -> list[Any]:
        if case == "hosts":
            return [
                connection.execute(
                    f"select {r.host}, count(*), sum(bytes) from f where {r.sql()} group by {r.host}"
                ).fetchall()
                for r in rules
            ]
        if len(rules) > 10:
            return [
                connection.execute(f"select count(*), sum(bytes) from f where {r.sql()}").fetchall()
                for r in rules
            ]
        filters = [f"filter (where {rule.sql()})" for rule in rules]
        wanted = ", ".join(f"count(*) {f}, sum(bytes) {f}" for f in filters)
        found = connection.execute(f"select {wanted} from f").fetchall()[0]
        return [[found[i : i + 2]] for i in range(0, len(found), 2)]

    return answer, lambda found: [tuple(int(v or 0) for v in row) for row in found]


CONTENDERS = {
    "flowrules": flowrules_contender,
    "polars": polars_contender,
    "duckdb": duckdb_contender,
}


# ---- the contest ------------------------------------------------------------------------------------


def serve(name: str, folder: Path, case: str, count: int, threads: int, seed: int) -> None:
    """Load, then answer once for each line on standard input."""
    answer, rows = CONTENDERS[name](folder, case, make_rules(case, count, seed), threads)
    answer()
    print("ready", flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        found = answer()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        digests = [hashlib.sha256(repr(sorted(rows(one))).encode()).hexdigest()[:16] for one in found]
        print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak, "answers": digests}), flush=True)


def contest(folder: Path, names: Sequence[str], case: str, count: int, given: argparse.Namespace) -> bool:
    """Alternate between contenders, compare their answers, print medians; whether all agreed."""
    processes: dict[str, subprocess.Popen[str]] = {}
    common = ["--threads", str(given.threads), "--seed", str(given.seed), "--serve"]
    measured: dict[str, list[Measured]] = {n: [] for n in names}
    try:
        for name in names:
            processes[name] = subprocess.Popen(
                [sys.executable, __file__, *common, name, str(folder), case, str(count)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(),
            )  # fmt: skip
            _line(processes[name], name)
        for _ in range(given.rounds):
            for name, process in processes.items():
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
                measured[name].append(json.loads(_line(process, name)))
    finally:
        for process in processes.values():
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
    first = measured[names[0]][0]["answers"]
    for name, found in measured.items():
        for one in found:
            different = [str(n) for n, d in enumerate(one["answers"]) if d != first[n]]
            if different:
                print(f"{case}, {count} rules: {name} answers differently: rules {', '.join(different)}")
                return False
    for name, found in measured.items():
        wall, cpu = (statistics.median(f[k] for f in found) for k in ("wall", "cpu"))
        peak = max(f["peak"] for f in found) / 1024
        print(f"{case:7} {count:6}  {name:10} {wall:9.3f} {cpu:9.3f} {peak:9.0f}", flush=True)
    return True


def _line(process: subprocess.Popen[str], name: str) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{name} ended without an answer")
    return line


def environment() -> dict[str, str]:
    """The environment of a child: this checkout first on its path."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rules", default="1,10,50,200", help="numbers of rules")
    parser.add_argument("--cases", default=",".join(CASES), help="some of counts, mixed, hosts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", action="append", default=[], choices=list(CONTENDERS))
    parser.add_argument("--text", action="store_true", help="print a ruleset and end")
    parser.add_argument("--flows", type=Path, metavar="FOLDER", help="write the flows there, and end")
    parser.add_argument("--serve", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    unknown = set(given.cases.split(",")) - set(CASES)
    if unknown:
        parser.error(f"there is no case {', '.join(sorted(unknown))}")
    if not all(n.isdigit() and int(n) > 0 for n in given.rules.split(",")):
        parser.error(f"--rules takes numbers such as 1,10, not {given.rules}")
    if min(given.rows, given.rounds, given.threads) < 1:
        parser.error("--rows, --rounds and --threads are at least 1")
    return given


def main() -> int:
    """Run the benchmark and print a table; 1 where answers differ."""
    sys.path.insert(0, str(ROOT))
    given = arguments()
    cases, counts = given.cases.split(","), [int(n) for n in given.rules.split(",")]
    if given.serve:
        name, folder, case, count = given.serve
        serve(name, Path(folder), case, int(count), given.threads, given.seed)
        return 0
    if given.text:
        print(ruleset(cases[0], make_rules(cases[0], counts[0], given.seed)), end="")
        return 0
    if given.flows:
        given.flows.mkdir(parents=True, exist_ok=True)
        write_flows(given.flows, given.rows, given.seed)
        return 0
    names = [n for n in CONTENDERS if find_spec(n) is not None and n not in given.without]
    for missing in [n for n in CONTENDERS if find_spec(n) is None]:
        print(f"{missing} is not installed and left out")
    with TemporaryDirectory() as written:
        # a child's peak begins with what its parent holds, so the flows are made in a child too
        command = [sys.executable, __file__, "--rows", str(given.rows), "--seed", str(given.seed)]
        subprocess.run([*command, "--flows", written], env=environment(), check=True)
        versions = ", ".join(f"{n} {version(n)}" for n in ("numpy", *names) if n != "flowrules")
        print(f"{given.rows:,} flows, {given.threads} thread(s), {given.rounds} rounds; {versions}")
        print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
        print(f"{'case':7} {'rules':>6}  {'':10} {'wall s':>9} {'CPU s':>9} {'peak MB':>9}")
        agreed = [contest(Path(written), names, c, n, given) for c in cases for n in counts]
        return 0 if all(agreed) else 1


if __name__ == "__main__":
    sys.exit(main())
