"""Conversions that end badly, come together or bring what does not fit: the old store stays as it was."""

from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import evolve

from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import read_silk_conf
from flowrules.flows.silk_write import write_silk
from flowrules.flows.sources import open_sources
from flowrules.flows.store import StoreWriter, open_store, part_writer, reading, write_store, writing
from flowrules.flows.store.manifest import LOCK, MANIFEST
from flowrules.flows.store.writing import WRITING
from flowrules.flows.table import Chunk, FlowSource
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import parse_address
from tests.flows.made_flows import FIRST_DAY, made, multiset, source_of

ROOT = Path(__file__).resolve().parents[3]

OLD = made(3000, 1, days=2, wide=0.1)
NEW = made(3000, 2, days=3, wide=0.1, first_day=FIRST_DAY + 1)


def contents(store: Path) -> dict[str, bytes]:
    """All files, but the lock, which belongs to whoever writes."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in store.rglob("*")
        if path.is_file() and path.name != LOCK
    }


def nets(*blocks: str) -> AddressSet:
    return AddressSet.from_ranges([(parse_address(b), parse_address(b) + 255) for b in blocks])


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "s"
    write_store(path, [source_of(OLD)], internal=nets("10.0.0.0"))
    return path


# ---------------------------------------------------------------- adding


def test_days_are_added_to_those_that_are_there(store):
    written = write_store(store, [source_of(NEW)])
    assert (written.records, written.days) == (3000, ("2012-02-02", "2012-02-03", "2012-02-04"))
    opened = open_store(store, verify=True)
    assert opened.days == ("2012-02-01", "2012-02-02", "2012-02-03", "2012-02-04")
    assert [part.day for part in opened.parts] == sorted(part.day for part in opened.parts)
    assert multiset(opened.sources()) == multiset([source_of(OLD, NEW)])
    assert not (store / WRITING).exists()


def test_an_open_store_does_not_change_under_its_reader(store):
    opened = open_store(store)
    (source,) = opened.sources()
    chunks = source.chunks()
    first = next(chunks)
    write_store(store, [source_of(NEW)])
    assert first.rows + sum(chunk.rows for chunk in chunks) == 3000
    assert multiset([source]) == multiset([source_of(OLD)])


def test_the_same_flows_are_refused_the_second_time(store):
    before = contents(store)
    with pytest.raises(FlowFileError, match=r"all \d+ records of 2012-02-01 are in this store already"):
        write_store(store, [source_of(OLD)])
    assert contents(store) == before


SITE = """version 2
sensor 0 North
sensor 1 South "by the river"
class all
    sensors North South
    type 0 in
    type 1 out
    default-types in
end class
group both
    sensors North South
