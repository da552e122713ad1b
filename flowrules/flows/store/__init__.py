"""The column store: flows in a folder of memory-mapped columns; ``open_store`` reads it, ``write_store`` adds."""

from flowrules.flows.store.reading import Store, StoreSource, open_store
from flowrules.flows.store.segment import Segment
from flowrules.flows.store.writing import StoreWriter, Written, write_store

__all__ = ["Segment", "Store", "StoreSource", "StoreWriter", "Written", "open_store", "write_store"]
