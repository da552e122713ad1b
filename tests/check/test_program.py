"""What sound rules become: the program that the engine reads."""

from __future__ import annotations

from fractions import Fraction

import pytest

from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.expression_text import expression_text
from flowrules.model.reversal import reverse
from tests.check.rules import messages, program, result


def predicate(text: str, before: str = "") -> ex.Expression:
    return program(f"{before}\nfilter f = {text}").filters["rules:f"].predicate


def said(text: str, before: str = "") -> str:
    return expression_text(predicate(text, before))


def address(text: str) -> int:
    parts = [int(p) for p in text.split(".")]
    return (0xFFFF << 32) + (parts[0] << 24 | parts[1] << 16 | parts[2] << 8 | parts[3])


# ---- predicates ----------------------------------------------------------------------------------------


def test_protocol_words_are_comparisons_and_directions_are_nodes() -> None:
    assert predicate("outbound and tcp") == ex.And(
        type=t.TRUTH,
        items=(
            ex.Direction(type=t.TRUTH, name="outbound"),
            ex.Compare(
                type=t.TRUTH,
                op="=",
                left=ex.Field(type=t.PROTOCOL, name="protocol"),
                right=ex.Literal(type=t.PROTOCOL, value=6),
            ),
        ),
    )


def test_equal_predicates_are_equal_nodes_wherever_they_stand() -> None:
    p = program("filter a = tcp and dport = 80\n\n\nfilter b = tcp  and   dport=80")
    assert p.filters["rules:a"].predicate == p.filters["rules:b"].predicate


def test_a_literal_on_the_left_changes_sides() -> None:
    assert said("4 <= packets") == "packets >= 4"


def test_either_end_is_one_of_both_and_neither_is_not_either() -> None:
    assert said("aip in 10.0.0.0/8") == said("sip in 10.0.0.0/8 or dip in 10.0.0.0/8")
    assert predicate("aip not in 10.0.0.0/8") == ex.Not(type=t.TRUTH, of=predicate("aip in 10.0.0.0/8"))
    assert said("aport = 53") == "sport = 53 or dport = 53"


def test_flags() -> None:
    assert predicate("flags has SA") == ex.FlagTest(type=t.TRUTH, name="flags", pairs=((0x12, 0x12),))
    assert predicate("flags lacks RF") == ex.FlagTest(type=t.TRUTH, name="flags", pairs=((0, 0x05),))
    assert predicate("flags matches (S/SA, A/SA)") == ex.FlagTest(
        type=t.TRUTH, name="flags", pairs=((0x02, 0x12), (0x10, 0x12))
    )


def collection(text: str, before: str = "") -> ex.Collection:
    found = predicate(text, before)
    assert isinstance(found, ex.In)
    return found.collection


def test_lists_are_sorted_disjoint_ranges_and_named_lists_nest() -> None:
    before = "ports web = 80, 443\nports more = web, 79, 8000-8080 except (8001)"
    assert collection("dport in more", before) == ex.Ranges(
        ((79, 80), (443, 443), (8000, 8000), (8002, 8080))
    )
    assert collection("dport in (443, web, 81)", before) == ex.Ranges(((80, 81), (443, 443)))


def test_networks_except() -> None:
    found = collection("sip in lab", "nets lab = 10.0.0.0/30 except (10.0.0.1)")
    assert isinstance(found, ex.Addresses)
    assert list(found.set.ranges()) == [
        (address("10.0.0.0"), address("10.0.0.0")),
        (address("10.0.0.2"), address("10.0.0.3")),
    ]


def test_a_wide_pattern_is_matched_not_listed() -> None:
    found = predicate("sip in (10.0.0.1, x.x.x.1)")
    assert isinstance(found, ex.Or)
    kinds = [type(i.collection) for i in found.items if isinstance(i, ex.In)]
    assert kinds == [ex.Addresses, ex.Wildcards]


def test_a_time_range_covers_the_whole_unit_of_its_end() -> None:
    day = 86_400_000
    start = 1251763200000  # 2009-09-01
    assert collection("stime in (2009/09/01 .. 2009/09/02)") == ex.Ranges(((start, start + 2 * day - 1),))
    assert collection("stime in (2009/09/01:13)") == ex.Ranges(
        ((start + 13 * 3_600_000, start + 14 * 3_600_000 - 1),)
    )


