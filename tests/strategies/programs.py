"""Random programs that parse: what the grammar allows, in any spacing, with comments anywhere.

``programs()`` draws whole files; ``program_text(random)`` makes one from any ``random.Random``, for loops of
thousands.  They are right in syntax alone: names stand for nothing, and types need not fit.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from random import Random

from hypothesis import strategies as st

NAMES = (
    *(
        "web",
        "reply",
        "x",
        "a_very_long_name_of_something_that_has_a_long_name",
        "S",
        "any",
        "host",
        "top2",
        "SA",
    ),
    *(
        "sip",
        "dip",
        "sport",
        "dport",
        "protocol",
        "bytes",
        "flows",
        "stime",
        "drop",
        "fill",
        "flows2",
        "x1",
        "by",
    ),
    *("with_ties", "expected", "limit", "monday", "utc", "previous_one", "is_file", "order_by"),
)
DOTTED = ("sei.ports", "web_client.hosts", "volume_in.dip", "a.set", "usual.median.of", "x.filter.in")
SEVERITIES = ("info", "notice", "warning", "error")
WORDS = ("plain", "more", "text about hosts", 'with \\"quotes\\"', "\\n", "é ü", "%", "#", "//", "'")

SLIPS = (
    "",
    "",
    "{",
    "}",
    "(",
    ")",
    "]",
    '"',
    '"""',
    "=",
    "==",
    "-",
    "é",
    "\0",
    "\u00a0",
    "'",
    ";",
    "//",
    "#",
    "@",
    ".",
)
SLIPS += (" filter ", " verdict ", " of ", " and ", "\n", "99999", "10.0.0.0/33", "5m", "}}}}", "x" * 300)


def programs(messy: bool = True) -> st.SearchStrategy[str]:
    """Files that parse without a finding; ``messy``: comments, blank lines and any spacing between tokens."""
    return st.randoms(use_true_random=False).map(lambda random: program_text(random, messy))


def program_text(random: Random, messy: bool = True) -> str:
    """One such file."""
    return _spaced(_Program(random).file(), random, messy)


def broken_programs() -> st.SearchStrategy[str]:
    """Files with a few mistakes: pieces cut out, marks and words put in where they do not belong."""
    return st.randoms(use_true_random=False).map(broken_text)


def broken_text(random: Random) -> str:
    """One such file."""
    text = program_text(random)
    for _ in range(random.randint(1, 4)):
        start = random.randint(0, len(text))
        end = min(len(text), start + random.randint(0, 8))
        text = text[:start] + random.choice(SLIPS) + text[end:]
    return text


def _spaced(words: Sequence[str], random: Random, messy: bool) -> str:
    """Tokens with white space and comments between them; ``\\n`` among them begins a line."""
    out: list[str] = []
    calm = not messy or random.random() < 0.3
    ends = ("\n", "\n\n", "\n\t", "\r\n", "\n\n\n\n", " # end\n", "\n## d\n")
    for n, word in enumerate(words):
        if word == "\n":
            on_one_line = words[n - 1] in {"}", ")"} and random.random() < 0.3
            out.append("\n" if calm else " " if on_one_line else random.choice(ends))
            continue
        out.append(word)
        roll = random.random()
        if calm or roll < 0.8:
            out.append(" ")
        elif roll < 0.86:
            out.append(random.choice(("\n", "\r\n", "\n\n", "\n\n\n", "\n\t", "   ", "\t")))
        elif roll < 0.93:
            out.append(
                random.choice(
                    ("# c\n", '  # a comment, with (brackets] "\n', "## about\n", "#\n", "#x # y  \n")
                )
            )
        else:
            out.append(
                random.choice(
                    ("\n# own\n", "\n\n    ## own\n", "\n# one\n# two\n\n# three\n", " # a\n   # b\n")
                )
            )
    text = "".join(out)
    return text if random.random() < 0.9 else text.rstrip("\n")


