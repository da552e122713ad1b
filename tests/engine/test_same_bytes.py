"""The same rules on the same flows give the same bytes, whatever the threads, the chunks and the files' order."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from flowrules.engine.run import run
from flowrules.flows.sample import write_sample
from flowrules.flows.silk_records import open_silk
from flowrules.flows.silk_write import write_silk
from flowrules.flows.sources import open_sources
from flowrules.model.program import Program
from flowrules.profile.build import build
from flowrules.profile.findings import NetworkProfile
from flowrules.report.csv_report import csv_report
from flowrules.report.document import document
from flowrules.report.json_report import json_report
from flowrules.report.markdown_report import markdown_report
from flowrules.report.text_report import text_report

RULESETS = ("sei.web_clients", "sei.email")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample network in small, and its records in three files of different lengths."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, 0.003)
    (chunk,) = open_silk(folder / "sample.rw").chunks(rows=1 << 24)
    bounds = [0, chunk.rows // 7, chunk.rows // 2, chunk.rows]
    for name, (start, end) in zip("abc", itertools.pairwise(bounds), strict=True):
        write_silk(folder / f"part-{name}.rw", [chunk.slice(start, end)])
    return folder


@pytest.fixture(scope="module")
def program(sample: Path) -> Program:
    from flowrules.cli.ruleset_options import load_rulesets

    result = load_rulesets(RULESETS, sample / "site.yaml", (), "run")
    assert result.program is not None
    return result.program


def printed(profile: NetworkProfile) -> list[str]:
    """Everything that a run can print, without the names of the files."""
    whole = json_report(profile)
    start, end = whole.index('"sources": ['), whole.index('"scans"')
    return [
        whole[:start] + whole[end:],
        csv_report(profile),
        text_report(document(profile, None)).replace("3 sources", "1 source"),
        markdown_report(document(profile, 5)).replace("3 sources", "1 source"),
    ]


def results(program: Program, paths: list[Path], threads: int, rows: int | None) -> list[str]:
    sources = open_sources(paths)
    return printed(build(program, run(program, sources, conf=sources.conf, threads=threads, rows=rows)))


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("rows", [None, 97, 4096])
def test_threads_and_chunks(program: Program, sample: Path, threads: int, rows: int | None) -> None:
    assert results(program, [sample / "sample.rw"], threads, rows) == whole(program, sample)


@pytest.mark.parametrize("order", ["abc", "cab", "bca", "cba"])
def test_files_in_any_order(program: Program, sample: Path, order: str) -> None:
    parts = [sample / f"part-{name}.rw" for name in order]
    assert results(program, parts, 2, 1000) == whole(program, sample)


_WHOLE: dict[Path, list[str]] = {}


def whole(program: Program, sample: Path) -> list[str]:
    if sample not in _WHOLE:
        _WHOLE[sample] = results(program, [sample / "sample.rw"], 1, None)
    return _WHOLE[sample]
