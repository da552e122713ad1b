"""Reading the flow records of a SiLK file into chunks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.flows import silk_encodings as enc
from flowrules.flows.byte_source import ByteSource
from flowrules.flows.errors import FlowFileError
from flowrules.flows.remote import is_url
from flowrules.flows.silk_blocks import record_runs, record_starts
from flowrules.flows.silk_header import (
    UNKNOWN_FLOWTYPE,
    UNKNOWN_SENSOR,
    SilkHeader,
    old_padding,
    read_header,
)
from flowrules.flows.silk_layout import Layout
from flowrules.flows.silk_layouts import FLOW_FORMATS, layout_of
from flowrules.flows.stream_source import open_bytes
from flowrules.flows.table import CHUNK_ROWS, Chunk, FlowSource
from flowrules.flows.time_span import SPAN, TimeSpan
from flowrules.model.fields import ADDRESS, STORED
from flowrules.model.structural import Shown

if TYPE_CHECKING:
    from flowrules.flows.silk_conf import SilkConf

Array = NDArray[Any]

_RUN = 1 << 15
"""Records decoded at a time: few enough to stay in the cache, enough to make numpy's calls cheap."""

_U4_COUNTS = frozenset({"packets", "bytes"})
_ADDRESSES = frozenset({"sip", "dip", "nhip"})


@frozen(eq=False, repr=False)
class SilkFlows(Shown):
    """A SiLK flow file whose header has been read: what is in it and how to read it.

    ``sensor`` and ``flowtype`` are the ids that hold for the whole file, ``None`` where records have
    their own or none is known.
    """

    path: str
    """Where the bytes are."""
    name: str
    """What to call the file in messages."""
    header: SilkHeader
    layout: Layout
    sensor: int | None
    flowtype: int | None
    size: int | None = None
    """Of the file, in bytes; ``None`` for one that is wrapped by gzip."""

    @property
    def records(self) -> int | None:
        """How many whole records there are, where their number can be told from the size."""
        if self.size is None or self.header.compression:
            return None
        return max(self.size - self.header.length, 0) // self.layout.length

    @property
    def fields(self) -> frozenset[str]:
        """The catalogue's fields that the file's records hold."""
        out = self.layout.fields
        if self.layout.hourly and self.flowtype is None:
            out -= {"type"}
        if (self.layout.hourly or self.layout.sensor_in_header) and self.sensor is None:
            out -= {"sensor"}
        return out

    def chunks(
        self,
        fields: frozenset[str] | None = None,
        rows: int = CHUNK_ROWS,
        offset: int | None = None,
        first: int = 0,
        records: int | None = None,
    ) -> Iterator[Chunk]:
        """Read the records from the first on; see ``FlowSource.chunks``.  ``SPAN`` may be asked for.

        With an ``offset`` (of ``starts``), from there, where record ``first`` stands, and only so
        many ``records`` (``None``: to the end).

        Raises ``FlowFileError`` on reaching damage, after every whole record before it has come;
        ``records_read`` says how many those are.
        """
        wanted = self.fields if fields is None else self.fields & fields
        spanned = fields is not None and SPAN in fields
        header, layout = self.header, self.layout
        dtype = layout.dtype(header.byte_order)
        run = min(_RUN, rows)
        before = first
        with open_bytes(self.path, self.name) as source:
            _skip(source, header.length if offset is None else offset)
            pieces: list[enc.Piece] = []
            have = 0
            damage: FlowFileError | None = None
            try:
                for data in record_runs(source, header.compression, layout.length, run, records):
                    read: Array = np.frombuffer(data, dtype)
                    start = 0
                    while start < len(read):
                        part = read[start : start + min(_RUN, rows - have)]
                        pieces.append(enc.Piece(part, header.hour or 0, self._sensor, self._flowtype))
                        have += len(part)
                        start += len(part)
                        if have == rows:
                            yield self._chunk(pieces, have, first, wanted, spanned)
                            first += have
                            pieces, have = [], 0
            except FlowFileError as error:
                if error.records_read is not None:
                    error.records_read += before
                damage = error
            if have:
                yield self._chunk(pieces, have, first, wanted, spanned)
            if damage is not None:
                raise damage

    def starts(self, every: int) -> Iterator[tuple[int, int]]:
        """Offsets from which ``chunks`` can read, about ``every`` records apart, with the numbers of their records.

        None for a file that is zipped as a whole, or whose blocks would all be fetched to find them.  Raises ``FlowFileError`` on reaching damage.
        """
        with open_bytes(self.path, self.name) as source:
            if source.size is not None and not (self.header.compression and is_url(self.path)):
                _skip(source, self.header.length)
                yield from record_starts(source, self.header.compression, self.layout.length, every)

    @property
    def _sensor(self) -> int:
        return UNKNOWN_SENSOR if self.sensor is None else self.sensor

    @property
    def _flowtype(self) -> int:
        return UNKNOWN_FLOWTYPE if self.flowtype is None else self.flowtype

    def _chunk(
        self, pieces: list[enc.Piece], rows: int, first: int, wanted: frozenset[str], spanned: bool
    ) -> Chunk:
        layout = self.layout
        wide = layout.wide and any((p.raw("state") & np.uint8(enc.IPV6_BIT)).any() for p in pieces)
        columns: dict[str, Array] = {}
        fills: list[tuple[Array, enc.Column]] = []
        for name in STORED:
            if name not in wanted:
                continue
            if name == "record_number":
                columns[name] = np.arange(first, first + rows, dtype=np.uint64)
                continue
            column = self._column(name, wide)
            out = columns[name] = np.empty(rows, self._dtype(name, wide))
            fills.append((out, column))
        spans = []
        start = 0
        for piece in pieces:
            stop = start + len(piece.records)
            for out, column in fills:
                out[start:stop] = column(piece)
            if spanned:
                spans.append(self._span(piece))
            piece.forget()
            start = stop
        span = TimeSpan.joined(spans) if spans else None
        return Chunk(columns, rows, first, self.name, self._constants(wide), span=span)

    def _span(self, piece: enc.Piece) -> TimeSpan:
        # without gaps and in this machine's byte order: they are gone through several times
        start, duration = (self.layout.columns[n](piece).astype(np.int64) for n in ("stime", "duration"))
        return TimeSpan.of(start, duration)

    def _constants(self, wide: bool) -> dict[str, int]:
        """The fields that the header, or the form of the records, tells for all of them."""
        out: dict[str, int] = {}
        if self.layout.hourly and self.flowtype is not None:
            out["type"] = self.flowtype
        if (self.layout.hourly or self.layout.sensor_in_header) and self.sensor is not None:
            out["sensor"] = self.sensor
        if not wide and "ip_version" in self.fields:
            out["ip_version"] = 4
        return out

    def _column(self, name: str, wide: bool) -> enc.Column:
        if name == "ip_version":
            return enc.ip_versions if wide else enc.constant(4)
        if self.layout.wide and name in _ADDRESSES:
            if wide:
                return lambda piece: enc.wide_addresses(piece, name)
            return enc.stored(name + "_v4")
        return self.layout.columns[name]

    def _dtype(self, name: str, wide: bool) -> np.dtype[Any]:
        if name in _ADDRESSES:
            return ADDRESS if wide else np.dtype(np.uint32)
        if name in _U4_COUNTS and self.layout.places.get(name, ("", 0))[0] in ("u4", "u8"):
            # stored as 32 bits, or clamped to them: half the memory to go through
            return np.dtype(np.uint32)
        dtype = STORED[name].dtype
        assert dtype is not None
        return dtype


