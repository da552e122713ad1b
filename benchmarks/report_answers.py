"""The report's nine answers on the sample network: flowrules beside Polars and DuckDB, in one run.

    python benchmarks/report_answers.py [--scale 1.0] [--rounds 5] [--threads 1]

Each contender has a process of its own that loads the flows into memory first (not counted) and then
answers when it is asked; rounds alternate between contenders.  Answers are compared before times are
printed.  Figures are medians; peak memory is the whole process, with the flows that it holds.
Needs ``pip install 'flowrules[bench]'``; a contender that is not installed is left out, and said so.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
WEB = (80, 443, 554, 1755, 1935, 8000, 8080)
COMMON = (20, 21, 22, 25, 53, 80, 443, 8000, 8080)
MAIL_SERVER = (25, 110, 143, 465, 993, 995)
MAIL_CLIENT = (110, 143, 587, 993, 995)
COLUMNS = ("sip", "dip", "sport", "dport", "protocol", "packets", "bytes", "flags", "type")
IN, OUT, INWEB, OUTWEB = 0, 1, 2, 3

Answers = dict[str, Any]


def columns(folder: Path) -> dict[str, Any]:
    """The flows as numpy arrays, as the driver left them."""
    import numpy as np

    return {name: np.load(folder / f"{name}.npy") for name in COLUMNS}


def flowrules_contender(folder: Path, threads: int) -> Callable[[], Answers]:
    """flowrules over arrays in memory."""
    from flowrules.check.check import check
    from flowrules.engine.run import run
    from flowrules.flows.table import Chunk, FlowSource
    from flowrules.model.source_text import SourceText

    arrays = columns(folder)
    rows = len(arrays["sip"])

    def read(fields: frozenset[str] | None, size: int) -> Any:
        whole = Chunk({n: a for n, a in arrays.items() if fields is None or n in fields}, rows)
        for start in range(0, rows, size):
            yield whole.slice(start, min(start + size, rows))

    source = FlowSource("memory", "arrays", frozenset(arrays), read)
    path = HERE / "report_answers.frules"
    program = check([SourceText(str(path), path.read_text())], mode="run").program
    assert program is not None

    def answer() -> Answers:
        results = run(program, [source], threads=threads)
        sets = {n.partition(":")[2]: s.addresses for n, s in results.sets.items()}
        out: Answers = {
            name: sorted(a - (0xFFFF << 32) for a in sets[name].addresses())
            for name in ("tcp_clients", "udp_clients", "web_clients", "smtp_servers", "email_clients")
        }
        for name, table in results.tables.items():
            frame = table.frame
            found = [tuple(_plain(c.scalar(r)) for c in frame.columns.values()) for r in range(frame.rows)]
            out[name.partition(":")[2]] = sorted(found)
        return out

    return answer


def _plain(value: Any) -> int:
    number = int(value)
    return number - (0xFFFF << 32) if number >> 32 == 0xFFFF else number


def polars_contender(folder: Path, threads: int) -> Callable[[], Answers]:
    """Polars, one ``collect_all`` of lazy queries; the clients are a query of their own."""
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl

    frame = pl.DataFrame(columns(folder)).lazy()
    kind, protocol, flags = pl.col("type"), pl.col("protocol"), pl.col("flags")
    out_any = kind.is_in([OUT, OUTWEB])
    talked = (protocol == 6) & (flags & 16 != 0) & (pl.col("packets") >= 4)
    both = protocol.is_in([6, 17])

    def answer() -> Answers:
        tcp = frame.filter(out_any & talked & pl.col("dport").is_in(WEB)).select("sip").unique()
        udp = (
            frame.filter(out_any & (protocol == 17) & pl.col("dport").is_in([554, 1755]))
            .select("sip")
            .unique()
        )
        smtp = (
            frame.filter((kind == OUT) & talked & pl.col("sport").is_in(MAIL_SERVER)).select("sip").unique()
        )
        mail = (
            frame.filter((kind == OUT) & talked & pl.col("dport").is_in(MAIL_CLIENT)).select("sip").unique()
        )
        sent = frame.filter((kind == OUT) & talked & pl.col("dport").is_in([25, 465])).group_by("sip").len()
        found = pl.collect_all([tcp, udp, smtp, mail, sent])
        web = pl.concat(found[:2]).unique()
        clients = web["sip"].implode()
        request = frame.filter(out_any & both & pl.col("dport").is_in(WEB) & pl.col("sip").is_in(clients))
        inbound = frame.filter(
            kind.is_in([IN, INWEB]) & both & pl.col("sport").is_in(WEB) & pl.col("dip").is_in(clients)
        )
        served = frame.filter(out_any & both & pl.col("sport").is_in(COMMON) & pl.col("sip").is_in(clients))
        tables = pl.collect_all(
            [
                inbound.group_by("dip").agg(pl.col("bytes").sum()),
                request.group_by("sip").len(),
                request.group_by("sip", "dport", "protocol").len(),
                served.group_by("sip", "sport").len(),
            ]
        )
        names = ("volume_in", "volume_out", "destinations", "services")
        sets = ("tcp_clients", "udp_clients", "smtp_servers", "email_clients")
        out: Answers = {n: sorted(f["sip"].to_list()) for n, f in zip(sets, found[:4], strict=True)}
        out["web_clients"] = sorted(web["sip"].to_list())
        out |= {n: sorted(t.rows()) for n, t in zip(names, tables, strict=True)}
        out["senders"] = sorted(found[4].rows())
        return out

    return answer


def duckdb_contender(folder: Path, threads: int) -> Callable[[], Answers]:
    """DuckDB, hand-written SQL: the clients once as a table, then one query an answer."""
    import duckdb
    import pyarrow as pa

    connection = duckdb.connect()
    connection.execute(f"set threads to {threads}")
    table = pa.table(columns(folder))
    connection.register("arrow", table)
    connection.execute("create table f as select * from arrow")
    connection.unregister("arrow")
    del table
    talked = "protocol = 6 and flags & 16 != 0 and packets >= 4"
    both = "protocol in (6, 17)"

    def rows(sql: str) -> list[tuple[int, ...]]:
        return sorted(connection.execute(sql).fetchall())

    def answer() -> Answers:
        out: Answers = {
            "tcp_clients": rows(
                f"select distinct sip from f where type in (1, 3) and {talked} and dport in {WEB}"
            ),
            "udp_clients": rows(
                "select distinct sip from f where type in (1, 3) and protocol = 17 and dport in (554, 1755)"
            ),
            "smtp_servers": rows(
                f"select distinct sip from f where type = 1 and {talked} and sport in {MAIL_SERVER}"
            ),
            "email_clients": rows(
                f"select distinct sip from f where type = 1 and {talked} and dport in {MAIL_CLIENT}"
            ),
        }
        out = {n: [r[0] for r in found] for n, found in out.items()}
        out["web_clients"] = sorted({*out["tcp_clients"], *out["udp_clients"]})
        clients = tuple(out["web_clients"])
        out["volume_in"] = rows(
            f"select dip, sum(bytes)::bigint from f where type in (0, 2) and {both} and sport in {WEB}"
            f" and dip in {clients} group by dip"
        )
        per = "sip, dport, protocol"
        out["destinations"] = rows(
            f"select {per}, count(*) from f where type in (1, 3) and {both} and dport in {WEB}"
            f" and sip in {clients} group by {per}"
        )
        sums: dict[int, int] = {}
        for sip, _, _, count in out["destinations"]:
            sums[sip] = sums.get(sip, 0) + count
        out["volume_out"] = sorted(sums.items())
        out["services"] = rows(
            f"select sip, sport, count(*) from f where type in (1, 3) and {both} and sport in {COMMON}"
            f" and sip in {clients} group by sip, sport"
        )
        out["senders"] = rows(
            f"select sip, count(*) from f where type = 1 and {talked} and dport in (25, 465) group by sip"
        )
        return out

    return answer


CONTENDERS = {
    "flowrules": flowrules_contender,
    "polars": polars_contender,
    "duckdb": duckdb_contender,
}


def serve(name: str, folder: Path, threads: int) -> None:
    """Load, then answer once for each line on standard input."""
    answer = CONTENDERS[name](folder, threads)
    answer()
    print("ready", flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        found = answer()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak, "answers": found}), flush=True)


def installed(name: str) -> bool:
    """Whether a contender can be imported."""
    from importlib.util import find_spec

    return find_spec(name) is not None


def main() -> int:
    """Run the benchmark and print a table; 1 where answers differ."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--serve", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--write", metavar="FOLDER", help=argparse.SUPPRESS)
    sys.path.insert(0, str(HERE.parent))
    given = parser.parse_args()
    if given.write:
        print(write_columns(Path(given.write), given.scale))
        return 0
    if given.serve:
        serve(given.serve[0], Path(given.serve[1]), given.threads)
        return 0
    with TemporaryDirectory() as name:
        folder = Path(name)
        # a child's peak begins with what its parent holds, so the flows are made in a child too
        made = subprocess.run(
            [sys.executable, __file__, "--scale", str(given.scale), "--write", name],
            env=environment(), check=True, capture_output=True, text=True,
        )  # fmt: skip
        return compete(folder, int(made.stdout), given.rounds, given.threads)


