"""States that cannot be written, that others use, that are old or large: results are right, and one line says what is."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import flowrules
from flowrules.__main__ import main
from flowrules.engine.state import folder as state_folder
from flowrules.engine.state.content_hash import content_hash
from flowrules.engine.state.folder import State
from flowrules.engine.state.part_file import Reader, Writer
from flowrules.flows.errors import FlowFileError
from flowrules.flows.sources import open_sources
from tests.engine.state.test_state import CHANGED, RULES, both, found, kept, rules, write

DAY = 86_400


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    for day in range(3):
        write(tmp_path / "flows" / f"{day}.rw", day + 1)
    return tmp_path


def refusing(monkeypatch: pytest.MonkeyPatch, error: int, after: int = 0) -> None:
    """No file can be made any more in folders of a state, after some."""
    from flowrules.flows import atomic

    mkstemp, left = atomic.tempfile.mkstemp, [after]

    def refuse(*arguments: object, **named: object) -> tuple[int, str]:
        if left[0] == 0:
            raise OSError(error, os.strerror(error), str(named["dir"]))
        left[0] -= 1
        return mkstemp(*arguments, **named)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(atomic.tempfile, "mkstemp", refuse)


@pytest.mark.parametrize(("error", "after"), [(errno.ENOSPC, 0), (errno.ENOSPC, 2), (errno.EROFS, 0)])
def test_a_state_that_cannot_be_written_costs_time_alone(
    flows: Path, monkeypatch: pytest.MonkeyPatch, error: int, after: int
) -> None:
    loaded = rules(flows)
    with monkeypatch.context() as patched:
        refusing(patched, error, after)
        state = both(loaded, flows)
    (message,) = state.messages
    assert message.startswith("nothing more could be kept: ")
    assert os.strerror(error).lower()[1:] in message.lower()
    assert both(loaded, flows).counted and not both(loaded, flows).messages


def test_a_disk_that_fills_up_in_the_middle_of_a_pack(flows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flowrules.engine.state.pack import PackWriter

    loaded, left = rules(flows), [12]
    put = PackWriter.put

    def full(self: PackWriter, name: str, data: Sequence[bytes | memoryview]) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        put(self, name, data)

    with monkeypatch.context() as patched:
        patched.setattr(PackWriter, "put", full)
        assert len(both(loaded, flows).messages) == 1
    assert not [p for p in (flows / "state").rglob(".*") if p.is_file()]
    after = both(loaded, flows)
    assert after.read and after.counted and not after.messages


def test_a_state_that_is_used_read_only_still_saves_time(
    flows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = rules(flows)
    a_file = both(loaded, flows).counted // 3
    write(flows / "flows" / "3.rw", 9)
    refusing(monkeypatch, errno.EROFS)
    assert both(loaded, flows).counted == a_file


def test_another_version_is_said_in_one_line_and_its_parts_go(
    flows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = rules(flows)
    both(loaded, flows)
    before = set(kept(flows / "state"))
    monkeypatch.setattr(flowrules, "__version__", "9.9.9")
    (message,) = both(loaded, flows).messages
    assert "was kept by flowrules" in message and "9.9.9" not in message
    assert not before & set(kept(flows / "state"))
    assert not both(loaded, flows).messages


def test_a_state_of_an_earlier_form_is_counted_again(flows: Path) -> None:
    (flows / "state" / "parts" / "00").mkdir(parents=True)
    (flows / "state" / "files").write_bytes(b"flowrules part 1\nand so on")
    (flows / "state" / "parts" / "00" / "11").write_bytes(b"flowrules part 1\nand so on")
    loaded = rules(flows)
    (message,) = both(loaded, flows).messages
    assert "was kept by an earlier version" in message
    assert not (flows / "state" / "parts" / "00").exists()
    assert not both(loaded, flows).messages


def test_two_runs_at_once(flows: Path) -> None:
    loaded = {name: rules(flows, text) for name, text in (("one", CHANGED), ("other", RULES))}
    expected = {name: found(one, flows / "flows") for name, one in loaded.items()}
    answers: list[tuple[str, str]] = []

    def run(name: str) -> None:
        answers.append((name, found(loaded[name], flows / "flows", State.open(flows / "state"))))

    for _ in range(2):
        threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "other", "one")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == 6
    assert all(answer == expected[name] for name, answer in answers)
    for one in loaded.values():
        state = both(one, flows)
        assert not state.damages and not state.counted


def test_parts_that_vanish_while_they_are_used_are_counted_again(flows: Path) -> None:
    loaded = rules(flows)
    both(loaded, flows)
    state = State.open(flows / "state")
    for node in state.merged():
        node.directories()
    for path in kept(flows / "state"):
        path.unlink()
    assert found(loaded, flows / "flows", state) == found(loaded, flows / "flows")
    assert not state.damages


def test_a_window_that_moves_on_needs_few_parts(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    loaded = rules(tmp_path)
    read = []
    for day in range(26):
        write(tmp_path / "flows" / f"{day:02}.rw", day + 1, rows=5)
        if day >= 16:
            (tmp_path / "flows" / f"{day - 16:02}.rw").unlink()
        if day >= 15:
            state = both(loaded, tmp_path) if day in (15, 16, 25) else State.open(tmp_path / "state")
            if day not in (15, 16, 25):
                found(loaded, tmp_path / "flows", state)
            read.append(state.read // 8)
    # the first step takes the days one by one, later ones what was put together of them
    assert read[1] == 15 and max(read[2:]) <= 10
    assert len({p.parent for p in (tmp_path / "state" / "merged").rglob("*") if p.is_file()}) <= 12


def test_a_little_more_is_not_put_together_with_very_much(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    loaded = rules(tmp_path, RULES.split("table a")[0] + "table pairs = flows of all per sip, dip, sport\n")
    for day in range(2):
        write(tmp_path / "flows" / f"{day}.rw", day + 1, rows=900)

    def wholes() -> int:
        return len([p for p in kept(tmp_path / "state") if "merged" in p.parts])

    both(loaded, tmp_path)
    assert wholes() == 1
    sizes = []
    for day in range(2, 9):
        write(tmp_path / "flows" / f"{day}.rw", day + 1, rows=20)
        assert both(loaded, tmp_path).counted
        sizes.append(sum(p.stat().st_size for p in kept(tmp_path / "state") if "merged" in p.parts))
    # the pairs, which are most of it, are written anew only after some days
    written = [b - a for a, b in pairwise(sizes)]
    assert 0 < sum(more > 10_000 for more in written) <= 2


def test_copies_of_a_file_count_each(flows: Path) -> None:
    loaded = rules(flows)
    a_file = both(loaded, flows).counted // 3
    (flows / "flows" / "9.rw").write_bytes((flows / "flows" / "1.rw").read_bytes())
    assert both(loaded, flows).counted == 0
    write(flows / "flows" / "5.rw", 5)
    (flows / "flows" / "6.rw").write_bytes((flows / "flows" / "5.rw").read_bytes())
    assert both(loaded, flows).counted == a_file


def test_damaged_files_and_their_copies_are_told_by_every_run(flows: Path) -> None:
    loaded = rules(flows)
    whole = (flows / "flows" / "1.rw").read_bytes()
    for name in ("1.rw", "4.rw"):
        (flows / "flows" / name).write_bytes(whole[: len(whole) // 2 + 7])

    def skipped(state: State | None) -> tuple[str, list[str]]:
        import json

        from flowrules.engine.run import run
        from flowrules.profile.build import build
        from flowrules.report.json_report import to_json

        sources = open_sources([flows / "flows"], on_error="skip")
        results = run(loaded.program, sources, conf=sources.conf, threads=1, state=state)
        return json.dumps(to_json(build(loaded.program, results, None))), [s.path for s in sources.skipped]

    plain = skipped(None)
    assert len(plain[1]) == 2
    for _ in range(3):
        assert skipped(State.open(flows / "state")) == plain


def test_what_no_run_has_asked_for_goes_after_a_while(flows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, changed = rules(flows), rules(flows, CHANGED)
    both(loaded, flows)
    both(changed, flows)
    (flows / "flows" / "0.rw").unlink()
    names = set(kept(flows / "state"))
    now = time.time()
    for days in (20, 45):
        monkeypatch.setattr(state_folder.time, "time", lambda days=days: now + days * DAY)
        both(changed, flows)
        gone = names - set(kept(flows / "state"))
        assert bool(gone) == (days == 45)
    assert both(changed, flows).counted == 0
    assert both(loaded, flows).counted > 0


def test_content_hashes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    hashes = set()
    contents = [b"", b"\0", b"\0\0", b"a" * 511, b"a" * 512, b"a" * 513, b"b" + b"a" * 511, bytes(5 << 20)]
    contents += [b"".join([b"x" * 512, b"y" * 512]), b"".join([b"y" * 512, b"x" * 512])]
    for content in contents:
        path.write_bytes(content)
        hashes.add(content_hash(str(path)))
    assert len(hashes) == len(contents)


def test_what_is_given_twice_is_kept_once() -> None:
    writer = Writer()
    counts = np.arange(1000)
    header = {
        "counts": writer.array(counts),
        "known": writer.array(counts),
        "others": writer.array(counts + 1),
    }
    data = writer.packed(header)
    reader = Reader(data)
    read = [reader.array(reader.header[name]) for name in header]
    assert [array.tolist() for array in read] == [counts.tolist(), counts.tolist(), (counts + 1).tolist()]
    assert read[0] is read[1]
    assert len(data) < 3 * 2 * len(counts)


def test_python_takes_a_state_and_warns(flows: Path) -> None:
    loaded = rules(flows)
    plain = loaded.run(flows / "flows").to_json()
    assert loaded.run(flows / "flows", state=flows / "state").to_json() == plain
    whole = next(p for p in kept(flows / "state") if "merged" in p.parts)
    whole.write_bytes(b"nothing")
    with pytest.warns(RuntimeWarning, match="cannot be used and was counted again"):
        assert loaded.run(flows / "flows", state=flows / "state").to_json() == plain
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loaded.run(flows / "flows", state=flows / "state").to_json() == plain
    with pytest.raises(FlowFileError, match="is no folder of a state"):
        loaded.run(flows / "flows", state=flows)


def test_the_command_shows_and_prunes(flows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both(rules(flows), flows)
    assert main(["state", "show", str(flows / "state")]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("3 files, ") and "1 sets of files put together" in shown
    assert main(["state", "prune", str(flows / "state")]) == 0
    assert ": 0 bytes removed" in capsys.readouterr().out
    assert main(["state", "prune", "--days", "0", str(flows / "state")]) == 0
    assert ": 0 bytes removed" not in capsys.readouterr().out
    assert main(["state", "show", "--format", "json", str(flows / "state")]) == 0
    assert '"count": 0' in capsys.readouterr().out
    assert main(["state", "show", str(flows / "nowhere")]) == 3
    assert "holds no state: no such file" in capsys.readouterr().err
    assert both(rules(flows), flows).counted


def test_a_killed_run_leaves_nothing_for_good(flows: Path) -> None:
    loaded = rules(flows)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from flowrules.engine.state.pack import PackWriter\n"
        "from flowrules.engine.state.folder import State\n"
        "from tests.engine.state.test_state import found, rules\n"
        "PackWriter.close = lambda self: os._exit(9)\n"
        "folder = Path(sys.argv[1])\n"
        "found(rules(folder), folder / 'flows', State.open(folder / 'state'))\n"
    )
    root = Path(flowrules.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", script, str(flows)]
    assert subprocess.run(command, cwd=root, env=environment, check=False).returncode == 9
    (left,) = [p for p in (flows / "state").rglob(".*") if p.is_file()]
    assert not both(loaded, flows).damages and left.exists()
    os.utime(left, (0, 0))
    State.open(flows / "state").prune(40)
    assert not left.exists()


def test_the_command_says_in_one_line_what_could_not_be_used(
    flows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules(flows)
    command = [
        "run",
        str(flows / "t.frules"),
        "--flows",
        str(flows / "flows"),
        "--site",
        str(flows / "site.yaml"),
    ]
    command += ["--state", str(flows / "state"), "--format", "json"]
    assert main(command) == 0
    first = capsys.readouterr()
    assert not first.err
    for path in kept(flows / "state"):
        path.write_bytes(path.read_bytes()[:-1])
    assert main(command) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    (line,) = again.err.splitlines()
    assert line.startswith("state: ") and "cannot be used and was counted again" in line
    assert main([*command[:-3], str(flows)]) == 3
    assert "is no folder of a state" in capsys.readouterr().err
