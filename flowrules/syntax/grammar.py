"""The parser made of ``grammar/frules.lark``, once for each process and kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flowrules import __version__
from flowrules.model.resources import grammar_text

if TYPE_CHECKING:
    from lark import Lark, Transformer

START_RULES: Final = (
    "item",
    "profile_item",
    "test_item",
    "tune_line",
    "map_entry",
    "value",
    "cond",
    "hole",
)
"""What can be parsed by itself: an item of a file or of a block, a value, a condition, braces of a text."""

_OPTIONS: Final = {
    "parser": "lalr",
    "lexer": "contextual",
    "keep_all_tokens": True,
    "maybe_placeholders": True,
}
_MOST_STALE: Final = 4


def load(transformer: Transformer[object, object]) -> Lark:
    """The parser whose rules call ``transformer``; built anew where the cache has none that fits."""
    import lark

    text = grammar_text()
    path = _cache_path(text, lark.__version__)
    if path is not None:
        cached = _read(path, transformer)
        if cached is not None:
            return cached
    parser = lark.Lark(text, start=list(START_RULES), transformer=transformer, **_OPTIONS)
    if path is not None:
        _write(path, parser)
    return parser


def cache_folder() -> Path | None:
    """Where the built parser is kept: ``flowrules`` in ``$XDG_CACHE_HOME``, else in the system's place."""
    if os.environ.get("FLOWRULES_NO_CACHE"):
        return None
    base = os.environ.get("XDG_CACHE_HOME")
    if base and Path(base).is_absolute():
        return Path(base) / "flowrules"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "flowrules"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "flowrules" / "Cache"
    return home / ".cache" / "flowrules"


def _cache_path(text: str, lark_version: str) -> Path | None:
    folder = cache_folder()
    if folder is None:
        return None
    key = "\n".join((__version__, lark_version, sys.version, repr(_OPTIONS), repr(START_RULES), text))
    return folder / f"grammar-{hashlib.sha256(key.encode()).hexdigest()[:32]}.pickle"


def _read(path: Path, transformer: Transformer[object, object]) -> Lark | None:
    """The parser in the cache, or ``None`` where it is missing, damaged or another user's."""
    from lark import Lark

    try:
        if not _is_ours(path):
            return None
        with path.open("rb") as file:
            # lark loads without a transformer only; its own cache and its standalone parsers use _load too
            return Lark.__new__(Lark)._load(file, transformer=transformer)
    except Exception:  # whatever a damaged file raises: building anew is always right
        return None


def _is_ours(path: Path) -> bool:
    """Whether only this user can have written the file: a pickle of someone else's would run their code."""
    if os.name == "nt":
        return path.is_file()
    user = os.getuid()
    return all(s.st_uid == user and not s.st_mode & 0o022 for s in (path.stat(), path.parent.stat()))


def _write(path: Path, parser: Lark) -> None:
    """Keeps the parser; a folder that cannot be written only costs time."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix="grammar-", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                parser.save(file, {"transformer"})
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _drop_stale(path)


def _drop_stale(path: Path) -> None:
    """Keeps the newest few of earlier versions, for installations that stand side by side."""
    kept = sorted(path.parent.glob("grammar-*.pickle"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in kept[_MOST_STALE:]:
        old.unlink(missing_ok=True)
