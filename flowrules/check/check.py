"""From the trees of rulesets to the checked program, with every error of every file in one go."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import attrs
from attrs import field, frozen

from flowrules.check.bindings import Binder, Bindings
from flowrules.check.constants import check_map, check_nets, check_ports, check_schedule
from flowrules.check.extent import report_extent
from flowrules.check.faults import Faults
from flowrules.check.findings import check_anomaly, check_check
from flowrules.check.map_tables import MapRange, map_table
from flowrules.check.parameters import check_parameter, unknown_bindings
from flowrules.check.profiles import check_profile
from flowrules.check.rulesets import Finder, Loader, in_order, metadata, names_used, needs_first
from flowrules.check.sets import check_set
from flowrules.check.symbols import (
    Checked,
    CheckedFilter,
    CheckedFinding,
    CheckedMap,
    CheckedProfile,
    CheckedSet,
    CheckedTable,
    Constant,
    FileScope,
    Symbol,
)
from flowrules.check.tables import check_filter, check_table
from flowrules.check.tests import check_test
from flowrules.check.workspace import Workspace
from flowrules.model import program as pr
from flowrules.model import types as t
from flowrules.model.map_table import MapTable
from flowrules.model.source_text import SourceText
from flowrules.model.structural import Structural
from flowrules.syntax import tree
from flowrules.syntax.diagnostics import Diagnostic

CHECKERS: Final[Mapping[str, Callable[[Workspace, Any], Checked | None]]] = {
    "param": check_parameter,
    "ports": check_ports,
    "nets": check_nets,
    "schedule": check_schedule,
    "map": check_map,
    "filter": check_filter,
    "set": check_set,
    "table": check_table,
    "profile": check_profile,
    "anomaly": check_anomaly,
    "check": check_check,
}

_DEEPEST: Final = 50_000
"""Python's frames while a circle of declarations is followed to its end."""


@frozen(eq=False, repr=False)
class CheckResult(Structural):
    """What a check gives: the program (``None`` where there is an error), every finding, the texts by path.

    ``tests`` are those of the rulesets asked for, each with its own program; empty unless they were asked.
    """

    program: pr.Program | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, SourceText] = field(repr=False)
    tests: tuple[pr.TestDeclaration, ...] = ()
    scopes: Mapping[str, FileScope] = field(factory=dict, repr=False)
    """The files by ruleset name, with what each declares and imports."""
    known: Mapping[Symbol, Checked | None] = field(factory=dict, repr=False)
    """What each declaration of the files is; ``None`` where it is faulty."""


def check(
    roots: Sequence[SourceText],
    finder: Finder | None = None,
    bindings: Bindings | None = None,
    binder: Binder | None = None,
    mode: str = "check",
    known_rulesets: Callable[[str | None], Iterable[str]] | None = None,
) -> CheckResult:
    """Check rulesets and what they import.

    ``finder`` gives the text of an imported ruleset, ``known_rulesets`` the names that could be meant.
    ``binder`` reads the files that parameters name (``None``: they are not read, and unknown).
    ``mode``: ``check`` leaves parameters without a value unknown; ``run`` makes them errors where something
    that is asked for needs them, and leaves the tests inside rulesets alone; ``test`` is ``check`` with the
    tests' programs in the result.
    """
    bindings = bindings or Bindings()
    faults = Faults()
    loader = Loader(faults, finder, known_rulesets)
    loader.load(roots)
    with _deep():
        ws = _workspace(loader.scopes, loader.sources, bindings, binder, mode, faults)
        _resolve_all(ws)
        unknown_bindings(ws)
        shown = [s for scope in loader.roots for s in scope.symbols.values()]
        needed = ws.needed_by(shown)
        if mode == "run":
            _report_unbound(ws, needed)
        tests = _tests(ws, loader.roots, binder) if mode != "run" else []
        sound = not faults.has_errors
        program = _assemble(ws, loader.roots, needed) if sound else None
    return CheckResult(
        program=program,
        diagnostics=tuple(faults.sorted()),
        sources=loader.sources,
        tests=tuple(tests) if mode == "test" and sound else (),
        scopes=loader.scopes,
        known=ws.known,
    )


