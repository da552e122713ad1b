"""What the parser makes of each construct."""

from __future__ import annotations

from fractions import Fraction

import pytest

from flowrules.model.source_text import SourceText
from flowrules.syntax import tree
from flowrules.syntax.parser import parse, parse_condition, parse_value
from tests.syntax.shorthand import (
    condition,
    identifier,
    messages,
    name,
    node,
    number,
    one,
    predicate,
    set_expression,
)

A, B, C = name("a"), name("b"), name("c")


# ---- predicates ---------------------------------------------------------------------------------------


def test_or_binds_weaker_than_and_weaker_than_not() -> None:
    assert predicate("a or not b and c") == node(tree.Or, (A, node(tree.And, (node(tree.Not, B), C))))


def test_chains_are_flat_and_parentheses_keep_their_shape() -> None:
    assert predicate("a or b or c") == node(tree.Or, (A, B, C))
    assert predicate("(a or b) or c") == node(tree.Or, (node(tree.Or, (A, B)), C))


def test_not_reaches_over_a_comparison() -> None:
    assert predicate("not a = b") == node(tree.Not, node(tree.Compare, "=", A, B))


@pytest.mark.parametrize("operator", ["=", "!=", "<", "<=", ">", ">="])
def test_comparison(operator: str) -> None:
    found = predicate(f"a {operator} b")
    assert found == node(tree.Compare, operator, A, B)
    assert found.operator_span.column == len("filter f = a ") + 1


def test_in_a_name_a_list_a_block_and_not_in() -> None:
    assert predicate("a in b.c") == node(tree.In, A, name("b.c"))
    found = predicate("a not in (1, 3-5, b, in)")
    assert found.negated
    assert found.collection == node(
        tree.List, (number("1"), node(tree.Range, number("3"), number("5")), B, name("in"))
    )
    assert predicate("sip in 10.0.0.0/8").collection.value == (0xFFFF << 32 | 10 << 24, 104)


def test_tuple_in() -> None:
    found = predicate("(a, b) in c")
    assert found == node(tree.In, node(tree.Tuple, (A, B)), C)
    listed = predicate("(dport, protocol) in ((53, udp), (53, tcp))").collection
    assert listed == node(
        tree.List,
        (node(tree.Tuple, (number("53"), name("udp"))), node(tree.Tuple, (number("53"), name("tcp")))),
    )


def test_flag_tests_have_masks() -> None:
    def masks(text: str) -> list[tuple[str, str]]:
        return [(m.high, m.mask) for m in predicate(text).masks]

    assert masks("flags has AS") == [("SA", "SA")]
    assert masks("flags lacks RF") == [("", "FR")]
    assert masks("flags matches S/SA") == [("S", "SA")]
    assert masks("initial_flags matches (S/SAFR, /A)") == [("S", "FSRA"), ("", "A")]


def test_flags_are_names_elsewhere() -> None:
    assert predicate("sensor in (S0, A)").collection == node(tree.List, (name("S0"), name("A")))


def test_masked_lookup_call_reverse() -> None:
    assert predicate("sip/24/48 in b").left == node(tree.Masked, name("sip"), 24, 48)
    assert predicate("a > t.c[sip, 22]").right == node(tree.Lookup, name("t.c"), (name("sip"), number("22")))
    assert predicate("p.zone(dip) = b").left == node(tree.Call, name("p.zone"), (name("dip"),))
    assert predicate("reverse of a") == node(tree.Reverse, node(tree.Source, A))
    assert predicate("reverse of (a or b)") == node(tree.Reverse, node(tree.Source, node(tree.Or, (A, B))))


# ---- conditions ---------------------------------------------------------------------------------------


def test_arithmetic_is_left_to_right_and_products_first() -> None:
    found = condition("a - b - c * a > 1").left
    inner = node(tree.Arithmetic, "-", A, B)
    assert found == node(tree.Arithmetic, "-", inner, node(tree.Arithmetic, "*", C, A))


def test_totals_divide() -> None:
    found = condition("flows of a / flows of b >= 0.1")
    total_a = node(tree.Total, name("flows"), node(tree.Source, A))
    total_b = node(tree.Total, name("flows"), node(tree.Source, B))
    assert found.left == node(tree.Arithmetic, "/", total_a, total_b)
    assert found.right.value == Fraction(1, 10)


