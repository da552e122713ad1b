"""A store that is not as it was written is named and refused, never read wrongly."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.flows.errors import FlowFileError
from flowrules.flows.sources import open_sources
from flowrules.flows.store import open_store, write_store
from flowrules.flows.store.checksum import checksum, digest
from flowrules.flows.store.manifest import LOCK, MANIFEST
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import parse_address
from tests.flows.made_flows import made, multiset, source_of

NETS = AddressSet.from_ranges([(parse_address("10.0.0.0"), parse_address("10.0.255.255"))])


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A store with every kind of file: IPv6, home hosts, two days, two conversions."""
    path = tmp_path_factory.mktemp("sound") / "s"
    write_store(path, [source_of(made(3000, 1, days=2, wide=0.3))], internal=NETS)
    write_store(path, [source_of(made(500, 2))])
    return path


@pytest.fixture
def store(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "s")


def files(store: Path) -> list[Path]:
    return sorted(path for path in store.rglob("*") if path.is_file() and path.name != LOCK)


def read_everything(store: Path) -> None:
    multiset(open_store(store).sources())
    # home-host codes are no fields of records
    open_store(store, verify=True)


def test_there_is_every_kind_of_file(sound):
    names = {path.name for path in files(sound)}
    assert {
        MANIFEST,
        "home.1",
        "index",
        "addresses.u8x2",
        "sip.u4",
        "stime.i8",
        "sip_home.u2",
        "type.u1",
    } <= names
    assert len(files(sound)) > 60


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_flipped_byte_in_any_file_is_named(store, place):
    assert multiset(open_store(store).sources())
    for path in files(store):
        data = bytearray(path.read_bytes())
        at = {"first": 0, "middle": len(data) // 2, "last": len(data) - 1}[place]
        whole = bytes(data)
        data[at] ^= 0x10
        path.write_bytes(data)
        with pytest.raises(FlowFileError) as told:
            read_everything(store)
        assert told.value.path == str(path)
        path.write_bytes(whole)
    assert multiset(open_store(store).sources())


@pytest.mark.parametrize("cut", ["one byte", "half", "all"])
def test_a_file_that_was_cut_off_is_named_at_once(store, cut):
    for path in files(store):
        data = path.read_bytes()
        left = {"one byte": len(data) - 1, "half": len(data) // 2, "all": 0}[cut]
        path.write_bytes(data[:left])
        with pytest.raises(FlowFileError) as told:
            open_store(store)
        assert told.value.path == str(path)
        path.write_bytes(data)


def test_a_file_that_is_missing_or_has_grown_is_named_at_once(store):
    for path in files(store):
        data = path.read_bytes()
        path.write_bytes(data + b"\0")
        with pytest.raises(FlowFileError) as told:
            open_store(store)
        assert told.value.path == str(path)
        path.unlink()
        with pytest.raises(FlowFileError) as told:
            open_store(store)
        assert told.value.path == str(path)
        path.write_bytes(data)


def test_damage_is_told_before_any_row_of_the_block(store):
    path = next(path for path in files(store) if path.name == "bytes.u4")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    sources = open_store(store).sources()
    assert sum(c.rows for s in sources for c in s.chunks(frozenset({"sip", "packets"}))) == 3500
    with pytest.raises(FlowFileError, match=r"bytes \d+ to \d+ do not match their checksum"):
        next(next(iter(s for s in sources)).chunks(frozenset({"bytes"})))


def resigned(store: Path, old: str, new: str) -> None:
    """Change the manifest, and its checksum with it."""
    text = (store / MANIFEST).read_text()
    body = text[: text.rindex('"checksum": ')].replace(old, new, 1)
    assert body != text[: text.rindex('"checksum": ')]
    (store / MANIFEST).write_text(f'{body}"checksum": "{digest(body.encode())}"\n}}\n')


def test_another_version_is_named(store):
    resigned(store, '"version": 2', '"version": 3')
    with pytest.raises(FlowFileError, match="found version 3, expected version 2"):
        open_store(store)
    with pytest.raises(FlowFileError, match="found version 3, expected version 2"):
        write_store(store, [source_of(made(10))])


def test_a_newer_version_is_named_even_where_its_checksum_is_another(store):
    text = (store / MANIFEST).read_text()
    (store / MANIFEST).write_text(
        text.replace('"version": 2', '"version": 7', 1).replace('"checksum"', '"sum"')
    )
    with pytest.raises(FlowFileError, match="found version 7, expected version 2"):
        open_store(store)


def test_a_part_of_another_version_is_named(store):
    index = next(path for path in files(store) if path.name == "index")
    data = index.read_bytes()
    index.write_bytes(data[:8] + (3).to_bytes(4, "little") + data[12:])
    with pytest.raises(FlowFileError, match="a part of another version than its store: found version 3"):
        open_store(store)


def test_a_part_of_another_store_is_named(store, tmp_path):
    write_store(tmp_path / "other", [source_of(made(3000, 9, days=2, wide=0.3))], internal=NETS)
    part = next(path for path in sorted(store.iterdir()) if path.is_dir())
    shutil.rmtree(part)
    shutil.copytree(tmp_path / "other" / part.name, part)
    with pytest.raises(FlowFileError, match="index: a damaged file of a store"):
        open_store(store)


def test_a_column_of_another_part_is_named(store):
    one, other, *_ = sorted(path for path in store.iterdir() if path.is_dir())
    rows = [open_store(store).manifest.parts[n].rows for n in (0, 1)]
    data = (other / "dport.u2").read_bytes()
    (one / "dport.u2").write_bytes((data + data)[: 2 * max(rows)][: (one / "dport.u2").stat().st_size])
    with pytest.raises(FlowFileError, match=r"dport.u2"):
        multiset(open_store(store).sources())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"name": "2012', '"name": "../2012'),
        ('"records": 3500', '"records": "many"'),
        ('"sip"', '"colour"'),
        ('"stime": [', '"stime": [1, '),
        ('"generation": 2', '"generation": -2'),
        ('"site": {', '"site": [], "was": {'),
        ('"file": "home.1"', '"file": "/etc/passwd"'),
        ('"nets": [', '"net": ['),
    ],
)
def test_a_manifest_with_bad_entries_is_named(store, old, new):
    resigned(store, old, new)
    with pytest.raises(FlowFileError, match=MANIFEST):
        open_store(store)


