"""What the site and the command line give to a check, as its bindings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flowrules.check.bindings import Binding
from flowrules.model.map_table import MapTable
from flowrules.share.binding import bind
from flowrules.share.site import Site, load_site
from flowrules.syntax.diagnostics import RulesetErrors


def test_the_site_binds_by_name_and_by_ruleset(tmp_path: Path) -> None:
    for name in ('odd "name".set', "zones.pmap"):
        (tmp_path / name).write_text("")
    path = tmp_path / "site.yaml"
    path.write_text(
        "zone: Europe/Berlin\nsampling: 10\ndirection: nets\ninternal: 10.0.0.0/8\n"
        "params:\n  a.b: {share: 0.5%}\n  share: 1%\n"
        "schedules: {office: mon-fri 08:00-18:00}\n"
        "sets: {a.b.known: 'odd \"name\".set'}\nmaps: {zones: zones.pmap}\n"
        "names: {10.0.0.1: one}\nassume: {sensor: S0}\n"
    )
    bindings = bind(load_site(path))
    folder = str(tmp_path)
    assert bindings.parameters == {
        "a.b.share": Binding("0.5%", "site", f"{path}:6", folder),
        "share": Binding("1%", "site", f"{path}:7", folder),
        "office": Binding("mon-fri 08:00-18:00", "site", f"{path}:8", folder),
        "a.b.known": Binding(f'file "{folder}/odd \\"name\\".set"', "site", f"{path}:9", folder),
        "zones": Binding(f'file "{folder}/zones.pmap"', "site", f"{path}:10", folder),
    }
    span = bindings.parameters["a.b.share"].span
    assert span is not None
    assert (span.line, span.column) == (6, 16)
    assert (bindings.zone, bindings.sampling, bindings.direction) == ("Europe/Berlin", 10, "nets")
    assert bindings.internal is not None
    assert bindings.internal.count == 1 << 24
    assert list(bindings.names.values()) == ["one"]
    assert bindings.assume == {"sensor": "S0"}
    assert bindings.site_path == str(path)
    assert not bindings.given


def test_settings_of_the_command_line() -> None:
    bindings = bind(Site(), ["min_share=0.5%", " a.b.known = {10.0.0.1, 10.0.0.2}", "x=", "y=a=b"])
    assert {name: b.text for name, b in bindings.given.items()} == {
        "min_share": "0.5%",
        "a.b.known": "{10.0.0.1, 10.0.0.2}",
        "x": "",
        "y": "a=b",
    }
    assert bindings.given["min_share"].place == "--set min_share"
    assert bindings.given["min_share"].origin == "command line"
    assert not bindings.parameters


def test_settings_that_are_none_are_all_told() -> None:
    with pytest.raises(RulesetErrors) as caught:
        bind(Site(), ["min_share", "=5", "a b=1", "x=1", "x=2"])
    assert [d.message for d in caught.value.diagnostics] == [
        "--set min_share: this is no name=value",
        "--set =5: this is no name=value",
        "--set a b=1: this is no name=value",
        "--set x is given twice",
    ]


def test_country_and_asn_are_maps_of_the_language(tmp_path: Path) -> None:
    for name in ("country.csv", "zones.csv"):
        (tmp_path / name).write_text("")
    path = tmp_path / "site.yaml"
    path.write_text("maps: {country: country.csv, zones: zones.csv}\n")
    asked: list[tuple[str, tuple[str, ...], str]] = []

    class Files:
        def read_map(self, path: str, keys: tuple[str, ...], name: str) -> MapTable:
            asked.append((path, keys, name))
            empty = np.empty(0, np.uint32)
            return MapTable(name, "address", empty, empty, np.empty(0, np.int32))

    bindings = bind(load_site(path), binder=Files())  # type: ignore[arg-type]
    assert list(bindings.maps) == ["country"]
    assert asked == [(str(tmp_path / "country.csv"), ("address",), "country")]
    assert list(bindings.parameters) == ["zones"]
