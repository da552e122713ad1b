"""Pairs, sides, client rows and services: what proves which side a host is on."""

from __future__ import annotations

import ipaddress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.engine.features.clients import CLIENT, SERVER, UNDECIDED, client_rows, initiators
from flowrules.engine.features.pairs import NOT_SEEN, PEER_FIRST, PEER_LATER, SAME_TIME, address_codes, paired
from flowrules.engine.features.services import PROOFS, answered_services, proofs
from flowrules.flows.table import widen
from flowrules.model.fields import ADDRESS, TCP_FLAGS

TCP, UDP, ICMP, SCTP = 6, 17, 1, 132


def flags(*words: str) -> np.ndarray:
    return np.array([sum(TCP_FLAGS[letter] for letter in word) for word in words], np.uint8)


def column(value: object, rows: int, dtype: str) -> np.ndarray:
    return np.broadcast_to(np.array(value, dtype), rows).copy()


# ---- pairs


def plain_paired(rows: list[tuple[int, ...]]) -> list[int]:
    earliest: dict[tuple[int, ...], int] = {}
    for *key, start in rows:
        earliest[tuple(key)] = min(start, earliest.get(tuple(key), start))
    out = []
    for sip, dip, sport, dport, protocol, _ in rows:
        mine = earliest[sip, dip, sport, dport, protocol]
        other = earliest.get((dip, sip, dport, sport, protocol))
        if other is None or (sip, sport) == (dip, dport):
            out.append(NOT_SEEN)
        else:
            out.append(SAME_TIME if other == mine else PEER_FIRST if other < mine else PEER_LATER)
    return out


rows_of_few = st.lists(
    st.tuples(*(st.integers(0, 2),) * 2, *(st.sampled_from([0, 53, 65_535]),) * 2, st.sampled_from([6, 17]), st.integers(0, 5)),
    max_size=60,
)  # fmt: skip


@given(rows_of_few, st.booleans())
@settings(max_examples=100, deadline=None)
def test_pairs_are_found_whatever_the_order(rows: list[tuple[int, ...]], wide: bool) -> None:
    sip, dip, sport, dport, protocol, start = np.array(rows, np.int64).reshape(-1, 6).T
    addresses = [c.astype(np.uint32) for c in (sip, dip)]
    if wide:
        addresses = [widen(c) for c in addresses]
    ports = sport.astype(np.uint16), dport.astype(np.uint16)
    assert paired(*addresses, *ports, protocol.astype(np.uint8), start).tolist() == plain_paired(rows)


def test_ipv6_peers_that_share_half_an_address_are_two() -> None:
    a, b, c = (int(ipaddress.ip_address(text)) for text in ("2001:db8::1", "2001:db8:0:1::1", "2001:db8::2"))
    number = np.array([(x >> 64, x & (1 << 64) - 1) for x in (a, c, b, c)], ADDRESS)
    sip, dip = number, number[[1, 0, 3, 2]]
    ports = np.array([40_000, 80, 40_000, 80], np.uint16)
    found = paired(sip, dip, ports, ports[[1, 0, 3, 2]], column(6, 4, "u1"), np.array([5, 9, 8, 2]))
    assert found.tolist() == [PEER_LATER, PEER_FIRST, PEER_FIRST, PEER_LATER]


def test_ipv4_equals_its_mapped_form() -> None:
    v4 = np.array([0x0A000001, 0x0A000002], np.uint32)
    left, right = address_codes(v4, widen(v4))
    assert left.tolist() == right.tolist() == [0, 1]


# ---- sides and client rows


@pytest.mark.parametrize(
    ("protocol", "initial", "pair", "side"),
    [
        (TCP, "S", PEER_FIRST, CLIENT),  # flags before order of starts
        (TCP, "SEC", NOT_SEEN, CLIENT),
        (TCP, "SA", PEER_LATER, SERVER),
        (TCP, "A", PEER_LATER, CLIENT),  # began before the sensor looked
        (TCP, "", PEER_FIRST, SERVER),
        (TCP, "", SAME_TIME, UNDECIDED),
        (TCP, "", NOT_SEEN, UNDECIDED),
        (UDP, "S", PEER_LATER, CLIENT),  # flags of UDP mean nothing
        (UDP, "S", NOT_SEEN, UNDECIDED),
    ],
)
def test_who_opened_the_connection(protocol: int, initial: str, pair: int, side: int) -> None:
    columns = column(protocol, 1, "u1"), flags(initial), column(pair, 1, "i1")
    assert initiators(*columns).tolist() == [side]
    # a reply with its columns exchanged tells the same of the other side
    assert initiators(*columns, replies=True).tolist() == [-side]


