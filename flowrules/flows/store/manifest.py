"""The manifest of a store: what belongs to it, written anew as a whole by every conversion.

``flowrules-store.json`` is JSON.  Its last member is the checksum of every byte before it, and replacing the file is the
one step by which a conversion becomes visible.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from flowrules.flows.byte_source import unreadable
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import SilkConf
from flowrules.flows.site_record import conf_of, record_of
from flowrules.flows.store.checksum import digest
from flowrules.flows.store.columns import WIDTHS

FORMAT: Final = "flowrules store"
VERSION: Final = 2
"""The version of the layout that is written, and the only one that is read."""

MANIFEST: Final = "flowrules-store.json"
LOCK: Final = "flowrules-store.lock"

PART_NAME: Final = re.compile(r"(-?[0-9]{3,}-[0-9]{2}-[0-9]{2}|undated)\.[0-9]{1,12}\.[0-9]{1,12}")
"""Folders of parts: the day, the conversion, the number of the part in it."""

HOME_NAME: Final = re.compile(r"home\.[0-9]{1,12}")
"""Files of home hosts: the conversion."""

_DIGEST: Final = re.compile(r"[0-9a-f]{32}")
_TAIL: Final = re.compile(rb'"checksum": "([0-9a-f]{32})"\n}\n\Z')


@frozen
class PartEntry:
    """One part: the records of one day (UTC) that one conversion added and that hold the same fields.

    ``day`` is ISO 8601, or ``undated`` where records have no start time; ``span`` the first and last start
    in ms since 1970 UTC.  ``index_digest`` is the checksum of the part's index.
    """

    name: str
    day: str
    rows: int
    fields: tuple[str, ...]
    span: tuple[int, int] | None
    index_digest: str


@frozen
class HomeEntry:
    """The table of home hosts: its file, how many there are, the nets that they are in (CIDR blocks)."""

    file: str
    hosts: int
    digest: str
    nets: tuple[str, ...]


@frozen
class Manifest:
    """What a store holds after its ``generation``-th conversion."""

    generation: int
    parts: tuple[PartEntry, ...]
    conf: SilkConf
    home: HomeEntry | None = None
    fields: tuple[str, ...] = ()
    """The fields of sources without any record, for a store without parts."""

    @property
    def rows(self) -> int:
        """All records."""
        return sum(part.rows for part in self.parts)


def manifest_bytes(manifest: Manifest, writer: str) -> bytes:
    """The content of the manifest."""
    home = manifest.home
    members: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "writer": writer,
        "generation": manifest.generation,
        "records": manifest.rows,
        "fields": list(manifest.fields),
        "home": None
        if home is None
        else {"file": home.file, "hosts": home.hosts, "checksum": home.digest, "nets": list(home.nets)},
        "site": record_of(manifest.conf),
    }
    parts = [
        {
            "name": part.name,
            "day": part.day,
            "records": part.rows,
            "fields": list(part.fields),
            "stime": None if part.span is None else list(part.span),
            "index": part.index_digest,
        }
        for part in manifest.parts
    ]
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in members.items()]
    lines.append('"parts": [' + ",".join("\n  " + json.dumps(part) for part in parts) + "]")
    body = ("{\n" + "".join(f"{line},\n" for line in lines)).encode("ascii")
    return body + f'"checksum": "{digest(body)}"\n}}\n'.encode("ascii")


def is_store(folder: Path) -> bool:
    """Whether a folder is a store, whole or not."""
    return (folder / MANIFEST).is_file() or (folder / LOCK).is_file()


def read_manifest(folder: Path, name: str) -> Manifest:
    """Read and check the manifest in a folder; ``name`` is what messages call the folder.

    Raises ``FlowFileError`` that names the manifest when it is missing, damaged or of another version.
    """
    path = f"{name}/{MANIFEST}"
    try:
        data = (folder / MANIFEST).read_bytes()
    except FileNotFoundError as error:
        raise FlowFileError(
            path,
            "the manifest of this store is missing",
            hint="its first conversion has not finished, or it was not copied as a whole",
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        record = json.loads(data)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise damaged(path, "no JSON object", _HINT)
    if record.get("format") != FORMAT:
        raise damaged(path, f"format {_shown(record.get('format'))}", _HINT)
    tail = _TAIL.search(data)
    sound = tail is not None and digest(data[: tail.start()]) == tail[1].decode()
    version = record.get("version")
    if version != VERSION and (sound or isinstance(version, int)):
        raise FlowFileError(
            path,
            "a store of a version that is not read here",
            found=f"version {_shown(version)}",
            expected=f"version {VERSION}",
            hint="convert the flows again, or take the flowrules that wrote it",
        )
    if not sound:
        raise damaged(path, "bytes that do not match its checksum", _HINT)
    try:
        return _manifest(record, path)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path, f"a bad entry ({type(error).__name__}: {error})", _HINT) from error


_HINT: Final = "restore it from a copy, or convert the flows again"


def damaged(path: str, found: str, hint: str = _HINT) -> FlowFileError:
    """The error for a file of a store that is not as it was written."""
    return FlowFileError(path, "a damaged file of a store", found=found, hint=hint)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _manifest(record: Mapping[str, Any], path: str) -> Manifest:
    home = record["home"]
    manifest = Manifest(
        generation=_count(record["generation"]),
        parts=tuple(_part(part) for part in record["parts"]),
        conf=conf_of(record["site"], path),
        home=None
        if home is None
        else HomeEntry(
            _named(home["file"], HOME_NAME),
            _count(home["hosts"]),
            _named(home["checksum"], _DIGEST),
            tuple(str(net) for net in home["nets"]),
        ),
        fields=_fields(record["fields"]),
    )
    if manifest.rows != record["records"]:
        raise ValueError(f"{_shown(record['records'])} records, but {manifest.rows} in its parts")
    return manifest


def _part(record: Mapping[str, Any]) -> PartEntry:
    span = record["stime"]
    if span is not None:
        first, last = span
        span = int(first), int(last)
    return PartEntry(
        name=_named(record["name"], PART_NAME),
        day=str(record["day"]),
        rows=_count(record["records"]),
        fields=_fields(record["fields"]),
        span=span,
        index_digest=_named(record["index"], _DIGEST),
    )


def _fields(names: Any) -> tuple[str, ...]:
    fields = tuple(str(name) for name in names)
    unknown = [name for name in fields if name not in WIDTHS]
    if unknown:
        raise ValueError(f"unknown field {unknown[0]}")
    return fields


def _named(value: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"bad name {_shown(value)}")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"bad count {_shown(value)}")
    return value
