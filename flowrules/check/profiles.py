"""Profiles: hosts, features, verdicts, anomalies, on one key."""

from __future__ import annotations

from flowrules.check.attributes import check_attributes, declared, inner
from flowrules.check.builtin import VALUE_WORDS, WORDS
from flowrules.check.conditions import Conditions, Names
from flowrules.check.entries import check_entry
from flowrules.check.expressions import BOUNDED
from flowrules.check.findings import severity
from flowrules.check.flows import FlowExpressions
from flowrules.check.keys import CheckedKey, grouping_key
from flowrules.check.measures import bare_share, measure
from flowrules.check.references import members_text, positions_text, same_positions
from flowrules.check.sets import set_expression
from flowrules.check.sources import source
from flowrules.check.symbols import CheckedProfile, Positions, Symbol
from flowrules.check.texts import template
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import program as pr
from flowrules.model import types as t
from flowrules.syntax import tree

_OWN_WORDS = ("hosts", "entries", "unclassified")


def check_profile(ws: Workspace, symbol: Symbol) -> CheckedProfile | None:
    """A ``profile`` declaration."""
    node = symbol.node
    assert isinstance(node, tree.Profile)
    return _Profile(ws, symbol, node).check()


class _Profile:
    """One profile while it is checked: features are typed when first asked for, so their order is free."""

    def __init__(self, ws: Workspace, symbol: Symbol, node: tree.Profile) -> None:
        self.ws = ws
        self.symbol = symbol
        self.node = node
        self.positions: Positions = ()
        self.features: dict[str, pr.FeatureDeclaration | None] = {}
        self.nodes: dict[str, tree.Feature] = {}
        self.open: list[str] = []
        self.circular: set[str] = set()

    def check(self) -> CheckedProfile | None:
        hosts = self._hosts()
        self._names()
        for item in self.node.items:
            if isinstance(item, tree.Declaration):
                check_attributes(self.ws.faults, item.attributes)
        if hosts is None:
            return None
        for name in self.nodes:
            self._feature(name)
        names = self._scope(None)
        verdicts = self._verdicts(Conditions(self.ws, self.symbol.scope, names))
        judged = Conditions(self.ws, self.symbol.scope, self._scope(verdicts))
        anomalies = tuple(self._anomaly(judged, a) for a in self._unique(self.node.anomalies))
        entries = [check_entry(judged, self.positions, e) for e in self.node.entries]
        features = {n: f for n, f in self.features.items() if f is not None}
        declaration = pr.ProfileDeclaration(
            **declared(self.ws, self.symbol),
            hosts=hosts,
            parts=tuple(p.type for p in self.positions),
            features=tuple(features[n] for n in self.nodes if n in features),
            verdicts=verdicts,
            anomalies=anomalies,
            entries=tuple(e for e in entries if e is not None),
        )
        types = {n: f.type if f is not None else t.POISON for n, f in self.features.items()}
        return CheckedProfile(declaration, self.positions, types)

    def _hosts(self) -> ex.SetExpression | None:
        clauses = self.node.hosts
        if not clauses:
            self.ws.faults.report(
                "FR233", f"the profile {self.symbol.name} does not say whose it is", self.node.name.span,
                hint="begin it with its hosts: hosts sip of outbound",
            )  # fmt: skip
            return None
        for other in clauses[1:]:
            self.ws.faults.report(
                "FR233", "a profile has one hosts clause", other.span,
                hint="join the sets with |", related=[(clauses[0].span, "the first")],
            )  # fmt: skip
        found = set_expression(self.ws, self.symbol.scope, clauses[0].set)
        if found is None:
            return None
        self.positions = found.positions
        return found.expression

    def _names(self) -> None:
        """Names of features, verdicts and anomalies: one space, none of the language's."""
        seen: dict[str, tree.Declaration] = {}
        for item in self.node.items:
            if not isinstance(item, tree.Declaration):
                continue
            name = item.name.text
            taken = WORDS | VALUE_WORDS if isinstance(item, tree.Feature) else {"host"}
            if name in taken or name in _OWN_WORDS:
                self.ws.faults.report(
                    "FR203", f"{name} is a name of the language", item.name.span,
                    hint=f"write another, such as {name}_seen" if isinstance(item, tree.Feature) else f"write another, such as {name}_host",
                )  # fmt: skip
            elif name in seen:
                self.ws.faults.report(
                    "FR202", f"the profile {self.symbol.name} has two things called {name}", item.name.span,
                    related=[(seen[name].name.span, "the first")],
                )  # fmt: skip
                continue
            seen[name] = item
            if isinstance(item, tree.Feature):
                self.nodes[name] = item

    def _unique(self, nodes: tuple[tree.Anomaly, ...]) -> list[tree.Anomaly]:
        return list({n.name.text: n for n in reversed(nodes)}.values())[::-1]

    # ---- features --------------------------------------------------------------------------------

    def _scope(self, verdicts: tuple[pr.VerdictDeclaration, ...] | None) -> Names:
        columns: dict[str, ex.Expression] = {}
        bounded: dict[str, str] = {}
        for name, feature in self.features.items():
            columns[name] = ex.Feature(type=feature.type if feature is not None else t.POISON, name=name)
            if feature is not None and feature.measure is not None and feature.measure.name in BOUNDED:
                bounded[name] = BOUNDED[feature.measure.name]
        return Names(
            what=f"a host of {self.symbol.name}",
            columns=columns,
            bounded=bounded,
            host=self.positions,
            verdicts=None if verdicts is None else (*(v.short for v in verdicts), "unclassified"),
            in_profile=True,
        )

    def _feature(self, name: str) -> None:
        """Check a feature once, those that it names first."""
        if name in self.features:
            return
        if name in self.open:
            circle = [*self.open[self.open.index(name) :], name]
            if not self.circular.isdisjoint(circle):
                return
            self.circular.update(circle)
            self.ws.faults.report(
                "FR205",
                f"{' needs '.join(circle)}: none can be computed first" if len(circle) > 2 else f"feature {name} needs itself",
                self.nodes[circle[0]].name.span,
                hint="take one of them apart",
                related=[(self.nodes[n].name.span, f"{n} stands here") for n in circle[1:-1]],
            )  # fmt: skip
            return
        self.open.append(name)
        node = self.nodes[name]
        if node.condition is not None:
            walked = list(node.condition.walk())
            # what is called is a map or a measure, though a feature has its name: banner = banner(host)
            called = {id(n.function) for n in walked if isinstance(n, tree.Call)}
            used = [
                n for n in walked if isinstance(n, tree.Name) and len(n.parts) == 1 and id(n) not in called
            ]
            for one in used:
                if one.parts[0] in self.nodes:
                    self._feature(one.parts[0])
        self.open.pop()
        self.features[name] = None if name in self.circular else self._checked_feature(node)

    def _checked_feature(self, node: tree.Feature) -> pr.FeatureDeclaration | None:
        carried = inner(f"{self.symbol.scope.ruleset}:{node.name.text}", node)
        if node.condition is not None:
            conditions = Conditions(self.ws, self.symbol.scope, self._scope(None))
            value = conditions.value_or_condition(node.condition)
            if value.type == t.POISON:
                return None
            if isinstance(value, ex.Host) or value.type.name in ("set", "tuple"):
                self.ws.faults.report(
                    "FR233", f"the feature {node.name.text} is the host itself", node.condition.span
                )
                return None
            return pr.FeatureDeclaration(**carried, type=value.type, condition=value, optional=node.optional)
        assert node.measure is not None and node.source is not None
        found = source(self.ws, self.symbol.scope, node.source)
        if found is None:
            return None
        place = FlowExpressions(self.ws, self.symbol.scope, found.table)
        keys = [grouping_key(place, k, found.source.direction) for k in node.keys]
        sound = tuple(k for k in keys if k is not None)
        place.grouped((k.key for k in sound), found.source.direction)
        taken: ex.Expression | None
        if isinstance(node.measure, tree.Name) and node.measure.parts == ("share",):
            taken = bare_share(place, node.measure, None)
            taken = None if taken.type == t.POISON else taken
        elif isinstance(node.measure, tree.Name) and node.measure.parts == ("cumulative",):
            self.ws.faults.report(
                "FR221",
                "cumulative needs the order of a table's rows",
                node.measure.span,
                hint="write share(flows)",
            )
            taken = None
        else:
            taken = measure(place, node.measure)
        if not isinstance(taken, ex.Measure) or len(sound) < len(keys):
            return None
        if not fits_hosts(self.ws, node.keys, sound, self.positions, f"feature {node.name.text}"):
            return None
        return pr.FeatureDeclaration(
            **carried,
            type=taken.type,
            measure=taken,
            source=found.source,
            keys=tuple(k.key for k in sound),
            optional=node.optional,
        )

    # ---- verdicts and anomalies ------------------------------------------------------------------

    def _verdicts(self, conditions: Conditions) -> tuple[pr.VerdictDeclaration, ...]:
        out: list[pr.VerdictDeclaration] = []
        last: tree.Verdict | None = None
        for node in self.node.verdicts:
            if last is not None:
                self.ws.faults.report(
                    "FR233", f"the verdict {node.name.text} is never reached: {last.name.text} always holds before it",
                    node.name.span, hint="put otherwise last", related=[(last.span, "always holds")],
                )  # fmt: skip
            if node.condition is None:
                last = last or node
            condition = conditions.condition(node.condition) if node.condition is not None else None
            out.append(
                pr.VerdictDeclaration(
                    **inner(f"{self.symbol.scope.ruleset}:{node.name.text}", node),
                    condition=condition,
                    drop=node.drop,
                    because=template(conditions, node.because),
                )
            )
        return tuple(out)

    def _anomaly(self, judged: Conditions, node: tree.Anomaly) -> pr.AnomalyDeclaration:
        if node.within is not None:
            self.ws.faults.report(
                "FR233", "an anomaly in a profile is about its hosts", node.within.span,
                hint="write it outside the profile, or leave in away",
            )  # fmt: skip
        condition = judged.condition(node.condition) if node.condition is not None else None
        return pr.AnomalyDeclaration(
            **inner(f"{self.symbol.scope.ruleset}:{node.name.text}", node),
            severity=severity(self.ws, node.severity),
            condition=condition,
            because=template(judged, node.because),
        )


