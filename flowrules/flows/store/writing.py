"""Adding flows to a store, such that any instant of it may be the last."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from flowrules import __version__
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import BUILT_IN, SilkConf
from flowrules.flows.site_record import OtherSite, united
from flowrules.flows.store.checksum import digest
from flowrules.flows.store.columns import CODES, WIDTHS
from flowrules.flows.store.day_buffers import BLOCK_ROWS, DayBuffers, Group
from flowrules.flows.store.home_codes import HomeCodes
from flowrules.flows.store.lock import StoreLock
from flowrules.flows.store.manifest import (
    HOME_NAME,
    MANIFEST,
    PART_NAME,
    HomeEntry,
    Manifest,
    PartEntry,
    is_store,
    manifest_bytes,
    read_manifest,
)
from flowrules.flows.store.part import Part
from flowrules.flows.store.part_writer import PartWriter, sync
from flowrules.flows.store.reading import open_store
from flowrules.flows.table import CHUNK_ROWS, Chunk, FlowSource
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import format_cidr, parse_cidr
from flowrules.model.fields import ADDRESS, STORED

Array = NDArray[Any]

WRITING: Final = ".writing"
"""The folder, inside the store, of parts that are being written."""

_ASIDE: Final = f".{MANIFEST}.part"
"""The next manifest, until it takes the place of the one that holds."""

_MOST_ADDRESSES: Final = 1 << 21
"""The most entries of address tables in memory; the part with the most is finished when there are more."""

_LEAST_BLOCK: Final = BLOCK_ROWS // 4
"""A part whose blocks have fewer rows on average is written again, in whole blocks."""


@frozen
class Written:
    """What a conversion added: records, days (ISO 8601; those touched) and parts."""

    records: int
    days: tuple[str, ...]
    parts: int


def write_store(
    path: str | os.PathLike[str],
    sources: Iterable[FlowSource],
    conf: SilkConf = BUILT_IN,
    internal: AddressSet | None = None,
    wait: bool = False,
    dictionary: bool = False,
) -> Written:
    """Add all records of some sources to the store at ``path``, which is made where there is none.

    ``conf`` names the ids of sensors and types, and is kept in the store; ``internal`` are the nets whose hosts
    get codes (``None``: those of the store, if any).  With ``wait`` another conversion into this store is
    waited for.  With ``dictionary`` the addresses of all records are numbered in their order, not only of
    IPv6 ones, so that prefixes, sets and groups of addresses are cheap to find; what has been added with it
    once, is from then on.  Memory is bounded, whatever the number of records; the order of records is not kept.

    Raises ``FlowFileError`` as the readers do, and where the store cannot be written, is damaged, is being
    written to, has another site's names or other internal nets, or has exactly these records of a day already.
    Whatever is raised, and however the process ends, the store is then as it was before.
    """
    with StoreWriter(path, conf, internal, wait, dictionary) as writer:
        for source in sources:
            writer.expect(source.fields)
            for chunk in source.chunks(source.fields - {"record_number"}):
                writer.add(chunk)
        return writer.commit()


class StoreWriter:
    """One conversion into a store: ``add`` chunks, then ``commit``; leaving the block without undoes it.

    See ``write_store`` for the arguments and errors.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        conf: SilkConf = BUILT_IN,
        internal: AddressSet | None = None,
        wait: bool = False,
        dictionary: bool = False,
    ) -> None:
        self.name = os.fspath(path)
        self.folder = Path(path)
        self._conf = conf
        self._internal = internal
        self._wait = wait
        self._dictionary = dictionary
        self._made_folder = False
        self._lock = StoreLock(self.folder, self.name)
        self._buffers = DayBuffers()
        self._open: dict[Group, PartWriter] = {}
        self._done: list[PartEntry] = []
        self._folders: list[Path] = []
        self._rooms: dict[np.dtype[Any], Array] = {}
        self._fields: frozenset[str] = frozenset()
        self._count = 0
        self._committed = False
        self._before = Manifest(0, (), conf)
        self._homes: HomeCodes | None = None

    # ------------------------------------------------------------ begin and end

    def __enter__(self) -> StoreWriter:
        with self._writing():
            self._make_folder()
            try:
                self._lock.take(self._wait)
            except BaseException:
                self._remove_folder()
                raise
            try:
                self._begin()
            except BaseException:
                self._undo()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._committed:
            self._lock.release()
        else:
            self._undo()

    def _make_folder(self) -> None:
        if self.folder.is_dir():
            if not is_store(self.folder) and any(self.folder.iterdir()):
                raise FlowFileError(
                    self.name, "a folder with other files", expected="a store, or a folder to be made"
                )
        elif self.folder.exists():
            raise FlowFileError(self.name, "a file", expected="a store, or a folder to be made")
        else:
            self.folder.mkdir()
            self._made_folder = True

    def _remove_folder(self) -> None:
        """Remove the store's folder where this conversion made it and nothing is in it."""
        if self._made_folder:
            with suppress(OSError):
                self.folder.rmdir()

    def _begin(self) -> None:
        if not (self.folder / MANIFEST).exists():
            if any(PART_NAME.fullmatch(path.name) for path in self.folder.iterdir()):
                # parts, but no manifest: somebody took it away, and they may be all that is left
                raise FlowFileError(
                    f"{self.name}/{MANIFEST}",
                    "the manifest of this store is missing",
                    hint="restore it from a copy, or remove the folder",
                )
            self._replace_manifest(self._before)
        self._before = read_manifest(self.folder, self.name)
        store = None
        if self._before.generation:
            # nothing is added to what is damaged
            store = open_store(self.folder, self.name)
            self._dictionary |= any(code in part.index.columns for part in store.parts for code in CODES)
        self._clean(self._before)
        try:
            self._conf = united(self._before.conf, self._conf)
        except OtherSite as error:
            raise FlowFileError(
                self.name,
                f"the store and these flows are of sites that contradict each other: {error}",
                hint="take another store, or say with --silk-config which names are right",
            ) from error
        self._homes = self._home_codes(np.empty(0, ADDRESS) if store is None else store.home_hosts)
        (self.folder / WRITING).mkdir()

    def _home_codes(self, hosts: Array) -> HomeCodes | None:
        entry = self._before.home
        nets = None if self._internal is None else _cidrs(self._internal)
        if entry is not None and nets is not None and nets != entry.nets:
            raise FlowFileError(
                self.name,
                "the home-host codes of this store are for other internal nets",
                found=_some(nets),
                expected=_some(entry.nets),
                hint="leave the nets out, or convert into another store",
            )
        internal = self._internal
        if entry is not None:
            internal = AddressSet.from_ranges(_range(net) for net in entry.nets)
        if internal is None:
            return None
        try:
            return HomeCodes(internal, hosts)
        except ValueError as error:
            raise FlowFileError(self.name, f"no codes for home hosts: {error}") from error

    def _undo(self) -> None:
        """Take away whatever this conversion wrote, and leave what the manifest on the disk names."""
        first = False
        with suppress(OSError, FlowFileError):
            now = read_manifest(self.folder, self.name)
            self._clean(now)
            first = now.generation == 0
            if first:
                (self.folder / MANIFEST).unlink()
        self._lock.release(remove=first)
        self._remove_folder()

    def _clean(self, manifest: Manifest) -> None:
        """Remove what conversions that did not end left behind, besides what the manifest names."""
        if (self.folder / WRITING).exists():
            shutil.rmtree(self.folder / WRITING)
        known = {part.name for part in manifest.parts}
        if manifest.home is not None:
            known.add(manifest.home.file)
        for path in list(self.folder.iterdir()):
            ours = PART_NAME.fullmatch(path.name) or HOME_NAME.fullmatch(path.name) or path.name == _ASIDE
            if ours and path.name not in known:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    # ------------------------------------------------------------ records

    def expect(self, fields: frozenset[str]) -> None:
        """Say which fields a source has, before its records; it counts only where no records come at all."""
        self._fields |= fields & frozenset(WIDTHS)

    def add(self, chunk: Chunk) -> None:
        """Add the rows of a chunk."""
        with self._writing():
            for group, block in self._buffers.add(chunk):
                self._put(group, block)

    def commit(self) -> Written:
        """Make the store hold what was added, all at once."""
        with self._writing():
            for group, block in self._buffers.rest():
                self._put(group, block)
            for group in list(self._open):
                self._finish(group)
            self._refuse_repeated()
            manifest = evolve(
                self._before,
                generation=self._generation,
                parts=(*self._before.parts, *self._done),
                conf=self._conf,
                home=self._write_home(),
                fields=tuple(
                    name for name in WIDTHS if name in self._fields | frozenset(self._before.fields)
                ),
            )
            for folder, entry in zip(self._folders, self._done, strict=True):
                folder.rename(self.folder / entry.name)
            sync(self.folder)
            self._replace_manifest(manifest)
            self._committed = True
            # what cannot be removed now, the next conversion removes
            with suppress(OSError):
                self._clean(manifest)
        return Written(
            sum(entry.rows for entry in self._done),
            tuple(sorted({entry.day for entry in self._done})),
            len(self._done),
        )

    @property
    def _generation(self) -> int:
        return self._before.generation + 1

    def _put(self, group: Group, block: Chunk) -> None:
        part = self._open.get(group)
        if part is None:
            part = self._open[group] = self._part(group)
        part.add(block)
        if sum(one.addresses for one in self._open.values()) > _MOST_ADDRESSES:
            self._finish(max(self._open, key=lambda one: self._open[one].addresses))

    def _part(self, group: Group) -> PartWriter:
        self._count += 1
        return PartWriter(
            self.folder / WRITING / str(self._count),
            group.day,
            group.fields & frozenset(STORED),
            self._homes,
            self._dictionary,
            self._rooms,
        )

    def _finish(self, group: Group) -> None:
        part = self._open.pop(group)
        entry = part.finish(f"{group.day}.{self._generation}.{len(self._done) + 1}")
        if part.blocks > 1 and part.rows < _LEAST_BLOCK * part.blocks:
            # days that came mixed: now that the day is complete its blocks can be whole
            loose, part = part, self._part(group)
            buffers = DayBuffers()
            for chunk in Part.open(loose.folder, entry, f"{self.name}/{WRITING}").chunks(
                None, CHUNK_ROWS, 0, ""
            ):
                for _, block in buffers.add(chunk):
                    part.add(block)
            for _, block in buffers.rest():
                part.add(block)
            entry = part.finish(entry.name)
            shutil.rmtree(loose.folder)
        self._done.append(entry)
        self._folders.append(part.folder)

    def _refuse_repeated(self) -> None:
        """Raise where a day is added with exactly the records of a part that is there already."""
        pairs = (
            (entry, folder, before)
            for entry, folder in zip(self._done, self._folders, strict=True)
            for before in self._before.parts
            if (entry.day, entry.rows, entry.span, entry.fields)
            == (before.day, before.rows, before.span, before.fields)
        )
        for entry, folder, before in pairs:
            new = Part.open(folder, entry, f"{self.name}/{WRITING}")
            old = Part.open(self.folder / before.name, before, f"{self.name}/{before.name}")
            if new.equals(old):
                raise FlowFileError(
                    self.name,
                    f"all {entry.rows} records of {entry.day} are in this store already",
                    hint="were the same flows converted before? nothing has been added",
                )

    # ------------------------------------------------------------ files of the store

    def _write_home(self) -> HomeEntry | None:
        if self._homes is None:
            return None
        hosts = np.ascontiguousarray(self._homes.hosts, ADDRESS)
        before = self._before.home
        if before is not None and before.hosts == len(hosts):
            return before
        file = f"home.{self._generation}"
        data = hosts.tobytes()
        (self.folder / file).write_bytes(data)
        sync(self.folder / file)
        return HomeEntry(file, len(hosts), digest(data), _cidrs(self._homes.nets))

    def _replace_manifest(self, manifest: Manifest) -> None:
        aside = self.folder / _ASIDE
        aside.write_bytes(manifest_bytes(manifest, f"flowrules {__version__}"))
        sync(aside)
        aside.replace(self.folder / MANIFEST)
        sync(self.folder)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise FlowFileError(self.name, f"cannot be written: {reason[:1].lower()}{reason[1:]}") from error


def _cidrs(nets: AddressSet) -> tuple[str, ...]:
    return tuple(format_cidr(first, length) for first, length in nets.cidrs())


def _range(net: str) -> tuple[int, int]:
    first, length = parse_cidr(net)
    return first, first | (1 << 128 - length) - 1


def _some(nets: tuple[str, ...]) -> str:
    return ", ".join(nets[:3]) + (f" and {len(nets) - 3} more" if len(nets) > 3 else "")
