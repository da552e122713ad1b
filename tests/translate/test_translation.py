"""Switches as text of the language, and switches that cannot be said."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrules.__main__ import main
from flowrules.flows.silk_conf import BUILT_IN
from flowrules.translate.errors import TranslationError
from flowrules.translate.translation import Translation, translate


def translated(command: str) -> Translation:
    return translate(command, BUILT_IN, lambda path: "address" if "zone" in path else "port, protocol")


def body(command: str) -> str:
    """The declarations, on one line."""
    lines = translated(command).text.partition("\n}\n")[2].splitlines()
    text = " ".join(" ".join(line for line in lines if not line.startswith("#")).split())
    return text.replace("( ", "(").replace(" )", ")")


@pytest.mark.parametrize(
    ("switches", "predicate"),
    [
        ("--protocol=6", "tcp"),
        ("--protocol=6,17", "protocol in (tcp, udp)"),
        ("--proto=50", "esp"),
        ("--sport=80", "sport = 80"),
        ("--dport=80,8000-8080,49152-", "dport in (80, 8000-8080, 49152-65535)"),
        ("--aport=25,20-22", "aport in (25, 20-22)"),
        ("--icmp-type=3 --icmp-code=1-3", "icmp_type = 3 and icmp_code in (1-3)"),
        ("--packets=4-", "packets >= 4"),
        ("--packets=1-3", "packets >= 1 and packets <= 3"),
        ("--bytes=40", "bytes = 40B"),
        ("--bytes-per-packet=98.5-", "bytes_per_packet >= 98.5"),
        ("--duration=0.5-60.25", "duration >= 500ms and duration <= 60250ms"),
        ("--duration=0.0009-", "duration >= 0s"),
        ("--duration=3600", "duration = 1h"),
        ("--stime=2009/02/12", "stime = 2009-02-12T00:00:00Z"),
        (
            "--stime=2009/02/12:03-2009/02/12:05",
            "stime >= 2009-02-12T03:00:00Z and stime <= 2009-02-12T05:59:59.999Z",
        ),
        (
            "--etime=1234402200-1234409400",
            "etime >= 2009-02-12T01:30:00Z and etime <= 2009-02-12T03:30:00.999Z",
        ),
        (
            "--active-time=2009/02/12-2009/02/12",
            "stime <= 2009-02-12T23:59:59.999Z and etime >= 2009-02-12T00:00:00Z",
        ),
        ("--scidr=10.0.0.0/9,192.0.2.1", "sip in (10.0.0.0/9, 192.0.2.1)"),
        ("--not-any-cidr=10.0.0.0/8", "aip not in (10.0.0.0/8)"),
        ("--daddress=192.168.0-3,9.x", "dip in (192.168.0-3.x, 192.168.9.x)"),
        ("--not-saddress=172.16-31.x.x", "sip not in (172.16-31.x.x)"),
        ("--saddress=2001:db8:a:x::x:x", "sip in (2001:db8:a:x::x:x)"),
        ("--next-hop-id=10.1.1.1", "nhip in (10.1.1.1)"),
        ("--flags-all=S/SA,SA/SA", "flags matches (S/SA, SA/SA)"),
        ("--flags-initial=/SR", "initial_flags matches /SR"),
        ("--tcp-flags=RU", "not flags lacks RU"),
        ("--ack-flag=1 --syn-flag=0", "flags matches A/AS"),
        ("--attributes=/STCF", "attributes matches /STCF"),
        ("--application=0,443-8080", "application in (0, 443-8080)"),
        ("--any-index=192,256-", "(input in (192, 256-4294967295) or output in (192, 256-4294967295))"),
        ("--ip-version=4", "ip_version = 4"),
        ("--type=out,outweb", "type in (out, outweb)"),
        ("--type=in", "type in (in)"),
        ("--class=all", "type in (in, inweb, inicmp)"),
        ("--flowtypes=all/in,all/out", "type in (in, out)"),
        ("--sensors=S1,5,7-9", "sensor in (S1, S5, S7, S8, S9)"),
    ],
)
def test_a_switch_of_rwfilter(switches: str, predicate: str) -> None:
    assert body(f"rwfilter a.rw {switches} --pass=stdout") == f"filter selected = {predicate}"


def test_type_all_is_no_test() -> None:
    assert body("rwfilter a.rw --type=all --sensors=S0 --pass=stdout") == "filter selected = sensor = S0"


def test_sets_join_pipelines() -> None:
    text = body(
        """
        rwfilter a.rw --proto=6 --pass=stdout | rwset --sip-file=web.set
        rwsettool --difference web.set known.set --output-path=new.set
        rwfilter a.rw --sipset=new.set --pass=stdout | rwuniq --fields=sip,dport --flows=5
        """
    )
    assert text == (
        "filter selected = tcp set web = sip of selected "
        'param known_set : set = file "known.set" set new = web - known_set '
        "filter selected_2 = sip in new "
        "table answer = flows of selected_2 per sip, dport keep flows >= 5 order by sip, dport"
    )


def test_names_of_files_that_are_words_of_the_language() -> None:
    assert "set set_set = sip of all" in body("rwset --sip-file=set.set a.rw")


@pytest.mark.parametrize(
    ("command", "table"),
    [
        (
            "rwstats --fields=dip --bytes --percentage=1 a.rw",
            "table answer = sum(bytes) of all per dip keep sum(bytes) >= unit_share(1%)",
        ),
        ("rwstats --fields=sip --count=5 a.rw", "table answer = flows of all per sip keep top 5"),
        (
            "rwstats --fields=protocol --values=bytes --count=4 --bottom a.rw",
            "table answer = sum(bytes) of all per protocol keep bottom 4 order by bytes asc",
        ),
        ("rwstats --fields=sip --threshold=40 a.rw", "table answer = flows of all per sip keep flows >= 40"),
        (
            "rwuniq --fields=stime,protocol --bin-time=3600 --values=flows,bytes a.rw",
            "table answer = flows, sum(bytes) of all per bin(stime, 1h) as stime_bin, protocol"
            " order by stime_bin, protocol",
        ),
        (
            "rwuniq --fields=1-2 --values=distinct:dport --threshold=bytes=10-20 a.rw",
            "table answer = distinct(dport) as distinct_dport, sum(bytes) of all per sip, dip"
            " keep sum(bytes) >= 10B and sum(bytes) <= 20B order by sip, dip",
        ),
        (
            "rwcount --bin-size=0.5 --load-scheme=1 --skip-zeroes a.rw",
            "table counts = flows, sum(bytes), sum(packets) of all per spread(500ms, start) as date",
        ),
        (
            "rwbag --bag-file=sport,flows,stdout a.rw | rwbagcat --mincounter=4 --minkey=1024",
            "table bag = flows of all where sport in (1024-65535) per sport keep flows >= 4 order by sport",
        ),
    ],
)
def test_tables(command: str, table: str) -> None:
    assert body(command) == table


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("rwfilter a.rw --scc=us --pass=stdout", "--scc: it cannot be said: country codes"),
        ("rwfilter a.rw --python-file=x.py --pass=stdout", "--python-file: it cannot be said"),
        ("rwfilter a.rw --tuple-file=t.txt --pass=stdout", "--tuple-file"),
        ("rwfilter --start-date=2009/02/12 --pass=stdout", "--start-date"),
        ("rwfilter a.rw --dport=70000 --pass=stdout", "70000 is not a range within 0-65535"),
        ("rwfilter a.rw --dport=80-20 --pass=stdout", "not a range"),
        ("rwfilter a.rw --flags-all=SA/S --pass=stdout", "within the mask"),
        ("rwfilter a.rw --flags-all=S --pass=stdout", "HIGH/MASK"),
        ("rwfilter a.rw --stime=yesterday --pass=stdout", "expected"),
        ("rwfilter a.rw --stime=2009/13/40-2009/14/01 --pass=stdout", "is no time"),
        ("rwfilter a.rw --type=upward --pass=stdout", "unknown type upward"),
        ("rwfilter a.rw --sensors=EDGE --pass=stdout", "unknown sensor EDGE"),
        ("rwfilter a.rw --ack-flag=2 --pass=stdout", "expected 0 or 1"),
        ("rwfilter a.rw --pmap-src-zone=lab --pass=stdout", "no --pmap-file names a map zone"),
        ("rwfilter a.rw --s=1 --pass=stdout", "ambiguous"),
        ("rwfilter a.rw --protocol", "its argument is missing"),
        ("rwfilter a.rw -p 6 --pass=stdout", "one-letter switches"),
        ("rwset --sip-file=stdout", "no flow file"),
        ("rwset a.rw", "no output file"),
        ("rwsettool --sample --size=5 a.set", "--sample"),
        ("rwsetbuild --ip-ranges=' ' a.txt a.set", "found ' ' between two addresses"),
        ("rwsetbuild a.txt a.set b.set", "one text"),
        ("rwsetbuild", "read from a file here"),
        ("rwset --sip-file=stdout a.rw | rwsetbuild - a.set", "no tool here prints one"),
        ("rwsetmember 10.0.0.1 a.set", "one question of a set"),
        ("rwsettool a.set b.set", "one operation is needed"),
        ("rwstats --fields=sip a.rw", "one of --count, --threshold and --percentage"),
        ("rwstats --fields=sip --values=sip-distinct --count=1 a.rw", "counts a field that is a key"),
        ("rwstats --fields=scc --count=1 a.rw", "field scc cannot be said"),
        ("rwuniq a.rw", "no key fields"),
        ("rwuniq --fields=sip,sip a.rw", "stands twice"),
        ("rwcount --load-scheme=9 a.rw", "expected 0 to 6"),
        ("rwbag --bag-file=sip,median,stdout a.rw", "counter median"),
        (
            "rwbag --bag-file=sip,flows,stdout a.rw | rwbagtool --add b.bag | rwbagcat",
            "several bags|arithmetic",
        ),
        ("rwbag --bag-file=sip,flows,a.bag a.rw | rwbagcat", "sends nothing down the pipe"),
        (
            "rwfilter a.rw --proto=6 --pass=stdout | rwuniq --fields=sip\nrwuniq --fields=sip b.rw",
            "pipeline before",
        ),
    ],
)
def test_what_cannot_be_said_is_an_error_that_names_it(command: str, message: str) -> None:
    with pytest.raises(TranslationError, match=message):
        translated(command)


def test_a_set_built_from_text_is_a_file_that_a_parameter_names() -> None:
    assert body("""
        rwsetbuild --ip-ranges watched.txt watched.set
        rwfilter a.rw --sipset=watched.set --pass=stdout | rwset --dip-file=seen.set
        rwsetbuild more.txt | rwsettool --union - seen.set --output-path=all.set
        rwsetcat all.set
    """) == (
        'param watched : set = file "watched.txt" filter selected = sip in watched set seen = dip of selected '
        'param more : set = file "more.txt" set all_set = more | seen'
    )


@pytest.mark.parametrize(
    ("pipeline", "printed"),
    [
        ("rwsetcat --ip-ranges --no-columns w.txt", "2|203.0.113.6|203.0.113.7|\n"),
        ("rwsetbuild --ip-ranges w.txt | rwsetcat --count-ips", "2\n"),
        ("rwsetbuild w.txt w.set\nrwsetcat --count-ips w.set w.txt", "w.set:2\nw.txt:2\n"),
        ("rwsetbuild w.txt | rwsettool --difference - one.txt | rwsetcat", "203.0.113.7\n"),
    ],
)
def test_sets_of_files_are_printed(
    pipeline: str,
    printed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.txt").write_text("203.0.113.6-203.0.113.7  # two\n", "utf-8")
    Path("one.txt").write_text("203.0.113.6\n", "utf-8")
    assert main(["from", "silk", pipeline, "--run"]) == 0
    assert capsys.readouterr().out == printed
