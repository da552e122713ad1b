"""The language server: what an editor asks, and what it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Final

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer

from flowrules import __version__
from flowrules.lsp import colours, findings
from flowrules.lsp.completion import Offer, complete
from flowrules.lsp.findings import Found
from flowrules.lsp.hints import hints
from flowrules.lsp.hover import hover
from flowrules.lsp.names import Names, Occurrence, Target, names_of
from flowrules.lsp.outline import outline
from flowrules.lsp.positions import Positions
from flowrules.lsp.project import Project, path_of, uri_of
from flowrules.lsp.renaming import CannotRename, check_new_name, edits, references, renamable
from flowrules.model.source_text import SourceText, Span
from flowrules.syntax.diagnostics import Fix, RulesetErrors
from flowrules.syntax.formatting.formatter import LayoutFault, format_source
from flowrules.syntax.parser import parse
from flowrules.syntax.tokens import tokens

CHECK_AFTER: Final = 0.1
"""Seconds of rest after a change before a file is checked."""

LINT_AFTER: Final = 0.4
"""Seconds more before it is linted: proofs take longer than the check."""


class FlowrulesServer(LanguageServer):
    """A server of one editor's window."""

    def __init__(self, site: Path | None = None) -> None:
        super().__init__(
            "flowrules", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Incremental
        )
        self.project = Project(site=site)
        self.given_site = site
        self.dismissed = False
        self.found: dict[str, tuple[SourceText, list[Found]]] = {}
        self.turns: dict[str, int] = {}

    # ---- texts ----------------------------------------------------------------------------------------

    def take(self, uri: str) -> str:
        """Takes over the text of an open document; gives its path."""
        document = self.workspace.get_text_document(uri)
        path = path_of(uri)
        self.project.open[path] = SourceText(path, document.source)
        self.project.changed()
        return path

    def positions(self, path: str) -> Positions | None:
        """The positions of a file, as this editor counts them."""
        source = self.project.source(path)
        if source is None:
            return None
        return Positions(source.text, str(self.workspace.position_encoding or "utf-16").lower())

    def names(self, path: str) -> Names:
        """The names of a file."""
        known = self.project.scope(path)
        return Names(path, ()) if known is None else names_of(*known)

    def at(self, params: Any) -> tuple[str, Positions, int] | None:
        """The path, its positions and the offset that a request speaks of."""
        path = path_of(params.text_document.uri)
        positions = self.positions(path)
        return None if positions is None else (path, positions, positions.offset(params.position))

    def location(self, path: str, span: Span) -> lsp.Location | None:
        """A place in a file."""
        uri, positions = uri_of(path), self.positions(path)
        return None if uri is None or positions is None else lsp.Location(uri, positions.of(span))

    # ---- findings -------------------------------------------------------------------------------------

    async def look_at(self, uri: str) -> None:
        """Checks a file when its author rests, and lints it when they rest longer."""
        path = path_of(uri)
        turn = self.turns[path] = self.turns.get(path, 0) + 1
        await asyncio.sleep(CHECK_AFTER)
        if self.turns.get(path) == turn and path in self.project.open:
            self.publish(uri, findings.checked(self.project, path))
            await asyncio.sleep(LINT_AFTER)
            if self.turns.get(path) == turn and path in self.project.open:
                self.publish(uri, findings.linted(self.project, path))

    def publish(self, uri: str, found: list[Found]) -> None:
        """Shows what was found in a file."""
        path = path_of(uri)
        source, positions = self.project.source(path), self.positions(path)
        if source is None or positions is None:
            return
        self.found[path] = source, found
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(
                uri=uri,
                diagnostics=[findings.shown(f, positions, self.project) for f in found],
                version=self.workspace.get_text_document(uri).version,
            )
        )

    async def look_at_all(self) -> None:
        """Looks at every open file again."""
        uris = [u for u in self.workspace.text_documents if path_of(u) in self.project.open]
        await asyncio.gather(*(self.look_at(uri) for uri in uris))


def serve(site: Path | None, source: BinaryIO, output: BinaryIO) -> bool:
    """Serves until the editor ends it or goes away; whether it said goodbye (``shutdown``) before."""
    server = make_server(site)
    server.start_io(source, output)
    return server.dismissed


