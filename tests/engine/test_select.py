"""Records that pass a filter, as the run that takes the same filter would have them."""

from __future__ import annotations

import pytest

from flowrules.engine.run import run
from flowrules.engine.select import select
from flowrules.engine.world import Found
from flowrules.flows.silk_conf import BUILT_IN
from flowrules.model.program import Program
from flowrules.plan.missing import MissingField
from tests.engine.building import TYPES, addresses, cmp, flow_source, m, program, ref, row, source, table, way

ROWS = [
    row(sip="10.0.0.1"),
    row(sip="10.0.0.2", dip="10.0.0.1"),
    row(sip="192.0.2.7", dip="10.0.0.1", dport=25),
]


def passed(made: Program, field: str) -> int:
    flows = flow_source(ROWS, lacks=frozenset({field}))
    chunks = select(made, "t:wanted", [flows], BUILT_IN, Found(made))
    return sum(chunk.rows for chunk in chunks)


@pytest.mark.parametrize("direction", ["inbound", "outbound", "internal"])
@pytest.mark.parametrize(
    ("by", "assume"),
    [("auto", {}), ("nets", {}), ("auto", {"type": TYPES["out"]}), ("types", {"type": TYPES["out"]})],
)
def test_directions_are_those_of_a_run(direction: str, by: str, assume: dict[str, object]) -> None:
    made = program(
        {"wanted": way(direction)},
        tables=[table("n", {"flows": m("flows")}, source(ref("t:wanted"), direction))],
        internal=addresses("10.0.0.0/8"),
        direction=by,
        assume=assume,
    )
    flows = flow_source(ROWS, lacks=frozenset({"type"}))
    counted = run(made, [flows]).tables["t:n"].frame["flows"].scalar(0)
    assert passed(made, "type") == (counted or 0)


def test_a_field_that_the_source_lacks_is_named_before_anything_is_read() -> None:
    made = program({"wanted": cmp("application", "=", 80)})
    with pytest.raises(MissingField, match="has no field application, which t:wanted needs"):
        passed(made, "application")