def test_n_of_and_verdict() -> None:
    found = condition("2 of (a, verdict = b, verdict in (b, c))")
    assert found.n == number("2")
    assert found.items[0] == A
    assert found.items[1] == node(tree.Compare, "=", node(tree.VerdictValue), B)
    assert isinstance(found.items[2].left, tree.VerdictValue)


def test_sets_in_conditions() -> None:
    found = condition("a = {10.0.0.1, (10.0.0.2, 80),}")
    assert isinstance(found.right, tree.SetLiteral)
    assert len(found.right.items) == 2


# ---- sets and tables ----------------------------------------------------------------------------------


def test_set_algebra() -> None:
    found = set_expression("a | b & c - a")
    union = node(tree.SetOperation, "|", A, node(tree.SetOperation, "&", B, C))
    assert found == node(tree.SetOperation, "-", union, A)
    assert not found.left.parenthesised
    assert set_expression("(a | b) - c").left.parenthesised


def test_members() -> None:
    found = set_expression("(sip, sport) of a where b")
    assert [key.of for key in found.keys] == [name("sip"), name("sport")]
    assert found.source == node(tree.Source, A, B)
    assert set_expression("sip/24/64 of (a and b)").keys[0].of == node(tree.Masked, name("sip"), 24, 64)


def test_set_with_exceptions_and_keeps() -> None:
    found = one(
        "set s = a of b except {10.0.9.4,} keep flows >= 2 keep top 5 by flows with ties keep cover 95%"
    )
    assert len(found.exceptions) == 1
    condition_, rank, cover = found.keeps
    assert isinstance(condition_, tree.Keep)
    assert rank == node(tree.KeepRank, False, number("5"), name("flows"), True)
    assert cover.share.value == Fraction(95, 100)


def test_table_with_everything() -> None:
    found = one(
        'table t "T" optional = sum(bytes) as b, flows of all where tcp per sip, bin(stime, 1h) as hour '
        "fill keep flows > 1 keep bottom n order by b desc, hour asc, sip"
    )
    assert found.title.value == "T"
    assert found.optional
    assert [c.name for c in found.columns] == [identifier("b"), None]
    assert found.source == node(tree.Source, name("all"), name("tcp"))
    assert [k.name for k in found.keys] == [None, identifier("hour")]
    assert found.fill
    assert found.keeps[1].bottom
    assert found.keeps[1].n == name("n")
    assert [(o.by.text, o.direction) for o in found.order] == [("b", "desc"), ("hour", "asc"), ("sip", None)]


# ---- declarations -------------------------------------------------------------------------------------


def test_param() -> None:
    found = one('param p "P" : count = 50 in 10 .. 10k')
    assert (found.name.text, found.title.value, found.type.name) == ("p", "P", "count")
    assert (found.value.value, found.low.value, found.high.value) == (50, 10, 10000)
    bare = one("param p : table(host: address, bytes: bytes)")
    assert bare.value is None
    assert [(a.name.text, a.type.text) for a in bare.type.args] == [("host", "address"), ("bytes", "bytes")]
    assert [a.type.text for a in one("param p : set(address, port)").type.args] == ["address", "port"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("443", tree.Literal),
        ("10.0.0.1-10.0.0.9", tree.Range),
        ("80, 443", tree.List),
        ("(2009/09/01:00 .. 2009/09/01:23)", tree.List),
        ("{}", tree.SetLiteral),
        ("mon-fri 08:00-18:00", tree.Hours),
        ('file "zones.csv"', tree.FileValue),
        ("other.name", tree.Name),
    ],
)
def test_values(text: str, kind: type) -> None:
    assert isinstance(one(f"param p : t = {text}").value, kind)
    value, diagnostics = parse_value(SourceText("--set", text))
    assert diagnostics == ()
    assert isinstance(value, kind)


def test_a_condition_alone() -> None:
    found, diagnostics = parse_condition(SourceText("-", "flows of all > 5"))
    assert isinstance(found, tree.Compare)
    assert diagnostics == ()
    found, diagnostics = parse_condition(SourceText("-", "flows of all >"))
    assert found is None
    assert [d.code for d in diagnostics] == ["FR101"]


