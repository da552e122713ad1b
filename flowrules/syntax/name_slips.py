"""Names that are missing, reserved or malformed, and texts without their quotes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from flowrules.syntax.cut import BLOCKS, DECLARATIONS, PROFILE_ITEMS
from flowrules.syntax.expected import LAYOUTS, NOUNS, keyword
from flowrules.syntax.marks import RESERVED
from flowrules.syntax.stuck import Fault, Stuck
from flowrules.syntax.words import keywords

Guess = Callable[[Stuck], Fault | None]


def _reserved_name(stuck: Stuck) -> Fault | None:
    """``ports check = 80``, ``dport in ports``: a reserved word where a name stands."""
    word = stuck.found
    if word not in RESERVED or not stuck.can("NAME", "REF"):
        return None
    start, end = stuck.here()
    naming = stuck.previous == stuck.word and stuck.word in LAYOUTS
    if naming or stuck.previous in ("as", "param"):
        better = f"{word}_column" if stuck.previous == "as" else f"{word}_{stuck.word}"
        what = f"cannot name {'a column' if stuck.previous == 'as' else NOUNS.get(stuck.word, 'anything')}"
        return Fault(
            "FR105", f"`{word}` is a reserved word and {what}", start, end, f"write {better}", better
        )
    if word in DECLARATIONS | PROFILE_ITEMS:
        message = f"`{word}` is a reserved word and names nothing"
        return Fault("FR105", message, start, end, f"it begins a declaration: {LAYOUTS[word]}")
    return None


_NAMED: Final = DECLARATIONS | PROFILE_ITEMS - {"hosts", "entry"}


def _missing_name(stuck: Stuck) -> Fault | None:
    """``filter = tcp``: a declaration without its name."""
    if stuck.found in RESERVED:
        return None
    if stuck.word == "import" and stuck.previous == "import" and stuck.rest.startswith('"'):
        hint = "a ruleset is imported by the name that its ruleset line says: import sei.ports (web)"
        return Fault("FR101", "a file's name is no ruleset's name", *stuck.here(), hint)
    if stuck.can("NAME", "REF") and stuck.previous == stuck.word and stuck.word in _NAMED:
        start, end = stuck.here() if not stuck.is_end else (len(stuck.text.rstrip()),) * 2
        layout = f"write {LAYOUTS[stuck.word]}"
        if re.match(r"\d", stuck.rest):
            return Fault(
                "FR101", f"`{stuck.blob[1]}` is no name: names begin with a letter", start, end, layout
            )
        if stuck.rest.startswith('"'):
            return Fault("FR101", f"{NOUNS[stuck.word]} needs a name before its title", start, end, layout)
        if not stuck.rest[:1].isascii():
            return None
        return Fault("FR101", f"{NOUNS[stuck.word]} needs a name", start, end, layout)
    return None


def _foreign_letter(stuck: Stuck) -> Fault | None:
    """A letter outside ASCII in a name, or another character that means nothing."""
    sign = stuck.rest[:1]
    if not sign or sign.isascii():
        return None
    match = re.search(r"[A-Za-z_][\w.]*$", stuck.before)
    start = match.start() if match else stuck.at
    end = stuck.at + len(re.match(r"\w*", stuck.rest)[0] or sign)  # type: ignore[index]
    if sign.isalpha():
        text = stuck.text[start:end]
        hint = 'names have letters A to Z, digits and _; other letters stand in titles: "…"'
        return Fault("FR109", f"`{text}` is no name", start, end, hint)
    return Fault("FR109", f"`{sign}` (U+{ord(sign):04X}) means nothing here", stuck.at, stuck.at + 1)


_NEXT_WORD: Final = re.compile(r"\s*([A-Za-z_]\w*)")


def parted(word: str, heads: Iterable[str], after: str) -> tuple[str, str] | None:
    """The keyword that a word begins with and the rest, where they ran together; ``None`` where none did.

    ``heads`` are the keywords that could stand there, ``after`` is what follows the word: `filters web = …` is
    a keyword misspelt, `filterweb = …` is two words.
    """
    head = max((h for h in heads if word.startswith(h) and word != h), key=len, default="")
    rest = word[len(head) :]
    if not head or rest[0] == ".":
        return None
    following = _NEXT_WORD.match(after)
    misspelt = rest.isalpha() and rest not in keywords() and (head in _NAMED or len(rest) < 3)
    if misspelt and following and following[1] not in RESERVED:
        return None
    return head, rest


def _run_together(stuck: Stuck) -> Fault | None:
    """``tcp andflags has S``: a keyword without a space after it."""
    word = stuck.found
    if not re.match(r"[A-Za-z_]", word) or word in RESERVED or stuck.can("NAME", "REF"):
        return None
    heads = {keyword(terminal) for terminal in stuck.accepts} & keywords()
    beginning: frozenset[str] = frozenset()
    if stuck.can("$END") and not stuck.before.rpartition("\n")[2].strip():
        beginning = DECLARATIONS.union(*(lines for lines in BLOCKS.values() if stuck.word in lines))
    found = parted(word, heads | beginning, stuck.rest[len(word) :])
    if found is None:
        return None
    text = " ".join(found)
    message = f"`{word}` is one word, and `{found[0]}` is no keyword in it"
    mend = None if found[0] in beginning else text
    return Fault("FR101", message, *stuck.here(len(word)), f"write {text}", mend, text)


def _hyphenated_name(stuck: Stuck) -> Fault | None:
    """``filter web-clients = …``."""
    match = re.match(r"-[A-Za-z]\w*(?:-\w+)*", stuck.rest)
    word, start = stuck.previous_word
    if (
        match
        and word
        and start + len(word) == stuck.at
        and stuck.can("EQUAL", "LBRACE", "COLON", "STRING", "AND")
    ):
        end = stuck.at + match.end()
        value = stuck.text[start:end].replace("-", "_")
        return Fault("FR101", f"`{stuck.text[start:end]}` is no name", start, end, f"write {value}", value)
    return None


def _text_expected(stuck: Stuck) -> Fault | None:
    """``because services``: text without its quotes."""
    if stuck.is_end or stuck.rest.startswith('"'):
        return None
    if stuck.word == "ruleset" and stuck.can("STRING") and re.match(r"[\w.-]", stuck.rest):
        text = stuck.blob[1]
        end = stuck.at + len(text)
        value = f'"{text}"'
        return Fault(
            "FR101", f"`{text}` is text, and stands in double quotes", stuck.at, end, f"write {value}", value
        )
    label = re.match(r"([A-Za-z_][\w.-]*)\s*=", stuck.rest)
    if label and stuck.word in ("map", "map_entry") and stuck.can("STRING"):
        value = f'"{label[1]}"'
        end = stuck.at + len(label[1])
        return Fault(
            "FR101", f"the label `{label[1]}` stands in double quotes", stuck.at, end, f"write {value}", value
        )
    if not stuck.can("STRING") or stuck.previous not in ("because", "flows"):
        return None
    line = re.match(r"[^\r\n]*", stuck.rest)
    text = line[0].strip() if line else ""
    return Fault("FR101", f"`{stuck.previous}` needs text in double quotes", *stuck.here(), f'write "{text}"')


FIRST: Final[tuple[Guess, ...]] = (
    _hyphenated_name,
    _foreign_letter,
    _run_together,
    _missing_name,
    _text_expected,
)
"""Before anything takes them for numbers."""

GUESSES: Final[tuple[Guess, ...]] = (_reserved_name,)
