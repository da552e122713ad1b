"""What a state holds of some files of flows: of one, or of several together."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from flowrules.engine.state.pack import Directory, directory_of
from flowrules.engine.state.part_file import Damaged, Reader


class Node:
    """A folder of packs, all of the same files; ``leaves`` are the names of these, sorted.

    What is damaged is noted in ``damages`` and removed, so that it is counted again.
    """

    def __init__(self, folder: Path, leaves: tuple[str, ...], damages: list[tuple[Path, str]]) -> None:
        self.folder = folder
        self.leaves = leaves
        self._damages = damages
        self._directories: list[Directory] | None = None

    @cached_property
    def times(self) -> Counter[str]:
        """How often each file is among these (more than once: it has copies)."""
        return Counter(self.leaves)

    def directories(self) -> list[Directory]:
        """The directories of all packs."""
        if self._directories is None:
            self._directories = []
            for path in packs_in(self.folder):
                try:
                    directory = directory_of(path)
                    if self.leaves and directory.leaves != self.leaves:
                        raise Damaged("it was counted for something else")
                    self._directories.append(directory)
                except FileNotFoundError:
                    continue
                except (Damaged, OSError) as damage:
                    self.damaged(path, _reason(damage))
        return self._directories

    def has(self, name: str) -> bool:
        """Whether there is a part of this name."""
        return any(name in directory.parts for directory in self.directories())

    def load(self, name: str) -> Reader | None:
        """The part of this name; ``None`` where there is none, or none that can be trusted."""
        for directory in list(self.directories()):
            if name not in directory.parts:
                continue
            try:
                reader = Reader(directory.read(name))
                if (reader.header.get("digest"), reader.header.get("of")) != (name, self.folder.name):
                    raise Damaged("it was counted for something else")
                return reader
            except FileNotFoundError:
                # another run has removed it
                self._drop(directory.path)
            except (Damaged, OSError) as damage:
                self.damaged(directory.path, _reason(damage))
        return None

    def refuse(self, name: str, reason: str) -> None:
        """Note that the part of this name cannot be used, whole though it is."""
        for directory in list(self.directories()):
            if name in directory.parts:
                self.damaged(directory.path, reason)

    def damaged(self, path: Path, reason: str) -> None:
        """Note that a pack cannot be used, and be rid of it."""
        self._damages.append((path, reason))
        self._drop(path)
        with suppress(OSError):
            path.unlink()

    def _drop(self, path: Path) -> None:
        self._directories = [d for d in self._directories or () if d.path != path]

    def forget(self) -> None:
        """Look into the folder again when it is next asked for."""
        self._directories = None


def packs_in(folder: Path) -> list[Path]:
    """The packs in a folder, in the order of their names; hidden files are those being written."""
    try:
        return [folder / name for name in sorted(os.listdir(folder)) if name[:1] != "."]  # noqa: PTH208
    except OSError:
        return []


def _reason(damage: Exception) -> str:
    return damage.strerror or str(damage) if isinstance(damage, OSError) else str(damage)