def test_a_tuple_of_names_ports_and_protocols() -> None:
    assert collection(
        "(dport, protocol) in ((53, udp), (80-81, tcp), (web, tcp))", "ports web = 80, 443"
    ) == ex.Tuples((((53, 53), (17, 17)), ((80, 81), (6, 6)), ((80, 80), (6, 6)), ((443, 443), (6, 6))))


def test_sizes_and_fractions() -> None:
    assert said("bytes >= 10kB") == "bytes >= 10kB"
    assert collection("bytes_per_packet in (64-100.5)") == ex.Numbers(((Fraction(64), Fraction(201, 2)),))


def test_bare_labels_and_the_word_in() -> None:
    assert collection("type in (in, inweb)") == ex.Labels(frozenset(("in", "inweb")))
    assert collection('sensor in ("SEN-1", S0)') == ex.Labels(frozenset(("SEN-1", "S0")))
    assert said("class = all") == "class = all"


def test_a_block_lies_in_networks() -> None:
    found = predicate("sip/24 in 10.0.0.0/8")
    assert isinstance(found, ex.In)
    assert found.items == (ex.Mask(type=t.BLOCK, of=ex.Field(type=t.ADDRESS, name="sip"), v4=24, v6=64),)
    assert isinstance(found.collection, ex.Blocks)


def test_weekdays_have_names() -> None:
    assert collection("weekday(stime) in (sat, sun)") == ex.Ranges(((5, 6),))


def test_lookup_of_a_table_in_a_predicate() -> None:
    p = program("table t = sum(bytes) of all per sip\nfilter f = bytes > t.bytes[sip]")
    compare = p.filters["rules:f"].predicate
    assert isinstance(compare, ex.Compare)
    assert compare.right == ex.Lookup(
        type=t.BYTES, owner="rules:t", column="bytes", keys=(ex.Field(type=t.ADDRESS, name="sip"),)
    )


# ---- reverse and direction -----------------------------------------------------------------------------


def test_reverse_of_a_named_filter_keeps_its_name() -> None:
    p = program("filter request = outbound and dport = 80\nfilter reply = reverse of request")
    reply = p.filters["rules:reply"]
    assert reply.predicate == ex.FilterRef(type=t.TRUTH, name="rules:request", reversed=True)
    assert (p.filters["rules:request"].direction, reply.direction) == ("outbound", "inbound")
    assert expression_text(reverse(p.filters["rules:request"].predicate)) == "inbound and sport = 80"


@pytest.mark.parametrize(
    ("text", "reversed_"),
    [
        ("sip in 10.0.0.0/8 and dport = 80", "dip in 10.0.0.0/8 and sport = 80"),
        ("type in (in, inweb, int2int)", "type in (out, outweb, int2int)"),
        ('type = "in"', "type = out"),
        ("inside in 10.0.0.0/8", "inside in 10.0.0.0/8"),
        ("input = 1 and not output = 2", "output = 1 and not input = 2"),
        ("(sip, sport) in ((10.0.0.1, 80))", "(dip, dport) in ((10.0.0.1, 80))"),
        ("internal or blocked", "internal or blocked"),
        ("flags has S and bytes > 5B", "flags has S and bytes > 5B"),
        ("sip/24 = dip/24", "dip/24 = sip/24"),
    ],
)
def test_reverse_exchanges_ends(text: str, reversed_: str) -> None:
    assert predicate(f"reverse of ({text})") == predicate(reversed_)
    assert predicate(f"reverse of (reverse of ({text}))") == predicate(text)


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        ("outbound and tcp", "outbound"),
        ("outbound and tcp or outbound and udp", "outbound"),
        ("outbound or inbound", None),
        ("not outbound", None),
        ("type in (in, inweb)", "inbound"),
        ("type = outnull", "outbound"),
        ("type in (in, out)", None),
        ("outbound and inbound", None),
        ("reverse of (outbound and tcp)", "inbound"),
        ("internal", None),
    ],
)
def test_proved_direction(text: str, direction: str | None) -> None:
    assert program(f"filter f = {text}").filters["rules:f"].direction == direction
    assert program(f"table t = flows of ({text})").tables["rules:t"].source.direction == direction


