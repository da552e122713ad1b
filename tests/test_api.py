"""The Python interface: load, run, and results as arrays and tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import flowrules
from flowrules.flows.sample import sample_chunks, sample_source
from flowrules.syntax.diagnostics import RulesetErrors

RULES = """
param least : count = 2
filter web = outbound and tcp and dport in (80, 443)
set browsers = sip of web
set pairs = (sip, dport) of web
table volume "Bytes by host" = sum(bytes), flows of web per sip keep flows >= least
table by_day = flows, mean(packets) of web per bin(stime, 1d) as day
profile browser { hosts browsers
    feature sites = distinct(dip) of web per sip
    verdict busy when sites >= 5 because "{sites} sites"
    verdict quiet otherwise
    entry of web per sip, protocol { internal host : any  external any : values(dport) }
}
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "web.frules"
    path.write_text(RULES)
    return path


@pytest.fixture(scope="module")
def found(rules: Path) -> flowrules.Found:
    return flowrules.load(rules).run(sample_source(0.01))


def test_tables_are_rows_and_arrays(found: flowrules.Found) -> None:
    volume = found.tables["volume"]
    rows = volume.rows()
    assert rows[0][0] == "203.0.113.33"
    assert [r[1] for r in rows] == sorted((r[1] for r in rows), reverse=True)
    arrays = volume.to_numpy()
    assert arrays["bytes"].dtype == np.int64 and arrays["share"].dtype == np.float64
    assert int(arrays["bytes"].sum()) == sum(r[1] for r in rows)
    days = found.tables["by_day"].to_numpy()["day"]
    assert days.dtype == "datetime64[ms]" and days[0] == np.datetime64("2012-02-01")


def test_sets_profiles_and_entries(found: flowrules.Found) -> None:
    browsers = found.sets["browsers"]
    assert not isinstance(browsers, list) and browsers.count == len(found.profiles["browser"].hosts)
    pairs = found.sets["pairs"]
    assert isinstance(pairs, list) and ("203.0.113.33", 443) in pairs
    assert {h.verdict for h in found.profiles["browser"].hosts} == {"busy", "quiet"}
    assert found.entries[0].protocol == 6
    assert found.to_json()["flows"]["records"] == found.records


def test_arrays_give_what_a_source_gives(rules: Path, found: flowrules.Found) -> None:
    chunks = list(sample_chunks(0.01))
    columns = {n: np.concatenate([c[n] for c in chunks]) for n in chunks[0].columns}
    again = flowrules.load(rules).run(columns)
    assert again.tables["volume"].rows() == found.tables["volume"].rows()


def test_arrow_tables_go_in_and_out(rules: Path, found: flowrules.Found, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pl = pytest.importorskip("polars")
    table = found.tables["volume"].to_arrow()
    assert isinstance(table, pa.Table) and table.num_rows == len(found.tables["volume"])
    frame = pl.DataFrame(found.tables["volume"])
    assert frame["bytes"].sum() == sum(r[1] for r in found.tables["volume"].rows())
    chunks = list(sample_chunks(0.001))
    names = ("sip", "dip", "sport", "dport", "protocol", "packets", "bytes", "flags", "stime", "duration")
    flows = pl.DataFrame({n: np.concatenate([c[n] for c in chunks]) for n in names})
    site = tmp_path / "site.yaml"
    site.write_text("internal: [203.0.113.0/24]\n")
    nets = flowrules.load(rules, site=site)
    with pytest.raises(ValueError, match="no field"):
        flowrules.arrays({"sipp": np.zeros(1, np.uint32)})
    assert nets.run(flows).records == len(flows)


def test_parameters_are_set_and_errors_are_raised(rules: Path, tmp_path: Path) -> None:
    fewer = flowrules.load(rules, set={"least": "1000"}).run(sample_source(0.01))
    assert 0 < len(fewer.tables["volume"]) < 5
    broken = tmp_path / "broken.frules"
    broken.write_text("filter a = dport = 70000\nfilter b = sipp = 1.1.1.1\n")
    with pytest.raises(RulesetErrors) as raised:
        flowrules.load(broken)
    assert len(raised.value.diagnostics) == 2


def test_a_notebook_shows_tables(found: flowrules.Found) -> None:
    html = found.tables["volume"]._repr_html_()
    assert html.startswith("<table><caption>volume: Bytes by host</caption>") and "203.0.113.33" in html
    assert "<td>80, 443" in found._repr_html_()


def test_the_example_of_the_documents_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import re

    from flowrules.flows.sample import write_sample

    write_sample(tmp_path, 0.01)
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parent.parent / "docs" / "python.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    found = names["found"]
    assert isinstance(found, flowrules.Found)
    assert found.tables["volume_in"].rows()[0][:3] == ("203.0.113.33", 1547233809, 26717)
    assert found.sets["web_clients"].count == 31  # type: ignore[union-attr]
