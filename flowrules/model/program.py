"""The checked program: every name resolved, every parameter bound, every type known.

The checker makes it, the plan reads it.  Names are *qualified*: ``sei.web_clients:volume_in``; a file
without a ``ruleset`` line is named after the file.  Mappings keep the order of declaration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import Factory, field, frozen

from flowrules.model.expression import Expression, KeepStep, Key, Measure, SetExpression, Source
from flowrules.model.source_text import Span
from flowrules.model.structural import Structural
from flowrules.model.types import Type

if TYPE_CHECKING:
    from flowrules.model.address_set import AddressSet
    from flowrules.model.map_table import MapTable


@frozen(kw_only=True, eq=False, repr=False)
class Declaration(Structural):
    """What every declaration has: qualified name, title and ``##`` text, attributes, place."""

    name: str
    title: str = ""
    text: str = ""
    attributes: Mapping[str, tuple[object, ...]] = Factory(dict)
    span: Span | None = field(default=None, eq=False, repr=False)

    @property
    def ruleset(self) -> str:
        """The name of the ruleset that declares it."""
        return self.name.partition(":")[0]

    @property
    def short(self) -> str:
        """The name as written in its own file."""
        return self.name.partition(":")[2]


@frozen(eq=False, repr=False)
class FilterDeclaration(Declaration):
    """A named predicate over one flow."""

    predicate: Expression
    direction: str | None = None


@frozen(eq=False, repr=False)
class SetDeclaration(Declaration):
    """A named set; ``names`` are the names of its positions (for ``set.sip`` and texts)."""

    names: tuple[str, ...]
    parts: tuple[Type, ...]
    set: SetExpression


@frozen(eq=False, repr=False)
class TableColumn(Structural):
    """A column of a table: its name and its measure."""

    name: str
    measure: Measure


@frozen(eq=False, repr=False)
class Order(Structural):
    """One step of ``order by``: a key or a measure, ascending or descending."""

    by: Expression
    descending: bool


@frozen(eq=False, repr=False)
class TableDeclaration(Declaration):
    """Groups, measures, thresholds, order; ``fill`` names the ``bin`` key whose gaps get rows."""

    columns: tuple[TableColumn, ...]
    source: Source
    keys: tuple[Key, ...]
    keeps: tuple[KeepStep, ...] = ()
    order: tuple[Order, ...] = ()
    fill: str | None = None
    optional: bool = False


@frozen(eq=False, repr=False)
class FeatureDeclaration(Declaration):
    """A feature: a measure of a source per the host (``measure`` set), or a condition (``condition`` set)."""

    type: Type
    measure: Measure | None = None
    source: Source | None = None
    keys: tuple[Key, ...] = ()
    condition: Expression | None = None
    optional: bool = False


@frozen(eq=False, repr=False)
class TextTemplate(Structural):
    """Text with ``{…}``: pieces of plain text and expressions in turn."""

    parts: tuple[str | Expression, ...]
    source: str = ""


@frozen(eq=False, repr=False)
class VerdictDeclaration(Declaration):
    """A verdict; ``condition`` ``None`` is ``otherwise``."""

    condition: Expression | None
    drop: bool = False
    because: TextTemplate | None = None


@frozen(eq=False, repr=False)
class AnomalyDeclaration(Declaration):
    """An anomaly of a profile, of the rows of a table or set (``within``), or of the whole network."""

    severity: str
    condition: Expression | None = None
    because: TextTemplate | None = None
    within_table: str | None = None
    within_set: str | None = None


@frozen(eq=False, repr=False)
class Cell(Structural):
    """A cell of an entry: ``any``, ``host``, a key, a measure (``values(dport)``), ports, or text.

    Exactly one is set; ``kind`` says which: ``any host verdict key measure list text``.
    """

    kind: str
    expression: Expression | None = None
    text: TextTemplate | None = None
    values: tuple[tuple[int, int], ...] = ()


