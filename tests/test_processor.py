"""On which processors numpy is told to sort without AVX-512."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from flowrules import processor

ZEN_4 = """\
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
flags\t\t: fpu sse2 avx2 avx512f avx512dq

processor\t: 1
"""


@pytest.fixture
def cpuinfo(tmp_path: Path) -> Path:
    return tmp_path / "cpuinfo"


def test_zen_4_sorts_without_avx512(cpuinfo: Path) -> None:
    cpuinfo.write_text(ZEN_4)
    assert "AVX512_ICL" in processor.slow_features(cpuinfo).split()


@pytest.mark.parametrize(
    ("found", "instead"),
    [("AuthenticAMD", "GenuineIntel"), (": 25", ": 26"), (" avx512f avx512dq", "")],
    ids=["of another maker", "of another family", "Zen 3"],
)
def test_others_sort_as_they_are(cpuinfo: Path, found: str, instead: str) -> None:
    cpuinfo.write_text(ZEN_4.replace(found, instead))
    assert processor.slow_features(cpuinfo) == ""


def test_a_system_that_does_not_tell_is_left_alone(cpuinfo: Path) -> None:
    assert processor.slow_features(cpuinfo) == ""


@pytest.mark.parametrize(
    ("version", "tag", "names"),
    [
        ("2.4.6", "cp311-cp311-manylinux_2_28_x86_64", "X86_V4 AVX512_ICL"),
        ("2.3.0", "cp311-cp311-musllinux_1_2_x86_64", "AVX512_SKX AVX512_ICL"),
        ("2.4.6", "cp311-cp311-linux_x86_64", ""),
        ("unknown", "cp311-cp311-manylinux_2_28_x86_64", ""),
        (None, "cp311-cp311-manylinux_2_28_x86_64", ""),
        ("2.4.6", None, ""),
    ],
)
def test_a_numpy_that_was_built_for_the_processor_is_left_alone(
    cpuinfo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str | None,
    tag: str | None,
    names: str,
) -> None:
    cpuinfo.write_text(ZEN_4)
    folder = tmp_path / "numpy"
    folder.mkdir()
    if version is not None:
        (folder / "version.py").write_text(f'version = "{version}"\n')
    if tag is not None:
        (tmp_path / f"numpy-{version}.dist-info").mkdir()
        (tmp_path / f"numpy-{version}.dist-info" / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")
    spec = SimpleNamespace(origin=str(folder / "__init__.py"))
    monkeypatch.setattr(processor, "find_spec", lambda name: spec)
    assert processor.slow_features(cpuinfo) == names


def test_what_the_environment_says_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "slow_features", lambda: "X86_V4")
    monkeypatch.setenv(processor.VARIABLE, "")
    processor.choose_sorting()
    assert os.environ[processor.VARIABLE] == ""
    monkeypatch.delenv(processor.VARIABLE)
    processor.choose_sorting()
    assert os.environ[processor.VARIABLE] == "X86_V4"
