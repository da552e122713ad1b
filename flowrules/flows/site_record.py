"""The site configuration as a store or Parquet file keeps it, so that the names go where the ids go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve

from flowrules.flows.silk_conf import BUILT_IN, Flowtype, Sensor, SilkClass, SilkConf

SITE_KEY: Final = b"flowrules.site"
"""The entry of an Arrow schema's metadata that has the names of sensors, classes and types, as JSON."""


class OtherSite(Exception):
    """Two configurations give one id different names; ``str()`` says which."""


def record_of(conf: SilkConf) -> dict[str, Any]:
    """The configuration as JSON has it."""
    return {
        "version": conf.version,
        "sensors": [[s.id, s.name, s.description] for s in conf.sensors.values()],
        "types": [[f.id, f.class_name, f.type_name, f.name] for f in conf.flowtypes.values()],
        "classes": {
            name: {"sensors": list(c.sensors), "default_types": list(c.default_types)}
            for name, c in conf.classes.items()
        },
        "groups": {name: list(members) for name, members in conf.groups.items()},
        "default_class": conf.default_class,
        "path_format": conf.path_format,
        "packing_logic": conf.packing_logic,
    }


def conf_of(record: dict[str, Any], path: str) -> SilkConf:
    """The configuration that ``record_of`` recorded; ``path`` is where it was found.

    Raises ``KeyError``, ``TypeError`` or ``ValueError`` where the record is none.
    """
    return SilkConf(
        path=path,
        version=int(record["version"]),
        sensors={int(id): Sensor(int(id), str(name), str(text)) for id, name, text in record["sensors"]},
        classes={
            name: SilkClass(name, tuple(one["sensors"]), tuple(one["default_types"]))
            for name, one in record["classes"].items()
        },
        flowtypes={
            int(id): Flowtype(int(id), str(owner), str(type_name), str(name))
            for id, owner, type_name, name in record["types"]
        },
        groups={name: tuple(members) for name, members in record["groups"].items()},
        default_class=record["default_class"],
        path_format=str(record["path_format"]),
        packing_logic=record["packing_logic"],
    )


def conf_in(metadata: Mapping[bytes, bytes] | None, path: str) -> SilkConf | None:
    """The configuration that the metadata of an Arrow schema keeps, ``None`` where it does not."""
    record = (metadata or {}).get(SITE_KEY)
    if record is None:
        return None
    try:
        return conf_of(json.loads(record), path)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def is_assumed(conf: SilkConf) -> bool:
    """Whether this is the built-in site, which stands for none that is known."""
    return evolve(conf, path=BUILT_IN.path) == BUILT_IN


def united(old: SilkConf, new: SilkConf) -> SilkConf:
    """One configuration for records of both; a known site takes the place of the assumed one.

    Raises ``OtherSite`` where both are known and an id means different things.
    """
    if is_assumed(new):
        return old
    if is_assumed(old):
        return new
    for id, sensor in new.sensors.items():
        before = old.sensors.get(id)
        if before is not None and before.name != sensor.name:
            raise OtherSite(f"sensor {id} is {before.name} there and {sensor.name} here")
    for id, type_ in new.flowtypes.items():
        known = old.flowtypes.get(id)
        if known is not None and (known.class_name, known.type_name) != (type_.class_name, type_.type_name):
            raise OtherSite(
                f"type {id} is {known.class_name}/{known.type_name} there "
                f"and {type_.class_name}/{type_.type_name} here"
            )
    return evolve(
        new,
        sensors=dict(sorted({**old.sensors, **new.sensors}.items())),
        flowtypes=dict(sorted({**old.flowtypes, **new.flowtypes}.items())),
        classes={**old.classes, **new.classes},
        groups={**old.groups, **new.groups},
    )