# ---- sets and tables -----------------------------------------------------------------------------------


def test_a_set_names_its_positions_and_they_are_sets() -> None:
    p = program("set s = (sip, dport) of outbound keep flows >= 10\nset a = s.sip\nset n = s.dport")
    s = p.sets["rules:s"]
    assert (s.names, s.parts) == (("sip", "dport"), (t.ADDRESS, t.PORT))
    assert p.sets["rules:a"].set == ex.KeyColumn(parts=(t.ADDRESS,), owner="rules:s", index=0, of_table=False)
    assert p.sets["rules:n"].set == ex.KeyColumn(parts=(t.PORT,), owner="rules:s", index=1, of_table=False)


def test_a_literal_takes_the_type_that_it_meets() -> None:
    p = program("set ports_seen = sport of outbound | {80, 443}\nset none = (sip, dip) of all - {}")
    algebra = p.sets["rules:ports_seen"].set
    assert isinstance(algebra, ex.SetAlgebra)
    assert algebra.right == ex.SetLiteral(parts=(t.PORT,), rows=(((80, 80),), ((443, 443),)))
    nothing = p.sets["rules:none"].set
    assert isinstance(nothing, ex.SetAlgebra)
    assert nothing.right.parts == (t.ADDRESS, t.ADDRESS)


def test_except_takes_members_away() -> None:
    found = program("set s = sip of outbound except { 10.0.0.1, }").sets["rules:s"].set
    assert isinstance(found, ex.SetAlgebra)
    assert found.op == "-"


def test_default_names_of_columns() -> None:
    text = (
        "table t = flows, sum(bytes), max(duration), distinct(bin(stime, 1h)), quantile(sport, 50%), fraction(dport = 443),"
        " first, distinct(kind(dport)) of all per sip, bin(stime, 1h), kind(dport), hour(etime), weekday(stime, work)\n"
        'map kind : port { "web" = 80 }\nschedule work = mon 08:00-09:00'
    )
    table = program(text).tables["rules:t"]
    assert [c.name for c in table.columns] == [
        *("flows", "bytes", "max_duration", "distinct_stime", "quantile_sport", "fraction_dport"),
        *("first", "distinct_kind_dport"),
    ]
    assert [k.name for k in table.keys] == ["sip", "stime", "kind_dport", "hour", "weekday"]


def test_types_of_measures() -> None:
    columns = (
        "flows, sum(packets), sum(bytes), mean(packets) as a, mean(bytes) as b, deviation(gap) as c, min(sport) as d,"
        " quantile(duration, 95%) as e, first, share(bytes) as f, entropy(bytes) as g, values(dport) as h, active(1h) as i,"
        " sequential(sport) as j, port_style(sport) as k, answered(sport) as l, fraction(tcp) as m, relative(flows) as n"
    )
    table = program(f"table t = {columns} of all per sip").tables["rules:t"]
    assert [str(c.measure.type) for c in table.columns] == [
        *("count", "count", "bytes", "number", "bytes", "duration", "port", "duration", "time", "percent"),
        *("number", "list(port)", "duration", "percent", "label", "count", "percent", "number"),
    ]


def keep(text: str) -> ex.Expression:
    step = program(f"table t = {text}").tables["rules:t"].keeps[0]
    assert isinstance(step, ex.Keep)
    return step.condition


def test_a_measure_that_is_a_column_is_that_column() -> None:
    left = keep("flows, distinct(dip) as targets of all per sip keep distinct(dip) >= 3")
    assert isinstance(left, ex.Compare)
    assert left.left == ex.Column(type=t.COUNT, name="targets")
    other = keep("flows of all per sip keep sum(bytes) >= 3")
    assert isinstance(other, ex.Compare)
    assert isinstance(other.left, ex.Measure)


