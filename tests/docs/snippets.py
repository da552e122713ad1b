"""Documents as what a reader would do with them: files to save, rulesets to check, commands to run.

- A fenced block after a line such as "Save this as `first.frules`:" is a file; "Add this to `first.frules`:"
  appends to it.
- The ``frules`` blocks of a page are one ruleset, in their order; a ``ruleset`` line begins another.
- A ``console`` block holds commands after ``$ `` (``> `` continues one) and what they print, standard output
  and standard error together.  A line ``…`` stands for any lines, ``…`` in a line for any text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import define, field, frozen

NOT_RUN = ("make", "pip", "git", ".venv/bin/flowrules", "eval", "rw")
"""First words of commands that are shown and not run: they set up the project, or need SiLK."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"\b(Save|Add|save|add) [^\n]*`([\w./-]+)`[^\n]*:\s*\Z")


@frozen
class Block:
    """A fenced block: its language, its text, the line of its first line, the offsets of its text."""

    language: str
    text: str
    line: int
    start: int
    end: int
    file: str | None = None
    appends: bool = False


@define
class Command:
    """A command and what the document says it prints; ``start`` and ``end`` are the offsets of that."""

    text: str
    line: int
    start: int
    end: int
    expected: list[str] = field(factory=list)


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a document."""
    out = []
    for match in _FENCE.finditer(text):
        before = text[: match.start()].rstrip("\n").rpartition("\n")[2]
        named = _FILE.search(before)
        out.append(
            Block(
                match[1],
                match[2],
                text.count("\n", 0, match.start(2)) + 1,
                match.start(2),
                match.end(2),
                named[2] if named else None,
                named is not None and named[1].lower() == "add",
            )
        )
    return out


def commands(block: Block) -> Iterator[Command]:
    """The commands of a ``console`` block with what they print."""
    found: Command | None = None
    offset, shown = block.start, False
    for number, line in enumerate(block.text.splitlines(keepends=True)):
        if line.startswith("$ "):
            if found is not None:
                yield found
            found = Command(
                line[2:].rstrip("\n"), block.line + number, offset + len(line), offset + len(line)
            )
            shown = False
        elif found is not None and not shown and line.startswith("> "):
            found.text += "\n" + line[2:].rstrip("\n")
            found.start = found.end = offset + len(line)
        elif found is not None:
            shown = True
            found.expected.append(line.rstrip("\n"))
            found.end = offset + len(line)
        offset += len(line)
    if found is not None:
        yield found


def is_run(command: str) -> bool:
    """Whether a test runs the command."""
    return not command.startswith(NOT_RUN)


def matches(expected: list[str], printed: list[str]) -> bool:
    """Whether what was printed is what the document shows."""
    pattern = ""
    for line in expected:
        if line.strip() == "…":
            pattern += r"(?:[^\n]*\n)*"
            continue
        rest = ".*?".join(re.escape(part) for part in line.rstrip().split("…"))
        pattern += rf"{rest}[ ]*\n"
    return re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in printed)) is not None


def rulesets(text: str) -> list[str]:
    """The rulesets of a document that are no files; blank lines keep the places of the document."""
    out: list[str] = []
    for block in blocks(text):
        if block.language != "frules" or block.file is not None:
            continue
        if not out or re.search(r"^ruleset ", block.text, re.MULTILINE):
            out.append("")
        out[-1] += "\n" * (block.line - 1 - out[-1].count("\n")) + block.text
    return out
