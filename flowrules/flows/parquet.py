"""Flows in Parquet files: reading those of anybody, writing one or more for each day."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal

from attrs import define

from flowrules.flows.arrow import batch_source
from flowrules.flows.arrow_write import AddressForm, arrow_schema, record_batch, widened_batch
from flowrules.flows.errors import FlowFileError
from flowrules.flows.pyarrow_extra import pyarrow, pyarrow_parquet
from flowrules.flows.remote import is_url, open_url
from flowrules.flows.silk_conf import BUILT_IN, SilkConf
from flowrules.flows.site_record import conf_in, is_assumed
from flowrules.flows.store.arrange import wide_rows
from flowrules.flows.store.day_buffers import DayBuffers, Group
from flowrules.flows.table import CHUNK_ROWS, Chunk, FlowSource
from flowrules.model.fields import STORED

MOST_OPEN: Final = 64
"""Files that are written at one time; a day that comes again after its file was closed gets another."""

_COMPRESSION: Final = "zstd"


def parquet_source(path: str, name: str, conf: SilkConf) -> FlowSource:
    """The flows of the Parquet file at ``path``; ``name`` is what messages call it.

    Columns are found by their names (see ``arrow_names``); only those that are asked for are read.  Raises
    ``FlowFileError`` without pyarrow, for damage, and where the columns are not those of flows.
    """
    pq = pyarrow_parquet(name)
    pa = pyarrow(name, "Parquet")
    try:
        with _parquet_file(pq, path) as file:
            schema = file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise FlowFileError(
            name, "a damaged Parquet file", found=" ".join(str(error).split())[:200], expected="Parquet"
        ) from error

    def batches(columns: list[str], rows: int) -> Iterator[Any]:
        with _parquet_file(pq, path) as file:
            yield from file.iter_batches(batch_size=rows, columns=columns)

    kept = conf_in(schema.metadata, name) if is_assumed(conf) else None
    return batch_source(name, "parquet", schema.names, kept or conf, batches)


@contextmanager
def _parquet_file(pq: Any, path: str) -> Iterator[Any]:
    """A Parquet file, mapped; behind a URL the row groups and columns that are read are fetched."""
    if not is_url(path):
        with pq.ParquetFile(path, memory_map=True) as file:
            yield file
        return
    with open_url(path) as opened, pq.ParquetFile(opened) as file:
        yield file


def parquet_conf(path: str) -> SilkConf | None:
    """The names of sensors and types that a Parquet file keeps, ``None`` where it keeps none or cannot be read."""
    try:
        pq = pyarrow_parquet(path)
        pa = pyarrow(path, "Parquet")
    except FlowFileError:
        return None
    try:
        with pq.ParquetFile(path) as file:
            return conf_in(file.schema_arrow.metadata, path)
    except (pa.ArrowException, OSError):
        return None


def write_parquet(
    folder: str | os.PathLike[str],
    sources: Iterable[FlowSource],
    conf: SilkConf = BUILT_IN,
    addresses: Literal["auto", "binary", "text"] = "auto",
) -> tuple[str, ...]:
    """Write the records of some sources into a folder, by day (UTC), and return the names of the files.

    A day is ``2012-02-01.parquet``, and where that is not enough (other fields, or days that come mixed over
    more than ``MOST_OPEN`` of them) ``2012-02-01.2.parquet`` and so on.  ``addresses`` is ``"auto"``: numbers where all
    are IPv4, else 16 bytes, the same in all files.  Memory is bounded.

    Raises ``FlowFileError`` as the readers do, without pyarrow, where a file is there already, and where the system
    refuses to write; no file of this conversion is then left behind.
    """
    name = os.fspath(folder)
    pq = pyarrow_parquet(name)
    target = Path(folder)
    made = not target.exists()
    try:
        target.mkdir(exist_ok=True)
        writer = _Writer(pq, target, name, conf, addresses)
        try:
            buffers = DayBuffers()
            for source in sources:
                for chunk in source.chunks(source.fields - {"record_number"}):
                    for group, block in buffers.add(chunk):
                        writer.put(group, block)
            for group, block in buffers.rest():
                writer.put(group, block)
            return writer.commit()
        except BaseException:
            writer.undo()
            if made:
                with suppress(OSError):
                    target.rmdir()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise FlowFileError(folder, f"cannot be written: {reason[:1].lower()}{reason[1:]}") from error


@define(eq=False)
class _File:
    """One file under way."""

    day: str
    path: Path
    form: AddressForm
    writer: Any


class _Writer:
    """The files of one conversion, under hidden names until all are whole."""

    def __init__(self, pq: Any, folder: Path, name: str, conf: SilkConf, addresses: str) -> None:
        self.pq = pq
        self.folder = folder
        self.name = name
        self.conf = conf
        self.form: AddressForm = {"auto": "number", "binary": "binary", "text": "text"}[addresses]  # type: ignore[assignment]
        self.open: dict[tuple[Group, AddressForm], _File] = {}
        self.files: list[_File] = []
        self.placed: list[Path] = []

    def put(self, group: Group, block: Chunk) -> None:
        if self.form == "number" and wide_rows(block) is not None:
            self.form = "binary"
        key = group, self.form
        file = self.open.pop(key, None)
        if file is None:
            if len(self.open) >= MOST_OPEN:
                oldest = next(iter(self.open))
                self.open.pop(oldest).writer.close()
            file = self.begin(group)
        # the one used last stands last
        self.open[key] = file
        file.writer.write_batch(record_batch(block, file.writer.schema, self.conf))

    def begin(self, group: Group) -> _File:
        path = self.folder / f".{group.day}.{os.getpid()}.{len(self.files)}.parquet.part"
        schema = arrow_schema(group.fields, self.form, self.conf)
        file = _File(group.day, path, self.form, self.writer(path, schema))
        self.files.append(file)
        return file

    def writer(self, path: Path, schema: Any) -> Any:
        return self.pq.ParquetWriter(path, schema, compression=_COMPRESSION, compression_level=1)

    def commit(self) -> tuple[str, ...]:
        for file in self.open.values():
            file.writer.close()
        self.open.clear()
        for file in self.files:
            if file.form != self.form:
                self.widen(file)
        days: dict[str, int] = {}
        targets: list[Path] = []
        for file in self.files:
            number = days[file.day] = days.get(file.day, 0) + 1
            targets.append(
                self.folder / (f"{file.day}.parquet" if number == 1 else f"{file.day}.{number}.parquet")
            )
        for path in targets:
            if path.exists():
                raise FlowFileError(
                    str(path),
                    "there is such a file already",
                    hint="convert into another folder, or remove it first",
                )
        for file, path in zip(self.files, targets, strict=True):
            _sync(file.path)
            file.path.replace(path)
            self.placed.append(path)
        _sync(self.folder)
        return tuple(str(path) for path in targets)

    def widen(self, file: _File) -> None:
        """Write a file again, whose addresses were numbers, with addresses as bytes."""
        path = file.path.with_suffix(".wide.part")
        with self.pq.ParquetFile(file.path) as old:
            held = [name for name in old.schema_arrow.names if name in STORED]
            schema = arrow_schema(held, self.form, self.conf)
            with self.writer(path, schema) as writer:
                for batch in old.iter_batches(batch_size=CHUNK_ROWS):
                    writer.write_batch(widened_batch(batch, schema))
        path.replace(file.path)
        file.form = self.form

    def undo(self) -> None:
        """Remove all files of this conversion."""
        for file in self.files:
            with suppress(Exception):
                file.writer.close()
            for path in (file.path, file.path.with_suffix(".wide.part")):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        for path in self.placed:
            with suppress(OSError):
                path.unlink()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