end group
"""


def test_a_site_that_contradicts_the_stores_is_refused(store, tmp_path):
    path = tmp_path / "silk.conf"
    path.write_text(SITE)
    conf = read_silk_conf(path)
    write_store(store, [source_of(NEW)], conf)
    assert evolve(open_store(store).conf, path=conf.path) == conf
    before = contents(store)
    path.write_text(SITE.replace("North", "Elsewhere"))
    with pytest.raises(FlowFileError, match="sensor 0 is North there and Elsewhere here"):
        write_store(store, [source_of(made(10))], read_silk_conf(path))
    path.write_text(SITE.replace("type 0 in", "type 0 outward").replace("default-types in", ""))
    with pytest.raises(FlowFileError, match="type 0 is all/in there and all/outward here"):
        write_store(store, [source_of(made(10))], read_silk_conf(path))
    assert contents(store) == before
    path.write_text("version 2\nsensor 77 Added\n")
    write_store(store, [source_of(made(10))], read_silk_conf(path))
    write_store(store, [source_of(made(20))])
    assert open_store(store).conf.sensor_name(77) == "Added"
    assert open_store(store).conf.sensor_name(0) == "North"


def test_other_internal_nets_are_refused(store):
    before = contents(store)
    with pytest.raises(FlowFileError, match=r"found 10.9.0.0/24, expected 10.0.0.0/24"):
        write_store(store, [source_of(NEW)], internal=nets("10.9.0.0"))
    assert contents(store) == before
    write_store(store, [source_of(NEW)], internal=nets("10.0.0.0"))
    assert len(open_store(store).parts) == 5


def test_nets_may_come_later(tmp_path):
    write_store(tmp_path / "s", [source_of(OLD)])
    write_store(tmp_path / "s", [source_of(NEW)], internal=nets("10.0.0.0"))
    store = open_store(tmp_path / "s", verify=True)
    assert store.internal == ("10.0.0.0/24",)
    assert {segment.home_codes("sip") is None for segment in store.segments()} == {True, False}


def test_places_that_are_no_store(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FlowFileError, match=r"file: a file: expected a store"):
        write_store(tmp_path / "file", [source_of(OLD)])
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("x")
    with pytest.raises(FlowFileError, match="a folder with other files"):
        write_store(tmp_path / "folder", [source_of(OLD)])
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["notes.txt"]
    with pytest.raises(FlowFileError, match="cannot be written: no such file or directory"):
        write_store(tmp_path / "none" / "s", [source_of(OLD)])
    (tmp_path / "empty").mkdir()
    write_store(tmp_path / "empty", [source_of(OLD)])
    assert open_store(tmp_path / "empty").rows == 3000


def test_nothing_is_added_to_a_store_that_is_damaged(store):
    path = next(store.glob("*/sip.u4"))
    path.write_bytes(path.read_bytes()[:-1])
    before = contents(store)
    with pytest.raises(FlowFileError, match=r"sip\.u4"):
        write_store(store, [source_of(NEW)])
    assert contents(store) == before


def test_parts_without_a_manifest_are_never_removed(store):
    (store / MANIFEST).unlink()
    before = contents(store)
    with pytest.raises(FlowFileError, match="the manifest of this store is missing"):
        write_store(store, [source_of(NEW)])
    assert contents(store) == before


# ---------------------------------------------------------------- conversions that fail


def damaged_source() -> FlowSource:
    def read(fields: frozenset[str] | None, rows: int = 1 << 18) -> Iterator[object]:
        yield from source_of(NEW).chunks(fields, rows)
        raise FlowFileError("broken.rw", "the file ends inside a record")

    return FlowSource("broken.rw", "made", frozenset(NEW.columns), read)


def test_damaged_flows_leave_the_old_store(store):
    before = contents(store)
    with pytest.raises(FlowFileError, match=r"broken.rw"):
        write_store(store, [damaged_source()])
    assert contents(store) == before


def test_damaged_flows_leave_no_new_store(tmp_path):
    with pytest.raises(FlowFileError, match=r"broken.rw"):
        write_store(tmp_path / "s", [damaged_source()])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    with pytest.raises(FlowFileError, match=r"broken.rw"):
        write_store(tmp_path / "empty", [damaged_source()])
    assert list((tmp_path / "empty").iterdir()) == []


def interrupted() -> Iterator[FlowSource]:
    yield source_of(NEW)
    raise KeyboardInterrupt


def test_leaving_without_a_commit_undoes_everything(store):
    before = contents(store)
    with StoreWriter(store) as writer:
        writer.add(NEW)
    with pytest.raises(KeyboardInterrupt):
        write_store(store, interrupted())
    assert contents(store) == before


STEPS: list[tuple[object, str]] = [
    (writing.StoreWriter, "_replace_manifest"),
    (part_writer.PartWriter, "add"),
    (part_writer.PartWriter, "finish"),
    (Path, "rename"),
    (Path, "replace"),
    (os, "fsync"),
    (writing.StoreWriter, "_write_home"),
]


@pytest.mark.parametrize("when", [0, 1, 2, 5])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=repr
)
def test_an_error_at_any_step_leaves_the_store_as_before_or_after(
    store, monkeypatch, owner, name, when, error
):
    before = multiset(open_store(store).sources())
    real: Callable[..., object] = getattr(owner, name)
    calls = 0

    def failing(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls > when:
            raise error
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, failing)
        with suppress(FlowFileError, KeyboardInterrupt):
            write_store(store, [source_of(NEW)])
    after = multiset(open_store(store, verify=True).sources())
    assert after in (before, before + multiset([source_of(NEW)]))
    names = {path.name for path in store.iterdir()}
    known = {part.entry.name for part in open_store(store).parts} | {MANIFEST, LOCK}
    assert {name for name in names - known if not name.startswith("home.")} <= {WRITING}


# ---------------------------------------------------------------- kills, full disks, two at once

CONVERT = """
import sys
from flowrules.flows.sources import open_sources
from flowrules.flows.store import write_store
from flowrules.flows.errors import FlowFileError
source = open_sources([sys.argv[2]])
print("begun", flush=True)
try:
    print(write_store(sys.argv[1], source, wait="wait" in sys.argv).records, flush=True)
except FlowFileError as error:
    print(error, flush=True)
    sys.exit(3)
