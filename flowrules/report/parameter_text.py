"""What parameters were bound to, as text a person would write; long lists are cut."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from flowrules.model import expression as ex
from flowrules.model.address_set import AddressSet
from flowrules.model.expression_text import collection_text
from flowrules.model.map_table import MapTable
from flowrules.model.program import Parameter
from flowrules.model.types import Type
from flowrules.model.value_text import literal_text

_MEMBERS = {"ports": Type("port"), "nets": Type("address"), "times": Type("time")}


def parameter_text(parameter: Parameter) -> str | None:
    """``1%``, ``(80, 443, 8000-8080)``, ``{192.0.2.1, 192.0.2.7}``, ``4 labels``; ``None`` where nothing is bound."""
    value, type_ = parameter.value, parameter.type
    match value:
        case None:
            return None
        case AddressSet():
            listed = collection_text(ex.Addresses(value), Type("address"))
            return f"{{{listed[1:-1]}}}" if type_.name == "set" else listed
        case ex.Ranges() | ex.Tuples() | ex.Labels():
            element = _MEMBERS.get(type_.name) or (type_.parts[0] if type_.parts else Type("count"))
            listed = collection_text(value, element)
            return f"{{{listed[1:-1]}}}" if type_.name == "set" else listed
        case MapTable():
            return _counted(len(value.labels), "label")
        case Mapping():
            return _counted(len(value), "row")
        case int() | Fraction() | str() | tuple():
            return literal_text(type_, value)
    return str(value)


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
