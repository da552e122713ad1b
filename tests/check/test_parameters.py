"""Values of parameters: defaults, the site's, the command line's, files; bounds, and what is not bound."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import attrs
import pytest

from flowrules.check.bindings import BinderError, Binding, Bindings
from flowrules.check.map_tables import MapConflict, MapRange, map_table
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import parse_address
from flowrules.model.map_table import MapTable
from flowrules.model.schedule import Schedule
from flowrules.model.types import Type
from tests.check.rules import messages, program, result


class Files:
    """Files by path, as the binder reads them; paths that were asked for are noted."""

    def __init__(self, **files: object) -> None:
        self.files = files
        self.asked: list[str] = []

    def _read(self, path: str) -> object:
        self.asked.append(path)
        name = path.rpartition("/")[2].partition(".")[0]
        if name not in self.files:
            raise BinderError(f"{path}: no such file")
        return self.files[name]

    def read_set(self, path: str) -> AddressSet:
        found = self._read(path)
        assert isinstance(found, AddressSet)
        return found

    def read_map(self, path: str, keys: tuple[str, ...], name: str) -> MapTable:
        labels = self._read(path)
        assert isinstance(labels, dict)
        ranges = [MapRange(a, a, label) for a, label in labels.items()]
        return map_table(name, ", ".join(keys), ranges)

    def read_table(self, path: str, columns: Sequence[tuple[str, Type]]) -> Sequence[Sequence[object]]:
        found = self._read(path)
        assert isinstance(found, list)
        return found

    def read_tuples(self, path: str, parts: Sequence[Type]) -> Sequence[Sequence[object]]:
        found = self._read(path)
        assert isinstance(found, list)
        return found


def value(declaration: str, given: str | None = None) -> object:
    name = declaration.split()[1]
    bound = {} if given is None else {name: given}
    return program(declaration, given=bound).parameters[f"rules:{name}"].value


ONE = parse_address("10.0.0.1")


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ("param p : count = 5k", 5000),
        ("param p : number = 0.1", Fraction(1, 10)),
        ("param p : number = 3", Fraction(3)),
        ("param p : bytes = 10MB", 10_000_000),
        ("param p : percent = 1%", Fraction(1, 100)),
        ("param p : duration = 10min", 600_000),
        ("param p : time = 2009/09/01:13", 1251810000000),
        ("param p : times = (2009/09/01:00 .. 2009/09/01:23)", ex.Ranges(((1251763200000, 1251849599999),))),
        ("param p : address = 10.0.0.1", ONE),
        ('param p : label = "S 0"', "S 0"),
        ("param p : label = S0", "S0"),
        ("param p : protocol = gre", 47),
        ("param p : nets = (10.0.0.0/31)", AddressSet.from_ranges([(ONE - 1, ONE)])),
        ("param p : nets = 10.0.0.1", AddressSet.from_ranges([(ONE, ONE)])),
        ("param p : ports = (80, 443-445)", ex.Ranges(((80, 80), (443, 445)))),
        ("param p : set = {10.0.0.1}", AddressSet.from_ranges([(ONE, ONE)])),
        ("param p : set = {}", AddressSet.from_ranges([])),
        ("param p : set(port) = {80, 443}", ex.Ranges(((80, 80), (443, 443)))),
        ('param p : set(label) = {S0, "S1"}', ex.Labels(frozenset(("S0", "S1")))),
        (
            "param p : set(address, port, protocol) = {(10.0.0.1, 80, tcp)}",
            ex.Tuples((((ONE, ONE), (80, 80), (6, 6)),)),
        ),
        ("param p : schedule = mon-fri 08:00-18:00 Europe/Berlin", None),
    ],
)
def test_defaults(declaration: str, expected: object) -> None:
    found = value(declaration)
    if expected is None:
        assert isinstance(found, Schedule)
        assert str(found) == "mon-fri 08:00-18:00 Europe/Berlin"
    else:
        assert found == expected
        assert type(found) is type(expected)


def test_a_default_may_be_another_constant() -> None:
    assert value("param p : ports = web\nports web = 80") == ex.Ranges(((80, 80),))
    assert value("param p : nets = lab\nnets lab = 10.0.0.1") == AddressSet.from_ranges([(ONE, ONE)])
    assert value("param p : count = q\nparam q : count = 7") == 7


@pytest.mark.parametrize(
    ("type_", "given", "expected"),
    [
        ("percent", "0.5%", Fraction(1, 200)),
        ("nets", "10.0.0.1, 10.0.0.0", AddressSet.from_ranges([(ONE - 1, ONE)])),
        ("nets", "(10.0.0.1)", AddressSet.from_ranges([(ONE, ONE)])),
        ("set", "10.0.0.1", AddressSet.from_ranges([(ONE, ONE)])),
        ("set", "{10.0.0.1}", AddressSet.from_ranges([(ONE, ONE)])),
        ("ports", "80, 443", ex.Ranges(((80, 80), (443, 443)))),
        ("label", "my sensor", "my sensor"),
        ("label", '"my sensor"', "my sensor"),
        ("times", "2009/09/01", ex.Ranges(((1251763200000, 1251849599999),))),
        ("duration", "2h", 7_200_000),
    ],
)
def test_values_given_from_outside_may_leave_brackets_out(type_: str, given: str, expected: object) -> None:
    assert value(f"param p : {type_}", given) == expected


def test_the_command_line_goes_before_the_site_and_a_full_name_before_a_bare_one() -> None:
    rules = "param p : count = 1"
    assert program(rules, site={"p": "2"}).parameters["rules:p"].value == 2
    assert program(rules, site={"p": "2", "rules.p": "3"}).parameters["rules:p"].value == 3
    found = program(rules, site={"rules.p": "3"}, given={"p": "4"}).parameters["rules:p"]
    assert (found.value, found.origin) == (4, "command line")
    assert program(rules).parameters["rules:p"].origin == "default"


def test_a_bound_value_stands_where_the_parameter_is_named() -> None:
    p = program("param least : count = 4\nfilter f = packets >= least", given={"least": "9"})
    assert p.filters["rules:f"].predicate == ex.Compare(
        type=t.TRUTH,
        op=">=",
        left=ex.Field(type=t.COUNT, name="packets"),
        right=ex.Literal(type=t.COUNT, value=9),
    )


@pytest.mark.parametrize(
    ("rules", "given", "said"),
    [
        (
            "param p : percent = 1% in 0.1% .. 20%",
            {"p": "30%"},
            "--set p: p goes from 0.1% to 20%, and 30% lies outside",
        ),
        ("param p : percent = 1%", {"p": "1"}, "--set p: p is a percent, and 1 is a plain number"),
        ("param p : count", {"p": "x"}, "--set p: p is a count, and x is not: nothing is called x"),
        ("param p : count", {"p": ""}, "--set p: p is a count, and nothing is not: "),
        (
            "param p : schedule",
            {"p": "always"},
            "--set p: p is a schedule, and always is not: nothing is called always",
        ),
        ("param p : nets", {"p": "10.0.0.1/8"}, "--set p: p is a list of networks, and 10.0.0.1/8 is not: "),
        ("param p : count", {"q": "5"}, "--set q: no parameter is called q"),
        ("param p : count", {"other.p": "5"}, "--set other.p: no parameter is called other.p"),
        ("param p : map(address)", {"p": 'file "none.csv"'}, "--set p: ./none.csv: no such file"),
    ],
)
def test_values_that_do_not_fit(rules: str, given: dict[str, str], said: str) -> None:
    found = result(rules, given=given, binder=Files())
    assert found.program is None
    assert found.diagnostics[0].message.startswith(said.replace("./", "")), found.diagnostics


def test_a_site_value_is_reported_where_the_site_says_it() -> None:
    from flowrules.model.source_text import SourceText, Span

    span = Span(SourceText("site.yaml", "a: b\nc: def\n"), 8, 11)
    bindings = Bindings(parameters={"rules.p": Binding("30%", "site", "site.yaml:2", ".", span)})
    found = result("param p : percent = 1% in 0.1% .. 20%", bindings=bindings).diagnostics[0]
    assert (found.code, found.span) == ("FR602", span)
    assert found.message == "p goes from 0.1% to 20%, and 30% lies outside"


def test_a_bare_name_on_the_command_line_must_fit_one_parameter() -> None:
    other = 'ruleset a.b { version "1.0.0" }\nparam p : count = 1\nfilter f = packets > p'
    rules = "import a.b (f)\nparam p : count = 1\nset s = sip of f"
    found = result(rules, {"a.b": other}, given={"p": "5"}).diagnostics
    assert [(d.code, d.message) for d in found] == [
        ("FR603", "--set p: p is a parameter of a.b and of rules")
    ]
    assert result(rules, {"a.b": other}, given={"a.b.p": "5"}).program is not None
    assert result(rules, {"a.b": other}, site={"p": "5"}).program is not None


def test_the_site_may_name_what_is_not_loaded_but_not_what_a_loaded_ruleset_lacks() -> None:
    assert messages("param p : count = 1", site={"sei.else.q": "5", "q": "6"}) == []
    found = result("param least : count = 1", site={"rules.lest": "5"}).diagnostics[0]
    assert (found.code, found.hint) == ("FR603", "did you mean least?")


# ---- not bound -----------------------------------------------------------------------------------------

UNBOUND = """
param office : schedule
param mine : set
param since : time
param zone : map(address)
param usual : table(host: address, bytes: bytes)
filter late = stime not in office and sip in mine and stime >= since and zone(sip) = "dmz"
table t = sum(bytes) of late per sip keep bytes > usual.bytes[sip]
"""


def test_what_is_not_bound_is_unknown_when_checking() -> None:
    p = program(UNBOUND)
    late = p.filters["rules:late"].predicate
    assert isinstance(late, ex.And)
    assert late.items[0] == ex.Not(type=t.TRUTH, of=ex.Literal(type=t.TRUTH, value=None))
    assert late.items[1] == ex.Literal(type=t.TRUTH, value=None)
    assert p.parameters["rules:office"].value is None
    assert len(p.maps["rules:zone"].labels) == 0


def test_what_is_not_bound_is_an_error_when_running() -> None:
    found = result(UNBOUND, mode="run")
    assert found.program is None
    assert [d.code for d in found.diagnostics] == ["FR601"] * 5
    assert (
        found.diagnostics[0].message == "the parameter office of rules has no value: the site says what it is"
    )
    assert found.diagnostics[0].hint == (
        "in site.yaml: schedules: {office: 'mon-fri 08:00-18:00 Europe/Berlin'}, "
        "or --set 'rules.office=mon-fri 08:00-18:00 Europe/Berlin'"
    )


def test_parameters_of_an_import_are_asked_for_only_where_they_are_needed() -> None:
    other = 'ruleset a.b { version "1.0.0" }\nparam must : count\nfilter web = dport = 80\nfilter big = packets > must'
    assert messages("import a.b (web)\nset s = sip of web", {"a.b": other}, mode="run") == []
    found = messages("import a.b (big)\nset s = sip of big", {"a.b": other}, mode="run")
    assert found == ["the parameter must of a.b has no value: the site says what it is"]


def test_country_and_asn_need_a_map_when_running() -> None:
    rules = 'filter f = country(dip) not in ("US") and asn(dip) != 64496 and known(name(sip))'
    assert messages(rules) == []
    assert messages(rules, mode="run") == [
        "country is asked for, and the site binds no map of that name",
        "asn is asked for, and the site binds no map of that name",
    ]
    country = map_table("country", "address", [MapRange(ONE, ONE, "US")])
    bindings = Bindings(maps={"country": country, "asn": attrs.evolve(country, name="asn", labels=(64496,))})
    found = program(rules, mode="run", bindings=bindings)
    assert found.maps["country"] is country
    assert set(found.maps) == {"country", "asn", "name"}


def test_names_of_the_site_are_a_map() -> None:
    found = program('filter f = name(sip) = "a"', bindings=Bindings(names={ONE: "a", ONE + 5: "b"}))
    assert found.maps["name"].labels == ("a", "b")
    assert found.names == {ONE: "a", ONE + 5: "b"}


def test_a_schedule_without_a_zone_is_in_that_of_the_site() -> None:
    rules = "schedule work = mon-fri 08:00-18:00 except (2026-12-24 .. 2026-12-26)\nfilter f = stime in work"
    found = program(rules, bindings=Bindings(zone="Europe/Berlin")).filters["rules:f"].predicate
    assert isinstance(found, ex.In)
    assert isinstance(found.collection, ex.InSchedule)
    assert str(found.collection.schedule) == (
        "mon-fri 08:00-18:00 Europe/Berlin except (2026-12-24, 2026-12-25, 2026-12-26)"
    )


# ---- files ---------------------------------------------------------------------------------------------


def test_files_lie_beside_what_names_them() -> None:
    files = Files(mx=AddressSet.from_ranges([(ONE, ONE)]), zones={ONE: "dmz"})
    rules = 'param mx : set = file "lists/mx.set"\nparam zone : map(address)\nfilter f = sip in mx and zone(sip) = "dmz"'
    found = program(rules, site={"zone": 'file "zones.csv"'}, binder=files)
    assert files.asked == ["lists/mx.set", "/site/zones.csv"]
    assert found.parameters["rules:mx"].value == AddressSet.from_ranges([(ONE, ONE)])
    assert found.maps["rules:zone"].labels == ("dmz",)


def test_a_table_and_tuples_from_a_file() -> None:
    files = Files(usual=[(ONE, 80, 1000)], known=[(ONE, 443), (ONE, 443)])
    rules = (
        'param usual : table(host: address, port: port, bytes: bytes) = file "usual.csv"\n'
        'param known_services : set(address, port) = file "known.csv"\n'
        "table t = sum(bytes) of (sip, sport) in known_services per sip, sport keep bytes > usual.bytes[sip, sport]"
    ).replace("of (sip, sport) in known_services", "of ((sip, sport) in known_services)")
    found = program(rules, binder=files)
    assert found.bound_tables["rules:usual"] == {(ONE, 80): {"bytes": 1000}}
    source = found.tables["rules:t"].source.predicate
    assert isinstance(source, ex.In)
    assert source.collection == ex.Tuples((((ONE, ONE), (443, 443)),))


def test_a_default_file_that_is_not_there_is_a_warning_until_the_rules_run() -> None:
    rules = 'param mx : set = file "mx.set"\nset s = sip of (sip in mx)'
    found = result(rules, binder=Files())
    assert [(d.code, d.severity) for d in found.diagnostics] == [("FR604", "warning")]
    assert found.program is not None
    found = result(rules, binder=Files(), mode="run")
    assert [(d.code, d.severity) for d in found.diagnostics] == [("FR604", "error")]
    assert messages(rules, binder=Files(), mode="run", given={"mx": "10.0.0.1"}) == []


def test_a_site_s_own_rules_may_name_a_file() -> None:
    files = Files(hosts=AddressSet.from_ranges([(ONE, ONE)]))
    found = program('set s = sip of all & file "hosts.set"', binder=files).sets["rules:s"].set
    assert isinstance(found, ex.SetAlgebra)
    assert found.right == ex.SetLiteral(parts=(t.ADDRESS,), addresses=AddressSet.from_ranges([(ONE, ONE)]))


# ---- maps ----------------------------------------------------------------------------------------------


def flat(table: MapTable) -> list[tuple[int, int, object]]:
    return [
        (int(a), int(b), table.labels[i])
        for a, b, i in zip(table.starts.tolist(), table.ends.tolist(), table.index.tolist(), strict=True)
    ]


def test_the_narrower_range_of_a_map_wins() -> None:
    ranges = [
        MapRange(0, 100, "a"),
        MapRange(10, 20, "b"),
        MapRange(15, 15, "c"),
        MapRange(21, 30, "a"),
        MapRange(200, 210, "b"),
    ]
    assert flat(map_table("m", "port", ranges)) == [
        *((0, 9, "a"), (10, 14, "b"), (15, 15, "c"), (16, 20, "b"), (21, 100, "a"), (200, 210, "b")),
    ]


def test_ranges_of_a_map_lie_within_each_other_or_apart() -> None:
    with pytest.raises(MapConflict):
        map_table("m", "port", [MapRange(0, 10, "a"), MapRange(5, 15, "b")])
    with pytest.raises(MapConflict):
        map_table("m", "port", [MapRange(0, 10, "a"), MapRange(0, 10, "b")])
    assert flat(map_table("m", "port", [MapRange(0, 10, "a"), MapRange(5, 15, "a")])) == [(0, 15, "a")]


def test_a_map_of_port_and_protocol() -> None:
    found = program(
        'map m : port, protocol { "dns" = (53, udp), (53, tcp) "web" = (80-81, tcp) }\nfilter f = m(dport, protocol) = "dns"'
    )
    assert flat(found.maps["rules:m"]) == [
        *(
            (6 << 16 | 53, 6 << 16 | 53, "dns"),
            (6 << 16 | 80, 6 << 16 | 81, "web"),
            (17 << 16 | 53, 17 << 16 | 53, "dns"),
        ),
    ]


BLOCK = "param x : block = 10.2.0.0/16\n"


@pytest.mark.parametrize(
    ("alone", "listed"),
    [
        ("sip in x", "sip in (10.2.0.0/16)"),
        ("sip not in x", "sip not in (x)"),
        ("aip in x", "aip in (x)"),
        ("sip/24 in x", "sip/24 in (x)"),
        ("sip/24/48 not in x", "sip/24/48 not in (10.2.0.0/16)"),
    ],
)
def test_a_block_holds_addresses_and_narrower_blocks(alone: str, listed: str) -> None:
    predicates = [program(f"{BLOCK}filter f = {p}").filters["rules:f"].predicate for p in (alone, listed)]
    assert predicates[0] == predicates[1]


def test_a_block_is_a_set_of_addresses() -> None:
    made = program(f"{BLOCK}set s = sip of all - x\nset y = sip of all - {{10.2.0.0/16}}")
    assert made.sets["rules:s"].set == made.sets["rules:y"].set
    assert "rules:t" in program(f"{BLOCK}table t = flows of all per sip keep sip in x").tables


def test_a_block_that_is_not_bound_stays_open() -> None:
    assert not messages("param x : block\nfilter f = sip in x and sip/24 in x\nset s = sip of f - x")


def test_addresses_do_not_meet_blocks_of_their_own_kind() -> None:
    hints = [
        d.hint
        for d in result(
            "param b : set(block) = {10.0.0.0/24}\nfilter f = sip in b\nfilter g = sip/24 in (b)"
        ).diagnostics
    ]
    assert hints == [
        "write sip/24 in b, with the length that its blocks have",
        "a set stands alone: sip/24 in b",
    ]