def open_silk(path: str | Path, name: str | None = None, conf: SilkConf | None = None) -> SilkFlows:
    """Read the header of a SiLK flow file and find its layout.

    ``name`` is what messages call the file (its path when ``None``), ``conf`` gives the ids of sensor and
    flowtype that an old-style hourly file names in its file name.  Raises ``FlowFileError`` when this is
    no SiLK flow file, or one with an unknown version, or with a header that cannot be right.
    """
    name = str(path) if name is None else name
    with open_bytes(str(path), name) as source:
        header = read_header(source, name)
        layout = _layout(header, name)
        size = source.size
        padding = old_padding(header, layout.length)
        if padding:
            if len(source.read(padding)) < padding:
                raise FlowFileError(
                    name, "the file ends inside the header", offset=header.length, records_read=0
                )
            header = _moved(header, padding)
    sensor, flowtype = header.sensor, header.flowtype
    if header.sensor_name is not None and conf is not None:
        sensor = conf.sensor_id(header.sensor_name)
        flowtype = conf.flowtype_by_name(header.flowtype_name or "")
    if header.file_version >= 16 and header.format == 0x1C:
        flowtype = None
    return SilkFlows(str(path), name, header, layout, sensor, flowtype, size)


def silk_source(path: str | Path, name: str | None = None, conf: SilkConf | None = None) -> FlowSource:
    """A SiLK flow file as a ``FlowSource``; raises as ``open_silk`` does."""
    flows = open_silk(path, name, conf)
    return FlowSource(flows.name, "silk", flows.fields, flows.chunks, records=flows.records, spans=True)


def _layout(header: SilkHeader, name: str) -> Layout:
    if header.format not in FLOW_FORMATS:
        raise FlowFileError(
            name,
            f"a SiLK file of format {header.format_name}, which holds no flow records",
            offset=5,
            expected="a flow file",
        )
    layout = layout_of(header.format, header.record_version, header.byte_order)
    if layout is None:
        raise FlowFileError(
            name,
            f"unknown version {header.record_version} of {header.format_name} records",
            offset=6 if header.file_version < 16 else 14,
            expected="one that SiLK 3.19 reads",
        )
    if header.file_version >= 16 and header.record_length != layout.length:
        raise FlowFileError(
            name,
            f"wrong record length for {header.format_name} version {header.record_version}",
            offset=12,
            found=str(header.record_length),
            expected=str(layout.length),
        )
    if layout.hourly and header.hour is None:
        raise FlowFileError(
            name,
            f"the header of a {header.format_name} file must say the hour that its times are relative to",
            offset=16,
            expected="a packed-file header entry",
        )
    return layout


def _moved(header: SilkHeader, padding: int) -> SilkHeader:
    from attrs import evolve

    return evolve(header, length=header.length + padding)


def _skip(source: ByteSource, size: int) -> None:
    if source.skip(size) < size:
        raise FlowFileError(source.name, "the file has become shorter while it was read", records_read=0)
