"""Maps as functions of columns: the code of the label of each address, port, or port and protocol."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.address_ids import AddressIds
from flowrules.engine.row_values import LabelCodes, Values
from flowrules.flows.table import widen
from flowrules.model.address_index import find_last
from flowrules.model.map_table import MapTable


class MapLabels:
    """One map; addresses are looked up once each, ports in tables of 65,536 entries."""

    def __init__(self, table: MapTable, codes: LabelCodes) -> None:
        self._table = table
        self._codes = np.array([codes.code(label) for label in table.labels] or [0], np.uint32)
        self._ids = AddressIds()
        self._by_id = np.zeros(1, np.uint32)
        self._ports: dict[int, NDArray[np.uint32]] = {}
        self._lock = Lock()

    def of(self, keys: Sequence[Values]) -> Values:
        """The label of each row's keys, unknown where the map has none."""
        if self._table.kind == "address":
            codes = self._of_addresses(keys[0].array)
        elif self._table.kind == "port":
            codes = self._of_ports(0).take(keys[0].array)
        else:
            codes = self._of_services(keys[0].array, keys[1].array)
        known = codes != 0
        for key in keys:
            if key.known is not None:
                known &= key.known
        if known.all():
            return Values(codes, labels=True)
        return Values(np.where(known, codes, 0).astype(np.uint32), known, labels=True)

    def _of_addresses(self, addresses: NDArray[Any]) -> NDArray[np.uint32]:
        ids = self._ids.encode(addresses)
        by_id = self._by_id
        if len(by_id) < len(self._ids):
            with self._lock:
                by_id = self._by_id
                more = self._ids.addresses(len(by_id))
                by_id = self._by_id = np.concatenate((by_id, self._search(more)))
        return by_id.take(ids)

    def _search(self, addresses: NDArray[Any]) -> NDArray[np.uint32]:
        table = self._table
        if not len(table.index):
            return np.zeros(len(addresses), np.uint32)
        starts, ends = widen(table.starts), widen(table.ends)
        high, low = np.ascontiguousarray(addresses["high"]), np.ascontiguousarray(addresses["low"])
        place = find_last(
            np.ascontiguousarray(starts["high"]), np.ascontiguousarray(starts["low"]), high, low
        )
        found = place >= 0
        place[~found] = 0
        end = ends.take(place)
        found &= (high < end["high"]) | (high == end["high"]) & (low <= end["low"])
        return np.where(found, self._codes.take(table.index.take(place)), 0).astype(np.uint32)

    def _of_ports(self, protocol: int) -> NDArray[np.uint32]:
        """The label code of every port, of one protocol where the map has protocols."""
        held = self._ports.get(protocol)
        if held is None:
            held = np.zeros(1 << 16, np.uint32)
            base = protocol << 16
            table = self._table
            starts, ends = table.starts.astype(np.int64), table.ends.astype(np.int64)
            for start, end, index in zip(starts.tolist(), ends.tolist(), table.index.tolist(), strict=True):
                low, high = max(start - base, 0), min(end - base, 0xFFFF)
                if low <= high:
                    held[low : high + 1] = self._codes[index]
            self._ports[protocol] = held
        return held

    def _of_services(self, ports: NDArray[Any], protocols: NDArray[Any]) -> NDArray[np.uint32]:
        out = np.zeros(len(ports), np.uint32)
        met = np.zeros(256, np.bool_)
        met[protocols] = True
        for protocol in np.flatnonzero(met).tolist():
            rows = np.flatnonzero(protocols == protocol)
            out[rows] = self._of_ports(protocol).take(ports.take(rows))
        return out