@contextmanager
def _deep() -> Iterator[None]:
    """Room for a long circle of declarations: Python's limit counts frames, and each takes a few."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEPEST))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _workspace(
    scopes: dict[str, FileScope],
    sources: Mapping[str, SourceText],
    bindings: Bindings,
    binder: Binder | None,
    mode: str,
    faults: Faults,
) -> Workspace:
    ws = Workspace(
        faults=faults,
        sources=sources,
        scopes=scopes,
        bindings=bindings,
        binder=binder,
        mode=mode,
        checkers=CHECKERS,
    )
    ws.maps["name"] = names_map(bindings.names)
    return ws


def names_map(names: Mapping[int, str]) -> MapTable:
    """The site's names of addresses as the map ``name``."""
    return map_table(
        "name", "address", [MapRange(a, a, label, i) for i, (a, label) in enumerate(names.items())]
    )


def _resolve_all(ws: Workspace) -> None:
    _resolve(ws, (s for scope in ws.scopes.values() for s in scope.symbols.values()))


def _resolve(ws: Workspace, symbols: Iterable[Symbol]) -> None:
    """Check some symbols, after all that they need."""
    ordered = needs_first(symbols)
    for symbol in ordered:
        ws.resolve(symbol)
    report_extent(ws, ordered)


# ---- what must be bound ---------------------------------------------------------------------------------

EXAMPLES: Final = {
    "schedule": "mon-fri 08:00-18:00 Europe/Berlin",
    "set": "{192.0.2.1, 192.0.2.2}",
    "nets": "(10.0.0.0/8, 2001:db8::/32)",
    "ports": "(80, 443)",
    "time": "2026-01-31",
    "times": "(2026-01-31 .. 2026-02-02)",
    "map": 'file "zones.csv"',
    "table": 'file "usual.csv"',
    "percent": "1%",
    "count": "4",
    "number": "2",
    "bytes": "10MB",
    "duration": "5min",
    "address": "192.0.2.1",
    "label": "S0",
}
"""A value of each type of parameter, as somebody may write it."""


def _report_unbound(ws: Workspace, needed: set[Symbol]) -> None:
    for symbol, span in ws.unbound.items():
        if symbol not in needed:
            continue
        assert isinstance(symbol.node, tree.Param)
        ruleset, name, kind = symbol.scope.ruleset, symbol.name, symbol.node.type.name
        value = EXAMPLES.get(kind, "…")
        site = _site_line(ruleset, name, kind, value)
        ws.faults.report(
            "FR601",
            f"the parameter {name} of {ruleset} has no value: the site says what it is",
            span,
            hint=f"in {ws.bindings.site_path}: {site}, or --set '{ruleset}.{name}={value}'",
        )
    for user, word, span in ws.unbound_maps:
        if user is None or user in needed:
            ws.faults.report(
                "FR605", f"{word} is asked for, and the site binds no map of that name", span,
                hint=f"in {ws.bindings.site_path}: maps: {{{word}: {word}.pmap}}",
            )  # fmt: skip


def _site_line(ruleset: str, name: str, kind: str, value: str) -> str:
    quoted = f"'{value}'" if any(c in value for c in ':{}"%,') and not value.startswith("'") else value
    match kind:
        case "schedule":
            return f"schedules: {{{name}: {quoted}}}"
        case "set":
            return f"sets: {{{name}: {name}.set}}"
        case "map":
            return f"maps: {{{name}: {name}.csv}}"
    return f"params: {{{ruleset}: {{{name}: {quoted}}}}}"


# ---- tests ----------------------------------------------------------------------------------------------


