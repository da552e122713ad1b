"""The pieces that flows are counted and kept by: files, and the parts of column stores."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from flowrules.engine.state.digests import digest
from flowrules.engine.state.folder import KnownFile, State
from flowrules.flows.sources import STDIN, FlowSources
from flowrules.flows.table import FlowSource


@frozen(eq=False)
class Piece:
    """Some flows that are counted by themselves.

    ``leaf`` names them by their content and by how it is read, for what is kept of them; ``None``: nothing is.
    """

    source: FlowSource
    place: int
    """The place of the source that they are from."""
    leaf: str | None
    file: KnownFile | None = None

    def unchanged(self) -> bool:
        """Whether the content still is what the name says."""
        return self.file is None or self.file.unchanged()


def pieces_of(state: State, sources: Sequence[FlowSource], fields: frozenset[str]) -> list[Piece]:
    """The pieces of all sources, in their order; ``fields`` are those that are read."""
    out = []
    for place, source in enumerate(sources):
        if source.format == "store":
            out += _parts(source, place, fields)
            continue
        named = isinstance(sources, FlowSources) and source.path != STDIN
        file = state.file_of(source.path) if named else None
        leaf = None if file is None else digest(file.hash, source.format, sorted(source.fields))
        out.append(Piece(source, place, leaf, file))
    return out


def _parts(source: FlowSource, place: int, fields: frozenset[str]) -> list[Piece]:
    """The parts of a column store, whose checksums cover every byte."""
    from flowrules.flows.store import StoreSource

    if not isinstance(source, StoreSource) or not source.parts:
        return [Piece(source, place, None)]
    out = []
    for own in source.by_part():
        (part,) = own.parts
        first = own.first if "record_number" in fields else 0
        named = digest("part", part.entry.index_digest, sorted(own.fields), first)
        out.append(Piece(own, place, named))
    return out


def is_skipped(sources: Sequence[FlowSource], piece: Piece) -> bool:
    """Whether a piece turned out to be damaged: the next run has to say so again."""
    skipped = sources.skipped if isinstance(sources, FlowSources) else ()
    return any(s.path == piece.source.path for s in skipped)
