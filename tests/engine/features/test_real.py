"""What is known of real traffic, found again: an exercise's Windows clients, and captures with labelled sides."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pytest

from flowrules.engine.features.clients import client_rows
from flowrules.engine.features.connections import connection_events, destination
from flowrules.engine.features.pairs import paired
from flowrules.engine.features.ports import PortFeatures, port_features
from flowrules.engine.features.rhythm import beacons, peak_concurrency
from flowrules.engine.features.services import answered_services, proofs
from flowrules.engine.features.sorting import dense_codes, sort_order, starts_of_runs
from flowrules.flows.silk_records import silk_source
from flowrules.flows.table import widen
from flowrules.model.fields import IPV4_MAPPED
from tests.reference import shared

Columns = dict[str, np.ndarray]
TCP, UDP = 6, 17


def read(path: Path) -> Columns:
    chunks = list(silk_source(str(path)).chunks())
    names = (
        "sip",
        "dip",
        "sport",
        "dport",
        "protocol",
        "flags",
        "initial_flags",
        "packets",
        "stime",
        "duration",
    )
    columns = {}
    for name in names:
        parts = [
            widen(c[name]) if name in ("sip", "dip") and path.parent.name == "silk" else c[name]
            for c in chunks
        ]
        columns[name] = np.concatenate(parts)
    return columns


def address(text: str) -> int:
    return int(ip_address(text))


# ---- FCCX-15: 20 minutes, IPv4, one direction, every record twice, no initial flags


@pytest.fixture(scope="module")
def fccx() -> Columns:
    return read(shared("real", "fccx", "fccx15-out-S3-20150617T1500-1519.rw"))


def ports_of(c: Columns, unit: int = 1, rows: np.ndarray | None = None) -> tuple[np.ndarray, PortFeatures]:
    if rows is None:
        rows = np.flatnonzero(clients(c))
    sip = c["sip"][rows]
    host = dense_codes(sip)
    hosts = np.unique(sip)
    start = c["stime"][rows] // unit * unit
    end = (c["stime"] + c["duration"])[rows] // unit * unit
    dest = destination(c["dip"][rows], c["dport"][rows])
    return hosts, port_features(start, end, c["sport"][rows], dest, host, len(hosts), addresses=hosts)


def clients(c: Columns) -> np.ndarray:
    found = client_rows(
        c["protocol"], c["flags"], c["initial_flags"], c["packets"], c["sport"], c["dport"], None
    )
    assert found.by_flags == found.by_pair == 0
    assert found.by_port == found.mask.sum() > 5_000
    return found.mask


def test_twenty_minutes_of_windows_clients_never_read_as_several_hosts(fccx: Columns) -> None:
    hosts, found = ports_of(fccx)
    styles = Counter(found.styles().tolist())
    assert set(styles) == {"one counter", "sequential, one destination", None}
    assert len(hosts) >= 70
    assert styles["one counter"] >= 15
    assert styles["sequential, one destination"] >= 40
    known = found.sequence.value[~np.isnan(found.sequence.value)]
    assert known.min() >= 0.76
    assert all(found.style_of(n).why_unknown for n in np.flatnonzero(found.styles() == None))  # noqa: E711


def test_whole_seconds_tell_the_same(fccx: Columns) -> None:
    assert ports_of(fccx, 1_000)[1].styles().tolist() == ports_of(fccx)[1].styles().tolist()


def test_every_record_twice_tells_what_once_does(fccx: Columns) -> None:
    keys = [fccx[name] for name in ("sip", "dip", "sport", "dport", "protocol", "stime", "duration")]
    order = sort_order(*keys)
    once = np.zeros(len(order), bool)
    once[order[starts_of_runs(*(key[order] for key in keys))]] = True
    assert once.sum() <= len(once) / 2 + 20
    _, twice = ports_of(fccx)
    _, single = ports_of(fccx, rows=np.flatnonzero(clients(fccx) & once))
    assert twice.connections.tolist() == single.connections.tolist()
    assert [twice.style_of(n) for n in range(70)] == [single.style_of(n) for n in range(70)]


def test_tcp_ports_rise_while_udp_ports_of_the_same_host_are_drawn(fccx: Columns) -> None:
    controller = fccx["sip"] == address("192.168.40.20")
    tcp = ports_of(fccx, rows=np.flatnonzero(controller & clients(fccx)))[1].sequence.of(0)
    udp_rows = controller & (fccx["protocol"] == UDP) & (fccx["dport"] == 53)
    udp = ports_of(fccx, rows=np.flatnonzero(udp_rows))[1].sequence.of(0)
    assert tcp.value == pytest.approx(0.9)  # 0.97 in the whole hour
    assert udp.value == pytest.approx(0.0, abs=0.05)
    assert udp.looks > 90


def test_one_destination_hides_the_operating_system(fccx: Columns) -> None:
    hosts, found = ports_of(fccx)
    number = hosts.tolist().index(address("192.168.40.24"))
    style = found.style_of(number)
    assert style.value == "sequential, one destination"
    assert style.far.value == 1.0
    assert style.sequence.value is None
    assert found.range_of(number).value == "32768-60999"


def test_the_domain_controller_answers_and_workstations_serve_one_peer(fccx: Columns) -> None:
    sip = np.unique(fccx["sip"])
    found = answered_services(
        fccx["protocol"],
        fccx["sport"],
        fccx["dip"],
        fccx["dport"],
        fccx["flags"],
        fccx["initial_flags"],
        np.zeros(len(fccx["sip"]), np.int8),
        dense_codes(fccx["sip"]),
    )
    controller = found.answered_of(sip.tolist().index(address("192.168.40.20")))
    services = {(s.protocol, s.port): s for s in controller.services}
    assert {(TCP, 88), (TCP, 135), (TCP, 389), (TCP, 445), (UDP, 53)} <= set(services)
    assert services[UDP, 53].peers == 6
    assert {s.proof for s in controller.services} == {"lower port"}
    managed = (found.protocol == TCP) & (found.port == 591)
    assert set(found.peers[managed].tolist()) <= {1}


def test_the_management_agent_is_a_beacon(fccx: Columns) -> None:
    rows = np.flatnonzero((fccx["protocol"] == TCP) & (fccx["dport"] == 5723))
    pair = dense_codes(fccx["sip"][rows], fccx["dip"][rows])
    start, end = fccx["stime"][rows], (fccx["stime"] + fccx["duration"])[rows]
    connections = connection_events(start, end, fccx["sport"][rows], np.zeros(len(rows), np.int64), pair)
    found = beacons(connections.start, connections.host, int(pair.max()) + 1)
    known = ~np.isnan(found.value)
    assert known.sum() > 10
    assert np.median(found.value[known]) == pytest.approx(0.99, abs=0.01)
    assert np.median(found.period[known]) == pytest.approx(60_900, abs=500)


def test_idle_clients_overlap_little(fccx: Columns) -> None:
    rows = np.flatnonzero(clients(fccx))
    host = dense_codes(fccx["sip"][rows])
    end = (fccx["stime"] + fccx["duration"])[rows]
    dest = destination(fccx["dip"][rows], fccx["dport"][rows])
    connections = connection_events(fccx["stime"][rows], end, fccx["sport"][rows], dest, host)
    peak = peak_concurrency(connections, int(host.max()) + 1).peak
    assert peak.min() >= 1
    assert peak.max() <= 9


# ---- captures with sides told by the SYN: (capture, address, port) of servers and of clients


@pytest.mark.parametrize(
    ("initial", "both", "precision", "recall"),
    [(True, True, 1.0, 0.97), (False, True, 0.948, 0.961), (False, False, 0.917, 0.927)],
    ids=["initial flags", "no initial flags", "one direction"],
)
def test_answers_of_labelled_captures(initial: bool, both: bool, precision: float, recall: float) -> None:
    servers, client_ports = defaultdict(set), defaultdict(set)
    with shared("real", "ndpi", "flows.csv").open(newline="") as table:
        for row in csv.DictReader(table):
            if row["l4"] == "TCP" and row["direction_proof"] == "syn":
                servers[row["pcap"]].add((mapped(row["server"]), int(row["sport"])))
                client_ports[row["pcap"]].add((mapped(row["client"]), int(row["cport"])))
    right = wrong = missed = 0
    for capture, of_server in servers.items():
        path = shared("real", "ndpi", "silk") / f"{capture}.rw"
        if not path.exists():
            continue
        c = read(path)
        keys = (c["sip"], c["dip"], c["sport"], c["dport"], c["protocol"])
        pair = paired(*keys, c["stime"]) if both else None
        proof = proofs(
            c["protocol"], c["sport"], c["dport"], c["flags"], c["initial_flags"] if initial else None, pair
        )
        seen, claimed = set(), set()
        for row in np.flatnonzero(c["protocol"] == TCP):
            sip = c["sip"][row]
            end = int(sip["high"]) << 64 | int(sip["low"]), int(c["sport"][row])
            seen.add(end)
            if proof[row] < 3:
                claimed.add(end)
        of_client = client_ports[capture]
        right += len(claimed & (of_server - of_client))
        wrong += len(claimed & (of_client - of_server))
        missed += len((of_server - of_client) & (seen - claimed))
    assert right > 490
    assert right / (right + wrong) >= precision
    assert right / (right + missed) >= recall


def mapped(text: str) -> int:
    number = ip_address(text)
    return int(number) + (IPV4_MAPPED if number.version == 4 else 0)
