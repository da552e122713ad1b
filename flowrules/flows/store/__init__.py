"""The column store: flows in a folder of memory-mapped columns; ``open_store`` reads it, ``write_store`` adds."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowrules.flows.store.reading import Store, StoreSource, open_store
    from flowrules.flows.store.segment import Segment
    from flowrules.flows.store.writing import StoreWriter, Written, write_store

__all__ = ["Segment", "Store", "StoreSource", "StoreWriter", "Written", "open_store", "write_store"]

_PLACES = {
    "Segment": "segment",
    "Store": "reading",
    "StoreSource": "reading",
    "StoreWriter": "writing",
    "Written": "writing",
    "open_store": "reading",
    "write_store": "writing",
}
"""The module of each name: who only asks whether a folder is a store needs none of them."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
