"""Files that are no rulesets: too large, not UTF-8, UTF-16, with NUL bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrules.model.source_text import SourceText
from flowrules.syntax import source_file
from flowrules.syntax.parser import parse
from flowrules.syntax.source_file import decode, read_source


def test_a_byte_order_mark_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.frules"
    path.write_bytes(b"\xef\xbb\xbffilter a = tcp and\n")
    source, faults = read_source(path, "shown.frules")
    assert faults == ()
    assert source == SourceText("shown.frules", "filter a = tcp and\n")
    (d,) = parse(source).diagnostics
    assert d.span is not None
    assert (d.span.line, d.span.column) == (1, 19)


def test_not_utf8_says_where() -> None:
    source, (fault,) = decode('# é\nfilter a = sensor = "'.encode() + b'\xe9"\n', "a.frules")
    assert source.text == ""
    assert fault.code == "FR129"
    assert fault.message == "byte 0xe9 at offset 26 is not UTF-8"
    assert fault.span is not None
    assert (fault.span.line, fault.span.column) == (2, 22)
    assert fault.hint is not None
    assert "Latin-1" in fault.hint


def test_utf16_is_named() -> None:
    _, (fault,) = decode("filter a = tcp".encode("utf-16"), "a.frules")
    assert "UTF-16" in fault.message


def test_a_flow_file_is_no_ruleset() -> None:
    _, (fault,) = decode(b"\xde\xad\xbe\xef\x00\x00\x00\x10", "flows.rw")
    assert fault.hint is not None
    assert "--flows" in fault.hint


def test_nul_bytes_are_a_finding() -> None:
    source, faults = decode(b"filter a = tcp\0and udp\0\n", "a.frules")
    assert faults == ()
    findings = parse(source).diagnostics
    assert findings[0].code == "FR130"
    assert findings[0].message == "a NUL byte stands at offset 14, and 1 more"


def test_too_large_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_file, "LARGEST", 1000)
    path = tmp_path / "big.frules"
    path.write_bytes(b"# " + b"x" * 50_000)
    source, (fault,) = read_source(path)
    assert source.text == ""
    assert fault.code == "FR128"
    assert "50,002 bytes" in fault.message
    (again,) = parse(SourceText("text", "é" * 600)).diagnostics
    assert again.code == "FR128"


def test_a_file_of_50_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "big.frules"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    _, (fault,) = read_source(path)
    assert fault.code == "FR128"


def test_a_missing_file_raises_as_open_does(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_source(tmp_path / "none.frules")
