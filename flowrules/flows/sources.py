"""From the paths that somebody names to sources of flow records, each recognised by its content."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final, Literal, overload

from attrs import define, evolve, field, frozen

from flowrules.flows.byte_source import unreadable
from flowrules.flows.errors import FlowFileError
from flowrules.flows.portions import portion_of
from flowrules.flows.remote import expand_url, is_url, local_path
from flowrules.flows.silk_conf import FILE_NAME, SilkConf, find_silk_conf
from flowrules.flows.silk_header import FORMATS as SILK_FORMATS
from flowrules.flows.silk_header import MAGIC
from flowrules.flows.silk_layouts import FLOW_FORMATS
from flowrules.flows.stream_source import open_bytes
from flowrules.flows.table import CHUNK_ROWS, Chunk, FlowSource
from flowrules.model.structural import Shown, Structural

_HEAD_BYTES = 1 << 14

STDIN: Final = "-"


@frozen(eq=False, repr=False)
class Format(Shown):
    """One format of flow files: how to know it by its first bytes, and how to open a file of it.

    ``open`` takes the path of the bytes, the name for messages and the site configuration.  It gives several
    sources where the records of one path do not all have the same fields.  A format of folders matches no
    bytes.
    """

    name: str
    text: str
    matches: Callable[[bytes], bool]
    open: Callable[[str, str, SilkConf], FlowSource | tuple[FlowSource, ...]]


def _is_silk(head: bytes) -> bool:
    return head[:4] == MAGIC


def _open_silk(path: str, name: str, conf: SilkConf) -> FlowSource:
    from flowrules.flows.silk_records import silk_source

    return silk_source(path, name, conf)


def _is_text(head: bytes) -> bool:
    from flowrules.flows.text_reader import looks_like_titles

    if b"\0" in head:
        return False
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    line = next((line for line in text.splitlines() if line.strip()), "")
    return looks_like_titles(line)


def _open_text(path: str, name: str, conf: SilkConf) -> FlowSource:
    from flowrules.flows.text_reader import text_source

    return text_source(path, name, conf)


def _is_parquet(head: bytes) -> bool:
    return head[:4] == b"PAR1"


def _open_parquet(path: str, name: str, conf: SilkConf) -> FlowSource:
    from flowrules.flows.parquet import parquet_source

    return parquet_source(path, name, conf)


def _is_arrow(head: bytes) -> bool:
    # a file, or a stream: the mark of its first message, and the length of that, a small multiple of 8
    return head[:6] == b"ARROW1" or (
        head[:4] == b"\xff" * 4 and head[4:5] != b"" and head[4] % 8 == 0 and head[7:8] == b"\0"
    )


def _open_arrow(path: str, name: str, conf: SilkConf) -> FlowSource:
    from flowrules.flows.arrow_file import arrow_file_source

    return arrow_file_source(path, name, conf)


def _is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a folder that is flow data as a whole: a column store."""
    if not Path(path).is_dir():
        return False
    from flowrules.flows.store.manifest import is_store

    return is_store(Path(path))


def _open_store(path: str, name: str, conf: SilkConf) -> tuple[FlowSource, ...]:
    from flowrules.flows.store.reading import open_store

    return open_store(path, name).sources()


FORMATS: Final[tuple[Format, ...]] = (
    Format("silk", "SiLK flow files", _is_silk, _open_silk),
    Format("store", "column stores", lambda _: False, _open_store),
    Format("parquet", "Parquet", _is_parquet, _open_parquet),
    Format("arrow", "Arrow files", _is_arrow, _open_arrow),
    Format("rwcut", "text as rwcut prints it, with titles", _is_text, _open_text),
    Format("csv", "CSV with rwcut's titles", _is_text, _open_text),
)
"""The formats that are read, in the order in which they are tried."""

_SIDE_NAMES: Final = (FILE_NAME, "readme", "license", "licence", "copying", "changelog", "notice")
_SIDE_SUFFIXES: Final = frozenset(
    {".set", ".pmap", ".bag", ".conf", ".yaml", ".yml", ".toml", ".frules", ".md", ".rst", ".html", ".part"}
)

_TEXT_SUFFIXES: Final = frozenset({".csv", ".tsv", ".txt"})
_NO_TITLES: Final = "text whose first line has no titles of flow records"


@frozen(eq=False, repr=False)
class Skipped(Structural):
    """A file that was left out, or whose rest was, and why."""

    path: str
    reason: str
    side_file: bool
    """Whether it is there for another purpose, and nothing is missing without it."""


@define
class Skips:
    """What has been left out so far: readers add to it as they meet damage."""

    files: dict[str, Skipped] = field(factory=dict)

    def add(self, path: str, reason: str, side_file: bool = False) -> None:
        """Note what is left out, unless something was noted of it before."""
        self.files.setdefault(path, Skipped(path, reason, side_file))


