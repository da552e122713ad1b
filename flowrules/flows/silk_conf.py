"""silk.conf: the names of sensors, classes and types behind the ids in flow records.

Source: silk.conf(5).  Without a file, SiLK's stock two-way site applies: one class ``all``, its eleven types,
sensors S0 to S14.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import field, frozen

from flowrules.flows.errors import FlowFileError
from flowrules.flows.remote import is_url
from flowrules.flows.silk_header import UNKNOWN_FLOWTYPE, UNKNOWN_SENSOR
from flowrules.model.structural import Structural

FILE_NAME: Final = "silk.conf"
ENVIRONMENT: Final = "SILK_CONFIG_FILE"

_MAX_INCLUDES = 8

INBOUND: Final = frozenset({"in", "inweb", "inicmp", "innull"})
OUTBOUND: Final = frozenset({"out", "outweb", "outicmp", "outnull"})
INTERNAL: Final = frozenset({"int2int"})
EXTERNAL: Final = frozenset({"ext2ext"})
BLOCKED: Final = frozenset({"innull", "outnull"})

DIRECTIONS: Final = {
    "inbound": INBOUND,
    "outbound": OUTBOUND,
    "internal": INTERNAL,
    "external": EXTERNAL,
    "blocked": BLOCKED,
}
"""Type names by the direction that they say; ``blocked`` overlaps with inbound and outbound."""


@frozen(eq=False, repr=False)
class Sensor(Structural):
    """A sensor: its id and name, and the description that version 2 allows."""

    id: int
    name: str
    description: str = ""


@frozen(eq=False, repr=False)
class Flowtype(Structural):
    """A class and type pair under one id; ``name`` is the short one that packed files' names begin with."""

    id: int
    class_name: str
    type_name: str
    name: str


@frozen(eq=False, repr=False)
class SilkClass(Structural):
    """A class: its sensors (names) and which of its types are taken by default (names)."""

    name: str
    sensors: tuple[str, ...] = ()
    default_types: tuple[str, ...] = ()


@frozen(eq=False, repr=False)
class SilkConf(Structural):
    """One site's sensors, classes and types.

    ``path`` is the file that this came from, ``None`` for the built-in site.
    """

    path: str | None
    version: int
    sensors: Mapping[int, Sensor]
    classes: Mapping[str, SilkClass]
    flowtypes: Mapping[int, Flowtype]
    groups: Mapping[str, tuple[str, ...]] = field(factory=dict)
    default_class: str | None = None
    path_format: str = "%T/%Y/%m/%d/%x"
    packing_logic: str | None = None

    def sensor_name(self, id: int) -> str:
        """The sensor's name as rwcut prints it: its number without one, ``?`` where unknown."""
        sensor = self.sensors.get(id)
        if sensor is not None:
            return sensor.name
        return "?" if id == UNKNOWN_SENSOR else str(id)

    def sensor_id(self, name: str) -> int | None:
        """The id of the sensor of this name, ``None`` without one."""
        return next((s.id for s in self.sensors.values() if s.name == name), None)

    def type_name(self, id: int) -> str:
        """The type's name as rwcut prints it: its number where unknown."""
        flowtype = self.flowtypes.get(id)
        return str(id) if flowtype is None else flowtype.type_name

    def class_name(self, id: int) -> str:
        """The class's name as rwcut prints it for a flowtype id: ``?`` where unknown."""
        flowtype = self.flowtypes.get(id)
        return "?" if flowtype is None else flowtype.class_name

    def flowtype_ids(self, type_name: str, class_name: str | None = None) -> tuple[int, ...]:
        """The ids of the types of this name, of one class or of all."""
        return tuple(
            f.id
            for f in self.flowtypes.values()
            if f.type_name == type_name and (class_name is None or f.class_name == class_name)
        )

    def flowtype_by_name(self, name: str) -> int | None:
        """The id of the flowtype of this short name (``iw``), ``None`` without one."""
        return next((f.id for f in self.flowtypes.values() if f.name == name), None)

    def direction_ids(self, direction: str) -> tuple[int, ...]:
        """The flowtype ids whose type names say a direction: a key of ``DIRECTIONS``."""
        names = DIRECTIONS[direction]
        return tuple(f.id for f in self.flowtypes.values() if f.type_name in names)

    def default_type_ids(self, class_name: str | None = None) -> tuple[int, ...]:
        """The ids of the types that a class (the default class when ``None``) is taken to mean."""
        name = self.default_class if class_name is None else class_name
        known = self.classes.get(name or "")
        if known is None:
            return ()
        return tuple(id for type_name in known.default_types for id in self.flowtype_ids(type_name, name))