def test_share_is_of_the_first_measure() -> None:
    found = keep("sum(bytes), flows of all per sip keep share >= 1%")
    assert isinstance(found, ex.Compare)
    assert found.left == ex.Measure(
        type=t.PERCENT,
        name="share",
        args=(ex.Measure(type=t.BYTES, name="sum", args=(ex.Field(type=t.BYTES, name="bytes"),)),),
    )
    assert found.right == ex.Literal(type=t.PERCENT, value=Fraction(1, 100))


def test_limits_as_rwstats_rounds_them() -> None:
    found = keep("sum(bytes) of all per sip keep bytes >= unit_share(1%)")
    assert isinstance(found, ex.Compare)
    assert found.right == ex.ShareLimit(type=t.BYTES, percent=Fraction(1, 100))


def test_ranks_covers_and_order() -> None:
    table = program(
        "param n : count = 5\n"
        "table t = flows, distinct(dip) as peers of all per sip, dport keep top n by peers with ties keep cover 95% keep bottom 2"
        " order by sip, flows desc, distinct(dip)"
    ).tables["rules:t"]
    assert table.keeps == (
        ex.KeepRank(bottom=False, n=5, by=ex.Column(type=t.COUNT, name="peers"), ties=True),
        ex.KeepCover(Fraction(95, 100)),
        ex.KeepRank(bottom=True, n=2),
    )
    assert [(expression_text(o.by), o.descending) for o in table.order] == [
        ("sip", False),
        ("flows", True),
        ("peers", False),
    ]


def test_spread_over_bins() -> None:
    table = program("table t = flows of all per spread(1h, time, 2009/02/12, 2009/02/13) as bin fill").tables[
        "rules:t"
    ]
    start = 1234396800000
    assert table.keys == (
        ex.Key(
            "bin", ex.Spread(type=t.TIME, width=3_600_000, scheme="time", start=start, end=start + 86_400_000)
        ),
    )
    assert table.fill == "bin"


def test_a_table_of_a_table_has_columns_for_fields() -> None:
    p = program(
        "table hourly = flows, sum(bytes) of outbound per sip, bin(stime, 1h) as hour\n"
        "table usual = quantile(flows, 50%) as median, rows as hours of hourly where flows > 5 per sip, sip/24 as net\n"
        "set hosts_seen = sip of hourly where bytes > 1kB\n"
        "profile p { hosts hosts_seen feature m = usual.median[host, 10.0.0.0/24] }"
    )
    usual = p.tables["rules:usual"]
    assert usual.source.table == "rules:hourly"
    assert usual.source.direction is None
    assert expression_text(usual.source.predicate) == "flows > 5"
    assert usual.columns[0].measure.args[0] == ex.Column(type=t.COUNT, name="flows")
    assert usual.columns[0].measure.type == t.COUNT


def test_sides_follow_keys_through_tables_and_algebra() -> None:
    rules = (
        "filter out_web = outbound and dport = 80\ntable volume = sum(bytes) of out_web per sip, dip\n"
        "table again = rows of volume per dip\nprofile p {{ hosts {hosts} feature f = flows of inbound per {key} }}"
    )
    assert messages(rules.format(hosts="volume.sip", key="dip")) == []
    assert messages(rules.format(hosts="volume.sip", key="sip")) != []
    assert messages(rules.format(hosts="again.dip", key="sip")) == []
    assert messages(rules.format(hosts="again.dip", key="dip")) != []
    assert messages(rules.format(hosts="volume.sip | volume.dip", key="dip")) == []
    assert messages(rules.format(hosts="inside of all", key="sip")) != []
    assert messages(rules.format(hosts="sip of all", key="sip")) == []


# ---- profiles ------------------------------------------------------------------------------------------

PROFILE = """
set servers = sip of outbound
table t = sum(bytes) of outbound per sip
profile p "Title" {
    hosts servers
    ## Text of a feature.
    feature part "Share" = share(bytes) of outbound where dport = 443 per sip
    feature late = early + 1
    feature early = flows of outbound per sip
    feature ratio = up / early
    feature up = t.bytes[host]
    feature listed = host in servers
    verdict busy drop when part >= 50% and listed because "{part} of the bytes, \\{x} {count(servers)}"
    verdict idle otherwise
    anomaly odd : notice when verdict in (busy, unclassified) and late > 3
    entry of outbound per sip, protocol when verdict != busy {
        internal host : values(dport)
        external any : (80, 443, web)
        protocol 6
        name "{name(host)}"
        comment part
    }
    entry { internal host external values(dip) of outbound per sip }
}
ports web = 8000-8001
"""


