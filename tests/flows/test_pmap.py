"""Prefix maps, binary and text."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrules.flows.errors import FlowFileError
from flowrules.flows.pmap import PREFIX_MAP, lookup, read_prefix_map
from flowrules.flows.silk_header import ENTRY_PREFIX_MAP, HeaderEntry, write_header
from flowrules.flows.silk_records import open_silk
from flowrules.model.address_text import parse_address, to_array
from flowrules.model.map_table import MapTable
from tests.reference import shared

KEPT = Path(__file__).parent.parent / "data" / "silk" / "maps"


def read(text: str, keys: tuple[str, ...] | None = None) -> MapTable:
    file = io.BytesIO(text.encode())
    file.name = "zones.txt"
    return read_prefix_map(file, None, keys)


def labels_at(table: MapTable, *addresses: str) -> list[Any]:
    found = lookup(table, to_array([parse_address(text) for text in addresses]))
    return [None if index < 0 else table.labels[index] for index in found.tolist()]


def services(table: MapTable, *keys: tuple[int, int]) -> list[Any]:
    wanted = np.array([protocol << 16 | port for protocol, port in keys], np.uint32)
    return [None if index < 0 else table.labels[index] for index in lookup(table, wanted).tolist()]


@pytest.mark.parametrize(("name", "bits"), [("zone", 32), ("svc", 24)])
def test_the_kits_maps_say_what_their_texts_say(name: str, bits: int) -> None:
    binary = read_prefix_map(KEPT / f"{name}.pmap")
    text = read_prefix_map(KEPT / f"{name}.pmap.txt")
    assert (binary.name, binary.kind) == (text.name, text.kind)
    rng = np.random.default_rng(5)
    edges = text.starts["low"] if name == "zone" else text.starts  # type: ignore[call-overload]
    around = (edges.astype(np.int64)[:, None] + np.arange(-2, 3)).reshape(-1) & (1 << bits) - 1
    probes = np.concatenate((around, rng.integers(0, 1 << bits, 20_000))).astype(np.uint32)
    ours = np.array([*binary.labels, None], object)[lookup(binary, probes)]
    theirs = np.array([*text.labels, None], object)[lookup(text, probes)]
    assert ours.tolist() == theirs.tolist()


def passed(identity: str) -> int:
    lines = shared("silk", "queries", "rwfilter.jsonl").read_text().splitlines()
    (found,) = (json.loads(line) for line in lines if f'"{identity}"' in line)
    return found["expect"]["passed"]["records"]  # type: ignore[no-any-return]


def test_queries_on_maps() -> None:
    zone = read_prefix_map(KEPT / "zone.pmap")
    chunks = list(open_silk(shared("silk", "data", "v4.rw")).chunks())
    wanted = [zone.labels.index("servers"), zone.labels.index("lab")]
    found = sum(int(np.isin(lookup(zone, chunk["sip"]), wanted).sum()) for chunk in chunks)
    assert found == passed("rwfilter-pmap-01")
    svc = read_prefix_map(KEPT / "svc.pmap")
    wanted = [svc.labels.index("mail"), svc.labels.index("remote-login")]
    found = 0
    for chunk in open_silk(shared("silk", "data", "rich.rw")).chunks():
        keys = chunk["protocol"].astype(np.uint32) << 16 | chunk["dport"]
        found += int(np.isin(lookup(svc, keys), wanted).sum())
    assert found == passed("rwfilter-pmap-04")


# ---------------------------------------------------------------- binary, made here


def tree_of(blocks: list[tuple[int, int, int]], bits: int) -> list[list[int]]:
    """The nodes of a map of (first key, length, label); everything else has label 0."""
    nodes = [[0x80000000, 0x80000000]]
    for first, length, label in blocks:
        node = 0
        for depth in range(length):
            side = first >> (bits - 1 - depth) & 1
            if depth == length - 1:
                nodes[node][side] = 0x80000000 | label
                break
            child = nodes[node][side]
            if child & 0x80000000:
                nodes.append([child, child])
                nodes[node][side] = child = len(nodes) - 1
            node = child
    return nodes


def binary(
    version: int,
    nodes: list[list[int]],
    labels: tuple[str, ...] | None,
    order: str = "<",
    name: str = "made",
    compression: int = 0,
    tail: bytes = b"",
) -> io.BytesIO:
    entry = HeaderEntry(ENTRY_PREFIX_MAP, struct.pack(">I", 1) + name.encode() + b"\0")
    body = struct.pack(order + "I", len(nodes)) + b"".join(struct.pack(order + "II", *node) for node in nodes)
    if labels is not None:
        text = b"".join(label.encode() + b"\0" for label in labels)
        body += struct.pack(order + "I", len(text)) + text
    header = write_header(PREFIX_MAP, version, 1, compression, order, [entry] if name else [])
    return io.BytesIO(header + body + tail)


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_ipv4_map(order: str) -> None:
    nodes = tree_of([(10 << 24, 8, 1), (10 << 24 | 1 << 16, 16, 2), (0xFFFFFFFF, 32, 3)], 32)
    table = read_prefix_map(binary(2, nodes, ("none", "ten", "one", "last"), order))
    assert table.name == "made"
    assert table.kind == "address"
    found = labels_at(
        table, "10.0.0.0", "10.1.255.255", "10.2.0.0", "9.255.255.255", "255.255.255.255", "::1"
    )
    assert found == ["ten", "one", "ten", "none", "last", None]


def test_an_ipv6_map() -> None:
    first = parse_address("2001:db8::")
    nodes = tree_of([(first, 32, 1), (first | 5, 128, 2), (parse_address("10.0.0.0"), 104, 3)], 128)
    table = read_prefix_map(binary(4, nodes, ("none", "doc", "five", "ten")))
    found = labels_at(table, "2001:db8::4", "2001:db8::5", "2001:db8:ffff::", "10.9.9.9", "11.0.0.0", "::")
    assert found == ["doc", "five", "doc", "ten", "none", "none"]
    assert lookup(table, np.array([10 << 24], np.uint32)).tolist() == [3]


def test_country_maps_hold_the_codes_in_their_leaves() -> None:
    code = {word: ord(word[0]) << 8 | ord(word[1]) for word in ("us", "de", "a1", "--")}
    blocks = [(10 << 24, 8, code["us"]), (11 << 24, 8, code["de"]), (12 << 24, 8, code["a1"])]
    nodes = tree_of(blocks, 32)
    for node in nodes:
        node[:] = [0x80000000 | code["--"] if child == 0x80000000 else child for child in node]
    table = read_prefix_map(binary(1, nodes, None, name=""), "country")
    assert table.name == "country"
    assert sorted(table.labels) == ["a1", "de", "us"]
    assert labels_at(table, "10.0.0.1", "11.0.0.1", "12.0.0.1", "13.0.0.1") == ["us", "de", "a1", None]


def test_a_leaf_may_have_no_label() -> None:
    table = read_prefix_map(binary(2, [[0xFFFFFFFF, 0x80000000]], ("high",)))
    assert labels_at(table, "1.1.1.1", "200.1.1.1") == [None, "high"]


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (binary(6, [[0, 0]], ()), "unknown version 6"),
        (binary(2, [], ()), "impossible number of nodes"),
        (binary(2, [[0, 0]], ("a",)), "comes to a node twice"),
        (binary(2, [[1, 1], [0x80000000] * 2], ("a",)), "comes to a node twice"),
        (binary(2, [[7, 0x80000000]], ("a",)), "node that is not there"),
        (binary(2, [[n + 1, 0x80000000] for n in range(40)], ("a",)), "too deep"),
        (binary(2, [[0x80000003, 0x80000000]], ("a",)), "label that is not there"),
        (binary(2, [[0x80000000] * 2], None), "ends inside the length of the labels"),
        (binary(2, [[0x80000000] * 2], None, tail=struct.pack("<I", 9) + b"abc"), "ends inside the labels"),
        (binary(2, [[0x80000000] * 2], None, tail=struct.pack("<I", 1 << 31)), "impossible length"),
        (io.BytesIO(write_header(0x1D, 2, 1)), "FT_IPSET"),
        (
            io.BytesIO(write_header(PREFIX_MAP, 2, 1) + struct.pack("<I", 1 << 25) + bytes(50)),
            "ends inside the nodes",
        ),
        (
            io.BytesIO(write_header(PREFIX_MAP, 2, 1) + struct.pack("<I", 1 << 31)),
            "impossible number of nodes",
        ),
    ],
)
def test_a_damaged_map_is_refused(file: io.BytesIO, says: str) -> None:
    file.seek(0)
    with pytest.raises(FlowFileError) as caught:
        read_prefix_map(file)
    assert says in str(caught.value)


# ---------------------------------------------------------------- text


def test_the_longest_prefix_wins() -> None:
    table = read("""
        map-name zones        # where things are
        default elsewhere
        10.0.0.0/8 ten
        10.1.0.0/16 one
        10.1.2.0 10.1.2.5 a few of them
        10.1.2.3 this
    """)
    assert table.name == "zones"
    found = labels_at(table, "10.0.0.1", "10.1.0.0", "10.1.2.2", "10.1.2.3", "10.1.2.6", "11.0.0.0", "::9")
    assert found == ["ten", "one", "a few of them", "this", "one", "elsewhere", None]
    assert len(table.starts) == len(table.ends) == len(table.index)


def test_an_ipv6_default_covers_ipv6() -> None:
    table = read("mode ipv6\ndefault out\n2001:db8::/32 doc\n")
    assert labels_at(table, "2001:db8::1", "::", "1.2.3.4", "ffff:" * 7 + "ffff") == [
        "doc",
        "out",
        "out",
        "out",
    ]


def test_labels_may_have_numbers() -> None:
    table = read("label 1 the servers\nlabel 2 lab\n10.0.0.0/8 1\n11.0.0.0/8 lab\n")
    assert labels_at(table, "10.0.0.1", "11.0.0.1", "12.0.0.1") == ["the servers", "lab", None]


def test_a_map_of_protocols_and_ports() -> None:
    text = "mode proto-port\n6/80 6/80 web\n6/443 web\n17 17 datagrams\n1/0 1/65535 icmp\ntcp/22 ssh\n"
    table = read(text)
    assert table.kind == "port, protocol"
    keys = [(6, 80), (6, 443), (17, 0), (17, 65535), (1, 8), (6, 22), (6, 23), (255, 65535)]
    assert services(table, *keys) == ["web", "web", "datagrams", "datagrams", "icmp", "ssh", None, None]
    assert services(read("6/80 web\n", ("port", "protocol")), (6, 80)) == ["web"]


def test_csv_maps() -> None:
    table = read('address,label\n10.0.0.0/8,ten\n"10.1.0.0-10.1.255.255","one, two"\n2001:db8::/32,doc\n')
    assert labels_at(table, "10.0.0.1", "10.1.9.9", "2001:db8::1", "9.0.0.0") == [
        "ten",
        "one, two",
        "doc",
        None,
    ]
    assert read("10.0.0.0/8,ten\n").name == "zones.txt"
    ports = read("port,protocol,label\n53,udp,dns\n8000-8080,6,web\n")
    assert services(ports, (17, 53), (6, 8042), (6, 53)) == ["dns", "web", None]
    assert services(read("53,udp,dns\n"), (17, 53)) == ["dns"]
    assert services(read("proto,port,label\n17,53,dns\n"), (17, 53)) == ["dns"]
    only = read("25,mail\n", ("port",))
    assert only.kind == "port"
    assert lookup(only, np.array([25, 26], np.uint16)).tolist() == [0, -1]


def test_a_map_may_be_empty() -> None:
    table = read("# nothing\n")
    assert lookup(table, np.array([1], np.uint32)).tolist() == [-1]
    assert read("", ("port", "protocol")).kind == "port, protocol"


@pytest.mark.parametrize(
    ("text", "keys", "says"),
    [
        (
            "10.0.0.0/8 a\n10.0.0.0/8 b\n",
            None,
            "zones.txt:2: 10.0.0.0/8 has two labels: 'a' in line 1 and 'b' here",
        ),
        ("10.0.0.0/8,a\n10.0.0.0-10.255.255.255,b\n", None, "10.0.0.0/8 has two labels"),
        ("mode proto-port\n6/80 a\n6/80 b\n", None, "protocol 6 port 80 has two labels"),
        ("10.0.0.1/8 a\n", None, "write 10.0.0.0/8"),
        ("10.0.0.0/8\n", None, "'10.0.0.0/8' has no label"),
        ("10.0.0.9 10.0.0.1 a\n", None, "ends before it begins"),
        ("mode ports\n", None, "unknown mode 'ports'"),
        ("10.0.0.1 a\nmode ipv6\n", None, "the mode comes after"),
        ("default\n", None, "'default' has no value"),
        ("label one two\n", None, "not a number and a label"),
        ("label 1 a\nlabel 1 b\n", None, "label 1 has two texts"),
        ("mode proto-port\n6/70000 a\n", None, "port 70000 is above 65535"),
        ("mode proto-port\n300/1 a\n", None, "protocol 300 is above 255"),
        ("mode proto-port\nx/1 a\n", None, "'x' is not a protocol"),
        ("mode proto-port\n6/9 6/8 a\n", None, "ends before it begins"),
        ("10.0.0.0/8,a\n10.0.0.0/9,b,c\n", None, "zones.txt:2: 3 cells"),
        ("address,label\n10.0.0.0/8,\n", None, "2 cells"),
        ("address,comment,label\n", None, "is not keys and a label"),
        ("port,protocol,label\n9-8,6,a\n", None, "ends before it begins"),
        ("10.0.0.0/8 a\n", ("port", "protocol"), "'10.0.0.0' is not a protocol"),
        ("mode proto-port\n6/80 a\n", ("address",), "wrong kind"),
        ("10.x.x.1 a\n", None, "is no block or range"),
    ],
)
def test_a_broken_map_is_refused_with_the_line(text: str, keys: tuple[str, ...] | None, says: str) -> None:
    with pytest.raises(FlowFileError) as caught:
        read(text, keys)
    assert says in str(caught.value)


def test_a_binary_map_of_the_wrong_kind(tmp_path: Path) -> None:
    path = tmp_path / "some.pmap"
    path.write_bytes(binary(3, tree_of([(6 << 16, 16, 1)], 32), ("no", "tcp")).getvalue())
    assert services(read_prefix_map(path, None, ("port", "protocol")), (6, 9), (7, 9)) == ["tcp", "no"]
    with pytest.raises(FlowFileError, match="wrong kind"):
        read_prefix_map(path, None, ("address",))


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(24, 32), st.integers(0, 3)), max_size=12))
def test_lookups_are_longest_prefix_lookups(rows: list[tuple[int, int, int]]) -> None:
    blocks: dict[tuple[int, int], int] = {}
    for low, length, label in rows:
        first = 10 << 24 | low >> (32 - length) << (32 - length)
        blocks.setdefault((first, length), label)
    lines = [f"10.0.0.{first & 255}/{length},label{label}" for (first, length), label in blocks.items()]
    table = read("\n".join(["address,label", *lines]))
    probes = np.arange((10 << 24) - 4, (10 << 24) + 260, dtype=np.uint32)
    expected = []
    for value in probes.tolist():
        inside = [
            (length, label)
            for (first, length), label in blocks.items()
            if value >> (32 - length) == first >> (32 - length)
        ]
        expected.append(f"label{max(inside)[1]}" if inside else None)
    assert [None if at < 0 else table.labels[at] for at in lookup(table, probes).tolist()] == expected
