"""A cluster for a run: one that somebody started, or processes of this machine that end with the run."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flowrules.cluster.errors import ClusterError
from flowrules.cluster.quiet import LOUDEST, no_interrupts, quiet
from flowrules.cluster.versions import installed, unfit
from flowrules.cluster.work import SAME_VERSION
from flowrules.processor import VARIABLE, slow_features

if TYPE_CHECKING:
    from flowrules.cluster.executor import Cluster

CONNECT_SECONDS: Final = 5
"""How long a scheduler may take to answer."""

START_SECONDS: Final = 60
"""How long the workers of this machine may take to start."""

WORKERS_SECONDS: Final = 20
"""How long the first worker may take to turn up."""


@contextmanager
def cluster(scheduler: str | None = None, workers: int | None = None) -> Iterator[Cluster]:
    """Connect to a scheduler, or start ``workers`` processes (``None``: one for each core); undone on leaving.

    ``scheduler`` is an address (``tcp://host:8786``) or the JSON file that a scheduler writes; without one, the address that Dask's configuration
    holds (``$DASK_SCHEDULER_ADDRESS``) is taken unless a number of workers is asked for.

    Raises ``ClusterError`` where Dask is not installed, the scheduler cannot be reached, or a worker cannot do our work.
    """
    try:
        import dask
        import distributed  # noqa: F401 - here, so that its loggers exist when they are silenced
    except ImportError as error:
        raise ClusterError(
            "Dask is not installed"
            if error.name in ("dask", "distributed")
            else f"Dask cannot be used: {error}",
            "pip install 'flowrules[dask]'",
        ) from error
    from dask.system import CPU_COUNT

    from flowrules.cluster.executor import Cluster

    if scheduler is None and workers is None:
        scheduler = dask.config.get("scheduler-address", None)
    with quiet(), ExitStack() as stack:
        loop = stack.enter_context(_loop())
        own = 0 if scheduler is not None else workers or CPU_COUNT
        client = stack.enter_context(_local(own, loop) if scheduler is None else _connected(scheduler, loop))
        wait_for_workers(client, scheduler or "this machine")
        check_versions(client)
        yield Cluster(client, own)


@contextmanager
def connected(client: Any) -> Iterator[Cluster]:
    """The cluster of a client (``distributed.Client``) that somebody else opened, and goes on with afterwards.

    Raises ``ClusterError`` where it has no workers, or one that cannot do our work.
    """
    from flowrules.cluster.executor import Cluster

    wait_for_workers(client, client.scheduler.address)
    check_versions(client)
    yield Cluster(client)


@contextmanager
def _loop() -> Iterator[Any]:
    """An event loop in a thread of its own; it and the processes that it starts leave Ctrl-C to us."""
    from distributed.utils import LoopRunner

    runner = LoopRunner(asynchronous=False)
    with no_interrupts():
        runner.start()
    try:
        yield runner.loop
    finally:
        with suppress(Exception):
            runner.stop(timeout=CONNECT_SECONDS)


@contextmanager
def _connected(scheduler: str, loop: Any) -> Iterator[Any]:
    from distributed import Client

    address = _address(scheduler)
    _greet(address, loop)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False, loop=loop)
    except (OSError, TimeoutError, ImportError) as error:
        raise _no_answer(address, error) from error
    try:
        wait_for_workers(client, address)
        yield client
    finally:
        _closed(client)


def _address(scheduler: str) -> str:
    """The address that is named, or that stands in the file that a scheduler wrote."""
    from distributed.comm.addressing import get_address_host_port, normalize_address

    if scheduler.endswith(".json") and "://" not in scheduler:
        try:
            return str(json.loads(Path(scheduler).read_text())["address"])
        except OSError as error:
            hint = "a scheduler writes it: dask scheduler --scheduler-file"
            raise ClusterError(f"{scheduler}: {_told(error)}", hint) from error
        except (ValueError, KeyError, TypeError) as error:
            raise ClusterError(
                f"{scheduler} is no file of a scheduler", "it is JSON with an address"
            ) from error
    try:
        address = str(normalize_address(scheduler))
        get_address_host_port(address, strict=True)
    except (ValueError, TypeError) as error:
        raise ClusterError(
            f"{scheduler!r} is no address of a scheduler: {_told(error)}", "tcp://host:8786"
        ) from error
    return address


def _greet(address: str, loop: Any) -> None:
    """See that a scheduler answers, and soon: Dask's client would wait for one that accepts and says nothing."""
    from distributed.comm import connect
    from distributed.comm.addressing import get_address_host_port
    from distributed.security import Security
    from distributed.utils import sync

    if address.startswith(("tcp://", "tls://")):
        try:
            # Dask's own attempts forget why they failed when their time is up
            socket.create_connection(get_address_host_port(address), timeout=CONNECT_SECONDS).close()
        except OSError as error:
            raise _no_answer(address, error) from error

    async def greet() -> None:
        arguments = Security().get_connection_args("client")
        comm = await asyncio.wait_for(
            connect(address, timeout=CONNECT_SECONDS, **arguments), CONNECT_SECONDS + 1
        )
        await comm.close()

    try:
        sync(loop, greet)
    except Exception as error:
        raise _no_answer(address, error) from error


def _no_answer(address: str, error: BaseException) -> ClusterError:
    late = isinstance(_cause(error), TimeoutError | asyncio.CancelledError)
    why = f"nothing was said in {CONNECT_SECONDS} s" if late else _told(error)
    return ClusterError(
        f"no Dask scheduler answers at {address}: {why}",
        "start one with dask scheduler, or see that the address is right",
    )


@contextmanager
def _local(workers: int, loop: Any) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    settings = {
        "logging": {"distributed": "critical", "distributed.worker": "critical"},
        "distributed.worker.profile.enabled": False,
        # what watches over a process takes a share of every core that is to count
        "distributed.admin.tick.interval": "1s",
        "distributed.admin.system-monitor.interval": "5s",
        "distributed.admin.system-monitor.disk": False,
        "distributed.worker.memory.monitor-interval": "500ms",
        # a partition that waits at a worker is one that no other takes
        "distributed.scheduler.worker-saturation": 1.0,
        # what is freed stays with the worker, whose one thread takes it again: see engine/freed_memory.py
        "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
        "distributed.nanny.pre-spawn-environ.MALLOC_ARENA_MAX": 1,
        # a program may have loaded numpy before us, workers have not
        f"distributed.nanny.pre-spawn-environ.{VARIABLE}": slow_features() or None,
        # long enough for a worker's keeper to start it again
        "distributed.deploy.lost-worker-timeout": "15s",
    }
    with (
        tempfile.TemporaryDirectory(prefix="flowrules-workers-", ignore_cleanup_errors=True) as folder,
        dask.config.set(settings),
        ExitStack() as stack,
    ):
        try:
            local = LocalCluster(
                n_workers=0,  # they are started once there is something that ends them
                threads_per_worker=1,
                memory_limit=1 / workers,
                processes=True,
                dashboard_address=None,
                local_directory=folder,
                silence_logs=LOUDEST,
                loop=loop,
            )
        except (OSError, RuntimeError) as error:
            raise ClusterError(f"no workers can be started on this machine: {_told(error)}") from error
        stack.callback(_closed, local)
        client = Client(local, set_as_default=False, loop=loop)
        stack.callback(_closed, client)
        local.scale(workers)
        try:
            client.wait_for_workers(workers, timeout=START_SECONDS)
        except TimeoutError as error:
            raise ClusterError(f"no workers could be started on this machine in {START_SECONDS} s") from error
        yield client


def _closed(what: Any) -> None:
    with suppress(Exception):
        what.close(timeout=CONNECT_SECONDS)


def wait_for_workers(client: Any, where: str) -> None:
    """See that there is a worker; raises ``ClusterError`` where none turns up."""
    try:
        client.wait_for_workers(1, timeout=WORKERS_SECONDS)
    except TimeoutError as error:
        raise ClusterError(
            f"the scheduler at {where} has no workers", "start some with dask worker ADDRESS"
        ) from error


def check_versions(client: Any) -> None:
    """Ask every worker what it has; raises ``ClusterError`` naming the first that cannot do our work."""
    import cloudpickle

    from flowrules.cluster import versions

    cloudpickle.register_pickle_by_value(versions)
    try:
        told = client.run(installed, on_error="return")
    finally:
        cloudpickle.unregister_pickle_by_value(versions)
    here = installed()
    for worker, there in sorted(told.items()):
        reason = (
            f"cannot be asked: {_told(there)}" if isinstance(there, BaseException) else unfit(here, there)
        )
        if reason:
            raise ClusterError(f"the worker {worker} {reason}", SAME_VERSION)


def _cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _told(error: BaseException) -> str:
    """The first cause of an error, in one line of our manner."""
    error = _cause(error)
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
