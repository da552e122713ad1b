"""The site file: what it can say, and every way to get it wrong, with line and column."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.model.address_text import parse_address
from flowrules.share.site import Site, SiteError, load_site, parse_site
from flowrules.syntax.diagnostics import Diagnostic

WHOLE = """\
internal: [203.0.113.0/24, 2001:db8:113::/48]     # whose network this is
direction: nets
zone: Europe/Berlin
schedules: {office: "mon-fri 08:00-18:00 Europe/Berlin"}
sampling: 100
params:
  sei.web_clients: {min_share: 0.5%, servers: {203.0.113.1, 2001:db8::1}}
  sei.email:
    ports: [25, 465, 8000-8080]
    talked: [[10.0.0.1, 25, tcp], [10.0.0.2, 25, tcp]]
  busy: 5%
  known: {}
sets:
  scanners: sets/scanners.set
maps: {zones: zones.pmap}
names:
  203.0.113.220: proxy1.example.net
  2001:db8::1: "six"
assume: {initial_flags: S, sensor: S0}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets/scanners.set").write_text("192.0.2.1\n")
    (tmp_path / "zones.pmap").write_text("")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "site.yaml"
    path.write_bytes(text.encode())
    return path


def faults(text: str) -> list[str]:
    with pytest.raises(SiteError) as caught:
        parse_site(text)
    return [show(fault) for fault in caught.value.diagnostics]


def show(fault: Diagnostic) -> str:
    assert fault.span is not None
    assert fault.is_error
    hint = f" (hint: {fault.hint})" if fault.hint else ""
    return f"{fault.span.path}:{fault.span.line}:{fault.span.column}: {fault.message} [{fault.code}]{hint}"


def texts(values: object) -> dict[str, str]:
    assert isinstance(values, dict)
    return {name: value.text for name, value in values.items()}


# ---------------------------------------------------------------- what it can say


def test_a_whole_site_file(folder: Path) -> None:
    site = load_site(write(folder, WHOLE))
    assert site.internal is not None
    assert parse_address("203.0.113.255") in site.internal
    assert parse_address("2001:db8:113:ffff::") in site.internal
    assert parse_address("203.0.112.255") not in site.internal
    assert (site.direction, site.zone, site.sampling) == ("nets", "Europe/Berlin", 100)
    assert texts(site.schedules) == {"office": "mon-fri 08:00-18:00 Europe/Berlin"}
    assert site.schedules["office"].quoted
    assert texts(site.params["sei.web_clients"]) == {
        "min_share": "0.5%",
        "servers": "{203.0.113.1, 2001:db8::1}",
    }
    assert texts(site.params["sei.email"]) == {
        "ports": "25, 465, 8000-8080",
        "talked": "(10.0.0.1, 25, tcp), (10.0.0.2, 25, tcp)",
    }
    assert texts(site.params[None]) == {"busy": "5%", "known": "{}"}
    assert site.sets["scanners"].path == folder / "sets/scanners.set"
    assert site.maps["zones"].path == folder / "zones.pmap"
    assert site.names == {
        parse_address("203.0.113.220"): "proxy1.example.net",
        parse_address("2001:db8::1"): "six",
    }
    assert site.assume == {"initial_flags": 2, "sensor": "S0"}
    span = site.params["sei.web_clients"]["min_share"].span
    assert (span.line, span.column, span.end_column) == (7, 32, 36)
    assert WHOLE[span.start : span.end] == "0.5%"


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "params:\nsets: {}\nnames: ~\n"])
def test_an_empty_site_file_says_nothing(text: str) -> None:
    site = parse_site(text)
    assert site == Site(path="site.yaml")
    assert (site.internal, site.direction, site.zone, site.sampling) == (None, "auto", "UTC", 1)


def test_values_stay_as_they_were_written() -> None:
    values = [
        "yes",
        "no",
        "on",
        "010",
        "0x1F",
        "1_000",
        "08:00",
        "1e3",
        "~x",
        ".5",
        "2026-01-31",
        "1.10",
        "null_",
    ]
    text = "params:\n" + "".join(f"  p{n}: {value}\n" for n, value in enumerate(values))
    assert list(texts(parse_site(text).params[None]).values()) == values


