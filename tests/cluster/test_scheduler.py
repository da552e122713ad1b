"""A scheduler and workers that somebody started: found, checked, used and left alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("distributed", reason="the extra dask is not installed")

from flowrules.cluster import connecting
from flowrules.cluster import partitions as cutting
from flowrules.cluster.connecting import cluster
from flowrules.cluster.errors import ClusterError
from flowrules.engine.run import run
from flowrules.flows.sources import open_sources
from tests.cluster.flows import printed, rules

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextmanager
def process(module: str, *arguments: str, path: Path = ROOT) -> Iterator[subprocess.Popen[bytes]]:
    """A process of Dask's, which sees the packages below ``path`` first."""
    environment = {**os.environ, "PYTHONPATH": f"{path}:{ROOT}", "DASK_LOGGING__DISTRIBUTED": "critical"}
    command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--no-dashboard"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = subprocess.Popen(command, env=environment, cwd=path, start_new_session=True, **silent)  # type: ignore[call-overload]
    try:
        yield started
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    file = folder / "scheduler.json"
    with process(
        "dask_scheduler", "--host", "127.0.0.1", "--port", str(free_port()), "--scheduler-file", str(file)
    ):
        until = time.monotonic() + 60
        while not file.exists() and time.monotonic() < until:
            time.sleep(0.05)
        yield str(file)


def worker(file: str, folder: Path, *more: str, path: Path = ROOT) -> object:
    arguments = ["--scheduler-file", file, "--nthreads", "1", "--local-directory", str(folder), "--no-nanny"]
    return process("dask_worker", *arguments, *more, path=path)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "FEWEST", 1000)


@pytest.mark.usefixtures("small")
def test_two_workers_one_of_which_is_killed_in_the_middle(flows: Path, tmp_path: Path) -> None:
    loaded = rules(flows)
    with scheduler(tmp_path) as file, worker(file, tmp_path), worker(file, tmp_path) as second:  # type: ignore[attr-defined]
        with cluster(file) as two:
            two.client.wait_for_workers(2, timeout=60)
            for shape in ("store", "files"):
                sources = open_sources([flows / shape])
                assert printed(loaded, sources, two) == printed(loaded, sources)
            sources = open_sources([flows / "sample.rw"])
            told: list[int] = []

            def kill(done: int) -> None:
                if len(told) == 3:
                    os.kill(second.pid, signal.SIGKILL)
                told.append(done)

            run(loaded.program, sources, conf=sources.conf, executor=two, progress=kill)
            assert len(told) > 8
            assert printed(loaded, sources, two) == printed(loaded, sources)
            assert len(two.client.scheduler_info()["workers"]) == 1
        # the scheduler is somebody else's, and goes on
        with cluster(file) as again:
            assert printed(loaded, sources, again) == printed(loaded, sources)


def package(folder: Path, text: str) -> Path:
    (folder / "flowrules").mkdir(parents=True)
    (folder / "flowrules" / "__init__.py").write_text(text)
    return folder


def refused(file: str) -> str:
    """Why a cluster cannot be used."""
    with pytest.raises(ClusterError) as error, cluster(file):
        raise AssertionError
    return str(error.value)


def test_workers_that_cannot_do_our_work(tmp_path: Path) -> None:
    older = package(tmp_path / "older", '__version__ = "0.0.1"\n')
    without = package(tmp_path / "without", "raise ModuleNotFoundError(__name__)\n")
    with scheduler(tmp_path) as file:
        for path, said in ((older, "has flowrules 0.0.1, and this is "), (without, "has no flowrules")):
            with worker(file, tmp_path, path=path):  # type: ignore[attr-defined]
                error = refused(file)
            assert error.startswith("the worker tcp://127.0.0.1:") and said in error
            assert error.endswith(" (hint: install the same version everywhere)")
            time.sleep(0.5)


def test_a_scheduler_without_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "WORKERS_SECONDS", 0.5)
    with scheduler(tmp_path) as file:
        assert " has no workers (hint: start some" in refused(file)


def test_a_scheduler_that_is_lost(flows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flowrules.cluster import executor

    monkeypatch.setattr(executor, "LOST_SECONDS", 1)
    monkeypatch.setattr(cutting, "FEWEST", 300)
    loaded = rules(flows)
    sources = open_sources([flows / "sample.rw"])
    file = tmp_path / "s.json"
    with process("dask_scheduler", "--port", "0", "--scheduler-file", str(file)) as first:
        while not file.exists():
            time.sleep(0.05)
        with worker(str(file), tmp_path), cluster(str(file)) as one:  # type: ignore[attr-defined]

            def stop(done: int) -> None:
                os.kill(first.pid, signal.SIGKILL)

            with pytest.raises(ClusterError, match=r"the scheduler was lost|gave up a task"):
                run(loaded.program, sources, conf=sources.conf, executor=one, progress=stop)


# ---- the command


def command(flows: Path, *arguments: str) -> tuple[int, str]:
    """The exit code and what standard error shows."""
    from flowrules.__main__ import main

    site, sample = str(flows / "site.yaml"), str(flows / "sample.rw")
    runner = CliRunner()
    with runner.isolation() as (_, err, _):
        code = main(["run", "sei.web_clients", "--site", site, "--flows", sample, *arguments])
    return code, err.getvalue().decode()


def test_nobody_answers(flows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "CONNECT_SECONDS", 1.5)
    address = f"tcp://127.0.0.1:{free_port()}"
    code, said = command(flows, "--engine", "dask", "--scheduler", address)
    assert (code, said.count("\n")) == (3, 1)
    assert said.startswith(f"error: no Dask scheduler answers at {address}: connection refused (hint: ")


def test_the_address_of_dasks_configuration(flows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dask

    monkeypatch.setattr(connecting, "CONNECT_SECONDS", 0.3)
    with dask.config.set({"scheduler-address": f"127.0.0.1:{free_port()}"}):
        code, said = command(flows, "--engine", "dask")
    assert code == 3 and "no Dask scheduler answers at tcp://127.0.0.1:" in said


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_something_else_answers(flows: Path, monkeypatch: pytest.MonkeyPatch, greeting: bytes) -> None:
    monkeypatch.setattr(connecting, "CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        held = []

        def serve() -> None:
            # the first only sees whether anybody is there
            server.accept()[0].close()
            peer, _ = server.accept()
            held.append(peer)
            peer.sendall(greeting)

        thread = threading.Thread(target=serve)
        thread.start()
        code, said = command(flows, "--engine", "dask", "--scheduler", address)
        thread.join()
        held[0].close()
    assert (code, said.count("\n")) == (3, 1)
    assert said.startswith(f"error: no Dask scheduler answers at {address}: ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--engine", "dask", "--scheduler", "nonsense"], 3, "'nonsense' is no address of a scheduler: "),
        (["--engine", "dask", "--scheduler", "none.json"], 3, "none.json: no such file or directory (hint: "),
        (["--scheduler", "tcp://127.0.0.1:1"], 2, "--scheduler needs --engine dask"),
        (["--workers", "2"], 2, "--workers needs --engine dask"),
        (["--engine", "dask", "--workers", "2", "--scheduler", "h:1"], 2, "--workers starts processes here"),
        (["--engine", "dask", "--threads", "2"], 2, "--threads is for threads of this process"),
    ],
)
def test_options_that_are_wrong(flows: Path, arguments: list[str], code: int, said: str) -> None:
    found, text = command(flows, *arguments)
    assert found == code and said in text
