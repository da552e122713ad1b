"""What a SiLK record layout is: its length, its stored fields, and the columns that come of them."""

from __future__ import annotations

import numpy as np
from attrs import field, frozen

from flowrules.flows import silk_encodings as enc
from flowrules.flows.silk_encodings import Column, ProtocolFlags, Times, Volume, WebPorts, stored
from flowrules.model.structural import Shown

_ADDRESSES = frozenset({"sip", "dip", "nhip"})


@frozen(eq=False, repr=False)
class Layout(Shown):
    """One format and version: the record's length, its stored fields, and how columns come of them.

    ``places`` maps the name of a stored field to its numpy kind and offset.  ``columns`` maps field
    names of the catalogue to functions of a piece; addresses of 16 bytes have none (``wide`` is true).
    ``hourly`` layouts take hour, sensor and flowtype from the header.
    """

    length: int
    places: dict[str, tuple[str, int]]
    columns: dict[str, Column]
    wide: bool = False
    hourly: bool = False
    sensor_in_header: bool = False
    _dtypes: dict[str, np.dtype] = field(factory=dict, init=False, repr=False)

    @property
    def fields(self) -> frozenset[str]:
        """The catalogue's fields that this layout stores."""
        out = {*self.columns, "ip_version", "record_number"}
        if self.wide:
            out |= {name for name in _ADDRESSES if name + "_v4" in self.places}
        return frozenset(out)

    def dtype(self, byte_order: str) -> np.dtype:
        """The structured dtype of a record in this byte order (``<`` or ``>``)."""
        known = self._dtypes.get(byte_order)
        if known is None:
            names, formats, offsets = [], [], []
            for name, (kind, offset) in self.places.items():
                names.append(name)
                if kind == "3u1":
                    formats.append(np.dtype(("u1", (3,))))
                else:
                    formats.append(np.dtype(kind if kind[0] == ">" else byte_order + kind))
                offsets.append(offset)
            known = self._dtypes[byte_order] = np.dtype(
                {"names": names, "formats": formats, "offsets": offsets, "itemsize": self.length}
            )
        return known


_ALIKE = frozenset(
    {
        "sip", "dip", "nhip", "sport", "dport", "protocol", "packets", "bytes", "flags", "initial_flags",
        "session_flags", "input", "output", "sensor", "type", "application",
    }
)  # fmt: skip
"""Fields that are stored under the catalogue's own name where they are stored plainly."""


def places_of(text: str) -> dict[str, tuple[str, int]]:
    """``name kind offset`` for each stored field, separated by commas; ``ip16`` is a 16-byte address."""
    out: dict[str, tuple[str, int]] = {}
    for item in text.split(","):
        name, kind, offset_text = item.split()
        offset = int(offset_text)
        if kind == "ip16":
            out[name + "_high"] = (">u8", offset)
            out[name + "_low"] = (">u8", offset + 8)
            out[name + "_v4"] = (">u4", offset + 12)
        else:
            out[name] = (kind, offset)
    return out


def make_layout(
    length: int,
    places: dict[str, tuple[str, int]],
    *parts: dict[str, Column],
    hourly: bool = False,
    sensor_in_header: bool = False,
) -> Layout:
    """A layout of stored fields and columns; fields stored under the catalogue's name are columns as they are."""
    columns = {name: stored(name) for name in places if name in _ALIKE}
    for part in parts:
        columns.update(part)
    if hourly:
        columns |= {"sensor": enc.hour_sensor, "type": enc.hour_flowtype}
    if sensor_in_header:
        columns |= {"sensor": enc.hour_sensor}
    return Layout(length, places, columns, "sip_v4" in places, hourly, sensor_in_header)


def times_of(times: Times) -> dict[str, Column]:
    """The columns of start and duration."""
    return {"stime": times.stime, "duration": times.duration}


def volume_of(volume: Volume) -> dict[str, Column]:
    """The columns of packets and bytes."""
    return {"packets": volume.packets, "bytes": volume.bytes}


def ports_of(ports: WebPorts) -> dict[str, Column]:
    """The columns of the ports."""
    return {"sport": ports.sport, "dport": ports.dport}


def flags_of(flags: ProtocolFlags) -> dict[str, Column]:
    """The columns of the protocol and the flags that are kept."""
    out: dict[str, Column] = {"protocol": flags.protocol, "flags": flags.flags}
    if flags.state is not None:
        out |= {
            "initial_flags": flags.initial_flags,
            "session_flags": flags.session_flags,
            "attributes": flags.attributes,
        }
    return out