def _built_in() -> SilkConf:
    types = {
        "in": "in", "out": "out", "inweb": "iw", "outweb": "ow", "innull": "innull", "outnull": "outnull",
        "int2int": "int2int", "ext2ext": "ext2ext", "inicmp": "inicmp", "outicmp": "outicmp", "other": "other",
    }  # fmt: skip
    sensors = {id: Sensor(id, f"S{id}") for id in range(15)}
    return SilkConf(
        path=None,
        version=2,
        sensors=sensors,
        classes={"all": SilkClass("all", tuple(s.name for s in sensors.values()), ("in", "inweb", "inicmp"))},
        flowtypes={
            id: Flowtype(id, "all", type_name, name) for id, (type_name, name) in enumerate(types.items())
        },
        default_class="all",
    )


BUILT_IN: Final = _built_in()
"""The site that is assumed where no silk.conf is found."""


def find_silk_conf(
    given: str | os.PathLike[str] | None, flow_paths: Iterable[str | os.PathLike[str]]
) -> SilkConf:
    """The site configuration for some flow files.

    The file ``given`` (``--silk-config``), else the one that ``$SILK_CONFIG_FILE`` names, else the first
    silk.conf beside the flows or in a folder above (for a column store or Parquet file: the site that it
    keeps), else the built-in site.  Raises ``FlowFileError`` when the one that applies cannot be read.
    """
    if given is not None:
        return read_silk_conf(given)
    named = os.environ.get(ENVIRONMENT)
    if named:
        return read_silk_conf(named)
    seen: set[Path] = set()
    for path in flow_paths:
        if os.fspath(path) == "-" or is_url(os.fspath(path)):
            continue
        start = Path(path).absolute()
        kept = _kept_conf(start, os.fspath(path))
        if kept is not None:
            return kept
        for folder in (start, *start.parents):
            if folder in seen:
                break
            seen.add(folder)
            candidate = folder / FILE_NAME
            if candidate.is_file():
                return read_silk_conf(candidate)
    return BUILT_IN


def _kept_conf(path: Path, name: str) -> SilkConf | None:
    """The known site that a column store or a Parquet file of ours keeps with its records, else ``None``."""
    conf = None
    if path.is_dir():
        from flowrules.flows.store.manifest import is_store, read_manifest

        # damage is told when the store is opened, where it may be skipped
        with suppress(FlowFileError):
            conf = read_manifest(path, name).conf if is_store(path) else None
    elif path.suffix == ".parquet":
        from flowrules.flows.parquet import parquet_conf

        conf = parquet_conf(name)
    if conf is None:
        return None
    from flowrules.flows.site_record import is_assumed

    return None if is_assumed(conf) else conf


def read_silk_conf(path: str | os.PathLike[str]) -> SilkConf:
    """Parse a silk.conf file; ``FlowFileError`` with the line says what is wrong in it."""
    reader = _ConfReader()
    reader.read(Path(path), 0)
    return reader.finish(os.fspath(path))


_TOKEN = re.compile(r'\s*(?:(#.*)|"((?:[^"\\]|\\.)*)"|([^\s"#]+))')


