"""Declarations by name, before and after they are checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from attrs import Factory, define, field, frozen

from flowrules.model import program as pr
from flowrules.model.source_text import Span
from flowrules.model.structural import Shown, Structural
from flowrules.model.types import Type
from flowrules.syntax import tree


@define(eq=False)
class FileScope:
    """The names of one file: what it declares, imports, and calls other rulesets."""

    ruleset: str
    path: str
    file: tree.File
    own: bool
    """Without a ``ruleset`` line: the site's own rules, which nobody else can import."""
    symbols: dict[str, Symbol] = field(factory=dict)
    imported: dict[str, Symbol | None] = field(factory=dict)
    """``None``: the import was faulty and has been reported."""
    modules: dict[str, FileScope | None] = field(factory=dict)
    requires: list[tuple[FileScope, Span]] = field(factory=list)


@define(eq=False)
class Symbol:
    """One declaration of a file."""

    kind: str
    """``param ports nets schedule map filter set table profile anomaly check``."""
    name: str
    node: tree.Declaration = field(repr=False)
    scope: FileScope = field(repr=False)
    deprecated: str | None = None
    private: bool = False
    names: tuple[Symbol, ...] | None = field(default=None, init=False, repr=False)
    """What its text names, once that was asked for: imports are known by then."""

    @property
    def qualified(self) -> str:
        """The name across rulesets: ``sei.ports:web``."""
        return f"{self.scope.ruleset}:{self.name}"


@frozen(eq=False, repr=False)
class Position(Structural):
    """One position of a set, table key or profile: its name, its type and what is known of it.

    ``mask`` are the prefix lengths of a block; ``side`` is ``inside`` or ``outside`` where that is proved.
    """

    name: str
    type: Type
    mask: tuple[int, int] | None = None
    side: str | None = None


Positions: TypeAlias = tuple[Position, ...]


@frozen(eq=False, repr=False)
class Constant(Shown):
    """A parameter, list of ports or networks, or schedule, with its value.

    ``value``: as ``model.types`` says for scalars; ranges for ports and times; an ``AddressSet`` for nets
    and sets of addresses; rows of ranges for other sets; a ``Schedule``.  ``None``: not bound, so unknown.
    """

    type: Type
    value: object
    name: str
    symbol: Symbol | None = None


@frozen(eq=False, repr=False)
class CheckedMap(Shown):
    """A map by its key in ``Program.maps``, its keys' types and the type of its labels."""

    name: str
    keys: tuple[Type, ...]
    label: Type


@frozen(eq=False, repr=False)
class CheckedFilter(Shown):
    """A filter; ``one_sided`` names a field that it uses and that has no other side."""

    declaration: pr.FilterDeclaration
    one_sided: str | None = None


@frozen(eq=False, repr=False)
class CheckedSet(Shown):
    """A set and what its positions hold."""

    declaration: pr.SetDeclaration
    positions: Positions


@frozen(eq=False, repr=False)
class CheckedTable(Shown):
    """A table (or a bound ``table(…)`` parameter): its keys and the types of its columns."""

    name: str
    keys: Positions
    columns: Mapping[str, Type]
    declaration: pr.TableDeclaration | None = None


@frozen(eq=False, repr=False)
class CheckedProfile(Shown):
    """A profile, its hosts' positions and the types of its features."""

    declaration: pr.ProfileDeclaration
    positions: Positions
    features: Mapping[str, Type] = Factory(dict)


@frozen(eq=False, repr=False)
class CheckedFinding(Shown):
    """A file-level anomaly or a check."""

    declaration: pr.AnomalyDeclaration | pr.CheckDeclaration


Checked: TypeAlias = (
    Constant | CheckedMap | CheckedFilter | CheckedSet | CheckedTable | CheckedProfile | CheckedFinding
)
