"""Why a host got its verdict, and why not another."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.engine.features.services import Service
from flowrules.model.address_text import format_address
from flowrules.model.types import PROTOCOL
from flowrules.model.value_text import format_value
from flowrules.profile.findings import Evidence, HostFinding, NetworkProfile, ProfileFindings
from flowrules.report.json_report import host_json
from flowrules.report.json_text import Json, json_text

_MOST_SERVICES = 8
_MARKS = {True: ("✓", "32"), False: ("✗", "31"), None: ("?", "33")}


def host_report(profile: NetworkProfile, address: int, color: bool = False) -> tuple[str, bool]:
    """The text for one address over all profiles, and whether it stands in any."""
    lines = list(_lines(profile, address, color))
    found = bool(lines)
    if not found:
        names = ", ".join(n.partition(":")[2] for n in profile.profiles) or "none"
        lines = [f"{format_address(address)} is in no profile (there are: {names})"]
        lines += [f"  it is in the set {n.partition(':')[2]}" for n in _sets_with(profile, address)]
    return "\n".join(lines) + "\n", found


def host_json_report(profile: NetworkProfile, address: int) -> str:
    """The same as JSON: what ``--format json`` of a run says of the host, by profile."""
    found: dict[str, Json] = {
        name: host_json(findings, host)
        for name, findings in profile.profiles.items()
        for host in findings.hosts
        if _is(host, address)
    }
    return json_text({"host": format_address(address), "profiles": found})


def _is(host: HostFinding, address: int) -> bool:
    for value in host.key:
        if value.type.name == "address" and value.value == address:
            return True
        if value.type.name == "block" and isinstance(value.value, tuple):
            first, prefix = value.value
            if (
                isinstance(first, int)
                and isinstance(prefix, int)
                and address >> (128 - prefix) == first >> (128 - prefix)
            ):
                return True
    return False


def _sets_with(profile: NetworkProfile, address: int) -> list[str]:
    sets = profile.results.sets.items()
    return [
        n for n, s in sets if s.addresses is not None and address in s.addresses and n in profile.program.sets
    ]


def _paint(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color else text


def _lines(profile: NetworkProfile, address: int, color: bool) -> Iterator[str]:
    for findings in profile.profiles.values():
        for host in findings.hosts:
            if _is(host, address):
                yield from _host(profile, findings, host, color)


def _host(
    profile: NetworkProfile, findings: ProfileFindings, host: HostFinding, color: bool
) -> Iterator[str]:
    declared = profile.program.profiles[findings.name]
    ruleset = profile.program.rulesets[declared.ruleset]
    version = "".join(f" {v}" for v in ruleset.metadata.get("version", ())[:1])
    key = ", ".join(format_value(v.type, v.value) for v in host.key)
    title = f"{key} in {findings.name.replace(':', '.')}{version}: {host.verdict}"
    yield _paint(title + (" (dropped)" if host.dropped else ""), "1", color)
    if host.because:
        yield f"  because {host.because}"
    if host.also:
        yield f"  also {', '.join(host.also)}"
    yield "  features"
    width = max((len(n) for n in host.features), default=0)
    titles = {f.short: f.title for f in declared.features}
    for name, value in host.features.items():
        note = _note(host, name)
        shown = format_value(value.type, value.value)
        label = f"  {titles[name]}" if titles.get(name) else ""
        yield f"    {name.ljust(width)}  {shown}{label}{note}"
    groups: dict[str, list[Evidence]] = {}
    for evidence in host.evidence:
        groups.setdefault(evidence.verdict, []).append(evidence)
    for verdict in declared.verdicts:
        yield from _verdict(verdict.short, host, groups.get(verdict.short), color)
    for anomaly in host.anomalies:
        yield f"  anomaly {anomaly.name.partition(':')[2]} ({anomaly.severity}): {anomaly.because}"


def _note(host: HostFinding, feature: str) -> str:
    note = host.notes.get(feature)
    if not note:
        return ""
    if "why_unknown" in note:
        return f"  ({note['why_unknown']})"
    plain = {k: v for k, v in note.items() if isinstance(v, int | float | str) and not isinstance(v, bool)}
    plain = {k: v for k, v in plain.items() if v != ""}
    shown = ", ".join(
        f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in list(plain.items())[:6]
    )
    services = note.get("services")
    if isinstance(services, tuple) and services:
        shown += f": {_services(services)}"
    return f"  ({shown})" if shown else ""


def _services(services: tuple[object, ...]) -> str:
    shown = [f"{s.port}/{_word(s.protocol)} to {s.peers}" for s in services if isinstance(s, Service)]
    return ", ".join(shown[:_MOST_SERVICES]) + (", …" if len(shown) > _MOST_SERVICES else "")


def _word(protocol: int) -> str:
    return format_value(PROTOCOL, protocol)


def _verdict(name: str, host: HostFinding, evidence: list[Evidence] | None, color: bool) -> Iterator[str]:
    chosen = name == host.verdict
    word = "verdict" if chosen else "also" if name in host.also else "not"
    if evidence is None:
        yield (
            f"  {word} {name}: holds for every host that got no verdict before"
            if chosen
            else f"  {word} {name}"
        )
        return
    place = f"{evidence[0].file}:{evidence[0].line}" if evidence else ""
    yield _paint(f"  {word} {name}", "1" if chosen else "0", color) + _paint(f"  {place}", "2", color)
    for one in evidence:
        yield from _condition(one, 4, color)


def _condition(evidence: Evidence, indent: int, color: bool) -> Iterator[str]:
    mark, code = _MARKS[evidence.holds]
    values = ", ".join(f"{n} = {format_value(v.type, v.value)}" for n, v in evidence.values.items())
    margin = ""
    if evidence.margin is not None and evidence.margin.value is not None:
        number = evidence.margin.value
        short = isinstance(number, int | float) and number < 0
        word = "short by" if evidence.holds is False or short else "by"
        positive = abs(number) if not isinstance(number, str | tuple | bool) else number
        margin = f", {word} {format_value(evidence.margin.type, positive)}"
    seen = f"  [{values}{margin}]" if values else ""
    yield f"{' ' * indent}{_paint(mark, code, color)} {evidence.condition}{seen}"
    for part in evidence.parts:
        yield from _condition(part, indent + 4, color)
