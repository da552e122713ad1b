"""The documents keep what they promise: links lead somewhere, rulesets parse, commands and targets exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from flowrules.cli import COMMANDS
from flowrules.model.source_text import SourceText
from flowrules.share.site import parse_site
from flowrules.share.site_keys import KEYS
from flowrules.syntax.parser import parse

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
WRITTEN = [path for path in DOCUMENTS if path.parent.name != "rules"]
"""The pages of findings show rules that are wrong on purpose."""

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def blocks(text: str, language: str) -> list[tuple[int, str]]:
    """The fenced blocks of a language, with the line on which each begins."""
    fence = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, match.start(1)) + 1, match[1]) for match in fence.finditer(text)]


def anchors(text: str) -> set[str]:
    """The anchors that headings get."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(text))
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for link in _LINK.findall(re.sub(r"`[^`\n]*`", "", prose)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), f"{path.name} links to {link}"
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), f"{path.name} links to {link}"


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_rulesets_in_documents_parse(path: Path) -> None:
    for line, block in blocks(path.read_text("utf-8"), "frules"):
        # Lines before the block keep the places of the document.
        result = parse(SourceText(str(path), "\n" * (line - 1) + block))
        faults = [f"{d.span.line if d.span else 0}: {d.message}" for d in result.diagnostics if d.is_error]
        assert not faults


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_commands_and_targets_that_documents_name_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    shown = re.findall(r"`([^`\n]+)`", text) + [code for _, code in blocks(text, "(?:console|sh|bash)")]
    for code in shown:
        for name in re.findall(r"(?:^|[$/ (])flowrules ([a-z]+)\b", code, re.MULTILINE):
            assert name in COMMANDS, f"{path.name}: flowrules {name}"
        for targets in re.findall(r"(?:^|[$ ])make ((?:[a-z-]+ ?)+)", code, re.MULTILINE):
            for target in targets.split():
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{path.name}: make {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_site_files_in_documents_are_ones(path: Path) -> None:
    for _, block in blocks(path.read_text("utf-8"), "yaml"):
        if re.match(rf"(?:{'|'.join(KEYS)}):", block):
            # The files that an example names are not there.
            parse_site(re.sub(r"^(sets|maps):\n(?:[ #].*\n)+", "", block, flags=re.MULTILINE))


def test_make_help_lists_every_target() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for targets in re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE):
        for target in targets.split():
            assert re.search(rf"^  make {target} ", listed, re.MULTILINE), target
