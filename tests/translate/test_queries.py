"""Every query of the reference kit: the translated ruleset gives what SiLK's tools gave."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from flowrules.flows.silk_conf import read_silk_conf
from flowrules.translate.run import map_kind, map_name, output_lines
from flowrules.translate.translation import translate
from tests.reference import ROOT, shared

QUERIES = ROOT / "silk" / "queries"


def queries() -> list[dict[str, Any]]:
    """The queries of all tools; none where the reference data is absent (one test says so)."""
    paths = sorted(QUERIES.glob("*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def test_the_kit_has_all_its_queries() -> None:
    shared("silk", "queries")
    assert len(queries()) == 111


@pytest.mark.parametrize("query", queries(), ids=lambda q: q["id"])
def test_a_query_gives_what_silk_gave(query: dict[str, Any]) -> None:
    data = shared("silk", "data")
    conf = read_silk_conf(data / "silk.conf")
    command = query["cmd"].format(**{name: data / file for name, file in query["inputs"].items()})
    translation = translate(command, conf, map_kind, map_name)
    lines = list(output_lines(translation, translation.inputs, conf))
    expected = query["expect"]
    if expected["kind"] == "filter":
        assert len(lines) == expected["passed"]["records"]
        text = "".join(f"{line}\n" for line in lines)
        assert hashlib.sha256(text.encode()).hexdigest() == expected["pass_sha256"]
        return
    if not expected.get("ordered", True):
        lines = [*lines[:1], *sorted(lines[1:])]
    assert lines == expected["lines"]


@pytest.mark.parametrize("query", queries(), ids=lambda q: q["id"])
def test_the_ruleset_printed_is_the_one_that_is_run(query: dict[str, Any], tmp_path: Path) -> None:
    """Saved and run by itself, the text gives the same tables and sets as many rows."""
    from flowrules.check.bindings import Bindings
    from flowrules.check.check import check
    from flowrules.model.source_text import SourceText
    from flowrules.share.parameter_files import ParameterFiles

    data = shared("silk", "data")
    conf = read_silk_conf(data / "silk.conf")
    command = query["cmd"].format(**{name: data / file for name, file in query["inputs"].items()})
    translation = translate(command, conf, map_kind, map_name)
    saved = tmp_path / "saved.frules"
    saved.write_text(translation.text)
    source = SourceText(str(saved), saved.read_text())
    result = check([source], bindings=Bindings(), binder=ParameterFiles(), mode="run")
    assert [d.message for d in result.diagnostics if d.is_error] == []
    assert result.program is not None
    assert result.program.rulesets.keys() == {"silk.pipeline"}
