"""Measures of connections in tables of every kind of key, held against the definitions row by row.

docs/features.md says whose rows they see, from which end, and what a connection is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import flowrules
from flowrules.engine import host_rows
from flowrules.syntax.diagnostics import RulesetErrors
from tests.engine.building import TYPES
from tests.engine.features import plain

FLOWS = 600
ALL = {
    "": lambda f: (),
    "sip": lambda f: (f.sip,),
    "dip": lambda f: (f.dip,),
    "inside": lambda f: (f.dip if f.inbound else f.sip,),
    "outside": lambda f: (f.sip if f.inbound else f.dip,),
    "sip, dip": lambda f: (f.sip, f.dip),
    "sip, dport": lambda f: (f.sip, f.dport),
    "sip/24": lambda f: (f.sip >> 8,),
    "sensor": lambda f: (f.inbound,),
    "dport": lambda f: (f.dport,),
    "bin(stime, 6h) as part": lambda f: (f.stime // 21_600_000,),
    "zone(sip)": lambda f: (f.sip if f.sip in (0x0A000000, 0x0A000081) else None,),
}


class Flow(NamedTuple):
    sip: int
    dip: int
    sport: int
    dport: int
    inbound: bool
    stime: int
    duration: int
    packets: int
    initial_flags: int


def some_flows(count: int) -> list[Flow]:
    """Requests of 7 hosts and the replies to them; ports are counted on, and shared by hosts."""
    random = np.random.default_rng(7)
    start = 1_767_571_200_000
    flows = []
    for number in range(count):
        start += int(random.integers(0, 90_000))
        inside = 0x0A000000 + int(random.integers(0, 7)) * 0x81
        outside = 0xC0000200 + int(random.integers(1, 5))
        port = 40_000 + number // 3 * 2
        lasts = int(random.integers(0, 400_000))
        packets = int(random.integers(3, 8))
        if random.random() < 0.6:
            flows.append(Flow(inside, outside, port, 443, False, start, lasts, packets, 2))
        if random.random() < 0.6:
            flows.append(Flow(outside, inside, 443, port, True, start + 5, lasts, packets, 18))
    return flows


def columns(flows: list[Flow]) -> Mapping[str, Any]:
    def of(name: str, dtype: Any) -> Any:
        return np.array([getattr(f, name) for f in flows], dtype)

    rows = len(flows)
    inbound = of("inbound", np.bool_)
    return {
        "sip": of("sip", np.uint32),
        "dip": of("dip", np.uint32),
        "sport": of("sport", np.uint16),
        "dport": of("dport", np.uint16),
        "protocol": np.full(rows, 6, np.uint8),
        "packets": of("packets", np.uint64),
        "bytes": of("packets", np.uint64) * np.uint64(40),
        "flags": np.full(rows, 27, np.uint8),
        "initial_flags": of("initial_flags", np.uint8),
        "stime": of("stime", np.int64),
        "duration": of("duration", np.int64),
        "type": np.where(inbound, 0, 1).astype(np.uint8),
        "sensor": inbound.astype(np.uint16),
    }


def rules(tmp_path: Path, columns: str, source: str, keys: str) -> flowrules.Rules:
    path = tmp_path / "rules.frules"
    path.write_text(
        f"""