def test_one_block_needs_no_list() -> None:
    for text in ("internal: 10.0.0.0/8", "internal: 10.0.0.0-10.255.255.255", "internal:\n- 10.x.x.x\n"):
        site = parse_site(text)
        assert site.internal is not None
        assert list(site.internal.ranges()) == [(parse_address("10.0.0.0"), parse_address("10.255.255.255"))]


def test_windows_line_ends_and_wide_characters_keep_places() -> None:
    assert faults("# é😀\r\nnames: {10.0.0.1: 😀, 10.0.0.300: x}\r\n") == [
        "site.yaml:2:22: part 4 of '10.0.0.300' is 300, and the parts of an IPv4 address go up to 255 [FR614]"
    ]


# ---------------------------------------------------------------- what can be wrong


def test_every_fault_is_told_in_one_go_and_in_order() -> None:
    assert faults(
        "internals: [10.0.0.0/8]\n"
        "direction: both\n"
        "zone: Mars/Base\n"
        "sampling: 010\n"
        "schedules: [office]\n"
        "sets: {x: nowhere.set, y: [a]}\n"
        "names: {10.0.0.1: a, '::ffff:10.0.0.1': b, 10.0.0.2: }\n"
        "assume: {sensr: x}\n"
        "direction: auto\n"
    ) == [
        "site.yaml:1:1: a site file has no key 'internals' [FR612] (hint: did you mean internal?)",
        "site.yaml:2:12: found 'both', expected one of auto, types, nets [FR614]",
        "site.yaml:3:7: there is no time zone 'Mars/Base' [FR614] (hint: write one such as Europe/Berlin)",
        "site.yaml:4:11: found '010', expected a whole number from 1, the n of 1-in-n sampling [FR614]"
        " (hint: 1 means that nothing was left out)",
        "site.yaml:5:12: found a list, expected names with their values [FR613]",
        "site.yaml:6:11: the file 'nowhere.set' is not there [FR616]"
        " (hint: relative paths start at the site file's folder, .)",
        "site.yaml:6:27: found a list, expected the path of a file [FR613]",
        "site.yaml:7:22: 10.0.0.1 has two names [FR615] (hint: keep one of them)",
        "site.yaml:7:44: found nothing, expected a name [FR613]",
        "site.yaml:8:10: flow records have no field 'sensr' [FR612] (hint: did you mean sensor?)",
        "site.yaml:9:1: 'direction' stands twice, first in line 2 [FR615] (hint: keep one of them)",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("internal: []", "1:1: 'internal' holds no address"),
        ("internal: no", "1:11: 'no' is not an address"),
        ("internal: [10.0.0.1/8]", "1:12: '10.0.0.1/8' has bits set beyond its prefix"),
        ("internal: {a: 10.0.0.0/8}", "1:11: found a mapping, expected a block such as 203.0.113.0/24"),
        ("internal: [10.0.0.0/8, ]\nsampling: -1", "2:11: found '-1', expected a whole number"),
        ("internal:\n- 10.0.0.0/8\n-\n", "1:1: found nothing, expected a block"),
        ("internal: [x.x.x.1-10]", "1:12: 'x.x.x.1-10' stands for too many ranges"),
        ("internal:", "1:1: 'internal' has no value"),
        ("sampling: 0", "1:11: found '0', expected"),
        ("sampling: 1.5", "1:11: found '1.5', expected"),
        ("sampling: 99999999999", "1:11: found '99999999999', expected"),
        ("sampling: true", "1:11: found 'true', expected"),
        ("sampling: [1]", "1:11: found a list, expected"),
        (
            "direction: typs",
            "1:12: found 'typs', expected one of auto, types, nets [FR614] (hint: did you mean types?)",
        ),
        ("direction: {}", "1:12: found a mapping, expected auto, types or nets"),
        ("params: 5", "1:9: found '5', expected names of rulesets or parameters"),
        ("params: {sei.web_clients: 5%}", "1:10: found '5%', expected the parameters of sei.web_clients"),
        ("params: {a.b: {x: {y: 1}}}", "1:19: found a mapping, expected a value"),
        ("params: {a.b: {x: }}", "1:16: found nothing, expected a value"),
        ("params: {a.b: {x: [1, {y: 2}]}}", "1:23: found a mapping, expected a value"),
        ("params: {x: 1}\nschedules: {x: mon 08:00-09:00}", "2:13: 'x' is bound in params and in schedules"),
        ("params: {? [a] : 1}", "1:12: found a list as a key, expected a name"),
        ("sets: {x: .}", "1:11: the file '.' is a folder"),
        ("names: {proxy: 10.0.0.1}", "1:9: 'proxy' is not an address"),
        ("names: {10.0.0.0/8: x}", "1:9: '10.0.0.0/8' is a block"),
        ("- internal", "1:1: found a list, expected keys such as 'internal: …'"),
        ("internal", "1:1: found 'internal', expected keys such as 'internal: …'"),
    ],
)
def test_wrong_types_and_values(text: str, fault: str) -> None:
    (only,) = faults(text)
    assert only.startswith(f"site.yaml:{fault}")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "internal: [10.0.0.0/8\ndirection: auto\n",
            "2:10: expected ',' or ']', but got ':' while parsing the list in […] of line 1",
        ),
        (
            "names: {a",
            "1:10: expected ',' or '}', but got the end of the file while parsing the mapping in {…}",
        ),
        ("zone: a: b", "1:8: mapping values are not allowed here [FR611] (hint: put quotes around a text"),
        ("\tzone: UTC", "1:1: found character '\\t' that cannot start any token"),
        ("zone: @x", "1:7: found character '@' that cannot start any token"),
        ('zone: "x', "1:9: found unexpected end of stream while scanning the text in quotes"),
        ("params:\n  a: 1\n b: 2", "3:2: expected the end of the indented lines, but found"),
        ("zone: UTC\nsampling", "2:9: could not find expected ':'"),
        ("zone: *z", "1:7: found undefined alias 'z'"),
        ("zone: UTC\n---\nzone: UTC", "2:1: but found another document"),
        ("zone: U\x01C", "1:8: found the character U+0001, which YAML does not allow"),
        ("a: 1\nzone: é\x07", "2:8: found the character U+0007, which YAML does not allow"),
        ("params: " + "[" * 20_000, "1:109: lists and mappings are nested more than 100 deep"),
        ("params: " + "{a: " * 20_000, "1:409: lists and mappings are nested more than 100 deep"),
        ("".join(" " * n + "a:\n" for n in range(1300)), "1:1: lists and mappings are nested more than 100"),
        ("params: {a: &x [1, 2], b: *x}", "1:10: found an anchor or alias"),
    ],
)
def test_text_that_is_no_yaml(text: str, fault: str) -> None:
    assert faults(text)[0].startswith(f"site.yaml:{fault}")
    assert all("[FR61" in told for told in faults(text))


