"""On which processors numpy is told to sort without AVX-512."""

from __future__ import annotations

import os
from pathlib import Path

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


def test_what_the_environment_says_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "slow_features", lambda: "X86_V4")
    monkeypatch.setenv(processor.VARIABLE, "")
    processor.choose_sorting()
    assert os.environ[processor.VARIABLE] == ""
    monkeypatch.delenv(processor.VARIABLE)
    processor.choose_sorting()
    assert os.environ[processor.VARIABLE] == "X86_V4"