class _ConfReader:
    """Reads one silk.conf, and what it includes, line by line."""

    def __init__(self) -> None:
        self.version = 1
        self.sensors: dict[int, Sensor] = {}
        self.sensor_names: set[str] = set()
        self.class_sensors: dict[str, list[str]] = {}
        self.default_types: dict[str, list[str]] = {}
        self.flowtypes: dict[int, Flowtype] = {}
        self.groups: dict[str, list[str]] = {}
        self.default_class: str | None = None
        self.path_format = "%T/%Y/%m/%d/%x"
        self.packing_logic: str | None = None
        self.block: tuple[str, str] | None = None
        self.path = ""
        self.line = 0

    def fail(self, message: str, **more: str) -> FlowFileError:
        return FlowFileError(self.path, message, line=self.line, **more)  # type: ignore[arg-type]

    def read(self, path: Path, depth: int) -> None:
        from flowrules.flows.byte_source import unreadable

        try:
            content = path.read_bytes()
        except OSError as error:
            raise unreadable(os.fspath(path), error) from error
        outer = self.path, self.line
        self.path = os.fspath(path)
        for number, text in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            self.line = number
            words = self.words(text)
            if words:
                self.command(words, path, depth)
        if depth == 0 and self.block is not None:
            raise self.fail(f"the {self.block[0]} {self.block[1]} has no end", hint=f"end {self.block[0]}")
        self.path, self.line = outer

    def words(self, text: str) -> list[str]:
        words, at = [], 0
        while at < len(text.rstrip()):
            token = _TOKEN.match(text, at)
            if token is None:
                raise self.fail("a quote without its end", found=text[at:].strip()[:40])
            if token[1] is not None:
                break
            words.append(token[3] if token[3] is not None else re.sub(r"\\(.)", r"\1", token[2]))
            at = token.end()
        return words

    def command(self, words: list[str], path: Path, depth: int) -> None:
        name, rest = words[0], words[1:]
        if name == "end":
            if self.block is None or rest[:1] != [self.block[0]]:
                wanted = "a class or group to end" if self.block is None else f"end {self.block[0]}"
                raise self.fail("nothing to end here", found=" ".join(words), expected=wanted)
            self.block = None
        elif self.block is not None:
            self.inside(name, rest)
        elif name == "include":
            self.count(words, 1)
            if depth >= _MAX_INCLUDES:
                raise self.fail(
                    f"more than {_MAX_INCLUDES} files include one another", hint="is there a circle?"
                )
            self.read(path.parent / rest[0], depth + 1)
        else:
            self.outside(name, words, rest)

    def outside(self, name: str, words: list[str], rest: list[str]) -> None:
        if name == "version":
            self.count(words, 1)
            self.version = self.number(rest[0], 2, "version")
        elif name == "sensor":
            self.count(words, 2, 3)
            id = self.number(rest[0], UNKNOWN_SENSOR - 1, "sensor id")
            if id in self.sensors or rest[1] in self.sensor_names:
                raise self.fail(f"sensor {id} {rest[1]} is already defined")
            self.sensors[id] = Sensor(id, rest[1], rest[2] if len(rest) > 2 else "")
            self.sensor_names.add(rest[1])
        elif name in ("class", "group"):
            self.count(words, 1)
            self.block = (name, rest[0])
            if name == "class":
                self.class_sensors.setdefault(rest[0], [])
            else:
                self.groups.setdefault(rest[0], [])
        elif name == "default-class":
            self.count(words, 1)
            if rest[0] not in self.class_sensors:
                raise self.fail(f"unknown class {rest[0]}", hint="define the class first")
            self.default_class = rest[0]
        elif name == "path-format":
            self.count(words, 1)
            self.path_format = rest[0]
        elif name == "packing-logic":
            self.count(words, 1)
            self.packing_logic = rest[0]
        else:
            raise self.fail(
                f"unknown command {name}",
                expected="sensor, class, group, default-class, include, version, path-format or packing-logic",
            )

    def inside(self, name: str, rest: list[str]) -> None:
        assert self.block is not None
        kind, owner = self.block
        if name == "sensors":
            members = self.class_sensors[owner] if kind == "class" else self.groups[owner]
            for word in rest:
                members.extend(sensor for sensor in self.expand(word) if sensor not in members)
        elif name == "type" and kind == "class":
            self.count([name, *rest], 2, 3)
            id = self.number(rest[0], UNKNOWN_FLOWTYPE - 1, "type id")
            if id in self.flowtypes:
                raise self.fail(f"type id {id} is already defined")
            if any(f.class_name == owner and f.type_name == rest[1] for f in self.flowtypes.values()):
                raise self.fail(f"type {rest[1]} of class {owner} is already defined")
            self.flowtypes[id] = Flowtype(id, owner, rest[1], rest[2] if len(rest) > 2 else owner + rest[1])
        elif name == "default-types" and kind == "class":
            for word in rest:
                if not any(f.class_name == owner and f.type_name == word for f in self.flowtypes.values()):
                    raise self.fail(f"unknown type {word} of class {owner}", hint="define the type first")
                types = self.default_types.setdefault(owner, [])
                if word not in types:
                    types.append(word)
        else:
            allowed = (
                "sensors, type, default-types or end class" if kind == "class" else "sensors or end group"
            )
            raise self.fail(f"{name} cannot stand in {kind} {owner}", expected=allowed)

    def expand(self, word: str) -> list[str]:
        if word.startswith("@"):
            if word[1:] not in self.groups:
                raise self.fail(f"unknown group {word[1:]}", hint="define the group first")
            return self.groups[word[1:]]
        if word not in self.sensor_names:
            raise self.fail(f"unknown sensor {word}", hint="define the sensor first")
        return [word]

    def count(self, words: list[str], least: int, most: int | None = None) -> None:
        most = least if most is None else most
        if not least <= len(words) - 1 <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise self.fail(
                f"wrong number of arguments after {words[0]}", found=str(len(words) - 1), expected=wanted
            )

    def number(self, text: str, most: int, what: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > most:
            raise self.fail(f"bad {what}", found=text, expected=f"a number from 0 to {most}")
        return int(text)

    def finish(self, path: str) -> SilkConf:
        return SilkConf(
            path=path,
            version=self.version,
            sensors=self.sensors,
            classes={
                name: SilkClass(name, tuple(sensors), tuple(self.default_types.get(name, ())))
                for name, sensors in self.class_sensors.items()
            },
            flowtypes=dict(sorted(self.flowtypes.items())),
            groups={name: tuple(sensors) for name, sensors in self.groups.items()},
            default_class=self.default_class,
            path_format=self.path_format,
            packing_logic=self.packing_logic,
        )
