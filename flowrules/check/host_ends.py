"""Whether a measure of connections looks at the end of the flows whose hosts its groups are."""

from __future__ import annotations

from typing import Final

from flowrules.check.flows import FlowExpressions
from flowrules.model import expression as ex
from flowrules.model.ends import (
    ADDRESS_ENDS,
    DESTINATION,
    INSIDE,
    OTHER_END,
    OUTSIDE,
    PORT_ENDS,
    SOURCE,
    ends_of,
    measured_end,
)
from flowrules.model.expression_text import expression_text
from flowrules.model.measures import MEASURES
from flowrules.syntax import tree

_NOUNS: Final = {SOURCE: "source", DESTINATION: "destination", INSIDE: "home end", OUTSIDE: "far end"}
_PORTS: Final = {end: name for name, end in PORT_ENDS.items()}
_ADDRESSES: Final = {end: name for name, end in ADDRESS_ENDS.items()}
_PROVED: Final = {
    "outbound": {INSIDE: SOURCE, OUTSIDE: DESTINATION},
    "inbound": {INSIDE: DESTINATION, OUTSIDE: SOURCE},
}


def fits_keys(place: FlowExpressions, measure: ex.Measure, node: tree.Name | tree.Call) -> bool:
    """Whether a measure can be taken per the keys of ``place``; says why where not."""
    kind = MEASURES[measure.name]
    if not kind.connections:
        return True
    faults = place.ws.faults
    if any(isinstance(key, ex.Spread) for key in place.keys):
        faults.report(
            "FR220",
            f"{kind.name} looks at whole flows together, and spread parts them among bins",
            node.span,
            hint="group by bin(stime, …) instead of spread(…)",
        )
        return False
    if "port" not in kind.args:
        return True
    same = _PROVED.get(place.direction or "", {})
    written = measured_end(measure, ())
    end = same.get(written, written)
    wanted = ends_of(place.keys)
    text = place.ws.text(node.span)
    if wanted and end not in (same.get(w, w) for w in wanted):
        keys = ", ".join(expression_text(key) for key in place.keys)
        faults.report(
            "FR220",
            f"{text} looks at the ports of the {_NOUNS[end]}, and per {keys} groups by the {_NOUNS[wanted[0]]}",
            node.span,
            hint=f"write {kind.name}({_PORTS[wanted[0]]})",
        )
        return False
    if kind.counting and end == DESTINATION:
        sender = OTHER_END[written]
        per = f" of … per {_ADDRESSES[sender]}" if wanted else ""
        faults.report(
            "FR220",
            f"{text} is always 0: a host answers with the flows that it sends, and is the destination here",
            node.span,
            hint=f"write {kind.name}({_PORTS[sender]}){per}",
        )
        return False
    return True
