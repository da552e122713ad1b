"""Names that stand for two things in one run: features called as maps are, parameters that two rulesets have."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrules.__main__ import main
from tests.check.rules import messages

PEOPLE = """ruleset {name} {{ title "{name}" }}
param office : schedule
filter used = outbound and stime in office
profile busy {{
    hosts sip of used
    feature kept = fit(stime, office) of used per sip
    verdict seen when not known(kept)
}}
test "people of {name}" {{
    param office = {hours}
    param internal = 10.0.0.0/8
    flows "sip | dip | repeat\\n 10.0.0.1 | 192.0.2.1 | 60"
    expect count(busy.seen) = {seen}
    expect flows of used = {flows}
}}
"""


def test_a_feature_may_have_the_name_of_the_map_that_it_asks() -> None:
    rules = """
    param banner : map(address) = {}
    profile p {
        hosts sip of outbound
        feature banner = banner(host)
        feature name   = name(host)
        feature both   = known(banner) and known(name)
        verdict said when both
    }
    """
    assert messages(rules) == []
    assert messages(rules.replace("known(name)", "both")) == ["feature both needs itself"]


def test_each_ruleset_s_tests_bind_its_own_parameter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, hours, seen, flows in (
        ("one", "mon-fri 08:00-18:00 UTC", 1, 60),
        ("two", "sat 08:00-18:00 UTC", 0, 0),
    ):
        text = PEOPLE.format(name=name, hours=hours, seen=seen, flows=flows)
        (tmp_path / f"{name}.frules").write_text(text, "utf-8")
    assert main(["test", str(tmp_path)]) == 0, capsys.readouterr()
    assert capsys.readouterr().out.startswith("2 passed")


def test_the_schedule_of_an_imported_ruleset_is_unknown_in_a_test_and_no_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = PEOPLE.format(name="one", hours="mon-fri 08:00-18:00 UTC", seen=1, flows=60)
    (tmp_path / "one.frules").write_text(one, "utf-8")
    mine = """ruleset mine { title "mine" }
    import one as o
    param office : schedule = mon-fri 08:00-18:00 UTC
    filter used = outbound and stime in office
    set both = o.busy.seen | sip of used
    profile again {
        hosts sip of used
        feature kept = fit(stime, office) of outbound per sip
        verdict seen when not known(kept)
    }
    test "mine" {
        param internal = 10.0.0.0/8
        flows "sip | dip\\n 10.0.0.1 | 192.0.2.1"
        expect both = {10.0.0.1}
        expect again.seen = {10.0.0.1}
    }
    """
    (tmp_path / "mine.frules").write_text(mine, "utf-8")
    assert main(["test", str(tmp_path / "mine.frules")]) == 0, capsys.readouterr()