def test_schedule() -> None:
    found = one(
        "schedule s = mon-fri, sun 08:00-18:00, sat-mon 22:00-24:00 Europe/Berlin except (2026-12-25)"
    )
    hours = found.hours
    assert [(s.days, s.start, s.end) for s in hours.slots] == [
        ((0, 1, 2, 3, 4, 6), 480, 1080),
        ((0, 5, 6), 1320, 1440),
    ]
    assert hours.zone == identifier("Europe/Berlin")
    assert len(hours.exceptions) == 1


def test_map() -> None:
    found = one('map m "M" : port, protocol { "dns" = (53, udp), (53, tcp)  "high" = (1024-65535, tcp) }')
    assert [k.text for k in found.keys] == ["port", "protocol"]
    assert [(e.label.value, len(e.items)) for e in found.entries] == [("dns", 2), ("high", 1)]


def test_profile_keeps_the_order_of_its_items() -> None:
    found = one(
        """profile p "P" {
            hosts a | b
            feature x "X" optional = sum(bytes) of f where g per sip, sport
            feature y = x / 2
            verdict v "V" drop when y > 1 because "{y} of {x}"
            verdict w otherwise
            anomaly n : warning in t when verdict = v because "{host}"
            entry of f where g per sip, protocol when verdict = w {
                internal host : 8000-8080
                external any : values(dport)
                name "{name(host)}"
                comment verdict
                other sum(bytes) of g per sip
            }
        }"""
    )
    assert [type(i).__name__ for i in found.items] == (
        ["Hosts", "Feature", "Feature", "Verdict", "Verdict", "Anomaly", "Entry"]
    )
    x, y = found.features
    assert (x.optional, x.title.value, [k.of.text for k in x.keys]) == (True, "X", ["sip", "sport"])
    assert y.measure is None
    v, w = found.verdicts
    assert v.drop
    assert v.because.parts == (name("y"), " of ", name("x"))
    assert w.condition is None
    (entry,) = found.entries
    assert [type(c.cell).__name__ for c in entry.columns] == [
        "Name",
        "Name",
        "Template",
        "VerdictValue",
        "CellOf",
    ]
    assert isinstance(entry.columns[0].ports, tree.Range)


def test_a_verdict_may_follow_a_condition_on_the_verdict() -> None:
    found = one("profile p { hosts a anomaly n : info when verdict = b verdict c otherwise }")
    assert [type(i).__name__ for i in found.items] == ["Hosts", "Anomaly", "Verdict"]


def test_test_block() -> None:
    found = one(
        'test "T" { param internal = 10.0.0.0/8 flows """\nsip\n10.0.0.1\n""" flows file "x.rw" '
        "previous s = {10.0.0.1} expect s = {} expect not (a in b) }"
    )
    assert [type(i).__name__ for i in found.items] == (
        ["GivenParam", "GivenFlows", "GivenFlowsFile", "GivenPrevious", "Expect", "Expect"]
    )
    assert found.items[1].table.value == "\nsip\n10.0.0.1\n"


def test_tune() -> None:
    found = one(
        'tune sei.web@^1.0 { param a.b = 1 because "x" until 2026-12-31 set s except {10.0.0.1} '
        "filter f except (a) severity p.n = info disable verdict p.v disable p.w }"
    )
    assert (found.ruleset.text, found.version) == ("sei.web", "^1.0")
    first, *others = found.lines
    assert first.because.value == "x"
    assert first.until.value.unit == "day"
    assert [type(line).__name__ for line in others] == (
        ["TuneSet", "TuneFilter", "TuneSeverity", "TuneDisable", "TuneDisable"]
    )
    assert [line.kind for line in others[-2:]] == ["verdict", None]


