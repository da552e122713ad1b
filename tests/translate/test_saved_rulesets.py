"""A translated ruleset, saved to a file and run by itself, gives the rows that ``--run`` prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flowrules.cli.run import command as run_command
from flowrules.flows.silk_conf import read_silk_conf
from flowrules.flows.text import ATTRIBUTES_TEXT, FLAGS_TEXT
from flowrules.translate.outputs import BagText, Bins, Count, SetText
from flowrules.translate.run import map_kind, map_name, output_lines
from flowrules.translate.translation import Translation, translate
from tests.reference import shared
from tests.translate.silk_queries import query
from tests.translate.test_model import DATA, FILES
from tests.translate.test_queries import queries


def saved_results(translation: Translation, folder: Path) -> dict[str, Any]:
    """The ruleset's part of the JSON of ``flowrules run``."""
    saved = folder / "saved.frules"
    saved.write_text(translation.text, encoding="utf-8")
    words = [str(saved), "--format", "json"]
    # sets of files need no flows, and the command does
    for path in translation.inputs or (str(DATA / "rich.rw"),):
        words += ["--flows", path]
    result = CliRunner().invoke(run_command, words, standalone_mode=False)
    assert result.exception is None, result.exception
    found: dict[str, Any] = json.loads(result.stdout)["rulesets"]["silk.pipeline"]
    return found


def _seconds(value: str) -> str:
    return str(int(datetime.fromisoformat(value).timestamp()))


def _printed_as(title: str) -> Callable[[Any], str]:
    """How the tools print a cell of the JSON."""
    match title:
        case "flags" | "initialFlags" | "sessionFlags":
            return lambda v: FLAGS_TEXT[v]
        case "attributes":
            return lambda v: ATTRIBUTES_TEXT[v]
        case "sTime" | "eTime" | "sTime-Earliest" | "eTime-Latest":
            return _seconds
        case "duration":
            return lambda v: str(int(v))
        case _ if title.startswith(("src-", "dst-")):
            return lambda v: "UNKNOWN" if v is None else str(v)
    return str


def _compare(translation: Translation, lines: list[str], found: dict[str, Any]) -> bool:
    """Hold the JSON against what was printed; whether there was something to compare."""
    (output,) = translation.outputs
    match output:
        case Bins():
            table = found["tables"][output.table]
            cells = [line.split("|") for line in lines]
            kept = [k for k in output.keys if k.text and k.title not in ("iType", "iCode", "class")]
            columns = [(k.title, k.column) for k in kept] + [(v.title, v.column) for v in output.values]
            places = {
                t: i
                for i, t in enumerate([*(k.title for k in output.keys), *(v.title for v in output.values)])
            }
            printed = [[row[places[t]] for t, _ in columns] for row in cells]
            at = {name: i for i, name in enumerate(table["columns"])}
            saved = [[_printed_as(t)(row[at[c]]) for t, c in columns] for row in table["rows"]]
            assert sorted(saved) == sorted(printed)
        case BagText() if not output.numbers and not {"network-structure", "bin-ips", "print-statistics"} & {
            n for n, _ in output.switches.given
        }:
            rows = found["tables"][output.table]["rows"]
            assert sorted(str(row[1]) for row in rows) == sorted(line.split("|")[1] for line in lines)
        case Count():
            table = found["tables"][output.table]
            at = {name: i for i, name in enumerate(table["columns"])}
            saved = sorted(
                (_seconds(row[at["date"]]), f"{row[at['bytes']]:.2f}")
                for row in table["rows"]
                if row[at["bytes"]]
            )
            assert saved == sorted(
                (c[0], c[2]) for c in (line.split("|") for line in lines) if c[2] != "0.00"
            )
        case SetText() if {"count-ips"} == {n for n, _ in output.switches.given}:
            assert str(found["sets"][output.set]["count"]) == lines[0]
        case SetText() if dict(output.switches.given).get("cidr-blocks") == "0":
            assert found["sets"][output.set]["count"] == len(lines)
        case _:
            return False
    return True


def _translated(text: str, conf: Path) -> tuple[Translation, list[str]]:
    plain = " --timestamp-format=epoch --no-titles"
    last = text.rpartition(" | ")[2].split()[0]
    if last in ("rwuniq", "rwstats", "rwcount"):
        for word in (" --timestamp-format=iso", " --timestamp-format=epoch", " --no-titles", " --bin-slots"):
            text = text.replace(word, "")
        text += plain
    site = read_silk_conf(conf)
    translation = translate(text, site, map_kind, map_name)
    return translation, list(output_lines(translation, translation.inputs, site))


@pytest.mark.parametrize(
    "asked",
    [q for q in queries() if q["group"] != "rwfilter" and not q["id"].startswith("rwstats-overall")],
    ids=lambda q: q["id"],
)
def test_a_query_of_the_kit(asked: dict[str, Any], tmp_path: Path) -> None:
    data = shared("silk", "data")
    text = asked["cmd"].format(**{name: data / file for name, file in asked["inputs"].items()})
    translation, lines = _translated(text, data / "silk.conf")
    _compare(translation, lines, saved_results(translation, tmp_path))


@pytest.mark.parametrize("tool", ["rwuniq", "rwstats", "rwcount", "rwbag", "sets"])
def test_random_pipelines(tool: str, tmp_path: Path) -> None:
    compared = 0
    for seed in range(5000, 5020 if tool in ("sets", "rwbag") else 5006):
        text = query(tool, seed, FILES)
        if "--bin-time=0.5" in text or "bin-size=0." in text or "bin-size=1000.125" in text:
            continue
        translation, lines = _translated(text, DATA / "silk.conf")
        compared += _compare(translation, lines, saved_results(translation, tmp_path))
    assert compared
