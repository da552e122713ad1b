"""The one row of a table without keys, as rules and tests ask for it."""

from __future__ import annotations

from flowrules.model.expression_text import expression_text
from flowrules.testing.running import run_test
from tests.check.rules import messages, program
from tests.testing.rules import checked

RULES = """
table total = flows, sum(bytes), values(dport) of all
table none  = flows as n of all keep n > 100
table heavy = flows of all per sip keep flows > 50% * total.flows
filter large = bytes >= total.bytes
set    known_ones = sip of (tcp and total.flows > 2)
profile host_part {
    hosts sip of all
    feature sent = flows of all per sip
    feature part = sent / total.flows
    verdict most when part > 0.5 because "{sent} of {total.flows}"
    verdict rest otherwise
}
anomaly big  : notice in heavy when flows < total.flows because "{flows} of {total.flows}"
check enough : warning = total.flows >= 3 and not known(none.n)
check same   : info = previous(total.flows) = total.flows
"""


def test_the_one_row_is_looked_up_by_the_column_alone() -> None:
    result = checked(
        RULES
        + '''
set most = sip of large
test "three flows" {
    flows """
    sip      | dip      | dport | bytes
    10.0.0.1 | 10.0.0.9 | 80    | 100
    10.0.0.1 | 10.0.0.9 | 81    | 100
    10.0.0.2 | 10.0.0.9 | 80    | 100
    """
    expect total.flows = 3 and 300B = total.bytes and total.bytes / total.flows = 100B
    expect total.values_dport = "80, 81"
    expect total.values_dport != "80"
    expect not known(none.n)
    expect heavy.sip = {10.0.0.1}
    expect known_ones = {10.0.0.1, 10.0.0.2}
    expect most = {}
    expect host_part.most = {10.0.0.1}
    expect count(big) = 1
    expect enough
    expect not known(previous(total.flows))
}
'''
    )
    (test,) = result.tests
    assert [f.message for f in run_test(test).failures] == []


def test_how_it_is_written_and_what_is_refused() -> None:
    made = program("table total = flows of all\ncheck c = total.flows > previous(total.flows)")
    assert expression_text(made.checks["rules:c"].condition) == "total.flows > previous(total.flows)"
    assert messages("table total = flows of all\ncheck c = total.flows[1] > 2") == [
        "total.flows is looked up by no keys, not 1"
    ]
    assert (
        "the table total has no column bytes"
        in messages("table total = flows of all\ncheck c = total.bytes > 2")[0]
    )
