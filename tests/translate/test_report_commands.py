"""The report's commands, as they stand there, over the full-scale sample network: its printed numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowrules.flows.sample import write_sample
from flowrules.flows.silk_conf import find_silk_conf
from flowrules.translate.run import map_kind, output_lines
from flowrules.translate.translation import translate
from tests.reference import shared

pytestmark = pytest.mark.xdist_group("sample network")  # so that one worker makes it, once
REPORT = "network-profiling-using-flow-5.2-5.3.md"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("network"))


def commands(section: str) -> str:
    """The shell blocks of one section, prompts and pasted output included."""
    text = shared("reference", REPORT).read_text(encoding="utf-8")
    part = text.partition(f"### {section} ")[2].partition("\n### ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", part, re.DOTALL))


def printed(script: str, sample: Path) -> list[str]:
    conf = find_silk_conf(None, [str(sample)])
    return list(output_lines(translate(script, conf, map_kind), [str(sample)], conf))


def test_web_clients(sample: Path) -> None:
    lines = printed(commands("5.2"), sample)
    assert lines[:5] == [
        "31",
        "INPUT: 2973484 Records for 31 Bins and 168273056846 Total Bytes",
        "OUTPUT: Top 2 bins by Bytes (1.0000% == 1682730568)",
        "dIP|Bytes|%Bytes|cumul_%",
        "203.0.113.33|154723380928|91.947804|91.947804",
    ]
    assert lines[5] == "203.0.113.220|12334655077|7.330143|99.277947"
    assert lines[7:11] == [
        "OUTPUT: Top 2 bins by Records (1.0000% == 29218)",
        "sIP|Records|%Records|cumul_%",
        "203.0.113.33|2625228|89.847621|89.847621",
        "203.0.113.220|274448|9.392898|99.240520",
    ]
    assert lines[6].startswith("INPUT: 2921867 Records for ")
    assert lines[6].endswith(" and 2921867 Total Records")
    assert lines[11] == "sIP|dPort|protocol|Records"
    pairs = lines[12 : lines.index("sIP|Bytes|%Bytes|cumul_%") - 2]
    ours = [line for line in pairs if line.startswith(("203.0.113.33|", "203.0.113.220|"))]
    assert ours == [
        "203.0.113.33|80|6|2372731",
        "203.0.113.33|443|6|251473",
        "203.0.113.33|1935|6|128",
        "203.0.113.33|8000|6|1",
        "203.0.113.33|8080|6|895",
        "203.0.113.220|80|6|235334",
        "203.0.113.220|443|6|38733",
        "203.0.113.220|554|6|5",
        "203.0.113.220|1935|6|281",
        "203.0.113.220|8080|6|95",
    ]


def test_services_of_web_clients(sample: Path) -> None:
    lines = printed(commands("5.2"), sample)
    services = lines[lines.index("sIP|sPort|Records") + 1 :]
    assert [s for s in services if s.startswith(("203.0.113.33|", "203.0.113.220|"))] == [
        "203.0.113.33|20|1",
        "203.0.113.33|21|27",
        "203.0.113.33|22|7",
        "203.0.113.33|80|42",
        "203.0.113.33|443|492",
        "203.0.113.33|8000|44",
        "203.0.113.33|8080|58",
        *(s for s in services if s.startswith("203.0.113.220|25|")),
        "203.0.113.220|8000|7",
        "203.0.113.220|8080|7",
    ]


def test_mail(sample: Path) -> None:
    script = commands("5.3")
    script += "\nrwsetcat smtp_servers.set\nrwsetcat --count email_clients.set"
    lines = printed(script, sample)
    assert lines == [
        "sIP|Records",
        "203.0.113.222|10479",
        "203.0.113.231|74852",
        *(f"203.0.113.{n}" for n in (195, 220, 221, 222, 231)),
        "0",
    ]
