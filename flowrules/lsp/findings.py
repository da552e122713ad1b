"""What is wrong with a file, as an editor shows it, and what puts it right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from attrs import frozen
from lsprotocol import types as lsp

from flowrules.lint.finding import Finding
from flowrules.lint.pages import known_codes, page_of
from flowrules.lint.registry import Loaded, RuleError, all_rules
from flowrules.lint.run import Surroundings, lint
from flowrules.lint.settings import Settings, SettingsError, find_settings, load_settings
from flowrules.lsp.positions import Positions
from flowrules.lsp.project import Project, uri_of
from flowrules.model.source_text import Span
from flowrules.syntax.diagnostics import Diagnostic, Fix

SOURCE = "flowrules"

_SEVERITIES = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "notice": lsp.DiagnosticSeverity.Information,
    "info": lsp.DiagnosticSeverity.Hint,
}
_UNNECESSARY = frozenset(
    {"unused-import", "unused-parameter", "unused-declaration", "redundant-conjunct", "redundant-alternative"}
    | {"impossible-alternative", "shadowed-verdict", "idle-exception", "unused-suppression"}
)


@frozen
class Remedy:
    """Edits that put a finding right."""

    title: str
    edits: tuple[Fix, ...]
    safe: bool


@frozen
class Found:
    """A finding of one file and what would mend it."""

    diagnostic: Diagnostic
    remedy: Remedy | None = None
    witness: str | None = None

    @property
    def span(self) -> Span | None:
        """The place."""
        return self.diagnostic.span


def checked(project: Project, path: str) -> list[Found]:
    """What the checker says of a file: those of its findings that stand in it."""
    result = project.result(path)
    if result is None:
        return []
    found = [_found(d) for d in result.diagnostics if d.span is not None and d.span.path == path]
    return [*found, *(_found(d) for d in project.site_faults if d.span is None)]


def linted(project: Project, path: str) -> list[Found]:
    """What the linter says of a file, the checker's findings among it."""
    source = project.source(path)
    if source is None:
        return []
    bindings, files = project.bindings()
    try:
        rules = all_rules()
    except RuleError:
        rules = []
    around = Surroundings(project.find_ruleset, project.names, bindings, files)
    result = lint([source], rules, _settings(path, rules), around, date.today())
    return [_of_finding(f) for f in result.findings if f.span is not None and f.span.path == path]


def _settings(path: str, rules: list[Loaded] | tuple[Loaded, ...]) -> Settings:
    """The settings that the command would take for a file; wrong ones are the command's to report."""
    folder = Path(path).parent
    if not folder.is_dir():
        return Settings()
    file = find_settings(folder)
    if file is None:
        return Settings()
    known = {r.rule.code: r.rule.name for r in rules}
    for code in known_codes():
        page = page_of(code)
        if page is not None:
            known.setdefault(code, page.name)
    try:
        return load_settings(file, known)
    except SettingsError:
        return Settings()


def _found(d: Diagnostic) -> Found:
    remedy = None
    if d.fix is not None:
        text = d.fix.text.strip()
        remedy = Remedy(f"write {text}" if text else "leave it out", (d.fix,), safe=True)
    return Found(d, remedy)


def _of_finding(finding: Finding) -> Found:
    witness = None if finding.witness is None else str(finding.witness)
    if finding.mend is None:
        return Found(_found(finding.diagnostic).diagnostic, _found(finding.diagnostic).remedy, witness)
    mend = finding.mend
    return Found(finding.diagnostic, Remedy(mend.what, mend.edits, mend.safe), witness)


def shown(found: Found, positions: Positions, project: Project) -> lsp.Diagnostic:
    """A finding as the protocol says it."""
    d = found.diagnostic
    span = d.span
    place = positions.of(span) if span is not None else lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))
    lines = [d.message, d.hint or "", f"for instance {found.witness}" if found.witness else ""]
    message = "\n".join(line for line in lines if line)
    tags = []
    if d.name in _UNNECESSARY:
        tags.append(lsp.DiagnosticTag.Unnecessary)
    if d.code == "FR290":
        tags.append(lsp.DiagnosticTag.Deprecated)
    return lsp.Diagnostic(
        range=place,
        message=message,
        severity=_SEVERITIES[d.severity],
        code=d.code,
        source=SOURCE,
        tags=tags or None,
        related_information=list(_related(d, positions, project)) or None,
    )


def _related(
    d: Diagnostic, positions: Positions, project: Project
) -> Iterator[lsp.DiagnosticRelatedInformation]:
    for span, message in d.related:
        uri = uri_of(span.path)
        if uri is None:
            continue
        there = positions
        if d.span is None or span.path != d.span.path:
            source = project.source(span.path)
            if source is None:
                continue
            there = Positions(source.text, positions.encoding)
        yield lsp.DiagnosticRelatedInformation(lsp.Location(uri, there.of(span)), message)
