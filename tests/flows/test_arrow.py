"""Arrow data as flows, whoever made it and however columns are named and typed; and flows as Arrow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest

from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import BUILT_IN
from flowrules.flows.sources import open_sources, recognise
from flowrules.model.fields import IPV4_MAPPED
from tests.flows.made_flows import check_dtypes, made, multiset, source_of
from tests.reference import shared

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

from flowrules.flows.arrow import arrow_conf, arrow_reader, arrow_source  # noqa: E402
from flowrules.flows.arrow_names import fields_of, reverse_columns  # noqa: E402

ADDRESSES = {"sip": ["10.0.0.1", "10.0.0.2"], "dip": ["192.0.2.1", "192.0.2.2"]}


def read(data, *fields):
    """The columns of all rows of some Arrow data."""
    source = arrow_source(pa.table(data) if isinstance(data, dict) else data)
    (chunk,) = source.chunks(frozenset(fields) if fields else None)
    check_dtypes(chunk)
    return chunk


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize("wide", [0.0, 0.4])
@pytest.mark.parametrize("addresses", ["binary", "text"])
def test_flows_survive(wide, addresses):
    source = source_of(made(3000, wide=wide))
    table = arrow_reader([source], addresses=addresses).read_all()
    assert table.num_rows == 3000
    assert multiset([arrow_source(table)]) == multiset([source])
    assert multiset([arrow_source(table)], rows=100) == multiset([source])


def test_numbers_are_ipv4_only():
    source = source_of(made(100))
    assert multiset([arrow_source(arrow_reader([source], addresses="number").read_all())]) == multiset(
        [source]
    )
    with pytest.raises(ValueError, match="an IPv6 address does not fit 32 bits"):
        arrow_reader([source_of(made(100, wide=0.5))], addresses="number").read_all()


def test_polars_duckdb_and_pandas_frames_are_flows():
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    source = source_of(made(500, wide=0.3))
    table = arrow_reader([source]).read_all()
    expected = multiset([source])
    assert multiset([arrow_source(polars.from_arrow(table))]) == expected
    relation = arrow_source(duckdb.from_arrow(table))
    assert multiset([relation]) == multiset([relation]) == expected


def test_fields_can_be_chosen_and_must_be_there():
    sources = [source_of(made(50)), source_of(made(50, fields={"sip", "dip", "bytes"}))]
    assert arrow_reader(sources).schema.names == ["sip", "dip", "bytes"]
    assert arrow_reader(sources, fields=["bytes"]).read_all().num_rows == 100
    with pytest.raises(KeyError, match="sport"):
        arrow_reader(sources, fields=["sport"])


def test_a_reader_can_be_read_once_and_a_table_again():
    table = arrow_reader([source_of(made(50))]).read_all()
    assert not arrow_source(table).once
    once = arrow_source(arrow_reader([source_of(made(50))]))
    assert once.once
    assert sum(chunk.rows for chunk in once.chunks(frozenset())) == 50
    assert list(once.chunks()) == []


def test_names_of_sensors_come_along():
    table = arrow_reader([source_of(made(50))], BUILT_IN).read_all()
    assert arrow_conf(table).sensors == BUILT_IN.sensors
    assert table["sensor_name"].to_pylist()[0].startswith("S")
    assert set(table["class_name"].to_pylist()) == {"all"}
    assert arrow_conf(pa.table(ADDRESSES)) is None


@pytest.mark.parametrize("stream", [False, True])
def test_arrow_files_are_flows(tmp_path, stream):
    source = source_of(made(500, wide=0.3))
    table = arrow_reader([source]).read_all()
    path = str(tmp_path / "flows.arrow")
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    assert recognise(path).name == "arrow"
    assert multiset(open_sources([path])) == multiset([source])
    data = (tmp_path / "flows.arrow").read_bytes()
    (tmp_path / "flows.arrow").write_bytes(data[: len(data) // 2])
    with pytest.raises(FlowFileError, match=r"flows.arrow: (a damaged Arrow file|cannot be read)"):
        multiset(open_sources([path]))


def test_what_is_no_arrow_data():
    with pytest.raises(TypeError, match="list has no __arrow_c_stream__"):
        arrow_source([1, 2])


# ---------------------------------------------------------------- names


def test_names_that_others_give():
    assert fields_of(
        ["SrcIP", "dst_addr", "Src.Port", "dstport", "proto", "pkts", "octets", "ts", "dur", "tcp_flags"]
    ) == {
        "sip": "SrcIP",
        "dip": "dst_addr",
        "sport": "Src.Port",
        "dport": "dstport",
        "protocol": "proto",
        "packets": "pkts",
        "bytes": "octets",
        "stime": "ts",
        "duration": "dur",
        "flags": "tcp_flags",
    }
    ipfix = ["sourceIPv4Address", "destinationTransportPort", "octetDeltaCount", "flowStartMilliseconds"]
    assert set(fields_of(ipfix)) == {"sip", "dport", "bytes", "stime"}
    # SiLK's own name goes first, wherever it stands
    assert fields_of(["src", "sip", "start", "stime"]) == {"sip": "sip", "stime": "stime"}


def test_tables_without_addresses_are_no_flows():
    with pytest.raises(FlowFileError, match="no column for dip, so these are no flows: found sip, colour"):
        arrow_source(pa.table({"sip": ["10.0.0.1"], "colour": ["red"]}))


def test_rows_of_both_directions_are_two_records():
    table = pa.table(
        {
            **ADDRESSES,
            "sport": [1024, 1025],
            "dport": [80, 53],
            "input": [3, 4],
            "output": [5, 6],
            "start": [100, 200],
            "flags": ["SA", "S"],
            "packets": [7, 1],
            "rev_packets": [5, 0],
            "bytes": [700, 60],
            "rev_bytes": pa.array([5000, None], pa.int64()),
        }
    )
    source = arrow_source(table)
    assert "flags" not in source.fields
    there, back = source.chunks()
    assert (there.rows, back.rows, back.first) == (2, 1, 2)
    assert back["record_number"].tolist() == [2]
    assert (back["sip"].tolist(), back["dip"].tolist()) == (
        there["dip"].tolist()[:1],
        there["sip"].tolist()[:1],
    )
    assert (back["sport"].tolist(), back["dport"].tolist()) == ([80], [1024])
    assert (back["input"].tolist(), back["output"].tolist()) == ([5], [3])
    assert (there["packets"].tolist(), back["packets"].tolist()) == ([7, 1], [5])
    assert (there["bytes"].tolist(), back["bytes"].tolist()) == ([700, 60], [5000])
    assert back["stime"].tolist() == [100_000]
    assert [chunk["bytes"].tolist() for chunk in source.chunks(frozenset({"bytes"}))] == [[700, 60], [5000]]


def test_a_count_of_one_direction_alone_is_no_field():
    source = arrow_source(pa.table({**ADDRESSES, "packets": [1, 2], "bytes": [3, 4], "rev_bytes": [0, 9]}))
    assert "packets" not in source.fields
    assert [chunk.rows for chunk in source.chunks()] == [2, 1]


def test_other_columns_of_two_directions_are_refused():
    assert reverse_columns(["bytes", "rev_bytes", "packets"]) == ["rev_bytes"]
    assert reverse_columns(["orig_bytes", "resp_bytes"]) == ["resp_bytes"]
    assert reverse_columns(["bytes", "response", "dip"]) == []
    with pytest.raises(FlowFileError, match="both directions of a flow, by a name that is not known"):
        arrow_source(pa.table({**ADDRESSES, "reverse_bytes_of_payload": [1, 2]}))


def test_real_tables_of_others():
    pq = pytest.importorskip("pyarrow.parquet")
    for name, counts in (
        ("vast-m57.conn.snappy.duckdb.parquet", ("packets", "rev_packets", "bytes", "rev_bytes")),
        ("vast-m57.conn.snappy.parquet", ("orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes")),
    ):
        path = shared("real", "parquet", name)
        there_packets, back_packets, there_bytes, back_bytes = (
            pq.read_table(path)[column].to_numpy() for column in counts
        )
        (source,) = open_sources([path])
        chunks = list(source.chunks(None, 1000))
        assert sum(chunk.rows for chunk in chunks) == 8462 + int(
            ((back_packets > 0) | (back_bytes > 0)).sum()
        )
        assert (
            sum(int(chunk["packets"].sum()) for chunk in chunks) == there_packets.sum() + back_packets.sum()
        )
        assert sum(int(chunk["bytes"].sum()) for chunk in chunks) == there_bytes.sum() + back_bytes.sum()
        assert chunks[0]["stime"][0] == 1_258_531_221_486 + (name == "vast-m57.conn.snappy.parquet")
        assert chunks[0]["duration"][0] == 164
    with pytest.raises(FlowFileError, match="column srcaddr: row 1 does not fit the field sip: found '-'"):
        multiset(open_sources([shared("real", "parquet", "aws-vpc-flowlogs-reader.parquet")]))


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    "values",
    [
        ["10.0.0.1", "192.0.2.7"],
        pa.array(["10.0.0.1", "192.0.2.7"]).dictionary_encode(),
        pa.array(["10.0.0.1", "192.0.2.7"], pa.large_utf8()),
        pa.array(["10.0.0.1", "192.0.2.7"], pa.string_view()),
        pa.array([0x0A000001, 0xC0000207], pa.uint32()),
        pa.array([0x0A000001, 0xC0000207], pa.int64()),
        pa.array([bytes([10, 0, 0, 1]), bytes([192, 0, 2, 7])]),
        pa.array([bytes([10, 0, 0, 1]), bytes([192, 0, 2, 7])], pa.binary(4)),
        pa.array([bytes(10) + b"\xff\xff\n\0\0\1", bytes(10) + b"\xff\xff\xc0\0\2\7"], pa.binary(16)),
        pa.array([bytes(10) + b"\xff\xff\n\0\0\1", bytes(10) + b"\xff\xff\xc0\0\2\7"], pa.binary_view()),
        ["::ffff:10.0.0.1", "::ffff:192.0.2.7"],
    ],
    ids=lambda values: str(getattr(values, "type", "list")),
)
def test_ipv4_in_any_type(values):
    chunk = read({"sip": values, "dip": ADDRESSES["dip"]}, "sip", "ip_version")
    assert chunk["sip"].dtype == np.uint32
    assert chunk["sip"].tolist() == [0x0A000001, 0xC0000207]
    assert chunk["ip_version"].tolist() == [4, 4]


def test_ipv6_and_ipv4_mixed():
    chunk = read({"sip": ["2001:db8::1", "10.0.0.1"], "dip": [b"\n\0\0\1", bytes(15) + b"\1"]})
    assert chunk["sip"].tolist() == [(0x20010DB8 << 32, 1), (0, IPV4_MAPPED + 0x0A000001)]
    assert chunk["dip"].tolist() == [(0, IPV4_MAPPED + 0x0A000001), (0, 1)]
    assert chunk["ip_version"].tolist() == [6, 6]


MOMENT = datetime(2012, 2, 1, 12, 30, 15, 250_000, tzinfo=UTC)
MS = 1_328_099_415_250


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([MS], pa.timestamp("ms", "UTC")), MS),
        (pa.array([MS * 1000 + 999], pa.timestamp("us")), MS),
        (pa.array([MS * 10**6], pa.timestamp("ns", "Europe/Berlin")), MS),
        (pa.array([MS // 1000], pa.timestamp("s")), MS - 250),
        ([MS // 1000], MS - 250),
        ([MS], MS),
        ([MS * 1000], MS),
        ([MS * 10**6], MS),
        ([MS / 1000], MS),
        (["2012-02-01T12:30:15.250Z"], MS),
        (["2012-02-01 12:30:15.250"], MS),
        (["2012/02/01T13:30:15.250+01:00"], MS),
        (["1328099415.25"], MS),
        ([MOMENT.astimezone(timezone(timedelta(hours=9)))], MS),
    ],
    ids=str,
)
def test_times_in_any_unit(values, expected):
    one = {name: values_[:1] for name, values_ in ADDRESSES.items()}
    assert read({**one, "start_time": values}, "stime")["stime"].tolist() == [expected]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1500], pa.duration("ms")), 1500),
        (pa.array([1_500_999], pa.duration("us")), 1500),
        (pa.array([2], pa.duration("s")), 2000),
        ([1500], 1500),
        ([1.5], 1500),
        (["1.5"], 1500),
        ([timedelta(seconds=1.5)], 1500),
        (pa.array([None], pa.float64()), 0),
        (pa.array([(0, 1, 5_000_000)], pa.month_day_nano_interval()), 86_400_005),
    ],
    ids=str,
)
def test_durations_in_any_unit(values, expected):
    one = {name: values_[:1] for name, values_ in ADDRESSES.items()}
    assert read({**one, "duration": values}, "duration")["duration"].tolist() == [expected]


def test_the_end_tells_the_duration():
    chunk = read({**ADDRESSES, "start": [100, 200], "end": [101, 260]}, "duration", "stime")
    assert chunk["duration"].tolist() == [1000, 60_000]
    assert chunk["stime"].tolist() == [100_000, 200_000]


def test_words_for_numbers():
    chunk = read(
        {
            **ADDRESSES,
            "proto": ["TCP", "ipv6-icmp"],
            "tcp_flags": [".AP.SF", None],
            "initial_flags": ["0x1b", "S"],
            "attributes": ["T", ""],
            "pkts": ["12", "18446744073709551615"],
            "bytes": [Decimal("40"), Decimal("99")],
            "sport": pa.array([None, 443], pa.int64()),
            "dport": [53.0, 80.0],
            "class": ["all", "all"],
            "type": ["in", "outweb"],
            "sensor": ["S3", "7"],
        }
    )
    assert chunk["protocol"].tolist() == [6, 58]
    assert chunk["flags"].tolist() == [0x1B, 0]
    assert chunk["initial_flags"].tolist() == [0x1B, 2]
    assert chunk["attributes"].tolist() == [0x20, 0]
    assert chunk["packets"].tolist() == [12, (1 << 64) - 1]
    assert chunk["bytes"].tolist() == [40, 99]
    assert chunk["sport"].tolist() == [0, 443]
    assert chunk["dport"].tolist() == [53, 80]
    assert chunk["type"].tolist() == [0, 3]
    assert chunk["sensor"].tolist() == [3, 7]


@pytest.mark.parametrize(
    ("column", "values", "what"),
    [
        (
            "sip",
            ["10.0.0.1", None],
            "row 1 does not fit the field sip: found no value, expected an IP address",
        ),
        ("sip", ["10.0.0.1", "10.0.0.256"], "row 1 .* found '10.0.0.256'"),
        ("sip", [1 << 32, 1], "row 0 .* found 4294967296, expected a whole number from 0 to 4294967295"),
        ("sip", [1.5, 2.5], "found a column of double"),
        ("sip", [[1], [2]], "found a column of list"),
        ("sip", [b"\1\2\3", b"\1\2\3"], "row 0 .* expected an IP address"),
        ("sport", [80, 65_536], "row 1 .* found 65536, expected a whole number from 0 to 65535"),
        ("sport", ["80", "-1"], "row 1 .* found '-1'"),
        ("sport", [80.0, 80.5], "row 1 .* found 80.5"),
        ("sport", [True, False], "found a column of bool"),
        ("bytes", [1, None], "row 1 .* found no value"),
        ("bytes", [1, -1], "row 1 .* found -1"),
        ("bytes", [1.0, float("nan")], "row 1 .* found nan"),
        ("protocol", ["tcp", "quic"], "row 1 .* found 'quic', expected a protocol's number or name"),
        ("flags", ["S", "SX"], "row 1 .* found 'SX'"),
        ("stime", ["2012-02-01", "yesterday"], "row 1 .* found 'yesterday'"),
        ("stime", [1.0, float("inf")], "row 1 .* found inf"),
        ("stime", [[1], [2]], "found a column of list"),
        ("duration", ["1", "long"], "row 1 .* found 'long'"),
        (
            "duration",
            pa.array([(1, 0, 0), (0, 0, 0)], pa.month_day_nano_interval()),
            "an interval without months",
        ),
        ("sensor", ["S3", "Nowhere"], "row 1 .* found 'Nowhere', expected a name that silk.conf has"),
        ("type", ["in", "inward"], "row 1 .* found 'inward'"),
    ],
)
def test_values_that_do_not_fit_name_their_row(column, values, what):
    with pytest.raises(FlowFileError, match=what) as told:
        read({**ADDRESSES, column: values})
    assert told.value.column == column


def test_rows_are_counted_over_batches():
    column = pa.chunked_array([[80, 80], [80, 70_000]])
    table = pa.table({"sip": ["10.0.0.1"] * 4, "dip": ["10.0.0.2"] * 4, "sport": column})
    with pytest.raises(FlowFileError, match="row 3 does not fit the field sport"):
        multiset([arrow_source(table)])