@frozen(eq=False)
class FlowSources(Sequence[FlowSource]):
    """The sources that some paths name, in order, with the site configuration that applies to them.

    ``skipped`` is what was left out of folders and globs and, with ``on_error="skip"``, what could not
    be read; it grows while damaged sources are read.
    """

    sources: tuple[FlowSource, ...]
    conf: SilkConf
    _skips: Skips = field(repr=False)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was left out, and why."""
        return tuple(self._skips.files.values())

    def of(self, sources: Sequence[FlowSource]) -> FlowSources:
        """Other sources, whose damage is noted with that of these."""
        return evolve(self, sources=tuple(sources))

    def leave_out(self, path: str, reason: str) -> None:
        """Note what another process left out of a source."""
        self._skips.add(path, reason)

    @overload
    def __getitem__(self, index: int) -> FlowSource: ...
    @overload
    def __getitem__(self, index: slice) -> FlowSources: ...
    def __getitem__(self, index: int | slice) -> FlowSource | FlowSources:
        if isinstance(index, slice):
            return self.of(self.sources[index])
        return self.sources[index]

    def __len__(self) -> int:
        return len(self.sources)


def open_sources(
    paths: Iterable[str | os.PathLike[str]],
    input_format: str | None = None,
    silk_config: str | os.PathLike[str] | None = None,
    stdin: IO[bytes] | None = None,
    on_error: Literal["fail", "skip"] = "fail",
) -> FlowSources:
    """Open the flow files that ``paths`` name: files, folders (all files below), globs, URLs, ``-``.

    Folders are read in the order of their names.  Standard input and named pipes are copied to a
    temporary file first, since a run may read its sources more than once; the copy is gone when the source
    is.  ``input_format`` (a name of ``FORMATS``) is taken instead of what the content says.  From folders
    and globs, side files are left out: silk.conf, hidden files, sets, prefix maps, rulesets, site files and
    notes; so is a file that is named twice.

    Raises ``FlowFileError`` for a path that does not exist or cannot be read, an empty file, a folder or
    glob without flow files, and a file that is no flow file.  With ``on_error="skip"`` files that cannot
    be read are left out, and damaged ones from the damage on; ``skipped`` tells.
    """
    if input_format is not None and all(f.name != input_format for f in FORMATS):
        raise ValueError(f"unknown input format {input_format}")
    skips = Skips()
    named = [local_path(os.fspath(path)) for path in paths]
    files = list(_files(named, skips, on_error))
    conf = find_silk_conf(silk_config, (path for path, _ in files))
    sources: list[FlowSource] = []
    for path, within in files:
        try:
            source = _open(path, within, input_format, conf, stdin)
        except FlowFileError as error:
            if on_error == "fail":
                raise
            skips.add(path, error.reason)
            continue
        if isinstance(source, str):
            # a list or table of something else is likely, flows with wrong titles are possible: that is told
            skips.add(path, source, side_file=source != _NO_TITLES)
            continue
        opened = source if isinstance(source, tuple) else (source,)
        sources.extend(tolerant(one, skips) if on_error == "skip" else one for one in opened)
    if not sources:
        others = list(skips.files.values())
        raise FlowFileError(
            ", ".join(named) or "nothing",
            "no flow files here",
            found=f"{len(others)} others, such as {others[0].path} ({others[0].reason})"
            if others
            else "nothing",
            expected=_known_formats(),
        )
    return FlowSources(tuple(sources), conf, skips)


def recognise(path: str | os.PathLike[str], name: str | None = None) -> Format:
    """The format of a flow file, by its first bytes (unzipped where it is a gzip file), or of a store's folder.

    Raises ``FlowFileError`` when it is empty or no flow file.
    """
    name = os.fspath(path) if name is None else name
    if _is_folder(path):
        return next(f for f in FORMATS if f.name == "store")
    head = _head(path, name)
    if not head:
        raise FlowFileError(name, "the file is empty", expected="flow records")
    for candidate in FORMATS:
        if candidate.matches(head):
            return candidate
    raise FlowFileError(
        name,
        "not a flow file of a format that is known",
        offset=0,
        found=_shown(head),
        expected=_known_formats(),
    )


def _known_formats() -> str:
    return ", ".join(f.text for f in FORMATS[:-1]) + f" or {FORMATS[-1].text}"


def _head(path: str | os.PathLike[str], name: str) -> bytes:
    with open_bytes(os.fspath(path), name) as source:
        return bytes(source.read(_HEAD_BYTES))


def _shown(head: bytes) -> str:
    start = head[:16]
    if b"\0" in head and start.isascii() and start.split(b"\n")[0].decode().isprintable():
        return f"text with a NUL byte at offset {head.index(0)}"
    if start.isascii() and all(32 <= byte < 127 or byte in b"\r\n\t" for byte in start):
        return repr(head[:40].split(b"\n")[0].decode("ascii", "replace").strip())
    return f"the bytes {start[:8].hex(' ')}"


def _files(named: list[str], skips: Skips, on_error: str) -> Iterator[tuple[str, bool]]:
    """The files that the paths name, and whether each comes from a folder or glob."""
    seen: set[object] = set()
    for name in named:
        if name == STDIN:
            if named.count(STDIN) > 1:
                raise FlowFileError(STDIN, "standard input is named twice, and can be read once")
            yield STDIN, False
            continue
        try:
            found = list(_expand(name))
        except FlowFileError as error:
            if on_error == "fail":
                raise
            skips.add(name, error.reason)
            continue
        for path, within in found:
            key: object = path
            if not is_url(path):
                try:
                    status = Path(path).stat()
                except OSError as error:
                    if on_error == "fail":
                        raise unreadable(path, error) from error
                    skips.add(path, unreadable(path, error).reason)
                    continue
                key = (status.st_dev, status.st_ino)
            if key in seen:
                skips.add(path, "named twice")
                continue
            seen.add(key)
            yield path, within


def _expand(name: str) -> Iterator[tuple[str, bool]]:
    import glob

    path = Path(name)
    if is_url(name):
        yield from expand_url(name)
    elif _is_folder(path):
        yield name, False
    elif path.is_dir():
        found = list(_below(path, set()))
        if not found:
            raise FlowFileError(name, "the folder is empty", expected="flow files")
        yield from ((one, True) for one in found)
    elif not path.exists() and glob.has_magic(name):
        matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - absolute patterns too
        if not matches:
            raise FlowFileError(name, "no file matches")
        for match in matches:
            if Path(match).is_dir() and not _is_folder(match):
                yield from ((one, True) for one in _below(Path(match), set()))
            else:
                yield match, True
    else:
        yield name, False


def _below(folder: Path, seen: set[tuple[int, int]]) -> Iterator[str]:
    try:
        status = folder.stat()
        key = (status.st_dev, status.st_ino)
        if key in seen:
            return
        seen.add(key)
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise unreadable(str(folder), error) from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not _is_folder(entry):
            yield from _below(entry, seen)
        else:
            yield str(entry)


def _open(
    path: str,
    within: bool,
    input_format: str | None,
    conf: SilkConf,
    stdin: IO[bytes] | None,
) -> FlowSource | tuple[FlowSource, ...] | str:
    """The source at a path (or sources), or why it is a side file."""
    copy: IO[bytes] | None = None
    if path == STDIN:
        copy = _copied(stdin if stdin is not None else sys.stdin.buffer, path)
    elif Path(path).is_fifo() or Path(path).is_char_device():
        try:
            with Path(path).open("rb") as pipe:
                copy = _copied(pipe, path)
        except OSError as error:
            raise unreadable(path, error) from error
    elif within and not Path(path).is_dir():
        reason = _side_file(path)
        if reason is not None:
            return reason
    where = path if copy is None else copy.name
    if input_format is None:
        known = recognise(where, path)
    else:
        known = next(f for f in FORMATS if f.name == input_format)
    opened = known.open(where, path, conf)
    if copy is not None:
        # only folders hold several sources, and no folder is ever copied
        assert isinstance(opened, FlowSource)
        return _keeping(opened, copy)
    sources = opened if isinstance(opened, tuple) else (opened,)
    return tuple(evolve(source, portion=portion_of(source, path, known.name)) for source in sources)


def _side_file(name: str) -> str | None:
    """Why a file of a folder is not meant as a flow file, ``None`` where it is."""
    path = Path(name)
    lower = path.name.lower()
    if any(lower == name or lower.split(".")[0] == name for name in _SIDE_NAMES):
        return "a side file by its name"
    if path.suffix.lower() in _SIDE_SUFFIXES:
        return "a side file by its name"
    head = _head(name, name)
    if _is_silk(head) and len(head) > 5 and head[5] in SILK_FORMATS and head[5] not in FLOW_FORMATS:
        return f"a SiLK file of format {SILK_FORMATS[head[5]]}, which holds no flow records"
    if path.suffix.lower() in _TEXT_SUFFIXES and head and b"\0" not in head and not _is_text(head):
        return _NO_TITLES
    return None


def _copied(stream: IO[bytes], name: str) -> IO[bytes]:
    """A temporary file with what is left of a stream that can be read once."""
    import shutil
    import tempfile

    copy = tempfile.NamedTemporaryFile(prefix="flowrules-")  # noqa: SIM115 - lives as long as its source
    try:
        shutil.copyfileobj(stream, copy, 1 << 20)
        copy.flush()
    except OSError as error:
        raise FlowFileError(
            name, f"cannot be copied to a temporary file: {error.strerror or error}"
        ) from error
    return copy


def _keeping(source: FlowSource, copy: IO[bytes]) -> FlowSource:
    """The same source, with the file that it reads kept alive; the file goes when the source does."""

    def read(fields: frozenset[str] | None, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        assert not copy.closed
        return source.chunks(fields, rows)

    return FlowSource(source.path, source.format, source.fields, read, source.once, records=source.records)


def tolerant(source: FlowSource, skips: Skips) -> FlowSource:
    """The same source, but one that ends at damage and notes it."""

    def read(fields: frozenset[str] | None, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        try:
            yield from source.chunks(fields, rows)
        except FlowFileError as error:
            skips.add(source.path, error.reason)

    return FlowSource(
        source.path,
        source.format,
        source.fields,
        read,
        source.once,
        records=source.records,
        portion=None if source.portion is None else evolve(source.portion, tolerant=True),
    )