@frozen(eq=False, repr=False)
class EntryColumn(Structural):
    """``internal host : values(sport)``: a name, a cell and, after the colon, its ports."""

    name: str
    cell: Cell
    ports: Cell | None = None


@frozen(eq=False, repr=False)
class EntryDeclaration(Structural):
    """An entry: one row for each group of its source, or one for each host where it has none."""

    columns: tuple[EntryColumn, ...]
    source: Source | None = None
    keys: tuple[Key, ...] = ()
    condition: Expression | None = None
    span: Span | None = field(default=None, eq=False, repr=False)


@frozen(eq=False, repr=False)
class ProfileDeclaration(Declaration):
    """Measures side by side for each host, and the verdicts on them."""

    hosts: SetExpression
    parts: tuple[Type, ...]
    features: tuple[FeatureDeclaration, ...]
    verdicts: tuple[VerdictDeclaration, ...]
    anomalies: tuple[AnomalyDeclaration, ...]
    entries: tuple[EntryDeclaration, ...]


@frozen(eq=False, repr=False)
class CheckDeclaration(Declaration):
    """What must hold of the data; unknown is reported like false."""

    severity: str
    condition: Expression
    because: TextTemplate | None = None


@frozen(eq=False, repr=False)
class Expectation(Structural):
    """``expect``: a condition over totals, or a comparison of a set with listed members.

    ``set_left``/``set_right`` are set for ``expect s = {…}``.
    """

    condition: Expression | None = None
    set_left: SetExpression | None = None
    set_right: SetExpression | None = None
    negated: bool = False
    text: str = ""
    span: Span | None = field(default=None, eq=False, repr=False)


@frozen(eq=False, repr=False)
class TestDeclaration(Structural):
    """A test as written: its own parameters (texts of values), flows, previous sets and expectations.

    It is checked by binding ``params`` and checking the ruleset again: ``program`` is that program.
    """

    name: str
    ruleset: str
    program: Program
    flows: str
    flows_span: Span | None
    expectations: tuple[Expectation, ...]
    internal: AddressSet | None = None
    previous: Mapping[str, SetExpression] = Factory(dict)
    span: Span | None = field(default=None, eq=False, repr=False)
    flows_file: str | None = None
    """The path of ``flows file "…"``, as it is to be opened; ``flows`` is empty then."""
    needs: frozenset[str] = frozenset()
    """The declarations that its expectations ask for, directly or through others, by qualified name."""
    todo: str | None = None
    """The reason of ``@todo``: the test is not expected to pass yet.  Such a test may have no flows."""


@frozen(eq=False, repr=False)
class Ruleset(Structural):
    """A ruleset's identity and metadata (``version title license tlp reference tags …``)."""

    name: str
    path: str
    metadata: Mapping[str, tuple[str, ...]]
    shown: bool
    """Asked for by the user (its results are printed), not only imported."""


@frozen(eq=False, repr=False)
class Parameter(Declaration):
    """A parameter and what it was bound to (for the report and ``explain``)."""

    type: Type
    value: object
    origin: str
    """``default``, ``site``, ``command line`` or ``test``."""


@frozen(eq=False)
class Program:
    """Everything that a run needs to know of the rules, by qualified name."""

    rulesets: Mapping[str, Ruleset]
    parameters: Mapping[str, Parameter]
    filters: Mapping[str, FilterDeclaration]
    sets: Mapping[str, SetDeclaration]
    tables: Mapping[str, TableDeclaration]
    profiles: Mapping[str, ProfileDeclaration]
    anomalies: Mapping[str, AnomalyDeclaration]
    checks: Mapping[str, CheckDeclaration]
    maps: Mapping[str, MapTable]
    bound_tables: Mapping[str, Mapping[tuple[object, ...], Mapping[str, object]]] = Factory(dict)
    names: Mapping[int, str] = Factory(dict)
    """The site's names of addresses (128-bit ints)."""
    internal: AddressSet | None = None
    direction: str = "auto"
    sampling: int = 1
    assume: Mapping[str, object] = Factory(dict)
