"""What rwsetcat prints of a set."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.flows.setcat import (
    Layout,
    cidr_lines,
    count_lines,
    network_structure_lines,
    range_lines,
    set_lines,
    statistics_lines,
)
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import AddressError
from flowrules.translate.cells import delimiter_of
from flowrules.translate.outputs import SetText
from flowrules.translate.switches import Switches


def layout_of(switches: Switches) -> Layout:
    """The spacing of ranges and network structures, which keep SiLK's columns unless told otherwise."""
    plain = switches.has("delimited") or switches.has("no-columns")
    final = not (switches.has("delimited") or switches.has("no-final-delimiter"))
    return Layout(not plain, delimiter_of(switches), final)


def set_text_lines(output: SetText, members: AddressSet) -> Iterator[str]:
    """The count, the members in one form, and the statistics, in this order whatever that of the switches."""
    switches = output.switches
    if switches.has("count-ips"):
        head = "" if output.heading is None else f"{output.heading}:"
        yield from (head + line for line in count_lines(members))
    elif output.heading is not None:
        yield f"{output.heading}:"
    blocks = switches.get("cidr-blocks")
    if blocks not in (None, "", "0", "1"):
        raise switches.refuse("cidr-blocks", f"found {blocks!r}, expected 0 or 1")
    if blocks is not None:
        yield from cidr_lines(members, blocks != "0")
    elif switches.has("print-ips"):
        yield from set_lines(members)
    elif switches.has("network-structure"):
        try:
            yield from network_structure_lines(
                members, switches.get("network-structure") or "", layout_of(switches)
            )
        except AddressError as error:
            raise switches.refuse("network-structure", str(error)) from None
    elif switches.has("ip-ranges"):
        yield from range_lines(members, layout_of(switches))
    elif not (switches.has("count-ips") or switches.has("print-statistics")):
        yield from set_lines(members)
    if switches.has("print-statistics"):
        yield from statistics_lines(members)
