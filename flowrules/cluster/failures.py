"""From what Dask says of a task that failed to what we say."""

from __future__ import annotations

from typing import Any

from flowrules.cluster.errors import ClusterError
from flowrules.cluster.partitions import Partition
from flowrules.cluster.work import SAME_VERSION
from flowrules.flows.errors import FlowFileError


class EndedWorkers(Exception):
    """A task was running, or was next, whenever some workers died: it may be what ended them."""

    def __init__(self, times: int, last: str) -> None:
        super().__init__(times, last)
        self.times = times
        self.last = last

    def of(self, partition: Partition | None) -> Exception:
        """What to say where it was: counting a partition of one portion, or (``None``) adding up."""
        hint = "did it run out of memory? the worker's log tells"
        if partition is None:
            what = f"adding up results ended {self.times} workers, the last one {self.last}"
            return ClusterError(what, hint)
        what = f"reading it ended {self.times} workers, the last one {self.last}"
        return FlowFileError(partition.name, what, hint=hint)


def failure(future: Any) -> BaseException:
    """What a task failed of."""
    from distributed import KilledWorker

    if future.status != "error":
        return ClusterError(
            "the cluster gave up a task", "the scheduler was restarted, or somebody cancelled it"
        )
    error: BaseException = future.exception()
    if isinstance(error, KilledWorker):
        return EndedWorkers(error.allowed_failures + 1, error.last_worker.address)
    if isinstance(error, FlowFileError) and error.message == "no such file or folder":
        error.hint = "workers must see the flows under the same path"
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "flowrules":
        return ClusterError(f"a worker has no flowrules: {error}", SAME_VERSION)
    return error
