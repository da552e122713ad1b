"""The fuzzing target on random programs, right and wrong ones, and on bytes that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.rulesets import one_input, one_text
from tests.strategies.programs import broken_programs, programs

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*(ROOT / "rulesets").rglob("*.frules"), *(ROOT / "tests" / "syntax").rglob("*.frules")])

quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@given(programs())
@quick
def test_random_programs(text: str) -> None:
    one_text(text)


@given(broken_programs())
@quick
def test_broken_programs(text: str) -> None:
    one_text(text)


@given(st.binary(max_size=200))
@example(b"\xff\xfe\x00")
@example(b"filter a = \xe9")
@quick
def test_bytes(data: bytes) -> None:
    one_input(data)


@given(st.text(alphabet='filter a=\n"{}()[]#@.,:0123456789/-tcpandorof|&^\\', max_size=80))
@quick
def test_texts_of_the_languages_marks(text: str) -> None:
    one_text(text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files(path: Path) -> None:
    one_input(path.read_bytes())
