"""SiLK's tools, where they are on the PATH: pipelines over files by type and hour, or over one file.

Written from the manual pages of SiLK 3.19 (rwfilter, rwset, rwsettool, rwsetcat, rwstats, rwuniq).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import define

from benchmarks.cases.case import Case
from benchmarks.flows import FLAGS, TYPES
from benchmarks.peers.contender import NO_QUERY, Contender
from benchmarks.rules import FieldTest, Rule

TOOLS = ("rwfilter", "rwset", "rwsettool", "rwsetcat", "rwstats", "rwuniq")
PLAIN = ("--no-titles", "--no-columns", "--no-final-delimiter", "--column-separator=,", "--ip-format=decimal")
SITE = """\
version 2
sensor 0 S0
class all
    sensors S0
    type 0 in in
    type 1 out out
    type 2 inweb iw
    type 3 outweb ow
    default-types in inweb
end class
default-class all
path-format "%T/%Y/%m/%d/%x"
packing-logic "packlogic-twoway.so"
"""
"""The site's configuration: the types have the numbers that the flows have."""


def version() -> str:
    """The version of rwfilter, ``""`` where it is not there."""
    if shutil.which("rwfilter") is None:
        return ""
    told = subprocess.run(["rwfilter", "--version"], capture_output=True, text=True).stdout
    return told.partition("SiLK ")[2].partition(";")[0].strip() or "of unknown version"


@define
class Repository(Contender):
    """Files by type and hour: rwfilter gets those of the types asked for, as it would find them by itself."""

    _sets: int = 0

    forms = ("repository",)

    @classmethod
    def lacks(cls, case: Case) -> str:
        absent = [tool for tool in TOOLS if shutil.which(tool) is None]
        if absent:
            return f"SiLK's {absent[0]} is not on the PATH"
        return "" if case.silk or case.rules else f"silk {NO_QUERY}"

    def load(self) -> None:
        (self.scratch / "silk.conf").write_text(SITE)
        root = self.data.path(self.forms[0])
        for name in TYPES:
            files = sorted(map(str, (root / name).rglob("*-S0_*")))
            (self.scratch / f"{name}.files").write_text("\n".join(files) + "\n")

    def answer(self) -> Any:
        if self.case.silk is not None:
            return self.case.silk(self)
        return {f"r{number}": self.count(rule) for number, rule in enumerate(self.case.rules)}

    # ---- what cases ask for

    def set_of(self, types: Sequence[str], switches: Sequence[str], end: str) -> Path:
        """A file with the addresses of one end of the flows that pass."""
        place = self._new_set()
        self._pipe(self._filter(types, switches), ["rwset", f"--{end}-file={place}"])
        return place

    def union(self, *sets: Path) -> Path:
        """A file with the members of all sets."""
        place = self._new_set()
        self._run(["rwsettool", "--union", f"--output-path={place}", *map(str, sets)])
        return place

    def members(self, place: Path) -> list[list[int]]:
        """The members of a set, one column."""
        told = self._run(["rwsetcat", "--cidr-blocks=0", "--ip-format=decimal", str(place)])
        return [[int(line) for line in told.split()]]

    def stats(self, types: Sequence[str], switches: Sequence[str], keys: str, value: str) -> list[list[int]]:
        """All bins of rwstats: keys, then the value."""
        asked = ["rwstats", f"--fields={keys}", f"--values={value}", "--threshold=1", "--no-percents", *PLAIN]
        return self._columns(self._pipe(self._filter(types, switches), asked), keys)

    def uniq(self, types: Sequence[str], switches: Sequence[str], keys: str, value: str) -> list[list[int]]:
        """All bins of rwuniq: keys, then the value."""
        asked = ["rwuniq", f"--fields={keys}", f"--values={value}", *PLAIN]
        return self._columns(self._pipe(self._filter(types, switches), asked), keys)

    def count(self, rule: Rule) -> list[list[int]]:
        """The flows and bytes that pass a rule."""
        told = self._run(
            [*self._filter(types_of(rule), switches_of(rule), ()), "--print-volume-statistics=stdout"]
        )
        for line in told.splitlines():
            if line.strip().startswith("Pass|"):
                records, _, volume = (int(cell) for cell in line.split("|")[1:4])
                return [[records], [volume]]
        raise RuntimeError(f"rwfilter printed no line of what passed: {told!r}")

    # ---- running

    def _filter(
        self,
        types: Sequence[str],
        switches: Sequence[str],
        output: Sequence[str] = ("--pass-destination=stdout",),
    ) -> list[str]:
        listed = self.scratch / f"{'+'.join(types)}.files"
        if not listed.exists():
            listed.write_text("".join((self.scratch / f"{name}.files").read_text() for name in types))
        return [
            "rwfilter",
            f"--site-config-file={self.scratch / 'silk.conf'}",
            f"--threads={self.threads}",
            *switches,
            *output,
            f"--xargs={listed}",
        ]

    def _new_set(self) -> Path:
        self._sets += 1
        place = self.scratch / f"{self._sets}.set"
        place.unlink(missing_ok=True)
        return place

    def _run(self, command: Sequence[str]) -> str:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def _pipe(self, first: Sequence[str], second: Sequence[str]) -> str:
        with subprocess.Popen(first, stdout=subprocess.PIPE) as source:
            told = subprocess.run(
                second, check=True, stdin=source.stdout, stdout=subprocess.PIPE, text=True
            ).stdout
        if source.returncode:
            raise subprocess.CalledProcessError(source.returncode, first)
        return told

    @staticmethod
    def _columns(told: str, keys: str) -> list[list[int]]:
        rows = [[int(cell) for cell in line.split(",")] for line in told.split()]
        return [[row[n] for row in rows] for n in range(keys.count(",") + 2)]


