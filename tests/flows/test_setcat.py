"""What rwsetcat and rwbagcat print of sets and bags."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrules.flows.ipset import read_ipset
from flowrules.flows.network_structure import Layout, parse_structure, structure_lines
from flowrules.flows.setcat import (
    cidr_lines,
    count_lines,
    network_structure_lines,
    range_lines,
    set_lines,
    statistics_lines,
)
from flowrules.flows.silk_records import open_silk
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import AddressError, to_integers
from flowrules.model.addresses import parse_addresses
from flowrules.model.fields import IPV4_MAPPED
from tests.reference import shared

IN, OUT, INWEB, OUTWEB = range(4)


def of(*texts: str) -> AddressSet:
    return AddressSet.from_ranges(pair for text in texts for pair in parse_addresses(text))


def query(identity: str, tool: str = "rwset") -> list[str]:
    text = shared("silk", "queries", f"{tool}.jsonl").read_text()
    (found,) = (json.loads(line) for line in text.splitlines() if f'"{identity}"' in line)
    return found["expect"]["lines"]  # type: ignore[no-any-return]


def columns(name: str) -> dict[str, Any]:
    """The columns of a file of the kit, all its chunks together."""
    chunks = list(open_silk(shared("silk", "data", name)).chunks())
    return {field: np.concatenate([chunk[field] for chunk in chunks]) for field in chunks[0].columns}


def data_set(name: str) -> AddressSet:
    return read_ipset(shared("silk", "data", name))


def test_statistics_of_the_samples() -> None:
    for name in ("v4flows", "v4mix", "v6flows", "v6mix"):
        members = read_ipset(shared("silk", "ipsets", f"{name}-rv4-none.set"))
        expected = shared("silk", "ipsets", f"{name}.stats.txt").read_text().splitlines()
        assert list(statistics_lines(members)) == expected


def test_ranges_and_blocks_of_the_samples() -> None:
    comma = Layout(columns=False, delimiter=",", final_delimiter=False)
    for name in ("v4flows", "v4mix", "v6flows", "v6mix"):
        members = read_ipset(shared("silk", "ipsets", f"{name}-rv4-none.set"))
        folder = shared("silk", "ipsets")
        assert list(cidr_lines(members)) == (folder / f"{name}.cidr.txt").read_text().splitlines()
        assert list(range_lines(members, comma)) == (folder / f"{name}.ranges.txt").read_text().splitlines()


def test_queries_on_sets_of_flows() -> None:
    v4 = columns("v4.rw")
    wanted = (v4["type"] == IN) & (v4["protocol"] == 6) & (v4["dport"] == 25)
    assert list(count_lines(AddressSet.from_addresses(v4["dip"][wanted]))) == query("rwset-count-02")
    icmp = AddressSet.from_addresses(v4["dip"][v4["protocol"] == 1])
    assert list(cidr_lines(icmp, blocks=False)) == query("rwset-cidr-02")
    mail = AddressSet.from_addresses(v4["sip"][(v4["type"] == OUT) & (v4["dport"] == 25)])
    assert list(range_lines(mail, Layout(columns=False, final_delimiter=False))) == query("rwset-ranges-02")
    assert list(statistics_lines(AddressSet.from_addresses(v4["sip"]))) == query("rwset-stats-01")


def test_queries_on_network_structure() -> None:
    prof = columns("prof.rw")
    everyone = AddressSet.from_addresses(prof["sip"]) | AddressSet.from_addresses(prof["dip"])
    assert list(network_structure_lines(everyone, "v4:TS,8,16,24/16,24")) == query("rwset-netstruct-02")
    v6 = AddressSet.from_addresses(columns("v6.rw")["dip"])
    assert list(network_structure_lines(v6, "v6:T,32,48,64S/48,64")) == query("rwset-netstruct-03")


def test_a_query_on_a_profile() -> None:
    prof = columns("prof.rw")
    senders = AddressSet.from_addresses(prof["sip"][(prof["type"] == OUT) | (prof["type"] == OUTWEB)])
    assert list(statistics_lines(senders - data_set("setC.set"))) == query("rwset-profile-04")


def test_queries_on_the_algebra_of_sets() -> None:
    a, b = data_set("setA.set"), data_set("setB.set")
    assert list(count_lines(a | b)) == query("rwset-union-01")
    assert list(cidr_lines(a & b)) == query("rwset-intersect-01")
    assert list(count_lines(b - a)) == query("rwset-difference-01")
    assert list(cidr_lines(a ^ b)) == query("rwset-symdiff-01")
    assert list(cidr_lines((a | b).mask(20, 128))) == query("rwset-mask-01")
    assert list(count_lines(b.fill(24, 128))) == query("rwset-fill-01")


def test_a_bags_network_structure() -> None:
    v4 = columns("v4.rw")
    bag: Counter[int] = Counter()
    for address, size in zip(to_integers(v4["sip"]), v4["bytes"].tolist(), strict=True):
        bag[address] += size
    keys = sorted(bag)
    made = structure_lines(
        [(key, key) for key in keys],
        parse_structure("v4:TS,8,16"),
        [bag[key] for key in keys],
        Layout(columns=False, final_delimiter=False),
    )
    assert list(made) == query("rwbag-netstruct-01", "rwbag")


def test_without_options_ipv4_sets_list_addresses_and_ipv6_sets_blocks() -> None:
    assert list(set_lines(of("10.0.0.0/30"))) == ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert list(set_lines(of("10.0.0.0/30", "::1"))) == ["::1", "10.0.0.0/30"]


def test_padded_ranges() -> None:
    assert list(range_lines(of("10.0.0.0/30"))) == ["         4|       10.0.0.0|       10.0.0.3|"]
    (line,) = range_lines(of("::1-::2"))
    assert line == f"{2:>39}|{'::1':>39}|{'::2':>39}|"


def test_statistics_of_small_sets() -> None:
    assert list(statistics_lines(AddressSet())) == [
        "Network Summary",
        "\tminimumIP =               -",
        "\tmaximumIP =               -",
        "\t         0 hosts (/32s),    0.000000% of 2^32",
        "\t         0 occupied /8s,    0.000000% of 2^8",
        "\t         0 occupied /16s,   0.000000% of 2^16",
        "\t         0 occupied /24s,   0.000000% of 2^24",
        "\t         0 occupied /27s,   0.000000% of 2^27",
    ]
    assert list(statistics_lines(of("10.0.0.1")))[3:5] == [
        "\t         1 host (/32),      0.000000% of 2^32",
        "\t         1 occupied /8,     0.390625% of 2^8",
    ]
    assert list(statistics_lines(of("::1")))[-1] == "\t" + "1 host (/128)".rjust(39 + 12)


def test_a_structure_may_be_letters_or_numbers() -> None:
    assert parse_structure("v4:TABCXH") == parse_structure("0,8,16,24,27,32")
    assert parse_structure("") == parse_structure("v4:") == parse_structure("TS")
    assert parse_structure("v6:").levels == (0, 48, 64, 128)
    assert parse_structure("TS").levels == (0, 8, 16, 24, 27, 32)
    assert parse_structure("T8/24").levels == (0, 8, 24, 32)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("v5:T", "begins with 'v5:'"),
        ("33", "begin with v6:"),
        ("v6:129", "above 128"),
        ("v6:A", "'A' in"),
        ("T/8/16", "'/' twice"),
        ("S", "names no block"),
        ("/8", "before '/'"),
        ("T8z", "'z' in"),
    ],
)
def test_a_broken_structure_is_refused(text: str, says: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_structure(text)
    assert says in str(caught.value)


def test_lines_without_a_summary() -> None:
    members = of("10.0.0.1", "10.0.0.2", "10.1.0.0", "192.0.2.1", "::1")
    assert list(network_structure_lines(members, "AT")) == [
        "  10.0.0.0/8       | 3",
        "  192.0.0.0/8      | 1",
        "TOTAL              | 4",
    ]
    assert list(network_structure_lines(members, "8")) == [
        "     10.0.0.0/8| 3".rjust(len("000.000.000.000/8| 3")),
        "      192.0.0.0/8| 1",
    ]
    assert list(network_structure_lines(members, "T")) == ["TOTAL| 4"]
    assert list(network_structure_lines(members, "v6:T")) == ["TOTAL| 5"]
    assert list(network_structure_lines(members, "T", Layout(columns=False, delimiter=","))) == ["TOTAL, 4"]


def test_addresses_get_lines_of_their_own() -> None:
    assert list(network_structure_lines(of("10.0.0.1", "10.0.0.2"), "TCH/C")) == [
        "    10.0.0.1        |",
        "    10.0.0.2        |",
        "  10.0.0.0/24       | 2 hosts",
        "TOTAL               | 2 hosts in 1 /24",
    ]


def test_an_ipv6_structure_has_ipv4_members_in_the_mapped_block() -> None:
    lines = list(network_structure_lines(of("10.0.0.1", "10.0.0.2", "::ffff:1:0:0"), "v6:T,96/120"))
    assert [line.split("|") for line in lines] == [
        ["  ::ffff:0.0.0.0/96                         ", " 2 hosts in 1 /120"],
        ["  ::ffff:1:0:0/96                           ", " 1 host in 1 /120"],
        ["TOTAL                                       ", " 3 hosts in 2 /96s and 2 /120s"],
    ]


def test_the_structure_of_nothing() -> None:
    assert list(network_structure_lines(AddressSet(), "TS")) == [
        "TOTAL| 0 hosts in 0 /8s, 0 /16s, 0 /24s, and 0 /27s"
    ]
    assert list(network_structure_lines(of("::1"), "T")) == ["TOTAL| 0"]
    assert list(network_structure_lines(AddressSet(), "8")) == []


def test_a_bag_in_columns() -> None:
    keys = [(IPV4_MAPPED + value,) * 2 for value in (1, 2, 300)]
    made = list(structure_lines(keys, parse_structure("TCH"), [5, 7, 1 << 70]))
    assert made == [
        "    0.0.0.1         |                   5|",
        "    0.0.0.2         |                   7|",
        "  0.0.0.0/24        |                  12|",
        f"    0.0.1.44        |{1 << 70:>20}|",
        f"  0.0.1.0/24        |{1 << 70:>20}|",
        f"TOTAL               |{(1 << 70) + 12:>20}|",
    ]
    bare = list(
        structure_lines(
            keys, parse_structure("TS/C"), [5, 7, 9], Layout(columns=False, final_delimiter=False)
        )
    )
    assert bare == ["TOTAL|21| 3 hosts in 2 /24s"]


def test_the_whole_space_is_exact() -> None:
    assert list(network_structure_lines(of("::/0"), "v6:T/64")) == [
        f"TOTAL| {1 << 128} hosts in {1 << 64} /64s"
    ]
    first = next(iter(network_structure_lines(of("0.0.0.0/0"), "v4:H")))
    assert first.strip() == "0.0.0.0|"


@given(
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 600)), max_size=12),
    st.sets(st.integers(18, 32), min_size=1, max_size=4),
    st.sets(st.integers(18, 32), max_size=3),
)
def test_counts_are_those_of_the_members(
    starts: list[tuple[int, int]], printed: set[int], counted: set[int]
) -> None:
    members = AddressSet.from_ranges((IPV4_MAPPED + a, IPV4_MAPPED + a + size) for a, size in starts)
    values = [value - IPV4_MAPPED for value in members.addresses()]
    spec = f"{','.join(map(str, printed))}/{','.join(map(str, counted))}"
    lines = [line.replace(" ", "") for line in network_structure_lines(members, spec, Layout(columns=False))]
    expected = []
    for length in printed:
        shift = 32 - length
        for block in {value >> shift for value in values}:
            inside = [value for value in values if value >> shift == block]
            label = ".".join(map(str, (block << shift).to_bytes(4, "big")))
            if length == 32:
                expected.append(f"{label}|")
                continue
            text = f"{label}/{length}|{len(inside)}host{'s' * (len(inside) != 1)}"
            smaller = sorted(level for level in printed | counted if length < level < 32)
            counts = []
            for level in smaller:
                count = len({value >> (32 - level) for value in inside})
                counts.append(f"{count}/{level}{'s' * (count != 1)}")
            if len(counts) > 2:
                text += "in" + ",".join(counts[:-1]) + ",and" + counts[-1]
            elif counts:
                text += "in" + "and".join(counts)
            expected.append(text)
    assert sorted(lines) == sorted(expected)
