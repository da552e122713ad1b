"""Files that parameters name: sets, maps, tables and tuples, and what can be wrong with them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from flowrules.check.bindings import Binder, BinderError
from flowrules.model import types as t
from flowrules.model.address_text import parse_address
from flowrules.model.types import Type
from flowrules.share.parameter_files import CellError, ParameterFiles, cell_value

BASE = [("host", t.ADDRESS), ("bytes", t.BYTES)]
SERVICE = (t.ADDRESS, t.PORT, t.PROTOCOL)


def write(folder: Path, text: str | bytes) -> str:
    path = folder / "data.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def test_the_files_are_what_a_check_asks_for() -> None:
    binder: Binder = ParameterFiles()
    assert binder


def test_sets_and_maps(tmp_path: Path) -> None:
    addresses = ParameterFiles().read_set(write(tmp_path, "10.0.0.0/30\n192.0.2.1\n"))
    assert addresses.count == 5
    table = ParameterFiles().read_map(write(tmp_path, "10.0.0.0/8,lab\n"), ("address",), "zone")
    assert (table.name, table.kind, table.labels[table.index[0]]) == ("zone", "address", "lab")


def test_a_table_has_titles_and_may_have_more_columns(tmp_path: Path) -> None:
    text = "# yesterday\nflows,host,bytes\n3,10.0.0.1,1500\n\n4,2001:db8::1,2.5kB\n"
    assert ParameterFiles().read_table(write(tmp_path, text), BASE) == [
        (parse_address("10.0.0.1"), 1500),
        (parse_address("2001:db8::1"), 2500),
    ]


def test_tables_as_silk_tools_print_them(tmp_path: Path) -> None:
    text = "       host|  bytes|\r\n   10.0.0.1|   1500|\r\n"
    assert ParameterFiles().read_table(write(tmp_path, text), BASE) == [(parse_address("10.0.0.1"), 1500)]


def test_quoted_cells_and_other_alphabets(tmp_path: Path) -> None:
    text = 'host,"the, name"\n10.0.0.1,"Zürich, ""HQ"""\n'
    rows = ParameterFiles().read_table(write(tmp_path, text), [("the, name", t.LABEL)])
    assert rows == [('Zürich, "HQ"',)]


@pytest.mark.parametrize("titles", ["", "sip,sport,protocol\n"])
def test_tuples_have_titles_or_none(tmp_path: Path, titles: str) -> None:
    text = titles + "10.0.0.1,25,tcp\n10.0.0.1,53,17\n"
    assert ParameterFiles().read_tuples(write(tmp_path, text), SERVICE) == [
        (parse_address("10.0.0.1"), 25, 6),
        (parse_address("10.0.0.1"), 53, 17),
    ]


def test_labels_are_never_titles(tmp_path: Path) -> None:
    assert ParameterFiles().read_tuples(write(tmp_path, "S0\nS1\n"), (t.LABEL,)) == [("S0",), ("S1",)]
    assert ParameterFiles().read_tuples(write(tmp_path, "tcp\nudp\n"), (t.PROTOCOL,)) == [(6,), (17,)]
    assert ParameterFiles().read_tuples(write(tmp_path, ""), (t.PORT,)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            ":1: the table has no column host: found an empty file, expected a line of titles with host, bytes",
        ),
        ("host,octets\n", ":1: the table has no column bytes: found host, octets, expected a line"),
        ("host,bytes,bytes\n", ":1: the table has more than one column bytes"),
        ("host,bytes\n10.0.0.1\n", ":2: a row of another width: found 1 cells, expected 2"),
        (
            "host,bytes\n\n10.0.0.300,1\n",
            ":3, column host: a value of another type: found '10.0.0.300', expected an address (part 4",
        ),
        ("host,bytes\n10.0.0.1,-5\n", "column bytes: a value of another type: found '-5', expected a size"),
        (
            "host,bytes\n10.0.0.1,\n",
            ":2, column bytes: a value of another type: found nothing, expected a size",
        ),
        ("host,bytes\n10.0.0.1,1.5\n", "found '1.5', expected a size"),
        ('host,bytes\n10.0.0.1,"1\n', ":2: no line of CSV: unexpected end of data"),
        ("host,bytes\n10.0.0.1,\0\n", ":2: not text: found a zero byte, expected UTF-8"),
        (b"host,bytes\n\xff\n", ":2: not text: found the byte ff, expected UTF-8"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(BinderError) as caught:
        ParameterFiles().read_table(write(tmp_path, text), BASE)
    assert str(caught.value).startswith(str(tmp_path / "data.csv"))
    assert message in str(caught.value)


def test_tuples_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(BinderError, match=":1: a row of another width: found 2 cells, expected 3"):
        ParameterFiles().read_tuples(write(tmp_path, "10.0.0.1,25\n"), SERVICE)
    with pytest.raises(
        BinderError, match=r":2, column port: .*found 'https', expected a whole number from 0 to 65535"
    ):
        ParameterFiles().read_tuples(write(tmp_path, "10.0.0.1,25,tcp\n10.0.0.1,https,tcp\n"), SERVICE)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    files, path = ParameterFiles(), str(tmp_path / "none")
    for read in (
        lambda: files.read_set(path),
        lambda: files.read_map(path, ("address",), "zone"),
        lambda: files.read_table(path, BASE),
        lambda: files.read_tuples(path, SERVICE),
    ):
        with pytest.raises(BinderError, match="none"):
            read()


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("10.0.0.0/8", t.BLOCK, (parse_address("10.0.0.0"), 104)),
        ("65535", t.PORT, 65535),
        ("UDP", t.PROTOCOL, 17),
        ("5k", t.COUNT, 5000),
        ("9223372036854775807", t.COUNT, (1 << 63) - 1),
        ("4KiB", t.BYTES, 4096),
        ("0.95", t.NUMBER, Fraction(19, 20)),
        ("0.5%", t.PERCENT, Fraction(1, 200)),
        ("1.5h", t.DURATION, 5_400_000),
        ("1970-01-02T00:00:01.5Z", t.TIME, 86_401_500),
        ("1970/01/01:01", t.TIME, 3_600_000),
        ("a label, with all", t.LABEL, "a label, with all"),
    ],
)
def test_cells(text: str, type_: Type, value: object) -> None:
    assert cell_value(text, type_) == value


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("10.0.0.1/8", t.BLOCK),
        ("10.0.0.0/8", t.ADDRESS),
        ("65536", t.PORT),
        ("-1", t.PORT),
        ("٣", t.PORT),
        ("256", t.PROTOCOL),
        ("1.2345k", t.COUNT),
        ("9" * 400, t.COUNT),
        ("1e3", t.NUMBER),
        ("5", t.PERCENT),
        ("5m", t.DURATION),
        ("2026-13-01", t.TIME),
        ("", t.LABEL),
        ("x", t.SCHEDULE),
    ],
)
def test_cells_that_are_no_values(text: str, type_: Type) -> None:
    with pytest.raises(CellError):
        cell_value(text, type_)
