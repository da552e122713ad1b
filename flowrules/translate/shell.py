"""A script of SiLK pipelines as commands: what a shell makes of it, without running anything."""

from __future__ import annotations

import shlex

from attrs import frozen

from flowrules.translate.errors import TranslationError

TOOLS = (
    "rwfilter",
    "rwset",
    "rwsetbuild",
    "rwsettool",
    "rwsetcat",
    "rwstats",
    "rwuniq",
    "rwcount",
    "rwbag",
    "rwbagcat",
    "rwbagtool",
    "rwcut",
)
"""The tools that can be translated."""


@frozen
class Command:
    """One tool of a pipeline with its words as the shell would pass them."""

    tool: str
    words: tuple[str, ...]


@frozen
class Pipeline:
    """Commands joined by ``|``, and the text that they were written as."""

    commands: tuple[Command, ...]
    text: str


def pipelines(script: str) -> list[Pipeline]:
    """The pipelines of a script, in order.

    Prompts (``$``, ``>``), comments, continuations with a backslash and output lines pasted between the
    commands of a transcript are understood: a line that neither begins with a tool nor follows a
    prompt or a continuation is output.  Raises ``TranslationError``.
    """
    found = [p for line in _statements(script) for p in _split(line)]
    if not found:
        raise TranslationError("", "", "no pipeline found", f"begin with one of {', '.join(TOOLS)}")
    return found


def _statements(script: str) -> list[str]:
    """Whole statements, each on one line; lines of a transcript's output are left out."""
    out: list[str] = []
    pending = ""
    for raw in script.replace("\r\n", "\n").split("\n"):
        line = raw.strip()
        if not pending:
            prompted = line.startswith("$ ")
            line = line[2:].lstrip() if prompted else line
            if not line or line.startswith(("#", "```")):
                continue
            word = line.split()[0].rpartition("/")[2]
            if word.startswith("--"):
                raise TranslationError(
                    "",
                    word.partition("=")[0],
                    "a line begins with this switch",
                    "end the line before it with \\",
                )
            if not prompted and not word.startswith("rw") and not line.startswith("|"):
                if out:
                    continue
                raise TranslationError(
                    word, "", "not a tool that can be translated", f"known are {', '.join(TOOLS)}"
                )
            if line.startswith("|") and out:
                pending = out.pop()
        elif line.startswith("> "):
            line = line[2:]
        if line.endswith("\\"):
            pending = f"{pending} {line[:-1].strip()}".strip()
            continue
        joined = f"{pending} {line}".strip()
        pending = joined if joined.endswith("|") else ""
        if not pending:
            out.append(joined)
    if pending:
        out.append(pending.rstrip("|").strip())
    return out


def _split(line: str) -> list[Pipeline]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>()")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    try:
        words = list(lexer)
    except ValueError as error:
        raise TranslationError(
            "", "", f"the shell would not read this: {error}", "close the quotes"
        ) from None
    found: list[Pipeline] = []
    commands: list[Command] = []
    current: list[str] = []
    for word in [*words, ";"]:
        if word in ("|", ";", "&&"):
            if current:
                commands.append(_command(current))
            elif word == "|":
                raise TranslationError("", "|", "a command is missing before or after it")
            current = []
            if word != "|" and commands:
                found.append(Pipeline(tuple(commands), line))
                commands = []
        elif word and not set(word) - set("|;&<>()"):
            raise TranslationError(
                "", word, "redirections and subshells cannot be translated", "name files with switches"
            )
        else:
            current.append(word)
    return found


def _command(words: list[str]) -> Command:
    tool = words[0].rpartition("/")[2]
    if tool == "rwsetmember":
        raise TranslationError(
            tool, "", "it asks one question of a set", "write count(s & {192.0.2.1}) in a condition"
        )
    if tool not in TOOLS:
        raise TranslationError(tool, "", "not a tool that can be translated", f"known are {', '.join(TOOLS)}")
    return Command(tool, tuple(words[1:]))