def rows_for(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "protocol": TCP, "flags": "SAPF", "initial": "S", "packets": 4, "sport": 50_000, "dport": 443, "pair": 0,
    }  # fmt: skip
    return row | changes


@pytest.mark.parametrize(
    ("row", "counts"),
    [
        (rows_for(), True),
        (rows_for(packets=3), False),
        (rows_for(flags="S"), False),  # a scan
        (rows_for(protocol=UDP), False),
        (rows_for(initial="SA"), False),  # answers
        (rows_for(initial="SA", sport=443, dport=50_000), False),
        (rows_for(initial="", pair=PEER_LATER, dport=12_345), True),
        (rows_for(initial="", pair=PEER_FIRST), False),  # answers, whatever the ports say
        (rows_for(initial=""), True),
        (rows_for(initial="", pair=SAME_TIME), True),
        (rows_for(initial="", dport=12_345), False),  # no known service
        (rows_for(initial="", sport=443, dport=443), False),
        (rows_for(initial="", sport=1_023, dport=80), False),
        (rows_for(initial="", sport=3_000, dport=8_080), False),
    ],
)
def test_client_rows(row: dict[str, object], counts: bool) -> None:
    found = client_rows(
        column(row["protocol"], 1, "u1"),
        flags(str(row["flags"])),
        flags(str(row["initial"])),
        column(row["packets"], 1, "u8"),
        column(row["sport"], 1, "u2"),
        column(row["dport"], 1, "u2"),
        column(row["pair"], 1, "i1"),
    )
    assert found.mask.tolist() == [counts]
    assert found.by_flags + found.by_pair + found.by_port == counts
    assert not found.flags_missing


def test_client_rows_without_flags_rest_on_pairs_and_ports() -> None:
    columns = column(TCP, 3, "u1"), column(9, 3, "u8"), column(50_000, 3, "u2")
    dport = np.array([443, 999, 31_337], np.uint16)
    pair = np.array([NOT_SEEN, PEER_FIRST, PEER_LATER], np.int8)
    found = client_rows(columns[0], None, None, columns[1], columns[2], dport, pair)
    assert found.mask.tolist() == [True, False, True]
    assert (found.by_flags, found.by_pair, found.by_port, found.flags_missing) == (0, 1, 1, True)
    known = np.zeros(65_536, bool)
    assert (
        client_rows(columns[0], None, None, columns[1], columns[2], dport, None, known=known).mask.sum() == 0
    )


# ---- services


@pytest.mark.parametrize(
    ("protocol", "sport", "dport", "seen", "initial", "pair", "proof"),
    [
        (TCP, 443, 50_000, "SAPF", "SA", NOT_SEEN, "handshake"),
        (TCP, 50_000, 443, "SAPF", "SA", NOT_SEEN, "handshake"),  # an odd port, and no doubt
        (TCP, 443, 50_000, "SAPF", "", PEER_FIRST, "request first"),
        (TCP, 443, 50_000, "PA", "A", PEER_FIRST, "request first"),
        (TCP, 22, 50_000, "RA", "", PEER_FIRST, None),  # a refusal
        (TCP, 22, 50_000, "RPA", "", PEER_FIRST, "request first"),  # answered, then reset
        (TCP, 443, 50_000, "SAPF", "", PEER_LATER, None),
        (TCP, 443, 50_000, "SAPF", "", NOT_SEEN, "lower port"),
        (TCP, 443, 50_000, "SAPF", "", SAME_TIME, "lower port"),
        (TCP, 2_789, 20_000, "SAPF", "S", SAME_TIME, None),  # a client on a low port
        (TCP, 2_789, 20_000, "SAPF", "S", PEER_FIRST, None),
        (TCP, 443, 50_000, "PA", "", NOT_SEEN, None),
        (TCP, 50_000, 443, "SAPF", "", NOT_SEEN, None),
        (UDP, 53, 30_000, "", "", PEER_FIRST, "request first"),
        (UDP, 53, 30_000, "", "", NOT_SEEN, "lower port"),
        (UDP, 53, 53, "", "", NOT_SEEN, None),
        (UDP, 5_353, 30_000, "", "", NOT_SEEN, None),
        (UDP, 5_353, 30_000, "", "", PEER_FIRST, "request first"),
        (UDP, 53, 30_000, "", "", PEER_LATER, None),
        (SCTP, 2_905, 30_000, "", "", PEER_FIRST, "request first"),
        (ICMP, 0, 2_048, "", "", PEER_FIRST, None),
    ],
)
def test_proofs(
    protocol: int, sport: int, dport: int, seen: str, initial: str, pair: int, proof: str | None
) -> None:
    found = proofs(
        column(protocol, 1, "u1"),
        column(sport, 1, "u2"),
        column(dport, 1, "u2"),
        flags(seen),
        flags(initial),
        column(pair, 1, "i1"),
    )
    assert [(*PROOFS, None)[code] for code in found.tolist()] == [proof]


