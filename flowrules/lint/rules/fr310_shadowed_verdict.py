"""FR310: a verdict that an earlier one always takes."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.domains import Variable
from flowrules.lint.finding import Finding
from flowrules.lint.formulas import Formula, NotDecided, states, variables
from flowrules.lint.linted import Linted
from flowrules.lint.premises import Place
from flowrules.lint.rule import Rule
from flowrules.lint.witness import Witness, feature_values
from flowrules.model import expression as ex
from flowrules.model.program import ProfileDeclaration, VerdictDeclaration


class ShadowedVerdict(Rule):
    """A verdict that no host can get, since an earlier one holds whenever it does.

    Why
        Verdicts are tried in order and the first that holds wins. A wide condition before a narrow one leaves
        nothing for the narrow one; in the results it only ever stands under "also".
    Bad
        profile host_kind "Kinds of hosts" {
            hosts sip of outbound
            feature peers = distinct(dip) of outbound per sip
            verdict busy when peers >= 10
            verdict hub  when peers >= 100
        }
    Good
        profile host_kind "Kinds of hosts" {
            hosts sip of outbound
            feature peers = distinct(dip) of outbound per sip
            verdict hub  when peers >= 100
            verdict busy when peers >= 10
        }
    Fix
        Put the narrower verdict first.
    """

    code = "FR310"
    name = "shadowed-verdict"
    severity = "error"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """The verdicts of every profile."""
        for profile in linted.program.profiles.values():
            if profile.ruleset in linted.rulesets:
                yield from self._profile(linted, profile)

    def _profile(self, linted: Linted, profile: ProfileDeclaration) -> Iterator[Finding]:
        place = Place(features={f.short.rpartition(".")[2]: f for f in profile.features})
        claims = linted.premises.claims(place)
        earlier: list[tuple[VerdictDeclaration, Formula, Formula]] = []
        for verdict in profile.verdicts:
            if verdict.condition is None:
                if earlier and linted.prover.impossible([denied for _, _, denied in earlier]):
                    yield self._finding(linted, verdict, [v for v, _, _ in earlier], None)
                continue
            own = claims.true(verdict.condition)
            if linted.prover.impossible([own]):
                continue  # FR311 says that it never holds
            if earlier and linted.prover.impossible([own, *(denied for _, _, denied in earlier)]):
                alone = next((v for v, _, denied in earlier if linted.prover.impossible([own, denied])), None)
                by = [alone] if alone is not None else [v for v, _, _ in earlier]
                yield self._finding(linted, verdict, by, _example(own))
            earlier.append((verdict, own, claims.not_true(verdict.condition)))

    def _finding(
        self,
        linted: Linted,
        verdict: VerdictDeclaration,
        by: list[VerdictDeclaration],
        witness: Witness | None,
    ) -> Finding:
        name = verdict.short.rpartition(".")[2]
        names = ", ".join(v.short.rpartition(".")[2] for v in by)
        what = "always holds" if verdict.condition is None else "holds whenever it does"
        if len(by) > 1:
            what = (
                "always takes the host before" if verdict.condition is not None else "always takes the host"
            )
            names = f"one of {names}"
        place = verdict.condition.span if verdict.condition is not None else verdict.span
        return self.finding(
            linted,
            f"no host can get the verdict {name}: {names} {what}",
            place,
            related=[
                (v.condition.span, "this one is tried first") for v in by[:1] if v.condition is not None
            ],
            hint=f"put {name} before {names}" if len(by) == 1 and verdict.condition is not None else None,
            witness=witness,
        )


def _example(claim: Formula) -> Witness | None:
    """A host that should have got the verdict, where features alone decide it."""
    names: list[Variable] = sorted(variables(claim), key=lambda v: str(v.key))
    if not all(isinstance(v.key, ex.Feature) for v in names):
        return None
    try:
        state = next(states([claim]), None)
    except NotDecided:
        return None
    values = feature_values(state, names) if state is not None else None
    return Witness(values, tuple(values)) if values else None
