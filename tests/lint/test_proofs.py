"""Whatever is proved holds of every flow, and every witness passes in the real engine."""

from __future__ import annotations

import random

import pytest

from flowrules.check.check import check
from flowrules.lint.parameters import ParameterUses
from flowrules.lint.premises import Premises
from flowrules.lint.proofs import Prover
from flowrules.model.source_text import SourceText
from tests.lint.flows import chunk_of, passes, real_flows

ATOMS = (
    "tcp", "udp", "icmp", "icmp6", "gre", "sctp", "inbound", "outbound", "internal", "external", "blocked", "all",
    "protocol in (6, 17)", "protocol != 6", "protocol in (1-5, 58)", "protocol = udp",
    "dport = 80", "dport in (80, 443)", "dport in (79-81, 1024-65535)", "dport > 1024", "dport < 1000", "dport >= 1024",
    "dport <= 1023", "dport != 443", "sport = 0", "sport in (1024-65535)", "sport <= 1023", "aport = 53", "aport in (53, 80)",
    "packets >= 4", "packets < 4", "packets = 1", "packets > 10", "packets in (3-9)", "packets != 4", "packets < 1",
    "bytes >= 100", "bytes < 100", "bytes < 60", "bytes = 40", "bytes > 1kB", "bytes in (20-40B)",
    "bytes_per_packet < 20", "bytes_per_packet >= 400", "bytes_per_packet < 400", "bytes_per_packet = 40", "bytes_per_packet > 60",
    "duration = 0s", "duration > 1s", "duration <= 1s", "packets_per_second > 5", "bytes_per_second < 1kB",
    "stime >= 2026-01-05T12:00Z", "stime < 2026-01-05T12:00Z", "etime < 2026-01-05T12:00Z", "etime > 2026-01-05T12:00:30Z",
    "stime in (2026-01-05 .. 2026-01-05)",
    "flags has S", "flags lacks A", "flags has SA", "flags matches S/SA", "flags matches (S/SA, SA/SA)", "flags lacks SARF",
    "initial_flags has S", "initial_flags matches S/SAFR", "session_flags has A", "session_flags lacks SAFRPUEC", "attributes has T",
    "sip in 10.0.0.0/8", "sip in (10.0.0.0/16, 192.0.2.0/24)", "dip in 192.0.2.0/24", "sip = 10.0.0.1", "sip != 10.0.0.1",
    "aip in 10.0.0.0/8", "aip not in 10.0.0.0/8", "sip in 2001:db8::/32", "dip in x.x.x.1", "sip/24 in 10.0.0.0/8",
    "sip/16 = 10.0.0.0/16", "inside in 10.0.0.0/8", "outside in 10.0.0.0/8", "inside_port <= 1023", "outside_port in (80, 443)",
    "type in (in, inweb)", "type = outweb", "type in (innull, outnull)", "type != out", "sensor = S0", "sensor in (S0, S1)",
    "application = 80", "application in (80, 443)", "application > 0", "icmp_type = 8", "icmp_type in (0, 8)", "icmp_code in (4-255)",
    "icmp_code = 3", "ip_version = 6", "ip_version = 4", "input = 1", "output != 1", "hour(stime) in (8-17)", "hour(stime) > 23",
    "(dport, protocol) in ((53, udp), (53, tcp))", "sip = dip", "sport != dport", 'zone(sip) = "lab"', 'zone(dip) in ("lab", "dmz")',
    "known(zone(sip))", 'service(dport, protocol) = "dns"', "known(icmp_type)", "known(inside)", "stime in work", "web", "reply",
)  # fmt: skip

PRELUDE = """
map zone : address { "lab" = 10.0.0.0/16  "dmz" = 192.0.2.0/24, 2001:db8::/32 }
map service : port, protocol { "dns" = (53, udp), (53, tcp)  "web" = (80, tcp), (443, tcp) }
schedule work = mon-fri 08:00-18:00
filter web = outbound and tcp and dport in (80, 443)
filter reply = reverse of web
"""


def written(rng: random.Random, depth: int = 0) -> str:
    roll = rng.random()
    if depth >= 3 or roll < 0.35 + 0.1 * depth:
        atom = rng.choice(ATOMS)
        return f"not ({atom})" if rng.random() < 0.15 else atom
    word = " and " if roll < 0.8 else " or "
    return "(" + word.join(written(rng, depth + 1) for _ in range(rng.randint(2, 3))) + ")"


def prover_of(text: str) -> Prover:
    source = SourceText("t.frules", text)
    result = check([source])
    assert result.program is not None, [d.message for d in result.diagnostics]
    return Prover(Premises(result.program, ParameterUses(result.scopes, result.sources)))


