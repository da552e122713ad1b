"""rwset, rwsettool and rwsetcat."""

from __future__ import annotations

from tests.translate.model.records import MAPPED, Ranges, Row, address_text, joined

TOP = (1 << 128) - 1


def of_rows(rows: list[Row], which: str) -> Ranges:
    names = ("sip", "dip") if which == "any" else (which,)
    return joined([(a, a) for a in {getattr(r, n) for r in rows for n in names}])


def is_six(ranges: Ranges) -> bool:
    return any(low >> 32 != 0xFFFF or high >> 32 != 0xFFFF for low, high in ranges)


def _complement(ranges: Ranges) -> Ranges:
    out: Ranges = []
    at = 0
    for low, high in ranges:
        if low > at:
            out.append((at, low - 1))
        at = high + 1
    if at <= TOP:
        out.append((at, TOP))
    return out


def union(a: Ranges, b: Ranges) -> Ranges:
    return joined([*a, *b])


def intersect(a: Ranges, b: Ranges) -> Ranges:
    return _complement(union(_complement(a), _complement(b)))


def difference(a: Ranges, b: Ranges) -> Ranges:
    return intersect(a, _complement(b))


def blocks(ranges: Ranges, length: int, fill: bool) -> Ranges:
    """--mask and --fill-blocks of a set of one version."""
    six = is_six(ranges)
    shift = (128 if six else 32) - min(length, 128 if six else 32)
    found: Ranges = []
    for low, high in ranges:
        if fill:
            found.append((low >> shift << shift, high | (1 << shift) - 1))
        else:
            found += [(n << shift, n << shift) for n in range(low >> shift, (high >> shift) + 1)]
    return joined(found)


def tool(operation: str, sets: list[Ranges], length: int = 0) -> Ranges:
    if operation in ("mask", "fill-blocks"):
        whole = joined([r for s in sets for r in s])
        return blocks(whole, length, operation == "fill-blocks")
    result = sets[0]
    for other in sets[1:]:
        if operation == "union":
            result = union(result, other)
        elif operation == "intersect":
            result = intersect(result, other)
        elif operation == "difference":
            result = difference(result, other)
        else:
            result = difference(union(result, other), intersect(result, other))
    return result


def cidrs(ranges: Ranges) -> list[tuple[int, int]]:
    """The fewest blocks: first address and number of host bits."""
    out = []
    for low, high in ranges:
        while low <= high:
            bits = (low & -low).bit_length() - 1 if low else 128
            bits = min(bits, (high - low + 1).bit_length() - 1)
            out.append((low, bits))
            low += 1 << bits
    return out


def _cidr_lines(ranges: Ranges) -> list[str]:
    # blocks within IPv4 and outside it are apart
    four = intersect(ranges, [(MAPPED, MAPPED + 0xFFFFFFFF)])
    rest = difference(ranges, [(MAPPED, MAPPED + 0xFFFFFFFF)])
    lines = []
    for low, bits in sorted(cidrs(four) + cidrs(rest)):
        length = (32 if low >> 32 == 0xFFFF else 128) - bits
        lines.append(address_text(low) + (f"/{length}" if bits else ""))
    return lines


def _all_lines(ranges: Ranges) -> list[str]:
    return [address_text(a) for low, high in ranges for a in range(low, high + 1)]


def cat(ranges: Ranges, given: list[tuple[str, str]], heading: str | None = None) -> list[str]:
    values = dict(given)
    lines: list[str] = []
    count = sum(high - low + 1 for low, high in ranges)
    if "count-ips" in values:
        lines.append(("" if heading is None else f"{heading}:") + str(count))
    elif heading is not None:
        lines.append(f"{heading}:")
    if "cidr-blocks" in values:
        lines += _all_lines(ranges) if values["cidr-blocks"] == "0" else _cidr_lines(ranges)
    elif "print-ips" in values:
        lines += _cidr_lines(ranges) if is_six(ranges) else _all_lines(ranges)
    elif "network-structure" in values:
        lines += structure([(low, high, None) for low, high in ranges], values["network-structure"])
    elif "ip-ranges" in values:
        lines += [f"{high - low + 1}|{address_text(low)}|{address_text(high)}" for low, high in ranges]
    elif "count-ips" not in values and "print-statistics" not in values:
        lines += _cidr_lines(ranges) if is_six(ranges) else _all_lines(ranges)
    if "print-statistics" in values:
        lines += _statistics(ranges)
    return lines


