"""What rwsetcat prints of a set: addresses, blocks, ranges, counts and statistics.

Source: rwsetcat(1), SiLK 3.19.  A set is an IPv6 set where it has a member outside ``::ffff:0:0/96``;
its IPv4 members print as dotted quads.  Lines come without their ends.
"""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.flows.network_structure import Layout, parse_structure, structure_lines
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import format_address, format_addresses, format_cidr

_STATISTICS_V4 = (8, 16, 24, 27)
_STATISTICS_V6 = tuple(range(8, 128, 8))


def set_lines(members: AddressSet) -> Iterator[str]:
    """What rwsetcat prints without options: addresses of an IPv4 set, blocks of an IPv6 set."""
    return cidr_lines(members, blocks=members.has_ipv6)


def cidr_lines(members: AddressSet, blocks: bool = True) -> Iterator[str]:
    """The fewest blocks, single addresses without a length (``--cidr-blocks=1``), or every address (0)."""
    if blocks:
        for first, length in members.cidrs():
            yield format_cidr(first, length, single=True)
        return
    for chunk in members.address_chunks():
        yield from format_addresses(chunk)


def range_lines(members: AddressSet, layout: Layout | None = None) -> Iterator[str]:
    """Count, first and last address of every range (``--ip-ranges``)."""
    layout = layout or Layout()
    widths = (0, 0)
    if layout.columns:
        widths = (39, 39) if members.has_ipv6 else (10, 15)
    end = layout.delimiter if layout.final_delimiter else ""
    for first, last in members.ranges():
        cells = (
            str(last - first + 1).rjust(widths[0]),
            format_address(first).rjust(widths[1]),
            format_address(last).rjust(widths[1]),
        )
        yield layout.delimiter.join(cells) + end


def count_lines(members: AddressSet) -> Iterator[str]:
    """The number of addresses (``--count-ips``)."""
    yield str(members.count)


def statistics_lines(members: AddressSet) -> Iterator[str]:
    """Lowest and highest address, and how many blocks of several sizes are occupied (``--print-statistics``)."""
    yield "Network Summary"
    ends = list(members.ranges())
    if members.has_ipv6:
        yield f"\tminimumIP = {format_address(ends[0][0], 6):>39}"
        yield f"\tmaximumIP = {format_address(ends[-1][1], 6):>39}"
        for length in _STATISTICS_V6:
            count = _occupied(ends, 128 - length)
            yield f"\t{_rounded(count):>39} occupied /{length}{'' if count == 1 else 's'}"
        yield f"\t{members.count:>39} host{' (/128)' if members.count == 1 else 's (/128s)'}"
        return
    low, high = (format_address(ends[0][0]), format_address(ends[-1][1])) if ends else ("-", "-")
    yield f"\tminimumIP = {low:>15}"
    yield f"\tmaximumIP = {high:>15}"
    count = members.count
    yield f"\t{count:>10} host{' (/32),  ' if count == 1 else 's (/32s),'}  {100 * count / 2**32:10.6f}% of 2^32"
    for length in _STATISTICS_V4:
        count, _ = members.block_counts(length, 0)
        plural = f"{'' if count == 1 else 's'},".ljust(3 if length < 10 else 2)
        yield f"\t{count:>10} occupied /{length}{plural} {100 * count / 2**length:10.6f}% of 2^{length}"


def _occupied(ends: list[tuple[int, int]], shift: int) -> int:
    """How many blocks of ``shift`` low bits hold a part of the sorted, disjoint ranges."""
    count, held = 0, -1
    for first, last in ends:
        begin, end = first >> shift, last >> shift
        count += end - begin + (begin != held)
        held = end
    return count


def _rounded(count: int) -> str:
    """A count as SiLK prints it there: from 2**64 on it adds its halves as doubles."""
    return (
        str(count)
        if count < 1 << 64
        else f"{float(count >> 64) * 2.0**64 + float(count & (1 << 64) - 1):.0f}"
    )


def network_structure_lines(
    members: AddressSet, spec: str = "", layout: Layout | None = None
) -> Iterator[str]:
    """Occupied blocks within larger blocks (``--network-structure=SPEC``).

    An IPv4 structure passes over IPv6 members; an IPv6 one has IPv4 members in ``::ffff:0:0/96``.
    Raises ``AddressError`` for a broken ``spec``.
    """
    structure = parse_structure(spec)
    ranges = members.pieces() if structure.version == 4 else members.ranges()
    return structure_lines(ranges, structure, None, layout)


__all__ = [
    "Layout",
    "cidr_lines",
    "count_lines",
    "network_structure_lines",
    "range_lines",
    "set_lines",
    "statistics_lines",
]
