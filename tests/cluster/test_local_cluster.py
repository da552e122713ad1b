"""Two worker processes of this machine find what this process finds, whatever happens to them."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import attrs
import pytest

pytest.importorskip("distributed", reason="the extra dask is not installed")

from flowrules.cluster import executor as executing
from flowrules.cluster import partitions as cutting
from flowrules.cluster.connecting import cluster
from flowrules.cluster.executor import Cluster
from flowrules.engine.run import run
from flowrules.engine.state.folder import State
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_write import write_silk
from flowrules.flows.sources import FlowSources, open_sources
from tests.cluster.deadly import Deadly, Flaky
from tests.cluster.flows import printed, rules
from tests.flows.made_flows import made

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two() -> Iterator[Cluster]:
    with cluster(workers=2) as opened:
        # a portion that ends its worker is to be found out soon
        opened.client.cluster.scheduler.allowed_failures = 1
        yield opened


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions of few records, so that there are many tasks."""
    monkeypatch.setattr(cutting, "FEWEST", 1000)


@pytest.mark.parametrize("shape", ["files", "store", "sample.rw"])
def test_all_formats_are_the_same_bytes(flows: Path, two: Cluster, shape: str) -> None:
    loaded = rules(flows)
    sources = open_sources([flows / shape])
    assert printed(loaded, sources, two) == printed(loaded, sources)


def test_standard_input_is_read_here_and_files_there(flows: Path, two: Cluster) -> None:
    loaded = rules(flows)

    def opened() -> FlowSources:
        stdin = io.BytesIO((flows / "files" / "a.rw").read_bytes())
        return open_sources([flows / "files" / "b.rw", "-"], stdin=stdin)

    assert printed(loaded, opened(), two) == printed(loaded, opened())


def test_a_worker_killed_in_the_middle_loses_nothing(flows: Path, two: Cluster) -> None:
    loaded = rules(flows)
    sources = open_sources([flows / "sample.rw"])
    pids = two.client.run(os.getpid)
    told: list[int] = []

    def kill(done: int) -> None:
        if len(told) == 3:
            os.kill(min(pids.values()), signal.SIGKILL)
        told.append(done)

    results = run(loaded.program, sources, conf=sources.conf, executor=two, progress=kill)
    assert len(told) > 8 and results.flows.records > 0
    assert printed(loaded, sources, two) == printed(loaded, sources)
    assert set(two.client.run(os.getpid).values()) != set(pids.values())


def with_portion(sources: FlowSources, place: int, portion: object) -> FlowSources:
    held = list(sources)
    held[place] = attrs.evolve(held[place], portion=portion)
    return attrs.evolve(sources, sources=tuple(held))


def test_a_file_that_ends_its_workers_is_named(flows: Path, two: Cluster) -> None:
    loaded = rules(flows, "sei.web_clients")
    sources = open_sources([flows / "files"])
    whole = sources[1].portion
    assert whole is not None
    poisoned = with_portion(sources, 1, Deadly(whole.path, whole.name, whole.format, 10))
    with pytest.raises(FlowFileError, match=r"files/b\.rw: reading it ended 2 workers, the last one tcp://"):
        run(loaded.program, poisoned, conf=sources.conf, executor=two)
    assert printed(loaded, sources, two) == printed(loaded, sources)


def test_what_fails_once_is_tried_again(flows: Path, two: Cluster, tmp_path: Path) -> None:
    loaded = rules(flows, "sei.web_clients")
    sources = open_sources([flows / "files"])
    whole = sources[0].portion
    assert whole is not None
    flaky = with_portion(
        sources, 0, Flaky(**attrs.asdict(whole, recurse=False), mark=str(tmp_path / "failed"))
    )
    assert printed(loaded, flaky, two) == printed(loaded, sources)
    assert (tmp_path / "failed").exists()


def test_a_damaged_file_is_told_as_in_process(flows: Path, two: Cluster, tmp_path: Path) -> None:
    loaded = rules(flows, "sei.web_clients")
    for number in range(4):
        write_silk(tmp_path / f"{number}.rw", [made(3000, number)], compression="zlib")
    for number in (1, 3):
        data = bytearray((tmp_path / f"{number}.rw").read_bytes())
        data[-2000:-1900] = bytes(100)
        (tmp_path / f"{number}.rw").write_bytes(data)
    sources = open_sources([tmp_path])
    said = []
    for executor in (None, two):
        with pytest.raises(FlowFileError) as error:
            run(loaded.program, sources, conf=sources.conf, executor=executor)
        said.append(str(error.value))
    assert said[0] == said[1] and "1.rw" in said[0]


