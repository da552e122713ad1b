"""Printing a ruleset's results as SiLK's tools print them: always delimited, nothing padded."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from flowrules.engine.results import Frame, Results
from flowrules.flows.silk_conf import SilkConf
from flowrules.model.address_set import AddressSet
from flowrules.translate.bag_text import bag_lines
from flowrules.translate.bins_text import bins_lines
from flowrules.translate.cells import Labels, Surface, delimiter_of, style_of
from flowrules.translate.count_text import count_lines
from flowrules.translate.outputs import BagText, Bins, Count, Output, Overall, SetText, Statistics
from flowrules.translate.overall import overall_lines
from flowrules.translate.set_text import set_text_lines


def lines_of(output: Output, results: Results, ruleset: str, conf: SilkConf, labels: Labels) -> Iterator[str]:
    """What the tool prints, line by line; records are printed by ``translate.run``."""
    match output:
        case SetText():
            found = results.sets[f"{ruleset}:{output.set}"].addresses
            yield from set_text_lines(output, AddressSet.from_ranges(()) if found is None else found)
        case Bins():
            surface = Surface(style_of(output.switches), output.milliseconds, conf, labels)
            yield from bins_lines(output, results.tables[f"{ruleset}:{output.table}"], surface)
        case Count():
            yield from count_lines(output, results.tables[f"{ruleset}:{output.table}"], results.flows)
        case BagText():
            members = None if output.members is None else results.sets[f"{ruleset}:{output.members}"]
            table = results.tables[f"{ruleset}:{output.table}"]
            yield from bag_lines(output, table, members, Surface("default", False, conf, labels))
        case Overall():
            yield from overall_lines(output, results, ruleset, delimiter_of(output.switches))
        case Statistics():
            yield from _statistics(output, results, ruleset)
        case _:
            raise TypeError(f"{type(output).__name__} is printed elsewhere")


def _statistics(output: Statistics, results: Results, ruleset: str) -> Iterator[str]:
    read, passed = (results.tables[f"{ruleset}:{n}"].frame for n in (output.total, output.table))
    counts = {n: (_whole(read, n), _whole(passed, n)) for n in ("flows", "packets", "bytes")}
    files = len(results.flows.sources)
    if not output.volume:
        total, kept = counts["flows"]
        yield f"Files {files:5d}.  Read {total:10d}.  Pass {kept:10d}. Fail  {total - kept:10d}."
        return
    yield "{:5}|{:>18}|{:>18}|{:>20}|{:>10}|".format("", "Recs", "Packets", "Bytes", "Files")
    rows = (
        ("Total", [t for t, _ in counts.values()], str(files)),
        ("Pass", [p for _, p in counts.values()], ""),
        ("Fail", [t - p for t, p in counts.values()], ""),
    )
    for word, (records, packets, size), shown in rows:
        yield f"{word:>5}|{records:18d}|{packets:18d}|{size:20d}|{shown:>10}|"


def _whole(frame: Frame, name: str) -> int:
    value = frame[name].scalar(0)
    return int(value) if isinstance(value, int | Fraction) else 0
