"""What is asked: each case in the words of every contender that can answer it."""

from __future__ import annotations

from benchmarks.cases.case import Case

__all__ = ["Case", "all_cases", "find_case"]


def all_cases(rules: int = 200) -> dict[str, Case]:
    """The cases by name; cases of random rules have ``rules`` of them unless their name says how many."""
    from benchmarks.cases import groups, many_rules, ports, report, sets, wide

    modules = (report, many_rules, sets, groups, ports, wide)
    return {case.name: case for module in modules for case in module.cases(rules)}


def find_case(name: str) -> Case:
    """The case of a name; ``mixed-1000`` is ``mixed`` with a thousand rules.  Raises ``KeyError``."""
    _, _, count = name.rpartition("-")
    return all_cases(int(count) if count.isdigit() and int(count) > 0 else 1)[name]