def filters_of(count: int, seed: int) -> Prover:
    rng = random.Random(seed)
    lines = [f"filter f{n} = {written(rng)}" for n in range(count)]
    return prover_of(PRELUDE + "\n".join(lines))


@pytest.mark.parametrize("seed", range(12))
def test_what_is_called_impossible_or_certain_holds_of_every_flow(seed: int) -> None:
    prover = filters_of(30, seed)
    program, flows = prover.premises.program, real_flows(seed=seed % 3 + 1)
    for name, declared in program.filters.items():
        matching = passes(declared.predicate, program, flows)
        if prover.unsatisfiable(declared.predicate):
            assert not matching.any(), f"{name} is called impossible, and row {matching.argmax()} passes"
        if prover.always(declared.predicate):
            assert matching.all(), f"{name} is called certain, and row {matching.argmin()} does not pass"


@pytest.mark.parametrize("seed", range(100, 108))
def test_a_filter_called_inside_or_equal_has_no_flow_of_its_own(seed: int) -> None:
    prover = filters_of(24, seed)
    program, flows = prover.premises.program, real_flows(seed=seed % 3 + 1)
    declared = list(program.filters.values())
    masks = [passes(f.predicate, program, flows) for f in declared]
    proved = 0
    for one, a in zip(declared, masks, strict=True):
        for other, b in zip(declared, masks, strict=True):
            if one is not other and prover.implies(one.predicate, other.predicate):
                proved += 1
                assert not (a & ~b).any(), f"{one.short} is called inside {other.short}"
    assert proved


@pytest.mark.parametrize("seed", range(200, 208))
def test_every_witness_passes_in_the_engine(seed: int) -> None:
    prover = filters_of(30, seed)
    program = prover.premises.program
    found = 0
    for declared in program.filters.values():
        witness = prover.witness([declared.predicate])
        if witness is not None:
            found += 1
            assert passes(declared.predicate, program, chunk_of(dict(witness.values)))[0], witness
    assert found > 10


@pytest.mark.parametrize("seed", range(300, 304))
def test_a_filter_that_some_flow_passes_gets_a_witness_or_none_at_all(seed: int) -> None:
    """How often a witness is missed is a matter of quality, not of truth; it should be rare."""
    prover = filters_of(40, seed)
    program, flows = prover.premises.program, real_flows()
    missed = sum(
        bool(passes(f.predicate, program, flows).any()) and prover.witness([f.predicate]) is None
        for f in program.filters.values()
    )
    assert missed <= 6


def test_directions_follow_from_the_internal_networks_where_the_site_says_so() -> None:
    from flowrules.check.bindings import Bindings
    from flowrules.model.address_set import AddressSet

    ours = 0xFFFF << 32 | 0xCB007100
    text = "filter f = inbound and sip in 203.0.113.0/24\nfilter g = inbound and dip in 203.0.113.0/24\n"
    for direction, expected in (("nets", True), ("auto", False), ("types", False)):
        bindings = Bindings(internal=AddressSet.from_ranges([(ours, ours + 255)]), direction=direction)
        result = check([SourceText("t.frules", text)], bindings=bindings)
        assert result.program is not None
        prover = Prover(Premises(result.program))
        assert prover.unsatisfiable(result.program.filters["t:f"].predicate) is expected
        assert prover.unsatisfiable(result.program.filters["t:g"].predicate) is False


def test_a_parameter_may_be_anything_so_nothing_is_proved_of_its_default() -> None:
    prover = prover_of(
        "param least : count = 4\nparam web : ports = 80\nparam mine : set = {}\nparam zone : map(address) = {}\n"
        "param office : schedule\nports mail = 25, web\n"
        "filter a = packets >= least and packets < 3\nfilter b = tcp and dport in web and dport = 443\n"
        'filter c = sip in mine\nfilter d = zone(sip) = "lab"\nfilter e = known(zone(sip))\nfilter f = stime in office\n'
        "filter g = tcp and dport in mail and dport = 443\nfilter h = tcp and dport in (80, web) and dport = 443\n"
    )
    for name, declared in prover.premises.program.filters.items():
        assert prover.unsatisfiable(declared.predicate) is False, name
        assert prover.always(declared.predicate) is False, name


def test_a_predicate_with_too_many_cases_is_not_decided() -> None:
    from flowrules.lint.formulas import MOST_STEPS

    pairs = [
        f"(sip = 10.0.{n}.1 or dip = 10.0.{n}.2 or sport = {n + 1} or dport = {n + 1})" for n in range(40)
    ]
    prover = prover_of("filter f = " + " and ".join(pairs) + " and packets < 1\n")
    predicate = prover.premises.program.filters["t:f"].predicate
    assert MOST_STEPS < 4**10
    assert prover.unsatisfiable(predicate) in (None, True)
    assert prover.always(predicate) is not True
