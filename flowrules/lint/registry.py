"""Every rule by its code: which module has it, loaded only when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Final

from attrs import frozen

from flowrules.lint.rule import Rule

RULES: Final[Mapping[str, tuple[str, str]]] = {
    "FR301": ("fr301_unsatisfiable", "UnsatisfiablePredicate"),
    "FR302": ("fr302_always_true", "AlwaysTrue"),
    "FR303": ("fr303_impossible_alternative", "ImpossibleAlternative"),
    "FR304": ("fr304_redundant_alternative", "RedundantAlternative"),
    "FR305": ("fr305_redundant_conjunct", "RedundantConjunct"),
    "FR306": ("fr306_equal_filters", "EqualFilters"),
    "FR307": ("fr307_filter_inside_another", "FilterInsideAnother"),
    "FR308": ("fr308_empty_set", "EmptySet"),
    "FR309": ("fr309_idle_set_operation", "IdleSetOperation"),
    "FR310": ("fr310_shadowed_verdict", "ShadowedVerdict"),
    "FR311": ("fr311_unreachable_threshold", "UnreachableThreshold"),
    "FR312": ("fr312_idle_threshold", "IdleThreshold"),
    "FR313": ("fr313_constant_key", "ConstantKey"),
    "FR314": ("fr314_idle_exception", "IdleException"),
    "FR315": ("fr315_repeated_item", "RepeatedItem"),
    "FR371": ("fr371_unbounded_table", "UnboundedTable"),
    "FR372": ("fr372_another_scan", "AnotherScan"),
    "FR401": ("fr401_mixed_logic", "MixedLogic"),
    "FR402": ("fr402_mixed_set_operators", "MixedSetOperators"),
    "FR403": ("fr403_unused_import", "UnusedImport"),
    "FR404": ("fr404_unused_parameter", "UnusedParameter"),
    "FR405": ("fr405_unused_declaration", "UnusedDeclaration"),
    "FR406": ("fr406_shadowed_name", "ShadowedName"),
    "FR407": ("fr407_magic_ports", "MagicPorts"),
    "FR408": ("fr408_port_without_protocol", "PortWithoutProtocol"),
    "FR409": ("fr409_icmp_port", "IcmpPort"),
    "FR410": ("fr410_swapped_ends", "SwappedEnds"),
    "FR411": ("fr411_other_side", "OtherSide"),
    "FR420": ("fr420_unused_suppression", "UnusedSuppression"),
    "FR421": ("fr421_unexplained_suppression", "UnexplainedSuppression"),
    "FR510": ("fr510_missing_version", "MissingVersion"),
    "FR511": ("fr511_missing_license", "MissingLicense"),
    "FR512": ("fr512_missing_tlp", "MissingTlp"),
    "FR513": ("fr513_missing_reference", "MissingReference"),
    "FR514": ("fr514_private_address", "PrivateAddress"),
    "FR515": ("fr515_real_address", "RealAddress"),
    "FR516": ("fr516_host_name", "HostName"),
    "FR517": ("fr517_missing_tests", "MissingTests"),
    "FR518": ("fr518_review_passed", "ReviewPassed"),
}
"""Code to module and class: an explicit list, so that nothing is searched for when a command starts."""

GROUP: Final = "flowrules.lint"
"""The entry points of rules that users write."""


class RuleError(Exception):
    """A user's rule cannot be loaded; the message names the entry point and the fault."""


@frozen
class Loaded:
    """A rule ready to run, and whose it is (``flowrules``, or the distribution that brings it)."""

    rule: Rule
    origin: str = "flowrules"


def rule_class(code: str) -> type[Rule]:
    """The class of one of our own rules; ``KeyError`` for a code that is none."""
    module, name = RULES[code]
    found: type[Rule] = getattr(import_module(f"flowrules.lint.rules.{module}"), name)
    return found


def own_rules() -> Iterator[Loaded]:
    """Our own rules, by code."""
    for code in RULES:
        yield Loaded(rule_class(code)())


def users_rules() -> Iterator[Loaded]:
    """Rules that installed distributions bring; raises ``RuleError`` for one that is no rule."""
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        origin = point.dist.name if point.dist is not None else point.value
        try:
            found = point.load()
            rule = found() if isinstance(found, type) else found
        except Exception as error:  # a user's module may raise anything
            raise RuleError(
                f"the rule {point.name} of {origin} cannot be loaded: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(rule, Rule) or not getattr(rule, "code", "") or not getattr(rule, "name", ""):
            raise RuleError(
                f"the rule {point.name} of {origin} is no flowrules.lint.rule.Rule with a code and a name"
            )
        if rule.code in RULES:
            raise RuleError(
                f"the rule {point.name} of {origin} takes the code {rule.code}, which is flowrules' own"
            )
        yield Loaded(rule, origin)


def all_rules(codes: Iterable[str] | None = None) -> list[Loaded]:
    """Our rules and the users'; only those with one of ``codes`` where they are given."""
    wanted = None if codes is None else set(codes)
    found = [*own_rules(), *users_rules()]
    return [r for r in found if wanted is None or r.rule.code in wanted]
