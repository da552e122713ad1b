"""The language server as an editor meets it: every request over its pipes, on real files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.lsp.editor import MARK, Editor, editor, lsp

PORTS = """\
## Port lists.
ruleset acme.ports {
    version "1.0.0"
    license "CC0-1.0"
    tlp     clear
}

## Ports that web servers answer on.
ports web = 80, 443, 8000-8080
nets  lab = 192.0.2.0/24, 2001:db8::/32

@deprecated("use talked, since 1.1.0")
filter spoke  = tcp and flags has A
filter talked = tcp and flags has A and packets >= 4
"""

SCANS = """\
ruleset acme.scans {
    version "1.0.0"
}

import acme.ports (web, talked as conversation)
import acme.ports as p

param min_packets "How many" : count = 4 in 1 .. 1000
param office : schedule

## Requests to the web.
filter request = outbound and tcp and dport in web and packets >= min_packets
filter odd     = request and conversation and sip in p.lab

set clients = sip of request
table volume = sum(bytes), flows as n of request per sip, bin(stime, 1h) as hour keep n >= 2

profile client "Clients" {
    hosts clients
    feature sent  = sum(bytes) of request per sip
    feature twice = 2 * sent
    verdict big "Big one"
        when sent >= 10MB and twice >= 1kB
        because "sent {sent}"
    verdict small otherwise
    anomaly odd_one : warning when verdict = big
}

anomaly often : notice in volume when n > 3 because "{sip}: {n}"

test "é: one request" {
    param office = mon-fri 08:00-18:00 UTC
    param min_packets = 1
    flows \"\"\"
    type | sip       | dip          | dport | protocol | flags | packets
    out  | 192.0.2.1 | 198.51.100.1 | 443   | 6        | SA    | 4
    \"\"\"
    expect client.big = {}
    expect volume.n[192.0.2.1, 2026-01-05T12:00Z] = 1
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "ports.frules").write_text(PORTS)
    (tmp_path / "scans.frules").write_text(SCANS)
    return tmp_path


def driven(
    folder: Path, drive: Callable[[Editor], Awaitable[None]], *arguments: str, **settings: object
) -> None:
    async def run() -> None:
        async with editor(folder, *arguments, **settings) as window:  # type: ignore[arg-type]
            await drive(window)

    asyncio.run(asyncio.wait_for(run(), 120))


def test_what_the_server_can(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("scans.frules")
        assert await window.diagnostics(uri) == []

    driven(folder, drive)


# ---- findings -----------------------------------------------------------------------------------------


def test_errors_as_one_types(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("scans.frules")
        assert await window.diagnostics(uri) == []

        at = window.texts[uri].index("dport in web")
        window.change(uri, at, at + 5, "dprot")
        [found] = await window.diagnostics(uri)
        assert (found.code, found.source, found.severity) == (
            "FR201",
            "flowrules",
            lsp.DiagnosticSeverity.Error,
        )
        assert window.cut(found.range, uri) == "dprot"
        assert "dport" in found.message

        window.change(uri, at, at + 5, "dport")
        assert await window.diagnostics(uri) == []

    driven(folder, drive)


def test_an_error_in_an_open_import_is_seen_and_its_mending_too(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        ports = window.open("sub/ports.frules")
        at = window.texts[ports].index("web = 80")
        window.change(ports, at, at + 3, "www")
        await window.diagnostics(ports)
        uri = window.open("scans.frules")
        found = await window.diagnostics(uri)
        assert [window.cut(d.range, uri) for d in found][:1] == ["web"]
        assert "acme.ports has no web" in found[0].message

    driven(folder, drive)


def test_the_linter_speaks_after_the_checker(folder: Path) -> None:
    text = "filter a = tcp and udp\nfilter b = tcp and flags has S\n"

    async def drive(window: Editor) -> None:
        uri = window.open("new.frules", text)
        assert await window.diagnostics(uri) == []
        found = await window.diagnostics(uri, linted=True)
        assert "FR301" in [d.code for d in found]
        first = next(d for d in found if d.code == "FR301")
        assert window.cut(first.range, uri).startswith("tcp") or "udp" in window.cut(first.range, uri)
        assert first.related_information

    driven(folder, drive)


def test_places_with_wide_characters(folder: Path) -> None:
    text = '## 😀 é\nfilter a = sensor = "😀😀" and dprot = 80\n'

    async def drive(window: Editor) -> None:
        uri = window.open("new.frules", text)
        [found] = await window.diagnostics(uri)
        assert window.cut(found.range, uri) == "dprot"

    driven(folder, drive)


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 35), ("utf-16", 31), ("utf-32", 29)])
def test_places_in_the_editors_own_count(folder: Path, encoding: str, column: int) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("new.frules", 'filter a = sensor = "😀😀" and dprot = 80\n')
        [found] = await window.diagnostics(uri)
        assert found.range.start == lsp.Position(0, column)

    driven(folder, drive, encodings=[encoding])