def test_what_stands_in_the_place_of_a_manifest(store):
    for text in ("", "[]", "{}", '{"format": "else"}', "\0" * 100):
        (store / MANIFEST).write_text(text)
        with pytest.raises(FlowFileError, match="a damaged file of a store"):
            open_store(store)


def test_damage_can_be_skipped(store, capsys):
    path = next(path for path in files(store) if path.name == "dip.u4")
    path.write_bytes(path.read_bytes()[:-4])
    good = Path(shutil.copytree(store, store.parent / "good"))
    shutil.rmtree(good)
    write_store(good, [source_of(made(50))])
    sources = open_sources([store, good], on_error="skip")
    assert [source.path for source in sources] == [str(good)]
    assert [skipped.path for skipped in sources.skipped] == [str(store)]


def test_folders_that_are_no_stores(tmp_path):
    with pytest.raises(FlowFileError, match="no such file or folder"):
        open_store(tmp_path / "none")
    with pytest.raises(FlowFileError, match="no column store"):
        open_store(tmp_path)


def test_the_manifest_can_be_read_by_people_and_programs(sound):
    manifest = json.loads((sound / MANIFEST).read_bytes())
    assert manifest["format"] == "flowrules store"
    assert [part["day"] for part in manifest["parts"]] == ["2012-02-01", "2012-02-02", "2012-02-01"]


@settings(max_examples=80, deadline=None)
@given(data=st.binary(min_size=1, max_size=3000), at=st.integers(0), change=st.integers(1, 255))
def test_the_checksum_sees_every_changed_byte_and_every_other_length(data, at, change):
    array = np.frombuffer(data, np.uint8)
    other = array.copy()
    other[at % len(data)] ^= change
    assert checksum(array) != checksum(other)
    assert checksum(array) != checksum(array[:-1])
    assert checksum(array) != checksum(np.append(array, np.uint8(0)))


def test_the_checksum_sees_exchanged_words_and_lines():
    words = np.arange(1000, dtype=np.uint64)
    swapped, moved = words.copy(), words.copy()
    swapped[[3, 4]] = words[[4, 3]]
    moved[:64], moved[64:128] = words[64:128], words[:64]
    assert len({checksum(words), checksum(swapped), checksum(moved)}) == 3
