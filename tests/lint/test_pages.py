"""Pages of codes: every rule's docstring has its parts, its examples are true, and docs/rules is made from them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from flowrules.lint.formats import FORMATS
from flowrules.lint.pages import code_page, index, known_codes, main, page_of, pages
from flowrules.lint.registry import RULES, own_rules, rule_class
from flowrules.lint.run import Surroundings, lint
from flowrules.model.source_text import SourceText
from flowrules.share.search import Search

DOCS = Path(__file__).parents[2] / "docs" / "rules"
ABOUT_COMMENTS = ("FR420", "FR421")


def codes_found(text: str) -> set[str]:
    search = Search()
    around = Surroundings(search.find_ruleset, search.names)
    result = lint(
        [SourceText("example.frules", text + "\n")], list(own_rules()), None, around, date(2026, 7, 1)
    )
    assert not result.failures
    return {f.code for f in result.findings}


@pytest.mark.parametrize("code", RULES)
def test_a_rule_says_what_why_and_how(code: str) -> None:
    found = rule_class(code)
    page = page_of(code)
    assert found.code == code
    assert page is not None
    assert page.what.endswith(".")
    assert page.why
    assert page.bad
    assert page.good
    assert page.fix
    assert found.__module__.rpartition(".")[2].startswith(code.lower())


@pytest.mark.parametrize("code", RULES)
def test_the_bad_examples_are_found(code: str) -> None:
    page = page_of(code)
    assert page is not None
    for example in page.bad:
        assert code in codes_found(example), example


@pytest.mark.parametrize("code", RULES)
def test_the_good_examples_are_clean_of_it(code: str) -> None:
    page = page_of(code)
    assert page is not None
    for example in page.good:
        found = codes_found(example)
        assert code not in found, example
        assert not any(c < "FR3" for c in found), example


def test_names_are_unique_and_words_with_dashes() -> None:
    names = [rule_class(c).name for c in RULES]
    assert len(set(names)) == len(names)
    assert all(n == n.lower() and " " not in n for n in names)


def test_a_page_is_found_by_code_in_any_case_and_by_name() -> None:
    assert code_page("FR301") == code_page("fr301") == code_page("unsatisfiable-predicate")
    assert "udp and dport = 443 and flags has SA" in (code_page("FR301") or "")


def test_codes_of_the_parser_the_checker_and_the_site_have_pages_too() -> None:
    for code in ("FR101", "FR210", "FR501", "FR601", "FR611"):
        assert code in known_codes()
        assert code_page(code)
    assert code_page("FR000") is None
    assert code_page("nonsense") is None


def test_the_documentation_is_up_to_date() -> None:
    """Write it anew with: python -m flowrules.lint.pages"""
    made = dict(pages())
    assert {p.name for p in DOCS.glob("*.md")} == set(made)
    for name, text in made.items():
        assert (DOCS / name).read_text(encoding="utf-8") == text, name


def test_pages_of_codes_that_are_gone_are_removed(tmp_path: Path) -> None:
    (tmp_path / "FR999.md").write_text("old")
    (tmp_path / "notes.md").write_text("mine")
    assert main([str(tmp_path)]) == 0
    assert not (tmp_path / "FR999.md").exists()
    assert (tmp_path / "notes.md").exists()
    assert (tmp_path / "FR301.md").exists()


def test_the_index_names_every_code() -> None:
    text = index()
    assert all(f"[{code}]({code}.md)" in text for code in known_codes())


def test_every_format_has_a_module() -> None:
    from importlib import import_module

    for form in FORMATS:
        assert import_module(f"flowrules.lint.formats.{form}").write