def test_ruleset_and_imports() -> None:
    result = parse(
        SourceText(
            "x",
            'ruleset a.b { version "1.0.0" tags one, two review 2027-01-01 }\n'
            "import c.d (x, y as z,) as e\nimport f",
        )
    )
    assert result.diagnostics == ()
    assert result.file.ruleset is not None
    assert [(m.name.text, len(m.values)) for m in result.file.ruleset.metadata] == [
        ("version", 1),
        ("tags", 2),
        ("review", 1),
    ]
    first, second = result.file.imports
    assert first.names is not None
    assert [(n.name.text, n.alias and n.alias.text) for n in first.names] == [("x", None), ("y", "z")]
    assert (first.alias and first.alias.text, second.names, second.alias) == ("e", None, None)


def test_descriptions_and_attributes() -> None:
    result = parse(
        SourceText(
            "x",
            "## Of the file.\n\n# a comment\n## One.\n##  Two\n@review(2027-01-01)\n@tags(a, b) @private\n"
            "filter f = a\n## not of this one, for a line is between\n\nfilter g = a ## nor this\n"
            'profile p {\n    hosts f\n    ## A feature.\n    @deprecated("use y")\n    feature x = y\n}\n',
        )
    )
    assert result.diagnostics == ()
    f, g, p = result.file.declarations
    assert f.text == "One.\nTwo"
    assert [(a.name.text, len(a.items)) for a in f.attributes] == [("review", 1), ("tags", 2), ("private", 0)]
    assert g.text == ""
    assert isinstance(p, tree.Profile)
    assert p.features[0].text == "A feature."
    assert p.features[0].attributes[0].name.text == "deprecated"


# ---- texts --------------------------------------------------------------------------------------------


def template(text: str) -> tree.Template:
    found = one(f"check c = a because {text}").because
    assert isinstance(found, tree.Template)
    return found


def test_templates() -> None:
    assert template('"plain"').parts == ("plain",)
    assert template('""').parts == ()
    assert template(r'"a \{b} \"{c}\" \\ \n."').parts == ('a {b} "', C, '" \\ \n.')
    assert template('"{a.b}{verdict}"').parts == (name("a.b"), node(tree.VerdictValue))
    assert template('"{count(a)} of {t.c[ host ]}"').parts == (
        node(tree.Call, name("count"), (A,)),
        " of ",
        node(tree.Lookup, name("t.c"), (name("host"),)),
    )
    assert template('"""two\r\nlines \\n {a} \\{b}"""').parts == ("two\nlines \\n ", A, " {b}")


def test_spans_in_a_template_are_those_of_the_file() -> None:
    text = 'check c = a\n    because "é {count( b )} and { a }"'
    (check,) = parse(SourceText("x", text)).file.items
    holes = [n for n in check.walk() if isinstance(n, tree.Call | tree.Name) and n.span.line == 2]
    assert [text[n.span.start : n.span.end] for n in holes] == ["count( b )", "count", "b", "a"]


def test_braces_in_other_strings_are_themselves() -> None:
    assert one('table t "a {b" = flows of all').title.value == "a {b"


# ---- words that are keywords only where they can stand ------------------------------------------------


@pytest.mark.parametrize(
    "word",
    [
        "as",
        "has",
        "lacks",
        "matches",
        "except",
        "top",
        "bottom",
        "cover",
        "fill",
        "order",
        "by",
        "drop",
        "file",
        "expect",
        "until",
        "with",
        "ties",
        "asc",
        "desc",
    ],
)
def test_soft_keywords_are_names(word: str) -> None:
    assert messages(f"filter {word} = tcp\nset s = sip of {word}\nfilter g = {word} and udp") == []


@pytest.mark.parametrize(
    "word",
    [
        "ruleset",
        "import",
        "param",
        "ports",
        "nets",
        "schedule",
        "map",
        "filter",
        "set",
        "table",
        "profile",
        "hosts",
        "feature",
        "verdict",
        "anomaly",
        "entry",
        "check",
        "test",
        "tune",
        "and",
        "or",
        "not",
        "in",
        "of",
        "per",
        "keep",
        "where",
        "when",
        "because",
        "otherwise",
        "reverse",
    ],
)
def test_reserved_words_are_no_names_but_after_a_dot(word: str) -> None:
    found = messages(f"filter {word} = tcp")
    assert len(found) == 1
    assert found[0].startswith("FR105")
    assert messages(f"filter a = x.{word}") == []
    assert messages(f"filter {word}_x = tcp") == []
