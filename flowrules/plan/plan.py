"""The plan of a run: how often the flows are read, and what is counted each time."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from flowrules.model import expression as ex
from flowrules.model.structural import Structural
from flowrules.plan.aggregates import Aggregate
from flowrules.plan.demands import Demand


@frozen(eq=False, repr=False)
class GroupingPlan(Structural):
    """Groups counted in one scan: of the flows for which all of ``where`` is true, by ``keys``.

    ``inside`` says for each key whether its addresses are known to be the site's own.  ``aggregates``
    are the parts kept for each group beside its number of flows.  ``finer`` is the index of a grouping of
    the same flows by more keys, from whose groups these are added up; ``None``: they are counted.
    """

    scan: int
    where: tuple[ex.Expression, ...]
    keys: tuple[ex.Expression, ...]
    inside: tuple[bool, ...]
    aggregates: tuple[Aggregate, ...] = ()
    finer: int | None = None


@frozen(eq=False, repr=False)
class CollectionPlan(Structural):
    """Rows collected in one scan for measures that need a host's rows together.

    ``where`` and ``keys`` as for groups; only rows whose keys are hosts of ``profile`` are kept.
    """

    scan: int
    where: tuple[ex.Expression, ...]
    keys: tuple[ex.Expression, ...]
    profile: str
    measures: tuple[ex.Measure, ...] = ()


@frozen(eq=False, repr=False)
class Query(Structural):
    """How one demand is answered.

    ``grouping`` (an index; ``None``: the demand is over a table's rows) holds the groups by ``keys``
    and, beyond these, by ``extra`` keys that are added up again after ``deferred`` has thinned them out.
    ``deferred`` are the tests of sets that the keys alone decide; they are taken after grouping.
    ``measures`` gives for each measure asked for the one over written-out filters.  ``ready`` is the scan
    after which the answer is there.  ``missing`` says why an optional demand stays unknown.
    """

    demand: Demand
    grouping: int | None
    keys: tuple[ex.Expression, ...]
    extra: tuple[ex.Expression, ...]
    deferred: tuple[ex.Expression, ...]
    measures: tuple[tuple[ex.Measure, ex.Measure], ...]
    ready: int
    missing: str | None = None
    collection: int | None = None


@frozen(eq=False, repr=False)
class Step(Structural):
    """A part of what a row costs: what is done, and the nanoseconds."""

    what: str
    nanoseconds: float


@frozen(eq=False, repr=False)
class CellMember(Structural):
    """A grouping counted by cells: the predicates that its cells decide, and those that are left.

    ``cuts`` are predicates that ask for thresholds and ranges beside, decided by the cells that those of
    ``cluster`` divide further.
    ``counted``: nothing but the cell of a row and, where ``keyed``, the host of its one key says where it counts,
    so that no rows need be selected.
    """

    grouping: int
    tests: tuple[ex.Expression, ...]
    rest: tuple[ex.Expression, ...]
    counted: bool
    keyed: bool
    cuts: tuple[ex.Expression, ...] = ()
    cluster: int = 0


@frozen(eq=False, repr=False)
class CellPlan(Structural):
    """The groupings of a scan that are counted by cells over ``fields``.

    ``clusters`` has for each number of a cluster the fields whose thresholds and ranges divide its cells.
    """

    fields: tuple[str, ...]
    members: tuple[CellMember, ...]
    clusters: tuple[tuple[str, ...], ...] = ()


@frozen(eq=False)
class Ways:
    """What a row of a scan is estimated to cost for the groupings that cells can count.

    ``cells``: counted by cells; ``predicates``: each grouping by its own tests.
    """

    cells: tuple[Step, ...]
    predicates: tuple[Step, ...]


@frozen(eq=False, repr=False)
class ScanPlan(Structural):
    """One pass over the flows: the stored fields that it reads, and why it cannot be part of an earlier one."""

    number: int
    fields: frozenset[str]
    reason: str


@frozen(eq=False)
class Plan:
    """Everything that a run does, in order."""

    scans: tuple[ScanPlan, ...]
    groupings: tuple[GroupingPlan, ...]
    collections: tuple[CollectionPlan, ...]
    queries: Mapping[tuple[str, object], Query]
    sets: Mapping[str, int]
    """Names of declared sets that are wanted, with the scan after which each is there."""
    tables: Mapping[str, int]
    profiles: Mapping[str, int]
    cells: Mapping[int, CellPlan]
    """Which groupings of a scan are counted by cells, for the scans that have such."""
    ways: Mapping[int, Ways] = {}
    """What was weighed to decide that, for the scans that have groupings for cells."""

    def shared(self, scan: int) -> dict[ex.Expression, int]:
        """Predicates that more than one grouping or collection of a scan tests, with how many do."""
        counts: dict[ex.Expression, int] = {}
        groupings = (g.where for g in self.groupings if g.scan == scan and g.finer is None)
        for where in (*groupings, *(c.where for c in self.collections if c.scan == scan)):
            for predicate in where:
                counts[predicate] = counts.get(predicate, 0) + 1
        return {p: n for p, n in counts.items() if n > 1}

    def predicates(self, scan: int) -> list[ex.Expression]:
        """All predicates that a scan evaluates."""
        out = [p for g in self.groupings if g.scan == scan for p in g.where]
        out += [a.of for g in self.groupings if g.scan == scan for a in g.aggregates if a.kind == "matching"]
        out += [p for c in self.collections if c.scan == scan for p in c.where]
        return list(dict.fromkeys(out))
