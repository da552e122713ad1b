"""convert into stores and Parquet, and reading them, as a shell sees it."""

from __future__ import annotations

import pytest

from flowrules.__main__ import main
from flowrules.flows.store import StoreWriter, open_store
from tests.flows.silk_files import DATA

RICH, PROF = str(DATA / "rich.rw"), str(DATA / "prof.rw")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.fixture(autouse=True)
def _no_config(monkeypatch):
    monkeypatch.delenv("SILK_CONFIG_FILE", raising=False)


def lines(capsys, path):
    code, out, err = run(capsys, "cat", path)
    assert (code, err) == (0, "")
    return sorted(out.splitlines())


@pytest.mark.parametrize("target", ["store", "parquet"])
def test_flows_are_the_same_in_every_format(tmp_path, capsys, target):
    if target == "parquet":
        pytest.importorskip("pyarrow")
    made = tmp_path / "made"
    code, out, _ = run(capsys, "convert", RICH, "--to", target, "--output", made)
    assert (code, out) == (0, "")
    before, after = lines(capsys, RICH), lines(capsys, made)
    # Parquet tells versions by addresses; only what rwcut prints is compared
    assert after == before or [line for line in after if not line.startswith("sIP")] == [
        line for line in before if not line.startswith("sIP")
    ]
    code, _, err = run(capsys, "convert", made, "--to", "silk", "--output", tmp_path / "back.rw")
    assert (code, err) == (0, "")
    assert lines(capsys, tmp_path / "back.rw") == before


def test_a_store_grows_and_tells_how(tmp_path, capsys):
    store = tmp_path / "s"
    assert run(capsys, "convert", RICH, "--to", "store", "--output", store)[2].endswith(
        "s: 8,000 records of 3 days added\n"
    )
    assert run(capsys, "convert", PROF, "--to", "store", "--output", store)[0] == 0
    assert len(lines(capsys, store)) == len(lines(capsys, RICH)) + len(lines(capsys, PROF)) - 1
    code, _, err = run(capsys, "convert", RICH, "--to", "store", "--output", store)
    assert code == 3
    assert "are in this store already (hint: were the same flows converted before?" in err
    code, out, _ = run(capsys, "inspect", store)
    assert code == 0
    assert f"{store}  store, " in out


def test_a_store_is_found_in_folders_and_globs_and_by_its_format(tmp_path, capsys):
    store = tmp_path / "flows" / "s"
    store.parent.mkdir()
    run(capsys, "convert", RICH, "--to", "store", "--output", store)
    expected = lines(capsys, RICH)
    assert lines(capsys, tmp_path / "flows") == expected
    assert lines(capsys, tmp_path / "fl*" / "s") == expected
    assert lines(capsys, tmp_path / "fl*") == expected
    code, out, _ = run(capsys, "cat", store, "--input-format", "store")
    assert (code, sorted(out.splitlines())) == (0, expected)
    code, _, err = run(capsys, "cat", RICH, "--input-format", "store")
    assert code == 3
    assert "rich.rw: no column store" in err


def test_nets_come_from_options_or_the_site(tmp_path, capsys):
    run(
        capsys,
        "convert",
        RICH,
        "--to",
        "store",
        "--output",
        tmp_path / "a",
        "--internal",
        "10.0.0.0/8, 192.168.0.0/16",
    )
    assert open_store(tmp_path / "a").internal == ("10.0.0.0/8", "192.168.0.0/16")
    (tmp_path / "site.yaml").write_text("internal: [192.168.0.0/16]\n")
    run(
        capsys, "convert", RICH, "--to", "store", "--output", tmp_path / "b", "--site", tmp_path / "site.yaml"
    )
    assert open_store(tmp_path / "b").internal == ("192.168.0.0/16",)
    assert len(open_store(tmp_path / "b").home_hosts) > 0


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--internal", "10.0.0.0/33"], "prefix length 33"),
        (["--internal", "10.0.0.0/8", "--site", "site.yaml"], "take one"),
        (["--site", "none.yaml"], "none.yaml"),
    ],
)
def test_wrong_nets_are_usage_errors(tmp_path, capsys, monkeypatch, options, what):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "convert", RICH, "--to", "store", "--output", "s", *options)
    assert code == 2
    assert what in err
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_not_added_to_itself(tmp_path, capsys):
    store = tmp_path / "s"
    run(capsys, "convert", RICH, "--to", "store", "--output", store)
    code, _, err = run(capsys, "convert", store, "--to", "store", "--output", f"{store}/../s")
    assert code == 2
    assert "cannot be added to itself" in err
    assert run(capsys, "convert", store, "--to", "store", "--output", tmp_path / "copy")[0] == 0
    assert lines(capsys, tmp_path / "copy") == lines(capsys, store)


def test_another_conversion_and_damage_exit_with_3(tmp_path, capsys):
    store = tmp_path / "s"
    run(capsys, "convert", RICH, "--to", "store", "--output", store)
    with StoreWriter(store):
        code, _, err = run(capsys, "convert", PROF, "--to", "store", "--output", store)
        assert code == 3
        assert "another conversion is writing to this store" in err
        assert "or let this one wait with --wait" in err
    path = next(store.glob("*/sip.u4"))
    data = bytearray(path.read_bytes())
    data[7] ^= 1
    path.write_bytes(data)
    code, _, err = run(capsys, "cat", store)
    assert code == 3
    assert f"{path}: a damaged file of a store: found bytes" in err


def test_names_of_sensors_go_where_the_flows_go(tmp_path, capsys):
    conf = tmp_path / "silk.conf"
    conf.write_text("version 2\nsensor 3 Gate\nclass all\nsensors Gate\ntype 0 inward\nend class\n")
    run(capsys, "convert", RICH, "--to", "store", "--output", tmp_path / "x" / "s", "--silk-config", conf)
    (tmp_path / "x").mkdir()
    run(capsys, "convert", RICH, "--to", "store", "--output", tmp_path / "x" / "s", "--silk-config", conf)
    conf.unlink()
    assert any("|Gate|" in line and "|inward|" in line for line in lines(capsys, tmp_path / "x" / "s"))
    if pytest.importorskip("pyarrow"):
        run(capsys, "convert", tmp_path / "x" / "s", "--to", "parquet", "--output", tmp_path / "p")
        assert any("|Gate|" in line and "|inward|" in line for line in lines(capsys, tmp_path / "p"))


def test_sets_are_no_flows(tmp_path, capsys):
    (tmp_path / "set.txt").write_text("10.0.0.1\n")
    for target in ("store", "parquet"):
        code, _, err = run(
            capsys, "convert", tmp_path / "set.txt", "--to", target, "--output", tmp_path / "s"
        )
        assert code == 2
        assert "a set of addresses is no flows" in err


def test_inspect_looks_at_every_file(tmp_path, capsys):
    store = tmp_path / "s"
    run(
        capsys,
        "convert",
        RICH,
        "--to",
        "store",
        "--output",
        store,
        "--internal",
        "192.168.0.0/16",
        "--dictionary",
    )
    for path in sorted(path for path in store.rglob("*") if path.is_file() and path.suffix != ".lock"):
        whole = path.read_bytes()
        data = bytearray(whole)
        data[len(data) // 3] ^= 0x04
        path.write_bytes(data)
        code, _, err = run(capsys, "inspect", store)
        assert code == 3
        assert err.startswith(f"error: {path}: a damaged file of a store")
        path.write_bytes(whole)
    assert run(capsys, "inspect", store)[0] == 0