schedule office = mon-fri 08:00-18:00
map zone : address {{ "even" = 10.0.0.0  "odd" = 10.0.0.129 }}
table t = {columns} of {source}{f" per {keys}" if keys else ""}
"""
    )
    return flowrules.load(path)


def measured(tmp_path: Path, measures: str, source: str, keys: str, flows: list[Flow]) -> list[Any]:
    found = rules(tmp_path, f"flows, {measures}", source, keys).run(columns(flows))
    width = len(keys.split(", ")) - keys.count("bin(") if keys else 0
    return [row[width:] for row in found.tables["t"].rows()]


def own(flow: Flow, end: str) -> tuple[int, int, int, int, bool]:
    """The host's address and port, the peer's, and whether the peer sent the row."""
    replied = {"source": False, "destination": True, "inside": flow.inbound, "outside": not flow.inbound}[end]
    if replied:
        return flow.dip, flow.dport, flow.sip, flow.sport, True
    return flow.sip, flow.sport, flow.dip, flow.dport, False


def merged(flows: list[Flow], end: str) -> list[tuple[int, int, int, int]]:
    """The connections of a group: those of each of its hosts."""
    rows = defaultdict(list)
    for flow in flows:
        host, port, peer, peer_port, _ = own(flow, end)
        rows[host].append((flow.stime, flow.stime + flow.duration, port, peer << 16 | peer_port))
    return [c for of_host in rows.values() for c in plain.connections(of_host)]


def opened(flows: list[Flow], end: str) -> list[Flow]:
    """The established connections that the hosts of an end opened."""
    return [f for f in flows if f.packets >= 4 and (f.initial_flags == 18) == own(f, end)[4]]


def concurrent(flows: list[Flow], end: str) -> int | None:
    found = merged(flows, end)
    return plain.peak([(c[0], c[1]) for c in found]) if len(found) >= 20 else None


def parity(flows: list[Flow], end: str) -> float | None:
    ports = {own(f, end)[1] for f in opened(flows, end)}
    return abs(2 * sum(p % 2 == 0 for p in ports) - len(ports)) / len(ports) if len(ports) >= 40 else None


def sequential(flows: list[Flow], end: str) -> float | None:
    events = [plain.Event(c[0], c[2], c[3]) for c in merged(opened(flows, end), end)]
    value = plain.port_sequence(events).value
    return None if value is None else min(max(value, 0.0), 1.0)


def answered(flows: list[Flow], end: str) -> int:
    services = defaultdict(set)
    for flow in flows:
        _, port, peer, peer_port, replied = own(flow, end)
        if not replied and flow.initial_flags == 18:
            services[port].add((peer, peer_port))
    return sum(len(peers) >= 3 for peers in services.values())


def by_group(flows: list[Flow], key: Callable[[Flow], Any]) -> dict[Any, list[Flow]]:
    groups: dict[Any, list[Flow]] = defaultdict(list)
    for flow in flows:
        groups[key(flow)].append(flow)
    return groups


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 9)


CASES = [
    ("concurrent", concurrent, ("source", "sip")),
    ("concurrent", concurrent, ("destination", "dip")),
    ("concurrent", concurrent, ("inside", "inside")),
    ("parity(sport)", parity, ("source", "")),
    ("parity(dport)", parity, ("destination", "")),
    ("parity(dport)", parity, ("destination", "sensor")),
    ("parity(inside_port)", parity, ("inside", "inside")),
    ("sequential(sport)", sequential, ("source", "sip")),
    ("sequential(dport)", sequential, ("destination", "dip")),
    ("sequential(sport)", sequential, ("source", "sip/24")),
    ("sequential(inside_port)", sequential, ("inside", "")),
    ("answered(sport)", answered, ("source", "sensor")),
    ("answered(outside_port)", answered, ("outside", "sensor")),
    ("answered(outside_port)", answered, ("outside", "outside")),
]


@pytest.mark.parametrize(
    ("measure", "by_hand", "case"),
    CASES,
    ids=lambda c: "-".join(c) if isinstance(c, tuple) else getattr(c, "__name__", c),
)
def test_each_end_measures_its_own_ports(
    tmp_path: Path, measure: str, by_hand: Callable[..., Any], case: tuple[str, str]
) -> None:
    end, keys = case
    flows = some_flows(FLOWS)
    wanted = [(len(group), _rounded(by_hand(group, end))) for group in by_group(flows, ALL[keys]).values()]
    found = [(row[0], _rounded(row[1])) for row in measured(tmp_path, f"{measure} as x", "all", keys, flows)]
    assert any(value for _, value in wanted)
    assert sorted(found, key=repr) == sorted(wanted, key=repr)


@pytest.mark.parametrize("keys", ALL, ids=lambda k: k or "nothing")
def test_connections_are_told_apart_by_their_hosts(tmp_path: Path, keys: str) -> None:
    flows = [f for f in some_flows(FLOWS) if not f.inbound]
    wanted = [concurrent(group, "source") for group in by_group(flows, ALL[keys]).values()]
    if keys in ("dip", "outside"):
        wanted = [concurrent(group, "destination") for group in by_group(flows, ALL[keys]).values()]
    found = [row[1] for row in measured(tmp_path, "concurrent", "outbound", keys, flows)]
    assert sorted(found, key=repr) == sorted(wanted, key=repr)


def test_two_ends_in_one_table(tmp_path: Path) -> None:
    flows = some_flows(FLOWS)
    together = "parity(sport) as of_source, parity(dport) as of_destination, concurrent as at_once"
    for keys in ("", "sip, dip", "sensor"):
        rows = measured(tmp_path, together, "all", keys, flows)
        apart = [
            measured(tmp_path, f"{m} as x", "all", keys, flows)
            for m in ("parity(sport)", "parity(dport)", "concurrent")
        ]
        assert [row[1:4] for row in rows] == [tuple(p[i][1] for p in apart) for i in range(len(rows))]


EVERY = """sum(bytes), distinct(dip), min(bytes), max(duration), first, last, mean(bytes), mean(gap), deviation(gap),
    quantile(bytes, 50%) as middle, quantile(gap, 50%) as pause, fraction(dport = 443), share(bytes), cumulative,
    entropy(dport), values(dport), span(sport), active(5min) as busy, concurrent, beacon,
    fit(stime, office) as kept, relative(bytes), relative(distinct(dip)) as reach"""
PORTS = {
    "sip",
    "sip, dip",
    "sip, dport",
    "sip/24",
    "zone(sip)",
    "",
    "sensor",
    "dport",
    "bin(stime, 6h) as part",
}
OF_PORTS = ", ".join(
    f"{m}(sport)"
    for m in ("sequential", "counters", "port_style", "port_range", "parity", "answered", "peers")
)


@pytest.mark.parametrize("count", [0, 1, 200])
@pytest.mark.parametrize("keys", ALL, ids=lambda k: k or "nothing")
def test_every_measure_with_every_kind_of_key(tmp_path: Path, keys: str, count: int) -> None:
    flows = some_flows(max(count, 8))[:count]
    measures = f"{EVERY}, {OF_PORTS}" if keys in PORTS else EVERY
    table = rules(tmp_path, f"flows, {measures}", "all", keys).run(columns(flows)).tables["t"]
    rows = [dict(zip(table.to_numpy(), row, strict=True)) for row in table.rows()]
    groups = by_group(flows, ALL[keys])
    assert len(rows) == (len(groups) if keys else 1)
    assert sum(row["flows"] for row in rows) == len(flows)
    for known in rows:
        few = known["flows"] < 20
        assert known["concurrent"] is None or not few
        assert known["beacon"] is None or not few
        assert known["distinct_dip"] == 0 or known["flows"]
        if keys in PORTS and few:
            assert known["sequential_sport"] is None and known["port_range_sport"] is None
        if keys in PORTS and not known["flows"]:
            assert known["answered_sport"] == known["peers_sport"] == 0


@pytest.mark.parametrize("flags", ["told", "half told", "missing"])
@pytest.mark.parametrize("keys", ["sip", "inside", ""])
def test_who_opened_is_told_alike_whatever_is_asked_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: str, flags: str
) -> None:
    flows = columns(some_flows(FLOWS))
    if flags == "half told":
        flows = {**flows, "initial_flags": flows["initial_flags"] * (flows["stime"] % 2).astype(np.uint8)}
    elif flags == "missing":
        flows = {n: c for n, c in flows.items() if n != "initial_flags"}
    port = "inside_port" if keys == "inside" else "sport"
    made = rules(tmp_path, f"flows, port_style({port}), answered({port}), parity({port})", "all", keys)
    whole = made.run(flows).tables["t"].rows()
    for at_once in (1, 7, 100):
        monkeypatch.setattr(host_rows, "AT_ONCE", at_once)
        assert made.run(flows).tables["t"].rows() == whole
    assert any(row[-1] is not None for row in whole)


@pytest.mark.parametrize("most", [250, 1 << 40])
def test_rows_are_kept_in_few_bytes_without_harm(tmp_path: Path, most: int) -> None:
    flows = columns(some_flows(FLOWS))
    long = {**flows, "duration": np.where(flows["stime"] % 3 == 0, most, flows["duration"]).astype(np.int64)}
    long["packets"] = flows["packets"] + np.uint64(most)
    made = rules(tmp_path, "flows, concurrent, parity(sport)", "outbound", "sip")
    whole = made.run(long).tables["t"].rows()
    pieces = [
        dict(zip(long, cut, strict=True))
        for cut in zip(*(np.array_split(c, 9) for c in long.values()), strict=True)
    ]
    parts = made.run([flowrules.arrays(c) for c in pieces]).tables["t"].rows()
    assert whole == parts
    spans = by_group(
        [
            f._replace(duration=most if f.stime % 3 == 0 else f.duration)
            for f in some_flows(FLOWS)
            if not f.inbound
        ],
        ALL["sip"],
    )
    assert sorted(row[1:3] for row in whole) == sorted(
        (len(g), concurrent(g, "source")) for g in spans.values()
    )


def test_without_flows_of_a_direction_nothing_is_known(tmp_path: Path) -> None:
    flows = [f for f in some_flows(FLOWS) if not f.inbound]
    assert measured(tmp_path, "concurrent, answered(sport)", "inbound", "", flows)[0][1:3] == (None, None)


@pytest.mark.parametrize(
    "keys", ["inside", "outside", "inside, outside", "inside/24", "icmp_type", "zone(inside)"]
)
def test_unknown_keys_are_a_group_of_their_own(tmp_path: Path, keys: str) -> None:
    flows = [f for f in some_flows(FLOWS) if not f.inbound]
    internal = dict(columns(flows)) | {"type": np.full(len(flows), TYPES["int2int"], np.uint8)}
    found = rules(
        tmp_path,
        "flows, concurrent, answered(sport)" if keys == "icmp_type" else "flows, concurrent",
        "all",
        keys,
    )
    row = found.run(internal).tables["t"].rows()[0]
    assert row[keys.count(",") + 1] == len(flows)
    assert row[keys.count(",") + 2] == concurrent(flows, "source")


def test_a_table_of_spread_flows_has_no_connections(tmp_path: Path) -> None:
    with pytest.raises(RulesetErrors, match="spread parts them"):
        rules(tmp_path, "flows, concurrent", "all", "spread(1h, time)")
