"""What runs on the workers: a stage over one partition, and shares added up."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from threading import Lock

from attrs import define, evolve, field

from flowrules.cluster.errors import ClusterError
from flowrules.cluster.partitions import Partition
from flowrules.cluster.share import Share, added_up
from flowrules.engine.kernels import use
from flowrules.engine.kernels.choice import choose
from flowrules.engine.scan import scan
from flowrules.engine.stage import Stage
from flowrules.flows.sources import Skips, tolerant
from flowrules.model.collector import collector_held_off


@define(eq=False)
class Held:
    """A stage on a worker, whose threads share its dictionaries; sent on, it leaves these behind."""

    stage: Stage
    _lock: Lock = field(factory=Lock, init=False, repr=False)
    _ready: bool = field(default=False, init=False)

    def __reduce__(self) -> tuple[object, ...]:
        return Held, (self.stage,)

    def ready(self) -> Stage:
        """The stage, prepared for several threads."""
        with self._lock:
            if not self._ready:
                self.stage.prepare()
                self._ready = True
        return self.stage


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
    stage = held.ready()
    skips = Skips()
    sources = []
    for _, portion in partition.portions:
        source = portion.open(stage.around.conf)
        sources.append(tolerant(source, skips) if portion.tolerant else source)
    with collector_held_off():
        task = evolve(stage).task
    found = scan(task, sources, stage.around, threads=1)
    skipped = [(s.path, s.reason) for s in skips.files.values()]
    return Share.of(found, [place for place, _ in partition.portions], skipped)


def together(shares: Sequence[Share]) -> Share:
    """Shares of several partitions as one."""
    return added_up(shares)