def test_closing_takes_findings_away(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("new.frules", "filter a = ")
        assert await window.diagnostics(uri)
        window.client.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(uri)))
        for _ in range(100):
            if not window.published[uri][-1].diagnostics:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the findings stay")

    driven(folder, drive)


def test_quick_fixes(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("new.frules", "filter a = tcp && dport == 80\n")
        found = await window.diagnostics(uri)
        assert found
        actions = await window.client.text_document_code_action_async(
            lsp.CodeActionParams(
                lsp.TextDocumentIdentifier(uri),
                lsp.Range(lsp.Position(0, 0), lsp.Position(0, 30)),
                lsp.CodeActionContext(diagnostics=found),
            )
        )
        assert actions
        edits = [e for a in actions if a.kind == lsp.CodeActionKind.QuickFix for e in a.edit.changes[uri]]
        mended = window.edited(uri, edits)
        assert mended == "filter a = tcp and dport = 80\n"
        window.change(uri, 0, len(window.texts[uri]), mended)
        assert await window.diagnostics(uri) == []
        everything = next(a for a in actions if a.kind == lsp.CodeActionKind.SourceFixAll)
        assert len(everything.edit.changes[uri]) == len(edits)

    driven(folder, drive)


def test_a_quick_fix_of_the_linter(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("new.frules", "import sei.ports (web)\nfilter a = tcp\n")
        found = await window.diagnostics(uri, linted=True)
        unused = next(d for d in found if d.code == "FR403")
        assert lsp.DiagnosticTag.Unnecessary in (unused.tags or [])
        actions = await window.client.text_document_code_action_async(
            lsp.CodeActionParams(
                lsp.TextDocumentIdentifier(uri), unused.range, lsp.CodeActionContext(diagnostics=[unused])
            )
        )
        edits = actions[0].edit.changes[uri]
        assert "import" not in window.edited(uri, edits)

    driven(folder, drive)


# ---- hover --------------------------------------------------------------------------------------------


HOVERS = [
    ("dport in web", ["**dport** · port", "destination port", "rwcut calls it `dPort`"]),
    ("web and packets", ["**web** · list of ports", "80, 443, 8000-8080", "83 ports", "answer on"]),
    ("lab\n\nset", ["**lab**", "192.0.2.0/24", "2 blocks"]),
    (
        "request and conv",
        ["**request** · filter", "Needs:", "dport", "packets", "protocol", "Direction: outbound"],
    ),
    ("min_packets\n", ["**min_packets**", "Value: `4`", "How many"]),
    ("office : sch", ["No value: the site binds it"]),
    (
        "sum(bytes) of request per sip\n",
        ["**sum(summable)** · measure", "exact sum", "Where nothing matched: 0"],
    ),
    ("10MB", ["10,000,000 bytes"]),
    ("when sent", ["when condition"]),
    ("sent >= 10MB", ["**sent** · feature of client", "Type: bytes"]),
    ("big = {}", ["**big** · verdict of client", "Big one"]),
    ("outbound and tcp and dport", ["**outbound** · filter", "inside to outside"]),
    ("conversation and", ["**talked** · filter of acme.ports"]),
    ("p.lab", ["**acme.ports** · ruleset", "version: 1.0.0"]),
    ("n > 3", ["**n** · column of volume", "Type: count"]),
    ("client.big", ["**client** · profile", "Verdicts: big, small"]),
    (
        "volume when",
        ["**volume** · table", "Keys: sip (address), hour (time)", "Columns: bytes (bytes), n (count)"],
    ),
]


def test_hover(folder: Path) -> None:
    wrong = []

    async def drive(window: Editor) -> None:
        uri = window.open("scans.frules")
        for text, expected in HOVERS:
            found = await window.client.text_document_hover_async(lsp.HoverParams(**window.at(uri, text)))
            said = found.contents.value if found is not None else ""
            wrong.extend((text, part, said) for part in expected if part not in said)

    driven(folder, drive)
    assert not wrong


# ---- completion ---------------------------------------------------------------------------------------


async def offered(window: Editor, text: str) -> dict[str, lsp.CompletionItem]:
    at = text.index(MARK)
    uri = window.open("typed.frules", text.replace(MARK, "", 1))
    found = await window.client.text_document_completion_async(
        lsp.CompletionParams(lsp.TextDocumentIdentifier(uri), window.position(uri, at))
    )
    return {item.label: item for item in found.items}


COMPLETIONS = [
    (f"{MARK}", ["filter", "param", "profile", "test"], ["and", "sip"]),
    (f"filter a = tcp and d{MARK}", ["dport", "dip", "not"], ["profile", "verdict"]),
    (f"filter a = tcp {MARK}", ["and", "or", "in"], ["filter", "keep"]),
    (f"filter a = tcp\n{MARK}", ["and", "filter", "table"], ["keep"]),
    (f"import acme.ports ({MARK})", ["web", "talked", "lab"], ["sip"]),
    (f"import {MARK}", ["acme.ports", "acme.scans", "sei.ports"], ["filter"]),
    (f"import acme.{MARK}", ["ports", "scans"], ["sei.ports"]),
    (f"import acme.ports as p\nfilter a = dport in p.{MARK}", ["web", "lab"], ["dport"]),
    (f"param x : {MARK}", ["count", "percent", "schedule"], ["sip", "warning"]),
    (f"check x : {MARK}", ["warning", "error"], ["count"]),
    (f"table t = flows as n of all per sip\nset s = t.{MARK}", ["sip", "n"], ["dip"]),
    (f"ruleset x {{ {MARK} }}", ["version", "license", "tlp"], ["filter"]),
    (f'test "x" {{ {MARK} }}', ["expect", "flows", "param"], ["filter"]),
    (f"profile p {{ hosts sip of all\n {MARK} }}", ["feature", "verdict", "entry"], ["filter", "and_"]),
    (f"profile p {{ hosts sip of all feature up = flows of all per sip verdict v when u{MARK} }}", ["up", "host"], []),
    (f"profile p {{ hosts sip of all feature up = flows of all per sip verdict v when {MARK}", ["up"], []),
    (f"table t = flows of tcp per sip keep {MARK}", ["top", "bottom", "cover", "flows"], ["filter"]),
    (f'anomaly a : info when x because "{{{MARK}}}"', ["count", "name"], ["filter"]),
    (f"@{MARK}\nfilter a = tcp", ["private", "deprecated"], ["sip"]),
    (f"filter a = tcp # {MARK}", [], ["sip", "and"]),
    (f'filter a = sensor = "{MARK}"', [], ["sip", "and"]),
]  # fmt: skip


def test_completion(folder: Path) -> None:
    wrong = []

    async def drive(window: Editor) -> None:
        for text, wanted, unwanted in COMPLETIONS:
            items = set(await offered(window, text))
            wrong.extend((text, "is missing", word) for word in wanted if word not in items)
            wrong.extend((text, "is offered", word) for word in unwanted if word in items)

    driven(folder, drive)
    assert not wrong


def test_completions_say_what_they_are(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        items = await offered(window, f"filter a = {MARK}")
        assert items["dport"].detail == "destination port; ICMP: type * 256 + code"
        assert items["dport"].kind == lsp.CompletionItemKind.Field
        assert items["sum"].insert_text == "sum($1)"
        assert items["sum"].insert_text_format == lsp.InsertTextFormat.Snippet

    driven(folder, drive)


# ---- definitions, references, renaming ----------------------------------------------------------------


DEFINITIONS = [
    ("web and packets", "sub/ports.frules", "web = 80"),
    ("lab\n\nset", "sub/ports.frules", "lab = 192"),
    ("conversation and", "sub/ports.frules", "talked = tcp"),
    ("request per sip, bin", "scans.frules", "request = outbound"),
    ("sent >= 10MB", "scans.frules", "sent  = sum"),
    ('sent}"', "scans.frules", "sent  = sum"),
    ("big\n}", "scans.frules", 'big "Big'),
    ("n >= 2", "scans.frules", "n of request"),
    ("n > 3", "scans.frules", "n of request"),
    ('n}"', "scans.frules", "n of request"),
    ("min_packets = 1", "scans.frules", 'min_packets "How'),
    ("acme.ports as", "sub/ports.frules", "acme.ports {"),
    ("sip}: ", "scans.frules", "sip, bin(stime, 1h) as hour"),
]


def test_definition(folder: Path) -> None:
    wrong = []

    async def drive(window: Editor) -> None:
        uri = window.open("scans.frules")
        window.open("sub/ports.frules")
        for text, file, expected in DEFINITIONS:
            found = await window.client.text_document_definition_async(
                lsp.DefinitionParams(**window.at(uri, text))
            )
            if found is None or found.uri != window.uri(file):
                wrong.append((text, found))
                continue
            there = window.texts[found.uri][window.offset(found.uri, found.range.start) :]
            if not there.startswith(expected):
                wrong.append((text, there[:30]))

    driven(folder, drive)
    assert not wrong


def test_definition_of_a_shipped_name_and_of_a_word(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("new.frules", "import sei.ports (web)\nfilter a = tcp and dport in web\n")
        found = await window.client.text_document_definition_async(
            lsp.DefinitionParams(**window.at(uri, "web)"))
        )
        assert found.uri.endswith("/sei/ports.frules")
        none = await window.client.text_document_definition_async(
            lsp.DefinitionParams(**window.at(uri, "tcp"))
        )
        assert none is None

    driven(folder, drive)


def test_references_across_files(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        ports = window.open("sub/ports.frules")
        context = lsp.ReferenceContext(include_declaration=True)
        found = await window.client.text_document_references_async(
            lsp.ReferenceParams(context=context, **window.at(ports, "web = 80"))
        )
        places = sorted((Path(f.uri).name, f.range.start.line) for f in found)
        assert places == [("ports.frules", 8), ("scans.frules", 4), ("scans.frules", 11)]
        found = await window.client.text_document_references_async(
            lsp.ReferenceParams(
                context=lsp.ReferenceContext(include_declaration=False), **window.at(ports, "talked = tcp")
            )
        )
        assert len(found) == 2  # the import, and the use under its other name

    driven(folder, drive)


async def renamed(window: Editor, uri: str, text: str, new: str) -> dict[str, str]:
    """The texts of all files after a rename."""
    edit = await window.client.text_document_rename_async(
        lsp.RenameParams(new_name=new, **window.at(uri, text))
    )
    out = {}
    for changed, edits in edit.changes.items():
        name = str(Path(changed.removeprefix("file://")).relative_to(window.folder))
        window.texts.setdefault(changed, (window.folder / name).read_text())
        out[name] = window.edited(changed, edits)
    return out


def test_rename_across_files(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("scans.frules")
        files = await renamed(window, uri, "web and packets", "web_ports")
        assert set(files) == {"scans.frules", "sub/ports.frules"}
        assert files["sub/ports.frules"] == PORTS.replace("ports web =", "ports web_ports =")
        changed = SCANS.replace("(web,", "(web_ports,").replace("dport in web ", "dport in web_ports ")
        assert files["scans.frules"] == changed

        files = await renamed(window, uri, "conversation and", "exchange")
        assert files == {"scans.frules": SCANS.replace("conversation", "exchange")}

        files = await renamed(window, uri, "talked as", "spoken")
        assert files["sub/ports.frules"] == PORTS.replace("filter talked", "filter spoken")
        assert files["scans.frules"] == SCANS.replace("talked as", "spoken as")

        files = await renamed(window, uri, "sent >= 10MB", "bytes_sent")
        assert files == {
            "scans.frules": SCANS.replace("feature sent ", "feature bytes_sent ")
            .replace("2 * sent", "2 * bytes_sent")
            .replace("when sent", "when bytes_sent")
            .replace("{sent}", "{bytes_sent}")
        }

        files = await renamed(window, uri, "n >= 2", "requests")
        assert files["scans.frules"].count("requests") == 5

    driven(folder, drive)


NO_RENAMES = [
    ("dport in web", "x", "dport is a word of the language"),
    ("acme.ports as", "x", "acme.ports is a ruleset"),
    ("request and conv", "filter", "filter is a word of the language"),
    ("request and conv", "sip", "sip is a word of the language"),
    ("request and conv", "a-b", "is no name"),
    ("request and conv", "odd", "odd is taken in acme.scans"),
    ("twice >= 1kB", "sent", "sent is taken in acme.scans"),
    ("sip}: ", "x", "sip follows from what it names"),
]


def test_what_cannot_be_renamed(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("scans.frules")
        for text, new, message in NO_RENAMES:
            with pytest.raises(Exception, match=message):
                await renamed(window, uri, text, new)

    driven(folder, drive)


def test_prepare_rename(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("scans.frules")
        found = await window.client.text_document_prepare_rename_async(
            lsp.PrepareRenameParams(**window.at(uri, "request and conv", plus=3))
        )
        assert (found.placeholder, window.cut(found.range, uri)) == ("request", "request")
        with pytest.raises(Exception, match="is a word of the language"):
            await window.client.text_document_prepare_rename_async(
                lsp.PrepareRenameParams(**window.at(uri, "outbound"))
            )

    driven(folder, drive)


def test_highlights(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("scans.frules")
        found = await window.client.text_document_document_highlight_async(
            lsp.DocumentHighlightParams(**window.at(uri, "sent  ="))
        )
        assert [window.cut(h.range, uri) for h in found] == ["sent"] * 4
        assert [h.kind for h in found].count(lsp.DocumentHighlightKind.Write) == 1

    driven(folder, drive)


# ---- the whole file -----------------------------------------------------------------------------------


def test_outline(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("scans.frules")
        found = await window.client.text_document_document_symbol_async(
            lsp.DocumentSymbolParams(lsp.TextDocumentIdentifier(uri))
        )
        names = [symbol.name for symbol in found]
        assert names == ["acme.scans", "min_packets", "office", "request", "odd", "clients", "volume", "client", "often", "é: one request"]  # fmt: skip
        profile = next(symbol for symbol in found if symbol.name == "client")
        assert [child.name for child in profile.children] == ["sent", "twice", "big", "small", "odd_one"]
        assert window.cut(profile.selection_range, uri) == "client"

    driven(folder, drive)


def test_layout(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("new.frules", "filter a=tcp # é\nfilter bc=udp")
        params = lsp.DocumentFormattingParams(lsp.TextDocumentIdentifier(uri), lsp.FormattingOptions(4, True))
        edits = await window.client.text_document_formatting_async(params)
        assert window.edited(uri, edits) == "filter a  = tcp  # é\nfilter bc = udp\n"
        window.change(uri, 0, len(window.texts[uri]), "filter a = tcp\n")
        assert list(await window.client.text_document_formatting_async(params)) == []
        window.change(uri, 0, 3, "")
        assert await window.client.text_document_formatting_async(params) is None

    driven(folder, drive)


def test_semantic_tokens(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("scans.frules")
        answer = await window.client.text_document_semantic_tokens_full_async(
            lsp.SemanticTokensParams(lsp.TextDocumentIdentifier(uri))
        )
        from flowrules.lsp.colours import MODIFIERS, TYPES

        found: dict[str, set[str]] = {}
        line = character = 0
        last_end = (0, 0)
        for step, across, length, kind, bits in zip(*[iter(answer.data)] * 5, strict=True):
            line, character = line + step, across if step else character + across
            assert (line, character) >= last_end, "tokens overlap"
            last_end = (line, character + length)
            place = lsp.Range(lsp.Position(line, character), lsp.Position(line, character + length))
            modifiers = [name for n, name in enumerate(MODIFIERS) if bits >> n & 1]
            found.setdefault(window.cut(place, uri), set()).add(" ".join([TYPES[kind], *modifiers]))
        assert found["filter"] == {"keyword"}
        assert found["and"] == {"operator"}
        assert found["dport"] == {"property defaultLibrary"}
        assert found["request"] == {"function declaration", "function"}
        assert found["web"] == {"variable readonly"}
        assert found["sent"] == {"property declaration", "property"}
        assert found["big"] == {"enumMember declaration", "enumMember"}
        assert found["10MB"] == {"number"}
        assert found["## Requests to the web."] == {"comment documentation"}
        assert '"sent {' in found

    driven(folder, drive)


def test_inlay_hints(folder: Path) -> None:
    (folder / "site.yaml").write_text("schedules: {office: 'mon-fri 08:00-18:00 UTC'}\nparams: {acme.scans: {min_packets: 7}}\n")  # fmt: skip

    async def drive(window: Editor) -> None:
        uri = window.open("scans.frules")
        hints = await window.client.text_document_inlay_hint_async(
            lsp.InlayHintParams(
                lsp.TextDocumentIdentifier(uri), lsp.Range(lsp.Position(0, 0), lsp.Position(100, 0))
            )
        )
        at = {window.offset(uri, h.position): h.label for h in hints}
        text = window.texts[uri]
        assert at[text.index("dport in web") + len("dport in web")] == " = 80, 443, 8000-8080"
        assert at[text.index(">= min_packets") + len(">= min_packets")] == " = 7"
        assert at[text.index("office : schedule") + len("office")] == " = mon-fri 08:00-18:00 UTC"
        assert text.index('min_packets "How') + len("min_packets") not in at

    driven(folder, drive, "--site", str(folder / "site.yaml"))
    driven(folder, drive, site="site.yaml")


# ---- what goes wrong ----------------------------------------------------------------------------------


def test_broken_texts_are_answered(folder: Path) -> None:
    """No request fails for what a text holds, wherever the cursor stands."""
    texts = [
        "",
        "filter",
        "filter a = (",
        'test "',
        "profile p {",
        "\x00",
        "# ",
        '"""',
        "import",
        "@",
        "}",
        "a.b.c",
        "filter a = x.y.z[1",
    ]

    async def drive(window: Editor) -> None:
        for n, text in enumerate(texts):
            uri = window.open(f"broken{n}.frules", text)
            document = lsp.TextDocumentIdentifier(uri)
            for offset in range(len(text) + 1):
                place = {"text_document": document, "position": window.position(uri, offset)}
                await window.client.text_document_hover_async(lsp.HoverParams(**place))
                await window.client.text_document_completion_async(lsp.CompletionParams(**place))
                await window.client.text_document_definition_async(lsp.DefinitionParams(**place))
            await window.client.text_document_document_symbol_async(lsp.DocumentSymbolParams(document))
            await window.client.text_document_semantic_tokens_full_async(lsp.SemanticTokensParams(document))
            await window.client.text_document_formatting_async(
                lsp.DocumentFormattingParams(document, lsp.FormattingOptions(4, True))
            )
            await window.diagnostics(uri)
        assert not window.messages

    driven(folder, drive)


def test_a_file_that_is_not_saved_anywhere(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = "untitled:Untitled-1"
        text = "import sei.ports (web)\nfilter a = tcp and dprot in web\n"
        window.texts[uri], window.versions[uri] = text, 1
        window.client.text_document_did_open(
            lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, "frules", 1, text))
        )
        [found] = await window.diagnostics(uri)
        assert window.cut(found.range, uri) == "dprot"

    driven(folder, drive)


def test_files_that_change_on_the_disk(folder: Path) -> None:
    async def drive(window: Editor) -> None:
        uri = window.open("scans.frules")
        assert await window.diagnostics(uri) == []
        path = folder / "sub" / "ports.frules"
        path.write_text(PORTS.replace("ports web", "ports www"))
        before = len(window.published[uri])
        window.client.workspace_did_change_watched_files(
            lsp.DidChangeWatchedFilesParams([lsp.FileEvent(path.as_uri(), lsp.FileChangeType.Changed)])
        )
        for _ in range(200):
            if any(p.diagnostics for p in window.published[uri][before:]):
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the change was not seen")

    driven(folder, drive)
