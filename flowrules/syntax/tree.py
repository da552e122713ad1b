"""The tree of a ruleset file: what was written, with its place, and nothing concluded from it.

One frozen class for each thing that the grammar says.  Every node has a ``span``; nodes compare by what
they say, not by where.  Literals keep their text beside the decoded value, so that a message can quote
what the author wrote.  Names are unresolved.

One family of expression nodes serves both languages; the grammar has seen to it that a *predicate*
(about one flow or row: filters, ``where``, arguments) holds no :class:`Arithmetic`, :class:`Total`,
:class:`NOf`, :class:`SetLiteral` or :class:`VerdictValue`, and that a *condition* (about groups, hosts and
totals: ``keep``, ``when``, features, checks) holds no :class:`Masked`, :class:`FlagTest`,
:class:`Reverse` or :class:`Tuple`, outside the arguments of its calls and the sources of its totals.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final, TypeAlias

import attrs
from attrs import field, frozen

from flowrules.model.source_text import Span
from flowrules.model.structural import Structural


@frozen(eq=False, repr=False)
class Node(Structural):
    """What every node has: where it stands."""

    span: Span = field(kw_only=True, eq=False, repr=False)

    def children(self) -> Iterator[Node]:
        """The nodes directly below this one, in the order of the text."""
        for name in parts(type(self)):
            value = getattr(self, name)
            if isinstance(value, Node):
                yield value
            elif isinstance(value, tuple):
                for part in value:
                    if isinstance(part, Node):
                        yield part

    def walk(self) -> Iterator[Node]:
        """This node and every one below it, parents first."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            for name in parts(type(node))[::-1]:
                value = getattr(node, name)
                if isinstance(value, Node):
                    pending.append(value)
                elif type(value) is tuple:
                    pending += [part for part in value[::-1] if isinstance(part, Node)]


_known_parts: dict[type[Node], tuple[str, ...]] = {}
_PLAIN: Final = frozenset(("Span", "str", "str | None", "int", "bool", "tuple[str, ...]", "tuple[int, ...]"))
"""Attributes with these types hold no nodes."""


def parts(kind: type[Node]) -> tuple[str, ...]:
    """The attributes of a class that can hold nodes; asked for once, since walks are many."""
    held = _known_parts.get(kind)
    if held is None:
        held = tuple(a.name for a in attrs.fields(kind) if a.type not in _PLAIN)
        _known_parts[kind] = held
    return held


# ---- names and literals -------------------------------------------------------------------------------


@frozen(eq=False, repr=False)
class Identifier(Node):
    """A name being declared or given: of a declaration, an alias, a column, a severity."""

    text: str


@frozen(eq=False, repr=False)
class Name(Node):
    """A name being used, dotted or not: ``sip``, ``volume_in.dip``, ``sei.ports``.

    ``type in (in, inweb)`` holds the name ``in``, the one reserved word that is a value too.
    """

    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """The name as written."""
        return ".".join(self.parts)


LiteralValue: TypeAlias = (
    "int | Fraction | str | TimeValue | tuple[int, int] | tuple[tuple[tuple[int, int], ...], ...]"
)


@frozen
class TimeValue:
    """A point in time as written, with the unit that was written last.

    ``start`` is the first millisecond since 1970 UTC, ``end`` the last one of the unit written
    (``2009/09/01:13`` ends at 13:59:59.999): a range's end takes ``end``, everything else ``start``.
    ``unit`` is ``day``, ``hour``, ``minute``, ``second`` or ``millisecond``.
    """

    start: int
    end: int
    unit: str


