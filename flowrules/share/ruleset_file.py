"""Which files are rulesets, and what each calls itself, without parsing them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from flowrules.model.resources import SUFFIX

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

HEAD: Final = 1 << 16
"""How many bytes of a file are looked at for its ``ruleset`` line."""

_NAME_LINE: Final = re.compile(
    r"""
      \"\"\" .*? (?: \"\"\" | \Z )                  # text over lines
    | " (?: \\. | [^"\\\n] )* "?                    # text
    | \# [^\n]*                                     # comment
    | (?<![\w.]) ruleset \s+ (?P<name> [A-Za-z_]\w* (?: \s*\.\s* \w+ )* ) \s* \{
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


def ruleset_name(file: Traversable) -> str:
    """The name that ``file`` gives itself in its ``ruleset`` line, else its own without the ending.

    Looks at the first ``HEAD`` bytes only.  A file that cannot be read has the name of the file: whoever
    wants it gets the error then.
    """
    try:
        with file.open("rb") as stream:
            head = cast(BinaryIO, stream).read(HEAD)
    except OSError:
        head = b""
    for match in _NAME_LINE.finditer(head.decode("utf-8", "replace")):
        if match["name"]:
            return "".join(match["name"].split())
    return PurePosixPath(file.name).stem


def ruleset_files(folder: Path, deep: bool = True) -> Iterator[Path]:
    """The ruleset files of ``folder`` sorted by path; ``deep``: of its subfolders too, but hidden ones.

    Links to folders are not followed, so that no circle of them is.  Raises ``OSError``.
    """
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            if deep and not entry.name.startswith(".") and not entry.is_symlink():
                yield from ruleset_files(entry)
        elif entry.name.endswith(SUFFIX):
            yield entry