def _tests(ws: Workspace, roots: Sequence[FileScope], binder: Binder | None) -> list[pr.TestDeclaration]:
    def recheck(bindings: Bindings, test: Symbol, faults: Faults) -> Workspace:
        again = _workspace(ws.scopes, ws.sources, bindings, binder, "test", faults)
        if ws.mode == "test":  # its program is the whole file; the rest is checked where the test asks for it
            _resolve(again, test.scope.symbols.values())
        else:
            keys = (key.rpartition(".") for key in bindings.given)
            found = (
                ws.scopes[ruleset].symbols.get(name) for ruleset, _, name in keys if ruleset in ws.scopes
            )
            given = [s for s in found if s is not None and s.kind == "param"]
            if ws.bindings == attrs.evolve(bindings, given={}, internal=ws.bindings.internal):
                again.adopt(ws, needs_first(names_used(test)), given)
            _resolve(again, [*given, *names_used(test)])
        unknown_bindings(again)
        return again

    def assemble(again: Workspace, test: Symbol) -> pr.Program:
        return _assemble(again, [test.scope], again.needed_by([*test.scope.symbols.values(), test]))

    out: list[pr.TestDeclaration] = []
    for scope in roots:
        seen: dict[str, tree.Test] = {}
        for node in scope.file.tests:
            name = str(node.name.value)
            if name in seen:
                ws.faults.report(
                    "FR238",
                    f'two tests are called "{name}"',
                    node.name.span,
                    related=[(seen[name].name.span, "the first")],
                )
            seen.setdefault(name, node)
            found = check_test(scope, node, ws.faults, ws, recheck, assemble)
            if found is not None:
                out.append(found)
    return out


# ---- the program ----------------------------------------------------------------------------------------


def _assemble(ws: Workspace, roots: Sequence[FileScope], needed: set[Symbol]) -> pr.Program:
    """The program of what is asked for and what that needs, rulesets before those that import them."""
    filters: dict[str, pr.FilterDeclaration] = {}
    sets: dict[str, pr.SetDeclaration] = {}
    tables: dict[str, pr.TableDeclaration] = {}
    profiles: dict[str, pr.ProfileDeclaration] = {}
    anomalies: dict[str, pr.AnomalyDeclaration] = {}
    checks: dict[str, pr.CheckDeclaration] = {}
    parameters: dict[str, pr.Parameter] = {}
    rulesets: dict[str, pr.Ruleset] = {}
    maps: dict[str, MapTable] = {
        name: ws.maps[name] for name in ("name", "country", "asn") if name in ws.maps
    }
    bound_tables: dict[str, Mapping[tuple[object, ...], Mapping[str, object]]] = {}
    for scope in in_order(ws.scopes):
        symbols = [s for s in scope.symbols.values() if s in needed]
        if scope in roots or symbols:
            rulesets[scope.ruleset] = pr.Ruleset(
                scope.ruleset, scope.path, metadata(scope.file), scope in roots
            )
        for symbol in symbols:
            name = symbol.qualified
            match ws.known.get(symbol):
                case CheckedFilter(declaration=declaration):
                    filters[name] = declaration
                case CheckedSet(declaration=declaration):
                    sets[name] = declaration
                case CheckedTable(declaration=pr.TableDeclaration() as declaration):
                    tables[name] = declaration
                case CheckedTable():
                    bound_tables[name] = ws.bound_tables[name]
                case CheckedProfile(declaration=declaration):
                    profiles[name] = declaration
                case CheckedMap():
                    maps[name] = ws.maps[name]
                case CheckedFinding(declaration=pr.AnomalyDeclaration() as declaration):
                    anomalies[name] = declaration
                case CheckedFinding(declaration=pr.CheckDeclaration() as declaration):
                    checks[name] = declaration
            if symbol.kind == "param":
                parameters[name] = _parameter(ws, symbol)
    return pr.Program(
        rulesets=rulesets,
        parameters=parameters,
        filters=filters,
        sets=sets,
        tables=tables,
        profiles=profiles,
        anomalies=anomalies,
        checks=checks,
        maps=maps,
        bound_tables=bound_tables,
        names=ws.bindings.names,
        internal=ws.bindings.internal,
        direction=ws.bindings.direction,
        sampling=ws.bindings.sampling,
        assume=ws.bindings.assume,
    )


def _parameter(ws: Workspace, symbol: Symbol) -> pr.Parameter:
    from flowrules.check.attributes import declared

    checked = ws.known.get(symbol)
    value: object = None
    type_ = t.TEXT
    match checked:
        case Constant():
            value, type_ = checked.value, checked.type
        case CheckedMap():
            value, type_ = ws.maps[symbol.qualified], t.map_of(*checked.keys)
        case CheckedTable():
            value = ws.bound_tables[symbol.qualified]
            type_ = t.Type("table", (*(k.type for k in checked.keys), *checked.columns.values()))
    origin = ws.origins.get(symbol, "default")
    return pr.Parameter(**declared(ws, symbol), type=type_, value=value, origin=origin)
