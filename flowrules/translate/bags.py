"""rwbag, rwbagtool and rwbagcat: a bag is a table of one key and one counter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve, frozen

from flowrules.model.address_text import AddressError, parse_address
from flowrules.translate.errors import TranslationError
from flowrules.translate.fields import KeyField, ValueField, field_names, key_field, value_field
from flowrules.translate.switches import Switches

_KEYS: Final = {
    "sipv4": "sip", "sipv6": "sip", "dipv4": "dip", "dipv6": "dip", "nhipv4": "nhip", "nhipv6": "nhip",
    "input": "in", "output": "out",
}  # fmt: skip
_COUNTERS: Final = {
    "records": "records", "flows": "records", "sum-packets": "packets", "packets": "packets",
    "sum-bytes": "bytes", "bytes": "bytes",
}  # fmt: skip


@frozen
class Bag:
    """A bag still to be declared: its source, key and counter, and the conditions on both."""

    source: str
    key: KeyField
    counter: ValueField
    wheres: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()

    def declaration(self, name: str, ordered: bool = False) -> str:
        """The table that the bag is."""
        measure = self.counter.text
        where = f" where {' and '.join(self.wheres)}" if self.wheres else ""
        alias = "" if self.key.column == self.key.text else f" as {self.key.column}"
        keeps = "".join(f" keep {k}" for k in self.keeps)
        order = f" order by {self.key.column}" if ordered else ""
        return f"table {name} = {measure} of {self.source}{where} per {self.key.text}{alias}{keeps}{order}"


def bag_file(switches: Switches, value: str, source: str) -> tuple[Bag, str]:
    """``--bag-file=KEY,COUNTER,PATH`` as a bag and the path that it goes to."""
    parts = [p.strip() for p in value.split(",")]
    if len(parts) != 3:
        raise switches.refuse("bag-file", f"found {value!r}, expected KEY,COUNTER,PATH")
    key_name, counter_name, path = parts
    if counter_name.lower() not in _COUNTERS:
        raise switches.refuse(
            "bag-file", f"counter {counter_name} cannot be said", "records, sum-packets or sum-bytes"
        )
    lower = key_name.lower()
    name = _KEYS.get(lower) or field_names("rwbag", lower)[0]
    key = key_field("rwbag", name, None)
    wheres = (f"{key.text} in (0.0.0.0/0)",) if lower.endswith("ipv4") else ()
    counter = value_field("rwbag", "--bag-file", _COUNTERS[counter_name.lower()])
    keeps = () if counter.text == "flows" else (f"{counter.text} > 0",)
    return Bag(source, key, counter, wheres, keeps), path


def bag_tool(switches: Switches, bag: Bag, set_name: Callable[[str, str, str], str]) -> Bag:
    """The bag with the limits and covers of rwbagtool and rwbagcat applied."""
    for name, value in switches.given:
        match name:
            case "mincounter" | "maxcounter":
                if not value.isdigit():
                    raise switches.refuse(name, f"found {value!r}, expected a whole number")
                sign = ">=" if name == "mincounter" else "<="
                bag = evolve(bag, keeps=(*bag.keeps, f"{bag.counter.text} {sign} {value}"))
            case "minkey" | "maxkey":
                bag = evolve(bag, wheres=(*bag.wheres, _key_limit(switches, name, value, bag.key)))
            case "intersect" | "complement-intersect":
                word = "in" if name == "intersect" else "not in"
                declared = set_name(switches.tool, f"--{name}", value)
                bag = evolve(bag, wheres=(*bag.wheres, f"{bag.key.text} {word} {declared}"))
    return bag


def refuse_arithmetic(switches: Switches) -> None:
    """Raise for the switches of rwbagtool that combine bags or change counters."""
    for name in ("add", "subtract", "minimize", "maximize", "divide", "compare", "scalar-multiply"):
        if switches.has(name):
            hint = "put the counters side by side in a profile"
            raise switches.refuse(name, "arithmetic between bags cannot be said", hint)


def _key_limit(switches: Switches, name: str, value: str, key: KeyField) -> str:
    if key.column in ("sip", "dip", "nhip"):
        try:
            six = ":" in value
            parse_address(value)
        except AddressError as error:
            raise TranslationError(switches.tool, f"--{name}", str(error)) from None
        if name == "minkey":
            top = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" if six else "255.255.255.255"
            return f"{key.text} in ({value}-{top})"
        return f"{key.text} in ({'::' if six else '0.0.0.0'}-{value})"
    if not value.isdigit():
        raise switches.refuse(name, f"found {value!r}, expected a whole number")
    low, high = (value, "4294967295") if name == "minkey" else ("0", value)
    return f"{key.text} in ({low}-{high})"
