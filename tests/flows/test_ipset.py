"""IPset files: those that SiLK wrote, and those that are written for SiLK."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.flows.errors import FlowFileError
from flowrules.flows.ipset import read_ipset, write_ipset
from flowrules.flows.ipset_tree import build_tree
from flowrules.flows.setcat import statistics_lines
from flowrules.flows.silk_header import ENTRY_IPSET, IPSET, HeaderEntry, write_header
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import format_address, format_cidr
from flowrules.model.addresses import parse_addresses
from flowrules.model.fields import IPV4_MAPPED
from tests.reference import shared


def of(*texts: str) -> AddressSet:
    return AddressSet.from_ranges(pair for text in texts for pair in parse_addresses(text))


KEPT = Path(__file__).parent.parent / "data" / "silk" / "ipsets"


@pytest.fixture(params=["kept", "all"])
def folder(request: pytest.FixtureRequest) -> Path:
    """The sample files kept beside the tests, and all of them where the reference data is."""
    return KEPT if request.param == "kept" else shared("silk", "ipsets")


def samples(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert len(found) == (27 if folder == KEPT else 72)
    return found


def test_every_sample_reads_as_silk_read_it(folder: Path) -> None:
    for sample in samples(folder):
        path = folder / sample["file"]
        made = read_ipset(path)
        assert made.count == sample["ips"], path
        expected = folder / sample["expected"]
        blocks = [format_cidr(first, length, single=True) for first, length in made.cidrs()]
        assert blocks == expected.with_suffix(".cidr.txt").read_text().splitlines(), path
        ranges = [
            f"{last - first + 1},{format_address(first)},{format_address(last)}"
            for first, last in made.ranges()
        ]
        assert ranges == expected.with_suffix(".ranges.txt").read_text().splitlines(), path
        assert list(statistics_lines(made)) == expected.with_suffix(".stats.txt").read_text().splitlines(), (
            path
        )
        with path.open("rb") as file:
            assert read_ipset(file) == made


def test_what_is_written_is_what_silk_writes(folder: Path) -> None:
    """Byte for byte, but for version 3, whose nodes may stand in any order, and other compressors."""
    for sample in samples(folder):
        if sample["compression"] != "none" or sample["record_version"] == 3:
            continue
        path = folder / sample["file"]
        out = io.BytesIO()
        write_ipset(out, read_ipset(path), sample["requested_version"] or None)
        assert out.getvalue() == path.read_bytes(), path


def nodes_of(data: bytes) -> set[tuple[Any, ...]]:
    """The tree of an uncompressed version 3 file, whatever the numbers of its nodes."""
    _, leaf_count, leaf_size, node_count, node_size, root = struct.unpack(">6I", data[24:48])
    body = data[56:]
    layout = struct.Struct("<16III B7x QQ" if node_size == 96 else "<16III B3x I")
    nodes = [layout.unpack_from(body, at * node_size) for at in range(node_count)]
    seen = set()

    def block(index: int) -> tuple[Any, ...]:
        return nodes[index][18:]

    waiting = [root]
    while waiting:
        node = nodes[waiting.pop()]
        children = []
        for place, child in enumerate(node[:16]):
            if node[16] >> place & 1:
                children.append(("leaf", child))
            elif child:
                children.append(("node", *block(child)))
                waiting.append(child)
            else:
                children.append(())
        seen.add((node[18:], tuple(children), node[16], node[17]))
    assert len(seen) == node_count - 1
    assert len(body) == node_count * node_size + leaf_count * leaf_size
    return seen


def test_version_3_has_the_tree_that_silk_builds(folder: Path) -> None:
    for sample in samples(folder):
        if sample["record_version"] == 3 and sample["compression"] == "none":
            path = folder / sample["file"]
            out = io.BytesIO()
            write_ipset(out, read_ipset(path), 3)
            assert nodes_of(out.getvalue()) == nodes_of(path.read_bytes()), path


def test_leaves_that_fill_several_places_are_marked() -> None:
    (root,) = build_tree([(0, 2), (0x50000000, 4), (0x80000000, 1)], 32)
    assert root.children == (1, 1, 1, 1, 0, 2, 0, 0, *[3] * 8)
    assert root.leaves == 0b1111111100101111
    assert root.repeated == 0b1111111000001110
    assert (root.first, root.length) == (0, 0)
    assert build_tree([(5, 32)], 32) == []


COMPRESSIONS = ["none", "zlib", "snappy", "lzo1x"]
numbers = st.one_of(
    st.integers(0, 0xFFFFFFFF).map(lambda value: IPV4_MAPPED + value),
    st.integers(0, (1 << 128) - 1),
    st.integers(0, 600),
    st.integers(0, 600).map(lambda value: IPV4_MAPPED + (10 << 24) + value),
)
ranges = st.lists(st.tuples(numbers, numbers).map(lambda pair: (min(pair), max(pair))), max_size=8)
small = st.lists(numbers.map(lambda first: (first, min(first + 9, (1 << 128) - 1))), max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(ranges, small),
    st.sampled_from([None, 3, 4, 5]),
    st.sampled_from(COMPRESSIONS),
    st.sampled_from(["<", ">"]),
)
def test_what_is_written_reads_back(
    pairs: list[tuple[int, int]], version: int | None, compression: Any, order: Any
) -> None:
    members = AddressSet.from_ranges(pairs)
    if version is None and not members.has_ipv6 and members.count > 1 << 20:
        version = 4  # one bitmap for each /24: not a test of anything
    out = io.BytesIO()
    write_ipset(out, members, version, compression, order)
    out.seek(0)
    assert read_ipset(out) == members


def test_bitmaps_of_many_blocks_span_several_windows() -> None:
    members = of("10.0.0.3-10.64.3.9", "10.80.0.1", "255.255.255.255", "0.0.0.0")
    for version in (2, 4):
        out = io.BytesIO()
        write_ipset(out, members, version)
        out.seek(0)
        assert read_ipset(out) == members


def test_defaults_are_those_of_silk() -> None:
    for members, wanted, stored in [
        (of("10.0.0.1"), None, 2),
        (of("10.0.0.1"), 5, 4),
        (of("10.0.0.1"), 3, 3),
        (of("::1"), None, 3),
        (of("::1"), 5, 5),
        (AddressSet(), None, 2),
    ]:
        out = io.BytesIO()
        write_ipset(out, members, wanted)
        assert int.from_bytes(out.getvalue()[14:16], "big") == stored
    with pytest.raises(FlowFileError, match="cannot hold IPv6") as caught:
        write_ipset(io.BytesIO(), of("::1"), 2)
    assert "version 3, 4 or 5" in str(caught.value)
    with pytest.raises(ValueError, match="not 6"):
        write_ipset(io.BytesIO(), of("::1"), 6)
    with pytest.raises(ValueError, match="no compression"):
        write_ipset(io.BytesIO(), of("::1"), None, "bzip2")  # type: ignore[arg-type]


def test_a_single_block_is_a_leaf_without_nodes() -> None:
    out = io.BytesIO()
    write_ipset(out, of("2001:db8::/32"))
    assert struct.unpack(">6I", out.getvalue()[24:48]) == (16, 2, 24, 1, 96, 1)
    out.seek(0)
    assert read_ipset(out) == of("2001:db8::/32")


def test_an_empty_set_is_a_file_too() -> None:
    for version in (2, 3, 4):
        out = io.BytesIO()
        write_ipset(out, AddressSet(), version)
        out.seek(0)
        assert read_ipset(out) == AddressSet()


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
def test_old_headers(version: int, order: str) -> None:
    members = of("10.1.2.3", "10.1.2.64/26", "10.9.0.0/24")
    new = io.BytesIO()
    write_ipset(new, members, 2, "none", order)  # type: ignore[arg-type]
    head = b"\xde\xad\xbe\xef" + bytes([order == ">", IPSET, version, 0])
    assert read_ipset(io.BytesIO(head + new.getvalue()[24:])) == members


def test_a_path_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "some.set"
    write_ipset(path, of("10.0.0.1"))
    assert read_ipset(path) == of("10.0.0.1")
    with pytest.raises(FlowFileError, match="cannot hold IPv6"):
        write_ipset(path, of("::1"), 2)
    assert read_ipset(path) == of("10.0.0.1")
    assert [entry.name for entry in tmp_path.iterdir()] == ["some.set"]
    with pytest.raises(FlowFileError, match="cannot be written"):
        write_ipset(tmp_path / "absent" / "some.set", of("10.0.0.1"))


def ipset(version: int, body: bytes, numbers: tuple[int, ...] | None = None, length: int = 1) -> io.BytesIO:
    entries = (
        [] if numbers is None else [HeaderEntry(ENTRY_IPSET, struct.pack(f">{len(numbers)}I", *numbers))]
    )
    return io.BytesIO(write_header(IPSET, version, length, 0, "<", entries) + body)


V4 = (0, 0, 4, 0, 0, 0)
V6 = (0, 0, 16, 0, 0, 0)
LEAF = bytes([8, 0, 0, 0]) + (10 << 24).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (ipset(2, bytes(35)), "ends inside a /24"),
        (ipset(2, b"\x01" + bytes(35)), "address 0.0.0.1"),
        (ipset(6, b""), "unknown version 6"),
        (ipset(2, b"", length=36), "wrong record length"),
        (ipset(3, b""), "no whole IPset entry"),
        (ipset(4, b"", (0, 0, 4)), "no whole IPset entry"),
        (ipset(4, b"", (0, 0, 8, 0, 0, 0)), "impossible leaf size"),
        (ipset(5, b"", V4), "impossible leaf size"),
        (ipset(3, bytes(8), (16, 2, 8, 1, 80, 1)), "ends inside the nodes"),
        (ipset(3, bytes(80 + 8), (16, 2, 8, 1, 80, 1)), "before the last leaf"),
        (ipset(3, bytes(80 + 8) + LEAF[:-1], (16, 2, 8, 1, 80, 1)), "ends inside a leaf"),
        (ipset(3, bytes(80 + 8) + LEAF * 2, (16, 2, 8, 1, 80, 1)), "more leaves"),
        (ipset(3, bytes(80), (16, 4_000_000_000, 8, 4_000_000_000, 80, 1)), "ends inside the nodes"),
        (ipset(3, bytes(88) + b"\x21" + LEAF[1:], (16, 2, 8, 1, 80, 1)), "impossible prefix length"),
        (ipset(3, bytes(88) + b"\x04" + LEAF[1:], (16, 2, 8, 1, 80, 1)), "bits beyond its prefix"),
        (ipset(3, b"x", (16, 0, 8, 0, 80, 0)), "bytes after an empty set"),
        (ipset(4, bytes(4), V4), "ends inside an item"),
        (ipset(4, bytes(4) + b"\x81" + bytes(31), V4), "ends inside an item"),
        (ipset(4, bytes(4) + b"\x21", V4), "impossible prefix length"),
        (ipset(4, bytes(4) + b"\x82", V4), "unknown code"),
        (ipset(4, b"\x01" + bytes(3) + b"\x81" + bytes(32), V4), "bits beyond its prefix"),
        (ipset(4, bytes(16) + b"\x82", V6), "unknown code"),
        (ipset(4, bytes(15) + b"\x01\x7f", V6), "bits beyond its prefix"),
        (ipset(5, bytes(8) + b"\x83", V6), "unknown code"),
        (ipset(5, bytes(8) + b"\x78", V6), "before any upper half"),
        (ipset(5, bytes(8) + b"\x82" + bytes(8), V6), "ends inside an item"),
        (io.BytesIO(b"10.0.0.1\n"), "not a SiLK file"),
        (io.BytesIO(b""), "empty"),
        (io.BytesIO(write_header(0x16, 5, 52)), "FT_RWGENERIC"),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(file: io.BytesIO, says: str) -> None:
    file.seek(0)
    with pytest.raises(FlowFileError) as caught:
        read_ipset(file, "some.set")
    assert says in str(caught.value)
    assert str(caught.value).startswith("some.set")


@pytest.mark.parametrize("version", [2, 3, 4, 5])
@pytest.mark.parametrize("compression", ["none", "zlib"])
def test_a_truncated_file_is_an_error_or_a_shorter_set(version: int, compression: Any) -> None:
    members = of("10.0.0.1", "10.0.0.3", "10.7.0.0/16") | (
        AddressSet() if version == 2 else of("2001:db8::1:0/112", "::9")
    )
    out = io.BytesIO()
    write_ipset(out, members, version, compression)
    whole = out.getvalue()
    for size in range(len(whole)):
        try:
            made = read_ipset(io.BytesIO(whole[:size]))
        except FlowFileError:
            continue
        assert made <= members
        assert version != 3 or made == AddressSet()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damage_never_does_worse_than_an_error(data: st.DataObject) -> None:
    version = data.draw(st.sampled_from([2, 3, 4, 5]))
    members = of("10.0.0.1", "10.0.0.3", "10.7.0.0/16") | (
        AddressSet() if version == 2 else of("2001:db8::/64", "::9")
    )
    out = io.BytesIO()
    write_ipset(out, members, version)
    damaged = bytearray(out.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        made = read_ipset(io.BytesIO(bytes(damaged)))
    except FlowFileError:
        return
    assert made.contains(np.arange(4, dtype=np.uint32)).dtype == bool


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FlowFileError, match="no such file"):
        read_ipset(tmp_path / "absent.set")
