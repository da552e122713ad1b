"""Which groupings the same cells count, and where that pays."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from attrs import frozen

from flowrules.engine.cell_classes import CellClasses
from flowrules.engine.folding import Decided
from flowrules.engine.key_codes import Coder
from flowrules.engine.range_classes import RangeClasses
from flowrules.engine.where import Where
from flowrules.model import expression as ex
from flowrules.plan.aggregates import Aggregate
from flowrules.plan.cell_tests import CUT_FIELDS, atoms, base_atoms, cut_field
from flowrules.plan.cells import pay
from flowrules.plan.field_use import TYPES, fields_of
from flowrules.plan.plan import CellMember, GroupingPlan

if TYPE_CHECKING:
    from flowrules.engine.surroundings import Surroundings


MOST_CELLS: Final = 1 << 22
"""The most combinations of classes that one table numbers; groupings with more are divided."""

ENOUGH_LEFT: Final = 8
"""So many groupings are counted by cells unless they have cuts."""

MOST_WEIGHED: Final = 16
"""Where more groupings may have rows it is not weighed again whether cells pay."""


@frozen(eq=False)
class CellCounted:
    """A grouping of the scan that is counted by cells: its place there, and how it is counted."""

    place: int
    where: Where
    """Tests that cells decide first, the rest after them."""
    counted: bool
    coder: Coder | None
    """The coder of its one host, where it is counted by host."""
    aggregates: tuple[Aggregate, ...]
    cuts: tuple[ex.Expression, ...]
    """Tests beside those of ``where.cheap`` that cells decide once they are divided by cuts."""
    cluster: int
    """Which members' cuts divide the same cells."""
    own: Where
    """The same tests in the order in which rows are tested where cells do not pay."""
    planned: GroupingPlan


@frozen(eq=False)
class CellTask:
    """Groupings counted by the same cells."""

    classes: CellClasses
    members: tuple[CellCounted, ...]
    ranges: tuple[RangeClasses, ...]
    """The classes of the fields that cuts divide."""
    clusters: Sequence[tuple[str, ...]]
    """Which fields the cuts of each cluster divide."""

    @classmethod
    def of(
        cls, classes: CellClasses, members: Sequence[CellCounted], clusters: Sequence[tuple[str, ...]]
    ) -> CellTask:
        """A task with the classes that its members' cuts make."""
        by_field: dict[str, list[ex.Expression]] = {}
        for atom in dict.fromkeys(a for m in members for cut in m.cuts for a in atoms(cut)):
            name = cut_field(atom)
            if name is not None:
                by_field.setdefault(name, []).append(atom)
        ranges = tuple(RangeClasses(n, by_field[n], classes.around) for n in CUT_FIELDS if n in by_field)
        return cls(classes, tuple(members), ranges, clusters)

    def pays(self, decided: Decided, left: Collection[int]) -> bool:
        """Whether rows of which so much is known are counted by cells, for the members that may have some of them, for
        less than each member tests what is left of its own predicates."""
        told = decided.truths
        if not told or len(left) > MOST_WEIGHED:
            # what was weighed for all rows
            return True
        if len(left) >= ENOUGH_LEFT and not any(self.members[i].cuts for i in left):
            return True
        members: list[CellMember] = []
        groupings: list[GroupingPlan] = []
        clusters: dict[int, int] = {}
        asked: list[ex.Expression] = []
        for i in left:
            member = self.members[i]
            where = decided.where(member.own)
            assert where is not None
            tests = tuple(t for t in member.where.cheap if id(t) not in told)
            cuts = tuple(c for c in member.cuts if id(c) not in told)
            rest = tuple(p for p in member.where.dear[len(member.cuts) :] if id(p) not in told)
            cluster = clusters.setdefault(member.cluster, len(clusters)) if cuts else 0
            keyed = member.coder is not None
            members.append(CellMember(len(groupings), tests, rest, member.counted, keyed, cuts, cluster))
            own = member.planned
            groupings.append(GroupingPlan(own.scan, where.predicates, own.keys, own.inside, own.aggregates))
            asked += (*tests, *base_atoms(cuts))
        names = fields_of(asked, TYPES)
        fields = [name for name in self.classes.fields if name in names]
        return pay(fields, members, [self.clusters[c] for c in clusters], groupings)


def cell_tasks(
    fields: Sequence[str],
    members: Sequence[CellCounted],
    clusters: Sequence[tuple[str, ...]],
    around: Surroundings,
) -> list[CellTask]:
    """Members with the cells that count them, divided where together they would make too many.

    A member that alone makes too many is in none.
    """
    if not members:
        return []
    tests = tuple(dict.fromkeys(t for m in members for t in (*m.where.cheap, *base_atoms(m.cuts))))
    classes = CellClasses(fields, tests, around)
    if classes.size <= MOST_CELLS:
        return [CellTask.of(classes, members, clusters)]
    if len(members) == 1:
        return []
    half = len(members) // 2
    return [
        *cell_tasks(fields, members[:half], clusters, around),
        *cell_tasks(fields, members[half:], clusters, around),
    ]