def fits_hosts(
    ws: Workspace,
    nodes: tuple[tree.Key, ...],
    keys: tuple[CheckedKey, ...],
    hosts: Positions,
    what: str,
) -> bool:
    """Whether keys are those of the hosts: the same types in the same order, and the same side."""
    positions = tuple(k.position for k in keys)
    span = nodes[0].span if nodes else None
    if not same_positions(positions, hosts):
        ws.faults.report(
            "FR233",
            f"{what} is per {positions_text(positions)}, and the hosts are {members_text(hosts)}",
            span,
            hint="group by " + ", ".join(_wanted(h.type.name) for h in hosts),
        )
        return False
    for node, position, host in zip(nodes, positions, hosts, strict=True):
        if None not in (position.side, host.side) and position.side != host.side:
            other = {"sip": "dip", "dip": "sip", "inside": "outside", "outside": "inside"}.get(
                ws.text(node.span)
            )
            ws.faults.report(
                "FR234",
                f"{ws.text(node.span)} holds hosts {position.side} here, and the profile is of hosts {host.side}",
                node.span,
                hint=f"write per {other}" if other else "take the other end",
            )
            return False
    return True


def _wanted(type_: str) -> str:
    return {"address": "an address (sip, dip, inside)", "block": "a block (sip/24)"}.get(type_, type_)
