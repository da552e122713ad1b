"""Checked expressions: predicates over one flow or row, and conditions over groups, hosts and totals.

One family of nodes serves both languages; the checker has seen to it that each stands only where it may.
Nodes are immutable and compare by meaning, not by place: two equal sub-predicates of different rulesets
are equal nodes, so that the plan can compute them once.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs
from attrs import field, frozen

from flowrules.model.source_text import Span
from flowrules.model.structural import Hashed
from flowrules.model.types import Type

if TYPE_CHECKING:
    from flowrules.model.address_set import AddressSet
    from flowrules.model.address_wildcard import Wildcard
    from flowrules.model.schedule import Schedule

Value: TypeAlias = "int | str | Fraction | bool | tuple[object, ...] | Schedule | None"


@frozen(kw_only=True, eq=False, repr=False)
class Expression(Hashed):
    """What every node has: its type, and where it was written (``None``: made, not written)."""

    type: Type
    span: Span | None = field(default=None, eq=False, repr=False)

    def children(self) -> Iterator[Expression]:
        """The expressions directly below this one."""
        for name in parts(type(self)):
            value = getattr(self, name)
            if isinstance(value, Expression):
                yield value
            elif isinstance(value, tuple):
                for part in value:
                    if isinstance(part, Expression):
                        yield part

    def walk(self) -> Iterator[Expression]:
        """This node and every one below it, parents first."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            for name in parts(type(node))[::-1]:
                value = getattr(node, name)
                if isinstance(value, Expression):
                    pending.append(value)
                elif type(value) is tuple:
                    pending += [part for part in value[::-1] if isinstance(part, Expression)]


_known_parts: dict[type[Expression], tuple[str, ...]] = {}
_PLAIN: Final = frozenset(
    (
        "Type",
        "Span | None",
        "Value",
        "str",
        "str | None",
        "int",
        "int | None",
        "bool",
        "Fraction",
        "AddressSet",
    )
)
"""Attributes with these types hold no nodes."""


def parts(kind: type[Expression]) -> tuple[str, ...]:
    """The attributes of a class that can hold nodes; asked for once, since walks are many."""
    held = _known_parts.get(kind)
    if held is None:
        held = tuple(a.name for a in attrs.fields(kind) if a.type not in _PLAIN)
        _known_parts[kind] = held
    return held


# ---- values -----------------------------------------------------------------------------------------


@frozen(eq=False, repr=False)
class Literal(Expression):
    """A constant, as ``model.types`` says for its type; a bound parameter is one too."""

    value: Value


@frozen(eq=False, repr=False)
class Field(Expression):
    """A field of the flow, stored or derived.

    Derived: ``etime bytes_per_packet packets_per_second bytes_per_second icmp_type icmp_code class
    inside outside inside_port outside_port gap record_version``.
    """

    name: str


@frozen(eq=False, repr=False)
class Column(Expression):
    """A column or key of the table that is the source (row context), or a column or key of the table's own
    row (in its ``keep`` and ``order``, an anomaly ``in`` it, a check ``of`` it)."""

    name: str


@frozen(eq=False, repr=False)
class Mask(Expression):
    """``sip/24/48``: the block that an address lies in; ``v6`` is /64 unless it was written."""

    of: Expression
    v4: int
    v6: int


@frozen(eq=False, repr=False)
class Bin(Expression):
    """``bin(time, width)``: the start of the bin, width in ms, bins counted from 1970 UTC (of a duration: from 0)."""

    of: Expression
    width: int


@frozen(eq=False, repr=False)
class KnownOr(Expression):
    """``known_or(icmp_type, 0)``: a value where it is known, a constant of its type elsewhere."""

    of: Expression
    other: Literal


@frozen(eq=False, repr=False)
class Clock(Expression):
    """``hour(t)`` (0-23) or ``weekday(t)`` (0 = Monday) in a zone (IANA name)."""

    part: str
    of: Expression
    zone: str


@frozen(eq=False, repr=False)
class MapLookup(Expression):
    """The label of a map for an address or for ``(port, protocol)``; unknown where nothing matches.

    ``map`` is a key of ``Program.maps`` (``country``, ``asn`` and ``name`` are maps too).
    """

    map: str
    args: tuple[Expression, ...]


@frozen(eq=False, repr=False)
class Measure(Expression):
    """A measure over the flows (or rows) of one group.

    ``args`` are flow expressions (a predicate for ``fraction``, a ``Measure`` for ``share`` and
    ``relative``, a schedule literal for ``fit``); ``source`` is set where the measure stands with its own
    ``of`` (a total in a check, a cell of an entry) and ``None`` where the group is the table's or feature's.
    ``share`` always has its measure as argument (a bare ``share`` was resolved).
    """

    name: str
    args: tuple[Expression, ...] = ()
    source: Source | None = None
    per: tuple[Key, ...] = ()


@frozen(eq=False, repr=False)
class Feature(Expression):
    """A feature of the profile, for this host."""

    name: str


@frozen(eq=False, repr=False)
class Host(Expression):
    """The key of the profile: this host (or block, or tuple)."""


