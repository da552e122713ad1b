"""Translations against the plain model of SiLK's tools, over many random pipelines."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrules.flows.silk_conf import read_silk_conf
from flowrules.translate.run import map_kind, map_name, output_lines
from flowrules.translate.translation import translate
from tests.reference import shared
from tests.translate.silk_model import evaluate
from tests.translate.silk_queries import TOOLS, Files, query

DATA = Path(__file__).parent.parent / "data" / "silk"
SETS = tuple(str(DATA / "ipsets" / n) for n in ("v4mix-rv3-none.set", "v6mix-rv4-none.set"))
FILES = Files(
    (str(DATA / "rich.rw"), str(DATA / "rich.rw"), str(DATA / "prof.rw")),
    SETS,
    str(DATA / "maps" / "zone.pmap"),
    str(DATA / "maps" / "svc.pmap"),
)
EACH = {
    "rwfilter": 24,
    "rwuniq": 30,
    "rwstats": 30,
    "rwcount": 12,
    "sets": 40,
    "rwbag": 50,
    "rwcut": 24,
    "script": 16,
}
"""How many pipelines of a tool; others have 20."""


def compare(text: str) -> str | None:
    """Hold one pipeline's translation against the model; what the two say where they differ."""
    conf = read_silk_conf(DATA / "silk.conf")
    expected = evaluate(text)
    if expected == ["tie"]:
        return None
    translation = translate(text, conf, map_kind, map_name)
    found = list(output_lines(translation, translation.inputs, conf))
    if found == expected or (expected[:1] == ["empty"] and len(found) <= 1):
        return None
    pairs = [(a, b) for a, b in zip(found, expected, strict=False) if a != b]
    return f"{text}\n{translation.text}\nfound {len(found)} lines, expected {len(expected)}: {pairs[:3]}"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_translation_says_what_the_tools_say(tool: str) -> None:
    differences = [d for seed in range(EACH.get(tool, 20)) if (d := compare(query(tool, seed, FILES)))]
    assert not differences, "\n\n".join(differences[:3])


@pytest.mark.parametrize("tool", TOOLS)
def test_the_same_over_the_reference_data(tool: str) -> None:
    data = shared("silk", "data")
    files = Files(
        tuple(str(data / n) for n in ("v4.rw", "v6.rw")),
        tuple(str(data / n) for n in ("setA.set", "setB.set", "setV6.set")),
        str(data / "zone.pmap"),
        str(data / "svc.pmap"),
    )
    differences = [d for seed in range(2) if (d := compare(query(tool, seed, files)))]
    assert not differences, "\n\n".join(differences[:3])