def make_server(site: Path | None = None) -> FlowrulesServer:
    """A server that has not been started; ``site`` is the site file that binds parameters."""
    server = FlowrulesServer(site)
    _lifetime(server)
    _reading(server)
    _writing(server)
    return server


# ---- opening, changing, closing -----------------------------------------------------------------------


def _lifetime(server: FlowrulesServer) -> None:
    @server.feature(lsp.INITIALIZED)
    def initialized(ls: FlowrulesServer, params: lsp.InitializedParams) -> None:
        ls.project.folders = tuple(Path(path_of(f.uri)) for f in ls.workspace.folders.values())
        if not ls.project.folders and ls.workspace.root_path:
            ls.project.folders = (Path(ls.workspace.root_path),)

    @server.feature(lsp.INITIALIZE)
    def initialize(ls: FlowrulesServer, params: lsp.InitializeParams) -> None:
        options = params.initialization_options
        site = options.get("site") if isinstance(options, dict) else getattr(options, "site", None)
        if isinstance(site, str) and site and ls.given_site is None:
            root = path_of(params.root_uri) if params.root_uri else "."
            ls.project.site = Path(root, site)

    @server.feature(lsp.SHUTDOWN)
    def shutdown(ls: FlowrulesServer, params: None) -> None:
        ls.dismissed = True

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(ls: FlowrulesServer, params: lsp.DidOpenTextDocumentParams) -> None:
        ls.take(params.text_document.uri)
        await ls.look_at(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(ls: FlowrulesServer, params: lsp.DidChangeTextDocumentParams) -> None:
        ls.take(params.text_document.uri)
        await ls.look_at(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(ls: FlowrulesServer, params: lsp.DidSaveTextDocumentParams) -> None:
        ls.project.changed(files=True)
        await ls.look_at_all()

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(ls: FlowrulesServer, params: lsp.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        path = path_of(uri)
        ls.project.open.pop(path, None)
        ls.found.pop(path, None)
        ls.project.changed()
        ls.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri=uri, diagnostics=[]))

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def did_change_files(ls: FlowrulesServer, params: lsp.DidChangeWatchedFilesParams) -> None:
        ls.project.changed(files=True)
        await ls.look_at_all()

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def did_change_folders(ls: FlowrulesServer, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        ls.project.folders = tuple(Path(path_of(f.uri)) for f in ls.workspace.folders.values())
        ls.project.changed(files=True)
        await ls.look_at_all()


# ---- questions ----------------------------------------------------------------------------------------

_COMPLETION_KINDS: Final = {
    "keyword": lsp.CompletionItemKind.Keyword, "type": lsp.CompletionItemKind.TypeParameter,
    "severity": lsp.CompletionItemKind.EnumMember, "attribute": lsp.CompletionItemKind.Property,
    "metadata": lsp.CompletionItemKind.Property, "field": lsp.CompletionItemKind.Field,
    "measure": lsp.CompletionItemKind.Method, "function": lsp.CompletionItemKind.Function,
    "filter": lsp.CompletionItemKind.Function, "module": lsp.CompletionItemKind.Module,
    "param": lsp.CompletionItemKind.Variable, "ports": lsp.CompletionItemKind.Constant,
    "nets": lsp.CompletionItemKind.Constant, "schedule": lsp.CompletionItemKind.Constant,
    "map": lsp.CompletionItemKind.Function, "set": lsp.CompletionItemKind.Struct,
    "table": lsp.CompletionItemKind.Struct, "profile": lsp.CompletionItemKind.Class,
    "feature": lsp.CompletionItemKind.Property, "verdict": lsp.CompletionItemKind.EnumMember,
    "anomaly": lsp.CompletionItemKind.Event, "column": lsp.CompletionItemKind.Field,
}  # fmt: skip


def _item(order: int, offer: Offer, snippets: bool) -> lsp.CompletionItem:
    item = lsp.CompletionItem(
        label=offer.text,
        kind=_COMPLETION_KINDS.get(offer.kind, lsp.CompletionItemKind.Value),
        detail=offer.detail or None,
        sort_text=f"{order:04}",
    )
    if snippets and offer.snippet is not None:
        item.insert_text = offer.snippet
        item.insert_text_format = lsp.InsertTextFormat.Snippet
    return item


def _takes_snippets(ls: FlowrulesServer) -> bool:
    document = ls.client_capabilities.text_document
    completion = document.completion if document is not None else None
    item = completion.completion_item if completion is not None else None
    return bool(item is not None and item.snippet_support)


def _reading(server: FlowrulesServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def on_hover(ls: FlowrulesServer, params: lsp.HoverParams) -> lsp.Hover | None:
        place = ls.at(params)
        known = ls.project.scope(place[0]) if place is not None else None
        if place is None or known is None:
            return None
        path, positions, offset = place
        source = ls.project.source(path)
        assert source is not None
        found = hover(*known, ls.names(path), tokens(source), offset)
        if found is None:
            return None
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, found[0]), positions.of(found[1]))

    @server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=[".", "@", ":", "{", "("])
    )
    def on_completion(ls: FlowrulesServer, params: lsp.CompletionParams) -> lsp.CompletionList:
        place = ls.at(params)
        offers = complete(ls.project, place[0], place[2]) if place is not None else []
        snippets = _takes_snippets(ls)
        return lsp.CompletionList(False, [_item(n, offer, snippets) for n, offer in enumerate(offers)])

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def on_definition(ls: FlowrulesServer, params: lsp.DefinitionParams) -> lsp.Location | None:
        place = ls.at(params)
        occurrence = ls.names(place[0]).at(place[2]) if place is not None else None
        if occurrence is None or occurrence.target is None:
            return None
        return ls.location(occurrence.target.path, occurrence.target.span)

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def on_references(ls: FlowrulesServer, params: lsp.ReferenceParams) -> list[lsp.Location]:
        target = _target(ls, params)
        if target is None:
            return []
        found = [
            ls.location(path, occurrence.span)
            for path, occurrence in references(ls.project, target)
            if params.context.include_declaration or not occurrence.declares
        ]
        return [location for location in found if location is not None]

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def on_highlight(ls: FlowrulesServer, params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
        place, target = ls.at(params), _target(ls, params)
        if place is None or target is None:
            return []
        kinds = {True: lsp.DocumentHighlightKind.Write, False: lsp.DocumentHighlightKind.Read}
        return [
            lsp.DocumentHighlight(place[1].of(o.span), kinds[o.declares])
            for o in ls.names(place[0]).occurrences
            if target in (o.target, o.alias)
        ]

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def on_symbols(ls: FlowrulesServer, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        path = path_of(params.text_document.uri)
        source, positions = ls.project.source(path), ls.positions(path)
        return [] if source is None or positions is None else outline(parse(source).file, positions)

    legend = lsp.SemanticTokensLegend(list(colours.TYPES), list(colours.MODIFIERS))

    @server.feature(lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, legend)
    def on_semantic_tokens(ls: FlowrulesServer, params: lsp.SemanticTokensParams) -> lsp.SemanticTokens:
        path = path_of(params.text_document.uri)
        source, positions = ls.project.source(path), ls.positions(path)
        if source is None or positions is None:
            return lsp.SemanticTokens([])
        return lsp.SemanticTokens(
            colours.encoded(colours.coloured(tokens(source), ls.names(path)), positions)
        )

    @server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
    def on_inlay_hints(ls: FlowrulesServer, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
        path = path_of(params.text_document.uri)
        known, positions = ls.project.scope(path), ls.positions(path)
        if known is None or positions is None:
            return []
        start, end = positions.offset(params.range.start), positions.offset(params.range.end)
        return [
            lsp.InlayHint(positions.position(at), text, kind=lsp.InlayHintKind.Parameter, tooltip=whole)
            for at, text, whole in hints(known[0], names_of(*known))
            if start <= at <= end
        ]


def _occurrence(ls: FlowrulesServer, params: Any) -> Occurrence | None:
    place = ls.at(params)
    return None if place is None else ls.names(place[0]).at(place[2])


def _target(ls: FlowrulesServer, params: Any) -> Target | None:
    occurrence = _occurrence(ls, params)
    return None if occurrence is None else occurrence.target


# ---- changes ------------------------------------------------------------------------------------------


def _writing(server: FlowrulesServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    def on_formatting(ls: FlowrulesServer, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
        path = path_of(params.text_document.uri)
        source, positions = ls.project.source(path), ls.positions(path)
        if source is None or positions is None:
            return None
        try:
            text = format_source(source)
        except RulesetErrors:
            return None  # the errors stand beside their lines already
        except LayoutFault as fault:
            ls.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, f"flowrules: {fault.what}"))
            return None
        return [] if text == source.text else [lsp.TextEdit(positions.whole(), text)]

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    def on_prepare_rename(
        ls: FlowrulesServer, params: lsp.PrepareRenameParams
    ) -> lsp.PrepareRenamePlaceholder | None:
        place, occurrence = ls.at(params), _occurrence(ls, params)
        try:
            renamable(occurrence)
        except CannotRename as error:
            raise JsonRpcInvalidParams(str(error)) from None
        if place is None or occurrence is None:
            return None
        return lsp.PrepareRenamePlaceholder(place[1].of(occurrence.span), occurrence.text)

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    def on_rename(ls: FlowrulesServer, params: lsp.RenameParams) -> lsp.WorkspaceEdit:
        try:
            target = renamable(_occurrence(ls, params))
            check_new_name(ls.project, target, params.new_name)
        except CannotRename as error:
            raise JsonRpcInvalidParams(str(error)) from None
        changes: dict[str, list[lsp.TextEdit]] = {}
        for path, span in edits(ls.project, target):
            location = ls.location(path, span)
            if location is not None:
                changes.setdefault(location.uri, []).append(lsp.TextEdit(location.range, params.new_name))
        return lsp.WorkspaceEdit(changes=changes)

    kinds = [lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.SourceFixAll]

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=kinds))
    def on_code_action(ls: FlowrulesServer, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = params.text_document.uri
        path = path_of(uri)
        positions = ls.positions(path)
        if positions is None:
            return []
        start, end = positions.offset(params.range.start), positions.offset(params.range.end)
        of, every = ls.found.get(path, (None, []))
        if of != ls.project.source(path):
            return []  # found in a text that has changed since: their places are others now
        found = [f for f in every if f.remedy is not None and f.span is not None]
        touched = [f for f in found if f.span is not None and f.span.start <= end and f.span.end >= start]
        out = [_action(ls, uri, positions, f) for f in touched]
        safe = [f for f in found if f.remedy is not None and f.remedy.safe]
        if safe and len(safe) > 1:
            out.append(_fix_all(ls, uri, positions, safe))
        only = params.context.only
        return [a for a in out if not only or any(_value(a.kind).startswith(_value(k)) for k in only)]


def _value(kind: lsp.CodeActionKind | str | None) -> str:
    return kind.value if isinstance(kind, lsp.CodeActionKind) else kind or ""


def _action(ls: FlowrulesServer, uri: str, positions: Positions, found: Found) -> lsp.CodeAction:
    assert found.remedy is not None
    remedy = found.remedy
    return lsp.CodeAction(
        title=remedy.title if remedy.safe else f"{remedy.title} (changes the meaning)",
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[findings.shown(found, positions, ls.project)],
        is_preferred=remedy.safe,
        edit=lsp.WorkspaceEdit(changes={uri: _edits(positions, remedy.edits)}),
    )


def _fix_all(ls: FlowrulesServer, uri: str, positions: Positions, found: list[Found]) -> lsp.CodeAction:
    """All safe fixes of a file that do not overlap."""
    taken: list[Fix] = []
    for one in found:
        remedy = one.remedy
        if remedy is not None and not any(_overlap(a, b) for a in remedy.edits for b in taken):
            taken += remedy.edits
    return lsp.CodeAction(
        title="flowrules: put right what can be without changing the meaning",
        kind=lsp.CodeActionKind.SourceFixAll,
        edit=lsp.WorkspaceEdit(changes={uri: _edits(positions, taken)}),
    )


def _overlap(one: Fix, other: Fix) -> bool:
    return one.span.start <= other.span.end and other.span.start <= one.span.end


def _edits(positions: Positions, fixes: Iterable[Fix]) -> list[lsp.TextEdit]:
    return [lsp.TextEdit(positions.of(fix.span), fix.text) for fix in fixes]
