"""``flowrules convert``: flows and address sets in another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from flowrules.cli.completing import files
from flowrules.cli.flow_options import flow_options, open_flows, report_skipped

if TYPE_CHECKING:
    from flowrules.flows.sources import FlowSources
    from flowrules.model.address_set import AddressSet


@click.command("convert")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, shell_complete=files)
@click.option(
    "--to",
    "target",
    type=click.Choice(["store", "parquet", "silk", "csv", "set"]),
    required=True,
    help="store: a column store, made or added to; parquet: Parquet files by day; silk: a SiLK flow file; "
    "csv: text with titles, or the blocks of a set; set: a SiLK IPset.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to write, or for store and parquet the folder: whole or not at all.",
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
@click.option(
    "--internal",
    metavar="NETS",
    multiple=True,
    help="For store: nets whose hosts get codes, such as 10.0.0.0/8,2001:db8::/32.",
)
@click.option(
    "--site",
    type=click.Path(path_type=Path),
    help="For store: the site file whose internal nets are taken.",
)
@click.option(
    "--dictionary",
    is_flag=True,
    help="For store: number all addresses, for many prefixes, large sets and groups of addresses later.",
)
@click.option("--wait", is_flag=True, help="For store: wait for another conversion into it to finish.")
@click.option(
    "--addresses",
    type=click.Choice(["auto", "binary", "text"]),
    default="auto",
    show_default=True,
    help="For parquet: numbers where all are IPv4 and else 16 bytes; 16 bytes always; or text, which is slow.",
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
    internal: tuple[str, ...],
    site: Path | None,
    dictionary: bool,
    wait: bool,
    addresses: Literal["auto", "binary", "text"],
    input_format: str | None,
    silk_config: Path | None,
    on_error: str,
) -> None:
    """Write flows in another format, the addresses of flows as a set, or sets in their other forms.

    PATH is a flow file, a folder, a glob or - for standard input; or, alone among its kind, an IPset or a
    text file of addresses.  Several sets become their union.
    """
    if input_format is None and field is None and all(_is_set(path) for path in paths):
        if target in ("store", "parquet", "silk"):
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
    elif target == "store":
        _write_store(sources, output, _internal_nets(internal, site), wait, dictionary)
    elif target == "parquet":
        from flowrules.flows.parquet import write_parquet

        write_parquet(output, sources, sources.conf, addresses)
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


def _write_store(
    sources: FlowSources, output: Path, internal: AddressSet | None, wait: bool, dictionary: bool
) -> None:
    from flowrules.flows.store import write_store

    if any(
        source.format == "store" and Path(source.path).resolve() == output.resolve() for source in sources
    ):
        raise click.UsageError(f"{output} cannot be added to itself")
    written = write_store(output, sources, sources.conf, internal, wait, dictionary)
    days = f"{len(written.days)} day{'' if len(written.days) == 1 else 's'}"
    click.echo(f"{output}: {written.records:,} records of {days} added", err=True)


def _internal_nets(internal: tuple[str, ...], site: Path | None) -> AddressSet | None:
    """The nets that the options name, ``None`` without any."""
    from flowrules.model.address_set import AddressSet
    from flowrules.model.address_text import AddressError, parse_cidr

    if site is not None:
        if internal:
            raise click.UsageError("--internal and --site both say which nets are internal: take one")
        from flowrules.share.site import load_site

        return load_site(site).internal
    ranges = []
    for text in (net.strip() for nets in internal for net in nets.split(",")):
        try:
            first, length = parse_cidr(text)
        except AddressError as error:
            raise click.BadParameter(str(error), param_hint="'--internal'") from error
        ranges.append((first, first | (1 << 128 - length) - 1))
    return AddressSet.from_ranges(ranges) if ranges else None


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