def test_endless_values_by_aliases_are_refused_at_once() -> None:
    lines = ["params:", "  a0: &a0 [1, 1]"]
    lines += [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    assert len(faults("\n".join(lines))) == 40


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"

    def fault(data: bytes | None = None, path: Path = path) -> str:
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(SiteError) as caught:
            load_site(path)
        (only,) = caught.value.diagnostics
        assert only.code == "FR617"
        return only.message

    assert fault(path=tmp_path / "none.yaml") == f"{tmp_path}/none.yaml: no such file or directory"
    assert fault(path=tmp_path) == f"{tmp_path}: is a directory"
    assert fault(b"zone: \xff") == f"{path}: found byte 0xff at offset 6, expected UTF-8 text"
    assert fault(b"\xef\xbb\xbfzone: \xe2\x82") == f"{path}: found byte 0xe2 at offset 9, expected UTF-8 text"
    assert fault(b"a: 1\n\0\xff") == f"{path}: found byte 0x00 at offset 5, expected UTF-8 text"
    assert fault("zone: UTC".encode("utf-16")).endswith("found byte 0xff at offset 0, expected UTF-8 text")
    assert fault(b" " * 2_000_000) == f"{path}: a site file has at most 1,048,576 bytes, and this has more"
    path.write_bytes("\ufeffnames: {10.0.0.1: \ufffd}".encode())
    assert load_site(path).names == {parse_address("10.0.0.1"): "\ufffd"}


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=" \n:-[]{},'\"&*?|>#%@!~abinternalp.0/é\t", max_size=60))
def test_any_text_gives_a_site_or_faults_with_places(text: str) -> None:
    told: tuple[Diagnostic, ...] = ()
    try:
        parse_site(text)
    except SiteError as error:
        told = error.diagnostics
    assert all(1 <= (fault.span.line if fault.span else 0) <= text.count("\n") + 1 for fault in told)