@frozen(eq=False, repr=False)
class Verdict(Expression):
    """The verdict of this host (a label)."""


@frozen(eq=False, repr=False)
class Lookup(Expression):
    """``table.column[key, …]``, ``profile.feature[key]``, ``profile.verdict[key]``; unknown without such a row.

    ``owner`` is the qualified name of the table, profile or bound ``table(...)`` parameter.
    """

    owner: str
    column: str
    keys: tuple[Expression, ...]
    previous: bool = False


@frozen(eq=False, repr=False)
class CountOf(Expression):
    """``count(s)``: the number of members of a set, or of rows of a table."""

    set: SetExpression | None = None
    table: str | None = None


@frozen(eq=False, repr=False)
class PreviousKnown(Expression):
    """``known(previous(x))``: whether the run was given earlier results that hold x."""

    owner: str
    column: str | None = None


@frozen(eq=False, repr=False)
class Finding(Expression):
    """What came of a check or of an anomaly at file level, which only a test asks.

    As truth: whether the check holds, whether the anomaly was found; as a count: how many rows it was found in.
    """

    name: str


@frozen(eq=False, repr=False)
class EntryCell(Expression):
    """A cell of the entry of a host, which only a test asks; unknown where there is none.

    ``keys`` are the host's, and its protocol after them where that was given.
    """

    profile: str
    column: str
    keys: tuple[Expression, ...]


@frozen(eq=False, repr=False)
class Shown(Expression):
    """A value as the text that people read (a list, ``80, 443``), which only a test asks."""

    of: Expression


@frozen(eq=False, repr=False)
class Arithmetic(Expression):
    """``+ - * /`` on conditions' values; division by zero is unknown."""

    op: str
    left: Expression
    right: Expression


@frozen(eq=False, repr=False)
class ShareLimit(Expression):
    """``unit_share(1%)``: trunc(percent * total / 100) in whole units of the first measure, the limit that
    ``rwstats --percentage`` uses (computed in float64 and truncated, as rwstats does)."""

    percent: Fraction


@frozen(eq=False, repr=False)
class Spread(Expression):
    """``spread(width, scheme)`` as a key: a flow counts in every bin that it touches, with a weight.

    ``scheme`` is one of rwcount(1)'s load schemes by name: ``uniform start end middle time maximum
    minimum`` (0 to 6: bin-uniform, start-spike, end-spike, middle-spike, time-proportional,
    maximum-volume, minimum-volume).  ``width`` in ms; bins are counted from ``start`` (ms, default
    1970 UTC); with ``start`` flows before it, and with ``end`` flows after it, are left out.
    Measures are exact fractions.
    """

    width: int
    scheme: str
    start: int | None = None
    end: int | None = None


# ---- truth ------------------------------------------------------------------------------------------


@frozen(eq=False, repr=False)
class Not(Expression):
    """Kleene's not: unknown stays unknown."""

    of: Expression


@frozen(eq=False, repr=False)
class And(Expression):
    """All of several; false wins over unknown."""

    items: tuple[Expression, ...]


@frozen(eq=False, repr=False)
class Or(Expression):
    """Any of several; true wins over unknown."""

    items: tuple[Expression, ...]


@frozen(eq=False, repr=False)
class NOf(Expression):
    """``n of (…)``: true when n hold, false when n cannot be reached."""

    n: int
    items: tuple[Expression, ...]


@frozen(eq=False, repr=False)
class Compare(Expression):
    """``= != < <= > >=`` of two values of comparable types."""

    op: str
    left: Expression
    right: Expression


@frozen(eq=False, repr=False)
class In(Expression):
    """Membership of one value, or of a tuple of several, in a collection (``not in`` is ``Not(In)``)."""

    items: tuple[Expression, ...]
    collection: Collection


@frozen(eq=False, repr=False)
class FlagTest(Expression):
    """``has``, ``lacks``, ``matches``: (field & mask) == high for any of the pairs ``(high, mask)``."""

    name: str
    pairs: tuple[tuple[int, int], ...]


@frozen(eq=False, repr=False)
class Known(Expression):
    """``known(x)``: never unknown itself."""

    of: Expression


@frozen(eq=False, repr=False)
class FilterRef(Expression):
    """A named filter, ``Program.filters[name]``, or the reverse of it.

    Predefined ones need no declaration: ``all inbound outbound internal external blocked`` (names of
    ``Direction``); protocol words were turned into ``Compare`` of ``protocol``.
    """

    name: str
    reversed: bool = False


@frozen(eq=False, repr=False)
class Direction(Expression):
    """The flow's direction: ``inbound outbound internal external blocked``, or ``all`` (always true)."""

    name: str


# ---- collections ------------------------------------------------------------------------------------


@frozen(eq=False, repr=False)
class Ranges(Hashed):
    """Whole numbers as sorted, disjoint, inclusive ranges (ports, protocols, sizes, times in ms, …)."""

    ranges: tuple[tuple[int, int], ...]