class _Program:
    """Makes tokens; every method gives those of one rule of the grammar."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.depth = 0

    # ---- chance ---------------------------------------------------------------------------------------

    def one(self, *makers: Callable[[], list[str]]) -> list[str]:
        """One of several; the first where it has gone deep."""
        if self.depth > 4:
            return makers[0]()
        self.depth += 1
        try:
            return self.random.choice(makers)()
        finally:
            self.depth -= 1

    def maybe(self, maker: Callable[[], list[str]], chance: float = 0.4) -> list[str]:
        return maker() if self.random.random() < chance else []

    def some(
        self, maker: Callable[[], list[str]], least: int = 1, most: int = 3, between: str | None = ","
    ) -> list[str]:
        out: list[str] = []
        most = most if self.random.random() < 0.93 else most * 8
        for n in range(self.random.randint(least, most)):
            if n and between is not None:
                out.append(between)
            out += maker()
        return out

    def pick(self, *texts: str) -> list[str]:
        return [self.random.choice(texts)]

    # ---- files ----------------------------------------------------------------------------------------

    def file(self) -> list[str]:
        out = self.maybe(self.ruleset, 0.6)
        for _ in range(self.random.randint(0, 8)):
            out += [*self.item(), "\n"]
        return out

    def item(self) -> list[str]:
        maker = self.random.choice(
            (
                *(
                    self.import_,
                    self.param,
                    self.ports,
                    self.nets,
                    self.schedule,
                    self.map,
                    self.filter,
                    self.filter,
                ),
                *(
                    self.set,
                    self.set,
                    self.table,
                    self.table,
                    self.profile,
                    self.profile,
                    self.anomaly,
                    self.check,
                ),
                *(self.test, self.tune),
            )
        )
        plain = maker in (self.import_, self.tune)
        return [*([] if plain else self.attributes()), *maker()]

    def ruleset(self) -> list[str]:
        def line() -> list[str]:
            return [
                *self.pick("version", "title", "tags", "license", "flows"),
                *self.some(self.metavalue),
                "\n",
            ]

        return [
            "ruleset",
            *self.pick("sei.web", "x", "a.set.b"),
            "{",
            *self.some(line, 0, 4, None),
            "}",
            "\n",
        ]

    def metavalue(self) -> list[str]:
        return self.pick('"1.0.0"', "clear", "profiling", "2026-01-31", self.string()[0])

    def import_(self) -> list[str]:
        def imported() -> list[str]:
            return [*self.name(), *self.maybe(lambda: ["as", *self.name()])]

        names = self.maybe(lambda: ["(", *self.some(imported), *self.maybe(lambda: [","]), ")"], 0.6)
        return [
            "import",
            *self.pick("sei.ports", "x", "a.b.c"),
            *names,
            *self.maybe(lambda: ["as", *self.name()]),
        ]

    def attributes(self) -> list[str]:
        def attribute() -> list[str]:
            return [
                "@",
                *self.pick("private", "review", "tags"),
                *self.maybe(lambda: ["(", *self.items(), ")"]),
                "\n",
            ]

        return self.maybe(lambda: self.some(attribute, 1, 2, None), 0.15)

    # ---- names and titles -----------------------------------------------------------------------------

    def name(self) -> list[str]:
        return [self.random.choice(NAMES)]

    def ref(self) -> list[str]:
        return [self.random.choice(NAMES if self.random.random() < 0.8 else DOTTED)]

    def string(self) -> list[str]:
        words = " ".join(self.random.choices(WORDS, k=self.random.randint(0, 6)))
        return ['"' + words + '"']

    def title(self) -> list[str]:
        return self.maybe(self.string, 0.3)

    def template(self) -> list[str]:
        holes = (
            "{services}",
            "{count(set_of)}",
            "{name(host)}",
            "{x.y[host, 22]}",
            "{verdict}",
            "\\{",
            "and",
        )
        text = " ".join(self.random.choices((*WORDS, *holes), k=self.random.randint(0, 8)))
        return [
            '"' + text + '"' if self.random.random() < 0.9 else '"""\n  ' + text.replace("\\n", "") + '\n"""'
        ]

    # ---- parameters and constants ---------------------------------------------------------------------

    def param(self) -> list[str]:
        def argument() -> list[str]:
            return [*self.maybe(lambda: [*self.name(), ":"]), *self.pick("address", "bytes", "port")]

        kind = self.one(
            lambda: self.pick("count", "percent", "ports", "nets", "schedule", "set", "time"),
            lambda: [*self.pick("map", "set", "table"), "(", *self.some(argument), ")"],
        )
        bounds = self.maybe(lambda: ["in", *self.literal(), "..", *self.literal()], 0.2)
        return [
            "param",
            *self.name(),
            *self.title(),
            ":",
            *kind,
            *self.maybe(lambda: ["=", *self.value()], 0.7),
            *bounds,
        ]

    def value(self) -> list[str]:
        return self.one(self.items, self.set_literal, self.hours, self.file_value)

    def file_value(self) -> list[str]:
        return ["file", '"zones.csv"']

    def ports(self) -> list[str]:
        return ["ports", *self.name(), *self.title(), "=", *self.items(), *self.maybe(self.exception, 0.2)]

    def nets(self) -> list[str]:
        return ["nets", *self.name(), *self.title(), "=", *self.items(), *self.maybe(self.exception, 0.2)]

    def exception(self) -> list[str]:
        return ["except", *self.one(self.list, self.set_literal)]

    def schedule(self) -> list[str]:
        return ["schedule", *self.name(), *self.title(), "=", *self.hours()]

    def hours(self) -> list[str]:
        def slot() -> list[str]:
            days = self.some(lambda: self.pick("mon", "mon-fri", "sat-sun", "sun"), 1, 2)
            return [*days, *self.pick("08:00", "22:00"), "-", *self.pick("18:00", "24:00", "06:00")]

        zone = self.maybe(lambda: self.pick("Europe/Berlin", "UTC", "America/Argentina/Salta"))
        closed = self.maybe(lambda: ["except", "(", "2026-12-25", *self.maybe(lambda: [","]), ")"], 0.2)
        return [*self.some(slot, 1, 2), *zone, *closed]

    def map(self) -> list[str]:
        def line() -> list[str]:
            return ['"dns"' if self.random.random() < 0.5 else self.string()[0], "=", *self.items(), "\n"]

        keys = self.some(lambda: self.pick("port", "protocol", "address"), 1, 2)
        return ["map", *self.name(), *self.title(), ":", *keys, "{", *self.some(line, 0, 3, None), "}"]

    # ---- predicates -----------------------------------------------------------------------------------

    def filter(self) -> list[str]:
        return ["filter", *self.name(), *self.title(), "=", *self.predicate()]

    def predicate(self) -> list[str]:
        return self.one(
            self.comparison,
            self.comparison,
            lambda: self.some(self.comparison, 2, 4, "and"),
            lambda: self.some(lambda: self.some(self.comparison, 1, 3, "and"), 2, 3, "or"),
            lambda: ["not", *self.comparison()],
        )

    def comparison(self) -> list[str]:
        return self.one(
            lambda: self.pick("outbound", "tcp", "talked", "sei.talked"),
            lambda: [*self.operand(), *self.comparator(), *self.operand()],
            lambda: [*self.operand(), *self.in_(), *self.collection()],
            lambda: [*self.tuple(), *self.in_(), *self.collection()],
            lambda: [
                *self.pick("flags", "initial_flags"),
                *self.pick("has", "lacks"),
                *self.pick("S", "SA", "RF", "SARF"),
            ],
            lambda: [*self.pick("flags", "session_flags"), "matches", *self.masks()],
            lambda: ["reverse", "of", *self.source()],
            lambda: ["protocol", *self.pick("=", "!=", "<"), *self.pick("6", "17", "41", "tcp")],
            lambda: [
                "protocol",
                *self.in_(),
                "(",
                *self.some(lambda: self.pick("6", "17", "41", "6-17")),
                ")",
            ],
            lambda: ["(", *self.predicate(), ")"],
        )

    def in_(self) -> list[str]:
        return ["not", "in"] if self.random.random() < 0.3 else ["in"]

    def comparator(self) -> list[str]:
        return self.pick("=", "!=", "<", "<=", ">", ">=")

    def tuple(self) -> list[str]:
        return ["(", *self.some(self.operand, 2, 3), ")"]

    def operand(self) -> list[str]:
        return self.one(self.ref, self.literal, self.call, self.lookup, self.masked)

    def call(self) -> list[str]:
        return [*self.ref(), "(", *self.some(self.argument, 0, 2), ")"]

    def argument(self) -> list[str]:
        return self.one(self.ref, self.predicate, self.tuple, self.literal)

    def lookup(self) -> list[str]:
        return [*self.one(self.ref, self.call), "[", *self.some(self.operand, 1, 2), "]"]

    def masked(self) -> list[str]:
        return [*self.pick("sip", "outside"), "/", *self.pick("24", "8"), *self.maybe(lambda: ["/", "64"])]

    def masks(self) -> list[str]:
        mask = ("S/SA", "S/SAFR", "/RF", "SA/SARF")
        return self.one(lambda: self.pick(*mask), lambda: ["(", *self.some(lambda: self.pick(*mask)), ")"])

    def source(self) -> list[str]:
        return self.one(self.ref, lambda: ["(", *self.predicate(), ")"])

    def where(self) -> list[str]:
        return self.maybe(lambda: ["where", *self.predicate()], 0.3)

    # ---- sets -----------------------------------------------------------------------------------------

    def set(self) -> list[str]:
        rest = [*self.maybe(self.exception, 0.2), *self.maybe(lambda: self.some(self.keep, 1, 2, None), 0.3)]
        return ["set", *self.name(), *self.title(), "=", *self.set_expression(), *rest]

    def set_expression(self) -> list[str]:
        def operation() -> list[str]:
            return [*self.set_atom(), *self.pick("|", "-", "^", "&"), *self.set_expression()]

        return self.one(self.set_atom, operation)

    def set_atom(self) -> list[str]:
        return self.one(
            self.ref,
            self.members,
            self.call,
            self.set_literal,
            self.file_value,
            lambda: ["(", *self.set_expression(), ")"],
        )

    def members(self) -> list[str]:
        keys = self.one(self.key, lambda: ["(", *self.some(self.key, 2, 3), ")"])
        return [*keys, "of", *self.source(), *self.where()]

    def key(self) -> list[str]:
        return self.one(self.ref, self.call, self.masked)

    def set_literal(self) -> list[str]:
        return ["{", *self.maybe(lambda: [*self.items(), *self.maybe(lambda: [","], 0.2)], 0.8), "}"]

    # ---- tables ---------------------------------------------------------------------------------------

    def table(self) -> list[str]:
        def column() -> list[str]:
            return [*self.measure(), *self.maybe(lambda: ["as", *self.name()])]

        return [
            *("table", *self.name(), *self.title(), *self.maybe(lambda: ["optional"], 0.2), "="),
            *(*self.some(column), "of", *self.source(), *self.where()),
            *self.maybe(self.per, 0.8),
            *self.maybe(lambda: ["fill"], 0.2),
            *self.maybe(lambda: self.some(self.keep, 1, 2, None)),
            *self.maybe(self.order, 0.3),
        ]

    def per(self) -> list[str]:
        return ["per", *self.some(lambda: [*self.key(), *self.maybe(lambda: ["as", *self.name()], 0.3)])]

    def keep(self) -> list[str]:
        n = self.pick("10", "2k", "limit")
        rank = [*self.pick("top", "bottom"), *n, *self.maybe(lambda: ["by", *self.measure()])]
        return self.one(
            lambda: ["keep", *self.condition()],
            lambda: ["keep", *rank, *self.maybe(lambda: ["with", "ties"])],
            lambda: ["keep", "cover", *self.pick("95%", "most")],
        )

    def order(self) -> list[str]:
        return [
            "order",
            "by",
            *self.some(lambda: [*self.measure(), *self.maybe(lambda: self.pick("asc", "desc"))]),
        ]

    def measure(self) -> list[str]:
        return self.one(self.ref, self.call)

    # ---- conditions -----------------------------------------------------------------------------------

    def condition(self) -> list[str]:
        return self.one(
            self.condition_comparison,
            self.condition_comparison,
            lambda: self.some(self.condition_comparison, 2, 4, "and"),
            lambda: self.some(lambda: self.some(self.condition_comparison, 1, 2, "and"), 2, 3, "or"),
            lambda: ["not", *self.condition_comparison()],
        )

    def condition_comparison(self) -> list[str]:
        return self.one(
            self.sum,
            lambda: [*self.sum(), *self.comparator(), *self.sum()],
            lambda: [*self.sum(), *self.in_(), *self.collection()],
        )

    def sum(self) -> list[str]:
        return self.one(self.atom, lambda: [*self.atom(), *self.pick("+", "-", "*", "/"), *self.atom()])

    def atom(self) -> list[str]:
        return self.one(
            self.measure,
            self.literal,
            lambda: [*self.measure(), "of", *self.source()],
            self.lookup,
            self.set_literal,
            lambda: ["verdict"],
            lambda: ["2", "of", "(", *self.some(self.condition, 1, 4), ")"],
            lambda: ["(", *self.condition(), ")"],
        )

    # ---- profiles, anomalies, checks ------------------------------------------------------------------

    def profile(self) -> list[str]:
        def line() -> list[str]:
            makers = (
                self.feature,
                self.feature,
                self.verdict,
                self.verdict,
                self.anomaly,
                self.entry,
                self.hosts,
            )
            maker = self.random.choice(makers)
            return [*([] if maker == self.hosts else self.attributes()), *maker(), "\n"]

        return ["profile", *self.name(), *self.title(), "{", *self.some(line, 0, 6, None), "}"]

    def hosts(self) -> list[str]:
        return ["hosts", *self.set_expression()]

    def feature(self) -> list[str]:
        body = self.one(
            self.condition, lambda: [*self.measure(), "of", *self.source(), *self.where(), *self.per()]
        )
        return ["feature", *self.name(), *self.title(), *self.maybe(lambda: ["optional"], 0.2), "=", *body]

    def verdict(self) -> list[str]:
        when = self.one(lambda: ["otherwise"], lambda: ["when", *self.condition()])
        return [
            "verdict",
            *self.name(),
            *self.title(),
            *self.maybe(lambda: ["drop"], 0.2),
            *when,
            *self.because(),
        ]

    def because(self) -> list[str]:
        return self.maybe(lambda: ["because", *self.template()])

    def anomaly(self) -> list[str]:
        within = self.maybe(lambda: ["in", *self.ref()])
        when = self.maybe(lambda: ["when", *self.condition()])
        return [
            "anomaly",
            *self.name(),
            *self.title(),
            ":",
            *self.pick(*SEVERITIES),
            *within,
            *when,
            *self.because(),
        ]

    def entry(self) -> list[str]:
        def column() -> list[str]:
            name = self.pick("internal", "external", "name", "comment", "protocol")
            return [*name, *self.cell(), *self.maybe(lambda: [":", *self.cell()]), "\n"]

        source = self.maybe(lambda: ["of", *self.source(), *self.where(), *self.per()], 0.7)
        when = self.maybe(lambda: ["when", *self.condition()])
        return ["entry", *source, *when, "{", *self.some(column, 0, 4, None), "}"]

    def cell(self) -> list[str]:
        return self.one(
            self.measure,
            lambda: [*self.measure(), "of", *self.source(), *self.where(), *self.per()],
            self.template,
            self.list,
            self.range,
            self.plain,
            lambda: ["verdict"],
        )

    def check(self) -> list[str]:
        severity = self.maybe(lambda: [":", *self.pick(*SEVERITIES)])
        return ["check", *self.name(), *self.title(), *severity, "=", *self.condition(), *self.because()]

    # ---- tests and overlays ---------------------------------------------------------------------------

    def test(self) -> list[str]:
        flows = '"""\n    sip | dip\n    192.0.2.1 | 10.0.0.1  \n    """'

        def line() -> list[str]:
            return [
                *self.one(
                    lambda: ["expect", *self.condition()],
                    lambda: ["param", *self.name(), "=", *self.value()],
                    lambda: ["flows", flows],
                    lambda: ["flows", *self.file_value()],
                    lambda: ["previous", *self.ref(), "=", *self.set_literal()],
                ),
                "\n",
            ]

        return ["test", *self.string(), "{", *self.some(line, 0, 5, None), "}"]

    def tune(self) -> list[str]:
        def line() -> list[str]:
            return [
                *self.one(
                    lambda: [
                        "disable",
                        *self.maybe(lambda: self.pick("verdict", "table", "check")),
                        *self.ref(),
                    ],
                    lambda: ["param", *self.ref(), "=", *self.value()],
                    lambda: ["set", *self.ref(), *self.exception()],
                    lambda: ["filter", *self.ref(), "except", *self.source()],
                    lambda: ["severity", *self.ref(), "=", *self.pick(*SEVERITIES)],
                ),
                *self.maybe(lambda: ["because", *self.string()]),
                *self.maybe(lambda: ["until", "2026-12-31"], 0.2),
                "\n",
            ]

        return ["tune", *self.pick("sei.web", "sei.web@^1.0", "x@2"), "{", *self.some(line, 0, 4, None), "}"]

    # ---- lists and literals ---------------------------------------------------------------------------

    def collection(self) -> list[str]:
        return self.one(self.ref, self.call, self.list, self.list, self.plain)

    def list(self) -> list[str]:
        return ["(", *self.items(), *self.maybe(lambda: [","], 0.2), ")"]

    def items(self) -> list[str]:
        return self.some(self.list_item)

    def list_item(self) -> list[str]:
        return self.one(
            self.plain,
            self.range,
            self.ref,
            self.string,
            lambda: ["in"],
            lambda: ["(", *self.items(), *self.maybe(lambda: [","], 0.2), ")"],
        )

    def literal(self) -> list[str]:
        return self.one(self.plain, self.string)

    def plain(self) -> list[str]:
        return [
            self.random.choice(
                (
                    *(
                        "0",
                        "443",
                        "0.95",
                        "5k",
                        "2M",
                        "120B",
                        "10kB",
                        "4KiB",
                        "1%",
                        "0.5%",
                        "250ms",
                        "5min",
                        "1.5h",
                        "7d",
                    ),
                    *(
                        "2026-01-31",
                        "2026-01-31T10:00Z",
                        "2009/09/01:13",
                        "10.1.x.x",
                        "10.2.3-9.x",
                        "2001:DB8::x:1",
                    ),
                    *(self.address(), self.address(), self.block(), "2001:DB8::1", "::", "::FFFF:192.0.2.1"),
                )
            )
        ]

    def address(self) -> str:
        return str(ipaddress.IPv4Address(self.random.getrandbits(32)))

    def block(self) -> str:
        length = self.random.randint(0, 32)
        return str(ipaddress.IPv4Network((self.random.getrandbits(32), length), strict=False))

    def range(self) -> list[str]:
        low, high = sorted((self.random.randrange(65536), self.random.randrange(65536)))
        return self.random.choice(
            (
                [str(low), "-", str(high)],
                [str(low), "-", str(high)],
                ["30s", "-", "2h"],
                ["1%", "-", "2.5%"],
                ["1kB", "-", "10MB"],
                ["10.0.0.1", "-", "10.0.0.9"],
                ["2001:db8::1", "-", "2001:DB8::ff"],
                ["2009/09/01:00", "..", "2009/09/01:23"],
            )
        )