def test_a_profile() -> None:
    p = program(PROFILE).profiles["rules:p"]
    assert [f.short for f in p.features] == ["part", "late", "early", "ratio", "up", "listed"]
    assert [str(f.type) for f in p.features] == ["percent", "count", "count", "bytes", "bytes", "truth"]
    assert (p.title, p.features[0].title, p.features[0].text) == ("Title", "Share", "Text of a feature.")
    source = p.features[0].source
    assert source is not None
    assert expression_text(source.predicate) == "outbound and dport = 443"
    assert source.direction == "outbound"
    assert [(v.short, v.drop, v.condition is None) for v in p.verdicts] == [
        ("busy", True, False),
        ("idle", False, True),
    ]
    because = p.verdicts[0].because
    assert because is not None
    assert because.parts == (
        ex.Feature(type=t.PERCENT, name="part"),
        " of the bytes, {x} ",
        ex.CountOf(type=t.COUNT, set=ex.SetNamed(parts=(t.ADDRESS,), name="rules:servers")),
    )
    condition = p.anomalies[0].condition
    assert isinstance(condition, ex.And)
    assert condition.items[0] == ex.In(
        type=t.TRUTH,
        items=(ex.Verdict(type=t.LABEL),),
        collection=ex.Labels(frozenset(("busy", "unclassified"))),
    )


def test_entries() -> None:
    first, second = program(PROFILE).profiles["rules:p"].entries
    cells = {c.name: c for c in first.columns}
    assert [k.name for k in first.keys] == ["sip", "protocol"]
    assert cells["internal"].cell.kind == "host"
    ports = cells["internal"].ports
    assert ports is not None
    assert (ports.kind, ports.expression) == (
        "measure",
        ex.Measure(type=t.list_of(t.PORT), name="values", args=(ex.Field(type=t.PORT, name="dport"),)),
    )
    external = cells["external"].ports
    assert external is not None
    assert (external.kind, external.values) == ("list", ((80, 80), (443, 443), (8000, 8001)))
    assert cells["comment"].cell.text is not None
    assert cells["comment"].cell.text.parts == (ex.Feature(type=t.PERCENT, name="part"),)
    own = second.columns[1].cell.expression
    assert isinstance(own, ex.Measure)
    assert own.source is not None
    assert [k.name for k in own.per] == ["sip"]


def test_a_profile_of_tuples() -> None:
    p = program(
        "set listening = (sip, sport) of outbound\nprofile p {\n hosts listening\n feature n = flows of outbound per sip, sport\n"
        " feature again = host in listening\n verdict v when n > 5 }\nprofile q {\n hosts p.v\n feature m = p.n[host]\n"
        " feature w = p.verdict[host] = v\n}"
    )
    assert p.profiles["rules:p"].parts == (t.ADDRESS, t.PORT)
    feature = p.profiles["rules:q"].features[0]
    assert feature.condition == ex.Lookup(
        type=t.COUNT, owner="rules:p", column="n", keys=(ex.Host(type=t.tuple_of(t.ADDRESS, t.PORT)),)
    )


# ---- previous ------------------------------------------------------------------------------------------


def test_previous() -> None:
    p = program(
        "set s = sip of all\ntable t = flows of all per sip\nprofile p { hosts s feature n = flows of all per sip verdict v otherwise }\n"
        "set gone = previous(s) - s\nset back = previous(p.v) & previous(t.sip)\n"
        "check c = known(previous(s)) and known(previous(t.flows)) and previous(t.flows)[10.0.0.1] > 5\n"
        "profile q { hosts s feature was = previous(p.verdict)[host] feature is_now = p.verdict[host] "
        "verdict same when was = is_now }"
    )
    gone = p.sets["rules:gone"].set
    assert isinstance(gone, ex.SetAlgebra)
    assert gone.left == ex.SetNamed(parts=(t.ADDRESS,), name="rules:s", previous=True)
    condition = p.checks["rules:c"].condition
    assert isinstance(condition, ex.And)
    assert condition.items[0] == ex.PreviousKnown(type=t.TRUTH, owner="rules:s")
    assert condition.items[1] == ex.PreviousKnown(type=t.TRUTH, owner="rules:t", column="flows")


