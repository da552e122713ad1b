"""Names that stand for two things in one run: features called as maps are, parameters that two rulesets have."""

from __future__ import annotations

from flowrules.check.check import check
from flowrules.model.source_text import SourceText
from flowrules.profile.testing import run_test
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


def test_each_ruleset_s_tests_bind_its_own_parameter() -> None:
    texts = [
        PEOPLE.format(name="one", hours="mon-fri 08:00-18:00 UTC", seen=1, flows=60),
        PEOPLE.format(name="two", hours="sat 08:00-18:00 UTC", seen=0, flows=0),
    ]
    found = check([SourceText(f"{i}.frules", text) for i, text in enumerate(texts)], mode="test")
    assert [d.message for d in found.diagnostics] == []
    assert [run_test(t).failures for t in found.tests] == [(), ()]


def test_the_schedule_of_an_imported_ruleset_is_unknown_in_a_test_and_no_fault() -> None:
    texts = {
        "one": PEOPLE.format(name="one", hours="mon-fri 08:00-18:00 UTC", seen=1, flows=60),
        "mine": """ruleset mine { title "mine" }
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
        """,
    }

    def find(name: str, path: str) -> SourceText | None:
        return SourceText(f"{name}.frules", texts[name]) if name in texts else None

    found = check([SourceText("mine.frules", texts["mine"])], find, mode="test")
    assert [d.message for d in found.diagnostics] == []
    assert [run_test(t).failures for t in found.tests] == [()]
