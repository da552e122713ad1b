"""Records as text and back: rwcut's forms, CSV, JSON, and what is wrong in a line."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrules.flows.cat import text_lines
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import BUILT_IN, read_silk_conf
from flowrules.flows.silk_records import silk_source
from flowrules.flows.table import Chunk
from flowrules.flows.text import FLAGS_TEXT, format_time, json_lines, record_lines, title_line
from flowrules.flows.text_fields import TEXT_FIELDS, parse_fields
from flowrules.flows.text_reader import open_text, text_source
from flowrules.model.fields import ADDRESS, STORED
from tests.flows.silk_files import DATA, SAMPLES, chunk_of, dump, mapped, own_samples, read_until_damage


def written(tmp_path, text, name="flows.txt"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(path, **how):
    (chunk,) = text_source(path, **how).chunks()
    return chunk


@pytest.mark.parametrize("expected", sorted({s["expected"] for s in own_samples()}))
@pytest.mark.parametrize("rows", [64, 1 << 18])
def test_what_rwcut_printed_reads_back(expected, rows):
    path = SAMPLES / expected
    assert dump(text_source(path), rows=rows) == path.read_text().splitlines()


@pytest.mark.parametrize("times", ["default", "iso", "epoch"])
@pytest.mark.parametrize("form", ["rwcut", "csv"])
def test_every_form_reads_back_as_the_same_records(tmp_path, form, times):
    source = silk_source(DATA / "rich.rw")
    text = "\n".join(text_lines([source], format=form, times=times)) + "\n"
    again = text_source(written(tmp_path, text))
    assert again.format == form
    assert dump(again) == dump(source)


def test_padding_final_delimiters_blank_lines_and_crlf(tmp_path):
    text = (
        "            sIP|sPort|   flags|  attribut|   sTime|\r\n".replace("  attribut", "attributes")
        + "\r\n"
        + "      192.0.2.1|   80| S  A   |      T   |2009/02/13T17:00:00.001|\r\n"
        + "    2001:db8::1|  443|FSRPAUEC|          |2009/02/13T17:00:01|\r\n"
    )
    chunk = read(written(tmp_path, text))
    assert chunk["sport"].tolist() == [80, 443]
    assert chunk["flags"].tolist() == [0x12, 0xFF]
    assert chunk["attributes"].tolist() == [0x20, 0]
    assert chunk["stime"].tolist() == [1234544400001, 1234544401000]
    assert chunk["ip_version"].tolist() == [4, 6]
    assert chunk["sip"].tolist() == [(0, mapped(0xC0000201)), (0x20010DB8 << 32, 1)]


@pytest.mark.parametrize(
    "text",
    [
        "1234544400.5",
        "1234544400.500",
        "1234544400.5009",
        "2009/02/13T17:00:00.5",
        "2009-02-13 17:00:00.500",
        "2009-02-13T17:00:00.500Z",
        "2009-02-13T17:00:00.500+00:00",
    ],
)
def test_times_that_mean_the_same(tmp_path, text):
    assert read(written(tmp_path, f"sTime|\n{text}|\n"))["stime"].tolist() == [1234544400500]


def test_what_columns_give_each_other(tmp_path):
    chunk = read(written(tmp_path, "sTime,eTime,iType,iCode\n10.000,12.5,3,1\n10,10,,\n"))
    assert chunk["duration"].tolist() == [2500, 0]
    assert chunk["dport"].tolist() == [769, 0]
    chunk = read(written(tmp_path, "eTime,duration\n12.5,2.5\n"))
    assert chunk["stime"].tolist() == [10000]
    chunk = read(written(tmp_path, "initialFlags|sessionFlags\nS|A\n|\n"))
    assert chunk["attributes"].tolist() == [1, 0]


def test_names_of_sensors_and_types(tmp_path):
    (tmp_path / "silk.conf").write_text(
        "sensor 40 far\nclass a\n type 3 in\nend class\nclass b\n type 4 in\n type 5 odd\nend class\n"
    )
    conf = read_silk_conf(tmp_path / "silk.conf")
    path = written(tmp_path, "sensor|class|type\nfar|a|in\n?|b|in\n17|?|255\n65535|?|odd\n")
    chunk = read(path, conf=conf)
    assert chunk["sensor"].tolist() == [40, 65535, 17, 65535]
    assert chunk["type"].tolist() == [3, 4, 255, 5]
    with pytest.raises(FlowFileError, match="a class column beside it"):
        read(written(tmp_path, "type\nin\n"), conf=conf)
    assert read(written(tmp_path, "type\nin\nout\n"), conf=BUILT_IN)["type"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("sIP|dPort\n192.0.2.1|80\n192.0.2.300|80\n", 3, "sIP", "part 4 of '192.0.2.300' is 300"),
        ("sIP|dPort\n192.0.2.1|65536\n", 2, "dPort", "found '65536', expected a number from 0 to 65535"),
        ("sIP|dPort\n192.0.2.1|-1\n", 2, "dPort", "found '-1'"),
        ("sIP|dPort\n192.0.2.1|1_0\n", 2, "dPort", "found '1_0'"),
        ("sIP|dPort\n192.0.2.1|\n", 2, "dPort", "found ''"),
        ("sIP|dPort\n192.0.2.1|٣\n", 2, "dPort", "found '٣'"),
        ("sIP|dPort\n192.0.2.1\n", 2, None, "wrong number of columns: found 1, expected 2"),
        ("sIP|dPort\n192.0.2.1|1|2\n", 2, None, "wrong number of columns: found 3, expected 2"),
        ("flags\nS\nSAX\n", 3, "flags", "expected letters of FSRPAUEC"),
        ("attributes|sIP\nZ|1.2.3.4\n", 2, "attributes", "expected letters of TCFS"),
        ("sTime|sIP\nnoon|1.2.3.4\n", 2, "sTime", "expected a time, such as"),
        ("sTime|sIP\n2009/02/30T00:00:00|1.2.3.4\n", 2, "sTime", "expected a time that exists"),
        ("duration|sIP\n-1|1.2.3.4\n", 2, "duration", "expected seconds"),
        ("sTime|eTime\n10|9\n", 2, "eTime", "a flow that ends before it starts"),
        ("sensor|sIP\nS99x|1.2.3.4\n", 2, "sensor", "expected a sensor of silk.conf"),
        ("type|sIP\nodd|1.2.3.4\n", 2, "type", "expected a type of silk.conf"),
        (
            "sIP|packets\n1.2.3.4|18446744073709551616\n",
            2,
            "packets",
            "expected a number from 0 to 18446744073709551615",
        ),
        ("sIP|dPort\n1.2.3.4|80\n\n\n1.2.3.4|x\n", 5, "dPort", "found 'x'"),
        ('sIP,dPort\n"1.2.3.4,80\n', 2, None, "wrong number of columns"),
        (b"sIP|dPort\n1.2.3.4|80\n1.2.3.4|\xff\n", 3, None, "not text: found the byte ff, expected UTF-8"),
        (b"sIP|dPort\n1.2.3.4|8\0\n", 2, None, "not text: found a zero byte"),
        ("sIP|Records\n1.2.3.4|80\n", 1, None, "unknown column title: found 'Records'"),
        ("sIP|sip\n1.2.3.4|80\n", 1, None, "column sIP stands there twice"),
        ("1.2.3.4|80\n", 1, None, "no title line"),
        ("80|443\n", 1, None, "no title line"),
        ("\n\n", None, None, "the file is empty"),
        ("", None, None, "the file is empty"),
        ("sIP|dIP\n" + "1" * (3 << 20), 2, None, "a line is too long"),
    ],
)
def test_what_is_wrong_has_line_and_column(tmp_path, text, line, column, message):
    path = written(tmp_path, text)
    with pytest.raises(FlowFileError) as caught:
        list(text_source(path).chunks())
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize("rows", [1, 4, 100])
def test_the_records_before_a_bad_line_come_first(tmp_path, rows):
    # two faults: the columns are read one after the other, the earlier line counts
    lines = ["sIP|dPort"] + ["10.0.0.1|80"] * 6 + ["10.0.0.1|x", "nowhere|80", "10.0.0.1|80"]
    got, error = read_until_damage(text_source(written(tmp_path, "\n".join(lines))), rows)
    assert error is not None
    assert (got, error.records_read, error.line) == (6, 6, 8)


def test_only_the_columns_asked_for_are_looked_at(tmp_path):
    path = written(tmp_path, "sIP|dPort|flags\nnot an address|80|S\n")
    (chunk,) = text_source(path).chunks(frozenset({"dport"}))
    assert set(chunk.columns) == {"dport"}


def test_fields_are_those_of_the_titles(tmp_path):
    source = text_source(written(tmp_path, "sIP|scc|dPort|pro|dur\n"))
    assert source.fields == {"sip", "dport", "protocol", "duration", "ip_version", "record_number"}
    assert list(source.chunks()) == []
    assert open_text(written(tmp_path, "sip\n")).fields == {"sip", "ip_version", "record_number"}


def test_a_byte_order_mark_and_quotes(tmp_path):
    chunk = read(written(tmp_path, '\ufeff"sIP","sPort"\n"192.0.2.1","80"\n'))
    assert chunk["sport"].tolist() == [80]


# ------------------------------------------------------------------ writing


def test_the_columns_that_a_list_names():
    assert [f.title for f in parse_fields("sIP, 2,sport,4-6,INITIALFLAGS,29")] == [
        "sIP", "dIP", "sPort", "dPort", "protocol", "packets", "initialFlags", "application",
    ]  # fmt: skip
    assert (
        title_line(parse_fields("1-12"))
        == "sIP|dIP|sPort|dPort|protocol|packets|bytes|flags|sTime|duration|eTime|sensor"
    )
    for bad in ("", "sIP,,dIP", "nope", "0", "99", "5-2", "16", "1-16", "sIP,1", "1-1000000000000"):
        with pytest.raises(ValueError, match=r"unknown field|named twice"):
            parse_fields(bad)


def test_all_columns_have_the_titles_of_the_kit():
    titles = (SAMPLES / own_samples()[0]["expected"]).read_text().splitlines()[0]
    assert title_line() == titles


def test_times_in_every_style():
    assert format_time(1234544400001) == "2009/02/13T17:00:00.001"
    assert format_time(1234544400001, "iso") == "2009-02-13 17:00:00.001"
    assert format_time(1234544400001, "epoch") == "1234544400.001"
    assert format_time(1234544400001, "utc") == "2009-02-13T17:00:00.001Z"
    assert [format_time(ms, "epoch") for ms in (0, 7, 999, 1000, -1)] == [
        "0.000",
        "0.007",
        "0.999",
        "1.000",
        "-0.001",
    ]


def test_letters_of_flags():
    assert FLAGS_TEXT[0] == ""
    assert FLAGS_TEXT[0xFF] == "FSRPAUEC"
    assert FLAGS_TEXT[0x12] == "SA"


def test_icmp_only_where_the_record_is_icmp():
    chunk = chunk_of(4, ipv6=True, sip=[mapped(1), 1, 1, mapped(1)], dip=[mapped(1), 1, 1, mapped(1)],
                     nhip=[mapped(0), 0, 0, mapped(0)], protocol=[1, 58, 6, 58], dport=[0x0301] * 4, ip_version=[4, 6, 6, 4])  # fmt: skip
    fields = parse_fields("sIP,iType,iCode")
    assert list(record_lines(chunk, fields)) == ["0.0.0.1|3|1", "::1|3|1", "::1||", "0.0.0.1||"]


def test_mapped_addresses_print_as_quads_only_in_ipv4_records():
    chunk = chunk_of(
        3,
        ipv6=True,
        sip=[mapped(0x01020304)] * 2 + [0x01020304],
        dip=[mapped(0)] * 2 + [0],
        nhip=[mapped(0)] * 3,
        ip_version=[4, 6, 6],
    )
    assert list(record_lines(chunk, parse_fields("sIP,nhIP"))) == [
        "1.2.3.4|0.0.0.0",
        "::ffff:1.2.3.4|::ffff:0.0.0.0",
        "::1.2.3.4|::ffff:0.0.0.0",
    ]


def test_json_has_integers_iso_times_and_null_for_what_is_not_there():
    chunk = chunk_of(2, protocol=[1, 6], dport=[0x0800, 80], bytes=[2**63, 1], stime=[1234544400001] * 2, duration=[1, 2500],
                     attributes=[0, 1], initial_flags=[2, 2], sensor=[65535, 3], type=[255, 2])  # fmt: skip
    first, second = (json.loads(line) for line in json_lines(chunk))
    assert list(first) == list(TEXT_FIELDS)
    assert (first["bytes"], first["icmp_type"], second["icmp_type"]) == (2**63, 8, None)
    assert (first["stime"], first["etime"]) == ("2009-02-13T17:00:00.001Z", "2009-02-13T17:00:00.002Z")
    assert (first["duration"], second["duration"]) == (0.001, 2.5)
    assert (first["initial_flags"], second["initial_flags"], second["session_flags"]) == (None, "S", "")
    assert (first["sensor"], first["class"], first["type"]) == (None, None, None)
    assert (second["sensor"], second["class"], second["type"]) == ("S3", "all", "inweb")
    few = Chunk({"sport": np.array([5], np.uint16)}, 1)
    assert json.loads(next(json_lines(few, parse_fields("sPort,nhIP,application")))) == {
        "sport": 5, "nhip": None, "application": None,
    }  # fmt: skip


def test_csv_quotes_names_that_need_it(tmp_path):
    (tmp_path / "silk.conf").write_text('sensor 3 "a,\\"b"\n')
    conf = read_silk_conf(tmp_path / "silk.conf")
    line = next(record_lines(chunk_of(1, sensor=[3]), parse_fields("sensor,sPort"), conf, delimiter=","))
    assert next(csv.reader(io.StringIO(line))) == ['a,"b', "0"]


def test_the_limit_holds_over_sources():
    source = silk_source(DATA / "rich.rw")
    fields = parse_fields("sIP")
    assert len(list(text_lines([source, source], fields, limit=8003))) == 8004
    assert list(text_lines([source], fields, limit=0)) == ["sIP"]
    assert list(text_lines([source], fields, limit=1, format="json")) == ['{"sip": "192.168.20.5"}']


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_records_print_and_read_back(tmp_path, data):
    rows = data.draw(st.integers(1, 20))
    ipv6 = data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    columns = {}
    for name, field in STORED.items():
        if field.dtype is not None and name not in ("record_number", "ip_version"):
            top = {"stime": 2**41, "duration": 2**40, "sensor": 20, "type": 11}.get(
                name, int(np.iinfo(field.dtype).max)
            )
            columns[name] = rng.integers(
                0, top, rows, dtype=np.uint64 if field.dtype == np.uint64 else np.int64
            )
    columns["attributes"] &= 0x78
    columns["initial_flags"] = np.maximum(columns["initial_flags"], 1)
    columns["attributes"] |= 1
    for name in ("sip", "dip", "nhip"):
        columns[name] = [
            int(v) << int(s)
            for v, s in zip(
                rng.integers(0, 2**32, rows), rng.integers(0, 96 if ipv6 else 1, rows), strict=True
            )
        ]
    chunk = chunk_of(rows, ipv6, **columns)
    times = data.draw(st.sampled_from(["default", "iso", "epoch"]))
    delimiter = data.draw(st.sampled_from("|,"))
    text = "\n".join(
        [title_line(delimiter=delimiter), *record_lines(chunk, times=times, delimiter=delimiter)]
    )
    again = read(written(tmp_path, text))
    for name, column in chunk.columns.items():
        got = again[name]
        assert got.dtype == column.dtype or column.dtype == ADDRESS, name
        assert got.tolist() == column.tolist(), name
