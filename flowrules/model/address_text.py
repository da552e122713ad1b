"""Addresses and blocks as text: parsed from what people write, printed as SiLK prints them.

One address is a 128-bit ``int``; IPv4 addresses are IPv4-mapped (``::ffff:0:0/96``), so that
``1.2.3.4`` and ``::ffff:1.2.3.4`` are one number.  A prefix length is counted in the 128 bits: the
IPv4 block ``10.0.0.0/8`` has length 104.
"""

from __future__ import annotations

import re
import socket
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.model.fields import ADDRESS, IPV4_MAPPED

HIGHEST: Final = (1 << 128) - 1
"""The number of ``ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff``."""

IPV4_HIGHEST: Final = IPV4_MAPPED + 0xFFFFFFFF
"""The number of ``255.255.255.255`` (mapped)."""

_QUAD = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
_IPV6_CHARACTERS = re.compile(r"[0-9A-Fa-f:.]+")


class AddressError(ValueError):
    """Text that is no address, block, range or wildcard.

    ``message`` says what was found, ``hint`` what to write instead ("" where nothing sensible can
    be offered).  Both are lower-case and without a full stop.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.message = message
        self.hint = hint


def is_ipv4(value: int) -> bool:
    """Whether the 128-bit number is an IPv4 (mapped) address."""
    return value >> 32 == 0xFFFF


def parse_address(text: str) -> int:
    """The 128-bit number of one IPv4 or IPv6 address.

    IPv4 needs four decimal parts without leading zeros (``010`` is octal to some programs and
    decimal to others); IPv6 is what RFC 4291 section 2.2 allows, without a zone.  Raises
    ``AddressError``.
    """
    if ":" in text:
        return _parse_ipv6(text)
    return IPV4_MAPPED + _parse_ipv4(text)


def _parse_ipv4(text: str) -> int:
    try:
        packed = socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        pass
    else:
        # some systems take a leading zero there: only what prints the same is taken for granted
        if socket.inet_ntoa(packed) == text:
            return int.from_bytes(packed, "big")
    parts = text.split(".")
    value = 0
    if len(parts) == 4 and _QUAD.fullmatch(text):
        for part in parts:
            number = int(part)
            if number > 255 or (part[0] == "0" and len(part) > 1):
                break
            value = value << 8 | number
        else:
            return value
    raise _ipv4_error(text, parts)


def _ipv4_error(text: str, parts: list[str]) -> AddressError:
    """What is wrong with ``text`` as an IPv4 address."""
    if not text:
        return AddressError("an address is missing", "write one like 192.0.2.1 or 2001:db8::1")
    if "/" in text:
        return AddressError(f"'{text}' is a block, and one address is wanted here")
    for part in parts:
        if not part and len(parts) == 4:
            return AddressError(
                f"'{text}' has an empty part", "an IPv4 address has four numbers from 0 to 255"
            )
        if part and not (part.isascii() and part.isdigit()):
            return AddressError(f"'{text}' is not an address", "write one like 192.0.2.1 or 2001:db8::1")
    if len(parts) != 4:
        if len(parts) == 1:
            return AddressError(
                f"'{text}' is a number, not an address", "write the four parts, like 192.0.2.1"
            )
        return AddressError(
            f"'{text}' has {len(parts)} parts, and an IPv4 address has four",
            "write all four, or a block such as 10.0.0.0/8",
        )
    for number, part in enumerate(parts, 1):
        if int(part) > 255:
            return AddressError(
                f"part {number} of '{text}' is {part}, and the parts of an IPv4 address go up to 255"
            )
    return AddressError(
        f"'{text}' has a part with a leading zero, which may mean octal",
        f"write {'.'.join(str(int(part)) for part in parts)}",
    )


def _parse_ipv6(text: str) -> int:
    try:
        if not _IPV6_CHARACTERS.fullmatch(text):
            raise OSError
        return int.from_bytes(socket.inet_pton(socket.AF_INET6, text), "big")
    except OSError:
        pass
    if "%" in text:
        return _refuse(f"'{text}' has a zone", f"write {text.partition('%')[0]}")
    if "/" in text:
        return _refuse(f"'{text}' is a block, and one address is wanted here")
    if text.count("::") > 1:
        return _refuse(f"'{text}' has '::' twice", "an IPv6 address shortens only one run of zeros")
    head, _, quad = text.rpartition(":")
    if "." in quad:
        _parse_ipv4(quad)
        text = f"{head}:0:0"
    for group in text.split(":"):
        if not re.fullmatch(r"[0-9A-Fa-f]{0,4}", group):
            return _refuse(
                f"'{group}' in '{text}' is not a group of an IPv6 address",
                "a group is one to four hexadecimal digits",
            )
    groups = len([group for group in text.split(":") if group])
    if "::" not in text and groups != 8:
        return _refuse(
            f"'{text}' has {groups} groups, and an IPv6 address has eight",
            "shorten a run of zeros with '::'" if groups < 8 else "",
        )
    return _refuse(f"'{text}' is not an IPv6 address", "write one like 2001:db8::1")


def _refuse(message: str, hint: str = "") -> int:
    raise AddressError(message, hint)


def parse_cidr(text: str) -> tuple[int, int]:
    """The first address and the 128-bit prefix length of a block such as ``10.0.0.0/8``.

    ``10.0.0.0/8`` gives length 104.  An address without ``/`` is a block of one.  A block with host
    bits set is an error that offers the block.  Raises ``AddressError``.
    """
    head, slash, tail = text.partition("/")
    address = parse_address(head.strip() if slash else head)
    if not slash:
        return address, 128
    bits = 128 if ":" in head else 32
    tail = tail.strip()
    if not (tail.isascii() and tail.isdigit()):
        if tail.count(".") == 3:
            raise AddressError(f"'{text}' has a netmask", "write the number of prefix bits, like 10.0.0.0/8")
        raise AddressError(f"'{text}' has no prefix length after '/'", f"it is a number from 0 to {bits}")
    length = int(tail[:6])
    if length > bits:
        raise AddressError(
            f"'{text}' has prefix length {tail}, and that of an IPv{6 if bits == 128 else 4} block is at most {bits}"
        )
    length += 128 - bits
    first = address >> (128 - length) << (128 - length)
    if first != address:
        raise AddressError(
            f"'{text}' has bits set beyond its prefix",
            f"write {format_cidr(first, length, 6 if bits == 128 else None)} for the block, "
            f"or {head.strip()} for the one address",
        )
    return address, length


def parse_range(text: str) -> tuple[int, int]:
    """The two ends of ``10.0.0.1-10.0.0.9``, both of them in the range.  Raises ``AddressError``."""
    head, dash, tail = text.partition("-")
    if not dash:
        raise AddressError(f"'{text}' is not a range", "write two addresses with '-' between them")
    first, last = parse_address(head.strip()), parse_address(tail.strip())
    if is_ipv4(first) != is_ipv4(last):
        raise AddressError(f"'{text}' begins in one IP version and ends in the other")
    if first > last:
        raise AddressError(f"'{text}' ends before it begins", f"write {tail.strip()}-{head.strip()}")
    return first, last


def format_address(value: int, version: int | None = None) -> str:
    """An address as SiLK and inet_ntop print it.

    IPv4-mapped numbers print as dotted quads unless ``version`` is 6 (``::ffff:1.2.3.4``);
    IPv4-compatible ones print as ``::1.2.3.4``.
    """
    high = value >> 64
    if high:
        return socket.inet_ntop(socket.AF_INET6, value.to_bytes(16, "big"))
    middle, low = value >> 32, value & 0xFFFFFFFF
    if middle == 0xFFFF:
        quad = socket.inet_ntoa(low.to_bytes(4, "big"))
        return f"::ffff:{quad}" if version == 6 else quad
    if middle == 0 and low > 0xFFFF:
        return "::" + socket.inet_ntoa(low.to_bytes(4, "big"))
    return socket.inet_ntop(socket.AF_INET6, value.to_bytes(16, "big"))


def format_cidr(first: int, length: int, version: int | None = None, single: bool = False) -> str:
    """A block as ``address/length``; ``length`` is that of the 128 bits.

    An IPv4 block prints its own length (0 to 32) unless ``version`` is 6.  With ``single`` a block of
    one address prints without its length, as ``rwsetcat --cidr-blocks=1`` does.
    """
    text = format_address(first, version)
    if single and length == 128:
        return text
    return f"{text}/{length - 96 if is_ipv4(first) and version != 6 else length}"


def format_addresses(addresses: NDArray[Any], version: int | None = None) -> list[str]:
    """The texts of an address array (``uint32``, IPv4, or ``ADDRESS``), as ``format_address`` has them."""
    if addresses.dtype != ADDRESS:
        quads = _format_ipv4(addresses.astype(np.uint32, copy=False))
        return [f"::ffff:{quad}" for quad in quads] if version == 6 else quads
    high, low = addresses["high"], addresses["low"]
    mapped = (high == 0) & (low >> np.uint64(32) == 0xFFFF)
    if version != 6 and mapped.all():
        return _format_ipv4(low.astype(np.uint32))
    network = np.empty((len(addresses), 2), ">u8")
    network[:, 0], network[:, 1] = high, low
    packed, family, print_one = network.tobytes(), socket.AF_INET6, socket.inet_ntop
    out = [print_one(family, packed[at : at + 16]) for at in range(0, len(packed), 16)]
    # what lies below ::1:0:0 or in ::ffff:0:0/96 holds a dotted quad, which not every C library prints
    special = np.flatnonzero((high == 0) & (low >> np.uint64(32) <= 0xFFFF))
    for index, value in zip(special.tolist(), low[special].tolist(), strict=True):
        out[index] = format_address(value, version)
    return out


def _format_ipv4(addresses: NDArray[np.uint32]) -> list[str]:
    if len(addresses) < 4096:
        packed, print_one = addresses.astype(">u4").tobytes(), socket.inet_ntoa
        return [print_one(packed[at : at + 4]) for at in range(0, len(packed), 4)]
    first, second = _halves()
    heads = first.take(addresses >> np.uint32(16))
    tails = second.take(addresses & np.uint32(0xFFFF))
    return (heads + tails).tolist()  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def _halves() -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """The texts of all first halves (``a.b.``) and second halves (``c.d``) of dotted quads."""
    octets = [str(number) for number in range(256)]
    seconds = np.empty(1 << 16, object)
    seconds[:] = [f"{one}.{two}" for one in octets for two in octets]
    return seconds + np.array(".", object), seconds


def to_array(values: list[int]) -> NDArray[Any]:
    """Python addresses as an address array: ``uint32`` where all are IPv4, else ``ADDRESS``."""
    if all(value >> 32 == 0xFFFF for value in values):
        return np.array([value & 0xFFFFFFFF for value in values], np.uint32)
    out = np.empty(len(values), ADDRESS)
    out["high"] = [value >> 64 for value in values]
    out["low"] = [value & 0xFFFFFFFFFFFFFFFF for value in values]
    return out


def to_integers(addresses: NDArray[Any]) -> list[int]:
    """An address array as Python addresses (128-bit, IPv4 mapped)."""
    if addresses.dtype != ADDRESS:
        return [IPV4_MAPPED + value for value in addresses.tolist()]
    return [high << 64 | low for high, low in addresses.tolist()]
