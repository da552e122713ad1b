"""What a state holds: of how many files, how much, and for how long no run has asked for it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from attrs import define, field

from flowrules.engine.state.folder import MERGED, PARTS, State, folders, today, version
from flowrules.engine.state.node import packs_in
from flowrules.engine.state.pack import directory_of
from flowrules.engine.state.part_file import Damaged


@define
class Held:
    """Packs of one kind: of how many files or sets of files, and how many bytes."""

    of: int = 0
    bytes: int = 0


@define
class Survey:
    """What a state holds."""

    files: Held = field(factory=Held)
    """Of single files, and of single parts of stores."""
    together: Held = field(factory=Held)
    """Of several files together."""
    unusable: Held = field(factory=Held)
    """Packs that are damaged or of another version."""
    groupings: set[str] = field(factory=set)
    """The names of all parts."""
    by_days: dict[int, int] = field(factory=dict)
    """Bytes by the number of days for which no run has asked for them."""


def survey(state: State) -> Survey:
    """Look at everything in a state."""
    found = Survey()
    for place, held in ((PARTS, found.files), (MERGED, found.together)):
        for folder in folders(state.folder / place):
            sound = False
            for path in packs_in(folder):
                with suppress(OSError):
                    size = path.stat().st_size
                    try:
                        directory = directory_of(path)
                        whole = directory.version == version()
                    except Damaged:
                        whole = False
                    if not whole:
                        found.unusable.of += 1
                        found.unusable.bytes += size
                        continue
                    sound = True
                    held.bytes += size
                    found.groupings |= directory.parts.keys()
                    for name, day in state.last_asked(directory).items():
                        days = today() - day
                        found.by_days[days] = found.by_days.get(days, 0) + directory.parts[name][1]
            held.of += sound
    return found


def document(found: Survey) -> dict[str, Any]:
    """A survey as plain data."""
    return {
        "files": {"count": found.files.of, "bytes": found.files.bytes},
        "together": {"count": found.together.of, "bytes": found.together.bytes},
        "unusable": {"count": found.unusable.of, "bytes": found.unusable.bytes},
        "parts": len(found.groupings),
        "bytes_by_days_unasked": {str(days): size for days, size in sorted(found.by_days.items())},
    }


def text(found: Survey) -> list[str]:
    """A survey as lines for people."""
    lines = [
        f"{found.files.of:,} files, {len(found.groupings):,} different parts, {size_text(found.files.bytes)}",
        f"{found.together.of:,} sets of files put together, {size_text(found.together.bytes)}",
    ]
    if found.unusable.of:
        lines.append(f"{found.unusable.of:,} packs of no use, {size_text(found.unusable.bytes)}")
    for days in (1, 7, 30):
        size = sum(bytes_ for unasked, bytes_ in found.by_days.items() if unasked >= days)
        if size:
            since = "today" if days == 1 else f"in {days} days"
            lines.append(f"not asked for {since}: {size_text(size)}")
    return lines


def size_text(count: int) -> str:
    """A number of bytes for people."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:,.0f} {unit}"
        size /= 1000
    raise AssertionError
