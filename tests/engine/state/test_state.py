"""Runs with a state find what runs without one find, whatever was added, removed, changed or damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowrules
from flowrules.engine.run import run
from flowrules.engine.state.folder import State
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_write import write_silk
from flowrules.flows.sources import open_sources
from flowrules.flows.table import Chunk
from flowrules.plan.planner import make_plan
from flowrules.profile.build import build
from flowrules.report.json_report import to_json
from tests.flows.made_flows import made

RULES = """
ruleset t { version "1.0.0" title "T" license "CC0-1.0" }
filter secure = tcp and dport = 443
set clients = sip of secure
filter web = (tcp or udp) and sip in clients
check many : warning = flows of all > 10 because "few"
table a "A" = sum(bytes), flows, mean(packets), deviation(bytes), min(bytes), max(duration), span(stime)
    of all per sip order by sip
table b "B" = flows, distinct(dip), values(sport), quantile(bytes, 50%) of tcp per protocol, dport
table c "C" = flows, first, last, mean(bytes_per_second), max(bytes_per_packet), sum(bytes_per_packet)
    of all per type, sensor
table d "D" = flows of web per sip/24/48, bin(stime, 1h) as hour
table e "E" = sum(bytes), distinct(dport) of all
table g "G" = flows, fraction(tcp), active(1min) of all per sip, dip
table h "H" = flows of all where dip in clients per dip, sport
table i "I" = flows, sum(bytes) of inbound per inside
"""
CHANGED = RULES.replace("dport = 443", "dport = 80").replace("fraction(tcp)", "fraction(udp)")
SITE = "internal: [10.0.0.0/25]\n"


def rules(folder: Path, text: str = RULES) -> flowrules.Rules:
    path = folder / "t.frules"
    path.write_text(text)
    (folder / "site.yaml").write_text(SITE)
    return flowrules.load(path, site=folder / "site.yaml")


def found(loaded: flowrules.Rules, flows: Path, state: State | None = None) -> str:
    sources = open_sources([flows])
    results = run(loaded.program, sources, conf=sources.conf, threads=1, state=state)
    return json.dumps(to_json(build(loaded.program, results, None)), sort_keys=False)


def write(path: Path, seed: int, rows: int = 60, one_type: bool = False) -> None:
    chunk = made(rows, seed, wide=0.2 if seed % 3 == 0 else 0.0, hosts=20)
    columns = dict(chunk.columns)
    if one_type:
        columns["type"] = np.zeros(rows, np.uint8)
    write_silk(path, [Chunk(columns, rows)])


def both(loaded: flowrules.Rules, folder: Path) -> State:
    """Run with and without a state, and see that the results are equal."""
    state = State.open(folder / "state")
    assert found(loaded, folder / "flows", state) == found(loaded, folder / "flows")
    return state


def kept(state: Path) -> list[Path]:
    """All packs of a state, those of single files first."""
    return sorted(p for p in state.rglob("*/*/*") if p.is_file())[::-1]


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    for day in range(3):
        write(tmp_path / "flows" / f"{day}.rw", day + 1)
    return tmp_path


def test_second_run_counts_nothing_that_can_be_kept(flows: Path) -> None:
    loaded = rules(flows)
    first = both(loaded, flows)
    assert first.counted > 0 and first.read == 0
    second = both(loaded, flows)
    # of all three files together there is one part for each grouping
    assert second.counted == 0 and second.read == first.counted // 3 and not second.damages


def test_a_new_file_alone_is_counted(flows: Path) -> None:
    loaded = rules(flows)
    a_file = both(loaded, flows).counted // 3
    write(flows / "flows" / "3.rw", 9)
    assert both(loaded, flows).counted == a_file


def test_a_removed_file_takes_its_share_along(flows: Path) -> None:
    loaded = rules(flows)
    both(loaded, flows)
    (flows / "flows" / "1.rw").unlink()
    assert both(loaded, flows).counted == 0


def test_a_changed_file_is_counted_again_even_with_its_old_time_and_size(flows: Path) -> None:
    loaded = rules(flows)
    path = flows / "flows" / "1.rw"
    a_file = both(loaded, flows).counted // 3
    before, stat = path.read_bytes(), path.stat()
    write(path, 77)
    assert len(path.read_bytes()) == len(before)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert both(loaded, flows).counted == a_file


def test_a_moved_file_is_known_by_its_content(flows: Path) -> None:
    loaded = rules(flows)
    both(loaded, flows)
    (flows / "flows" / "1.rw").rename(flows / "flows" / "other.rw")
    assert both(loaded, flows).counted == 0


def test_of_a_changed_ruleset_only_the_changed_groupings_are_counted(flows: Path) -> None:
    all_of_it = both(rules(flows), flows).counted
    changed = both(rules(flows, CHANGED), flows)
    assert 0 < changed.counted < all_of_it and changed.read > 0
    assert both(rules(flows), flows).counted == 0


def test_one_type_in_all_files_is_decided_over_all_files(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    loaded = rules(tmp_path)
    for day in range(2):
        write(tmp_path / "flows" / f"{day}.rw", day + 1, one_type=True)
    both(loaded, tmp_path)
    write(tmp_path / "flows" / "2.rw", 5)
    both(loaded, tmp_path)
    (tmp_path / "flows" / "2.rw").unlink()
    assert both(loaded, tmp_path).counted == 0


@given(st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_changes(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("changes")
    (folder / "flows").mkdir()
    loaded = rules(folder)
    names = st.sampled_from(["a.rw", "b.rw", "c.rw", "d.rw"])
    for _ in range(data.draw(st.integers(2, 4))):
        for name in data.draw(st.lists(names, min_size=1, max_size=3, unique=True)):
            path = folder / "flows" / name
            if path.exists() and data.draw(st.booleans()):
                path.unlink()
            else:
                write(path, data.draw(st.integers(1, 6)), data.draw(st.integers(0, 40)))
        if any((folder / "flows").iterdir()):
            assert not both(loaded, folder).damages


@pytest.mark.parametrize("place", [0, 20, 60, -1])
def test_a_flipped_byte_is_never_trusted(flows: Path, place: int) -> None:
    loaded = rules(flows)
    both(loaded, flows)
    for path in kept(flows / "state"):
        data = bytearray(path.read_bytes())
        data[place] ^= 1
        path.write_bytes(bytes(data))
    damaged = both(loaded, flows)
    assert damaged.damages and damaged.counted
    mended = both(loaded, flows)
    assert not mended.damages and mended.counted == 0


def test_truncated_empty_and_foreign_parts_are_counted_again(flows: Path) -> None:
    loaded = rules(flows)
    both(loaded, flows)
    parts = kept(flows / "state")
    whole = next(p for p in parts if "merged" in p.parts)
    others = [p for p in parts if p.name == whole.name and p != whole]
    assert len(others) == 3
    others[0].write_bytes(others[0].read_bytes()[:-7])
    others[1].write_bytes(b"")
    # whole in themselves, but counted for something else
    of_one, of_all = others[2].read_bytes(), whole.read_bytes()
    whole.write_bytes(of_one)
    others[2].write_bytes(of_all)
    (flows / "state" / "files").write_bytes(b"nothing")
    damaged = both(loaded, flows)
    assert len(damaged.damages) == 5 and damaged.counted
    assert not both(loaded, flows).damages


def test_another_version_starts_anew(flows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = rules(flows)
    first = both(loaded, flows)
    monkeypatch.setattr(flowrules, "__version__", "0.0.0")
    assert both(loaded, flows).counted == first.counted


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(FlowFileError, match="is no folder of a state"):
        State.open(tmp_path)


def test_a_kill_in_the_middle_of_writing_leaves_a_state_that_can_be_used(flows: Path) -> None:
    loaded = rules(flows)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "import flowrules.flows.atomic as atomic\n"
        "from flowrules.engine.state.folder import State\n"
        "from tests.engine.state.test_state import found, rules\n"
        "replace, left = Path.replace, [3]\n"
        "def dying(self, target):\n"
        "    left[0] -= 1\n"
        "    if not left[0]:\n"
        "        os._exit(9)\n"
        "    return replace(self, target)\n"
        "Path.replace = dying\n"
        "folder = Path(sys.argv[1])\n"
        "found(rules(folder), folder / 'flows', State.open(folder / 'state'))\n"
    )
    root = Path(flowrules.__file__).parents[1]
    killed = subprocess.run(
        [sys.executable, "-c", script, flows],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )
    assert killed.returncode == 9
    after = both(loaded, flows)
    assert after.read and after.counted and not after.damages


def test_groupings_that_are_counted_by_cells_are_kept_too(
    flows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowrules.plan.cells.MARGIN", float("inf"))
    tables = [
        f"table n{port}_{per[-3:]} = flows, sum(bytes) of (tcp and dport = {port}){per}"
        for port in (53, 80, 443)
        for per in ("", " per sip", " per dip")
    ]
    loaded = rules(
        flows, 'ruleset t { version "1.0.0" title "T" license "CC0-1.0" }\n' + "\n".join(tables) + "\n"
    )
    assert make_plan(loaded.program).cells
    a_file = both(loaded, flows).counted // 3
    write(flows / "flows" / "3.rw", 9)
    assert both(loaded, flows).counted == a_file
    changed = rules(flows, (flows / "t.frules").read_text() + "table rest = flows of (udp and dport = 53)\n")
    assert 0 < both(changed, flows).counted < a_file