def _statistics(ranges: Ranges) -> list[str]:
    six = is_six(ranges)
    count = sum(high - low + 1 for low, high in ranges)
    lines = ["Network Summary"]
    width = 39 if six else 15
    low, high = (address_text(e, six) for e in (ranges[0][0], ranges[-1][1])) if ranges else ("-", "-")
    lines += [f"\tminimumIP = {low:>{width}}", f"\tmaximumIP = {high:>{width}}"]
    if six:
        for length in range(8, 128, 8):
            n = sum(h - w + 1 for w, h in joined([(a >> 128 - length, b >> 128 - length) for a, b in ranges]))
            text = (
                str(n)
                if n < 1 << 64
                else f"{float(n >> 64) * (float((1 << 64) - 1) + 1.0) + float(n & (1 << 64) - 1):.0f}"
            )
            lines.append(f"\t{text:>39} occupied /{length}{'' if n == 1 else 's'}")
        lines.append(f"\t{count:>39} host{' (/128)' if count == 1 else 's (/128s)'}")
        return lines
    lines.append(
        f"\t{count:>10} host{' (/32),  ' if count == 1 else 's (/32s),'}  {100.0 * count / 2.0**32:10.6f}% of 2^32"
    )
    for length in (8, 16, 24, 27):
        n = sum(h - w + 1 for w, h in joined([(a >> 32 - length, b >> 32 - length) for a, b in ranges]))
        comma = (",  " if length < 10 else ", ") if n == 1 else ("s, " if length < 10 else "s,")
        lines.append(f"\t{n:>10} occupied /{length}{comma} {100.0 * n / 2.0**length:10.6f}% of 2^{length}")
    return lines


def structure(pieces: list[tuple[int, int, int | None]], spec: str) -> list[str]:
    """--network-structure without columns: (first, last, counter of one address) as lines."""
    family, colon, rest = spec.rpartition(":")
    six = colon and family == "v6"
    bits = 128 if six else 32
    letters = {"T": 0, "H": bits, **({} if six else {"A": 8, "B": 16, "C": 24, "X": 27})}

    def lengths(text: str) -> set[int]:
        found: set[int] = set()
        number = ""
        for c in text + ",":
            if c.isdigit():
                number += c
                continue
            if number:
                found.add(int(number))
            number = ""
            if c in letters:
                found.add(letters[c])
        return found

    printed_text, slash, summary_text = (rest or "TS").partition("/")
    printed = lengths(printed_text)
    counted = set()
    if slash:
        counted = lengths(summary_text)
    elif "S" in printed_text:
        counted = {48, 64} if six else {8, 16, 24, 27}
    summary = bool(slash) or "S" in printed_text
    if not six:
        pieces = [
            (max(low, MAPPED) - MAPPED, min(high, MAPPED + 0xFFFFFFFF) - MAPPED, c)
            for low, high, c in pieces
            if high >= MAPPED and low <= MAPPED + 0xFFFFFFFF
        ]
    if not pieces:
        counter = any(c is not None for _, _, c in pieces)
        assert not counter
        return ["empty"]

    def occupied(low: int, high: int, length: int) -> int:
        shift = bits - length
        inside = [
            (max(a, low) >> shift, min(b, high) >> shift) for a, b, _ in pieces if b >= low and a <= high
        ]
        return sum(h - w + 1 for w, h in joined(inside))

    levels = sorted({*printed, *counted})
    lines: list[tuple[int, int, str]] = []
    for length in printed:
        shift = bits - length
        numbers = {n for a, b, _ in pieces for n in range(a >> shift, (b >> shift) + 1)}
        for number in numbers:
            low, high = number << shift, (number + 1 << shift) - 1
            base = 0 if six else MAPPED
            label = (
                "TOTAL"
                if length == 0
                else address_text(low + base, bool(six)) + (f"/{length}" if length < bits else "")
            )
            text = f"{label}|"
            counter = pieces[0][2] is not None
            if counter:
                text += str(sum(c or 0 for a, b, c in pieces if low <= a <= high))
                if not summary:
                    lines.append((high, -length, text))
                    continue
                text += "|"
            if length < bits:
                hosts = occupied(low, high, bits)
                text += f" {hosts}" if not summary else f" {hosts} host{'' if hosts == 1 else 's'}"
                if summary:
                    parts = []
                    for level in levels:
                        if length < level < bits:
                            n = occupied(low, high, level)
                            parts.append(f"{n} /{level}{'' if n == 1 else 's'}")
                    if parts:
                        text += " in " + (
                            " and ".join(parts)
                            if len(parts) < 3
                            else ", ".join(parts[:-1]) + ", and " + parts[-1]
                        )
            lines.append((high, -length, text))
    return [text for _, _, text in sorted(lines)]
