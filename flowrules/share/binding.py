"""From the site file and ``--set`` options to the values that a check gives the parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from flowrules.check.bindings import Binder, Binding, Bindings
from flowrules.model.map_table import MapTable
from flowrules.share.codes import found
from flowrules.share.site import Site, SiteFile, SiteValue
from flowrules.syntax.diagnostics import Diagnostic, RulesetErrors

ADDRESS_MAPS: Final = ("country", "asn")
"""Names under the site's ``maps`` that are key functions of the language, not parameters."""

_NAME: Final = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*", re.ASCII)


def bind(site: Site, settings: Iterable[str] = (), binder: Binder | None = None) -> Bindings:
    """What the site and the ``--set`` options (``name=value`` each) give to a check.

    ``binder`` reads the maps ``country`` and ``asn``, where the site names them; other files are read by
    the check, for the parameters that it meets.  Raises ``RulesetErrors`` for options that are no
    ``name=value`` and ``BinderError`` for a map that cannot be read.
    """
    return Bindings(
        parameters=_site_parameters(site),
        given=_settings(settings),
        maps=_address_maps(site, binder),
        names=site.names,
        internal=site.internal,
        direction=site.direction,
        sampling=site.sampling,
        assume=dict(site.assume),
        zone=site.zone,
        site_path=site.path or "site.yaml",
    )


def _site_parameters(site: Site) -> dict[str, Binding]:
    """The site's values by ``ruleset.name``, or by the bare name where they are for every ruleset."""
    parameters: dict[str, Binding] = {}
    for ruleset, values in site.params.items():
        for name, value in values.items():
            parameters[name if ruleset is None else f"{ruleset}.{name}"] = _from_site(site, value)
    for name, value in site.schedules.items():
        parameters[name] = _from_site(site, value)
    for name, file in (*site.sets.items(), *site.maps.items()):
        if name not in ADDRESS_MAPS:
            parameters[name] = _from_site(site, file)
    return parameters


def _from_site(site: Site, value: SiteValue | SiteFile) -> Binding:
    text = f"file {_quoted(value.path)}" if isinstance(value, SiteFile) else value.text
    place = f"{site.path}:{value.span.line}"
    return Binding(text, "site", place, str(Path(site.path).parent), value.span)


def _quoted(path: Path) -> str:
    """A path as a string of the language; absolute, so that it means the same from every folder."""
    escaped = str(path.absolute()).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def _settings(settings: Iterable[str]) -> dict[str, Binding]:
    given: dict[str, Binding] = {}
    faults: list[Diagnostic] = []
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip()
        if not equals or not _NAME.fullmatch(name):
            hint = "write --set name=value, or --set ruleset.name=value"
            faults.append(found("FR618", f"--set {setting}: this is no name=value", hint=hint))
        elif name in given:
            faults.append(found("FR618", f"--set {name} is given twice", hint="keep one of them"))
        else:
            given[name] = Binding(text.strip(), "command line", f"--set {name}")
    if faults:
        raise RulesetErrors(faults, {})
    return given


def _address_maps(site: Site, binder: Binder | None) -> Mapping[str, MapTable]:
    if binder is None:
        return {}
    return {
        name: binder.read_map(str(site.maps[name].path), ("address",), name)
        for name in ADDRESS_MAPS
        if name in site.maps
    }