@frozen(eq=False, repr=False)
class Literal(Node):
    """A literal: its kind, its text as written, and its value.

    =========== ======================== ==========================================================
    kind        text                     value
    =========== ======================== ==========================================================
    number      ``443``, ``0.95``        ``int`` if no point was written, else ``Fraction``
    count       ``5k``                   ``int``
    size        ``10kB``                 ``int`` bytes
    percent     ``0.5%``                 ``Fraction`` (1/200)
    duration    ``1.5h``                 ``int`` milliseconds
    time        ``2009/09/01:13``        :class:`TimeValue`
    ipv4, ipv6  ``203.0.113.7``          128-bit ``int``, IPv4 mapped into ``::ffff:0:0/96``
    cidr        ``10.0.0.0/8``           ``(first address, prefix length of the 128)``; IPv4 /8 is 104
    wild        ``10.2.3-9.x``           for each part (4 of IPv4, 8 of IPv6) its inclusive ranges
    string      ``"a \\"b\\""``          ``str``, escapes resolved
    =========== ======================== ==========================================================
    """

    kind: str
    text: str
    value: LiteralValue


@frozen(eq=False, repr=False)
class Range(Node):
    """``1024-65535``, ``10.0.0.1-10.0.0.9``, ``t1 .. t2``: both ends in; ends of one family of kinds.

    The ends are not swapped: the parser has refused a range whose end is before its start.  A time
    range ends at ``high.value.end``.
    """

    low: Literal
    high: Literal


@frozen(eq=False, repr=False)
class Tuple(Node):
    """``(sip, sport)`` before ``in``, or ``(53, udp)`` in a list: two or more items."""

    items: tuple[Expression | Item, ...]


@frozen(eq=False, repr=False)
class List(Node):
    """``(80, 443, web)``: items in parentheses, or items as they follow ``=``."""

    items: tuple[Item, ...]


@frozen(eq=False, repr=False)
class SetLiteral(Node):
    """``{203.0.113.33, (10.0.0.1, 80)}``, or ``{}``."""

    items: tuple[Item, ...]


@frozen(eq=False, repr=False)
class FileValue(Node):
    """``file "zones.csv"``: ``path`` is a string literal."""

    path: Literal


@frozen(eq=False, repr=False)
class Template(Node):
    """Text with ``{…}``: plain text and expressions in turn; ``text`` is the whole as written.

    An expression here is a :class:`Name`, a :class:`Call`, a :class:`Lookup` or a :class:`VerdictValue`.
    """

    parts: tuple[str | Expression, ...]
    text: str = ""

    def children(self) -> Iterator[Node]:
        """The expressions in the braces."""
        yield from (p for p in self.parts if isinstance(p, Node))


# ---- expressions --------------------------------------------------------------------------------------


@frozen(eq=False, repr=False)
class Call(Node):
    """``sum(bytes)``, ``bin(stime, 1h)``, ``zone(dip)``, ``previous(x)``: arguments are predicates or values."""

    function: Name
    args: tuple[Expression, ...]


@frozen(eq=False, repr=False)
class Lookup(Node):
    """``table.column[key, …]``."""

    of: Name | Call
    keys: tuple[Expression, ...]


@frozen(eq=False, repr=False)
class Masked(Node):
    """``sip/24`` or ``sip/24/48``: a name and one or two prefix lengths (at most 32 and 128)."""

    of: Name
    v4: int
    v6: int | None = None


@frozen(eq=False, repr=False)
class Or(Node):
    """Any of two or more."""

    items: tuple[Expression, ...]


@frozen(eq=False, repr=False)
class And(Node):
    """All of two or more."""

    items: tuple[Expression, ...]


@frozen(eq=False, repr=False)
class Not(Node):
    """``not x``."""

    of: Expression


@frozen(eq=False, repr=False)
class Compare(Node):
    """``= != < <= > >=``; ``operator_span`` is the operator's own place."""

    operator: str
    left: Expression
    right: Expression
    operator_span: Span = field(kw_only=True, eq=False, repr=False)


@frozen(eq=False, repr=False)
class In(Node):
    """``x in collection``, ``(x, y) not in collection``.

    ``left`` is a :class:`Tuple` where several values were written.  ``collection`` is a :class:`Name`
    (ports, nets, schedule, set, parameter, ``table.key``), a :class:`Call`, a :class:`List`, or one
    :class:`Literal` (``sip in 10.0.0.0/8``).
    """

    left: Expression
    collection: Collection
    negated: bool = False