@frozen(eq=False, repr=False)
class Numbers(Hashed):
    """Exact numbers or percents as inclusive ranges of ``Fraction``."""

    ranges: tuple[tuple[Fraction, Fraction], ...]


@frozen(eq=False, repr=False)
class Labels(Hashed):
    """Labels by name."""

    labels: frozenset[str]


@frozen(eq=False, repr=False)
class Addresses(Hashed):
    """A constant set of addresses: listed, or a ``nets``."""

    set: AddressSet


@frozen(eq=False, repr=False)
class Wildcards(Hashed):
    """Address patterns that stand for too many ranges to list (``x.x.x.1``): an address that any matches."""

    wildcards: tuple[Wildcard, ...]


@frozen(eq=False, repr=False)
class Blocks(Hashed):
    """Blocks listed with their lengths: ``(address, prefix length of 128)``, for ``sip/24 in …`` a cover test."""

    set: AddressSet


@frozen(eq=False, repr=False)
class Tuples(Hashed):
    """Listed tuples: per row one inclusive range of integers for each position."""

    rows: tuple[tuple[tuple[int, int], ...], ...]


@frozen(eq=False, repr=False)
class InSchedule(Hashed):
    """Times within the hours of a schedule."""

    schedule: Schedule


@frozen(eq=False, repr=False)
class InSet(Hashed):
    """Members of a set of the program, or of an expression over sets."""

    set: SetExpression


Collection = Ranges | Numbers | Labels | Addresses | Wildcards | Blocks | Tuples | InSchedule | InSet


# ---- sources and sets -------------------------------------------------------------------------------


@frozen(eq=False, repr=False)
class Source(Hashed):
    """Which flows or rows: a predicate over flows, or over the rows of another table.

    ``predicate`` holds the ``where`` too.  ``table`` is the qualified name of the table whose rows are
    meant, ``None`` for flows.  ``direction`` is ``inbound`` or ``outbound`` where the predicate proves
    it (then measures are unknown when the flows read hold none of that direction).
    """

    predicate: Expression
    table: str | None = None
    direction: str | None = None
    span: Span | None = field(default=None, eq=False, repr=False)


@frozen(eq=False, repr=False)
class Key(Hashed):
    """One grouping key: its column name and what it is computed from."""

    name: str
    of: Expression


@frozen(eq=False, repr=False)
class Keep(Hashed):
    """``keep cond``: the rows for which the condition is true."""

    condition: Expression


@frozen(eq=False, repr=False)
class KeepRank(Hashed):
    """``keep top n by m with ties``; ``by`` is a column name or a measure (``None``: the first measure)."""

    bottom: bool
    n: int
    by: Expression | None = None
    ties: bool = False


@frozen(eq=False, repr=False)
class KeepCover(Hashed):
    """``keep cover 95%``: the fewest top rows that together reach the share; the row that crosses is in."""

    share: Fraction


KeepStep = Keep | KeepRank | KeepCover


@frozen(kw_only=True, eq=False, repr=False)
class SetExpression(Hashed):
    """What every set expression has: the types of its positions, and where it was written."""

    parts: tuple[Type, ...]
    span: Span | None = field(default=None, eq=False, repr=False)


@frozen(eq=False, repr=False)
class Members(SetExpression):
    """``key of source where … keep …``: the different keys of the flows (or rows) that pass."""

    keys: tuple[Key, ...]
    source: Source
    keeps: tuple[KeepStep, ...] = ()


@frozen(eq=False, repr=False)
class SetLiteral(SetExpression):
    """Listed members.  One address part: an ``AddressSet``; else tuples (or single values) of int ranges."""

    addresses: AddressSet | None = None
    rows: tuple[tuple[tuple[int, int], ...], ...] = ()
    labels: tuple[str, ...] = ()


@frozen(eq=False, repr=False)
class SetNamed(SetExpression):
    """A declared set by qualified name."""

    name: str
    previous: bool = False


@frozen(eq=False, repr=False)
class KeyColumn(SetExpression):
    """``table.dip``, ``tupleset.sip``: the values of one key of a table's kept rows, or of a set's position."""

    owner: str
    index: int
    of_table: bool
    previous: bool = False


@frozen(eq=False, repr=False)
class HostsOf(SetExpression):
    """``profile.hosts``, ``profile.entries``, ``profile.VERDICT``, ``profile.ANOMALY``."""

    profile: str
    which: str
    previous: bool = False


@frozen(eq=False, repr=False)
class SetBlocks(SetExpression):
    """``blocks(s, 24, 64)``: the blocks that the members lie in.

    ``form`` is ``blocks``, or a set of addresses: ``block_starts`` (the lowest address of each block, as
    ``rwsettool --mask`` gives it) or ``fill_blocks`` (all addresses of each, as ``--fill-blocks``).
    """

    of: SetExpression
    v4: int
    v6: int
    form: str = "blocks"


@frozen(eq=False, repr=False)
class SetAlgebra(SetExpression):
    """``| & - ^`` of two sets with equal types."""

    op: str
    left: SetExpression
    right: SetExpression
