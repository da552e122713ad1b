"""A page for each code: from the rules' docstrings, and from the tables of the parser, the checker and the site file.

``python -m flowrules.lint.pages [FOLDER]`` writes them to ``docs/rules``.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from attrs import frozen

from flowrules.lint.registry import RULES, rule_class
from flowrules.syntax.codes import Code

SECTIONS: Final = ("Why", "Bad", "Good", "Fix")
SEPARATOR: Final = "---"

FAMILIES: Final[Mapping[str, str]] = {
    "FR1": "Syntax",
    "FR2": "Names and types",
    "FR3": "Logic and cost",
    "FR4": "Style and structure",
    "FR5": "Sharing and privacy",
    "FR6": "Site and data",
}
"""What the first digit of a code says."""


@frozen
class Page:
    """What is said of one code: ``bad`` and ``good`` are examples, several of each at most."""

    code: str
    name: str
    severity: str
    what: str
    why: str
    bad: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    fix: str = ""
    off_by_default: bool = False


def page_of(code: str) -> Page | None:
    """The page of a code (``FR301``) or a name (``unsatisfiable-predicate``); ``None``: there is none."""
    wanted = code.upper()
    if wanted in RULES:
        return _of_rule(wanted)
    if wanted in _table():
        return _of_code(_table()[wanted])
    found = next((c for c in known_codes() if (p := page_of(c)) is not None and p.name == code.lower()), None)
    return page_of(found) if found is not None else None


def known_codes() -> list[str]:
    """Every code that has a page, sorted."""
    return sorted({*RULES, *_table()})


@cache
def _table() -> Mapping[str, Code]:
    from flowrules.check.codes import ALL_CODES
    from flowrules.share.codes import SHARE_CODES

    return {**ALL_CODES, **SHARE_CODES}


def _of_code(code: Code) -> Page:
    bad = (code.bad,) if code.bad else ()
    good = (code.good,) if code.good else ()
    return Page(code.code, code.name, code.severity, _sentence(code.what), code.why, bad, good)


def _of_rule(code: str) -> Page:
    found = rule_class(code)
    what, sections = parse_docstring(found.__doc__ or "")
    return Page(
        code=code,
        name=found.name,
        severity=found.severity,
        what=what,
        why=_unwrapped(sections.get("Why", "")),
        bad=_examples(sections.get("Bad", "")),
        good=_examples(sections.get("Good", "")),
        fix=_unwrapped(sections.get("Fix", "")),
        off_by_default=found.off_by_default,
    )


def parse_docstring(text: str) -> tuple[str, dict[str, str]]:
    """The first line of a rule's docstring, and its sections by heading."""
    lines = inspect.cleandoc(text).splitlines()
    sections: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in lines[1:]:
        if line in SECTIONS:
            current = sections.setdefault(line, [])
        elif current is not None:
            current.append(line)
    return (lines[0] if lines else ""), {
        name: inspect.cleandoc("\n" + "\n".join(found)) for name, found in sections.items()
    }


def _examples(text: str) -> tuple[str, ...]:
    return tuple(part.strip("\n") for part in re.split(rf"(?m)^{SEPARATOR}\n", text) if part.strip())


def _unwrapped(text: str) -> str:
    return " ".join(text.split())


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def code_page(code: str) -> str | None:
    """The page of a code as text for a terminal; ``None`` where there is no such code."""
    page = page_of(code)
    if page is None:
        return None
    out = [f"{page.code} {page.name} ({page.severity})", "", *_wrapped(page.what), "", *_wrapped(page.why)]
    for title, examples in (("bad", page.bad), ("good", page.good)):
        for example in examples:
            out += ["", f"{title}:", *(f"    {line}".rstrip() for line in example.splitlines())]
    if page.fix:
        out += ["", *_wrapped(page.fix)]
    return "\n".join(out) + "\n"


def _wrapped(text: str) -> list[str]:
    from textwrap import wrap

    return wrap(text, 100, break_long_words=False, break_on_hyphens=False)


def markdown(page: Page) -> str:
    """The page of a code as Markdown."""
    out = [
        f"# {page.code} {page.name}",
        "",
        f"*{_family(page.code)}; severity {page.severity}{_off(page)}.*",
        "",
        *_wrapped(page.what),
    ]
    out += ["", "## Why", "", *_wrapped(page.why)]
    for title, examples in (("Bad", page.bad), ("Good", page.good)):
        if examples:
            out += ["", f"## {title}"]
        for example in examples:
            out += ["", "```frules", example, "```"]
    if page.fix:
        out += ["", "## Fix", "", *_wrapped(page.fix)]
    if page.code in RULES:
        out += [
            "",
            "## Configure",
            "",
            "```toml",
            "[lint.rules]   # in flowrules.toml; [tool.flowrules.lint.rules] in pyproject.toml",
            f'{page.code} = "{page.severity}"   # off, info, notice, warning or error',
            "```",
        ]
    return "\n".join(out) + "\n"


def _off(page: Page) -> str:
    return ", off by default" if page.off_by_default else ""


def _family(code: str) -> str:
    return FAMILIES.get(code[:3], "Other")


def index() -> str:
    """The list of all codes as Markdown."""
    out = [
        "# Codes",
        "",
        "Every finding has a code and a name; both can be used to configure or suppress it. `flowrules explain code CODE`",
        "prints a page on the terminal. Made by `python -m flowrules.lint.pages`.",
    ]
    family = ""
    for code in known_codes():
        page = page_of(code)
        assert page is not None
        if _family(code) != family:
            family = _family(code)
            out += ["", f"## {family}", "", "| code | name | severity | what |", "|---|---|---|---|"]
        out.append(
            f"| [{code}]({code}.md) | {page.name} | {page.severity}{_off(page)} | {_cell(page.what)} |"
        )
    return "\n".join(out) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def pages() -> Iterator[tuple[str, str]]:
    """The name and the text of every file of ``docs/rules``."""
    yield "README.md", index()
    for code in known_codes():
        page = page_of(code)
        assert page is not None
        yield f"{code}.md", markdown(page)


def main(arguments: list[str]) -> int:
    """Write the pages to a folder; files of codes that are gone are removed."""
    folder = Path(arguments[0] if arguments else "docs/rules")
    folder.mkdir(parents=True, exist_ok=True)
    written = set()
    for name, text in pages():
        (folder / name).write_text(text, encoding="utf-8")
        written.add(name)
    for old in folder.glob("FR*.md"):
        if old.name not in written:
            old.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
