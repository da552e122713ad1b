"""The tables made of ``grammar/frules.lark``, once for each version and kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import zlib
from pathlib import Path
from typing import Final

from flowrules import __version__
from flowrules.model.resources import grammar_text
from flowrules.syntax import tables
from flowrules.syntax.tables import Tables

_MOST_STALE: Final = 4


def load() -> Tables:
    """The grammar's tables; made anew where the cache has none that fits."""
    text = grammar_text()
    key = "\n".join((__version__, repr(tables.OPTIONS), repr(tables.START_RULES), text))
    path = _cache_path(key)
    if path is not None:
        cached = _read(path, key)
        if cached is not None:
            return cached
    made = tables.make(text)
    if path is not None:
        _write(path, key, made)
    return made


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


def _cache_path(key: str) -> Path | None:
    """The file for what ``key`` says; it holds the key too, since two may have one number."""
    folder = cache_folder()
    return None if folder is None else folder / f"grammar-{zlib.crc32(key.encode()):08x}.json"


def _read(path: Path, key: str) -> Tables | None:
    """The tables in the cache, or ``None`` where they are missing, damaged, of another key or another user's."""
    try:
        if not _is_ours(path):
            return None
        held, plain = json.loads(path.read_bytes())
        return tables.from_plain(plain) if held == key else None
    except (OSError, ValueError, TypeError, LookupError):
        return None


def _is_ours(path: Path) -> bool:
    """Whether only this user can have written the file: another's tables could make a rule mean another."""
    if os.name == "nt":
        return path.is_file()
    user = os.getuid()
    return all(s.st_uid == user and not s.st_mode & 0o022 for s in (path.stat(), path.parent.stat()))


def _write(path: Path, key: str, made: Tables) -> None:
    """Keeps the tables; a folder that cannot be written only costs time."""
    import tempfile

    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix="grammar-", suffix=".part")
        try:
            with os.fdopen(handle, "w") as file:
                json.dump([key, tables.to_plain(made)], file, separators=(",", ":"))
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _drop_stale(path)


def _drop_stale(path: Path) -> None:
    """Keeps the newest few of earlier versions, for installations that stand side by side."""
    kept = sorted(path.parent.glob("grammar-*"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in kept[_MOST_STALE:]:
        old.unlink(missing_ok=True)
