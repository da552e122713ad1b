"""Why a host got its verdict, and why not another."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from attrs import frozen

from flowrules.engine.features.services import Service
from flowrules.model.address_text import format_address
from flowrules.model.expression_text import expression_text
from flowrules.model.program import ProfileDeclaration
from flowrules.model.types import PROTOCOL
from flowrules.model.value_text import format_value
from flowrules.profile.findings import Evidence, HostFinding, NetworkProfile, ProfileFindings, Value
from flowrules.report.json_report import host_json
from flowrules.report.json_text import Json, json_text
from flowrules.report.text_report import COLOURS, paint
from flowrules.report.wrapping import columns_of, padded, printable, wrapped

_MOST_SERVICES = 8
_WIDEST_VALUE = 24
_MARKS = {True: ("✓", "32"), False: ("✗", "31"), None: ("?", "33")}


def host_report(
    profile: NetworkProfile, address: int, color: bool = False, width: int | None = None
) -> tuple[str, bool]:
    """The text for one address over all profiles, and whether it stands in any.

    Lines are broken at ``width`` columns (``None``: never) and continue indented.
    """
    lines = list(_lines(profile, address, color))
    found = bool(lines)
    if not found:
        names = ", ".join(n.partition(":")[2] for n in profile.profiles) or "none"
        lines = [Line(0, f"{format_address(address)} is in no profile (there are: {names})")]
        lines += [Line(2, f"it is in the set {n.partition(':')[2]}") for n in _sets_with(profile, address)]
    return "".join(f"{text}\n" for line in lines for text in line.broken(width, color)), found


def host_json_report(profile: NetworkProfile, address: int) -> tuple[str, bool]:
    """The same as JSON: what ``--format json`` of a run says of the host, by profile; whether it stands in any."""
    found: dict[str, Json] = {
        name: host_json(findings, host)
        for name, findings in profile.profiles.items()
        for host in findings.hosts
        if _is(host, address)
    }
    return json_text({"host": format_address(address), "profiles": found}), bool(found)


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


@frozen
class Line:
    """A line of the report: its indentation, its text, the colour of its first word or of it all.

    What goes on after ``width`` columns is indented by ``hang`` more.
    """

    indent: int
    text: str
    code: str = ""
    first_word: bool = False
    hang: int = 4

    def broken(self, width: int | None, color: bool) -> Iterator[str]:
        """The line as lines of a terminal."""
        room = None if width is None else max(width - self.indent - self.hang, 20)
        first = None if width is None else max(width - self.indent, 20)
        for place, piece in enumerate(wrapped(printable(self.text), room, first)):
            if place == 0 and self.first_word:
                head, blank, rest = piece.partition(" ")
                shown = paint(head, self.code, color) + blank + rest
            else:
                shown = piece if self.first_word else paint(piece, self.code, color)
            yield " " * (self.indent + (self.hang if place else 0)) + shown


def _lines(profile: NetworkProfile, address: int, color: bool) -> Iterator[Line]:
    for findings in profile.profiles.values():
        for host in findings.hosts:
            if _is(host, address):
                yield from _host(profile, findings, host)


def _host(profile: NetworkProfile, findings: ProfileFindings, host: HostFinding) -> Iterator[Line]:
    declared = profile.program.profiles[findings.name]
    ruleset = profile.program.rulesets[declared.ruleset]
    version = "".join(f" {v}" for v in ruleset.metadata.get("version", ())[:1])
    key = ", ".join(format_value(v.type, v.value) for v in host.key)
    title = f"{key} in {findings.name.replace(':', '.')}{version}: {host.verdict}"
    yield Line(0, title + (" (dropped)" if host.dropped else ""), "1")
    if host.because:
        yield Line(2, f"because {host.because}")
    if host.also:
        yield Line(2, f"also {', '.join(host.also)}")
    for anomaly in host.anomalies:
        text = f"{anomaly.severity}: {anomaly.name.partition(':')[2]}: {anomaly.because or anomaly.title}"
        yield Line(2, text, COLOURS.get(anomaly.severity, ""), first_word=True)
    yield from _features(declared, host)
    groups: dict[str, list[Evidence]] = {}
    for evidence in host.evidence:
        groups.setdefault(evidence.verdict, []).append(evidence)
    for verdict in declared.verdicts:
        yield from _verdict(verdict.short, host, groups.get(verdict.short))


def _features(declared: ProfileDeclaration, host: HostFinding) -> Iterator[Line]:
    """Each feature with its value and what it is: its title, or how it comes from others."""
    if not host.features:
        return
    yield Line(2, "features")
    values = {n: format_value(v.type, v.value) for n, v in host.features.items()}
    names = max(columns_of(n) for n in values)
    room = max(columns_of(v) for v in values.values() if columns_of(v) <= _WIDEST_VALUE or len(values) == 1)
    for feature in declared.features:
        if feature.short not in values:
            continue
        what = feature.title
        if not what and feature.condition is not None:
            what = f"= {expression_text(feature.condition)}"
        text = f"{padded(feature.short, names)}  {padded(values[feature.short], room)}  {what}"
        yield Line(4, text.rstrip() + _note(host, feature.short), hang=names + room + 4)


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


def _verdict(name: str, host: HostFinding, evidence: list[Evidence] | None) -> Iterator[Line]:
    chosen = name == host.verdict
    word = "verdict" if chosen else "also" if name in host.also else "not"
    code = "1" if chosen else "2"
    if evidence is None:
        why = "holds for every host that got no verdict before" if chosen else "one before it holds"
        yield Line(2, f"{word} {name}: {why}", code)
        return
    place = f"  ({evidence[0].file}:{evidence[0].line})" if evidence else ""
    yield Line(2, f"{word} {name}{place}", code)
    for one in evidence:
        yield from _condition(one, 4)


def _condition(evidence: Evidence, indent: int) -> Iterator[Line]:
    mark, code = _MARKS[evidence.holds]
    seen = _seen(evidence)
    yield Line(indent, f"{mark} {evidence.condition}" + (f"  [{seen}]" if seen else ""), code, True)
    for part in evidence.parts:
        yield from _condition(part, indent + 2)


def _seen(evidence: Evidence) -> str:
    """The numbers behind a condition and its margin; those of its parts stand with these."""
    values = evidence.values if not evidence.parts else {}
    shown = [
        f"{n} is {format_value(v.type, v.value)}" for n, v in values.items() if v.type.name != "truth"
    ] or [f"it is {format_value(v.type, v.value)}" for v in values.values() if v.value is None]
    if evidence.margin is not None and evidence.margin.value is not None:
        shown.append(_margin(evidence.margin, evidence.holds))
    return ", ".join(shown)


def _margin(margin: Value, holds: bool | None) -> str:
    number = margin.value
    if not isinstance(number, int | float | Fraction):
        return ""
    word = "short by" if holds is False or number < 0 else "by"
    size: int | float | Fraction = -number if number < 0 else number
    if margin.type.name == "percent":
        points = f"{float(size) * 100:.2f}".rstrip("0").rstrip(".")
        return f"{word} {points} points"
    return f"{word} {format_value(margin.type, size)}"
