"""The scans of a run on a cluster: partitions counted by tasks, their shares added up in a tree.

A task that a worker took down with it is done again elsewhere; the results are the same whatever was done
twice, in which order and where.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, ClassVar, Final

from attrs import define, field, frozen

from flowrules.cluster.errors import ClusterError
from flowrules.cluster.failures import EndedWorkers, failure
from flowrules.cluster.partitions import Partition, partitions
from flowrules.cluster.share import Share, added_up
from flowrules.cluster.work import counted, packed, together, unpacked
from flowrules.engine.kernels import NumpyKernels, kernels
from flowrules.engine.scan import Progress, Scanned
from flowrules.engine.stage import Stage, Threads
from flowrules.flows.sources import FlowSources
from flowrules.flows.table import FlowSource

AT_ONCE: Final = 8
"""How many shares one task adds up."""

RETRIES: Final = 2
"""How often a task is tried again after an error: a shared file system may fail once."""

LOST_SECONDS: Final = 60
"""How long a scheduler may be out of reach, or without any worker, before the run is given up."""

_LOOK_SECONDS: Final = 0.5

_AHEAD: Final = 4
"""For how many sources by themselves tasks are sent ahead, for each thread of the workers."""


@frozen(eq=False)
class Cluster:
    """An executor of stages on the workers of a Dask client."""

    client: Any
    files_at_once: ClassVar[int] = 1 << 10
    own: int = 0
    """How many workers its own cluster is to have; 0: somebody else sees to that."""

    def scan(self, stage: Stage, sources: Sequence[FlowSource], progress: Progress | None) -> Scanned:
        """What a stage finds in all sources; those that this process alone can read are read here."""
        work = _Stage(self, progress)
        try:
            work.begin(stage, partitions(sources, self.slots))
            return _finished(stage, sources, work)
        except BaseException:
            work.cancel()
            raise

    def each(
        self, stage: Stage, sources: Sequence[FlowSource], progress: Progress | None
    ) -> Iterator[Scanned]:
        """What a stage finds in each source by itself; some are counted ahead."""
        slots = self.slots
        ahead = deque[tuple[Sequence[FlowSource], _Stage]]()
        sent: Any = None
        done = 0
        try:
            for place in range(len(sources)):
                alone, work = sources[place : place + 1], _Stage(self, None)
                ahead.append((alone, work))
                sent = work.begin(stage, partitions(alone, slots), sent)
                if len(ahead) <= _AHEAD * slots and place < len(sources) - 1:
                    continue
                while len(ahead) > (_AHEAD * slots if place < len(sources) - 1 else 0):
                    found = _finished(stage, *ahead[0])
                    ahead.popleft()
                    done += found.facts.records
                    if progress is not None:
                        progress(done)
                    yield found
        except BaseException:
            for _, work in ahead:
                work.cancel()
            raise

    @property
    def slots(self) -> int:
        """How many tasks the workers do at a time."""
        return sum(self.client.nthreads().values())


def _finished(stage: Stage, sources: Sequence[FlowSource], work: _Stage) -> Scanned:
    """What was found in sources whose tasks were begun; those that this process alone can read are read now."""
    here = _read_here(stage, sources, work)
    far = work.result()
    whole = added_up([s for s in (here, far) if s is not None])
    if isinstance(sources, FlowSources):
        for path, reason in sorted(set(whole.skipped)):
            sources.leave_out(path, reason)
    return whole.scanned(stage, len(sources))


def _read_here(stage: Stage, sources: Sequence[FlowSource], work: _Stage) -> Share | None:
    """The share of standard input and arrays; where nothing is read at all, that of nothing."""
    places = [place for place, source in enumerate(sources) if source.portion is None]
    if not places and work.waiting:
        return None
    done = work.progress
    found = Threads().scan(stage, [sources[place] for place in places], done)
    share = Share.of(found, places)
    work.done += sum(share.records.values())
    return share


@frozen(eq=False)
class _Work:
    """What one task does: count a partition, or add up shares."""

    partition: Partition | None
    shares: Sequence[Any] = ()

    @property
    def number(self) -> int:
        """The place of what is counted in the flows."""
        return -1 if self.partition is None else self.partition.number

    def single(self) -> list[_Work]:
        """The same work with a task for each portion."""
        return [self] if self.partition is None else [_Work(one) for one in self.partition.single()]


@define(eq=False)
class _Stage:
    """One stage under way: which tasks are waited for, which shares are there, what failed."""

    cluster: Cluster
    progress: Progress | None
    waiting: dict[Any, _Work] = field(factory=dict)
    """The tasks that are not done."""
    done: int = 0
    _held: Any = None
    _name: str = ""
    _shares: list[Any] = field(factory=list)
    _failed: dict[int, BaseException] = field(factory=dict)
    _suspects: list[_Work] = field(factory=list)
    """What may have ended workers, and is done again with nothing beside it."""
    _put_off: list[_Work] = field(factory=list)
    """What waits meanwhile."""
    _trial: Any = None
    _ended: SimpleQueue[Any] = field(factory=SimpleQueue)
    _tasks: int = 0
    _seen: float = field(factory=monotonic)

    def begin(self, stage: Stage, cut: Sequence[Partition], sent: Any = None) -> Any:
        """Send the stage, unless it was ``sent``, and a task for each partition; returns the stage as it was sent."""
        from flowrules import __version__

        if not cut:
            return sent
        self._name = f"flowrules-{uuid.uuid4().hex[:12]}"
        compiled = not isinstance(kernels(), NumpyKernels)
        self._held = sent or self.cluster.client.submit(
            unpacked, packed(stage), __version__, compiled, key=f"{self._name}-stage", pure=False
        )
        for partition in cut:
            self._submit(_Work(partition))
        return self._held

    def result(self) -> Share | None:
        """Wait for all tasks and return what they found together; ``None`` where there were none."""
        if not self.waiting:
            return None
        while self.waiting:
            future = self._next()
            if future is not None and future in self.waiting:
                self._end(future, self.waiting.pop(future))
            if not self.waiting and not self._failed:
                self._go_on()
        if self._failed:
            raise self._failed[min(self._failed)]
        return self._fetch(self._shares[0])

    def cancel(self) -> None:
        """Stop what is under way; nothing is wanted of it any more."""
        with suppress(Exception):
            self.cluster.client.cancel([*self.waiting, *self._shares, self._held], force=True)

    # ---- tasks

    def _submit(self, work: _Work) -> Any:
        self._tasks += 1
        what = {"key": f"{self._name}-{self._tasks}", "pure": False, "retries": RETRIES}
        if work.partition is None:
            future = self.cluster.client.submit(together, list(work.shares), **what)
        else:
            future = self.cluster.client.submit(counted, self._held, work.partition, **what)
        self._wait_for(future, work)
        return future

    def _wait_for(self, future: Any, work: _Work) -> None:
        self.waiting[future] = work
        future.add_done_callback(self._ended.put)

    def _add_up(self, shares: Sequence[Any]) -> None:
        self._submit(_Work(None, tuple(shares)))
        self._shares = [share for share in self._shares if share not in shares]

    def _lots(self) -> list[list[Any]]:
        """Shares that had better be added up by one worker each, the largest lots first: those that it holds.

        Where every worker holds one, or it is not known, that is whoever they are sent to.
        """
        holders: Mapping[str, Sequence[str]] = {}
        with suppress(Exception):
            holders = self.cluster.client.who_has(self._shares)
        by_holder: dict[str, list[Any]] = {}
        for share in self._shares:
            held = holders.get(share.key) or ("",)
            by_holder.setdefault(held[0], []).append(share)
        lots = sorted((lot for lot in by_holder.values() if len(lot) > 1), key=len, reverse=True)
        cut = (lot[at : at + AT_ONCE] for lot in lots or [self._shares] for at in range(0, len(lot), AT_ONCE))
        return [lot for lot in cut if len(lot) > 1]

    def _go_on(self) -> None:
        """Nothing is under way: try the next suspect by itself, then what was put off, then add up the rest."""
        self._trial = None
        if self._suspects:
            self._trial = self._submit(self._suspects.pop(0))
        elif self._put_off:
            for work in self._put_off:
                self._submit(work)
            self._put_off = []
        elif len(self._shares) > 1:
            for lot in self._lots():
                self._add_up(lot)

    def _end(self, future: Any, work: _Work) -> None:
        if future.status == "finished":
            if work.partition is not None:
                self.done += work.partition.weight
                if self.progress is not None:
                    self.progress(self.done)
            self._shares.append(future)
            if len(self._shares) > 2 * AT_ONCE and self._trial is None:
                self._add_up(self._lots()[0])
            return
        if future.status in ("pending", "lost"):
            # it was done, and went with its worker before we looked: it is done again
            self._wait_for(future, work)
            return
        error = failure(future)
        if isinstance(error, EndedWorkers) and future is not self._trial:
            self._suspects += work.single()
            self._put_off += self._withdrawn(-2)
            return
        if isinstance(error, EndedWorkers):
            error = error.of(work.partition)
        self._failed.setdefault(work.number, error)
        # what comes later in the flows cannot be the first failure any more
        self._withdrawn(work.number)

    def _withdrawn(self, number: int) -> list[_Work]:
        """Give up the tasks that count what comes after a place in the flows, or add up; those are returned."""
        late = {f: w for f, w in self.waiting.items() if w.partition is None or w.number > number}
        for other in late:
            del self.waiting[other]
        self.cluster.client.cancel(list(late), force=True)
        return list(late.values())

    # ---- waiting

    def _fetch(self, last: Any) -> Share:
        """The one share that is left, brought here while an eye is kept on the cluster."""
        self.waiting[last] = _Work(None)
        box: SimpleQueue[Any] = SimpleQueue()

        def fetch() -> None:
            try:
                box.put(last.result())
            except BaseException as error:
                box.put(error)

        Thread(target=fetch, daemon=True, name="flowrules-fetch").start()
        while True:
            with suppress(Empty):
                found = box.get(timeout=_LOOK_SECONDS)
                break
            self._look()
        if isinstance(found, Share):
            return found
        error = failure(last) if last.status != "finished" else found
        raise error.of(None) if isinstance(error, EndedWorkers) else error

    def _next(self) -> Any:
        """A task that ended; ``None`` after a while without one."""
        with suppress(Empty):
            future = self._ended.get(timeout=_LOOK_SECONDS)
            self._seen = monotonic()
            return future
        self._look()
        return None

    def _look(self) -> None:
        """Raises ``ClusterError`` when the cluster is gone; brings back workers of our own that are."""
        client, own = self.cluster.client, self.cluster.own
        if client.status == "closed":
            raise ClusterError("the scheduler was lost", "what it was doing is lost too: run again")
        running = client.status == "running"
        workers = len(client.scheduler_info(n_workers=-1)["workers"]) if running else 0
        if running and workers < own:
            client.cluster.scale(own)
        if workers:
            self._seen = monotonic()
        elif monotonic() - self._seen > LOST_SECONDS:
            what = "all workers are gone" if running else "the scheduler was lost"
            work = self.waiting.get(self._trial)
            doing = f" after {work.partition.name}" if work is not None and work.partition is not None else ""
            raise ClusterError(f"{what}{doing} and did not come back in {LOST_SECONDS} s")
