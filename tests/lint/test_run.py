"""A run as a whole: suppressions, settings, baselines, rules that fail, rulesets with errors, users' rules."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from flowrules.lint import registry
from flowrules.lint.baseline import BaselineError, baseline_text, key_of, new_findings, read_baseline
from flowrules.lint.formats import write
from flowrules.lint.registry import RULES, Loaded, RuleError, own_rules, users_rules
from flowrules.lint.run import fails
from flowrules.lint.settings import Settings, SettingsError, find_settings, load_settings
from tests.lint.building import CLASH, Broken, NamesInLowerCase, codes, lint_text
from tests.reference import shared

KNOWN = {"FR301": "unsatisfiable-predicate", "FR307": "filter-inside-another", "FR517": "missing-tests"}

# ---- suppression ----------------------------------------------------------------------------------------


def test_a_comment_behind_the_line_suppresses_its_codes() -> None:
    result = lint_text(CLASH.rstrip() + "   # flowrules: ignore[FR301] what the exporter gets wrong\n")
    assert codes(result) == []
    assert result.suppressed == 1
    assert "1 suppressed" in write("text", result)


def test_a_comment_above_speaks_of_the_whole_declaration() -> None:
    text = (
        "# flowrules: ignore[redundant-conjunct] both bounds are quoted in the report\n"
        "## What it is.\n"
        "@tags(odd)\n"
        "filter f = tcp\n"
        "    and packets >= 4\n"
        "    and packets >= 10\n"
    )
    assert codes(lint_text(text)) == []


def test_a_comment_above_a_verdict_speaks_of_the_verdict_alone() -> None:
    text = (
        "profile p {\n    hosts sip of outbound\n    feature peers = distinct(dip) of outbound per sip\n"
        "    # flowrules: ignore[FR312] for the tutorial\n    verdict a when peers >= 0 and known(peers)\n"
        "    verdict b when peers <= 3 and peers <= 9\n}\n"
    )
    found = codes(lint_text(text))
    assert "FR312" not in found
    assert "FR305" in found


def test_a_comment_inside_a_declaration_speaks_of_the_line_below() -> None:
    text = (
        "filter f = tcp\n"
        "    # flowrules: ignore[FR305] the report quotes it\n"
        "    and packets >= 4\n"
        "    and packets >= 10\n"
    )
    assert codes(lint_text(text)) == []


def test_a_comment_elsewhere_does_not_reach() -> None:
    assert sorted(codes(lint_text("# flowrules: ignore[FR301] above another\nfilter a = tcp\n" + CLASH))) == [
        "FR301", "FR420",
    ]  # fmt: skip


def test_words_in_a_string_suppress_nothing() -> None:
    text = 'check c : warning = flows of all < 0 because "# flowrules: ignore[FR311] no"\n'
    assert codes(lint_text(text)) == ["FR311"]


def test_several_codes_are_each_held_to_account() -> None:
    result = lint_text(CLASH.rstrip() + "   # flowrules: ignore[FR301, FR305] both\n")
    assert codes(result) == ["FR420"]
    assert result.findings[0].diagnostic.message == "there is no finding FR305 here"


def test_a_comment_for_a_rule_that_did_not_run_is_left_alone() -> None:
    text = CLASH.rstrip() + "   # flowrules: ignore[FR301] what the exporter gets wrong\n"
    rules = [r for r in own_rules() if r.rule.code != "FR301"]
    assert codes(lint_text(text, rules=rules)) == []


def test_errors_of_the_checker_cannot_be_suppressed() -> None:
    result = lint_text("filter f = tcp and dports = 80   # flowrules: ignore[FR201] later\n")
    assert "FR201" in codes(result)
    assert result.errors


# ---- settings -------------------------------------------------------------------------------------------


def settings_of(folder: Path, text: str, name: str = "flowrules.toml") -> Settings:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_settings(path, KNOWN)


def test_severities_by_code_and_by_name(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, '[lint.rules]\nFR301 = "notice"\nmissing-tests = "off"\n')
    assert settings.severity("FR301", "unsatisfiable-predicate", "error") == "notice"
    assert settings.severity("FR517", "missing-tests", "notice") == "off"
    result = lint_text(CLASH, settings=settings)
    assert [f.severity for f in result.findings] == ["notice"]
    assert fails(result, "notice")
    assert not fails(result, "warning")


def test_pyproject_has_the_same_under_tool(tmp_path: Path) -> None:
    text = '[project]\nname = "x"\n\n[tool.flowrules.lint]\nfail-on = "error"\nbaseline = "b.json"\n'
    settings = settings_of(tmp_path, text, "pyproject.toml")
    assert settings.fail_on == "error"
    assert settings.baseline == tmp_path / "b.json"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[lint]\nfailon = 1\n",
            r"flowrules\.toml:2: there is no setting lint\.failon: the settings are fail-on",
        ),
        ("[lnt]\n", r"flowrules\.toml:1: there is no setting lnt"),
        ('[lint]\nfail-on = "fatal"\n', r"flowrules\.toml:2: fail-on is 'fatal': it is one of info"),
        (
            '[lint.rules]\n\nFR309x = "off"\n',
            r"flowrules\.toml:3: there is no rule FR309x: did you mean FR307",
        ),
        ('[lint.rules]\nFR301 = "loud"\n', r"flowrules\.toml:2: FR301 is 'loud': it is off, info"),
        ("[lint]\nrules = 3\n", r"flowrules\.toml:2: rules is no table"),
        ("[lint]\nbaseline = 3\n", r"flowrules\.toml:2: baseline is 3"),
        ("[lint\n", r"flowrules\.toml: .*line 1"),
    ],
)
def test_settings_that_are_not_understood_name_their_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings_of(tmp_path, text)


def test_the_nearest_settings_hold(tmp_path: Path) -> None:
    inner = tmp_path / "rules" / "web"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.flowrules.lint]\n")
    assert find_settings(inner) == tmp_path / "pyproject.toml"
    (tmp_path / "rules" / "flowrules.toml").write_text("")
    assert find_settings(inner) == tmp_path / "rules" / "flowrules.toml"
    (tmp_path / "rules" / "web" / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert find_settings(inner) == tmp_path / "rules" / "flowrules.toml"


# ---- baselines ------------------------------------------------------------------------------------------


def test_a_baseline_knows_findings_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(baseline_text(lint_text(CLASH).findings), encoding="utf-8")
    moved = lint_text("\n# moved\nfilter a = tcp\n" + CLASH)
    assert new_findings(moved.findings, read_baseline(path)) == ([], 1)


def test_a_second_finding_of_the_kind_is_new(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(baseline_text(lint_text(CLASH).findings), encoding="utf-8")
    more = lint_text(CLASH + "filter other = udp and flags has S\n")
    left, known = new_findings(more.findings, read_baseline(path))
    assert known == 1
    assert [f.declaration for f in left] == ["a:other"]


def test_a_changed_text_is_new(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(baseline_text(lint_text(CLASH).findings), encoding="utf-8")
    changed = lint_text(CLASH.replace("has S", "has R"))
    assert len(new_findings(changed.findings, read_baseline(path))[0]) == 1


def test_a_baseline_counts_equal_findings(tmp_path: Path) -> None:
    result = lint_text("ports web = 80, 443, 80, 80\n")
    text = baseline_text(result.findings)
    assert json.loads(text)["findings"] == [
        {"code": "FR315", "declaration": "a:web", "text": "80", "count": 2}
    ]
    assert new_findings(result.findings, Counter({key_of(result.findings[0]): 1}))[1] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", r"b\.json:1: this is no baseline"),
        ("[]", "it has no findings"),
        ('{"flowrules-baseline": 1, "findings": [], "more": 1}', "a baseline has no more"),
        ('{"flowrules-baseline": 2, "findings": []}', "of version 2, not 1"),
        ('{"flowrules-baseline": 1, "findings": {}}', "findings is no list"),
        ('{"flowrules-baseline": 1, "findings": [3]}', "finding 1 is no object"),
        ('{"flowrules-baseline": 1, "findings": [{"code": "FR301", "line": 3}]}', "unknown key line"),
        (
            '{"flowrules-baseline": 1, "findings": [{"code": "FR301"}]}',
            "needs a code, a declaration and a text",
        ),
        (
            '{"flowrules-baseline": 1, "findings": [{"code": "a", "declaration": "b", "text": "c", "count": 0}]}',
            "count of 1",
        ),
    ],
)
def test_baselines_that_are_not_understood(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BaselineError, match=said):
        read_baseline(path)


# ---- rules ----------------------------------------------------------------------------------------------


def test_a_rule_that_fails_hides_nothing() -> None:
    rules = [Loaded(Broken(), "acme"), *own_rules()]
    result = lint_text(CLASH, rules=rules)
    assert [f.code for f in result.findings] == ["ACME002", "FR301"]
    assert [(f.code, f.origin) for f in result.failures] == [("ACME002", "acme")]
    assert "ZeroDivisionError: no flows" in result.failures[0].error


def test_a_users_rule_is_asked_like_ours() -> None:
    settings = Settings(rules={"lower-case": "error"})
    result = lint_text("filter Web = tcp\n", rules=[Loaded(NamesInLowerCase(), "acme")], settings=settings)
    assert [(f.code, f.severity, f.declaration) for f in result.findings] == [("ACME001", "error", "a:Web")]


class Point:
    def __init__(self, name: str, found: object) -> None:
        self.name, self.value, self.dist, self._found = name, "acme:thing", None, found

    def load(self) -> object:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


def test_rules_come_from_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point("lower", NamesInLowerCase)])
    assert [r.rule.code for r in users_rules()] == ["ACME001"]
    assert registry.GROUP == "flowrules.lint"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (ImportError("no acme"), "cannot be loaded: ImportError: no acme"),
        (object(), "is no flowrules"),
        (type("Ours", (NamesInLowerCase,), {"code": "FR301"}), "takes the code FR301"),
    ],
)
def test_what_is_no_rule_is_said(monkeypatch: pytest.MonkeyPatch, found: object, said: str) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point("odd", found)])
    with pytest.raises(RuleError, match=said):
        list(users_rules())


def test_a_ruleset_with_errors_does_not_keep_the_others_from_being_linted() -> None:
    result = lint_text("filter f = tcp and (\n", CLASH, "import sei.nowhere (x)\nfilter g = tcp\n")
    found = codes(result)
    assert result.errors
    assert "FR301" in found
    assert any(c.startswith("FR1") for c in found)
    assert "FR206" in found


def test_shipped_rulesets_have_no_findings() -> None:
    files = sorted((Path(__file__).parents[2] / "rulesets").rglob("*.frules"))
    texts = [p.read_text(encoding="utf-8") for p in files]
    result = lint_text(*texts, names=tuple(str(p) for p in files))
    assert [(f.code, str(f.span), f.diagnostic.message) for f in result.findings] == []
    assert not result.failures
    assert not result.undecided


def test_rules_never_fail_on_the_specification_examples() -> None:
    folder = shared("design", "examples")
    for path in sorted(folder.glob("*.frules")):
        result = lint_text(path.read_text(encoding="utf-8"), names=(path.name,))
        assert result.failures == (), path


def test_every_rule_of_the_list_exists() -> None:
    assert [r.rule.code for r in own_rules()] == list(RULES)
