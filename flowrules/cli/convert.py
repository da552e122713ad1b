"""``flowrules convert``: flows and address sets in another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from flowrules.cli.flow_options import flow_options, open_flows, report_skipped

if TYPE_CHECKING:
    from flowrules.flows.sources import FlowSources
    from flowrules.model.address_set import AddressSet


@click.command("convert")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--to",
    "target",
    type=click.Choice(["silk", "csv", "set"]),
    required=True,
    help="silk: a SiLK flow file; csv: text with titles, or the blocks of a set; set: a SiLK IPset.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="The file to write, whole or not at all."
)
@click.option(
    "--compression",
    type=click.Choice(["none", "zlib"]),
    default="none",
    show_default=True,
    help="For silk and set.",
)
@click.option(
    "--fields", metavar="LIST", help="For csv: the columns, as cat takes them (default: what the flows have)."
)
@click.option(
    "--timestamp-format",
    type=click.Choice(["default", "iso", "epoch"]),
    default="default",
    show_default=True,
    help="For csv, as cat takes it.",
)
@click.option(
    "--field",
    type=click.Choice(["sip", "dip", "nhip", "any"]),
    help="For set, from flows: the addresses to take; any is sip and dip.",
)
@click.option(
    "--record-version",
    type=click.IntRange(2, 5),
    help="For set: the version of the IPset records (default: as SiLK, 2 for IPv4 and 3 for IPv6).",
)
@flow_options
def command(
    paths: tuple[str, ...],
    target: str,
    output: Path,
    compression: Literal["none", "zlib"],
    fields: str | None,
    timestamp_format: str,
    field: str | None,
    record_version: int | None,
    input_format: str | None,
    silk_config: Path | None,
    on_error: str,
) -> None:
    """Write flows as SiLK or CSV, the addresses of flows as a set, or sets in their other forms.

    PATH is a flow file, a folder, a glob or - for standard input; or, alone among its kind, an IPset or a
    text file of addresses.  Several sets become their union.
    """
    if input_format is None and field is None and all(_is_set(path) for path in paths):
        if target == "silk":
            raise click.UsageError("a set of addresses is no flows: take --to set or --to csv")
        _write_set(_read_sets(paths), target, output, compression, record_version)
        return
    if target == "set" and field is None:
        raise click.UsageError(
            "--to set needs --field to say which addresses of the flows: sip, dip, nhip or any"
        )
    sources = open_flows(paths, input_format, silk_config, on_error)
    if target == "silk":
        from flowrules.flows.silk_write import write_silk

        write_silk(
            output, (chunk for source in sources for chunk in source.chunks()), compression=compression
        )
    elif target == "csv":
        _write_csv(sources, output, fields, timestamp_format)
    else:
        from flowrules.flows.flow_addresses import addresses_of

        _write_set(addresses_of(sources, field or "any"), target, output, compression, record_version)
    report_skipped(sources)


def _is_set(path: str) -> bool:
    """Whether a file is an IPset, or text whose first line stands for addresses."""
    from flowrules.flows.byte_source import ByteSource
    from flowrules.flows.silk_header import IPSET, MAGIC
    from flowrules.model.address_text import AddressError
    from flowrules.model.addresses import parse_addresses

    if not Path(path).is_file():
        return False
    with ByteSource(path) as source:
        head = bytes(source.read(1 << 16))
    if head[:4] == MAGIC:
        return head[5:6] == bytes([IPSET])
    lines = head.decode("utf-8", "replace").splitlines()
    first = next((text for line in lines if (text := line.partition("#")[0].strip())), "")
    try:
        parse_addresses(first.partition(",")[0])
    except AddressError:
        return False
    return True


def _read_sets(paths: tuple[str, ...]) -> AddressSet:
    from flowrules.flows.set_text import read_set

    members = read_set(paths[0])
    for path in paths[1:]:
        members |= read_set(path)
    return members


def _write_set(
    members: AddressSet,
    target: str,
    output: Path,
    compression: Literal["none", "zlib"],
    record_version: int | None,
) -> None:
    if target == "csv":
        from flowrules.flows.set_text import write_set_text

        write_set_text(output, members)
        return
    from flowrules.flows.ipset import write_ipset

    write_ipset(output, members, record_version, compression)


def _write_csv(sources: FlowSources, output: Path, fields: str | None, times: str) -> None:
    from itertools import islice

    from flowrules.flows.atomic import whole_file
    from flowrules.flows.cat import text_lines
    from flowrules.flows.text_fields import TEXT_FIELDS, parse_fields

    if fields is not None:
        try:
            columns = parse_fields(fields)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="'--fields'") from error
    else:
        have = frozenset().union(*(source.fields for source in sources))
        columns = tuple(column for column in TEXT_FIELDS.values() if column.needs <= have)
    lines = text_lines(sources, columns, sources.conf, "csv", times)
    with whole_file(output) as file:
        while lot := list(islice(lines, 1 << 12)):
            file.write(("\n".join(lot) + "\n").encode())
