"""How much memory a process has that it shares with no file: what is mapped from files and can be dropped is not counted."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

INTERVAL = 0.005


class PeakMemory:
    """Watches a process and those that it started while the block runs; ``peak`` is in bytes.

    Between two looks ``INTERVAL`` seconds pass: what is had for less may be missed.  The greatest size of the
    process itself, which the system keeps, counts file pages and so is no help.
    """

    def __init__(self, process: int) -> None:
        self._process = process
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self.peak = 0

    def __enter__(self) -> PeakMemory:
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        while True:
            self.peak = max(self.peak, unshared(self._process))
            if self._over.is_set():
                return
            time.sleep(INTERVAL)


def unshared(process: int) -> int:
    """The anonymous resident bytes of a process and its descendants now; 0 when it is gone."""
    total = 0
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                total += int(line.split()[1]) * 1024
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        total += sum(unshared(int(child)) for child in children)
    return total
