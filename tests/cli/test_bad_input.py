"""Bad input of every command, as a shell sees it: what is said, the exit code, and nothing half-written."""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from flowrules.__main__ import main
from flowrules.flows.sample import write_sample
from tests.flows.silk_files import DATA

ROOT = Path(__file__).resolve().parents[2]
RICH = DATA / "rich.rw"
OFFICE = "office=mon-fri 08:00-18:00 UTC"


class Done:
    """What a command printed and how it ended."""

    def __init__(self, done: subprocess.CompletedProcess[bytes]) -> None:
        self.code = done.returncode
        self.out = (done.stdout or b"").decode("utf-8", "replace")
        self.err = (done.stderr or b"").decode("utf-8", "replace")


def flowrules(*arguments: object, **settings: object) -> Done:
    """Run the command in a process of its own, as a shell would."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **settings.pop("env", {})}  # type: ignore[dict-item]
    environment.pop("SILK_CONFIG_FILE", None)
    if "input" not in settings:
        settings.setdefault("stdin", subprocess.DEVNULL)
    settings.setdefault("stdout", subprocess.PIPE)
    return Done(
        subprocess.run(
            [sys.executable, "-m", "flowrules", *map(str, arguments)],
            env=environment, stderr=subprocess.PIPE, timeout=120, **settings,  # type: ignore[call-overload]
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``demo --keep`` leaves it, of little traffic."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, 0.005)
    return folder


@pytest.fixture(scope="module")
def record(sample: Path) -> bytes:
    return (sample / "sample.rw").read_bytes()


RULES = "set talkers = sip of all\ntable sizes = sum(bytes) of all per sip keep top 3\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.frules"
    path.write_text(RULES, "utf-8")
    return path


def refused(done: Done, code: int, *messages: str) -> None:
    """The command failed cleanly: a code, messages on standard error, nothing on standard output."""
    assert done.code == code, (done.code, done.err)
    assert done.out == ""
    for message in messages:
        assert message in done.err, done.err
    assert "Traceback" not in done.err
    assert "fault of flowrules" not in done.err


# ---------------------------------------------------------------- flow files


def changed(record: bytes, offset: int, new: bytes) -> bytes:
    return record[:offset] + new + record[offset + len(new) :]


FLOW_FILES: list[tuple[str, Callable[[bytes], bytes], Sequence[str]]] = [
    ("truncated in a record", lambda r: r[:50_000], ["offset 49972", "found 28 bytes, expected a record of 52 bytes", "959 records read until there"]),
    ("truncated in the header", lambda r: r[:20], ["offset 16", "the file ends inside a header entry", "0 records read"]),
    ("truncated in the magic number", lambda r: r[:3], ["offset 0", "not a flow file", "the bytes de ad be"]),
    ("bad magic number", lambda r: changed(r, 0, b"\xde\xad\xbe\xee"), ["offset 0", "not a flow file of a format that is known"]),
    ("unknown format", lambda r: changed(r, 5, b"\x7f"), ["offset 5", "unknown SiLK file format 0x7f"]),
    ("unknown file version", lambda r: changed(r, 6, b"\x63"), ["offset 6", "unknown version 99"]),
    ("unknown compression", lambda r: changed(r, 7, b"\x4d"), ["offset 7", "unknown compression method 77", "expected 0 (none)"]),
    ("wrong record size", lambda r: changed(r, 12, b"\x7f\xff"), ["offset 12", "wrong record length", "found 32767, expected 52"]),
    ("unknown record version", lambda r: changed(r, 14, b"\xff\xff"), ["offset 14", "unknown version 65535 of FT_RWGENERIC records"]),
    ("a header that promises 2 GB", lambda r: changed(r, 16, b"\x7f\xff\xff\xff" * 2), ["the file ends inside header entry", "expected 2147483639 bytes"]),
    ("empty", lambda r: b"", ["the file is empty: expected flow records"]),
    ("noise", lambda r: random.Random(7).randbytes(4000), ["not a flow file of a format that is known"]),
    ("a word", lambda r: b"hello\n", ["found 'hello'"]),
    ("truncated gzip", lambda r: gzip.compress(r)[:20_000], ["damaged gzip data", "records read until there"]),
    ("text with a NUL byte", lambda r: b"sIP|dIP\n1.1.1.1|\x001.1.1.2\n", ["text with a NUL byte at offset 16"]),
    ("an address with 300", lambda r: b"sIP|dIP|sPort|dPort|protocol|packets|bytes\n10.0.0.1|10.0.0.2|1|2|6|1|40\n10.0.0.300|10.0.0.2|1|2|6|1|40\n", [":3, column sIP: part 4 of '10.0.0.300' is 300", "1 record read until there"]),
    ("a port of 65536", lambda r: b"sIP|dIP|bytes|dPort\n10.0.0.1|10.0.0.2|4|65536\n", [":2, column dPort", "65536"]),
    ("a cell too few", lambda r: b"sIP|dIP|bytes\n10.0.0.1|10.0.0.2\n", [":2"]),
    ("bytes that are no UTF-8", lambda r: b"sIP|dIP|bytes\n10.0.0.1|10.0.0.2|\xe9\n", [":2"]),
    ("titles that stand twice", lambda r: b"sIP|sIP|dIP|bytes\n", ["sIP"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "messages"), FLOW_FILES, ids=[f[0] for f in FLOW_FILES])
def test_flow_files(
    name: str,
    make: Callable[[bytes], bytes],
    messages: Sequence[str],
    record: bytes,
    rules: Path,
    tmp_path: Path,
) -> None:
    flows = tmp_path / "flows"
    flows.write_bytes(make(record))
    text = rules.read_text("utf-8").replace("sum(bytes)", "sum(bytes), flows")
    rules.write_text(text + "filter f = dport = 80\nset g = sip of f\n" if "port" in name else text, "utf-8")
    out = tmp_path / "out.json"
    done = flowrules("run", rules, "--flows", flows, "--output", out, "--format", "json")
    refused(done, 3, str(flows), *messages)
    assert len(done.err.splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["flows", "rules.frules"]


@pytest.mark.parametrize("command", ["inspect", "cat"])
def test_other_commands_refuse_damage_too(command: str, record: bytes, tmp_path: Path) -> None:
    flows = tmp_path / "flows.rw"
    flows.write_bytes(record[:50_000])
    done = flowrules(command, flows)
    assert done.code == 3
    assert "959 records read until there" in done.err
    assert done.out.count("\n") == (960 if command == "cat" else 0)


@pytest.mark.parametrize("target", ["silk", "csv", "store"])
def test_nothing_is_converted_by_half(target: str, record: bytes, tmp_path: Path) -> None:
    flows = tmp_path / "flows.rw"
    flows.write_bytes(record[:50_000])
    refused(
        flowrules("convert", flows, "--to", target, "--output", tmp_path / "out"),
        3,
        "records read until there",
    )
    assert [p.name for p in tmp_path.iterdir()] == ["flows.rw"]


def test_a_damaged_block(rules: Path, tmp_path: Path) -> None:
    whole = flowrules("convert", RICH, "--to", "silk", "--compression", "zlib", "--output", tmp_path / "z.rw")
    assert whole.code == 0
    data = bytearray((tmp_path / "z.rw").read_bytes())
    data[-200:-100] = bytes(100)
    (tmp_path / "z.rw").write_bytes(data)
    refused(flowrules("run", rules, "--flows", tmp_path / "z.rw"), 3, "z.rw, offset", "zlib")


def test_paths_that_hold_no_flows(rules: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "README.md").write_text("notes", "utf-8")
    run = ("run", rules, "--flows")
    refused(flowrules(*run, tmp_path / "nowhere.rw"), 3, "nowhere.rw: no such file or folder")
    refused(flowrules(*run, tmp_path / "*.rw"), 3, "*.rw: no file matches")
    refused(flowrules(*run, tmp_path / "empty"), 3, "the folder is empty: expected flow files")
    refused(flowrules(*run, tmp_path / "notes"), 3, "no flow files here", "a side file by its name")
    refused(flowrules(*run, "-", input=b""), 3, "-: the file is empty")
    refused(flowrules(*run, "-", "--flows", "-", input=b""), 3, "standard input is named twice")
    (tmp_path / "dangling").symlink_to("nowhere")
    refused(flowrules(*run, tmp_path / "dangling"), 3, "no such file or folder")
    refused(flowrules(*run, f"{RICH}/x"), 3, "rich.rw/x")


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/self/mem").exists(), reason="root reads everything")
def test_a_file_that_may_not_be_read(rules: Path, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        refused(flowrules("run", rules, "--flows", "/proc/self/mem"), 3, "/proc/self/mem")
        return
    (tmp_path / "secret.rw").write_bytes(RICH.read_bytes())
    (tmp_path / "secret.rw").chmod(0)
    refused(flowrules("run", rules, "--flows", tmp_path / "secret.rw"), 3, "permission denied")


def test_a_field_that_the_data_lack(rules: Path, tmp_path: Path) -> None:
    rules.write_text("filter f = application = 80\nset s = sip of f\n", "utf-8")
    (tmp_path / "flows").write_text("sIP|dIP\n1.1.1.1|1.1.1.2\n", "utf-8")
    refused(
        flowrules("run", rules, "--flows", tmp_path / "flows"), 3,
        "flows has no field application, which rules:s (", "rules.frules:2) needs", "assume",
    )  # fmt: skip


def test_the_folder_of_a_demo_can_be_given_whole(sample: Path) -> None:
    whole = flowrules(
        "run", "sei.web_clients", "--site", sample / "site.yaml", "--flows", sample, "--format", "json"
    )
    alone = flowrules(
        "run", "sei.web_clients", "--site", sample / "site.yaml", "--flows", sample / "sample.rw", "--format", "json",
    )  # fmt: skip
    assert (whole.code, alone.code, alone.err) == (0, 0, "")
    assert whole.out == alone.out
    # tables of something else are left out, and that is said; set files and the like are not worth a line
    assert {Path(line.split(": ")[1]).name for line in whole.err.splitlines()} == {
        "banner.csv",
        "webmail.csv",
    }


def test_a_file_that_is_named_twice_and_circles_of_folders(rules: Path, tmp_path: Path) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "a.rw").write_bytes(RICH.read_bytes())
    (folder / "again").symlink_to(folder)
    (folder / "b.rw").symlink_to("a.rw")
    done = flowrules("run", rules, "--flows", folder, "--flows", folder / "a.rw", "--format", "json")
    assert done.code == 0
    once = flowrules("run", rules, "--flows", RICH, "--format", "json")
    assert json.loads(done.out)["flows"]["records"] == json.loads(once.out)["flows"]["records"]


def test_damage_can_be_skipped_and_is_told(record: bytes, rules: Path, tmp_path: Path) -> None:
    (tmp_path / "good.rw").write_bytes(record)
    (tmp_path / "bad.rw").write_bytes(record[:50_000])
    (tmp_path / "none.rw").write_bytes(b"hello")
    done = flowrules("run", rules, "--flows", tmp_path / "*.rw", "--on-error", "skip")
    assert done.code == 0
    assert "left out: " in done.err and "bad.rw: offset 49972" in done.err and "none.rw: " in done.err


# ---------------------------------------------------------------- rulesets

RULESETS: list[tuple[str, str | bytes, Sequence[str]]] = [
    ("several syntax errors", "filter a = tcp and dport in (80\nfilter b = and tcp\nset s = sip off a\n",
     ["`(` is never closed", "expected a field, a name or a value, and found `and`", "did you mean of?", ":1:29", ":2:12", ":3:13", "^^^"]),
    ("unknown names", "filter a = tcpp\nset s = sip of aa\ntable t = flows of a per spi\n",
     ["nothing is called tcpp", "did you mean tcp?", "no filter or table is called aa", "did you mean a?", "did you mean sip?"]),
    ("types and units", "filter a = bytes > 5s\nfilter b = duration > 5\nfilter c = packets > 1%\nfilter d = sport = 1.2.3.4\n",
     ["bytes is a size in bytes, and 5s is a duration", "write 5s, 5min or 5ms", "packets is a count, and 1% is a percent", "sport is a port"]),
    ("an unbound parameter", "param who : set\nset s = who & sip of all\n", ["the parameter who of rules has no value", "--set 'rules.who="]),
    ("a default out of its range", "param x : count = 50 in 1 .. 10\nfilter a = packets > x\n", ["x goes from 1 to 10, and 50 lies outside"]),
    ("a circle", "filter a = b\nfilter b = a\n", ["a needs b needs a"]),
    ("a duplicate", "filter a = tcp\nfilter a = udp\n", ["the filter a is declared twice", "the first"]),
    ("host bits", "filter a = sip in 10.0.0.1/8\n", ["has bits set behind its prefix length", "write 10.0.0.0/8"]),
    ("port 65536", "filter a = dport = 65536\n", ["65536 is no port: they go from 0 to 65535"]),
    ("300.1.1.1", "filter a = sip = 300.1.1.1\n", ["part 1 of `300.1.1.1` is 300"]),
    ("a percent over 100", "table t = flows of all per sip keep share >= 101%\n", ["101% is more than 100%"]),
    ("a prefix of 33 bits", "table t = flows of all per sip/33\n", ["prefix length 33"]),
    ("a range that runs backwards", "filter a = sport in (9-3)\n", ["the range 9-3 ends before it begins", "write 3-9"]),
    ("a day that is not", "filter a = stime > 2026-02-30\n", ["day 30 does not exist"]),
    ("a number without end", "filter a = packets > 99999999999999999999999\n", ["is too large"]),
    ("nested 10,000 deep", "filter a = " + "(" * 10_000 + "tcp" + ")" * 10_000, ["brackets are nested deeper than 200"]),
    ("not 10,000 times", "filter a = " + "not " * 10_000 + "tcp", ["operations are nested deeper than 200"]),
    ("a chain of 10,000 filters", "filter f0 = tcp\n" + "".join(f"filter f{i} = f{i - 1} and packets > {i}\n" for i in range(1, 10_000)),
     ["f200 needs a chain of more than 200 declarations"]),
    ("a chain of 3,000 sets", "set s0 = sip of tcp\n" + "".join(f"set s{i} = s{i - 1} | sip of udp\n" for i in range(1, 3000)),
     ["s200 needs a chain of more than 200 declarations"]),
    ("filters that double", "filter f0 = tcp\n" + "".join(f"filter f{i} = f{i - 1} and bytes > {i} or f{i - 1} and packets > {i}\n" for i in range(1, 60)),
     ["tests once its filters are written out"]),
    ("a NUL byte", b"filter a = tcp\x00\n", ["a NUL byte stands at offset 14", "UTF-16"]),
    ("Latin-1", "filter a = tcp # é\n".encode("latin-1"), ["byte 0xe9 at offset 17 is not UTF-8"]),
    ("UTF-16", "filter a = tcp\n".encode("utf-16"), ["the file is UTF-16"]),
    ("flows", RICH.read_bytes() if RICH.exists() else b"\xde\xad", ["is not UTF-8", "flows are given with --flows"]),
    ("an open string", 'ruleset a { title "abc\n}\n', ["the string is not closed on its line"]),
    ("a sign", "$\n", ["`$` begins no declaration"]),
    ("too many findings", "filter a = dprt = 80\n" * 1000, ["nothing is called dprt", "and 500 more findings"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "messages"), RULESETS, ids=[r[0] for r in RULESETS])
def test_rulesets(name: str, text: str | bytes, messages: Sequence[str], rules: Path) -> None:
    rules.write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(flowrules("run", rules, "--flows", RICH), 2, *messages)
    # the same are found without data
    if name != "an unbound parameter":
        assert main(["check", str(rules)]) == 2


def test_a_ruleset_of_50_mb_is_not_read(rules: Path) -> None:
    with rules.open("w") as file:
        for _ in range(50):
            file.write("# comment\n" * 105_000)
    before = time.monotonic()
    refused(flowrules("run", rules, "--flows", RICH), 2, "bytes, and a ruleset has at most 8,388,608")
    assert time.monotonic() - before < 30


def test_a_circle_of_imports(tmp_path: Path) -> None:
    (tmp_path / "a.frules").write_text('ruleset a { version "1" }\nimport b (f)\nfilter g = f\n', "utf-8")
    (tmp_path / "b.frules").write_text('ruleset b { version "1" }\nimport a (g)\nfilter f = g\n', "utf-8")
    refused(flowrules("run", tmp_path / "a.frules", "--flows", RICH), 2, "a imports b imports a")


def test_ruleset_arguments(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(flowrules("run", "sei.web_client", "--flows", RICH), 2, "did you mean sei.web_clients?")
    refused(flowrules("run", tmp_path / "empty", "--flows", RICH), 2, "the folder holds no ruleset")
    refused(flowrules("run", tmp_path / "none.frules", "--flows", RICH), 2, "there is no such file or folder")
    refused(flowrules("run", "-", "--flows", "-", input=b""), 2, "standard input can hold one of them")
    refused(
        flowrules("run", "-", "--flows", RICH, input=b"filter a = tcpp\n"), 2, "-:1:12", "did you mean tcp?"
    )
    assert flowrules("run", "-", "--flows", RICH, input=RULES.encode()).code == 0


# ---------------------------------------------------------------- rules that ask too much

TOO_MUCH: list[tuple[str, str, Sequence[str]]] = [
    ("tuples of a large block", "set s = { (10.0.0.0/8, 80) }", [":1: rules:s:", "16,777,216 members"]),
    ("tuples of two ranges", "set s = { (1.1.1.1, 0-65535, 0-255) }", [":1: rules:s:", "16,777,216 members"]),
    ("all addresses in blocks of one", "set a = { 0.0.0.0/0 }\nset b = blocks(a, 32, 128)", [":2: rules:b:", "4,294,967,296 blocks"]),
    ("all addresses as hosts", "set a = { ::/0 }\nprofile p { hosts a  feature f = flows of all per sip  verdict v otherwise }", [":2: rules:p:", "would be listed one by one"]),
    ("an anomaly in all addresses", "set a = { 0.0.0.0/0 }\nanomaly x : info in a", [":2: rules:x:", "would be listed one by one"]),
    ("bins of a millisecond", "table t = flows of all per bin(stime, 1ms) as b fill", [":1: rules:t:", "fill would make", "take wider bins"]),
    ("fill by every pair", "table t = flows of all per sip, dip, sport, bin(stime, 1s) as b fill", [":1: rules:t:", "combinations of keys"]),
    ("flows spread over milliseconds", "table t = flows of all per spread(1ms, uniform) as b", [":1: rules:t:", "flows spread over bins of 1ms"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "messages"), TOO_MUCH, ids=[t[0] for t in TOO_MUCH])
def test_a_limit_names_the_declaration(
    name: str, text: str, messages: Sequence[str], rules: Path, sample: Path
) -> None:
    rules.write_text(text + "\n", "utf-8")

    def little_memory() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))

    done = flowrules("run", rules, "--flows", sample / "sample.rw", "--threads", 1, preexec_fn=little_memory)
    refused(done, 2, str(rules), *messages)
    assert len(done.err.splitlines()) == 1


def test_many_keys_are_no_fault(rules: Path, sample: Path) -> None:
    rules.write_text("table t = flows of all per sip, dip, sport, dport\n", "utf-8")
    assert flowrules("run", rules, "--flows", sample / "sample.rw").code == 0


# ---------------------------------------------------------------- site files and options

SITES: list[tuple[str, str, Sequence[str]]] = [
    ("an unknown key", "schedule: {office: x}\n", ["s.yaml:1:1", "no key 'schedule'", "did you mean schedules?"]),
    ("host bits", "internal: [203.0.113.1/24]\n", ["s.yaml:1:12", "has bits set beyond its prefix"]),
    ("wrong types", "sampling: many\ndirection: up\n", ["s.yaml:1:11", "s.yaml:2:12", "one of auto, types, nets"]),
    ("a mapping for nets", "internal: {a: b}\n", ["s.yaml:1:11", "found a mapping"]),
    ("a schedule that is none", "schedules: {office: 'mon-fry 08:00'}\n", ["s.yaml:1:21", "office is a schedule", "^^^"]),
    ("a value out of range", "schedules: {office: 'mon-fri 08:00-18:00'}\nparams: {sei.web_clients: {min_share: 99%}}\n", ["s.yaml:2:39", "min_share goes from 0.1% to 20%"]),
    ("a tab", "schedules:\n\toffice: x\n", ["s.yaml:2:1", "indent with spaces"]),
    ("a missing set", "sets: {servers: nope.set}\n", ["s.yaml:1:17", "the file 'nope.set' is not there"]),
    ("an assumed field that is none", "assume: {inital_flags: S}\n", ["s.yaml:1:10", "did you mean initial_flags?"]),
    ("an assumed value that is none", "assume: {initial_flags: 77}\n", ["s.yaml:1:25", "found '77', expected letters of FSRPAUEC"]),
    ("a record's number", "assume: {record_number: 7}\n", ["s.yaml:1:25", "numbered as they are read"]),
    ("a list", "[]\n", ["s.yaml:1:1", "found a list"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "messages"), SITES, ids=[s[0] for s in SITES])
def test_site_files(name: str, text: str, messages: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(text, "utf-8")
    refused(flowrules("run", "sei.web_clients", "--site", tmp_path / "s.yaml", "--flows", RICH), 2, *messages)


def test_a_ruleset_that_the_site_names_nearly_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("params: {sei.web_cliens: {min_share: 2%}}\n", "utf-8")
    done = flowrules(
        "run", "sei.web_clients", "--site", tmp_path / "s.yaml", "--set", OFFICE, "--flows", RICH
    )
    assert done.code == 0
    assert "warning[FR603]: no ruleset here is called sei.web_cliens" in done.err


def test_assumed_values_take_the_place_of_a_field(rules: Path, tmp_path: Path) -> None:
    rules.write_text("filter f = initial_flags has S and application = 80\nset s = sip of f\n", "utf-8")
    (tmp_path / "flows").write_text("sIP|dIP\n1.1.1.1|1.1.1.2\n", "utf-8")
    (tmp_path / "s.yaml").write_text("assume: {initial_flags: S, application: 80}\n", "utf-8")
    done = flowrules(
        "run", rules, "--flows", tmp_path / "flows", "--site", tmp_path / "s.yaml", "--format", "json"
    )
    assert json.loads(done.out)["rulesets"]["rules"]["sets"]["s"]["addresses"] == ["1.1.1.1"]


SETTINGS: list[tuple[str, str]] = [
    ("min_share", "this is no name=value"),
    ("=5", "this is no name=value"),
    ("min_share=", "nothing is not"),
    ("min_share=50%", "goes from 0.1% to 20%"),
    ("min_share=5", "min_share is a percent, and 5 is a plain number"),
    ("min_shar=5%", "did you mean min_share?"),
    ("office=banana", "nothing is called banana"),
    ('servers=file "nope.set"', "no such file or folder"),
]


@pytest.mark.parametrize(("setting", "message"), SETTINGS)
def test_settings(setting: str, message: str) -> None:
    refused(flowrules("run", "sei.web_clients", "--flows", RICH, "--set", setting), 2, message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "sei.web_clients"], "missing option '--flows'"),
        (["run", "--flows", RICH], "missing argument 'RULESET...'"),
        (["run", "sei.ports", "--flows", RICH, "--format", "xml"], "'xml' is not one of"),
        (["run", "sei.ports", "--flows", RICH, "--limit", "-1"], "-1 is not in the range"),
        (["run", "sei.ports", "--flows", RICH, "--threads", "0"], "0 is not in the range"),
        (["demo", "--scale", "0"], "0.0 is not in the range"),
        (["demo", "--scale", "2"], "2.0 is not in the range"),
        (["cat", RICH, "--fields", "sIP,nope"], "nope"),
        (["explain", "host", "300.1.1.1"], "is 300"),
        (["explain", "code", "FR99999"], "there is no code FR99999"),
        (["convert", RICH, "--to", "set", "--output", "x"], "needs --field"),
        (["from", "silk", "rwfilter --nonsense=1 x.rw"], "--nonsense"),
        (["rnu"], "did you mean 'run'?"),
    ],
)
def test_options(arguments: list[object], message: str, tmp_path: Path) -> None:
    refused(flowrules(*arguments, cwd=tmp_path), 2, message)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- earlier results

PREVIOUS: list[tuple[str, str]] = [
    ("{", "not JSON"),
    ("[" * 100_000, "not JSON that a run prints"),
    ("[]", "no results of a run: expected the output of run --format json"),
    ('{"rulesets": 3}', "no results of a run"),
    ('{"rulesets": {"rules": 4}}', "rulesets.rules is no object"),
    ('{"rulesets": {"rules": {"sets": {"talkers": 5}}}}', "rulesets.rules.sets.talkers is no object"),
    ('{"rulesets": {"rules": {"sets": {"talkers": {"addresses": ["1.2.3.4", 5]}}}}}', "addresses[1]: found 5, expected an address"),
    ('{"rulesets": {"rules": {"sets": {"talkers": {"addresses": ["1.2.3.400"]}}}}}', "addresses[0]: part 4 of '1.2.3.400' is 400"),
    ('{"rulesets": {"rules": {"tables": {"sizes": {"columns": ["dip"], "rows": []}}}}}', "has no column sip, which is a key now"),
    ('{"rulesets": {"rules": {"tables": {"sizes": {"columns": ["sip", "bytes"], "rows": [["1.1.1.1"]]}}}}}', "rows[0] is no list of 2 items or more"),
    ('{"rulesets": {"rules": {"tables": {"sizes": {"columns": ["sip", "bytes"], "rows": [["1.1.1.1", "x"]]}}}}}', 'found "x", expected a bytes'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), PREVIOUS, ids=range(len(PREVIOUS)))
def test_earlier_results(text: str, message: str, rules: Path, tmp_path: Path) -> None:
    previous = tmp_path / "previous.json"
    previous.write_text(text, "utf-8")
    refused(flowrules("run", rules, "--flows", RICH, "--previous", previous), 3, str(previous), message)


def test_earlier_results_that_are_not_there(rules: Path, tmp_path: Path) -> None:
    refused(flowrules("run", rules, "--flows", RICH, "--previous", tmp_path / "none"), 3, "no such file")
    refused(flowrules("run", rules, "--flows", RICH, "--previous", RICH), 3, "not UTF-8")
    refused(flowrules("run", rules, "--flows", RICH, "--previous", tmp_path), 2, "is a directory")


# ---------------------------------------------------------------- output, pipes, disks, interrupts


def test_an_output_without_a_folder_is_refused_before_the_work(rules: Path, tmp_path: Path) -> None:
    out = tmp_path / "no" / "out.json"
    refused(
        flowrules("run", rules, "--flows", tmp_path / "none.rw", "--output", out), 3, "there is no folder"
    )
    refused(flowrules("demo", "--output", out), 3, "there is no folder")
    refused(flowrules("test", "sei.ports", "--junit", out), 3, "there is no folder")
    refused(flowrules("run", rules, "--flows", RICH, "--output", tmp_path), 2, "is a directory")


@pytest.mark.parametrize(
    "arguments",
    [
        ["cat", RICH],
        ["inspect", RICH],
        ["run", "sei.web_clients", "--set", OFFICE, "--flows", RICH, "--format", "json"],
        ["check", "sei.ports"],
        ["test", "sei.ports"],
        ["explain", "plan", "sei.ports"],
    ],
    ids=lambda a: a[0],
)
def test_a_pipe_that_is_closed_is_quiet_and_a_full_disk_is_told(arguments: list[object]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = flowrules(*arguments, stdout=write)
    os.close(write)
    assert (done.code, done.err) == (0, "")
    with Path("/dev/full").open("w") as full:
        done = flowrules(*arguments, stdout=full)
    assert (done.code, done.err) == (3, "error: cannot write: no space left on device\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "sei.web_clients", "--set", OFFICE, "--format", "json", "--output", "out"],
        ["convert", "--to", "silk", "--output", "out"],
        ["convert", "--to", "csv", "--output", "out"],
        ["convert", "--to", "store", "--output", "out"],
        ["demo", "--scale", "0.01", "--keep", "out"],
    ],
    ids=lambda a: "-".join(map(str, a[:3])),
)
def test_a_file_that_cannot_grow_leaves_nothing(arguments: list[str], sample: Path, tmp_path: Path) -> None:
    flows = (
        [str(sample / "sample.rw")] if arguments[0] == "convert" else ["--flows", str(sample / "sample.rw")]
    )
    given = arguments if arguments[0] == "demo" else [*arguments, *flows]

    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = flowrules(*given, cwd=tmp_path, preexec_fn=little_room)
    refused(done, 3, "cannot be written: file too large")
    left = [
        p for p in tmp_path.rglob("*") if p.is_file() and p.suffix not in (".yaml", ".conf", ".csv", ".set")
    ]
    assert left == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "sei.web_clients", "--set", OFFICE, "--format", "json", "--output", "out", "--flows"],
        ["convert", "--to", "csv", "--output", "out"],
        ["cat"],
        ["inspect"],
    ],
    ids=lambda a: a[0],
)
def test_an_interrupt_ends_it_and_leaves_nothing(arguments: list[str], tmp_path: Path, record: bytes) -> None:
    many = tmp_path / "flows"
    many.mkdir()
    for number in range(40):
        (many / f"{number}.rw").write_bytes(record)
    work = tmp_path / "work"
    temporary = tmp_path / "tmp"
    work.mkdir()
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    child = subprocess.Popen(
        [sys.executable, "-m", "flowrules", *arguments, str(many)],
        cwd=work, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    # it has begun once it holds one of the flow files open
    held = Path(f"/proc/{child.pid}/map_files") if Path("/proc").is_dir() else None
    limit = time.monotonic() + 60
    while held is not None and child.poll() is None and time.monotonic() < limit:
        maps = Path(f"/proc/{child.pid}/maps").read_text()
        if ".rw" in maps:
            break
        time.sleep(0.005)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (130, "flowrules: interrupted\n")
    assert list(work.iterdir()) == []
    assert list(temporary.iterdir()) == []


def test_colours_only_where_they_are_wanted(rules: Path) -> None:
    rules.write_text("filter a = tcpp\n", "utf-8")
    arguments = ("run", rules, "--flows", RICH)
    assert "\x1b[" not in flowrules(*arguments).err
    assert "\x1b[" not in flowrules(*arguments, env={"NO_COLOR": "1", "FORCE_COLOR": "1"}).err
    assert "\x1b[" in flowrules("--color", "always", *arguments).err


def test_file_names_that_are_no_text_are_shown_somehow(rules: Path, tmp_path: Path) -> None:
    name = os.fsencode(str(tmp_path)) + b"/caf\xe9\x1b[2J.rw"
    Path(os.fsdecode(name)).write_bytes(RICH.read_bytes())
    for form in ("text", "json", "markdown"):
        done = flowrules(
            "run", rules, "--flows", tmp_path / "*.rw", "--format", form, "--output", tmp_path / "out"
        )
        assert (done.code, done.err) == (0, "")
    shown = flowrules("run", rules, "--flows", tmp_path / "*.rw", "--format", "json")
    assert json.loads(shown.out)["flows"]["sources"][0]["path"].endswith("[2J.rw")