def answers(rows: list[tuple[int, int, int, int, str]]) -> object:
    """Services of rows (host, sport, dip, dport, proof), all TCP."""
    host, sport, dip, dport = np.array([row[:4] for row in rows], np.int64).reshape(-1, 4).T
    initial = flags(*("SA" if row[4] == "handshake" else "" for row in rows))
    pair = np.array([PEER_FIRST if row[4] == "request first" else NOT_SEEN for row in rows], np.int8)
    return answered_services(
        column(TCP, len(rows), "u1"),
        sport.astype(np.uint16),
        dip.astype(np.uint32),
        dport.astype(np.uint16),
        flags(*("SAPF",) * len(rows)),
        initial,
        pair,
        host.astype(np.uint32),
    )


def test_services_count_different_peers_and_ports_for_each_host() -> None:
    found = answers(
        [
            (1, 443, 7, 50_000, "handshake"),
            (1, 443, 7, 50_000, "handshake"),  # the same flow once more
            (1, 443, 7, 50_001, "request first"),
            (1, 443, 8, 50_000, "lower port"),
            (1, 22, 7, 50_000, "handshake"),
            (1, 22, 7, 50_001, "handshake"),  # two are too few
            (1, 25, 7, 50_000, "handshake"),
            (1, 25, 8, 50_000, "handshake"),
            (1, 25, 9, 50_000, "handshake"),
            (1, 25, 10, 50_000, "lower port"),
            (3, 443, 1, 50_000, "handshake"),
            (3, 443, 1, 50_001, "handshake"),
            (3, 443, 1, 50_002, "lower port"),
            (3, 443, 1, 50_002, "handshake"),  # the better proof of one flow counts
        ]
    )
    assert found.answered(5).tolist() == [0, 2, 0, 1, 0]  # type: ignore[attr-defined]
    assert found.most_peers(5).tolist() == [0, 4, 0, 1, 0]  # type: ignore[attr-defined]
    one = found.answered_of(1)  # type: ignore[attr-defined]
    assert [(s.port, s.flows, s.peers, s.proof) for s in one.services] == [
        (25, 4, 4, "handshake"),
        (443, 3, 2, "lower port"),
    ]
    assert (one.value, one.proof) == (2, "lower port")
    peers = found.peers_of(1)  # type: ignore[attr-defined]
    assert (peers.value, peers.proof, len(peers.services)) == (4, "handshake", 2)
    three = found.answered_of(3)  # type: ignore[attr-defined]
    assert (three.value, three.services[0].proof) == (1, "handshake")
    none = found.answered_of(2), found.peers_of(2)  # type: ignore[attr-defined]
    assert [(n.value, n.why_unknown, n.services) for n in none] == [(0, "", ())] * 2


def test_no_rows_answer_nothing() -> None:
    found = answers([])
    assert found.answered(2).tolist() == [0, 0]  # type: ignore[attr-defined]
    assert found.answered_of(0).value == 0  # type: ignore[attr-defined]


def test_without_flags_nothing_of_tcp_is_proved() -> None:
    found = proofs(
        np.array([TCP, UDP], np.uint8),
        column(53, 2, "u2"),
        column(30_000, 2, "u2"),
        None,
        None,
        column(PEER_FIRST, 2, "i1"),
    )
    assert [(*PROOFS, None)[code] for code in found.tolist()] == [None, "request first"]