@define
class OneFile(Repository):
    """One file with all flows: rwfilter tests the type of each."""

    forms = ("silk",)

    def load(self) -> None:
        (self.scratch / "silk.conf").write_text(SITE)
        (self.scratch / "all.files").write_text(f"{self.data.path('silk')}\n")

    def _filter(
        self,
        types: Sequence[str],
        switches: Sequence[str],
        output: Sequence[str] = ("--pass-destination=stdout",),
    ) -> list[str]:
        return [
            "rwfilter",
            f"--site-config-file={self.scratch / 'silk.conf'}",
            f"--threads={self.threads}",
            f"--type={','.join(types)}",
            *switches,
            *output,
            f"--xargs={self.scratch / 'all.files'}",
        ]


def types_of(rule: Rule) -> list[str]:
    """The types that a rule asks for; all where it does not."""
    for test in rule.tests:
        if test.field == "type":
            return [TYPES[low] for low, _ in test.ranges]
    return list(TYPES)


def switches_of(rule: Rule) -> list[str]:
    """A rule's other tests as switches of rwfilter, all of which a record must pass."""
    switches = [switch for test in rule.tests if (switch := _switch(test))]
    if rule.either is not None:
        switches.append(f"--aport={rule.either[0].listed(',')}")
    return switches or ["--protocol=0-255"]


def _switch(test: FieldTest) -> str:
    low, high = test.ranges[0] if test.ranges else (0, 0)
    match test.field:
        case "type":
            return ""
        case "flags":
            return f"--flags-all={letters(test.high)}/{letters(test.mask)}"
        case "sip" | "dip":
            return f"--{test.field[0]}cidr={','.join(map(str, test.nets()))}"
        case "packets" | "bytes":
            return f"--{test.field}={low}-{'' if low else high}"
        case "duration":
            return f"--duration={low / 1000:.3f}-{'' if low else f'{high / 1000:.3f}'}"
        case "protocol":
            return f"--protocol={test.listed(',')}"
        case _:
            return f"--{test.field}={others(test) if test.negated else test.listed(',')}"


def letters(flags: int) -> str:
    """TCP flags as SiLK writes them."""
    return "".join(letter for letter, bit in FLAGS.items() if flags & bit)


def others(test: FieldTest) -> str:
    """The ports that a test does not list."""
    out, start = [], 0
    for low, high in test.ranges:
        if start < low:
            out.append(f"{start}-{low - 1}")
        start = high + 1
    if start <= 65_535:
        out.append(f"{start}-65535")
    return ",".join(out)
