"""What a project asks of the linter: ``flowrules.toml``, or ``[tool.flowrules]`` in ``pyproject.toml``.

::

    [lint]                            # [tool.flowrules.lint] in pyproject.toml
    fail-on  = "warning"              # the mildest severity that makes the command exit with 1
    baseline = "lint-baseline.json"

    [lint.rules]
    FR307 = "off"                     # off, info, notice, warning or error; by code or by name
    missing-tests = "error"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import Factory, frozen

from flowrules.lint.finding import SEVERITIES

OFF: Final = "off"
FILE: Final = "flowrules.toml"
_KEYS: Final = ("fail-on", "baseline", "rules")
_SECTIONS: Final = ("lint", "fmt", "test")
"""Tables that other commands may have in the same file."""


class SettingsError(Exception):
    """A configuration that cannot be used; the message names file, line and key."""


@frozen
class Settings:
    """``rules``: severity (or ``off``) by code or name; ``baseline`` as an absolute path."""

    fail_on: str = "info"
    baseline: Path | None = None
    rules: Mapping[str, str] = Factory(dict)

    def severity(self, code: str, name: str, default: str) -> str:
        """What a rule's findings weigh here."""
        return self.rules.get(code, self.rules.get(name, default))


def find_settings(folder: Path) -> Path | None:
    """The configuration that holds for a folder: the nearest at or above it, ``flowrules.toml`` before ``pyproject.toml``."""
    for place in (folder, *folder.parents):
        if (place / FILE).is_file():
            return place / FILE
        project = place / "pyproject.toml"
        if project.is_file() and "tool.flowrules" in project.read_text(encoding="utf-8", errors="replace"):
            return project
    return None


def load_settings(path: Path, known: Mapping[str, str]) -> Settings:
    """The settings of a file; ``known`` maps the codes of all rules to their names.

    Raises ``SettingsError`` for anything that is not understood, and ``OSError``.
    """
    text = path.read_text(encoding="utf-8")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {str(error)[:1].lower()}{str(error)[1:]}") from None
    reader = _Reader(path, text, known)
    if path.name == FILE:
        return reader.settings(document, "")
    tool = document.get("tool", {})
    return reader.settings(tool.get("flowrules", {}) if isinstance(tool, dict) else {}, "tool.flowrules.")


class _Reader:
    def __init__(self, path: Path, text: str, known: Mapping[str, str]) -> None:
        self.path = path
        self.lines = text.splitlines()
        self.known = known

    def settings(self, document: Mapping[str, Any], prefix: str) -> Settings:
        for key in document:
            if key not in _SECTIONS:
                raise self.error(
                    f"there is no setting {prefix}{key}", key, f"the tables are {', '.join(_SECTIONS)}"
                )
        lint = self.table(document.get("lint", {}), "lint")
        for key in lint:
            if key not in _KEYS:
                raise self.error(
                    f"there is no setting {prefix}lint.{key}", key, f"the settings are {', '.join(_KEYS)}"
                )
        fail_on = lint.get("fail-on", "info")
        if fail_on not in SEVERITIES:
            raise self.error(f"fail-on is {fail_on!r}", "fail-on", f"it is one of {', '.join(SEVERITIES)}")
        baseline = lint.get("baseline")
        if baseline is not None and not isinstance(baseline, str):
            raise self.error(f"baseline is {baseline!r}", "baseline", "it is the path of a file")
        return Settings(
            fail_on=fail_on,
            baseline=None if baseline is None else self.path.parent / baseline,
            rules=self.rules(self.table(lint.get("rules", {}), "rules")),
        )

    def rules(self, table: Mapping[str, Any]) -> dict[str, str]:
        names = {name: code for code, name in self.known.items()}
        out: dict[str, str] = {}
        for key, value in table.items():
            if key not in self.known and key not in names:
                from difflib import get_close_matches

                near = get_close_matches(key, [*self.known, *names], 1)
                raise self.error(
                    f"there is no rule {key}",
                    key,
                    f"did you mean {near[0]}?" if near else "flowrules lint --rules lists them",
                )
            if value not in (OFF, *SEVERITIES):
                raise self.error(f"{key} is {value!r}", key, f"it is off, {', '.join(SEVERITIES)}")
            out[names.get(key, key)] = value
        return out

    def table(self, value: object, key: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.error(f"{key} is no table", key, f"write [{key}]")
        return value

    def error(self, what: str, key: str, hint: str) -> SettingsError:
        pattern = re.compile(rf"""(^|[.\s\["']){re.escape(key)}(["'\]\s=.]|$)""")
        line = next((n for n, text in enumerate(self.lines, 1) if pattern.search(text.split("#")[0])), 1)
        return SettingsError(f"{self.path}:{line}: {what}: {hint}")
