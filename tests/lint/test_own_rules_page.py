"""The rule of docs/lint-rules.md is one, and its test passes."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "lint-rules.md"


def test_the_code_on_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    rule, test = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    package = types.ModuleType("acme_flowrules")
    module = types.ModuleType("acme_flowrules.naming")
    exec(rule, module.__dict__)
    monkeypatch.setitem(sys.modules, "acme_flowrules", package)
    monkeypatch.setitem(sys.modules, "acme_flowrules.naming", module)
    names: dict[str, object] = {}
    exec(test, names)
    run = names["test_team_prefix"]
    assert callable(run)
    run()
