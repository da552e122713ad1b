"""Conditions over hosts and rows: patterns of addresses, blocks, ratios and floats as keys."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from flowrules.__main__ import main
from flowrules.engine.joins import match_rows
from flowrules.engine.results import Series
from flowrules.model.types import BYTES, NUMBER

FLOWS = """sIP|dIP|sPort|dPort|protocol|packets|bytes|flags|sTime|duration|type
10.0.0.1|192.0.2.1|5000|443|6|3|100|S|2012/02/01T10:00:00|1.0|out
10.0.1.1|192.0.2.1|5000|443|6|6|200|S|2012/02/01T10:00:00|1.0|out
10.0.1.2|192.0.2.1|5000|443|6|7|200|S|2012/02/01T10:00:00|1.0|out
10.9.1.2|192.0.2.1|5000|443|6|2|66|S|2012/02/01T10:00:00|1.0|out
2001:db8::7:1|2001:db8::1|5000|443|6|2|66|S|2012/02/01T10:00:00|1.0|out
"""


@pytest.fixture
def found(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "flows").write_text(FLOWS, "utf-8")

    def run(rules: str) -> dict[str, object]:
        (tmp_path / "r.frules").write_text(rules, "utf-8")
        assert (
            main(["run", str(tmp_path / "r.frules"), "--flows", str(tmp_path / "flows"), "--format", "json"])
            == 0
        )
        return json.loads(capsys.readouterr().out)["rulesets"]["r"]

    return run


def verdicts(rules: dict[str, object]) -> dict[str, str]:
    return {h["host"]: h["verdict"] for h in rules["profiles"]["p"]["hosts"]}  # type: ignore[index]


def test_hosts_are_asked_for_patterns_that_are_never_written_out(found) -> None:
    rules = found("""set s = sip of all
profile p { hosts s
    feature n = flows of all per sip
    verdict ones when host in (x.x.x.1)
    verdict twos when host in (10.x.1-3.2, 2001:db8:x:x:x:x:x:1)
    verdict others otherwise }
""")
    assert verdicts(rules) == {
        "10.0.0.1": "ones", "10.0.1.1": "ones", "10.0.1.2": "twos", "10.9.1.2": "twos", "2001:db8::7:1": "twos",
    }  # fmt: skip
    first = rules["profiles"]["p"]["hosts"][0]["evidence"][0]
    assert first["condition"] == "host in (x.x.x.1)"


def test_a_block_is_in_what_covers_it_whole(found) -> None:
    rules = found("""set s = sip/24 of all
profile p { hosts s
    feature n = flows of all per sip/24
    verdict near when host in (10.0.0.0/23, 192.168.0.0/16)
    verdict half when host in (10.9.1.0/25)
    verdict six when host in (2001:db8::/32)
    verdict others otherwise }
""")
    assert verdicts(rules) == {
        "10.0.0.0/24": "near", "10.0.1.0/24": "near", "10.9.1.0/24": "others", "2001:db8::/64": "six",
    }  # fmt: skip


def test_ratios_are_keys_by_their_exact_value(found) -> None:
    rules = found("""table rates = flows of all per bytes_per_packet
table looked = rows of rates where rates.flows[bytes_per_packet] = flows
""")
    rates = {row[0]: row[1] for row in rules["tables"]["rates"]["rows"]}
    assert rates == pytest.approx({33.0: 2, 100 / 3: 2, 200 / 7: 1})
    assert rules["tables"]["looked"]["rows"][0][0] == 3


def ratio(*pairs: tuple[int, int]) -> Series:
    return Series(BYTES, np.array([n for n, _ in pairs]), None, np.array([d for _, d in pairs]))


def test_rows_are_matched_by_equal_ratios_and_floats() -> None:
    left = ratio((1, 3), (2, 6), (4, 2), (1, 7))
    right = ratio((2, 1), (3, 9))
    assert match_rows([left], [right]).tolist() == [1, 1, 0, -1]
    assert match_rows([Series(BYTES, np.array([2, 3]))], [right]).tolist() == [0, -1]
    floats = Series(NUMBER, np.array([0.25, 0.5, 0.75]))
    assert match_rows([floats], [Series(NUMBER, np.array([0.75, 0.1]))]).tolist() == [-1, -1, 0]
    assert Fraction(1, 3) == left.scalar(1)


def test_a_total_is_in_the_unit_of_its_column(found) -> None:
    rules = found("table t = sum(duration) of all per sip keep top 1\n")
    assert rules["tables"]["t"]["input"]["total"] == 5.0
    assert rules["tables"]["t"]["rows"][0][1:] == [1.0, 0.2, 0.2]
