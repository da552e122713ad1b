"""What a run brings to the rules: values of parameters, the site's networks and names, and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import Factory, field, frozen

from flowrules.model.address_set import AddressSet
from flowrules.model.map_table import MapTable
from flowrules.model.source_text import Span
from flowrules.model.structural import Structural
from flowrules.model.types import Type


@frozen(eq=False, repr=False)
class Binding(Structural):
    """A value given to a parameter from outside its ruleset.

    ``text`` is what would stand after ``=`` in a ruleset (``0.5%``, ``(10.0.0.0/8)``, ``file "mx.set"``), with
    the brackets of a list or set left out where one likes.  ``origin`` is ``site``, ``command line`` or
    ``test``; ``place`` says it in a message (``site.yaml:7``, ``--set min_share``); ``folder`` is where
    relative paths of files begin.  ``span`` is the place of the text, ``named`` that of the name.
    """

    text: str
    origin: str
    place: str = ""
    folder: str = "."
    span: Span | None = field(default=None, eq=False)
    named: Span | None = field(default=None, eq=False)


@frozen(eq=False, repr=False)
class Bindings(Structural):
    """Everything that the site and the command line say.

    Keys of ``parameters`` are ``ruleset.name``, or a bare name for every ruleset that has such a
    parameter; the first wins.  ``given`` (the command line, a test) goes before ``parameters`` (the site),
    and its bare names must fit exactly one parameter.  ``schedules``, ``sets`` and ``maps`` of the site bind
    parameters of those types by their bare name.
    """

    parameters: Mapping[str, Binding] = Factory(dict)
    given: Mapping[str, Binding] = Factory(dict)
    maps: Mapping[str, MapTable] = Factory(dict)
    """``country`` and ``asn``, where the site binds them (tables of an address)."""
    names: Mapping[int, str] = Factory(dict)
    internal: AddressSet | None = None
    direction: str = "auto"
    sampling: int = 1
    assume: Mapping[str, object] = Factory(dict)
    zone: str | None = None
    """The site's zone, for schedules that name none."""
    site_path: str = "site.yaml"
    """The site file's name, for hints."""


class BinderError(Exception):
    """A file that a parameter names cannot be used; the message names the file and the fault."""


class Binder(Protocol):
    """Reads the files that parameters name; each raises ``BinderError``."""

    def read_set(self, path: str) -> AddressSet:
        """A set of addresses: SiLK IPset, list of CIDR blocks."""

    def read_map(self, path: str, keys: tuple[str, ...], name: str) -> MapTable:
        """A map of ``address`` or of ``port, protocol``: SiLK prefix map, CSV, MMDB."""

    def read_table(self, path: str, columns: Sequence[tuple[str, Type]]) -> Sequence[Sequence[object]]:
        """The rows of a table with these columns: SiLK bag, CSV.  Values are as ``model.types`` says."""

    def read_tuples(self, path: str, parts: Sequence[Type]) -> Sequence[Sequence[object]]:
        """The members of a set of tuples, ports or labels: CSV or text."""