@frozen(eq=False, repr=False)
class FlagMask(Node):
    """``S/SA``: letters that must be set, and letters looked at; HIGH lies within MASK."""

    high: str
    mask: str


@frozen(eq=False, repr=False)
class FlagTest(Node):
    """``flags has S``, ``flags lacks RF``, ``initial_flags matches (S/SA, SA/SA)``.

    ``has`` and ``lacks`` have one mask each, as ``matches`` would say it: ``has SA`` is ``SA/SA``, ``lacks
    RF`` is ``/RF``.  Letters are upper-case, each once, in the order ``FSRPAUECT``; whether each
    exists depends on the field (flags or attributes).
    """

    word: str
    of: Expression
    masks: tuple[FlagMask, ...]


@frozen(eq=False, repr=False)
class Reverse(Node):
    """``reverse of source``."""

    of: Source


@frozen(eq=False, repr=False)
class Arithmetic(Node):
    """``+ - * /`` in a condition."""

    operator: str
    left: Expression
    right: Expression
    operator_span: Span = field(kw_only=True, eq=False, repr=False)


@frozen(eq=False, repr=False)
class Total(Node):
    """``measure of source`` in a condition: one number over all flows (or rows)."""

    measure: Name | Call
    source: Source


@frozen(eq=False, repr=False)
class NOf(Node):
    """``2 of (a, b, c)``: at least ``n`` hold.  ``n`` is a whole number; it may be more than there are."""

    n: Literal
    items: tuple[Expression, ...]


@frozen(eq=False, repr=False)
class VerdictValue(Node):
    """``verdict`` as a value: this host's verdict."""


# ---- sources and sets ---------------------------------------------------------------------------------


@frozen(eq=False, repr=False)
class Source(Node):
    """Which flows or rows: ``of request``, ``of (outbound and tcp)``, with its ``where``.

    ``of`` is a :class:`Name` (a filter, a table, a predefined word) or the predicate in parentheses.
    """

    of: Expression
    where: Expression | None = None


@frozen(eq=False, repr=False)
class Key(Node):
    """A grouping key and its name: ``bin(stime, 1h) as hour``."""

    of: Expression
    name: Identifier | None = None


@frozen(eq=False, repr=False)
class Members(Node):
    """``(sip, sport) of response where …``: the different keys of the flows that pass."""

    keys: tuple[Key, ...]
    source: Source


@frozen(eq=False, repr=False)
class SetOperation(Node):
    """``| & - ^`` of two sets; ``parenthesised`` says whether the whole stood in parentheses."""

    operator: str
    left: SetExpression
    right: SetExpression
    operator_span: Span = field(kw_only=True, eq=False, repr=False)
    parenthesised: bool = field(default=False, kw_only=True, eq=False)


@frozen(eq=False, repr=False)
class Keep(Node):
    """``keep condition``."""

    condition: Expression


@frozen(eq=False, repr=False)
class KeepRank(Node):
    """``keep top 10 by flows with ties``; ``n`` is a whole number or a parameter."""

    bottom: bool
    n: Literal | Name
    by: Name | Call | None = None
    ties: bool = False


@frozen(eq=False, repr=False)
class KeepCover(Node):
    """``keep cover 95%``; ``share`` is a percent or a parameter."""

    share: Literal | Name


@frozen(eq=False, repr=False)
class OrderStep(Node):
    """One step of ``order by``; ``direction`` is ``asc``, ``desc`` or ``None`` where none was written."""

    by: Name | Call
    direction: str | None = None


# ---- declarations -------------------------------------------------------------------------------------


@frozen(eq=False, repr=False)
class Attribute(Node):
    """``@review(2027-01-01)``: a name without its ``@``, and items."""

    name: Identifier
    items: tuple[Item, ...]


@frozen(kw_only=True, eq=False, repr=False)
class Declaration(Node):
    """What every declaration has.

    ``text`` holds the ``##`` lines directly above, without the marks, joined by line ends.  ``name.span`` is
    the place of the name, ``span`` the whole, attributes included.
    """

    name: Identifier
    title: Literal | None = None
    text: str = ""
    attributes: tuple[Attribute, ...] = ()


