"""``python -m benchmarks``: measure the engine beside its peers, and write what was found."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cases import find_case
from benchmarks.measure import Disagreement
from benchmarks.peers import CONTENDERS
from benchmarks.studies import STUDIES, Found, Setting, of_cases

QUICK = {
    "rows": 400_000, "rounds": 1, "patience": 2.0, "part": 0.5, "rows_studied": (200_000, 400_000), "days": 3,
    "day_rows": 20_000, "cluster_rows": 200_000, "cluster_rules": 20,
}  # fmt: skip
"""What ``--quick`` sets: whether everything works, in a few minutes; its figures say little."""

EPILOG = f"""\
studies: {", ".join(STUDIES)}

Each contender has a process of its own, loads, answers once (both are told as "loaded"), and is then asked in
turn with the others, --rounds times.  Answers are compared first; figures are medians; memory is what is resident
and shared with no file, at its peak, while loading and answering.  Peers get as many threads as --threads says.
Contenders that are not installed, or not on the PATH, are left out, and it says so.

    python -m benchmarks --quick
    python -m benchmarks --study report,rules --rows 5000000 --without pandas
    python -m benchmarks --case counts-50,external --rows 2000000 --json figures.json
    python -m benchmarks --write docs/performance.md
"""


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks",
        description="Measure flowrules beside Polars, DuckDB, pandas, SiLK's tools and nfdump.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=_count, help="flows (default 20,000,000)")
    parser.add_argument("--rules", type=_count, default=200, help="random rules (default 200)")
    parser.add_argument("--rounds", type=_count, help="rounds (default 3)")
    parser.add_argument("--threads", type=_count, default=1, help="threads of each contender (default 1)")
    parser.add_argument("--study", metavar="LIST", help="only these studies")
    parser.add_argument("--case", metavar="LIST", help="only these cases, beside all contenders; see --list")
    parser.add_argument("--without", metavar="LIST", default="", help="leave contenders out")
    parser.add_argument("--hard-rows", type=_count, help="flows of the hard cases (default: a tenth)")
    parser.add_argument("--rows-studied", metavar="LIST", help="flows that time and memory are compared over")
    parser.add_argument("--days", type=_count, help="days before the one that is added (default 30)")
    parser.add_argument("--day-rows", type=_count, help="flows of a day (default 2,000,000)")
    parser.add_argument(
        "--patience", type=float, help="seconds after which a contender is not asked again (20)"
    )
    parser.add_argument("--minutes", type=float, help="leave out studies that would begin later than that")
    parser.add_argument("--quick", action="store_true", help="few flows, one round: does everything work?")
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="where flows are made, and kept for the next time"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the tables between the markers of a page"
    )
    parser.add_argument("--ruleset", metavar="CASE", help="print the ruleset of a case, and end")
    parser.add_argument("--list", action="store_true", help="print cases and contenders, and end")
    out = parser.parse_args(given)
    for option, names, known in (
        ("--study", out.study, STUDIES),
        ("--without", out.without, CONTENDERS),
    ):
        unknown = [n for n in _listed(names) if n not in known]
        if unknown:
            parser.error(f"{option} takes {', '.join(known)}, not {', '.join(unknown)}")
    for name in [*_listed(out.case), *_listed(out.ruleset)]:
        try:
            find_case(name)
        except KeyError:
            parser.error(f"there is no case {name}: --list prints them")
    if out.write is not None and not out.write.is_file():
        parser.error(f"--write takes a page with markers, and there is no {out.write}")
    return out


def _count(text: str) -> int:
    number = int(text.replace("_", "").replace(",", ""))
    if number < 1:
        raise ValueError
    return number


_count.__name__ = "count"  # what argparse calls it in messages


def _listed(text: str | None) -> list[str]:
    return [part for part in (text or "").split(",") if part]


def main(given: Sequence[str] | None = None) -> int:
    """Run; 1 where answers differ."""
    asked = arguments(given)
    if asked.list:
        from benchmarks.cases import all_cases

        for case in all_cases(asked.rules).values():
            print(f"{case.name:16} {case.text}")
        print("contenders: " + ", ".join(CONTENDERS))
        return 0
    if asked.ruleset:
        print(find_case(asked.ruleset).ruleset, end="")
        return 0
    with ExitStack() as stack:
        folder = asked.data or Path(stack.enter_context(TemporaryDirectory(prefix="flowrules-benchmarks-")))
        return _measure(asked, folder)


def _setting(asked: argparse.Namespace, folder: Path) -> Setting:
    quick = QUICK if asked.quick else {}
    rows = asked.rows or quick.get("rows", 20_000_000)
    part = asked.hard_rows / rows if asked.hard_rows else quick.get("part", 0.1)
    studied = tuple(map(_count, _listed(asked.rows_studied))) or quick.get("rows_studied", ())
    return Setting(
        folder=folder,
        rows=rows,
        rules=asked.rules,
        rounds=asked.rounds or quick.get("rounds", 3),
        threads=asked.threads,
        patience=asked.patience or quick.get("patience", 20.0),
        without=_listed(asked.without),
        say=_say,
        part=part,
        rows_studied=studied,
        days=asked.days or quick.get("days", 30),
        day_rows=asked.day_rows or quick.get("day_rows", 2_000_000),
        cluster_rows=quick.get("cluster_rows", 60_000_000),
        cluster_rules=quick.get("cluster_rules", 1000),
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _measure(asked: argparse.Namespace, folder: Path) -> int:
    from benchmarks.machine import machine, said
    from benchmarks.tables import as_json, as_text, write_page

    setting, on = _setting(asked, folder), machine()
    start = time.perf_counter()
    found: list[Found] = []
    chosen = {"cases": of_cases(_listed(asked.case))} if asked.case else STUDIES
    settings = {name: getattr(setting, name) for name in ("rows", "rules", "rounds", "threads", "part")}
    how = f"{setting.threads} thread{'s' * (setting.threads > 1)} each, medians of {setting.rounds} rounds."
    failed = False
    for name, study in chosen.items():
        passed = time.perf_counter() - start
        if asked.study and name not in _listed(asked.study):
            continue
        if asked.minutes is not None and passed > 60 * asked.minutes:
            _say(f"{name} is left out: {passed / 60:.0f} minutes have passed")
            continue
        _say(f"{name}, after {passed:.0f} s")
        try:
            found.append(study(setting))
        except Disagreement as difference:
            _say(f"{difference}: nothing is measured where answers differ")
            failed = True
            continue
        except (SystemExit, subprocess.CalledProcessError) as ended:
            _say(f"{name} is left out: {ended}")
            failed = True
            continue
        print(as_text(found[-1]), flush=True)
        # after each study, so that a run that is cut off has not been for nothing
        if asked.json is not None:
            asked.json.write_text(json.dumps(as_json(on, settings, found), indent=1) + "\n")
        if asked.write is not None and write_page(asked.write, on, how, found[-1:]):
            _say(f"{asked.write} has no markers for {name}")
    print(said(on))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
