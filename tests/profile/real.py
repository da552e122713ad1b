"""The shipped rulesets over flow files of real networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flowrules.check.bindings import Binding, Bindings
from flowrules.check.check import check
from flowrules.engine.run import run
from flowrules.flows.sources import open_sources
from flowrules.model.address_set import AddressSet
from flowrules.model.addresses import parse_addresses
from flowrules.profile.build import build
from flowrules.profile.findings import NetworkProfile
from flowrules.share.parameter_files import ParameterFiles
from flowrules.share.search import Search


def profile(flows: Path, internal: Sequence[str]) -> NetworkProfile:
    """What ``sei.web_clients`` and ``sei.email`` say of the flows, with these networks as the inside."""
    search = Search()
    roots, faults = search.resolve_arguments(["sei.web_clients", "sei.email"])
    assert not faults
    ranges = [r for text in internal for r in parse_addresses(text)]  # type: ignore[union-attr]
    office = Binding("mon-fri 08:00-18:00 UTC", "site")
    bindings = Bindings(parameters={"office": office}, internal=AddressSet.from_ranges(ranges))
    result = check(roots, search.find_ruleset, bindings, ParameterFiles(), "run", search.names)
    assert result.program is not None, [d.message for d in result.diagnostics]
    sources = open_sources([flows])
    return build(result.program, run(result.program, sources, conf=sources.conf, threads=1))
