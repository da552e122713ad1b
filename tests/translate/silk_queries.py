"""Random pipelines of SiLK's tools over given files: every switch with arguments that some records meet."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime

from attrs import frozen

from tests.translate.model.filtering import instant
from tests.translate.model.records import CONF, MAPPED, Row, address_text, rows_of

_FLAG_NAMES = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")
_TYPES = CONF["types"]
_KEYS = [
    "sip",
    "dip",
    "sport",
    "dport",
    "protocol",
    "packets",
    "bytes",
    "flags",
    "stime",
    "duration",
    "etime",
    "sensor",
    "in",
    "out",
    "nhip",
    "class",
    "type",
    "initialflags",
    "sessionflags",
    "attributes",
    "application",
    "itype",
    "icode",
]


@frozen
class Files:
    """The files that pipelines may name."""

    flows: tuple[str, ...]
    sets: tuple[str, ...]
    zone: str
    service: str


class Maker:
    """Makes pipelines, all from one random number generator."""

    def __init__(self, random_: random.Random, files: Files) -> None:
        self.random = random_
        self.files = files
        self.path = self.random.choice(files.flows)
        self.rows = rows_of(self.path)
        if self.chance(0.1):
            self.path = " ".join(files.flows[-2:])

    # ---- arguments ----

    def row(self) -> Row:
        return self.random.choice(self.rows)

    def some(self, most: int, make: Callable[[], str]) -> list[str]:
        return [make() for _ in range(self.random.randint(1, most))]

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def numbers(self, field: str, top: int) -> str:
        def one() -> str:
            value = min(getattr(self.row(), field), top)
            kind = self.random.randrange(4)
            if kind == 0:
                return f"{value}-{min(top, value + self.random.choice((0, 1, 20, 3000)))}"
            return f"{value}-" if kind == 1 and self.chance(0.4) else str(value)

        return ",".join(self.some(3, one))

    def span(self, field: str, scale: float = 1.0, places: int = 0) -> str:
        values = sorted(getattr(self.row(), field) / scale for _ in range(2))
        low, high = (f"{v:.{places}f}" for v in values)
        return self.random.choice((low, f"{low}-", f"{low}-{high}", f"{low}-{high}"))

    def time(self, ms: int) -> str:
        moment = datetime.fromtimestamp(ms / 1000, UTC)
        kind = self.random.randrange(7)
        if kind == 0:
            return str(ms // 1000)
        if kind == 1:
            return f"{ms // 1000}.{ms % 1000:03d}"
        patterns = ("%Y/%m/%d", "%Y/%m/%d:%H", "%Y/%m/%dT%H:%M", "%Y/%m/%d:%H:%M:%S", "%Y/%m/%dT%H:%M:%S")
        text = moment.strftime(patterns[kind - 2])
        return f"{text}.{ms % 1000:03d}" if kind == 6 else text

    def window(self) -> str:
        first, last = sorted(self.row().stime for _ in range(2))
        if self.chance(0.15):
            return self.time(first)
        first_text, last_text = self.time(first), self.time(last)
        # the tools refuse an end that begins before the start, also where it ends after it
        if instant(last_text)[0] < instant(first_text)[0]:
            last_text = str(last // 1000 + 1)
        return f"{first_text}-{last_text}"

    def address(self, field: str | None = None) -> int:
        field = field or self.random.choice(("sip", "dip", "nhip"))
        return int(getattr(self.row(), field))

    def block(self) -> str:
        value = self.address()
        if value >> 32 == 0xFFFF:
            if self.chance(0.1):
                return f"::ffff:{address_text(value)}/{96 + self.random.randint(4, 32)}"
            length = self.random.choice((4, 8, 9, 16, 20, 24, 30, 32))
            return address_text(value) + (f"/{length}" if self.chance(0.8) else "")
        return address_text(value) + f"/{self.random.choice((16, 32, 48, 64, 96, 128))}"

    def wildcard(self) -> str:
        value = self.address()
        if self.chance(0.2):
            return self.block()
        if value >> 32 == 0xFFFF:
            parts = [str(value >> shift & 255) for shift in (24, 16, 8, 0)]
            base, top, mark = 10, 255, "."
        else:
            parts = [f"{value >> 16 * (7 - i) & 0xFFFF:x}" for i in range(8)]
            base, top, mark = 16, 65535, ":"
        for at in range(len(parts)):
            if not self.chance(0.5 if at >= len(parts) // 2 else 0.2):
                continue
            number = int(parts[at], base)
            show = (lambda v: f"{v:x}") if base == 16 else str
            kind = self.random.randrange(3)
            if kind == 0:
                parts[at] = "x"
            elif kind == 1:
                parts[at] = f"{show(max(number - 5, 0))}-{show(min(number + 9, top))}"
            elif base == 10:
                parts[at] = f"{number},{min(number + 1, top)}" if number < top else str(number)
        return mark.join(parts)

    def mask(self, letters: str) -> str:
        wanted = [c for c in letters if self.chance(0.4)] or [letters[0]]
        high = [c for c in wanted if self.chance(0.5)]
        return f"{''.join(high)}/{''.join(wanted)}"

    # ---- rwfilter ----

    def conditions(self, most: int = 3) -> list[str]:
        found: dict[str, str] = {}
        for _ in range(self.random.randint(1, most)):
            name, value = self._condition()
            negated = name[4:] if name.startswith("not-") else f"not-{name}"
            if name in found or negated in found:
                continue
            if name in ("class", "type", "flowtypes") and {"class", "type", "flowtypes"} & set(found):
                continue
            if (name.startswith("icmp") and "protocol" in found) or (
                name == "protocol" and any(n.startswith("icmp") for n in found)
            ):
                continue
            found[name] = value
        switches = [f"--{n}={v}" for n, v in found.items()]
        if any(n.startswith("pmap-") for n in found):
            switches.insert(0, f"--pmap-file=zone:{self.files.zone}")
            switches.insert(0, f"--pmap-file=svc:{self.files.service}")
        return switches

    def _condition(self) -> tuple[str, str]:
        choose = self.random.choice
        flat: list[Callable[[], tuple[str, str]]] = [
            lambda: ("protocol", self.numbers("protocol", 255)),
            lambda: (name := choose(("sport", "dport", "aport")), self.numbers("dport" if name == "dport" else "sport", 65535)),
            lambda: (choose(("icmp-type", "icmp-code")), choose(("0", "3", "8", "0-3", "128-", "1,3,8", "0-255"))),
            lambda: (name := choose(("bytes", "packets")), self.span(name)),
            lambda: ("bytes-per-packet", choose(("40-60", "98.5-129.25", "60-", "0-52.5", "40"))),
            lambda: ("duration", self.span("duration", 1000.0, choose((0, 1, 3)))),
            lambda: (choose(("stime", "etime", "active-time")), self.window()),
            lambda: (self.negated(choose(("scidr", "dcidr", "any-cidr", "nhcidr"))), ",".join(self.some(3, self.block))),
            lambda: (self.negated(choose(("saddress", "daddress", "any-address", "next-hop-id"))), self.wildcard()),
            lambda: (self.negated(choose(("sipset", "dipset", "anyset", "nhipset"))), choose(self.files.sets)),
            lambda: (choose(("flags-all", "flags-initial", "flags-session")), ",".join(self.some(2, lambda: self.mask("FSRPAUEC")))),
            lambda: ("tcp-flags", "".join(self.random.sample("FSRPAUEC", self.random.randint(1, 3)))),
            lambda: (f"{choose(_FLAG_NAMES)}-flag", choose("01")),
            lambda: ("attributes", ",".join(self.some(2, lambda: self.mask("FSTC")))),
            lambda: ("application", self.numbers("application", 65535)),
            lambda: ("input-index", self.numbers("input", 65535)),
            lambda: (choose(("output-index", "any-index")), self.numbers("output", 65535)),
            lambda: ("ip-version", choose(("4", "6", "4,6"))),
            lambda: choose((("type", ",".join(sorted(set(self.some(3, lambda: choose(_TYPES)))))), ("type", "all"), ("class", "all"), ("flowtypes", "all/in,all/out"), ("flowtypes", "all/outweb"))),
            lambda: ("sensors", ",".join(self.some(3, lambda: choose(("S1", "3", "4-6", "S10", "12-14"))))),
            lambda: (f"pmap-{choose(('src', 'dst', 'any'))}-zone", choose(("lab", "servers,clients", "unknown", "infra,partner"))),
            lambda: (f"pmap-{choose(('src', 'dst', 'any'))}-svc", choose(("web", "mail,dns", "other", "icmp,ntp"))),
        ]  # fmt: skip
        return choose(flat)()

    def negated(self, name: str) -> str:
        return f"not-{name}" if self.chance(0.3) else name

    def source(self, share: float = 0.6) -> tuple[str, str]:
        """What stands before a tool, and the operand after it."""
        if not self.chance(share):
            return "", f" {self.path}"
        text = f"rwfilter {self.path} {' '.join(self.conditions(2))} --pass-destination=stdout | "
        if self.chance(0.15):
            text += f"rwfilter {' '.join(self.conditions(1))} --{self.random.choice(('pass', 'fail', 'all'))}-destination=stdout | "
        return text, ""

    # ---- pipelines ----

    def rwfilter(self) -> str:
        conditions = " ".join(self.conditions(4))
        kind = self.random.randrange(6)
        if kind == 0:
            shown = self.random.choice(("print-statistics", "print-volume-statistics"))
            return f"rwfilter {self.path} {conditions} --{shown}"
        if kind == 1:
            return f"rwfilter {self.path} {conditions} --fail-destination=stdout"
        if kind == 2:
            return f"rwfilter {self.path} {conditions} --pass-destination=stdout | rwfilter {' '.join(self.conditions(2))} --pass-destination=stdout"
        if kind == 3:
            return (
                f"rwfilter {self.path} {conditions} --pass-destination=a.rw --fail-destination=b.rw\n"
                f"rwfilter {self.random.choice(('a.rw', 'b.rw'))} {' '.join(self.conditions(2))} --pass-destination=stdout"
            )
        limit = f" --max-pass-records={self.random.randint(1, 50)}" if kind == 4 else ""
        return f"rwfilter {self.path} {conditions} --pass-destination=stdout{limit}"

    def keys(self, most: int = 3) -> tuple[str, str]:
        names = self.random.sample(_KEYS, self.random.randint(1, most))
        if self.chance(0.2):
            names.append(self.random.choice(("src-zone", "dst-zone", "src-svc", "dst-svc")))
        if {"itype", "icode"} & set(names) and self.chance(0.6) and "protocol" not in names:
            names.append("protocol")
        maps = f" --pmap-file=zone:{self.files.zone} --pmap-file=svc:{self.files.service}"
        if self.chance(0.1):
            numbers = self.random.choice(
                ("1,2", "3,5", "1,12", "4,5,21", "8,26,27", "5,28", "9,10", "9,10,11", "29,20")
            )
            return ",".join(BY_NUMBER[n] for n in numbers.split(",")), ""
        return ",".join(names), maps if any("-" in n for n in names) else ""

    def values(self, keys: str, times: bool) -> str:
        plain = [
            "flows",
            "records",
            "packets",
            "bytes",
            "sip-distinct",
            "dip-distinct",
            "distinct:dport",
            "distinct:sport",
        ]
        plain += [
            "distinct:protocol",
            "distinct:sensor",
            "distinct:nhip",
            "distinct:type",
            "distinct:application",
        ]
        plain += [
            "distinct:flags",
            "distinct:attributes",
            "distinct:icode",
            "distinct:duration",
            "distinct:stime",
        ]
        plain += ["stime-earliest", "etime-latest"] if times else []
        chosen: list[str] = []
        for word in self.random.sample(plain, self.random.randint(1, 3)):
            field = word.removeprefix("distinct:").removesuffix("-distinct")
            if field in keys.split(",") and field != word:
                continue
            same = {"flows": "records", "records": "flows"}.get(word)
            if same not in chosen:
                chosen.append(word)
        return ",".join(chosen)

    def ending(self) -> str:
        style = self.random.choice(("", "", " --timestamp-format=epoch", " --timestamp-format=iso"))
        return style + (" --no-titles" if self.chance(0.1) else "")

    def policy(self) -> str:
        return (
            f" --ipv6-policy={self.random.choice(('ignore', 'only', 'mix', 'asv4'))}"
            if self.chance(0.15)
            else ""
        )

    def bin_time(self, keys: str) -> str:
        named = set(keys.split(","))
        if not named & {"stime", "etime"} or not self.chance(0.5):
            return ""
        return f" --bin-time={self.random.choice(('60', '3600', '1', '7', '0.5'))}"

    def rwuniq(self) -> str:
        keys, maps = self.keys()
        before, after = self.source()
        moved = self.bin_time(keys)
        values = self.values(keys, not moved) if self.chance(0.8) else ""
        if moved:
            values = ",".join(
                v for v in values.split(",") if v not in ("distinct:stime", "distinct:duration")
            )
            if "stime" in keys.split(",") and "0.5" not in moved and self.chance(0.3):
                values = ",".join(filter(None, (values, "stime-earliest")))
        text = f"{before}rwuniq{after} --fields={keys}{maps}"
        text += f" --values={values}" if values else ""
        if self.chance(0.1) and not moved:
            text += " --all-counts"
        for name, top in (
            ("flows", 20),
            ("bytes", 100000),
            ("packets", 500),
            ("sip-distinct", 5),
            ("dip-distinct", 5),
        ):
            if self.chance(0.12) and name[:3] not in keys.split(","):
                low = self.random.randint(0, top)
                limit = self.random.choice((str(low), f"{low}-", f"{low}-{low + top * 5}"))
                text += f" --{name}={limit}" if self.chance(0.5) else f" --threshold={name}={limit}"
        return text + " --sort-output" + moved + self.policy() + self.ending()

    def rwstats(self) -> str:
        keys, maps = self.keys()
        before, after = self.source()
        moved = self.bin_time(keys)
        values = self.values(keys, False)
        if moved:
            values = ",".join(
                v for v in values.split(",") if v not in ("distinct:stime", "distinct:duration")
            )
        limit = self.random.choice(
            (
                f"--count={self.random.choice((0, 1, 2, 3, 5, 10, 20))}",
                f"--threshold={self.random.choice((1, 2, 5, 20, 100, 1000, 100000))}",
                f"--percentage={self.random.choice(('0', '0.5', '1', '2.5', '5', '33.33', '50', '100'))}",
            )
        )
        text = f"{before}rwstats{after} --fields={keys}{maps}"
        text += (
            f" --values={values}"
            if values
            else self.random.choice(("", " --bytes", " --packets", " --flows"))
        )
        text += f" {limit}" + self.random.choice(("", "", " --bottom", " --top"))
        text += " --no-percents" if self.chance(0.15) else ""
        return text + moved + self.policy() + self.ending()

    def rwcount(self) -> str:
        before, after = self.source()
        width = self.random.choice(("60", "300", "900", "3600", "86400", "1800", "7200", "1200"))
        text = f"{before}rwcount{after} --load-scheme={self.random.randrange(7)}"
        rows = sorted(r.stime for r in (self.row(), self.row()))
        if self.chance(0.4):
            text += f" --start-time={self.time(rows[0])}"
            width = self.random.choice((width, "7", "0.5", "100", "0.25", "1000.125"))
            if self.chance(0.6):
                end = (
                    rows[1]
                    if float(width) >= 60
                    else rows[0] + int(float(width) * 1000 * self.random.randint(1, 40))
                )
                text += f" --end-time={end // 1000 + 86400 if float(width) >= 60 else end // 1000 + 1}"
            elif float(width) < 60:
                width = "600"
            if self.chance(0.15):
                text += " --bin-slots"
        text += f" --bin-size={width}" + (" --skip-zeroes" if self.chance(0.3) else "")
        return text + self.ending()

    def rwset(self) -> str:
        before, after = self.source(0.8)
        which = self.random.choice(("sip", "dip", "nhip", "any"))
        policy = f" --ipv6-policy={self.random.choice(('ignore', 'only'))}" if self.chance(0.2) else ""
        return f"{before}rwset{after} --{which}-file=stdout{policy}"

    def structure(self, six: bool) -> str:
        lengths = (16, 32, 48, 64) if six else (8, 12, 16, 20, 24)
        printed = self.random.sample([*lengths, "T"], self.random.randint(1, 3))
        text = ",".join(map(str, printed)) + ("S" if self.chance(0.3) else "")
        if self.chance(0.4):
            text += "/" + ",".join(map(str, self.random.sample(lengths, 2)))
        return ("v6:" if six else "v4:") + text

    def setcat(self) -> str:
        return self.random.choice(
            (
                "",
                " --count-ips",
                " --cidr-blocks",
                " --cidr-blocks=1",
                " --cidr-blocks=0",
                " --ip-ranges --delimited",
                " --print-statistics",
                " --count-ips --print-statistics",
                f" --network-structure={self.structure(self.chance(0.3))} --no-columns --no-final-delimiter",
            )
        )

    def sets(self) -> str:
        text = self.rwset()
        if self.chance(0.5):
            operation = self.random.choice(("union", "intersect", "difference", "symmetric-difference"))
            operands = ["-", *self.random.sample(self.files.sets, self.random.randint(1, 2))]
            self.random.shuffle(operands)
            text += f" | rwsettool --{operation} {' '.join(operands)}"
            shown = self.random.choice(
                (" --count-ips", " --cidr-blocks", " --ip-ranges --delimited", " --print-statistics")
            )
            # a union with a set of the reference may have more members than can be listed
            return f"{text} | rwsetcat{self.setcat() if operation == 'intersect' else shown}"
        if self.chance(0.3) and "--ipv6-policy" in text:
            length = self.random.choice((8, 16, 20, 24, 32) if "ignore" in text else (32, 48, 64, 112))
            text += f" | rwsettool --{self.random.choice(('mask', 'fill-blocks'))}={length}"
            return f"{text} | rwsetcat{self.random.choice((' --count-ips', ' --cidr-blocks'))}"
        return f"{text} | rwsetcat{self.setcat()}"

    def rwbag(self) -> str:
        before, after = self.source()
        keys = "sIPv4 dIPv4 nhIPv4 sIPv6 dIPv6 sPort dPort protocol packets bytes flags sTime duration eTime sensor input "
        keys += "output initialFlags sessionFlags attributes application"
        maps = ""
        key = self.random.choice(keys.split())
        if self.chance(0.08):
            key = self.random.choice(("sip-pmap:zone", "dip-pmap:zone", "sport-pmap:svc", "dport-pmap:svc"))
            maps = f" --pmap-file={'zone' if 'zone' in key else 'svc'}:{self.files.zone if 'zone' in key else self.files.service}"
        counter = self.random.choice(("flows", "records", "sum-packets", "sum-bytes"))
        text = f"{before}rwbag{after} --bag-file={key},{counter},stdout{maps}"
        addresses = "IPv" in key
        limits = self._limits(key)
        if addresses and self.chance(0.3):
            cover = " ".join(["rwbagtool --coverset", *limits])
            return f"{text} | {cover} | rwsetcat{self.setcat()}"
        if self.chance(0.15):
            text += " | " + " ".join(["rwbagtool --invert", *limits])
            return f"{text} | rwbagcat{self.random.choice(('', ' --sort-counters', ' --bin-ips'))}"
        if addresses and self.chance(0.3):
            word = self.random.choice(("intersect", "complement-intersect"))
            text += f" | rwbagtool --{word}={self.random.choice(self.files.sets)}"
        shown = [
            *limits,
            self.random.choice(
                ("", "--sort-counters", "--sort-counters=increasing", "--bin-ips", "--bin-ips=binary", "--bin-ips=decimal",
                 "--print-statistics", "--key-format=decimal")
            ),
        ]  # fmt: skip
        if addresses and self.chance(0.2):
            shown = [f"--network-structure={self.structure('v6' in key)} --no-columns --no-final-delimiter"]
        return f"{text} | rwbagcat {' '.join(shown)}{maps if self.chance(0.7) else ''}".rstrip()

    def _limits(self, key: str) -> list[str]:
        found = []
        if self.chance(0.25):
            found.append(f"--mincounter={self.random.choice((1, 2, 5, 100, 5000))}")
        if self.chance(0.15):
            found.append(f"--maxcounter={self.random.choice((1, 3, 50, 1000, 100000))}")
        fields = {"sPort": "sport", "dPort": "dport", "protocol": "protocol", "packets": "packets", "bytes": "bytes",
                  "input": "input", "output": "output", "application": "application"}  # fmt: skip
        if "IPv" in key and self.chance(0.2):
            found.append(f"--{self.random.choice(('minkey', 'maxkey'))}={address_text(self.address())}")
        elif key in fields and self.chance(0.3):
            found.append(f"--{self.random.choice(('minkey', 'maxkey'))}={getattr(self.row(), fields[key])}")
        elif key in ("sTime", "eTime") and self.chance(0.3):
            found.append(f"--{self.random.choice(('minkey', 'maxkey'))}={self.row().stime // 1000}")
        elif key == "duration" and self.chance(0.3):
            found.append(f"--{self.random.choice(('minkey', 'maxkey'))}={self.row().duration // 1000}")
        return found

    def rwcut(self) -> str:
        before, after = self.source()
        names = self.random.sample(_KEYS, self.random.randint(1, 6))
        maps = ""
        if self.chance(0.2):
            names.append(self.random.choice(("src-zone", "dst-svc")))
            maps = f" --pmap-file=zone:{self.files.zone} --pmap-file=svc:{self.files.service}"
        text = (
            f"{before}rwcut{after} --fields={','.join(names)}{maps}"
            if self.chance(0.8)
            else f"{before}rwcut{after}"
        )
        kind = self.random.randrange(5)
        if kind == 0:
            text += f" --num-recs={self.random.randint(1, 20)}"
        elif kind == 1:
            text += f" --start-rec-num={self.random.randint(1, 30)} --num-recs={self.random.randint(1, 20)}"
        elif kind == 2:
            first = self.random.randint(1, 30)
            text += f" --start-rec-num={first} --end-rec-num={first + self.random.randint(0, 30)}"
        elif kind == 3:
            text += f" --tail-recs={self.random.randint(1, 30)}"
        return text + self.policy().replace("asv4", "ignore") + self.ending()

    def script(self) -> str:
        """Two pipelines joined by a set file."""
        which = self.random.choice(("sip", "dip"))
        first = f"rwfilter {self.path} {' '.join(self.conditions(2))} --pass-destination=stdout | rwset --{which}-file=made.set"
        use = self.random.choice(("sipset", "dipset", "anyset", "not-sipset"))
        second = f"rwfilter {self.path} --{use}=made.set --pass-destination=stdout"
        end = self.random.choice(
            (
                " | rwuniq --fields=protocol --values=flows,bytes",
                " | rwset --any-file=stdout | rwsetcat --count-ips",
                "",
            )
        )
        return f"{first}\n{second.replace('made.set', 'made.set')}{end}"

    def overall(self) -> str:
        before, after = self.source(0.8)
        detail = self.random.choice(
            ("", " --detail-proto-stats=6", " --detail-proto-stats=1,17", " --detail-proto-stats=0-17,50")
        )
        return f"{before}rwstats{after}{detail or ' --overall-stats'}"

    def files_of_sets(self) -> str:
        """One rwset with several outputs, and tools that read these."""
        before, after = self.source(0.7)
        first = f"{before}rwset{after} --sip-file=a.set --dip-file=b.set --nhip-file=c.set"
        operation = self.random.choice(("union", "intersect", "difference", "symmetric-difference"))
        names = self.random.sample(("a.set", "b.set", "c.set"), self.random.randint(2, 3))
        second = f"rwsettool --{operation} {' '.join(names)} --output-path=d.set"
        return f"{first}\n{second}\nrwsetcat{self.random.choice((' --count-ips', ' --count-ips --print-statistics', ' --print-statistics'))} {' '.join(names)} d.set"

    def files_of_bags(self) -> str:
        before, after = self.source(0.7)
        first = f"{before}rwbag{after} --bag-file=sIPv4,flows,a.bag"
        second = f"rwbagtool a.bag --mincounter={self.random.randint(1, 5)} --output-path=b.bag"
        return f"{first}\n{second}\nrwbagcat {self.random.choice(('a.bag', 'b.bag'))} {self.random.choice(('--sort-counters', '--print-statistics', '--bin-ips'))}"


BY_NUMBER = {
    "1": "sip", "2": "dip", "3": "sport", "4": "dport", "5": "protocol", "8": "flags", "9": "stime", "10": "duration",
    "11": "etime", "12": "sensor", "20": "class", "21": "type", "26": "initialflags", "27": "sessionflags",
    "28": "attributes", "29": "application",
}  # fmt: skip
TOOLS = (
    "rwfilter",
    "rwuniq",
    "rwstats",
    "rwcount",
    "sets",
    "rwbag",
    "rwcut",
    "script",
    "overall",
    "files_of_sets",
    "files_of_bags",
)
"""What ``query`` makes."""


def query(tool: str, seed: int, files: Files) -> str:
    """One pipeline, the same for the same seed."""
    maker = Maker(random.Random(f"{tool} {seed}"), files)
    text: str = getattr(maker, tool)()
    return text


__all__ = ["MAPPED", "TOOLS", "Files", "Maker", "query"]
