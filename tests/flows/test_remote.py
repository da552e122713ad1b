"""Flows behind URLs read as files do, and what cannot be read is said in a line."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("fsspec", reason="the extra dask is not installed")

import fsspec

from flowrules.flows.cat import text_lines
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import BUILT_IN
from flowrules.flows.silk_write import write_silk
from flowrules.flows.sources import open_sources
from flowrules.flows.text_fields import TEXT_FIELDS
from tests.flows.made_flows import made, multiset


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Flows in every form that a URL may lead to, with a side file and a hidden one."""
    folder = tmp_path / "flows"
    (folder / "day").mkdir(parents=True)
    write_silk(folder / "day" / "a.rw", [made(3000)])
    write_silk(folder / "b.rw", [made(2000, 2, wide=0.2)], compression="zlib")
    (folder / "README.md").write_text("not flows\n")
    (folder / ".hidden.rw").write_text("not flows\n")
    some = open_sources([folder / "day" / "a.rw"])
    lines = text_lines(some, tuple(TEXT_FIELDS.values()), some.conf, "csv", "iso", limit=50)
    (folder / "c.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def memory(files: Path) -> Iterator[str]:
    system = fsspec.filesystem("memory")
    for path in files.rglob("*"):
        if path.is_file():
            system.pipe(f"/bucket/{path.relative_to(files)}", path.read_bytes())
    yield "memory://bucket"
    system.rm("/bucket", recursive=True)


def test_folders_globs_and_files(files: Path, memory: str) -> None:
    opened = open_sources([memory])
    here = open_sources([files])
    assert multiset(opened) == multiset(here)
    assert [s.path for s in opened] == [f"memory:///bucket/{n}" for n in ("b.rw", "c.csv", "day/a.rw")]
    assert [s.reason for s in opened.skipped] == ["a side file by its name"]
    assert multiset(open_sources([f"{memory}/*.rw"])) == multiset(open_sources([files / "b.rw"]))
    assert multiset(open_sources([f"{memory}/c.csv"])) == multiset(open_sources([files / "c.csv"]))


def test_files_of_this_machine(files: Path) -> None:
    (source,) = open_sources([f"file://{files}/day/a.rw"])
    assert source.path == f"{files}/day/a.rw"
    assert multiset(open_sources([f"local://{files}"])) == multiset(open_sources([files]))


def test_parquet(files: Path, memory: str) -> None:
    pytest.importorskip("pyarrow")
    from flowrules.flows.parquet import write_parquet

    (source,) = open_sources([files / "day" / "a.rw"])
    names = write_parquet(files / "parquet", [source])
    fsspec.filesystem("memory").pipe("/bucket/p.parquet", (files / "parquet" / names[0]).read_bytes())
    assert multiset(open_sources([f"{memory}/p.parquet"])) == multiset(open_sources([files / "parquet"]))


def test_only_ranges_of_a_large_file_are_fetched(files: Path, memory: str) -> None:
    (source,) = open_sources([f"{memory}/day/a.rw"])
    assert source.portion is not None and source.portion.weight == 3000
    pieces = source.portion.cut(1000)
    assert [p.weight for p in pieces] == [1000, 1000, 1000]
    opened = [piece.open(BUILT_IN) for piece in pieces]
    assert multiset(opened) == multiset(open_sources([files / "day" / "a.rw"]))
    (whole,) = open_sources([f"{memory}/b.rw"])
    assert whole.portion is not None and len(whole.portion.cut(100)) == 1


class _Ranges(SimpleHTTPRequestHandler):
    """Serves files with ranges, which Python's own handler does not."""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        data = Path(self.translate_path(self.path)).read_bytes()
        if asked is None:
            self.send_response(200)
        else:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            size, start, stop = len(data), int(first), int(last or len(data) - 1)
            data = data[start : stop + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{start + len(data) - 1}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def test_over_http(files: Path) -> None:
    pytest.importorskip("aiohttp", reason="fsspec reads http with aiohttp, which is not installed")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Ranges, directory=str(files)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/day/a.rw"
        assert multiset(open_sources([url])) == multiset(open_sources([files / "day" / "a.rw"]))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memory://nowhere/a.rw", "memory://nowhere/a.rw: no such file or folder"),
        ("memory://nowhere/*.rw", "memory://nowhere/*.rw: no file matches"),
        ("odd://a/b", "odd://a/b: cannot be read: Protocol not known: odd"),
    ],
)
def test_what_is_not_there(url: str, said: str) -> None:
    with pytest.raises(FlowFileError) as error:
        open_sources([url])
    assert str(error.value).startswith(said)


def test_a_missing_driver_is_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(
        FlowFileError, match=r"what reads s3:// is not installed \(hint: pip install 's3fs'\)"
    ):
        open_sources(["s3://bucket/flows/"])
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(FlowFileError, match=r"\(hint: pip install 'flowrules\[dask\]'\)"):
        open_sources(["memory://bucket/flows/"])


def test_damage_behind_a_url(memory: str) -> None:
    system = fsspec.filesystem("memory")
    system.pipe("/bucket/day/a.rw", system.cat("/bucket/day/a.rw")[:-5])
    with pytest.raises(FlowFileError, match="the file ends inside a record"):
        multiset(open_sources([f"{memory}/day/a.rw"]))


def test_a_server_that_does_not_answer_is_not_a_missing_file() -> None:
    pytest.importorskip("aiohttp", reason="fsspec reads http with aiohttp, which is not installed")
    server = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    url = f"http://127.0.0.1:{server.server_port}/a.rw"
    server.server_close()
    with pytest.raises(FlowFileError, match="the server cannot be reached"):
        open_sources((url,))
