"""Which kernels are taken, and that whatever goes wrong leaves numpy's and says so."""

from __future__ import annotations

import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import flowrules
from flowrules.engine.kernels import NumpyKernels, choice, kernels
from flowrules.engine.kernels.choice import WORTH_IT, cache_folder, choose
from flowrules.flows.sample import write_sample
from flowrules.flows.silk_records import silk_source
from flowrules.flows.silk_write import write_silk
from flowrules.flows.table import FlowSource

with_numba = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")


def source(records: int | None) -> FlowSource:
    return FlowSource("flows", "arrays", frozenset(), None, records=records)


def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "find_spec", lambda name: None)


def test_numpy_is_taken_without_a_word() -> None:
    chosen = choose("numpy", [source(WORTH_IT)])
    assert (chosen.kernels.name, chosen.note) == ("numpy", None)


@pytest.mark.parametrize("records", [(), (None,), (5, None), (WORTH_IT - 1,)])
def test_auto_leaves_small_and_unknown_runs_to_numpy(records: tuple[int | None, ...]) -> None:
    chosen = choose("auto", [source(n) for n in records])
    assert (chosen.kernels.name, chosen.note) == ("numpy", None)


@with_numba
def test_auto_compiles_for_large_runs() -> None:
    chosen = choose("auto", [source(WORTH_IT // 2), source(None), source(WORTH_IT // 2)])
    assert (chosen.kernels.name, chosen.note) == ("compiled", None)


def test_auto_is_silent_where_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch)
    chosen = choose("auto", [source(WORTH_IT)])
    assert (chosen.kernels.name, chosen.note) == ("numpy", None)


def test_who_asks_for_compiled_kernels_is_told_that_they_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch)
    chosen = choose("compiled")
    assert chosen.kernels.name == "numpy"
    assert chosen.note == (
        "compiled kernels are not installed, numpy's are used: pip install 'flowrules[compiled]'"
    )


@pytest.mark.parametrize(
    "error", [ImportError("numba needs NumPy 2.9\nor less"), RuntimeError(), OSError("full")]
)
def test_what_fails_leaves_numpy_and_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(folder: Path | None) -> None:
        raise error

    monkeypatch.setattr(choice, "find_spec", lambda name: object())
    monkeypatch.setattr(choice, "_compiled", fail)
    chosen = choose("compiled")
    assert chosen.kernels.name == "numpy"
    reason = {ImportError: "numba needs NumPy 2.9", RuntimeError: "RuntimeError", OSError: "full"}[
        type(error)
    ]
    assert chosen.note == f"compiled kernels cannot be used, numpy's are: {reason}"


def test_spoilt_code_is_compiled_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load(folder: Path | None) -> NumpyKernels:
        if folder is not None:
            raise EOFError("Ran out of input")
        return made

    made = NumpyKernels()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(choice, "find_spec", lambda name: object())
    monkeypatch.setattr(choice, "_compiled", load)
    chosen = choose("compiled")
    assert chosen.kernels is made
    assert chosen.note == (
        f"compiled again, for what {cache_folder()} keeps cannot be used (the folder may be removed): Ran out of input"
    )


def test_another_word_is_refused() -> None:
    with pytest.raises(ValueError, match="no kernels are called 'fast': there are auto, numpy, compiled"):
        choose("fast")


# ---- where compiled code is kept


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    first = cache_folder()
    assert first is not None and first.parent == tmp_path / "home" / ".cache" / "flowrules"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/paths/do/not/count")
    assert cache_folder() == first
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "flowrules" / first.name
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    assert cache_folder() == tmp_path / "numba" / "flowrules" / first.name


def test_a_folder_that_others_can_write_to_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    folder = cache_folder()
    assert folder is not None and folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o770)
    assert cache_folder() is None


def test_a_folder_that_cannot_be_made_is_done_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "flowrules").write_text("a file")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert cache_folder() is None


# ---- whole runs


def test_the_command_runs_on_when_compiled_kernels_fail(tmp_path: Path) -> None:
    """A numba that cannot be imported, in front of any other."""
    (tmp_path / "numba.py").write_text("raise ImportError('this numba is broken')\n")
    write_sample(tmp_path / "sample", 0.001)
    places = [str(tmp_path), str(Path(flowrules.__file__).parent.parent)]
    code = f"import sys; sys.path[:0] = {places!r}; from flowrules.__main__ import main; main()"
    command = [
        sys.executable,
        "-c",
        code,
        "run",
        "sei.web_clients",
        "--site",
        "site.yaml",
        "--flows",
        "sample.rw",
    ]
    outputs = {}
    for chosen in ("numpy", "compiled"):
        done = subprocess.run(
            [*command, "--kernels", chosen, "--format", "json"],
            cwd=tmp_path / "sample", capture_output=True, text=True, check=True,
        )  # fmt: skip
        outputs[chosen] = done
    assert outputs["compiled"].stdout == outputs["numpy"].stdout
    assert outputs["numpy"].stderr == ""
    assert (
        outputs["compiled"].stderr == "compiled kernels cannot be used, numpy's are: this numba is broken\n"
    )


def test_python_is_warned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lacking(monkeypatch)
    path = tmp_path / "all.frules"
    path.write_text(
        'ruleset sums { version "1.0.0" title "Sums" }\ntable by_host = flows, sum(bytes) of (tcp or udp) per sip\n'
    )
    rules = flowrules.load(path)
    columns = {
        "sip": np.arange(9, dtype=np.uint32) % 4, "protocol": np.full(9, 6, np.uint8),
        "bytes": np.full(9, 40, np.uint64),
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quiet = rules.run(columns, kernels="auto").tables["by_host"].rows()
    with pytest.warns(RuntimeWarning, match="compiled kernels are not installed"):
        assert rules.run(columns, kernels="compiled").tables["by_host"].rows() == quiet
    assert isinstance(kernels(), NumpyKernels)


def test_a_silk_file_tells_its_records(tmp_path: Path) -> None:
    write_sample(tmp_path, 0.001)
    whole = silk_source(tmp_path / "sample.rw")
    counted = sum(chunk.rows for chunk in whole.chunks(frozenset()))
    assert whole.records == counted > 0
    write_silk(tmp_path / "packed.rw", whole.chunks(), compression="zlib")
    assert silk_source(tmp_path / "packed.rw").records is None
