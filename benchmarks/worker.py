"""One contender at one case, in a process of its own: ``load`` and ``answer`` on standard input, figures on output.

    python -m benchmarks.worker SPECIFICATION [--once]

``--once`` loads and answers without being asked.  Figures are lines of JSON; an answer is told twice: when it is there, and
then with the digests of its tables, which are not counted.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.data import Data
from benchmarks.flows import Flows


def main() -> None:
    """Do what is asked for until standard input ends."""
    asked = json.loads(sys.argv[1])
    from benchmarks.peers import find

    kind = find(asked["contender"])
    kind.prepare(asked["threads"])
    from benchmarks.cases import find_case

    case = find_case(asked["case"])
    data = Data(Path(asked["folder"]), Flows(**asked["flows"]))
    with TemporaryDirectory() as scratch:
        contender = kind(case, data, asked["threads"], Path(scratch))
        if "--once" in sys.argv:
            contender.load()
            _tell(contender.answer(), contender, {"cpu": _processor()})
            return
        for line in sys.stdin:
            if line.strip() == "load":
                case.settings(Path(scratch))  # a file of addresses is there before anybody loads
                print(json.dumps(_timed(contender.load)[1]), flush=True)
            else:
                _tell(*_answer(contender))


def _answer(contender: Any) -> tuple[Any, Any, dict[str, float]]:
    found, figures = _timed(contender.answer)
    return found, contender, figures


def _tell(found: Any, contender: Any, figures: dict[str, float]) -> None:
    print(json.dumps(figures), flush=True)
    from benchmarks.answers import digests

    print(json.dumps(digests(contender.normal(found))), flush=True)


def _timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), _processor()
    found = work()
    return found, {"wall": time.perf_counter() - wall, "cpu": _processor() - cpu}


def _processor() -> float:
    """CPU seconds, user and system, of this process and of the ended ones that it started."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    main()
