"""Real captures: both rulesets find the clients and servers that others' labels name, by reasons one can check."""

from __future__ import annotations

from flowrules.model.address_text import format_address
from flowrules.profile.findings import Evidence, HostFinding, NetworkProfile
from tests.profile.real import profile
from tests.reference import shared


def members(found: NetworkProfile, name: str) -> set[str]:
    addresses = found.results.sets[name].addresses
    assert addresses is not None
    return {format_address(a) for a in addresses.addresses()}


def host(found: NetworkProfile, profile_name: str, address: str) -> HostFinding:
    hosts = found.profiles[profile_name].hosts
    return next(h for h in hosts if format_address(int(str(h.key[0].value))) == address)


def holding(finding: HostFinding, verdict: str) -> list[Evidence]:
    """The conditions of a verdict that hold, each with the rule's place."""
    found = [e for e in finding.evidence if e.verdict == verdict]
    assert all(e.file.endswith(".frules") and e.line > 0 for e in found)
    return [e for e in found if e.holds]


def test_clients_of_many_captures_in_one_file() -> None:
    """nDPI proves by SYN that these three browse; all bear one SiLK type, so nets tell the direction."""
    found = profile(shared("real", "ndpi", "merged.rw"), ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"])
    assert found.results.flows.direction_by == "nets"
    clients = members(found, "sei.web_clients:web_clients")
    assert {"10.4.25.101", "192.168.2.16", "192.168.7.7"} <= clients
    assert {"10.2.25.102", "192.168.17.53", "192.168.1.8"} <= members(found, "sei.email:email_clients")
    assert not {"224.0.0.251", "255.255.255.255"} & clients


def test_an_android_phone_browses_and_answers_nothing() -> None:
    found = profile(shared("real", "ndpi", "silk", "android.pcap.rw"), ["192.168.0.0/16"])
    assert members(found, "sei.web_clients:web_clients") == {"192.168.2.16"}
    finding = host(found, "sei.web_clients:web_client", "192.168.2.16")
    assert finding.features["services"].value == 0
    assert finding.verdict != "gateway"
    assert members(found, "sei.email:smtp_servers") == set()
    (entry, *_) = [e for e in found.profiles["sei.web_clients:web_client"].entries if e.protocol == 6]
    assert entry.internal == "192.168.2.16"
    assert entry.external_port == (80, 443)


def test_a_desktop_mail_program_hands_over_on_587() -> None:
    """Emotet's capture: TCP 587 from 10.2.25.102, and its siblings browse."""
    found = profile(shared("real", "ndpi", "silk", "emotet.pcap.rw"), ["10.0.0.0/8"])
    assert members(found, "sei.email:email_clients") == {"10.2.25.102"}
    assert host(found, "sei.email:mail_client_host", "10.2.25.102").verdict == "client"
    assert "10.4.25.101" in members(found, "sei.web_clients:web_clients")


def test_a_mail_server_and_the_host_that_sends_to_it() -> None:
    """Payload proves SMTP from 185.25.10.15 to port 25 of 45.0.0.15: seen from either side."""
    flows = shared("real", "payload", "flows", "arkime-pcap_smtp-decrypted.pcap.rw")
    server = profile(flows, ["45.0.0.0/24"])
    assert members(server, "sei.email:smtp_servers") == {"45.0.0.15"}
    assert host(server, "sei.email:mail_server_host", "45.0.0.15").features["proven"].value in (0, 1)
    sender = profile(flows, ["185.25.10.0/24"])
    finding = host(sender, "sei.email:mail_server_host", "185.25.10.15")
    assert finding.verdict == "desktop_sender" and finding.dropped
    assert {e.condition for e in holding(finding, "desktop_sender")} == {"answers = 0", "sent > 0"}
    assert [a.name.rpartition(":")[2].rpartition(".")[2] for a in finding.anomalies] == ["desktop_smtp"]


def test_an_ipv6_host_browses() -> None:
    address = "2a00:d40:1:3:7aac:c0ff:fea7:d4c"
    found = profile(shared("real", "ndpi", "silk", "http_ipv6.pcap.rw"), ["2a00:d40:1:3::/64"])
    assert members(found, "sei.web_clients:web_clients") == {address}
    finding = host(found, "sei.web_clients:web_client", address)
    assert finding.verdict == "workstation"
    assert {"services <= 1", "keeps_hours"} <= {
        p.condition for e in holding(finding, "workstation") for p in _all(e)
    }


def _all(evidence: Evidence) -> list[Evidence]:
    return [evidence, *(inner for part in evidence.parts for inner in _all(part))]
