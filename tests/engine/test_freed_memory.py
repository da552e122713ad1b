"""The wish for kept memory: made once, never against what the environment says, and never an error."""

from __future__ import annotations

import ctypes

import pytest

from flowrules.engine import freed_memory


class _Library:
    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def mallopt(self, option: int, value: int) -> int:
        self.asked.append((option, value))
        return 1


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> _Library:
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    found = _Library()
    monkeypatch.setattr(freed_memory, "_settled", False)
    monkeypatch.setattr(freed_memory.sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: found)
    return found


def test_it_is_asked_for_once(library: _Library) -> None:
    freed_memory.keep_freed_memory()
    freed_memory.keep_freed_memory()
    assert library.asked == [(-3, freed_memory.MAPPED_FROM), (-1, freed_memory.KEPT)]


def test_the_environment_wins(library: _Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    freed_memory.keep_freed_memory()
    assert library.asked == []


def test_other_libraries_are_left_alone(library: _Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    freed_memory.keep_freed_memory()
    assert library.asked == []
