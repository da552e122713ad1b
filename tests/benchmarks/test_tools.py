"""How SiLK's tools and nfdump are called, by fakes on the PATH that write down their arguments and print what is set."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from benchmarks.cases import find_case
from benchmarks.data import Data, make
from benchmarks.flows import Flows
from benchmarks.peers import find
from benchmarks.peers.nfdump import datagram, filter_of
from benchmarks.peers.silk import TOOLS, switches_of, types_of
from benchmarks.rules import FieldTest, Rule

FAKE = """\
#!/bin/sh
printf '%s\\n' "$(basename "$0") $*" >> "$FAKE_LOG"
case "$0" in
    *rwfilter) case "$*" in *print-volume*) printf '     |Recs|Packets|Bytes|Files|\\nTotal|9|9|9|1|\\n Pass|7|70|700|     |\\n Fail|2|2|2| |\\n' ;; esac ;;
    *rwsetcat) printf '167772161\\n167772165\\n' ;;
    *rwstats|*rwuniq) cat > /dev/null; printf '167772161,80,6,3\\n' ;;
    *rwset) cat > /dev/null ;;
    *nfdump) printf 'No matched flows\\n 5 500\\n 2 20\\n' ;;
esac
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in (*TOOLS, "nfdump", "nfcapd"):
        (tools / name).write_text(FAKE)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


@pytest.fixture
def data(tmp_path: Path) -> Data:
    data = Data(tmp_path / "flows", Flows(500))
    make(data, "repository")
    make(data, "silk")
    return data


RULE = Rule(
    (
        FieldTest("type", ((1, 1), (3, 3))),
        FieldTest("protocol", ((6, 6),)),
        FieldTest("dport", ((25, 25), (80, 89)), negated=True),
        FieldTest("flags", high=2, mask=18),
        FieldTest("packets", ((4, 1 << 63),)),
        FieldTest("duration", ((0, 1500),)),
        FieldTest("dip", ((11 << 24, (12 << 24) - 1),)),
    ),
    (FieldTest("sport", ((53, 53),)), FieldTest("dport", ((53, 53),))),
    "sip",
)


def test_a_rule_in_switches_of_rwfilter() -> None:
    assert types_of(RULE) == ["out", "outweb"]
    assert switches_of(RULE) == [
        "--protocol=6", "--dport=0-24,26-79,90-65535", "--flags-all=S/SA", "--packets=4-", "--duration=0.000-1.500",
        "--dcidr=11.0.0.0/8", "--aport=53",
    ]  # fmt: skip


def test_a_rule_as_a_filter_of_nfdump() -> None:
    assert filter_of(RULE) == (
        "(in if 1 or in if 3) and (proto 6) and not (dst port 25 or (dst port > 79 and dst port < 90))"
        " and (flags S and not flags A) and (packets > 3) and (duration < 1501) and (dst net 11.0.0.0/8)"
        " and ((src port 53) or (dst port 53))"
    )


@pytest.mark.parametrize("contender", ["silk", "silk-file"])
def test_pipelines_of_silk(contender: str, data: Data, log: Path, tmp_path: Path) -> None:
    case = find_case("report")
    kind = find(contender)
    assert kind.lacks(case) == ""
    entrant = kind(case, data, 1, tmp_path)
    entrant.load()

    found = entrant.answer()

    assert found["web_clients"] == [[167772161, 167772165]]
    assert found["destinations"] == [[167772161], [80], [6], [3]]
    called = log.read_text().splitlines()
    assert sum(line.startswith("rwfilter ") for line in called) == 9
    assert sum(line.startswith("rwsettool --union ") for line in called) == 1
    one = next(line for line in called if line.startswith("rwfilter "))
    assert "--flags-all=A/A --packets=4- --dport=80,443,554,1755,1935,8000,8080" in one
    assert ("--type=out,outweb" in one) == (contender == "silk-file")
    listed = Path(one.partition("--xargs=")[2]).read_text().split()
    assert listed
    assert all(Path(file).is_file() for file in listed)
    if contender == "silk":
        assert {Path(file).name.partition("-S0")[0] for file in listed} == {"out", "outweb"}


def test_rules_are_counted_by_rwfilter(data: Data, log: Path, tmp_path: Path) -> None:
    entrant = find("silk")(find_case("counts-2"), data, 1, tmp_path)
    entrant.load()

    assert entrant.answer() == {"r0": [[7], [700]], "r1": [[7], [700]]}
    assert "--print-volume-statistics=stdout" in log.read_text()


def test_nfdump_gets_a_filter_a_rule(data: Data, log: Path, tmp_path: Path) -> None:
    entrant = find("nfdump")(find_case("counts-2"), data, 1, tmp_path)
    entrant.folder.mkdir(parents=True)

    entrant.load()

    assert entrant.answer() == {"r0": [[7], [520]], "r1": [[7], [520]]}
    assert log.read_text().startswith("nfdump -R ")


def test_flows_as_netflow_5() -> None:
    chunk = next(Flows(30).chunks())

    sent = datagram(chunk, 0)

    assert len(sent) == 24 + 30 * 48
    assert sent[:4] == bytes([0, 5, 0, 30])
    first = sent[24:72]
    assert int.from_bytes(first[:4], "big") == int(chunk["sip"][0])
    assert int.from_bytes(first[12:14], "big") == int(chunk["type"][0])
    assert int.from_bytes(first[20:24], "big") == int(chunk["bytes"][0])
    assert (first[37], first[38]) == (int(chunk["flags"][0]), int(chunk["protocol"][0]))


def test_without_the_tools_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find("silk").lacks(find_case("report")) == "SiLK's rwfilter is not on the PATH"
    assert find("nfdump").lacks(find_case("counts-1")) == "nfdump is not on the PATH"
    assert json.dumps(sorted(TOOLS))