@frozen(eq=False, repr=False)
class TypeArgument(Node):
    """``address``, or ``bytes: bytes`` with a name before the type."""

    type: Identifier
    name: Identifier | None = None


@frozen(eq=False, repr=False)
class TypeName(Node):
    """The type of a parameter: ``count``, ``map(address)``, ``table(host: address, bytes: bytes)``."""

    name: str
    args: tuple[TypeArgument, ...] = ()


@frozen(kw_only=True, eq=False, repr=False)
class Param(Declaration):
    """``param min_share : percent = 1% in 0.1% .. 20%``.

    ``value`` ``None``: the site must bind it.
    """

    type: TypeName
    value: Value | None = None
    low: Literal | None = None
    high: Literal | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Ports(Declaration):
    """``ports mail = 25, 465, 8000-8080 except (8001)``."""

    items: tuple[Item, ...]
    exceptions: tuple[Item, ...] = ()


@frozen(kw_only=True, eq=False, repr=False)
class Nets(Declaration):
    """``nets lab = 10.20.0.0/16 except (10.20.99.0/24)``."""

    items: tuple[Item, ...]
    exceptions: tuple[Item, ...] = ()


@frozen(eq=False, repr=False)
class Slot(Node):
    """Hours of some days: ``days`` 0 (Monday) to 6, ``start`` and ``end`` minutes of the day (end up to 1440).

    An end before its start runs into the next day (which the slot does not belong to); they are never equal.
    """

    days: tuple[int, ...]
    start: int
    end: int


@frozen(eq=False, repr=False)
class Hours(Node):
    """What a schedule says: slots, the zone's name as written, and dates without hours."""

    slots: tuple[Slot, ...]
    zone: Identifier | None = None
    exceptions: tuple[Item, ...] = ()


@frozen(kw_only=True, eq=False, repr=False)
class Schedule(Declaration):
    """``schedule work = mon-fri 08:00-18:00 Europe/Berlin except (2026-12-25)``."""

    hours: Hours


@frozen(eq=False, repr=False)
class MapEntry(Node):
    """``"dns" = (53, udp), (53, tcp)``."""

    label: Literal
    items: tuple[Item, ...]


@frozen(kw_only=True, eq=False, repr=False)
class Map(Declaration):
    """``map kind : port, protocol { … }``."""

    keys: tuple[Identifier, ...]
    entries: tuple[MapEntry, ...]


@frozen(kw_only=True, eq=False, repr=False)
class Filter(Declaration):
    """``filter syn = tcp and flags has S``."""

    predicate: Expression


@frozen(kw_only=True, eq=False, repr=False)
class SetDeclaration(Declaration):
    """``set clients = … except { … } keep …``."""

    set: SetExpression
    exceptions: tuple[Item, ...] = ()
    keeps: tuple[KeepStep, ...] = ()


@frozen(eq=False, repr=False)
class Column(Node):
    """A column of a table: its measure and its name."""

    measure: Name | Call
    name: Identifier | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Table(Declaration):
    """``table volume = sum(bytes), flows of reply per dip keep share >= 1%``."""

    optional: bool = False
    columns: tuple[Column, ...]
    source: Source
    keys: tuple[Key, ...] = ()
    fill: bool = False
    keeps: tuple[KeepStep, ...] = ()
    order: tuple[OrderStep, ...] = ()


@frozen(eq=False, repr=False)
class Hosts(Node):
    """``hosts`` of a profile."""

    set: SetExpression


@frozen(kw_only=True, eq=False, repr=False)
class Feature(Declaration):
    """A feature: ``measure of source per keys`` (then ``condition`` is ``None``), or a condition."""

    optional: bool = False
    measure: Name | Call | None = None
    source: Source | None = None
    keys: tuple[Key, ...] = ()
    condition: Expression | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Verdict(Declaration):
    """A verdict; ``condition`` ``None`` is ``otherwise``."""

    drop: bool = False
    condition: Expression | None = None
    because: Template | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Anomaly(Declaration):
    """An anomaly, of a profile or of a file; ``within`` is the table or set after ``in``."""

    severity: Identifier
    within: Name | None = None
    condition: Expression | None = None
    because: Template | None = None


