"""What linting a hundred files of a hundred lines costs, and where it goes.

    python benchmarks/lint.py [--rounds 5] [--files 100] [--keep FOLDER]

The files are made of the rulesets in tests/syntax/examples: several of them in one file, each house with
names and thresholds of its own, all importing one list of ports.  ``flowrules lint`` runs as a process of its
own with warm caches, of the grammar and of compiled modules; figures are medians of its CPU seconds, user and system.  A second process
does the same work in steps and says what each costs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "tests" / "syntax" / "examples"
PORTS = "00_ports"
TOPICS = {
    "web_clients": ("01_web_clients",),
    "email": ("02_email",),
    "addresses": ("03_address_space", "05_dns"),
    "servers": ("04_web_servers", "07_remote", "17_outage", "19_p2p"),
    "tunnels": ("06_vpn", "14_exfiltration", "18_icmp"),
    "scans": ("08_ftp", "11_scanners", "12_beaconing", "20_ntp"),
    "changes": ("13_dns_tunnel", "15_new_service", "16_asymmetric", "21_night", "22_v6_tunnels"),
}
"""What one house has: by ruleset, the examples of which its file is made."""

_HEADER = re.compile(r"^ruleset [^{]*\{[^}]*\}\n?", re.MULTILINE)
_IMPORT = re.compile(r"^import sei\.ports \(([^)]*)\).*\n", re.MULTILINE)
_THRESHOLD = re.compile(r"(?<=>= )(\d+)(?![\w.%/])")


def main() -> None:
    """Make the files, lint them, print what it costs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="Leave the files there.")
    parser.add_argument("--steps", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.steps is not None:
        print(json.dumps(steps(asked.steps)))
        return
    with TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch) / "rulesets"
        lines = write_rulesets(folder, asked.files)
        environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(Path(scratch) / "cache"),
            "PYTHONPYCACHEPREFIX": str(Path(scratch) / "compiled"),  # as an installation has it
            "PYTHONDONTWRITEBYTECODE": "",
            "OPENBLAS_NUM_THREADS": "1",  # as the command has it
        }
        # the driver's path, and the rulesets by name
        environment["PYTHONPATH"] = os.pathsep.join((str(HERE.parent), os.environ.get("PYTHONPATH", "")))
        lint = [sys.executable, "-m", "flowrules", "lint", "--format", "concise", str(folder)]
        split = [sys.executable, str(Path(__file__).resolve()), "--steps", str(folder)]
        found = run(lint, environment)[1]  # fills the caches
        whole: list[float] = []
        parts: dict[str, list[float]] = {}
        for _ in range(asked.rounds):
            whole.append(run(lint, environment)[0])
            for step, seconds in json.loads(run(split, environment)[1]).items():
                parts.setdefault(step, []).append(seconds)
    print(f"{platform.machine()}, Python {platform.python_version()}, {asked.rounds} rounds")
    print(f"{asked.files} files, {lines} lines, {found.rstrip().rpartition(chr(10))[2]}")
    for step, each in parts.items():
        print(f"  {step:<12} {statistics.median(each):6.2f} s")
    print(f"flowrules lint {statistics.median(whole):6.2f} s of CPU")


def write_rulesets(folder: Path, files: int) -> int:
    """Write so many rulesets below a folder; how many lines they have in all."""
    texts = {"ports.frules": (EXAMPLES / f"{PORTS}.frules").read_text()}
    texts["ports.frules"] = texts["ports.frules"].replace("sei.ports", "common.ports")
    house = 0
    while len(texts) < files:
        for topic, stems in list(TOPICS.items())[: files - len(texts)]:
            texts[f"house_{house:02}/{topic}.frules"] = ruleset(f"house_{house:02}", topic, stems, house % 5)
        house += 1
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return sum(text.count("\n") for text in texts.values())


def ruleset(house: str, topic: str, stems: Sequence[str], step: int) -> str:
    """The examples in one file: one header, one import of ports; thresholds raised by ``step``."""
    bodies: list[str] = []
    ports: list[str] = []
    for stem in stems:
        text = _HEADER.sub("", (EXAMPLES / f"{stem}.frules").read_text(), count=1)
        for names in _IMPORT.findall(text):
            ports += [n.strip() for n in names.split(",") if n.strip() not in ports]
        bodies.append(_IMPORT.sub("", text))
    body = _THRESHOLD.sub(lambda found: str(int(found[1]) + step), "\n".join(bodies))
    header = (
        f'ruleset {house}.{topic} {{\n    version "1.{step}.0"\n    title "{topic} of {house}"\n'
        f'    license "CC0-1.0"\n}}\n'
    )
    imported = f"import common.ports ({', '.join(ports)})\n" if ports else ""
    return header + imported + body.replace("sei.", f"{house}.")


def run(command: Sequence[str], environment: dict[str, str]) -> tuple[float, str]:
    """The CPU seconds, user and system, of a process, and what it printed; 0 and 1 are fine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def steps(folder: Path) -> dict[str, float]:
    """The CPU seconds of each step of linting a folder, in this process."""
    import gc

    from flowrules.check.check import check
    from flowrules.lint.registry import all_rules
    from flowrules.lint.run import Surroundings, lint
    from flowrules.model.source_text import SourceText
    from flowrules.share.search import Search
    from flowrules.syntax.parser import parse, parse_value

    gc.disable()  # as the command does
    rules = all_rules()
    search = Search.from_environment()
    roots, _ = search.resolve_arguments([str(folder)], sys.stdin.buffer.read)
    parse_value(SourceText("-", "1"))
    taken = [time.process_time()]

    def since() -> float:
        taken.append(time.process_time())
        return taken[-1] - taken[-2]

    for root in roots:
        parse(root)
    parsing = since()
    check(roots, search.find_ruleset, mode="check", known_rulesets=search.names)
    checking = since() - parsing
    lint(roots, rules, around=Surroundings(search.find_ruleset, search.names))
    return {
        "start": taken[0],
        "parse": parsing,
        "check": checking,
        "rules": since() - parsing - checking,
    }


if __name__ == "__main__":
    main()
