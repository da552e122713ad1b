"""nfdump, where it and nfcapd are on the PATH: a filter a rule, over files that nfcapd wrote.

nfdump reads no files but its own, so the flows are sent to nfcapd as NetFlow version 5, with the type of a flow as its
input interface.  Written from the manual pages of nfdump 1.7.
"""

from __future__ import annotations

import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

from attrs import define

from benchmarks.cases.case import Case
from benchmarks.flows import BEGIN, FLAGS
from benchmarks.peers.contender import NO_QUERY, Contender
from benchmarks.rules import FieldTest, Rule

RECORDS = 30
"""How many records a datagram of version 5 holds."""
PAUSE_AFTER, PAUSE = 16, 0.002
"""Datagrams between pauses (s), so that none is lost on the way."""


def version() -> str:
    """The version of nfdump, ``""`` where it is not there."""
    if shutil.which("nfdump") is None:
        return ""
    told = subprocess.run(["nfdump", "-V"], capture_output=True, text=True).stdout
    return told.partition("ersion: ")[2].split()[0] if "ersion: " in told else "of unknown version"


@define
class Nfdump(Contender):
    """One nfdump for each rule."""

    @classmethod
    def lacks(cls, case: Case) -> str:
        absent = [tool for tool in ("nfdump", "nfcapd") if shutil.which(tool) is None]
        if absent:
            return f"{absent[0]} is not on the PATH"
        return "" if case.rules and case.layout == "usual" else f"nfdump {NO_QUERY}"

    @property
    def folder(self) -> Path:
        """Where nfcapd's files are, and stay for the next time."""
        return self.data.home / "nfcapd"

    def load(self) -> None:
        if self.folder.exists():
            return
        aside = self.folder.with_name(".nfcapd")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        catcher = subprocess.Popen(
            ["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w", str(aside), "-t", "3600", "-B", "67108864"]
        )
        try:
            time.sleep(1)
            self._send(port)
            time.sleep(1)
        finally:
            catcher.send_signal(signal.SIGTERM)
            catcher.wait()
        aside.rename(self.folder)

    def _send(self, port: int) -> None:
        sent = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.connect(("127.0.0.1", port))
            for chunk in self.data.flows.chunks():
                for start in range(0, chunk.rows, RECORDS):
                    rows = chunk.slice(start, min(start + RECORDS, chunk.rows))
                    out.send(datagram(rows, chunk.first + start))
                    sent += 1
                    if sent % PAUSE_AFTER == 0:
                        time.sleep(PAUSE)

    def answer(self) -> Any:
        return {f"r{number}": self._count(rule) for number, rule in enumerate(self.case.rules)}

    def _count(self, rule: Rule) -> list[list[int]]:
        """Flows and bytes by protocol, added up: the least that nfdump is asked to print."""
        command = [
            "nfdump",
            "-R",
            str(self.folder),
            "-q",
            "-N",
            "-A",
            "proto",
            "-o",
            "fmt:%fl %byt",
            filter_of(rule),
        ]
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows = [line.split() for line in told.splitlines()]
        numbers = [
            (int(a), int(b)) for a, b in (r for r in rows if len(r) == 2 and all(c.isdigit() for c in r))
        ]
        return [[sum(a for a, _ in numbers)], [sum(b for _, b in numbers)]]


def datagram(rows: Any, sequence: int) -> bytes:
    """Some flows as NetFlow version 5; the exporter started when the first flow did."""
    last = int((rows["stime"] + rows["duration"]).max())
    head = struct.pack(
        "!HHIIIIBBH", 5, rows.rows, last - BEGIN, last // 1000, last % 1000 * 1_000_000, sequence, 0, 0, 0
    )
    out = [head]
    for row in zip(*(rows[n].tolist() for n in COLUMNS), strict=True):
        sip, dip, kind, packets, volume, start, lasted, sport, dport, flags, protocol = row
        begun = start - BEGIN
        out.append(
            struct.pack(
                "!IIIHHIIIIHHBBBBHHBBH",
                sip, dip, 0, kind, 0, packets, volume, begun, begun + lasted, sport, dport, 0, flags, protocol, 0,
                0, 0, 0, 0, 0,
            )
        )  # fmt: skip
    return b"".join(out)


COLUMNS = (
    "sip", "dip", "type", "packets", "bytes", "stime", "duration", "sport", "dport", "flags", "protocol",
)  # fmt: skip


def filter_of(rule: Rule) -> str:
    """A rule as a filter of nfdump."""
    parts = [_said(test) for test in rule.tests]
    if rule.either is not None:
        parts.append(f"({_said(rule.either[0])} or {_said(rule.either[1])})")
    return " and ".join(parts) or "any"


def _said(test: FieldTest) -> str:
    match test.field:
        case "flags":
            wanted = [f"flags {letter}" for letter, bit in FLAGS.items() if test.high & bit]
            unwanted = [
                f"not flags {n}" for n, bit in FLAGS.items() if test.mask & bit and not test.high & bit
            ]
            text = " and ".join([*wanted, *unwanted])
        case "type":
            text = " or ".join(f"in if {low}" for low, _ in test.ranges)
        case "sip" | "dip":
            text = " or ".join(f"{SIDES[test.field]} net {net}" for net in test.nets())
        case "sport" | "dport":
            text = " or ".join(_ports(SIDES[test.field], low, high) for low, high in test.ranges)
        case "protocol":
            text = " or ".join(f"proto {low}" for low, _ in test.ranges)
        case _:
            ((low, high),) = test.ranges
            text = f"{test.field} > {low - 1}" if low else f"{test.field} < {high + 1}"
    return f"not ({text})" if test.negated else f"({text})"


SIDES = {"sip": "src", "dip": "dst", "sport": "src", "dport": "dst"}


def _ports(side: str, low: int, high: int) -> str:
    if low == high:
        return f"{side} port {low}"
    bounds = [f"{side} port > {low - 1}"] if low else []
    bounds += [f"{side} port < {high + 1}"] if high < 65_535 else []
    return f"({' and '.join(bounds)})" if bounds else "any"
