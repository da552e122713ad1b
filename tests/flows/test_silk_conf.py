"""silk.conf: what its commands mean, what is wrong in it, and where it is found."""

from __future__ import annotations

import pytest

from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import BUILT_IN, find_silk_conf, read_silk_conf
from tests.flows.silk_files import DATA
from tests.reference import shared


def conf(tmp_path, text, name="silk.conf"):
    path = tmp_path / name
    path.write_text(text)
    return read_silk_conf(path)


TWO_CLASSES = """
version 2
# sensors first
sensor 0 edge "the \\"old\\" router"   # with a description
sensor 7 core
sensor 9 lab
group inner
    sensors core lab
end group
class all
    sensors edge @inner
    type 0 in in
    type 1 out out
    default-types in
end class
class lab
    sensors @inner
    type 12 in lin
    type 13 out
    default-types in out
end class
default-class lab
path-format "%C/%T/%x"
packing-logic "packlogic-twoway.so"
"""


def test_the_kit_s_file_is_the_built_in_site():
    read = read_silk_conf(DATA / "silk.conf")
    assert read.sensors.keys() == BUILT_IN.sensors.keys()
    assert read.flowtypes == BUILT_IN.flowtypes
    assert read.classes == BUILT_IN.classes
    assert read.default_class == BUILT_IN.default_class == "all"


def test_silk_s_own_file_reads():
    read = read_silk_conf(shared("real", "silk-repo", "silk.conf"))
    assert read.flowtypes == BUILT_IN.flowtypes
    assert read.sensors[0].description == "Description for sensor S0"


def test_what_the_commands_mean(tmp_path):
    site = conf(tmp_path, TWO_CLASSES)
    assert site.sensors[0].description == 'the "old" router'
    assert site.classes["all"].sensors == ("edge", "core", "lab")
    assert site.classes["lab"].default_types == ("in", "out")
    assert site.groups == {"inner": ("core", "lab")}
    assert (site.flowtypes[13].class_name, site.flowtypes[13].type_name, site.flowtypes[13].name) == (
        "lab",
        "out",
        "labout",
    )
    assert (site.default_class, site.path_format, site.packing_logic) == (
        "lab",
        "%C/%T/%x",
        "packlogic-twoway.so",
    )
    assert site.flowtype_ids("in") == (0, 12)
    assert site.flowtype_ids("in", "lab") == (12,)
    assert site.default_type_ids() == (12, 13)
    assert site.default_type_ids("all") == (0,)
    assert site.flowtype_by_name("lin") == 12
    assert site.sensor_id("core") == 7
    assert site.sensor_id("nowhere") is None
    assert site.direction_ids("inbound") == (0, 12)
    assert site.direction_ids("outbound") == (1, 13)


def test_names_as_rwcut_prints_them():
    assert [BUILT_IN.sensor_name(id) for id in (0, 14, 15, 65535)] == ["S0", "S14", "15", "?"]
    assert [BUILT_IN.type_name(id) for id in (0, 9, 11, 255)] == ["in", "outicmp", "11", "255"]
    assert [BUILT_IN.class_name(id) for id in (0, 11, 255)] == ["all", "?", "?"]
    assert BUILT_IN.direction_ids("blocked") == (4, 5)
    assert BUILT_IN.direction_ids("inbound") == (0, 2, 4, 8)
    assert BUILT_IN.direction_ids("internal") + BUILT_IN.direction_ids("external") == (6, 7)


def test_include_stands_beside_the_file(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "sensors.conf").write_text("sensor 3 far\n")
    site = conf(tmp_path, 'include "parts/sensors.conf"\nclass all\n sensors far\n type 0 in\nend class\n')
    assert site.sensor_name(3) == "far"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("sensor 0 a\nsensor 0 b\n", 2, "sensor 0 b is already defined"),
        ("sensor 65535 a\n", 1, "bad sensor id: found 65535"),
        ("sensor x a\n", 1, "bad sensor id: found x"),
        ("sensor 1\n", 1, "wrong number of arguments after sensor"),
        ("version 9\n", 1, "bad version"),
        ("frobnicate\n", 1, "unknown command frobnicate"),
        ("class a\n sensors nowhere\nend class\n", 2, "unknown sensor nowhere"),
        ("class a\n sensors @none\nend class\n", 2, "unknown group none"),
        ("class a\n type 255 x\nend class\n", 2, "bad type id: found 255"),
        ("class a\n type 1 x\n type 1 y\nend class\n", 3, "type id 1 is already defined"),
        ("class a\n type 1 x\n type 2 x\nend class\n", 3, "type x of class a is already defined"),
        ("class a\n default-types in\nend class\n", 2, "unknown type in of class a"),
        ('class a\n include "b"\nend class\n', 2, "include cannot stand in class a"),
        ("group a\n type 1 x\nend group\n", 2, "type cannot stand in group a"),
        ("class a\nend group\n", 2, "nothing to end here"),
        ("end class\n", 1, "nothing to end here"),
        ("class a\n type 1 x\n", 2, "the class a has no end"),
        ('sensor 1 "abc\n', 1, "a quote without its end"),
        ("default-class all\n", 1, "unknown class all"),
    ],
)
def test_what_is_wrong_has_its_line(tmp_path, text, line, message):
    with pytest.raises(FlowFileError, match=message) as caught:
        conf(tmp_path, text)
    assert caught.value.line == line
    assert str(tmp_path) in str(caught.value)


def test_a_circle_of_includes_ends(tmp_path):
    with pytest.raises(FlowFileError, match="files include one another"):
        conf(tmp_path, 'include "silk.conf"\n')


def test_a_missing_include_is_named(tmp_path):
    with pytest.raises(FlowFileError, match=r"gone\.conf: no such file"):
        conf(tmp_path, 'include "gone.conf"\n')


def test_where_it_is_found(tmp_path, monkeypatch):
    monkeypatch.delenv("SILK_CONFIG_FILE", raising=False)
    flows = tmp_path / "repo" / "in" / "2009" / "a.rw"
    flows.parent.mkdir(parents=True)
    flows.write_bytes(b"")
    assert find_silk_conf(None, [flows]) is BUILT_IN
    assert find_silk_conf(None, ["-"]) is BUILT_IN
    (tmp_path / "repo" / "silk.conf").write_text("sensor 1 above\n")
    assert find_silk_conf(None, ["-", flows]).sensor_name(1) == "above"
    assert find_silk_conf(None, [flows.parent]).sensor_name(1) == "above"
    (flows.parent / "silk.conf").write_text("sensor 1 beside\n")
    assert find_silk_conf(None, [flows]).sensor_name(1) == "beside"
    (tmp_path / "env.conf").write_text("sensor 1 env\n")
    monkeypatch.setenv("SILK_CONFIG_FILE", str(tmp_path / "env.conf"))
    assert find_silk_conf(None, [flows]).sensor_name(1) == "env"
    (tmp_path / "given.conf").write_text("sensor 1 given\n")
    assert find_silk_conf(tmp_path / "given.conf", [flows]).sensor_name(1) == "given"
    with pytest.raises(FlowFileError, match="no such file"):
        find_silk_conf(tmp_path / "none.conf", [flows])
