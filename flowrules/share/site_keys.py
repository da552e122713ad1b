"""What the keys of a site file mean, and what is wrong with what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from ruamel.yaml.nodes import MappingNode, Node

from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import AddressError, format_address, parse_address
from flowrules.model.address_wildcard import Wildcard
from flowrules.model.addresses import parse_addresses
from flowrules.model.fields import STORED
from flowrules.model.local_time import time_zone
from flowrules.model.source_text import SourceText, Span
from flowrules.share.site import DIRECTIONS, MOST_SAMPLING, Site, SiteFile, SiteValue
from flowrules.share.site_yaml import SiteText, is_null, is_set_literal, kind


def site_of(text: str, path: str) -> Site:
    """The site that ``text`` describes: see ``site.parse_site``."""
    source = SiteText(SourceText(path, text))
    node = source.compose()
    said: dict[str, Any] = {}
    if node is not None:
        for key, at, value in source.entries(node, source.span(node), "keys such as 'internal: …'"):
            if key not in KEYS:
                hint = _nearest(key, KEYS) or f"the keys are {', '.join(KEYS)}"
                source.fault("FR612", f"a site file has no key '{key}'", at, hint)
            elif is_null(value) and KEYS[key] in _SINGLE:
                source.fault("FR613", f"'{key}' has no value", at, "give it one, or leave the line out")
            else:
                said[key] = KEYS[key](source, value, at)
    site = Site(path=path, **{key: value for key, value in said.items() if value is not None})
    _refuse_double_bindings(source, site)
    if source.faults:
        raise source.error()
    return site


def _refuse_double_bindings(source: SiteText, site: Site) -> None:
    """A name that two keys bind has no one value."""
    seen: dict[str, str] = {}
    tables: dict[str, Mapping[str, SiteValue | SiteFile]] = {
        "params": site.params.get(None, {}),
        "schedules": site.schedules,
        "sets": site.sets,
        "maps": site.maps,
    }
    for key, table in tables.items():
        for name, bound in table.items():
            if seen.setdefault(name, key) != key:
                source.fault(
                    "FR615", f"'{name}' is bound in {seen[name]} and in {key}", bound.key, "keep one"
                )


# ---------------------------------------------------------------- the keys


def _internal(source: SiteText, node: Node, at: Span) -> AddressSet | None:
    ranges: list[tuple[int, int]] = []
    before = len(source.faults)
    for item in source.items(node):
        text = source.scalar(item, at, "a block such as 203.0.113.0/24")
        if text is None:
            continue
        try:
            addresses = parse_addresses(text.strip())
        except AddressError as error:
            source.fault("FR614", error.message, source.span(item), error.hint)
            continue
        if isinstance(addresses, Wildcard):
            source.fault("FR614", f"'{text}' stands for too many ranges", source.span(item), "write blocks")
        else:
            ranges += addresses
    if not ranges and len(source.faults) == before:
        source.fault(
            "FR614", "'internal' holds no address", at, "write [203.0.113.0/24], or leave the line out"
        )
    return AddressSet.from_ranges(ranges)


def _direction(source: SiteText, node: Node, at: Span) -> str | None:
    text = source.scalar(node, at, "auto, types or nets")
    if text is not None and text not in DIRECTIONS:
        what = f"found '{text}', expected one of {', '.join(DIRECTIONS)}"
        source.fault("FR614", what, source.span(node), _nearest(text, DIRECTIONS))
        return None
    return text


def _zone(source: SiteText, node: Node, at: Span) -> str | None:
    text = source.scalar(node, at, "a time zone such as Europe/Berlin")
    if text is None:
        return None
    try:
        time_zone(text)
    except ValueError:
        source.fault(
            "FR614", f"there is no time zone '{text}'", source.span(node), "write one such as Europe/Berlin"
        )
    return text


def _sampling(source: SiteText, node: Node, at: Span) -> int | None:
    text = source.scalar(node, at, "the n of 1-in-n sampling")
    if text is None:
        return None
    if text.isascii() and text.isdigit() and (text == "0" or text[0] != "0") and len(text) <= 10:
        number = int(text)
        if 1 <= number <= MOST_SAMPLING:
            return number
    what = f"found '{text}', expected a whole number from 1, the n of 1-in-n sampling"
    source.fault("FR614", what, source.span(node), "1 means that nothing was left out")
    return None


def _values(source: SiteText, node: Node, at: Span) -> dict[str, SiteValue]:
    values = {}
    for name, key, value in source.entries(node, at, "names with their values"):
        held = source.value(value, key)
        if held is not None:
            values[name] = held
    return values


def _params(source: SiteText, node: Node, at: Span) -> dict[str | None, dict[str, SiteValue]]:
    params: dict[str | None, dict[str, SiteValue]] = {}
    for name, key, value in source.entries(node, at, "names of rulesets or parameters"):
        if isinstance(value, MappingNode) and not (is_set_literal(value) and "." not in name):
            params[name] = _values(source, value, key)
        elif "." in name:
            what = f"found {kind(value)}, expected the parameters of {name} with their values"
            source.fault("FR613", what, key, f"write {name}: {{parameter: value}}")
        elif (held := source.value(value, key)) is not None:
            params.setdefault(None, {})[name] = held
    return params


def _files(source: SiteText, node: Node, at: Span) -> dict[str, SiteFile]:
    files = {}
    for name, key, value in source.entries(node, at, "names with paths of files"):
        text = source.scalar(value, key, "the path of a file")
        if text is None:
            continue
        path = Path(source.path).parent / text
        if path.is_file():
            files[name] = SiteFile(path, source.span(value), key)
        else:
            what = "is a folder" if path.is_dir() else "is not there"
            hint = f"relative paths start at the site file's folder, {path.parent}"
            source.fault("FR616", f"the file '{text}' {what}", source.span(value), hint)
    return files


def _names(source: SiteText, node: Node, at: Span) -> dict[int, str]:
    names: dict[int, str] = {}
    for address, key, value in source.entries(node, at, "addresses with their names"):
        text = source.scalar(value, key, "a name")
        try:
            number = parse_address(address)
        except AddressError as error:
            source.fault("FR614", error.message, key, error.hint)
            continue
        if number in names:
            source.fault("FR615", f"{format_address(number)} has two names", key, "keep one of them")
        elif text is not None:
            names[number] = text
    return names


def _assume(source: SiteText, node: Node, at: Span) -> dict[str, int | str]:
    from flowrules.flows.flow_text import parse_cell

    assumed: dict[str, int | str] = {}
    for name, value in _values(source, node, at).items():
        if name not in STORED:
            source.fault("FR612", f"flow records have no field '{name}'", value.key, _nearest(name, STORED))
            continue
        try:
            assumed[name] = parse_cell(name, value.text)
        except (AddressError, ValueError) as error:
            source.fault("FR614", f"{name}: {error}", value.span)
    return assumed


KEYS: Final[Mapping[str, Callable[[SiteText, Node, Span], Any]]] = {
    "internal": _internal,
    "direction": _direction,
    "zone": _zone,
    "sampling": _sampling,
    "schedules": _values,
    "params": _params,
    "sets": _files,
    "maps": _files,
    "names": _names,
    "assume": _assume,
}
"""The keys of a site file, and what reads each."""

_SINGLE: Final = (_internal, _direction, _zone, _sampling)
"""Readers of keys that need a value; a mapping may be empty."""


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), 1)
    return f"did you mean {near[0]}?" if near else ""
