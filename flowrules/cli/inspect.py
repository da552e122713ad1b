"""``flowrules inspect``: what is in flow files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrules.cli.completing import files
from flowrules.cli.flow_options import flow_options, open_flows

if TYPE_CHECKING:
    from flowrules.flows.inspect import Inspection, Volume

_MOST_LINES = 10


@click.command("inspect")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, shell_complete=files)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text for people, json for programs.",
)
@flow_options
def command(
    paths: tuple[str, ...],
    output_format: str,
    input_format: str | None,
    silk_config: Path | None,
    on_error: str,
) -> None:
    """Say what is in flow files: span, counts, top talkers, fields and gaps.

    PATH is a flow file, a folder, a glob or - for standard input.  Column stores are compared with their
    checksums byte by byte.
    """
    import json

    from attrs import evolve

    from flowrules.flows.inspect import inspect_sources

    sources = open_flows(paths, input_format, silk_config, on_error)
    found = inspect_sources(sources, sources.conf)
    if on_error == "fail":
        _verify_stores({source.path for source in sources if source.format == "store"})
    found = evolve(found, skipped=tuple((one.path, one.reason) for one in sources.skipped))
    if output_format == "json":
        click.echo(json.dumps(document(found), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(text(found)))


def _verify_stores(paths: set[str]) -> None:
    """Look at what the counts above have not touched."""
    from flowrules.flows.store import open_store

    for path in sorted(paths):
        open_store(path, verify=True)


def document(found: Inspection) -> dict[str, Any]:
    """An inspection as JSON has it: times in ISO 8601, addresses as text, counts as integers."""
    from flowrules import __version__
    from flowrules.model.address_text import format_address

    return {
        "flowrules": __version__,
        "sources": [{"path": p, "format": f, "records": n} for p, f, n in found.sources],
        "records": found.records,
        "packets": found.packets,
        "bytes": found.bytes,
        "first_stime": _time(found.first_stime),
        "last_etime": _time(found.last_etime),
        "by_protocol": {str(number): _volume(volume) for number, volume in found.by_protocol.items()},
        "by_type": {name: _volume(volume) for name, volume in found.by_type.items()},
        "by_direction": dict(found.by_direction),
        "by_sensor_type": dict(found.by_sensor_type),
        "by_application": {str(number): count for number, count in found.by_application.items()},
        "by_hour": {_time(hour): count for hour, count in found.by_hour.items()},
        "gaps": [[_time(start), _time(end)] for start, end in found.gaps],
        "distinct_sip": found.distinct_sip,
        "distinct_dip": found.distinct_dip,
        "top5_sip_by_bytes": [[format_address(a), n] for a, n in found.top5_sip_by_bytes],
        "top5_dip_by_records": [[format_address(a), n] for a, n in found.top5_dip_by_records],
        "top5_dport_by_records": [list(entry) for entry in found.top5_dport_by_records],
        "flags_top5": [list(entry) for entry in found.flags_top5],
        "fields": list(found.fields),
        "fields_of_some": list(found.fields_of_some),
        "with_initial_flags": found.with_initial_flags,
        "ipv6_records": found.ipv6_records,
        "duplicates": {"share": found.duplicates.share, "exact": found.duplicates.exact},
        "skipped": [{"path": path, "reason": reason} for path, reason in found.skipped],
    }


def _volume(volume: Volume) -> dict[str, int]:
    return {"records": volume.records, "packets": volume.packets, "bytes": volume.bytes}


def _time(ms: int | None) -> str | None:
    from flowrules.flows.text import format_time

    return None if ms is None else format_time(ms, "utc")


def text(found: Inspection) -> Iterator[str]:
    """An inspection as lines for people."""
    from flowrules.model.address_text import format_address
    from flowrules.model.fields import PROTOCOLS

    words = {number: word for word, number in PROTOCOLS.items()}
    shown = found.sources[:_MOST_LINES]
    for path, form, records in shown:
        yield f"{path}  {form}, {records:,} records"
    if len(found.sources) > len(shown):
        yield f"and {len(found.sources) - len(shown):,} more files"
    yield ""
    yield from _table(
        [
            ("records", f"{found.records:,}"),
            ("packets", f"{found.packets:,}"),
            ("bytes", f"{found.bytes:,}"),
            ("first start", _time(found.first_stime) or "none"),
            ("last end", _time(found.last_etime) or "none"),
            ("sources", f"{found.distinct_sip:,} addresses"),
            ("destinations", f"{found.distinct_dip:,} addresses"),
            ("IPv6", f"{found.ipv6_records:,} records"),
            ("initial flags", f"on {found.with_initial_flags:,} records"),
            ("fields", " ".join(found.fields)),
            *([("in some files", " ".join(found.fields_of_some))] if found.fields_of_some else []),
            ("duplicates", _duplicates(found)),
        ]
    )
    volumes = sorted(found.by_protocol.items(), key=lambda entry: -entry[1].records)
    yield from _volumes("by protocol", {words.get(n, str(n)): v for n, v in volumes})
    yield from _volumes("by type", found.by_type)
    yield from _top("most bytes sent", [(format_address(a), n) for a, n in found.top5_sip_by_bytes])
    yield from _top("most flows received", [(format_address(a), n) for a, n in found.top5_dip_by_records])
    yield from _top("most flows by destination port", [(str(a), n) for a, n in found.top5_dport_by_records])
    yield ""
    yield f"busy hours: {len(found.by_hour):,}; hours without a start between them: {_gap_hours(found):,}"
    longest = sorted(found.gaps, key=lambda gap: gap[0] - gap[1])[:5]
    for start, end in sorted(longest):
        yield f"  no flow starts from {_time(start)} to {_time(end)}"
    if found.skipped:
        yield ""
        yield f"left out ({len(found.skipped):,})"
        for path, reason in found.skipped[:_MOST_LINES]:
            yield f"  {path}: {reason}"


def _duplicates(found: Inspection) -> str:
    share = found.duplicates.share
    if share is None:
        return "none"
    return f"{'' if found.duplicates.exact else 'about '}{100 * share:.2f}% of records equal an earlier one"


def _gap_hours(found: Inspection) -> int:
    from flowrules.flows.inspect import HOUR

    return sum((end - start) // HOUR for start, end in found.gaps)


def _table(rows: list[tuple[str, str]]) -> Iterator[str]:
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        yield f"{label:<{width}}  {value}"


def _volumes(title: str, volumes: Any) -> Iterator[str]:
    yield ""
    cells = [(title, "records", "packets", "bytes")]
    cells += [(name, f"{v.records:,}", f"{v.packets:,}", f"{v.bytes:,}") for name, v in volumes.items()]
    widths = [max(len(row[at]) for row in cells) for at in range(4)]
    for row in cells:
        yield "  ".join([f"{row[0]:<{widths[0]}}", *(f"{row[at]:>{widths[at]}}" for at in (1, 2, 3))])


def _top(title: str, rows: list[tuple[str, int]]) -> Iterator[str]:
    yield ""
    yield title
    if rows:
        width, digits = max(len(name) for name, _ in rows), max(len(f"{n:,}") for _, n in rows)
        for name, count in rows:
            yield f"  {name:<{width}}  {count:>{digits},}"
