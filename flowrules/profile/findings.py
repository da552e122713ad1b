"""What a run says of the network: hosts with verdicts and evidence, entries, anomalies, checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen

from flowrules.engine.results import Results, Scalar
from flowrules.model.program import Program
from flowrules.model.structural import Shown
from flowrules.model.types import Type

SEVERITIES = ("info", "notice", "warning", "error")
"""Severities of anomalies and checks, from least to most."""


@frozen(eq=False, repr=False)
class Value(Shown):
    """A value with its type, so that it can be printed for people and for programs."""

    type: Type
    value: Scalar


@frozen(eq=False, repr=False)
class Evidence(Shown):
    """One condition of a verdict, with the numbers that it saw.

    ``holds`` is ``None`` where it is unknown; ``margin`` is by how much it holds (positive) or fails
    (negative) in the unit of what is compared, ``None`` where there is no such number.  ``parts`` are
    the conditions inside an ``or``, a ``not`` or an ``n of``.
    """

    verdict: str
    condition: str
    values: Mapping[str, Value]
    holds: bool | None
    margin: Value | None
    file: str
    line: int
    parts: tuple[Evidence, ...] = ()


@frozen(eq=False, repr=False)
class AnomalyFinding(Shown):
    """An anomaly that was found: of a host, of a row of a table or set, or of the network."""

    name: str
    title: str
    severity: str
    because: str
    subject: Mapping[str, Value]
    profile: str | None
    file: str
    line: int


@frozen(eq=False, repr=False)
class CheckFinding(Shown):
    """A check of the data: ``holds`` is ``None`` where it is unknown, which is reported like false."""

    name: str
    title: str
    severity: str
    holds: bool | None
    because: str
    file: str
    line: int


@frozen(eq=False, repr=False)
class HostFinding(Shown):
    """A host (block, tuple) of a profile: its verdict, why, and everything measured of it."""

    key: tuple[Value, ...]
    verdict: str
    title: str
    dropped: bool
    also: tuple[str, ...]
    because: str
    features: Mapping[str, Value]
    notes: Mapping[str, Mapping[str, object]]
    """By feature: what lies behind its value (``proof``, ``pairs``, ``why_unknown`` …)."""
    anomalies: tuple[AnomalyFinding, ...]
    _evidence: Callable[[], tuple[Evidence, ...]] = field(repr=False)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Every condition of every verdict, in the order in which they were tried."""
        return self._evidence()


@frozen(eq=False, repr=False)
class EntryRow(Shown):
    """A row of the network's profile.  A cell is ``any``, text, or a sorted list of numbers."""

    ruleset: str
    profile: str
    protocol: int | None
    internal: str | tuple[object, ...]
    internal_port: str | tuple[object, ...]
    external: str | tuple[object, ...]
    external_port: str | tuple[object, ...]
    name: str
    comment: str
    host: tuple[Scalar, ...] = ()
    """The key of the host that it is an entry of."""


@frozen(eq=False, repr=False)
class ProfileFindings(Shown):
    """A profile's hosts and entries."""

    name: str
    title: str
    key_names: tuple[str, ...]
    hosts: Sequence[HostFinding]
    entries: Sequence[EntryRow]
    missing: Mapping[str, str]


@frozen(eq=False, repr=False)
class NetworkProfile(Shown):
    """The whole answer of a run."""

    program: Program
    results: Results
    profiles: Mapping[str, ProfileFindings]
    anomalies: Sequence[AnomalyFinding]
    checks: Sequence[CheckFinding]

    def withheld(self) -> frozenset[str]:
        """Rulesets whose results are withheld: a check with severity ``error`` does not hold."""
        failed = (c.name for c in self.checks if c.severity == "error" and c.holds is not True)
        return frozenset(name.partition(":")[0] for name in failed)

    def notes(self) -> tuple[str, ...]:
        """What must be known to read the numbers."""
        sampled = self.program.sampling
        why = f"the exporter samples 1 in {sampled:,} packets: counts, peers and services are lower bounds"
        return (*self.results.notes, *((why,) if sampled > 1 else ()))

    def shown(self) -> tuple[str, ...]:
        """The rulesets that the user asked for, in order."""
        return tuple(r.name for r in self.program.rulesets.values() if r.shown)
