"""The rulesets of the language's design all check, with what they leave to the site bound or not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowrules.check.bindings import Binding, Bindings
from flowrules.check.check import CheckResult, check
from flowrules.model.map_table import MapTable
from flowrules.model.source_text import SourceText
from flowrules.syntax.diagnostics import concise
from tests.check.test_parameters import Files
from tests.reference import shared

STEMS = [
    "00_ports",
    "01_web_clients",
    "02_email",
    "03_address_space",
    "04_web_servers",
    "05_dns",
    "06_vpn",
    "07_remote",
    "08_ftp",
    "09_remaining",
    "10_upkeep",
    "11_scanners",
    "12_beaconing",
    "13_dns_tunnel",
    "14_exfiltration",
    "15_new_service",
    "16_asymmetric",
    "17_outage",
    "18_icmp",
    "19_p2p",
    "20_ntp",
    "21_night",
    "22_v6_tunnels",
    "23_zones",
    "25_literals",
]
GIVEN = {
    "office": "mon-fri 08:00-18:00 Europe/Berlin",
    "since": "2026-01-05",
    "resolvers": "{10.0.0.53}",
    "zone": 'file "zones.csv"',
}


def checked(stem: str, mode: str, bindings: Bindings) -> CheckResult:
    folder = shared("design", "examples")
    texts: dict[str, SourceText] = {}
    for path in sorted(Path(folder).glob("*.frules")):
        text = path.read_text(encoding="utf-8")
        named = re.search(r"^ruleset ([\w.]+)", text, re.MULTILINE)
        texts[named[1] if named else path.stem] = SourceText(str(path), text)
    root = next(t for t in texts.values() if Path(t.path).stem == stem)
    return check(
        [root], lambda name, _: texts.get(name), bindings, Files(zones={1: "dmz"}), mode, lambda _: texts
    )


@pytest.mark.parametrize("stem", STEMS)
def test_example_checks_with_its_parameters_bound(stem: str) -> None:
    from flowrules.check.map_tables import empty_map

    maps: dict[str, MapTable] = {n: empty_map(n, "address") for n in ("country", "asn")}
    site = {n: Binding(v, "site", "site.yaml") for n, v in GIVEN.items()}
    found = checked(stem, "run", Bindings(parameters=site, maps=maps))
    assert [concise(d) for d in found.diagnostics] == []
    assert found.program is not None


@pytest.mark.parametrize("stem", STEMS)
def test_example_checks_without_a_site(stem: str) -> None:
    found = checked(stem, "test", Bindings())
    assert [concise(d) for d in found.diagnostics] == []
    assert found.program is not None


def test_an_overlay_says_that_it_is_not_available() -> None:
    found = checked("24_tune", "check", Bindings())
    assert [d.message for d in found.diagnostics] == ["tune is not available in this edition"]


@pytest.mark.parametrize(("stem", "tests"), [("01_web_clients", 1), ("02_email", 1), ("11_scanners", 1)])
def test_examples_have_tests_with_programs_of_their_own(stem: str, tests: int) -> None:
    found = checked(stem, "test", Bindings())
    assert len(found.tests) == tests
    for test in found.tests:
        assert test.internal is not None
        assert test.flows.strip().startswith("type")
        assert test.program is not found.program
