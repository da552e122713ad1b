"""An editor for tests: a real client that starts ``flowrules lsp`` and talks to it over its pipes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls", reason="pygls is not installed: pip install 'flowrules[lsp]'")

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

ROOT = Path(__file__).resolve().parents[2]
MARK = "‸"
"""Where the cursor stands in a text."""


class Editor:
    """An editor's window on a folder."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.published: dict[str, list[lsp.PublishDiagnosticsParams]] = {}
        self.messages: list[str] = []

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str | None = None) -> str:
        """Opens a file (``text`` instead of what is on the disk); gives its URI."""
        uri = self.uri(name)
        self.texts[uri] = (self.folder / name).read_text() if text is None else text
        self.versions[uri] = 1
        document = lsp.TextDocumentItem(uri, "frules", 1, self.texts[uri])
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(document))
        return uri

    def change(self, uri: str, start: int, end: int, text: str) -> None:
        """Types ``text`` instead of what stands between two offsets."""
        place = lsp.Range(self.position(uri, start), self.position(uri, end))
        self.texts[uri] = self.texts[uri][:start] + text + self.texts[uri][end:]
        self.versions[uri] += 1
        self.client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                lsp.VersionedTextDocumentIdentifier(self.versions[uri], uri),
                [lsp.TextDocumentContentChangePartial(text=text, range=place)],
            )
        )

    def position(self, uri: str, offset: int) -> lsp.Position:
        before = self.texts[uri][:offset]
        line = before.count("\n")
        return lsp.Position(line, len(before.rpartition("\n")[2].encode("utf-16-le")) // 2)

    def at(self, uri: str, text: str, plus: int = 0, nth: int = 0) -> dict[str, Any]:
        """The document and the position of the ``nth`` place where ``text`` stands."""
        at = -1
        for _ in range(nth + 1):
            at = self.texts[uri].index(text, at + 1)
        return {"text_document": lsp.TextDocumentIdentifier(uri), "position": self.position(uri, at + plus)}

    def cut(self, place: lsp.Range, uri: str) -> str:
        """The text of a range."""
        return self.texts[uri][self.offset(uri, place.start) : self.offset(uri, place.end)]

    def offset(self, uri: str, position: lsp.Position) -> int:
        lines = self.texts[uri].split("\n")
        line = lines[position.line].encode("utf-16-le")[: position.character * 2].decode("utf-16-le")
        return sum(len(text) + 1 for text in lines[: position.line]) + len(line)

    def edited(self, uri: str, edits: list[lsp.TextEdit]) -> str:
        """A text after edits that do not overlap."""
        text = self.texts[uri]
        spans = sorted(
            ((self.offset(uri, e.range.start), self.offset(uri, e.range.end), e.new_text) for e in edits),
            reverse=True,
        )
        for start, end, new in spans:
            text = text[:start] + new + text[end:]
        return text

    async def diagnostics(self, uri: str, linted: bool = False) -> list[lsp.Diagnostic]:
        """What was said last of the version that stands; ``linted``: wait for the linter too."""
        wanted = 2 if linted else 1
        for _ in range(400):
            said = [p for p in self.published.get(uri, []) if p.version == self.versions[uri]]
            if len(said) >= wanted:
                return list(said[-1].diagnostics)
            await asyncio.sleep(0.05)
        raise AssertionError(f"nothing was said of version {self.versions[uri]} of {uri}")


@asynccontextmanager
async def editor(
    folder: Path, *arguments: str, site: str | None = None, encodings: list[str] | None = None
) -> AsyncIterator[Editor]:
    """Starts the server on a folder, and sees to it that it ends by itself."""
    client = LanguageClient("tests", "1")
    window = Editor(client, folder)

    @client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def publish(params: lsp.PublishDiagnosticsParams) -> None:
        window.published.setdefault(params.uri, []).append(params)

    @client.feature(lsp.WINDOW_SHOW_MESSAGE)
    def show(params: lsp.ShowMessageParams) -> None:
        window.messages.append(params.message)

    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("FLOWRULES_PATH", None)
    await client.start_io(sys.executable, "-m", "flowrules", "lsp", "--stdio", *arguments, env=environment)
    capabilities = lsp.ClientCapabilities(
        general=lsp.GeneralClientCapabilities(position_encodings=encodings or ["utf-16"]),
        text_document=lsp.TextDocumentClientCapabilities(
            completion=lsp.CompletionClientCapabilities(
                completion_item=lsp.ClientCompletionItemOptions(snippet_support=True)
            )
        ),
    )
    try:
        await asyncio.wait_for(
            client.initialize_async(
                lsp.InitializeParams(
                    capabilities=capabilities,
                    root_uri=folder.as_uri(),
                    workspace_folders=[lsp.WorkspaceFolder(folder.as_uri(), folder.name)],
                    initialization_options={"site": site},
                )
            ),
            30,
        )
        client.initialized(lsp.InitializedParams())
        yield window
        await asyncio.wait_for(client.shutdown_async(None), 30)
        client.exit(None)
    finally:
        server = client._server
        if server is not None and server.returncode is None:
            try:
                await asyncio.wait_for(server.wait(), 10)
            except TimeoutError:
                server.kill()
        await client.stop()
    assert server is not None
    assert server.returncode == 0, server.returncode
