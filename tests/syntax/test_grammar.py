"""The grammar's tables are kept in the user's cache folder, and nothing depends on that folder."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import pytest
from lark import Lark

from flowrules.syntax import grammar, marks, tables
from flowrules.syntax.declaration_builder import DeclarationBuilder
from flowrules.syntax.machine import Machine
from flowrules.syntax.tables import OPTIONS, START_RULES

made = cache(tables.make)
"""The tables, made once: what is asked here is only where they are kept."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tables, "make", made)
    return tmp_path / "flowrules"


def load() -> None:
    parser = Machine(grammar.load(), DeclarationBuilder())
    assert [t.text for t in parser.tokens("filter a = tcp", "item")] == ["filter", "a", "=", "tcp"]


def test_the_second_load_reads_what_the_first_wrote(folder: Path) -> None:
    load()
    (kept,) = folder.iterdir()
    before = kept.stat().st_mtime_ns
    load()
    assert [p.stat().st_mtime_ns for p in folder.iterdir()] == [before]


def test_a_damaged_cache_is_built_anew(folder: Path) -> None:
    load()
    (kept,) = folder.iterdir()
    whole = kept.read_bytes()
    for damaged in (b"", b"\x80\x04garbage", b"[]", b'{"rules": 1}', whole[: len(whole) // 2]):
        kept.write_bytes(damaged)
        load()
        assert kept.read_bytes() != damaged


@pytest.mark.skipif(os.name == "nt", reason="no owners")
def test_a_cache_that_others_can_write_is_not_read(folder: Path) -> None:
    load()
    (kept,) = folder.iterdir()
    key = json.loads(kept.read_bytes())[0]
    assert grammar._read(kept, key) is not None
    kept.chmod(0o666)
    assert grammar._read(kept, key) is None


def test_tables_of_another_grammar_are_not_taken(folder: Path) -> None:
    load()
    (kept,) = folder.iterdir()
    own = kept.read_bytes()
    key, plain = json.loads(own)
    kept.write_text(json.dumps([key + " ", plain]))
    load()
    assert kept.read_bytes() == own


def test_a_folder_that_cannot_be_made_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "make", made)
    (tmp_path / "flowrules").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load()


def test_no_cache_where_none_is_wanted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWRULES_NO_CACHE", "1")
    load()
    assert not folder.exists()


def test_old_versions_are_dropped(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for n in range(8):
        old = folder / f"grammar-{n}.pickle"
        old.write_bytes(b"")
        os.utime(old, (n, n))
    load()
    assert len(list(folder.iterdir())) == 4


def test_reserved_words_of_the_grammar_are_those_of_the_scanner() -> None:
    from flowrules.model.resources import grammar_text

    for terminal in ("NAME", "REF"):
        line = next(line for line in grammar_text().splitlines() if line.startswith(f"{terminal}:"))
        words = line[line.index("(?:") + 3 : line.index(r")\b")].split("|")
        assert frozenset(words) == marks.RESERVED


def test_the_grammar_has_no_conflict() -> None:
    pytest.importorskip("interegular", reason="lark's strict mode needs it")
    from flowrules.model.resources import grammar_text

    Lark(grammar_text(), start=list(START_RULES), strict=True, **OPTIONS)
