"""Flows in Parquet: ours come back as they were, and other programs can use them; those of others are read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flowrules.flows import parquet
from flowrules.flows.errors import FlowFileError
from flowrules.flows.parquet import write_parquet
from flowrules.flows.silk_conf import read_silk_conf
from flowrules.flows.silk_records import silk_source
from flowrules.flows.sources import open_sources, recognise
from flowrules.flows.store.day_buffers import DayBuffers
from flowrules.flows.table import Chunk
from tests.flows.made_flows import DAY, FIRST_DAY, made, multiset, source_of
from tests.flows.silk_files import SAMPLES, own_samples
from tests.reference import shared

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("addresses", ["auto", "binary", "text"])
@pytest.mark.parametrize("sample", own_samples()[::7], ids=lambda sample: sample["file"])
def test_silk_records_survive(tmp_path, sample, addresses):
    source = silk_source(SAMPLES / sample["file"])
    write_parquet(tmp_path, [source], addresses=addresses)
    assert multiset(open_sources([tmp_path])) == multiset([with_version(source)])


def with_version(source):
    """Parquet without versions of records gets those that the addresses tell."""
    if "ip_version" in source.fields:
        return source
    chunks = [
        Chunk({**c.columns, "ip_version": np.full(c.rows, 4, np.uint8)}, c.rows)
        for c in source.chunks(source.fields - {"record_number"})
    ]
    return source_of(*chunks)


@pytest.mark.parametrize("name", ["v4.rw", "v6.rw"])
def test_silk_files_survive_to_the_record(tmp_path, name):
    source = silk_source(shared("silk", "data", name))
    write_parquet(tmp_path, [source])
    assert multiset(open_sources([tmp_path])) == multiset([source])


def test_a_file_for_each_day(tmp_path):
    chunk = made(3000, days=3)
    files = write_parquet(tmp_path / "p", [source_of(chunk)])
    assert [Path(file).name for file in files] == [
        "2012-02-01.parquet",
        "2012-02-02.parquet",
        "2012-02-03.parquet",
    ]
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == [Path(file).name for file in files]
    days = [pq.read_table(file)["stime"].cast(pa.int64()).to_numpy() // DAY - FIRST_DAY for file in files]
    assert [set(day.tolist()) for day in days] == [{0}, {1}, {2}]
    assert multiset(open_sources([tmp_path / "p"])) == multiset([source_of(chunk)])


def test_columns_are_named_and_typed_as_the_documentation_says(tmp_path):
    conf = read_silk_conf(ROOT / "tests" / "data" / "silk" / "silk.conf")
    (file,) = write_parquet(tmp_path, [source_of(made(100))], conf)
    schema = pq.read_schema(file)
    assert {field.name: str(field.type) for field in schema} == {
        "sip": "uint32",
        "dip": "uint32",
        "sport": "uint16",
        "dport": "uint16",
        "protocol": "uint8",
        "packets": "uint64",
        "bytes": "uint64",
        "flags": "uint8",
        "stime": "timestamp[ms, tz=UTC]",
        "duration": "duration[ms]",
        "sensor": "uint16",
        "input": "uint32",
        "output": "uint32",
        "nhip": "uint32",
        "initial_flags": "uint8",
        "session_flags": "uint8",
        "attributes": "uint8",
        "application": "uint16",
        "type": "uint8",
        "ip_version": "uint8",
        "sensor_name": "dictionary<values=string, indices=int32, ordered=0>",
        "class_name": "dictionary<values=string, indices=int32, ordered=0>",
        "type_name": "dictionary<values=string, indices=int32, ordered=0>",
    }
    assert open_sources([file]).conf.sensors == conf.sensors


def test_all_files_have_addresses_of_one_type(tmp_path):
    # IPv6 comes in the last block only, when earlier files have numbers already
    pieces = [made(200, 1, days=2), made(200, 2, days=2, first_day=FIRST_DAY + 1, wide=0.2)]
    files = write_parquet(tmp_path, [source_of(*pieces)])
    assert len(files) == 3
    assert {str(pq.read_schema(file).field("sip").type) for file in files} == {"fixed_size_binary[16]"}
    assert multiset(open_sources([tmp_path])) == multiset([source_of(*pieces)])


def test_other_fields_and_days_that_come_again_take_more_files(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_OPEN", 1)
    monkeypatch.setattr(parquet, "DayBuffers", lambda: DayBuffers(10, 20))
    few = frozenset({"sip", "dip", "stime"})
    sources = [source_of(made(100, 1, days=3)), source_of(made(100, 2, days=3, fields=few))]
    files = [Path(file).name for file in write_parquet(tmp_path, sources)]
    assert "2012-02-01.parquet" in files
    assert "2012-02-01.2.parquet" in files
    assert len(files) == len(set(files)) > 6
    back = multiset(open_sources([tmp_path]))
    assert back == multiset(
        [source_of(made(100, 1, days=3)), with_version(source_of(made(100, 2, days=3, fields=few)))]
    )


def test_polars_and_duckdb_read_them(tmp_path):
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    chunk = made(2000, days=2)
    write_parquet(tmp_path, [source_of(chunk)])
    web = int(chunk["bytes"][chunk["dport"] == 443].sum())
    frame = polars.read_parquet(tmp_path / "*.parquet")
    assert frame.filter(polars.col("dport") == 443)["bytes"].sum() == web
    assert frame["stime"].dt.epoch("ms").min() == int(chunk["stime"].min())
    asked = duckdb.sql(
        f"select sum(bytes), min(epoch_ms(stime)), count(distinct sip) "
        f"from read_parquet('{tmp_path}/*.parquet') where dport = 443"
    ).fetchall()
    of_web = chunk.take(np.flatnonzero(chunk["dport"] == 443))
    assert asked == [(web, int(of_web["stime"].min()), len(set(of_web["sip"].tolist())))]


def test_text_addresses_are_text(tmp_path):
    (file,) = write_parquet(tmp_path, [source_of(made(50, wide=0.5))], addresses="text")
    texts = pq.read_table(file)["sip"].to_pylist()
    assert any(text.startswith("10.0.") for text in texts)
    assert any(text.startswith("2001:db8:") for text in texts)


# ---------------------------------------------------------------- what goes wrong


def test_files_that_are_there_are_not_replaced(tmp_path):
    (file,) = write_parquet(tmp_path, [source_of(made(50))])
    before = Path(file).read_bytes()
    with pytest.raises(FlowFileError, match=r"2012-02-01.parquet: there is such a file already"):
        write_parquet(tmp_path, [source_of(made(60, days=2))])
    assert [path.name for path in tmp_path.iterdir()] == ["2012-02-01.parquet"]
    assert Path(file).read_bytes() == before


def test_damaged_flows_leave_nothing(tmp_path):
    def failing(fields, rows=1 << 18):
        yield from source_of(made(100)).chunks(fields, rows)
        raise FlowFileError("broken.rw", "the file ends inside a record")

    source = source_of(made(100))
    with pytest.raises(FlowFileError, match=r"broken.rw"):
        write_parquet(tmp_path / "p", [type(source)("broken.rw", "made", source.fields, failing)])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    with pytest.raises(FlowFileError, match="cannot be written: no such file or directory"):
        write_parquet(tmp_path / "none" / "p", [source_of(made(10))])
    (tmp_path / "file").write_text("x")
    with pytest.raises(FlowFileError, match="cannot be written: file exists"):
        write_parquet(tmp_path / "file", [source_of(made(10))])


@pytest.mark.parametrize("cut", [8, 100, 0.5, -1])
def test_damaged_parquet_is_named(tmp_path, cut):
    (file,) = write_parquet(tmp_path, [source_of(made(2000))])
    data = Path(file).read_bytes()
    Path(file).write_bytes(data[: int(cut * len(data)) if isinstance(cut, float) else cut])
    assert recognise(file).name == "parquet"
    with pytest.raises(FlowFileError, match=r"2012-02-01.parquet: a damaged Parquet file"):
        open_sources([file])


def test_damaged_pages_are_told_when_they_are_read(tmp_path):
    (file,) = write_parquet(tmp_path, [source_of(made(20_000))])
    data = bytearray(Path(file).read_bytes())
    data[100:5000] = bytes(4900)
    Path(file).write_bytes(data)
    with pytest.raises(FlowFileError, match=r"2012-02-01.parquet: cannot be read"):
        multiset(open_sources([file]))


def test_without_pyarrow_the_extra_is_named(tmp_path):
    (file,) = write_parquet(tmp_path / "p", [source_of(made(10))])
    script = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from flowrules.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    for arguments in (
        ["cat", file],
        [
            "convert",
            str(SAMPLES / own_samples()[0]["file"]),
            "--to",
            "parquet",
            "--output",
            str(tmp_path / "q"),
        ],
    ):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], cwd=ROOT, text=True, capture_output=True, timeout=60
        )
        assert done.returncode == 3
        assert "Parquet needs the library pyarrow (hint: pip install 'flowrules[arrow]')" in done.stderr
    assert not (tmp_path / "q").exists()


def test_pyarrow_dataset_is_never_loaded(tmp_path):
    (file,) = write_parquet(tmp_path / "p", [source_of(made(10))])
    script = (
        "import sys; from flowrules.__main__ import main; main(['cat', sys.argv[1]]);"
        "main(['convert', sys.argv[1], '--to', 'parquet', '--output', sys.argv[2]]);"
        "assert 'pyarrow' in sys.modules; assert 'pyarrow.dataset' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, file, str(tmp_path / "q")],
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