def test_damage_is_left_out_and_told_as_in_process(flows: Path, two: Cluster, tmp_path: Path) -> None:
    loaded = rules(flows)
    for name in ("a.rw", "b.rw", "c.rw"):
        data = (flows / "files" / name).read_bytes()
        (tmp_path / name).write_bytes(data[: -200 if name == "b.rw" else None])
    outcomes = []
    for executor in (None, two):
        sources = open_sources([tmp_path], on_error="skip")
        outcomes.append((printed(loaded, sources, executor), sources.skipped))
    assert outcomes[0] == outcomes[1] and len(outcomes[0][1]) == 1


def test_a_file_that_workers_do_not_see_gives_a_hint(flows: Path, two: Cluster, tmp_path: Path) -> None:
    loaded = rules(flows, "sei.web_clients")
    write_silk(tmp_path / "a.rw", [made(30)])
    sources = open_sources([tmp_path / "a.rw"])
    portion = sources[0].portion
    assert portion is not None
    elsewhere = with_portion(sources, 0, attrs.evolve(portion, path=str(tmp_path / "gone.rw")))
    with pytest.raises(FlowFileError, match="workers must see the flows under the same path"):
        run(loaded.program, elsewhere, conf=sources.conf, executor=two)


@pytest.mark.parametrize("ahead", [0, 1])
def test_with_a_state(
    flows: Path, two: Cluster, tmp_path: Path, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executing, "_AHEAD", ahead)
    loaded = rules(flows)
    expected = printed(loaded, open_sources([flows / "files"]))
    for again in (False, True):
        state = State.open(tmp_path / "state")
        sources = open_sources([flows / "files"])
        results = run(loaded.program, sources, conf=sources.conf, executor=two, state=state)
        assert (state.counted == 0) is again and results.flows.records > 0
        assert printed(loaded, sources, two, state) == expected


def test_from_python_with_a_client_that_is_there(flows: Path, two: Cluster) -> None:
    loaded = rules(flows)
    here = loaded.run(flows / "files", threads=1)
    there = loaded.run(flows / "files", engine=two.client)
    assert there.to_json() == here.to_json() and there.to_text() == here.to_text()
    assert two.client.status == "running"
    arrays = next(open_sources([flows / "sample.rw"])[0].chunks(rows=5000)).columns
    assert loaded.run(arrays, engine=two.client).to_json() == loaded.run(arrays).to_json()
    for wrong in ({"engine": "spark"}, {"workers": 2}, {"scheduler": "tcp://127.0.0.1:1"}):
        with pytest.raises(ValueError, match="engine"):
            loaded.run(arrays, **wrong)


def test_flows_behind_urls(flows: Path, two: Cluster) -> None:
    loaded = rules(flows)
    sources = open_sources([f"local://{flows}/files"])
    assert all(s.path.startswith("file:///") for s in sources)
    assert printed(loaded, sources, two) == printed(loaded, sources)


def test_nothing_is_left_on_the_cluster(flows: Path, two: Cluster) -> None:
    sources = open_sources([flows / "files"])
    printed(rules(flows), sources, two)
    until = time.monotonic() + 20
    scheduler = two.client.cluster.scheduler
    while scheduler.tasks and time.monotonic() < until:
        time.sleep(0.05)
    assert not scheduler.tasks


@pytest.mark.parametrize("wait", [1.5, 3.0])
def test_interrupted_by_its_terminal(flows: Path, wait: float) -> None:
    arguments = ["run", "sei.web_clients", "--flows", str(flows / "sample.rw"), "--engine", "dask"]
    program = (
        "import sys, time; from flowrules.__main__ import main; from flowrules.cluster import executor\n"
        "def slow(*_): time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    executor.counted = slow\n"
        "    print('begun', file=sys.stderr, flush=True)\n"
        "    sys.exit(main(sys.argv[1:]))\n"
    )
    command = [
        sys.executable,
        "-c",
        program,
        *arguments,
        "--workers",
        "2",
        "--site",
        str(flows / "site.yaml"),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, text=True
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "begun\n"
    time.sleep(wait)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "flowrules: interrupted\n")


def test_a_share_that_is_lost_before_it_is_looked_at_is_waited_for_again(two: Cluster) -> None:
    """A task ended, and its worker was killed at once: whoever has what it found is to do it again."""

    class Future:
        key = "one"
        status = "lost"
        told: ClassVar[list[Callable[[object], None]]] = []

        def add_done_callback(self, tell: Callable[[object], None]) -> None:
            self.told.append(tell)

    stage, future, work = executing._Stage(two, None), Future(), executing._Work(None)
    stage._end(future, work)
    assert stage.waiting == {future: work} and not stage._failed
    future.status = "finished"
    future.told[0](future)
    ended = stage._next()
    stage._end(ended, stage.waiting.pop(ended))
    assert stage._shares == [future] and not stage._failed
