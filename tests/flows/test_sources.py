"""From paths to sources: files, folders, globs, standard input, and what is left out or refused."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import threading

import pytest

from flowrules.flows.errors import FlowFileError
from flowrules.flows.sources import open_sources, recognise
from tests.flows.silk_files import DATA, SAMPLES, chunk_of, dump
from tests.reference import shared

TEXT = "sIP|dPort|\n192.0.2.1|80|\n"


@pytest.fixture
def folder(tmp_path):
    """A folder as a site keeps one: flows of several formats, and what else lies about."""
    (tmp_path / "in" / "2009").mkdir(parents=True)
    shutil.copy(SAMPLES / "FT_RWSPLIT-v5-c0-B.dat", tmp_path / "in" / "2009" / "in-S3_20090213.17")
    shutil.copy(DATA / "rich.rw", tmp_path / "b.rw")
    (tmp_path / "c.txt").write_text(TEXT)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"sIP,dPort\n192.0.2.1,80\n"))
    shutil.copy(DATA / "silk.conf", tmp_path / "silk.conf")
    (tmp_path / "site.yaml").write_text("internal: [192.0.2.0/24]\n")
    (tmp_path / "README.md").write_text("flows\n")
    (tmp_path / ".hidden").write_text("x")
    return tmp_path


def names(sources):
    return [os.path.basename(source.path) for source in sources]  # noqa: PTH119


def test_a_folder_in_the_order_of_its_names(folder):
    sources = open_sources([folder])
    assert names(sources) == ["a.csv.gz", "b.rw", "c.txt", "in-S3_20090213.17"]
    assert [source.format for source in sources] == ["csv", "silk", "rwcut", "silk"]
    assert sources.conf.path == str(folder / "silk.conf")
    assert {os.path.basename(s.path) for s in sources.skipped} == {"silk.conf", "site.yaml", "README.md"}  # noqa: PTH119
    assert all(s.side_file for s in sources.skipped)
    assert len(sources) == 4
    assert sources[1].path == str(folder / "b.rw")
    assert sum(chunk.rows for source in sources for chunk in source.chunks()) > 8000


def test_paths_in_the_order_given_and_each_file_once(folder):
    sources = open_sources([folder / "c.txt", str(folder / "b.rw"), folder / "c.txt", str(folder / "*.rw")])
    assert names(sources) == ["c.txt", "b.rw"]
    assert [(os.path.basename(s.path), s.reason) for s in sources.skipped] == [  # noqa: PTH119
        ("c.txt", "named twice"),
        ("b.rw", "named twice"),
    ]


def test_globs(folder):
    assert names(open_sources([f"{folder}/**/in-*"])) == ["in-S3_20090213.17"]
    assert names(open_sources([f"{folder}/*"])) == ["a.csv.gz", "b.rw", "c.txt", "in-S3_20090213.17"]
    with pytest.raises(FlowFileError, match="no file matches"):
        open_sources([f"{folder}/*.nothing"])


def test_a_file_name_with_glob_characters_is_that_file(tmp_path):
    (tmp_path / "a[1].txt").write_text(TEXT)
    assert names(open_sources([tmp_path / "a[1].txt"])) == ["a[1].txt"]


def test_standard_input_can_be_read_more_than_once():
    data = (DATA / "rich.rw").read_bytes()
    sources = open_sources(["-"], stdin=io.BytesIO(data))
    (source,) = sources
    assert (source.path, source.format) == ("-", "silk")
    assert dump(source) == dump(source) == dump(open_sources([DATA / "rich.rw"])[0])
    (text,) = open_sources(["-"], stdin=io.BytesIO(gzip.compress(TEXT.encode())))
    assert text.format == "rwcut"


def test_errors_in_standard_input_say_so():
    with pytest.raises(FlowFileError, match=r"^-: the file is empty"):
        open_sources(["-"], stdin=io.BytesIO(b""))
    with pytest.raises(FlowFileError, match=r"^-, offset 0: not a flow file"):
        open_sources(["-"], stdin=io.BytesIO(b"what is this"))
    with pytest.raises(FlowFileError, match="standard input is named twice"):
        open_sources(["-", "-"], stdin=io.BytesIO(b""))


def test_a_named_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes((DATA / "rich.rw").read_bytes()))
    writer.start()
    (source,) = open_sources([pipe])
    writer.join()
    assert source.path == str(pipe)
    assert dump(source) == dump(open_sources([DATA / "rich.rw"])[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"hello world\n", "not a flow file of a format that is known: found 'hello world'"),
        (b"\x7fELF\x02\x01\x01\0" + bytes(50), "found the bytes 7f 45 4c 46 02 01 01 00"),
        (
            b"\xde\xad\xbe\xef\x00\x1d\x10\x00" + bytes(4) + b"\0\1\0\2" + bytes(7) + b"\x08",
            "which holds no flow records",
        ),
        (b"sIP|Records|\n", "unknown column title"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
        (b"\x1f\x8b garbage", "damaged gzip data"),
    ],
)
def test_a_file_that_is_none(tmp_path, content, message):
    path = tmp_path / "x.rw"
    path.write_bytes(content)
    for named in (path, tmp_path):
        try:
            open_sources([named])
        except FlowFileError as error:
            text = str(error)
        else:
            text = ""
        if message == "which holds no flow records" and named == tmp_path:
            # beside flows a set is no fault, and here there are none
            assert "no flow files here" in text
        assert message in text
    (tmp_path / "flows.txt").write_text(TEXT)
    sources = open_sources([tmp_path], on_error="skip")
    assert names(sources) == ["flows.txt"]
    assert [os.path.basename(s.path) for s in sources.skipped] == ["x.rw"]  # noqa: PTH119
    assert message.split(":")[0] in sources.skipped[0].reason


def test_missing_paths_empty_folders_and_folders_without_flows(tmp_path):
    with pytest.raises(FlowFileError, match="no such file or folder"):
        open_sources([tmp_path / "gone"])
    with pytest.raises(FlowFileError, match="the folder is empty"):
        open_sources([tmp_path])
    (tmp_path / "notes.md").write_text("x")
    with pytest.raises(FlowFileError, match=r"no flow files here: found 1 others, such as .*notes\.md"):
        open_sources([tmp_path])
    with pytest.raises(FlowFileError, match="no flow files here"):
        open_sources([tmp_path / "gone"], on_error="skip")
    with pytest.raises(FlowFileError, match="no flow files here"):
        open_sources([])


def test_a_circle_of_links_ends(folder):
    (folder / "in" / "loop").symlink_to(folder)
    assert len(open_sources([folder])) == 4
    (folder / "dangling").symlink_to(folder / "nowhere")
    with pytest.raises(FlowFileError, match="dangling: no such file"):
        open_sources([folder])
    assert len(open_sources([folder], on_error="skip")) == 4


def test_damage_is_skipped_when_asked_and_told(tmp_path):
    data = (DATA / "rich.rw").read_bytes()
    (tmp_path / "cut.rw").write_bytes(data[:-10])
    sources = open_sources([tmp_path], on_error="skip")
    assert sources.skipped == ()
    counts = {
        sum(chunk.rows for chunk in source.chunks(rows=rows))
        for source in sources
        for rows in (1000, 1 << 18)
    }
    (records,) = counts
    assert 0 < records < 8000
    (skipped,) = sources.skipped
    assert skipped.path == str(tmp_path / "cut.rw")
    assert not skipped.side_file
    assert f"{records} records read until there" in skipped.reason
    with pytest.raises(FlowFileError, match="the file ends inside a block"):
        list(open_sources([tmp_path])[0].chunks())


def test_a_format_that_is_given_is_not_looked_for(tmp_path):
    path = tmp_path / "flows"
    path.write_text(TEXT)
    with pytest.raises(FlowFileError, match="not a SiLK file"):
        open_sources([path], input_format="silk")
    assert open_sources([path], input_format="rwcut")[0].format == "rwcut"
    with pytest.raises(ValueError, match="unknown input format"):
        open_sources([path], input_format="nope")
    assert recognise(path).name == "rwcut"


def test_a_silk_conf_that_is_given_names_the_sensors(tmp_path):
    (tmp_path / "flows.txt").write_text("sensor|\nfar|\n")
    (tmp_path / "other.conf").write_text("sensor 9 far\n")
    sources = open_sources([tmp_path / "flows.txt"], silk_config=tmp_path / "other.conf")
    assert [chunk["sensor"].tolist() for chunk in sources[0].chunks()] == [[9]]


def test_everything_of_the_kit_opens_or_is_left_out():
    sources = open_sources([shared("silk", "samples")], on_error="skip")
    assert len(sources) == 626 + 42
    assert [os.path.basename(s.path) for s in sources.skipped] == ["manifest.jsonl"]  # noqa: PTH119
    assert len(open_sources([shared("real", "silk-repo")])) == 17
    assert chunk_of(0).rows == 0
