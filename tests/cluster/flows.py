"""The flows that cluster tests read, in every shape, and everything that a run over them can print."""

from __future__ import annotations

from pathlib import Path

import flowrules
from flowrules.engine.run import run
from flowrules.engine.stage import Executor
from flowrules.engine.state.folder import State
from flowrules.flows.cat import text_lines
from flowrules.flows.sample import write_sample
from flowrules.flows.silk_records import open_silk
from flowrules.flows.silk_write import write_silk
from flowrules.flows.sources import FlowSources, open_sources
from flowrules.flows.store.writing import write_store
from flowrules.flows.text_fields import TEXT_FIELDS
from flowrules.profile.build import build
from flowrules.report.csv_report import csv_report
from flowrules.report.document import document
from flowrules.report.json_report import json_report
from flowrules.report.markdown_report import markdown_report
from flowrules.report.text_report import text_report

RULESETS = ("sei.web_clients", "sei.email", "sei.ports")
"""Rules with sets of sets, features in the order of time, and several scans."""


def write_flows(folder: Path, share: float = 0.003) -> None:
    """The sample network: ``files`` (plain and compressed SiLK, text), ``store``, ``site.yaml``."""
    write_sample(folder, share)
    (chunk,) = open_silk(folder / "sample.rw").chunks(rows=1 << 24)
    (folder / "files").mkdir()
    a, b, c = chunk.rows // 7, chunk.rows // 2, chunk.rows - 300
    write_silk(folder / "files" / "a.rw", [chunk.slice(0, a)])
    write_silk(folder / "files" / "b.rw", [chunk.slice(a, b)], compression="zlib")
    write_silk(folder / "files" / "c.rw", [chunk.slice(b, c)])
    write_silk(folder / "d.rw", [chunk.slice(c, chunk.rows)])
    last = open_sources([folder / "d.rw"])
    lines = text_lines(last, tuple(TEXT_FIELDS.values()), last.conf, "csv", "iso")
    (folder / "files" / "d.csv").write_text("\n".join(lines) + "\n")
    write_store(folder / "store", open_sources([folder / "sample.rw"]))


def rules(folder: Path, *names: str | Path) -> flowrules.Rules:
    """Rulesets (``RULESETS`` without names) under the sample's site."""
    return flowrules.load(*(names or RULESETS), site=folder / "site.yaml")


def printed(
    loaded: flowrules.Rules,
    sources: FlowSources,
    executor: Executor | None = None,
    state: State | None = None,
) -> list[str]:
    """The results in all formats."""
    results = run(loaded.program, sources, conf=sources.conf, threads=1, executor=executor, state=state)
    profile = build(loaded.program, results, None)
    shown = document(profile, None)
    return [json_report(profile), csv_report(profile), text_report(shown), markdown_report(shown)]