"""


def convert(store: Path, flows: Path, *more: str, **settings: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CONVERT, str(store), str(flows), *more],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        **settings,  # type: ignore[call-overload]
    )


@pytest.fixture
def flows(tmp_path):
    path = tmp_path / "new.rw"
    write_silk(path, [made(30_000, seed, days=4, wide=0.1) for seed in range(10)])
    return path


def test_a_kill_at_any_instant_leaves_a_store_that_reads(store, flows, tmp_path):
    expected = multiset(open_store(store).sources())
    began = time.monotonic()
    with convert(Path(shutil.copytree(store, tmp_path / "timed")), flows) as process:
        assert process.communicate(timeout=60)[0] == "begun\n300000\n"
    whole = time.monotonic() - began
    random.seed(5)
    rows = []
    for number in range(10):
        path = Path(shutil.copytree(store, tmp_path / f"killed-{number}"))
        with convert(path, flows) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            time.sleep(whole * random.uniform(number / 10, (number + 1) / 10))
            process.send_signal(signal.SIGKILL)
        opened = open_store(path, verify=True)
        rows.append(opened.rows)
        assert opened.rows in (3000, 303_000)
        if opened.rows == 3000:
            assert multiset(opened.sources()) == expected
            # the next one clears up, and succeeds
            assert write_store(path, open_sources([flows])).records == 300_000
        assert not (path / WRITING).exists() or opened.rows > 3000
        opened = open_store(path)
        left = {entry.name for entry in path.iterdir() if entry.is_dir()}
        assert left - {WRITING} == {part.entry.name for part in opened.parts}
        shutil.rmtree(path)
    assert rows[0] == 3000


def test_a_kill_during_the_first_conversion(tmp_path, flows):
    store = tmp_path / "first"
    process = convert(store, flows)
    assert process.stdout is not None
    process.stdout.readline()
    while not (store / WRITING).exists():
        time.sleep(0.005)
    process.kill()
    process.wait()
    process.stdout.close()
    with pytest.raises(FlowFileError, match="a store without flows yet"):
        open_store(store)
    with pytest.raises(FlowFileError, match="first conversion is running, or was cut off"):
        open_sources([store])
    assert write_store(store, [source_of(OLD)]).records == 3000
    assert multiset(open_store(store).sources()) == multiset([source_of(OLD)])


def test_the_second_of_two_writers_is_refused_by_name(store, flows):
    before = contents(store)
    with StoreWriter(store) as writer:
        writer.add(NEW)
        with convert(store, flows) as process:
            told, _ = process.communicate(timeout=60)
        assert process.returncode == 3
        assert "another conversion is writing to this store" in told
        assert f"process {os.getpid()}" in told
        with pytest.raises(FlowFileError, match="another conversion is writing"):
            write_store(store, [source_of(OLD)])
        # what the first one writes is still there
        assert (store / WRITING).is_dir()
    assert contents(store) == before


def test_two_writers_that_wait_both_add(store, tmp_path):
    processes = []
    for number in range(3):
        flows = tmp_path / f"{number}.rw"
        write_silk(flows, [made(20_000, 10 + number, days=2, wide=0.1)])
        processes.append(convert(store, flows, "wait"))
    for process in processes:
        told, _ = process.communicate(timeout=120)
        assert told == "begun\n20000\n"
    opened = open_store(store, verify=True)
    assert opened.rows == 63_000
    assert opened.manifest.generation == 4


def test_a_file_that_may_not_grow_leaves_the_old_store(store, flows):
    before = contents(store)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    with convert(store, flows, preexec_fn=limit) as process:
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "cannot be written: file too large" in told
    assert contents(store) == before


def test_a_full_disk_leaves_the_old_store(tmp_path, flows):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    if subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True
    ).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        write_store(disk / "s", [source_of(OLD)])
        before = contents(disk / "s")
        with pytest.raises(FlowFileError, match="cannot be written: no space left on device"):
            write_store(disk / "s", open_sources([flows]))
        assert contents(disk / "s") == before
        assert multiset(open_store(disk / "s", verify=True).sources()) == multiset([source_of(OLD)])
        assert write_store(disk / "s", [source_of(NEW)]).records == 3000
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_conversion_that_ends_while_a_store_is_opened(tmp_path, monkeypatch):
    store = tmp_path / "s"
    write_store(store, [source_of(made(3000, 1, hosts=50))], internal=nets("10.0.0.0"))
    old = reading.read_manifest(store, "s")
    write_store(store, [source_of(made(3000, 3, hosts=200))])
    assert not (store / "home.1").exists()
    manifests = iter([old])
    real = reading.read_manifest
    monkeypatch.setattr(
        reading, "read_manifest", lambda folder, name: next(manifests, None) or real(folder, name)
    )
    assert open_store(store).rows == 6000


def test_memory_does_not_grow_with_the_records(tmp_path, monkeypatch):
    # what is in memory is a few blocks: with small ones few records show it
    monkeypatch.setattr(writing.DayBuffers.__init__, "__defaults__", (1 << 18, 1 << 19))
    monkeypatch.setattr(writing, "_LEAST_BLOCK", 1 << 16)
    piece = made(1 << 16, days=5, wide=0.05)

    def peak(times: int) -> int:
        def read(fields: frozenset[str] | None, rows: int = 1 << 18) -> Iterator[Chunk]:
            for _ in range(times):
                yield piece

        source = FlowSource("made", "made", frozenset(piece.columns), read)
        tracemalloc.start()
        write_store(tmp_path / str(times), [source], internal=nets("10.0.0.0"), dictionary=True)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    few, many = peak(20), peak(60)
    assert open_store(tmp_path / "60").rows == 60 << 16
    assert many < 1.15 * few
    assert many < 200_000_000