# ---- the whole ------------------------------------------------------------------------------------------


def test_only_what_is_asked_for_and_what_it_needs_is_in_the_program() -> None:
    other = (
        'ruleset a.b { version "1.0.0" }\nfilter web = dport in web_ports\nports web_ports = 80\nset unused = sip of web\n'
        "param must : count\ncheck never = flows of all > must"
    )
    p = program("import a.b (web as w)\nset s = sip of w", {"a.b": other}, mode="run")
    assert list(p.filters) == ["a.b:web"]
    assert list(p.sets) == ["rules:s"]
    assert (list(p.checks), list(p.parameters)) == ([], [])
    assert [(r.name, r.shown) for r in p.rulesets.values()] == [("a.b", False), ("rules", True)]


def test_a_ruleset_is_named_by_its_line_or_its_file() -> None:
    assert list(program('ruleset sei.x { version "1.0.0" title "T" tags a, b }\nfilter f = tcp').filters) == [
        "sei.x:f"
    ]
    ruleset = program('ruleset sei.x { version "1.0.0" title "T" tags a, b }').rulesets["sei.x"]
    assert ruleset.metadata == {"version": ("1.0.0",), "title": ("T",), "tags": ("a", "b")}


def test_a_module_by_alias_and_by_name() -> None:
    other = 'ruleset a.b { version "1.0.0" }\nset s = sip of all\nmap m : port { "web" = 80 }\nprofile p { hosts s verdict v otherwise }'
    p = program('import a.b as o\nset x = o.s & o.p.v\nfilter f = o.m(dport) = "web"', {"a.b": other})
    assert "a.b:m" in p.maps
    assert "a.b:p" in p.profiles


def test_attributes_and_texts_are_carried() -> None:
    p = program('## Line one.\n## Line two.\n@review(2027-01-01)\n@tags(a, "b")\nfilter f "T" = tcp').filters[
        "rules:f"
    ]
    assert p.text == "Line one.\nLine two."
    assert p.attributes == {"review": (1798761600000,), "tags": ("a", "b")}


def in_a_row(count: int) -> str:
    last = f"filter f{count} = tcp"
    return "\n".join([last, *(f"filter f{i} = f{i + 1} and dport != {i}" for i in range(count - 1, -1, -1))])


def test_many_declarations_in_a_row_do_not_go_deep() -> None:
    assert len(program(in_a_row(199)).filters) == 200
    assert messages(in_a_row(3000)) == [
        "f2800 needs a chain of more than 200 declarations, each naming the one before"
    ]


def test_filters_that_double_each_other_are_refused_before_they_are_written_out() -> None:
    doubling = [f"filter f{i} = f{i - 1} and bytes > {i} or f{i - 1} and packets > {i}" for i in range(1, 41)]
    found = messages("\n".join(["filter f0 = tcp and packets > 1", *doubling]))
    assert found[0] == (
        "f14 stands for 262,135 tests once its filters are written out, and at most 200,000 can be"
    )


def test_a_long_circle_is_one_fault() -> None:
    circle = "\n".join(f"filter f{i} = f{(i + 1) % 400} and tcp" for i in range(400))
    found = result(circle).diagnostics
    assert [d.code for d in found] == ["FR205"]


def test_one_fault_is_one_report() -> None:
    rules = (
        "filter request = outbound and dprt = 80\nfilter reply = reverse of request\nset s = sip of request\n"
        "table t = flows of reply per dip keep flows > 5\nprofile p { hosts s feature f = flows of reply per dip verdict v when f > 5 }\n"
        "set x = p.v | t.dip\ncheck c = count(x) > 5"
    )
    assert messages(rules) == ["nothing is called dprt"]


def test_a_broken_declaration_is_reported_once() -> None:
    assert len(messages("filter a = tcp and\nfilter b = a and udp\nset s = sip of b")) == 1
