"""What runs on the workers: a stage over one partition, and shares added up."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from threading import Lock
from typing import Final

from attrs import define, evolve, field

from flowrules.cluster.errors import ClusterError
from flowrules.cluster.partitions import Partition
from flowrules.cluster.share import Share, added_up
from flowrules.engine.kernels import use
from flowrules.engine.kernels.choice import choose
from flowrules.engine.scan import Scanned, Scanner
from flowrules.engine.stage import Stage
from flowrules.flows.sources import Skips, tolerant
from flowrules.flows.table import FlowSource
from flowrules.model.collector import collector_held_off

MOST_MET: Final = 1 << 22
"""A scanner that has met more groups is not used again: what it makes for a partition is as large as all that it has met."""


@define(eq=False)
class Held:
    """A stage on a worker, whose threads share its dictionaries; sent on, it leaves these behind.

    What threads learn of cells and keys in one partition serves the next.
    """

    stage: Stage
    _lock: Lock = field(factory=Lock, init=False, repr=False)
    _ready: bool = field(default=False, init=False)
    _scanners: list[Scanner] = field(factory=list, init=False, repr=False)
    """Those that no thread uses at the moment."""

    def __reduce__(self) -> tuple[object, ...]:
        return Held, (self.stage,)

    def scan(self, sources: Sequence[FlowSource]) -> Scanned:
        """What the stage finds in some sources."""
        scanner = self._scanner()
        found = scanner.scan(sources)
        # one that failed in the middle is not used again
        if scanner.met <= MOST_MET:
            scanner.let_go()
            with self._lock:
                self._scanners.append(scanner)
        return found

    def _scanner(self) -> Scanner:
        with self._lock:
            if not self._ready:
                self.stage.prepare()
                self._ready = True
            if self._scanners:
                return self._scanners.pop()
        with collector_held_off():
            task = evolve(self.stage).task
        return Scanner(task, self.stage.around)


def packed(stage: Stage) -> bytes:
    """A stage for other processes."""
    return pickle.dumps(stage.portable(), protocol=5)


def unpacked(data: bytes, version: str, compiled: bool = False) -> Held:
    """The stage of a run of this version of flowrules; raises ``ClusterError`` where another is installed.

    Compiled kernels are taken where the run has them and they can be had here.
    """
    from flowrules import __version__

    if __version__ != version:
        raise ClusterError(f"a worker has flowrules {__version__}, and this is {version}", SAME_VERSION)
    use(choose("compiled" if compiled else "numpy").kernels)
    with collector_held_off():
        stage = pickle.loads(data)
    assert isinstance(stage, Stage)
    return Held(stage)


SAME_VERSION = "install the same version everywhere"


def counted(held: Held, partition: Partition) -> Share:
    """What a stage finds in a partition."""
    skips = Skips()
    sources = []
    for _, portion in partition.portions:
        source = portion.open(held.stage.around.conf)
        sources.append(tolerant(source, skips) if portion.tolerant else source)
    found = held.scan(sources)
    skipped = [(s.path, s.reason) for s in skips.files.values()]
    return Share.of(found, [place for place, _ in partition.portions], skipped)


def together(shares: Sequence[Share]) -> Share:
    """Shares of several partitions as one."""
    return added_up(shares)
