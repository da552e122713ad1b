"""What a scan found in some of the flows, as data that can be sent and added up in any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from flowrules.engine.collect import CollectedRows, Collection, OtherRows, OtherSide
from flowrules.engine.facts import Facts
from flowrules.engine.grouped import Grouped
from flowrules.engine.merging import merged
from flowrules.engine.scan import Scanned
from flowrules.engine.stage import Stage


@frozen(eq=False)
class Share:
    """Groups, rows and facts of some portions, and how many records of each source (by its place) they are of."""

    groups: Sequence[Grouped]
    rows: Sequence[CollectedRows]
    others: Sequence[OtherRows]
    facts: Facts
    records: Mapping[int, int]
    skipped: Sequence[tuple[str, str]] = ()
    """Paths of sources that turned out to be damaged, and what was wrong with them."""

    @classmethod
    def of(
        cls,
        found: Scanned,
        places: Sequence[int],
        skipped: Sequence[tuple[str, str]] = (),
    ) -> Share:
        """What was found in portions of the sources at ``places``."""
        records: dict[int, int] = {}
        for place, count in zip(places, found.records, strict=True):
            records[place] = records.get(place, 0) + count
        # hosts and dictionaries are known where the share is wanted
        rows = [r.belonging_to(Collection((), None)) for r in found.rows]
        others = [o.belonging_to(OtherSide((), None)) for o in found.others]
        return cls(found.groups, rows, others, found.facts, records, skipped)

    def scanned(self, stage: Stage, sources: int) -> Scanned:
        """The share of all flows as what a scan of so many sources found."""
        collections = [c.collection() for c in stage.collections]
        sides = {c.side: c.collection().other_side() for c in stage.collections}
        return Scanned(
            self.groups,
            [r.belonging_to(c) for r, c in zip(self.rows, collections, strict=True)],
            [o.belonging_to(sides[s]) for o, s in zip(self.others, stage.sides, strict=True)],
            self.facts,
            [self.records.get(place, 0) for place in range(sources)],
        )


def added_up(shares: Sequence[Share]) -> Share:
    """Shares as one; there is at least one.  None of them is changed."""
    first = shares[0]
    if len(shares) == 1:
        return first
    facts = Facts()
    records: dict[int, int] = {}
    for share in shares:
        facts.merge(share.facts)
        for place, count in share.records.items():
            records[place] = records.get(place, 0) + count
    return Share(
        [merged([s.groups[place] for s in shares]) for place in range(len(first.groups))],
        [_rows(s.rows[place] for s in shares) for place in range(len(first.rows))],
        [_others(s.others[place] for s in shares) for place in range(len(first.others))],
        facts,
        records,
        [one for share in shares for one in share.skipped],
    )


def _rows(pieces: Iterable[CollectedRows]) -> CollectedRows:
    out = CollectedRows(Collection((), None))
    for piece in pieces:
        out.merge(piece)
    return out


def _others(pieces: Iterable[OtherRows]) -> OtherRows:
    out = OtherRows(OtherSide((), None))
    for piece in pieces:
        out.merge(piece)
    return out