def environment() -> dict[str, str]:
    """The environment of a child: this checkout first on its path."""
    return {**os.environ, "PYTHONPATH": str(HERE.parent)}


def write_columns(folder: Path, scale: float) -> int:
    """The sample network's columns as .npy files; returns the number of flows."""
    import numpy as np

    from flowrules.flows.sample import sample_chunks

    chunks = list(sample_chunks(scale))
    for name in COLUMNS:
        np.save(folder / f"{name}.npy", np.concatenate([c[name] for c in chunks]))
    return sum(c.rows for c in chunks)


def compete(folder: Path, rows: int, rounds: int, threads: int) -> int:
    """Alternate between the contenders, compare their answers, print medians."""
    names = [n for n in CONTENDERS if installed(n)]
    for missing in set(CONTENDERS) - set(names):
        print(f"{missing} is not installed and left out")
    processes: dict[str, subprocess.Popen[str]] = {}
    command = [sys.executable, __file__, "--threads", str(threads), "--serve"]
    for name in names:
        processes[name] = subprocess.Popen(
            [*command, name, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        assert processes[name].stdout is not None
        if processes[name].stdout.readline().strip() != "ready":
            print(f"{name} did not start")
            return 1
    measured: dict[str, list[dict[str, Any]]] = {n: [] for n in names}
    for _ in range(rounds):
        for name, process in processes.items():
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            measured[name].append(json.loads(process.stdout.readline()))
    for process in processes.values():
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
    first = measured[names[0]][0]["answers"]
    for name, found in measured.items():
        for one in found:
            different = [k for k in first if one["answers"].get(k) != first[k]]
            if different:
                print(f"{name} answers differently: {', '.join(different)}")
                return 1
    print(
        f"{rows:,} flows, {threads} thread(s), {rounds} rounds; Python {platform.python_version()}, {platform.machine()}"
    )
    print(f"{'':10}  {'wall s':>8}  {'CPU s':>8}  {'peak MB':>8}")
    for name, found in measured.items():
        wall, cpu = (statistics.median(f[k] for f in found) for k in ("wall", "cpu"))
        print(f"{name:10}  {wall:8.3f}  {cpu:8.3f}  {max(f['peak'] for f in found) / 1024:8.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