@frozen(eq=False, repr=False)
class CellOf(Node):
    """A cell with its own source: ``values(dport) of request per sip``."""

    measure: Name | Call
    source: Source
    keys: tuple[Key, ...]


@frozen(eq=False, repr=False)
class EntryColumn(Node):
    """``internal host : values(sport)``: a name, a cell and, after the colon, its ports."""

    name: Identifier
    cell: Cell
    ports: Cell | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Entry(Node):
    """``entry of request per sip, protocol when … { … }``."""

    text: str = ""
    attributes: tuple[Attribute, ...] = ()
    source: Source | None = None
    keys: tuple[Key, ...] = ()
    condition: Expression | None = None
    columns: tuple[EntryColumn, ...]


@frozen(kw_only=True, eq=False, repr=False)
class Profile(Declaration):
    """A profile; ``items`` in the order written (``hosts`` should stand once: the checker says so)."""

    items: tuple[ProfileItem, ...]

    @property
    def hosts(self) -> tuple[Hosts, ...]:
        """Every ``hosts`` clause."""
        return tuple(i for i in self.items if isinstance(i, Hosts))

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features in order."""
        return tuple(i for i in self.items if isinstance(i, Feature))

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts in order."""
        return tuple(i for i in self.items if isinstance(i, Verdict))

    @property
    def anomalies(self) -> tuple[Anomaly, ...]:
        """The anomalies in order."""
        return tuple(i for i in self.items if isinstance(i, Anomaly))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries in order."""
        return tuple(i for i in self.items if isinstance(i, Entry))


@frozen(kw_only=True, eq=False, repr=False)
class Check(Declaration):
    """``check a_day : warning = …``; ``severity`` ``None`` where none was written."""

    severity: Identifier | None = None
    condition: Expression
    because: Template | None = None


# ---- tests --------------------------------------------------------------------------------------------


@frozen(eq=False, repr=False)
class GivenParam(Node):
    """``param min_share = 2%`` or ``param mail.office = …`` in a test (``internal`` is one too)."""

    name: Name
    value: Value


@frozen(eq=False, repr=False)
class GivenFlows(Node):
    """``flows \"\"\"…\"\"\"``: the text of a table of flows.

    The value of a ``\"\"\"`` literal is the text between the quotes as it stands (line ends made ``\\n``), so
    its first character stands at ``table.span.start + 3``.
    """

    table: Literal


@frozen(eq=False, repr=False)
class GivenFlowsFile(Node):
    """``flows file "sample.rw"``."""

    file: FileValue


@frozen(eq=False, repr=False)
class GivenPrevious(Node):
    """``previous web_clients = {…}``."""

    of: Name
    set: SetLiteral


@frozen(eq=False, repr=False)
class Expect(Node):
    """``expect condition``; sets are compared as ``s = {…}``."""

    condition: Expression


@frozen(eq=False, repr=False)
class Test(Node):
    """A test; ``name`` is its string."""

    name: Literal
    items: tuple[TestItem, ...]
    text: str = field(default="", kw_only=True)
    attributes: tuple[Attribute, ...] = field(default=(), kw_only=True)


# ---- the site's overlay -------------------------------------------------------------------------------


@frozen(kw_only=True, eq=False, repr=False)
class TuneLine(Node):
    """What every line of ``tune`` has: what it changes, why, and until when."""

    of: Name
    because: Literal | None = None
    until: Literal | None = None


@frozen(kw_only=True, eq=False, repr=False)
class TuneParam(TuneLine):
    """``param min_share = 0.5%``."""

    value: Value


@frozen(kw_only=True, eq=False, repr=False)
class TuneSet(TuneLine):
    """``set web_clients except {10.0.9.4}``."""

    exceptions: tuple[Item, ...]


@frozen(kw_only=True, eq=False, repr=False)
class TuneFilter(TuneLine):
    """``filter request except (dip in 192.0.2.0/24)``."""

    exception: Source


@frozen(kw_only=True, eq=False, repr=False)
class TuneSeverity(TuneLine):
    """``severity web_client.server_browsing = info``."""

    severity: Identifier


@frozen(kw_only=True, eq=False, repr=False)
class TuneDisable(TuneLine):
    """``disable verdict web_client.proxy``; ``kind`` is the word between, if any."""

    kind: str | None = None


@frozen(eq=False, repr=False)
class Tune(Node):
    """``tune sei.web_clients@^1.0 { … }``; ``version`` without its ``@``."""

    ruleset: Name
    version: str | None
    lines: tuple[TuneLine, ...]


# ---- the file -----------------------------------------------------------------------------------------


@frozen(eq=False, repr=False)
class Metadata(Node):
    """One line of a ``ruleset`` block: a name and its values (strings, names, times)."""

    name: Identifier
    values: tuple[Literal | Name, ...]


@frozen(eq=False, repr=False)
class Ruleset(Node):
    """``ruleset sei.web_clients { … }``."""

    name: Name
    metadata: tuple[Metadata, ...]
    text: str = field(default="", kw_only=True)


@frozen(eq=False, repr=False)
class ImportedName(Node):
    """A name of another ruleset, and the name it gets here."""

    name: Identifier
    alias: Identifier | None = None


@frozen(eq=False, repr=False)
class Import(Node):
    """``import sei.ports (web, talked as t) as p``; ``names`` ``None`` where no list stands."""

    ruleset: Name
    names: tuple[ImportedName, ...] | None = None
    alias: Identifier | None = None


@frozen(eq=False, repr=False)
class File(Node):
    """A whole file: everything in it that could be parsed, in order."""

    path: str
    items: tuple[FileItem, ...]

    @property
    def ruleset(self) -> Ruleset | None:
        """The ``ruleset`` block, if the file has one (the parser has refused a second)."""
        return next((i for i in self.items if isinstance(i, Ruleset)), None)

    @property
    def imports(self) -> tuple[Import, ...]:
        """The imports in order."""
        return tuple(i for i in self.items if isinstance(i, Import))

    @property
    def declarations(self) -> tuple[Declaration, ...]:
        """Everything that declares a name in file scope, in order (tests and tunes do not)."""
        return tuple(i for i in self.items if isinstance(i, Declaration))

    @property
    def tests(self) -> tuple[Test, ...]:
        """The tests in order."""
        return tuple(i for i in self.items if isinstance(i, Test))

    @property
    def tunes(self) -> tuple[Tune, ...]:
        """The overlays in order."""
        return tuple(i for i in self.items if isinstance(i, Tune))


# ---- which node may stand where -----------------------------------------------------------------------

Expression: TypeAlias = (
    Literal | Name | Call | Lookup | Masked | Tuple | Or | And | Not | Compare | In | FlagTest | Reverse
    | Arithmetic | Total | NOf | SetLiteral | VerdictValue
)  # fmt: skip
Item: TypeAlias = Literal | Range | Name | Tuple
"""An item of a list; in a :class:`Tuple` among items, each position is again an item."""
Collection: TypeAlias = Name | Call | List | Literal
SetExpression: TypeAlias = Members | SetOperation | Name | Call | SetLiteral | FileValue
KeepStep: TypeAlias = Keep | KeepRank | KeepCover
Value: TypeAlias = Literal | Range | Name | List | SetLiteral | Hours | FileValue
"""What a parameter can be given.  One item stands as itself, several (or a parenthesis) as a List."""
Cell: TypeAlias = Name | Call | CellOf | Template | List | Literal | Range | VerdictValue
ProfileItem: TypeAlias = Hosts | Feature | Verdict | Anomaly | Entry
TestItem: TypeAlias = GivenParam | GivenFlows | GivenFlowsFile | GivenPrevious | Expect
FileItem: TypeAlias = Ruleset | Import | Declaration | Test | Tune
