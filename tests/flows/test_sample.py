"""The sample network gives the report's figures: counted here with plain NumPy on its columns."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.features.connections import destination
from flowrules.engine.features.ports import port_features
from flowrules.flows.errors import FlowFileError
from flowrules.flows.sample import SAMPLE_NETWORK, hosts, sample_chunks, sample_source, write_sample
from flowrules.flows.sample.assemble import FIELDS, Records
from flowrules.flows.sample.figures import REPORT, Scale
from flowrules.flows.sample.mail import RECEIVED
from flowrules.flows.silk_conf import read_silk_conf
from flowrules.flows.silk_records import open_silk
from flowrules.model.fields import ADDRESS, EXPANDED, STORED
from flowrules.share.site import load_site

pytestmark = pytest.mark.xdist_group("sample network")  # so that one worker makes it, once

TYPES = {"in": 0, "out": 1, "inweb": 2, "outweb": 3, "innull": 4}
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
WEB_PORTS = (80, 8000, 8080, 443, 1935, 1755, 554)
FIRST = 1_328_054_400_000
DAY = 86_400_000


def octets(addresses: NDArray[np.uint32]) -> set[int]:
    """Last octets of addresses that must all be of 203.0.113.0/24."""
    assert (addresses >> 8 == int(IPv4Address("203.0.113.0")) >> 8).all()
    return set((addresses & 255).tolist())


def address(octet: int) -> int:
    return int(IPv4Address("203.0.113.0")) + octet


@frozen(eq=False)
class Table:
    """All records, and the questions that the tests ask of them."""

    columns: dict[str, NDArray[np.generic]]

    def __getitem__(self, name: str) -> NDArray[np.generic]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["sip"])

    def type(self, *names: str) -> NDArray[np.bool_]:
        found = np.zeros(256, np.bool_)
        found[[TYPES[name] for name in names]] = True
        return found[self["type"]]

    def port(self, name: str, *ports: int) -> NDArray[np.bool_]:
        found = np.zeros(1 << 16, np.bool_)
        found[list(ports)] = True
        return found[self[name]]

    def host(self, name: str, who: set[int]) -> NDArray[np.bool_]:
        """Whether the address is one of those hosts of 203.0.113.0/24."""
        found = np.zeros(256, np.bool_)
        found[list(who)] = True
        return (self[name] >> 8 == address(0) >> 8) & found[self[name] & 255]

    @property
    def talked(self) -> NDArray[np.bool_]:
        return (self["protocol"] == 6) & (self["flags"] & ACK > 0) & (self["packets"] >= 4)

    def rows(self, mask: NDArray[np.bool_]) -> Table:
        index = np.flatnonzero(mask)
        return Table({name: column[index] for name, column in self.columns.items()})

    def flows_per(self, *names: str) -> dict[tuple[int, ...], int]:
        packed = np.zeros(len(self), np.int64)
        for name in names:
            packed = packed << 16 | self[name]
        keys, counts = np.unique(packed, return_counts=True)
        shifts = [16 * k for k in reversed(range(len(names)))]
        masks = [0xFFFFFFFF, *[0xFFFF] * (len(names) - 1)]
        return {
            tuple(key >> shift & mask for shift, mask in zip(shifts, masks, strict=True)): n
            for key, n in zip(keys.tolist(), counts.tolist(), strict=True)
        }

    def bytes_per(self, name: str) -> dict[int, int]:
        keys, place = np.unique(self[name], return_inverse=True)
        sums = np.zeros(len(keys), np.int64)
        np.add.at(sums, place, self["bytes"].astype(np.int64))
        return dict(zip(keys.tolist(), sums.tolist(), strict=True))


def read(scale: float, seed: int | None = None) -> Table:
    chunks = list(sample_chunks(scale) if seed is None else sample_chunks(scale, seed))
    return Table({name: np.concatenate([c[name] for c in chunks]) for name in chunks[0].columns})


@pytest.fixture(scope="module")
def whole() -> Table:
    """The whole network without the columns that are the same throughout."""
    constant = {"sensor", "input", "output", "nhip", "ip_version", "record_number"}
    chunks = list(sample_source().chunks(frozenset(STORED) - constant))
    return Table({name: np.concatenate([c[name] for c in chunks]) for name in chunks[0].columns})


@pytest.fixture(scope="module")
def small() -> Table:
    return read(0.01)


@pytest.fixture(scope="module", params=["whole", "small"])
def either(request: pytest.FixtureRequest) -> tuple[Table, Scale]:
    scale = Scale.of(1.0 if request.param == "whole" else 0.01)
    return request.getfixturevalue(request.param), scale


def web_clients(t: Table) -> tuple[set[int], set[int]]:
    out = t.type("out", "outweb")
    tcp = t.rows(out & t.talked & t.port("dport", *WEB_PORTS))
    udp = t.rows(out & (t["protocol"] == 17) & t.port("dport", 1755, 554))
    return octets(tcp["sip"]), octets(udp["sip"])


# ---------------------------------------------------------------- 5.2, web clients


def test_there_are_31_web_clients_some_of_which_only_hear_streams(either: tuple[Table, Scale]) -> None:
    tcp, udp = web_clients(either[0])
    assert len(tcp | udp) == 31
    assert {33, 220} <= tcp
    assert udp - tcp == {71, 74, 78}
    assert tcp & udp


def test_bytes_received_from_web_servers(whole: Table) -> None:
    clients = set.union(*web_clients(whole))
    t = whole.rows(whole.type("in", "inweb") & whole.host("dip", clients) & whole.port("sport", *WEB_PORTS))
    assert len(t) == 2_973_484
    per_host = t.bytes_per("dip")
    assert len(per_host) == 31
    assert sum(per_host.values()) == 168_273_056_846
    assert per_host.pop(address(33)) == 154_723_380_928
    assert per_host.pop(address(220)) == 12_334_655_077
    assert max(per_host.values()) < 1_682_730_568


def test_requests_sent_to_web_servers(whole: Table) -> None:
    clients = set.union(*web_clients(whole))
    t = whole.rows(whole.type("out", "outweb") & whole.host("sip", clients) & whole.port("dport", *WEB_PORTS))
    assert len(t) == 2_921_867
    per_host = t.flows_per("sip")
    assert len(per_host) == 31
    assert per_host.pop((address(33),)) == 2_625_228
    assert per_host.pop((address(220),)) == 274_448
    assert max(per_host.values()) < 29_218


def test_requests_of_the_two_busy_hosts_by_port(whole: Table) -> None:
    t = whole.rows(
        whole.type("out", "outweb") & whole.host("sip", {33, 220}) & whole.port("dport", *WEB_PORTS)
    )
    assert t.flows_per("sip", "dport", "protocol") == {
        (address(220), 80, 6): 235_334,
        (address(220), 443, 6): 38_733,
        (address(220), 554, 6): 5,
        (address(220), 8080, 6): 95,
        (address(220), 1935, 6): 281,
        (address(33), 1935, 6): 128,
        (address(33), 443, 6): 251_473,
        (address(33), 8000, 6): 1,
        (address(33), 8080, 6): 895,
        (address(33), 80, 6): 2_372_731,
    }


def test_web_traffic_to_anyone(whole: Table) -> None:
    t = whole.rows(whole.type("in", "inweb") & whole.port("sport", *WEB_PORTS))
    assert len(t) == 3_029_615
    per_host = t.bytes_per("dip")
    assert len(per_host) == 15_228
    assert sum(per_host.values()) == 168_278_493_869
    assert per_host[address(33)] == 154_723_380_928
    assert per_host[address(220)] == 12_334_655_077


def test_services_that_web_clients_answer(either: tuple[Table, Scale]) -> None:
    whole, scale = either
    clients = set.union(*web_clients(whole))
    t = whole.rows(
        whole.type("out", "outweb")
        & whole.host("sip", clients)
        & whole.port("sport", 20, 21, 22, 25, 53, 80, 8000, 8080, 443)
    )
    assert t.flows_per("sip", "sport") == {
        (address(220), 25): scale(RECEIVED[220]),
        (address(220), 8000): 7,
        (address(220), 8080): 7,
        (address(33), 20): 1,
        (address(33), 21): 27,
        (address(33), 22): 7,
        (address(33), 80): 42,
        (address(33), 443): 492,
        (address(33), 8000): 44,
        (address(33), 8080): 58,
    }


def test_services_of_the_gateway_are_answered_with_a_handshake_to_several_peers(whole: Table) -> None:
    t = whole.rows(whole.host("sip", {33}) & whole.port("sport", 21, 22, 80, 443, 8000, 8080))
    assert (t["initial_flags"] == SYN | ACK).all()
    for port in (21, 22, 80, 443, 8000, 8080):
        assert len(np.unique(t["dip"][t["sport"] == port])) >= 3


def test_backscatter_makes_no_one_a_web_client(whole: Table) -> None:
    clients = set.union(*web_clients(whole))
    to_web = whole.type("out", "outweb") & whole.port("dport", *WEB_PORTS)
    others = whole.rows(to_web & ~whole.host("sip", clients))
    assert len(others) > 10
    assert (others["flags"] == RST).all()


# ---------------------------------------------------------------- 5.3, email


def test_five_hosts_answer_mail_all_on_port_25(either: tuple[Table, Scale]) -> None:
    t = either[0]
    answers = t.rows(t.type("out") & t.talked & t.port("sport", 25, 465, 110, 995, 143, 993))
    assert set(answers.flows_per("sip", "sport")) == {(address(o), 25) for o in (195, 220, 221, 222, 231)}


def test_the_proxy_has_a_small_part_of_the_mail(either: tuple[Table, Scale]) -> None:
    t = either[0]
    answers = t.rows(t.type("out") & t.talked & t.port("sport", 25)).flows_per("sip")
    assert 0 < answers[(address(220),)] < 0.05 * sum(answers.values())


def test_there_are_no_mail_clients(either: tuple[Table, Scale]) -> None:
    t = either[0]
    assert not (t.type("out") & t.talked & t.port("dport", 110, 143, 587, 995, 993)).any()


def test_two_hosts_send_mail(either: tuple[Table, Scale]) -> None:
    t, scale = either
    sent = t.rows(t.type("out") & t.talked & t.port("dport", 25, 465)).flows_per("sip")
    assert sent == {(address(222),): scale(10_479), (address(231),): scale(74_852)}


# ---------------------------------------------------------------- what a small one keeps


def test_a_small_network_has_the_shares_of_the_whole(small: Table) -> None:
    scale = Scale.of(0.01)
    clients = set.union(*web_clients(small))
    t = small.rows(small.type("in", "inweb") & small.host("dip", clients) & small.port("sport", *WEB_PORTS))
    per_host = t.bytes_per("dip")
    assert len(per_host) == 31
    assert per_host.pop(address(33)) == scale(154_723_380_928)
    assert per_host.pop(address(220)) == scale(12_334_655_077)
    assert sum(per_host.values()) < 0.01 * 1_682_730_568
    requests = small.rows(
        small.type("out", "outweb") & small.host("sip", clients) & small.port("dport", *WEB_PORTS)
    ).flows_per("sip")
    assert len(requests) == 31
    assert requests.pop((address(33),)) == sum(scale.each(REPORT.gateway_requests).values())
    assert requests.pop((address(220),)) == sum(scale.each(REPORT.proxy_requests).values())
    assert max(requests.values()) < 0.01 * 29_218


def test_a_small_network_scales_the_traffic_that_no_one_asked_for(small: Table) -> None:
    t = small.rows(small.type("in", "inweb") & small.port("sport", *WEB_PORTS))
    per_host = t.bytes_per("dip")
    assert len(per_host) == 31 + Scale.of(0.01)(15_197)


@pytest.mark.parametrize("scale", [1e-6, 0.0001, 0.001, 0.037])
def test_the_smallest_networks_have_every_part(scale: float) -> None:
    t = read(scale)
    assert len(set.union(*web_clients(t))) == 31
    answers = t.rows(t.type("out") & t.talked & t.port("sport", 25))
    assert octets(answers["sip"]) <= {195, 220, 221, 222, 231}
    plausible(t)


@pytest.mark.parametrize("scale", [0, -0.5, 1.5, float("nan"), float("inf")])
def test_a_scale_outside_of_0_to_1_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="not above 0 and up to 1"):
        sample_source(scale)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        sample_source(0.01, -1)


# ---------------------------------------------------------------- records that could have been


def plausible(t: Table) -> None:
    """What holds of every record."""
    packets, size = t["packets"].astype(np.int64), t["bytes"].astype(np.int64)
    assert packets.min() >= 1
    assert packets.max() < 1 << 32
    assert size.max() < 1 << 32
    tcp = t["protocol"] == 6
    assert (size[tcp] >= 40 * packets[tcp]).all()
    assert (size >= 20 * packets).all()
    assert (size <= 1_500 * packets).all()
    assert (t["duration"] >= 0).all()
    assert t["duration"].max() <= 30 * 60_000
    assert (t["duration"][packets == 1] <= 20_000).all()
    assert ((t["flags"] > 0) == tcp).all()
    assert (t["flags"] == t["initial_flags"] | t["session_flags"]).all()
    assert (t["session_flags"][packets == 1] == 0).all()
    assert ((t["attributes"] & EXPANDED > 0) == tcp).all()
    assert (np.diff(t["stime"]) >= 0).all()
    assert t["stime"][0] >= FIRST


def test_records_are_plausible(either: tuple[Table, Scale]) -> None:
    plausible(either[0])


def test_the_week_goes_from_wednesday_to_tuesday(whole: Table) -> None:
    assert whole["stime"][0] < FIRST + 60_000
    assert FIRST + 7 * DAY - 60_000 < whole["stime"][-1] < FIRST + 7 * DAY + 60_000
    assert datetime.fromtimestamp(FIRST / 1000, UTC).strftime("%a %F") == "Wed 2012-02-01"
    per_hour = np.bincount((whole["stime"] - FIRST) // 3_600_000)
    assert per_hour[:168].min() > 5_000


def test_its_size_is_what_the_documentation_says(whole: Table) -> None:
    assert 6_000_000 < len(whole) < 6_500_000


def test_types_are_those_that_the_packer_gives(whole: Table) -> None:
    nets = [ip_network(text) for text in hosts.INTERNAL]

    def inside(name: str) -> NDArray[np.bool_]:
        found = np.zeros(len(whole), np.bool_)
        for net in nets:
            first = int(net.network_address)
            found |= (whole[name] >= first) & (whole[name] < first + net.num_addresses)
        return found

    sent, received = inside("sip"), inside("dip")
    assert (sent ^ received).all()
    web = (whole["protocol"] == 6) & (whole.port("sport", 80, 443, 8080) | whole.port("dport", 80, 443, 8080))
    expected = sent + 2 * web
    dropped = whole["type"] == TYPES["innull"]
    assert (whole["type"][~dropped] == expected[~dropped]).all()
    assert received[dropped].all()
    assert not whole.rows(dropped).port("dport", *WEB_PORTS).any()


def test_addresses_outside_are_of_blocks_that_no_one_has(whole: Table) -> None:
    outside = np.where(np.isin(whole["type"], (1, 3)), whole["dip"], whole["sip"])
    free = np.zeros(len(whole), np.bool_)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "198.19.0.0/16", "100.64.0.0/10"):
        net = ip_network(text)
        first = int(net.network_address)
        free |= (outside >= first) & (outside < first + net.num_addresses)
    assert free.all()


def test_replies_come_within_a_second_of_their_requests(whole: Table) -> None:
    request = whole.rows(
        whole.type("out", "outweb")
        & whole.host("sip", {220})
        & whole.port("dport", *WEB_PORTS)
        & whole.talked
    )
    reply = whole.rows(
        whole.type("in", "inweb") & whole.host("dip", {220}) & (whole["initial_flags"] == SYN | ACK)
    )
    key_out = np.stack([request["dip"], request["dport"], request["sport"], request["stime"]])
    key_in = np.stack([reply["sip"], reply["sport"], reply["dport"], reply["stime"]])
    key_out = key_out[:, request["initial_flags"] == SYN]
    assert key_out.shape == key_in.shape
    key_out, key_in = key_out[:, np.lexsort(key_out[::-1])], key_in[:, np.lexsort(key_in[::-1])]
    assert (key_out[:3] == key_in[:3]).all()
    delay = key_in[3] - key_out[3]
    assert delay.min() > 0
    assert delay.max() < 1_000


def test_few_records_are_the_same_as_another(whole: Table) -> None:
    names = ("stime", "sip", "dip", "sport", "dport", "protocol")
    order = np.lexsort([whole[name] for name in names])
    same = np.ones(len(whole) - 1, np.bool_)
    for name in names:
        same &= np.diff(whole[name][order].astype(np.int64)) == 0
    assert same.sum() < 100


def test_some_flows_on_web_ports_are_of_other_applications(either: tuple[Table, Scale]) -> None:
    def share(t: Table, octet: int) -> float:
        requests = t.rows(t.host("sip", {octet}) & t.port("dport", *WEB_PORTS) & (t["application"] > 0))
        return 1 - float(requests.port("application", 80, 443).mean())

    assert share(either[0], 33) > 0.05
    assert share(either[0], 220) < 0.03


# ---------------------------------------------------------------- ports


def sequence(t: Table, octet: int) -> tuple[float, int]:
    """How sequential the ports of a host's established web connections are, and from how many looks.

    For each connection: the last group of equal start time 30 s ago, or the group of the connection 64
    before if that is later, at most 1 h back; of its connections to other destinations, the share with a
    port up to 1024 below, less that with one up to 1024 above.
    """
    rows = t.rows(
        t.type("out", "outweb") & t.host("sip", {octet}) & t.port("dport", *WEB_PORTS) & t.talked
        & (t["initial_flags"] == SYN)
    )  # fmt: skip
    time, port = rows["stime"], rows["sport"].astype(np.int64)
    dest = np.unique(rows["dip"].astype(np.int64) << 16 | rows["dport"], return_inverse=True)[1]
    new = np.r_[True, time[1:] != time[:-1]]
    group, starts = np.cumsum(new) - 1, time[new]
    by_time = np.searchsorted(starts, time - 30_000, "right") - 1
    at = np.arange(len(time))
    by_count = np.where(at >= 64, group[np.maximum(at - 64, 0)], -1)
    reference = np.minimum(np.maximum(by_time, by_count), group - 1)
    reference[(reference >= 0) & (time - starts[reference] > 3_600_000)] = -1
    used = np.flatnonzero(reference >= 0)
    reference = reference[used]

    def counter(of: NDArray[np.int64]) -> Callable[[NDArray[np.int64], int, int], NDArray[np.int64]]:
        keys = np.sort(of << 17 | port)

        def count(base: NDArray[np.int64], low: int, high: int) -> NDArray[np.int64]:
            key = (base << 17) + port[used]
            return np.searchsorted(keys, key + high, "right") - np.searchsorted(keys, key + low, "left")

        return count

    everything, same_dest = counter(group), counter(group << 24 | dest)
    bases = reference, reference << 24 | dest[used]
    below, above, all_ = (
        everything(bases[0], *between) - same_dest(bases[1], *between)
        for between in ((-1024, -1), (1, 1024), (-65535, 65535))
    )
    other = all_ > 0
    score = (below[other] - above[other]) / all_[other]
    return float(score.mean()), len(np.unique(reference[other]))


def test_the_proxy_has_one_counter(either: tuple[Table, Scale]) -> None:
    score, looks = sequence(either[0], 220)
    assert score >= 0.9
    assert looks >= 20


def test_the_gateway_has_several_counters(either: tuple[Table, Scale]) -> None:
    score, looks = sequence(either[0], 33)
    assert 0.1 <= score <= 0.5
    assert looks >= 20


def test_the_ports_of_the_proxy_go_around_many_times(whole: Table) -> None:
    t = whole.rows(
        whole.host("sip", {220}) & whole.port("dport", *WEB_PORTS) & (whole["initial_flags"] == SYN)
    )
    steps = np.diff(t["sport"].astype(np.int64))
    wraps = steps < -10_000
    assert wraps.sum() >= 15
    assert t["sport"].min() == 49_152
    assert t["sport"].max() == 65_535
    assert np.median(steps) == 1


@pytest.mark.parametrize(
    ("octet", "style"),
    [
        (33, "several counters"),
        (220, "one counter"),
        (41, "one counter"),
        (47, "one counter"),
        (49, "per destination"),
        (53, "spread"),
    ],
)
def test_the_port_features_read_each_stack(whole: Table, octet: int, style: str) -> None:
    rows = whole.rows(
        whole.type("out", "outweb")
        & whole.host("sip", {octet})
        & whole.port("dport", *WEB_PORTS)
        & whole.talked
    )
    dest = destination(rows["dip"], rows["dport"])
    features = port_features(rows["stime"], rows["stime"] + rows["duration"], rows["sport"], dest)
    assert features.styles().tolist() == [style]


@pytest.mark.parametrize(("octet", "style"), [(33, "several counters"), (220, "one counter")])
def test_a_small_network_keeps_the_ports_of_the_busy_hosts(small: Table, octet: int, style: str) -> None:
    rows = small.rows(small.host("sip", {octet}) & small.port("dport", *WEB_PORTS) & small.talked)
    dest = destination(rows["dip"], rows["dport"])
    features = port_features(rows["stime"], rows["stime"] + rows["duration"], rows["sport"], dest)
    assert features.styles().tolist() == [style]


WINDOWS = [c.octet for c in hosts.CLIENTS if c.ports.kind == "counter" and sum(c.tcp.values()) >= 250]


@pytest.mark.parametrize("octet", WINDOWS)
def test_workstations_have_one_counter_each(whole: Table, octet: int) -> None:
    score, looks = sequence(whole, octet)
    assert looks >= 10
    assert score >= 0.75


@pytest.mark.parametrize("octet", [49, 53])
def test_workstations_of_other_makes_have_no_counter_to_see(whole: Table, octet: int) -> None:
    score, looks = sequence(whole, octet)
    assert looks >= 20
    assert abs(score) < 0.1


# ---------------------------------------------------------------- hours


def schedule_fit(t: Table, octet: int) -> tuple[float, float]:
    """(share of requests in office hours, fit to them); counts in 5-minute bins capped at the third quartile."""
    rows = t.rows(t.type("out", "outweb") & t.host("sip", {octet}) & t.port("dport", *WEB_PORTS))
    zone = ZoneInfo("America/New_York")
    office = np.asarray(
        [
            local.weekday() < 5 and 8 <= local.hour < 18
            for local in (datetime.fromtimestamp(FIRST // 1000 + 300 * i, zone) for i in range(2016))
        ]
    )
    bins = np.minimum((rows["stime"] - FIRST) // 300_000, 2015)
    count = np.bincount(bins, minlength=2016)
    capped = np.minimum(count, np.percentile(count[count > 0], 75))
    f, w = capped[office].sum() / capped.sum(), office.mean()
    return float(count[office].sum() / count.sum()), float((f - w) / (1 - w))


BY_DAY = [41, 47, 52, 44, 49, 53, 57, 46, 50, 55, 58]


@pytest.mark.parametrize("octet", BY_DAY)
def test_workstations_keep_office_hours(whole: Table, octet: int) -> None:
    share, fit = schedule_fit(whole, octet)
    assert share >= 0.8
    assert fit >= 0.4


def test_the_gateway_never_sleeps(either: tuple[Table, Scale]) -> None:
    share, fit = schedule_fit(either[0], 33)
    assert share < 0.6
    assert fit < 0.3


def test_the_proxy_is_used_in_office_hours(either: tuple[Table, Scale]) -> None:
    assert schedule_fit(either[0], 220)[1] >= 0.4


# ---------------------------------------------------------------- the source


def digest(t: Table) -> str:
    total = hashlib.sha256()
    for name in sorted(t.columns):
        total.update(name.encode())
        total.update(np.ascontiguousarray(t[name]).astype(t[name].dtype.newbyteorder("<")).tobytes())
    return total.hexdigest()


def test_the_same_seed_gives_the_same_records(small: Table) -> None:
    assert digest(small) == digest(read(0.01))


def test_every_platform_and_numpy_gives_these_records(small: Table) -> None:
    """Changes with the generator: then docs/sample-network.md may have to change as well."""
    assert len(small) == 65_702
    assert digest(small) == "e6bfbe1c41b241e89858e90015e0513ac1033e094e1cbf8083f9d10a4a5047b9"


def test_another_seed_gives_other_records_with_the_same_figures(small: Table) -> None:
    other = read(0.01, 7)
    assert digest(other) != digest(small)
    for t in (small, other):
        clients = set.union(*web_clients(t))
        assert len(clients) == 31
    inbound = [t.rows(t.type("in", "inweb") & t.port("sport", *WEB_PORTS)) for t in (small, other)]
    assert len({(len(t), int(t["bytes"].sum())) for t in inbound}) == 1


@pytest.mark.parametrize("rows", [1, 1_000, 1 << 20])
def test_chunks_of_any_size_hold_the_same_records(rows: int) -> None:
    source = sample_source(0.0002)
    chunks = list(source.chunks(None, rows))
    assert all(c.rows == rows for c in chunks[:-1])
    assert [c.first for c in chunks] == list(range(0, sum(c.rows for c in chunks), rows))
    expected = read(0.0002)
    for name in FIELDS:
        assert (np.concatenate([c[name] for c in chunks]) == expected[name]).all()


def test_a_source_gives_the_columns_asked_for_again_and_again() -> None:
    source = sample_source(0.0002)
    assert source.fields == frozenset(STORED)
    assert not source.once
    for _ in range(2):
        (chunk,) = source.chunks(frozenset({"sip", "bytes"}))
        assert set(chunk.columns) == {"sip", "bytes"}
        assert chunk.columns["bytes"].dtype == np.uint64


def test_what_was_let_go_of_is_made_again() -> None:
    source = sample_source(0.0002)
    (before,) = source.chunks()
    source.let_go()
    (after,) = source.chunks()
    assert all((before[name] == after[name]).all() for name in STORED)
    assert not np.shares_memory(before["sip"], after["sip"])


def test_columns_have_the_dtypes_of_the_catalogue() -> None:
    (chunk,) = sample_chunks(0.0002)
    for name, field in STORED.items():
        dtype = chunk[name].dtype
        assert dtype == (np.dtype(np.uint32) if field.dtype is None else field.dtype), name
        assert dtype != ADDRESS
        assert len(chunk[name]) == chunk.rows


def test_the_scale_is_taken_as_it_is_written() -> None:
    assert Scale.of(0.1).fraction == Fraction(1, 10)
    assert len(Records(0.1)) == len(Records(float("0.10")))


# ---------------------------------------------------------------- the files


def test_the_files_hold_the_records_and_the_site(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    flows = write_sample(tmp_path / "demo", 0.0005, progress=lambda done, all_: seen.append((done, all_)))
    assert flows == tmp_path / "demo" / "sample.rw"
    expected = read(0.0005)
    assert seen == [(0, len(expected)), (len(expected), len(expected))]

    silk = open_silk(flows)
    assert "synthetic" in silk.header.annotations[0]
    for chunk in silk.chunks():
        for name, column in chunk.columns.items():
            rows = slice(chunk.first, chunk.first + chunk.rows)
            assert (column == expected[name][rows]).all(), name

    site = load_site(tmp_path / "demo" / "site.yaml")
    assert site.internal is not None
    assert site.internal.count == 256 + 16_384
    assert site.schedules["office"].text == "mon-fri 08:00-18:00 America/New_York"
    assert set(site.sets) == {"mx", "servers"}
    assert set(site.maps) == {"banner", "webmail"}
    conf = read_silk_conf(tmp_path / "demo" / "silk.conf")
    assert {flowtype.type_name for flowtype in conf.flowtypes.values()} >= set(TYPES)


def test_the_site_knows_of_the_four_verified_mail_servers(tmp_path: Path) -> None:
    write_sample(tmp_path, 0.0001)
    site = load_site(tmp_path / "site.yaml")
    verified = [f"203.0.113.{octet}" for octet in (195, 221, 222, 231)]
    assert site.sets["mx"].path.read_text().split() == verified
    with site.maps["banner"].path.open(newline="") as file:
        banners = {row["address"]: row["label"] for row in csv.DictReader(file)}
    assert list(banners) == verified
    assert all(text.startswith("220 ") for text in banners.values())
    with site.maps["webmail"].path.open(newline="") as file:
        assert [row["address"] for row in csv.DictReader(file)] == ["203.0.113.221"]


def test_the_description_is_what_the_site_file_says() -> None:
    site = SAMPLE_NETWORK.site()
    text = SAMPLE_NETWORK.files()["site.yaml"]
    assert site["internal"] == ["203.0.113.0/24", "198.18.0.0/18"]
    for key in site:
        assert f"\n{key}:" in text


def test_a_folder_that_is_a_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("in the way")
    with pytest.raises(FlowFileError, match=r"demo: cannot be made"):
        write_sample(tmp_path / "demo", 0.0001)


def test_written_again_the_files_are_the_same(tmp_path: Path) -> None:
    first = write_sample(tmp_path, 0.0001).read_bytes()
    assert write_sample(tmp_path, 0.0001).read_bytes() == first
