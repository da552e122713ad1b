"""The Python on the page about the store runs, in its order, on the store that the page makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrules.__main__ import main
from flowrules.flows.store.columns import WIDTHS
from flowrules.model.fields import STORED
from tests.docs.snippets import blocks

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "store.md").read_text("utf-8")


def test_the_python_on_the_page_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--scale", "0.005", "--keep", "sample"]) == 0
    assert main(["convert", "sample/sample.rw", "--to", "store", "--output", "flows.store"]) == 0
    snippets = [block.text for block in blocks(PAGE) if block.language == "python"]
    assert sum(bool(line) for line in snippets[0].splitlines()) == 3
    names: dict = {}
    for snippet in snippets:
        exec(snippet, names)
    flows, store = names["flows"], names["store"]
    assert 0 < len(flows["bytes"]) == len(flows["dip"]) < store.rows
    whole = store.arrays("dport", "bytes", "protocol")
    assert names["web"] == int(whole["bytes"][whole["dport"] == 443].sum()) > 0
    assert names["table"].num_rows == store.rows == sum(chunk.rows for chunk in names["source"].chunks())


def test_the_page_names_every_column():
    named = {name for name in (*STORED, *WIDTHS) if f"`{name}`" in PAGE}
    assert named == {*STORED, *WIDTHS}
